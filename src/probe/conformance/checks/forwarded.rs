//! `server.forwarded-address`: a client that is refused is not let in because it says that its request was forwarded from
//! another address.
//!
//! Its own requests and those with made-up addresses go in turns. That each of the latter is admitted between two refusals of
//! the former cannot be chance.

use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::{Guise, Witness};
use crate::summary::finding::{Finding, Verdict};

pub const ID: &str = "server.forwarded-address";

/// Whether it was over before more than half a request's quota can have run in: then chance lets one in at the most.
fn is_quick(scene: &Scene<'_>, turns: &[&Witness]) -> bool {
    let (Some(terms), Some(first), Some(last)) = (scene.terms, turns.first(), turns.last()) else { return false };
    let span = last.done.saturating_sub(first.sent).as_secs_f64();
    span * f64::from(terms.at_once) <= terms.window.as_secs_f64() / 2.0
}

/// Whether a made-up address brings another quota, where that was seen.
pub fn is_believed(scene: &Scene<'_>) -> Option<bool> {
    match check(scene).verdict {
        Verdict::Pass => Some(false),
        Verdict::Fail => Some(true),
        _ => None,
    }
}

pub fn check(scene: &Scene<'_>) -> Finding {
    let turns = scene.step(Trial::WhileRefused, |step| step == Step::Forge);
    let between: Vec<_> = turns
        .windows(3)
        .filter(|three| three[1].guise != Guise::Own && three[0].is_refused() && three[2].is_refused())
        .map(|three| three[1])
        .collect();
    if between.is_empty() {
        return nothing(ID, "The client was not refused long enough to try");
    }
    let admitted = between.iter().filter(|witness| witness.is_admitted()).count();
    let told = |witness: &&Witness| {
        scene.evidence(witness, if witness.is_admitted() { "admitted" } else { "refused as without it" })
    };
    let evidence = between.iter().take(3).map(told).collect();
    let count = between.len();
    // A server with a rhythm of its own would let some of them in as well.
    let own_admitted = turns.iter().any(|witness| witness.guise == Guise::Own && witness.is_admitted());
    let (verdict, headline) = match admitted {
        0 => (Verdict::Pass, format!("Refused with {count} made-up addresses as with its own")),
        admitted if admitted == count && count > 1 && !own_admitted && is_quick(scene, &turns) => {
            (Verdict::Fail, format!("Admitted with {count} made-up addresses while refused with its own"))
        }
        admitted => (Verdict::Inconclusive, format!("Admitted with {admitted} of {count} made-up addresses")),
    };
    finding(ID, verdict, headline, evidence)
        .with_remedy("Believe X-Forwarded-For from your own proxies alone, and key limits by the credential")
}
