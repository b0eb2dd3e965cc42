//! `server.window-begin`: where the documents let windows begin on the clock, all of a window's quota is there once it has begun.

use super::{Scene, finding};
use crate::policy::model::Algorithm;
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

pub const ID: &str = "server.window-begin";

/// The server's clock and this one are this near to each other, or else somebody has other worries.
const CLOCKS_DIFFER: Nanos = Nanos::from_secs(1);

pub fn check(scene: &Scene<'_>) -> Finding {
    let mut rates = scene.case.rates();
    let Some((rate, _)) = rates.next().filter(|(rate, _)| rate.algorithm == Algorithm::FixedAligned) else {
        return nothing(ID, "No windows on the clock are documented");
    };
    if rates.next().is_some() {
        return nothing(ID, "Another limit may be the reason for what is refused");
    }
    let window = rate.per.0.max(1);
    let number = |at: Nanos| (scene.case.anchor.unix_nanos.saturating_add(at.0)) / window;
    let asked = scene.step(Trial::AroundAnEdge, |step| matches!(step, Step::Fill(0) | Step::Ask));
    let refused = asked.iter().position(|witness| witness.is_refused());
    let begun = refused.and_then(|refused| {
        let before = number(asked[refused].done);
        asked[refused..].iter().find(|witness| number(witness.sent) > before)
    });
    let Some(first) = begun else {
        return nothing(ID, "Nobody who was refused asked again at the beginning of the next window");
    };
    let evidence = vec![scene.evidence(first, "the first request in a new window")];
    let since = Nanos((scene.case.anchor.unix_nanos.saturating_add(first.sent.0)) % window);
    match first.is_admitted() {
        _ if since < CLOCKS_DIFFER => {
            finding(ID, Verdict::Inconclusive, "Windows are so short that clocks which differ explain anything", evidence)
        }
        true => finding(ID, Verdict::Pass, "Admitted once the next window on the clock had begun", evidence),
        false => finding(ID, Verdict::Fail, "Still refused though the next window on the clock had begun", evidence)
            .with_remedy("Begin windows at whole multiples of their length, or document when they begin"),
    }
}
