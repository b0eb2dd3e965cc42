//! `server.refused-requests`: whether refused requests use up quota, of the limit that refuses or of another one.
//!
//! The client goes on asking while it is refused, and then comes when the very first refusal told it to. A client that did
//! only the latter was let in: what makes the difference are its refused requests.

use super::{Scene, finding};
use crate::policy::model::CountsRefused;
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::summary::finding::{Finding, Verdict};

pub const ID: &str = "server.refused-requests";

pub fn check(scene: &Scene<'_>) -> Finding {
    let as_told = scene.step(Trial::HammerWhileRefused, |step| step == Step::AsFirstTold);
    let hammered = scene.step(Trial::HammerWhileRefused, |step| step == Step::Hammer);
    let Some(came) = as_told.last().filter(|it| it.is_admitted() || it.is_refused()) else {
        return nothing(ID, "Nobody who went on asking came back when first told to");
    };
    let refused: Vec<_> = hammered.iter().filter(|witness| witness.is_refused()).collect();
    if refused.is_empty() || refused.len() < hammered.len() {
        return nothing(ID, "The client was not refused for as long as it was told to wait");
    }
    let filled = scene.step(Trial::HammerWhileRefused, |step| step == Step::Fill(0));
    let served = filled.iter().filter(|witness| witness.is_served()).count() as u32;
    let told = filled.iter().find_map(|witness| witness.told()).unwrap_or_default();
    let needed = scene.terms.map_or(0, |terms| terms.uses_up(served, told));
    let quiet = scene.step(Trial::ComeBackAsTold, |step| step == Step::Obey);
    let hints_hold = quiet.last().is_some_and(|witness| witness.is_admitted());
    let more = format!("after {} more that were refused", refused.len());
    let has_penalty = scene.case.rates().any(|(rate, _)| rate.penalty.is_some());
    let documented = |wanted: CountsRefused| scene.case.rates().any(|(rate, _)| rate.counts_refused == wanted);
    let evidence: Vec<_> = refused.last().map(|it| scene.evidence(it, "refused")).into_iter().collect();
    let counted = || {
        let mut evidence = evidence.clone();
        evidence.push(scene.evidence(came, "refused when the first refusal had said to come back"));
        evidence
    };
    let (verdict, headline, evidence) = match came.is_admitted() {
        true if documented(CountsRefused::Yes) => {
            (Verdict::Inconclusive, format!("Admitted as first told {more}: nothing shows that they count"), vec![])
        }
        true if (refused.len() as u32) < needed => {
            let headline = format!("Admitted as first told {more}: it takes {needed} to show whether they count");
            (Verdict::Inconclusive, headline, vec![])
        }
        true => (Verdict::Pass, format!("Admitted as first told, {more}"), vec![]),
        false if scene.plainly_over && scene.case.rates().count() > 1 => {
            let headline = "Lets so much through that it may have used up another limit";
            (Verdict::Inconclusive, headline.to_owned(), vec![])
        }
        false if !hints_hold => {
            (Verdict::Inconclusive, "Waits that are told do not hold even for who keeps quiet".to_owned(), vec![])
        }
        false if documented(CountsRefused::Yes) || has_penalty => {
            (Verdict::Pass, format!("Still refused {more}, as documented"), vec![])
        }
        false if documented(CountsRefused::No) => {
            (Verdict::Fail, format!("Still refused {more}: they use up quota"), counted())
        }
        false => (Verdict::Undocumented, format!("Still refused {more}: they use up quota"), counted()),
    };
    Finding { looked_at: refused.len() as u64, ..finding(ID, verdict, headline, evidence) }
        .with_remedy("Count a request only where every limit admits it")
}
