//! `server.late-hint`: a wait that is told is not much longer than the true one.
//!
//! While refused, the client asks again, at parts of the wait that it was told or in a steady rhythm, until it is admitted.
//! The server spoke after a refused request was sent, and had admitted before the last one's answer came: what lies between,
//! less than the wait it told, is a wait that was too long. Waits are rounded up to whole units.

use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::Witness;
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

pub const ID: &str = "server.late-hint";

/// So many units are rounding, and this share of a wait is no matter.
const ROUNDING: f64 = 1.5;
const SLACK: f64 = 0.05;
/// A window of so many units can tell.
const TELLS: u64 = 4;

pub fn check(scene: &Scene<'_>) -> Finding {
    let watched = recoveries(scene, Trial::Watch, Step::Watch);
    of(scene, recoveries(scene, Trial::WhileRefused, Step::Poll).into_iter().chain(watched).collect())
}

/// The same, of one wait: a clock that is set forward at times says nothing of the others.
pub fn while_polling(scene: &Scene<'_>) -> Finding {
    of(scene, recoveries(scene, Trial::WhileRefused, Step::Poll))
}

fn of(scene: &Scene<'_>, recoveries: Vec<Recovery<'_>>) -> Finding {
    let Some(terms) = scene.terms else { return nothing(ID, "No rate is documented") };
    let Some(Recovery { refused, admitted }) = recoveries.first() else {
        return nothing(ID, "Nothing was refused and then admitted");
    };
    let too_long = |told: Nanos, sent: Nanos, admitted: Nanos| {
        let excess = sent.saturating_add(told).saturating_sub(admitted);
        excess > terms.unit.scale(ROUNDING).saturating_add(told.scale(SLACK))
    };
    let late = recoveries.iter().find_map(|Recovery { refused, admitted }| {
        let is_late = |it: &&&Witness| it.told().is_some_and(|told| too_long(told, it.sent, admitted.done));
        refused.iter().find(is_late).map(|late| (*late, *admitted))
    });
    let Some(last) = refused.iter().rfind(|witness| witness.told().is_some()) else {
        return nothing(ID, "No refusal said how long to wait");
    };
    let told = |witness: &Witness| format!("told to wait {}", witness.told().unwrap_or_default());
    let Some((late, admitted)) = late else {
        let evidence = vec![scene.evidence(last, told(last)), scene.evidence(admitted, "admitted")];
        return match terms.window >= terms.unit * TELLS {
            true => finding(ID, Verdict::Pass, "Admitted when it was told, and not long before", evidence),
            false => finding(
                ID,
                Verdict::Inconclusive,
                format!("Waits are told in units of {}, too coarse for a window of {}", terms.unit, terms.window),
                evidence,
            ),
        };
    };
    let after = admitted.done.saturating_sub(late.sent);
    let headline = format!("Told to wait {}, and admitted within {after}", late.told().unwrap_or_default());
    let evidence = vec![scene.evidence(late, told(late)), scene.evidence(admitted, "admitted all the same")];
    finding(ID, Verdict::Fail, headline, evidence).with_remedy("Tell the time that is left until a request is admitted")
}

/// Refusals that came one after the other, and what was admitted after them.
struct Recovery<'a> {
    refused: Vec<&'a Witness>,
    admitted: &'a Witness,
}

/// Those of a trial, by the requests that are sent one at a time: of what goes out together, nobody knows which came first.
fn recoveries<'a>(scene: &Scene<'a>, trial: Trial, one_at_a_time: Step) -> Vec<Recovery<'a>> {
    let (mut all, mut refused) = (Vec::new(), Vec::new());
    for entry in scene.transcript.of(trial) {
        let (step, witness) = (entry.step(), &entry.witness);
        if witness.is_refused() && (step == Some(Step::Fill(0)) || step == Some(one_at_a_time)) {
            refused.push(witness);
        } else if witness.is_admitted() && step == Some(one_at_a_time) && !refused.is_empty() {
            all.push(Recovery { refused: std::mem::take(&mut refused), admitted: witness });
        }
    }
    all
}
