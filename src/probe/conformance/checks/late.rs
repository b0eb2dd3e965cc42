//! `server.late-hint`: a wait that is told is not much longer than the true one.
//!
//! While refused, the client asks again at parts of the wait that it was told, until it is admitted. The server spoke after
//! a refused request was sent, and had admitted before the last one's answer came: what lies between, less than the wait it
//! told, is a wait that was too long. Waits are rounded up to whole units.

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
    let Some(terms) = scene.terms else { return nothing(ID, "No rate is documented") };
    let asked = scene.step(Trial::WhileRefused, |step| matches!(step, Step::Fill(0) | Step::Poll));
    let polled = !scene.step(Trial::WhileRefused, |step| step == Step::Poll).is_empty();
    let Some(admitted) = asked.last().filter(|last| polled && last.is_admitted()) else {
        return nothing(ID, "Nothing was refused and then admitted");
    };
    let refused = || asked.iter().filter(|witness| witness.is_refused());
    let too_long = |told: Nanos, sent: Nanos| {
        let excess = sent.saturating_add(told).saturating_sub(admitted.done);
        excess > terms.unit.scale(ROUNDING).saturating_add(told.scale(SLACK))
    };
    let late = refused().find(|witness| witness.told().is_some_and(|told| too_long(told, witness.sent)));
    let Some(last) = refused().rfind(|witness| witness.told().is_some()) else {
        return nothing(ID, "No refusal said how long to wait");
    };
    let told = |witness: &Witness| format!("told to wait {}", witness.told().unwrap_or_default());
    let Some(late) = late else {
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
