//! `server.full-quota`: after a rest, no more comes at once than the documents allow.
//!
//! The edge of a window explains twice as much. It is at one place of windows on the clock, and windows from the first request
//! have none after a rest: so too much has to come each time that all was used up, at different places.

use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::terms::Terms;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::Witness;
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

pub const ID: &str = "server.full-quota";

/// All that was sent after a rest until something was refused.
struct Fill<'a> {
    sent: Vec<&'a Witness>,
    served: u32,
    from: Nanos,
    until: Nanos,
}

impl Fill<'_> {
    fn span(&self) -> Nanos {
        self.until.saturating_sub(self.from)
    }

    /// More than the limit and what may have run in meanwhile.
    fn is_over(&self, terms: &Terms) -> bool {
        let share = self.span().as_secs_f64() / terms.fills.as_secs_f64();
        f64::from(self.served) > f64::from(terms.at_once) + (f64::from(terms.at_once) * share).ceil()
    }
}

fn fills<'a>(scene: &Scene<'a>) -> Vec<Fill<'a>> {
    let of = |trial: Trial| {
        let sent = scene.step(trial, |step| step == Step::Fill(0));
        let from = sent.iter().map(|witness| witness.sent).min()?;
        let until = sent.iter().map(|witness| witness.done).max()?;
        let served = sent.iter().filter(|witness| witness.is_served()).count() as u32;
        Some(Fill { sent, served, from, until })
    };
    [Trial::ComeBackAsTold, Trial::HammerWhileRefused].into_iter().filter_map(of).collect()
}

/// Whether no edge of windows on any clock lies in both.
fn are_apart(one: &Fill<'_>, other: &Fill<'_>, window: Nanos) -> bool {
    let window = window.0.max(1);
    let ahead = other.from.saturating_sub(one.from).0 % window;
    one.span().0 < ahead && ahead.saturating_add(other.span().0) < window
}

/// Whether too much is let through even to who sends one after the other after a rest: what is wrong then has nothing to do
/// with races, edges or lapses.
pub fn is_over(scene: &Scene<'_>) -> bool {
    let Some(terms) = scene.terms else { return false };
    match fills(scene).as_slice() {
        [one, other] => one.is_over(&terms) && other.is_over(&terms) && are_apart(one, other, terms.window),
        _ => false,
    }
}

/// Whether that happened once at the least, away from the edges of windows on the clock.
pub fn is_ever_over(scene: &Scene<'_>) -> bool {
    scene.terms.is_some_and(|terms| fills(scene).iter().any(|fill| fill.is_over(&terms)))
}

pub fn check(scene: &Scene<'_>) -> Finding {
    let fills = fills(scene);
    let (Some(terms), Some(most)) = (scene.terms, fills.iter().max_by_key(|fill| fill.served)) else {
        return nothing(ID, "Nothing was sent after a rest until something was refused");
    };
    if most.served == 0 {
        return nothing(ID, "After a rest, nothing was served");
    }
    if scene.case.most_within(Nanos::ZERO).is_none() {
        return nothing(ID, "The documents do not say exactly how much comes at once");
    }
    let over: Vec<&Fill<'_>> = fills.iter().filter(|fill| fill.is_over(&terms)).collect();
    let evidence = over.iter().filter_map(|fill| fill.sent.iter().rfind(|witness| witness.is_served()));
    let why = |witness: &&Witness| scene.evidence(witness, format!("admitted, one of more than {}", terms.at_once));
    let evidence = evidence.map(why).collect();
    let refused = fills.iter().any(|fill| fill.sent.iter().any(|witness| witness.is_refused()));
    let came = format!("{} came within {}, {} are documented at once", most.served, most.span(), terms.at_once);
    // What runs in meanwhile explains some readings' more, and no other's.
    let is_explained = most.served <= terms.at_once
        || scene.case.most_within(most.span()).is_some_and(|allowed| most.served <= allowed);
    let found = match over.len() {
        0 if refused && is_explained => finding(ID, Verdict::Pass, format!("At most {came}"), vec![]),
        0 if refused => finding(ID, Verdict::Inconclusive, format!("{came}: too slow to tell"), vec![]),
        0 => finding(ID, Verdict::Inconclusive, "Too few requests were sent to use all up", vec![]),
        _ if scene.plainly_over => {
            let least = over.iter().map(|fill| fill.served).min().unwrap_or(most.served);
            let headline = format!("{least} and more came at once after each rest, {} are documented", terms.at_once);
            finding(ID, Verdict::Fail, headline, evidence)
        }
        _ => finding(ID, Verdict::Inconclusive, format!("{came}, but not each time: the edge of a window?"), evidence),
    };
    Finding { looked_at: most.sent.len() as u64, ..found }
        .with_remedy("Enforce the documented limit, and count at the moment of admission")
}
