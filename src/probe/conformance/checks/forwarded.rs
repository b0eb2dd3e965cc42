//! `server.forwarded-address`: a client that is refused is not let in because it says that its request was forwarded from
//! another address.
//!
//! Its own requests and those with made-up addresses go in turns. That each of the latter is admitted between two refusals of
//! the former cannot be chance.

use super::turns::Turns;
use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::Step;
use crate::summary::finding::{Finding, Verdict};

pub const ID: &str = "server.forwarded-address";

/// Whether a made-up address brings another quota, where that was seen.
pub fn is_believed(scene: &Scene<'_>) -> Option<bool> {
    match check(scene).verdict {
        Verdict::Pass => Some(false),
        Verdict::Fail => Some(true),
        _ => None,
    }
}

pub fn check(scene: &Scene<'_>) -> Finding {
    let Some(turns) = Turns::of(scene, Step::Forge) else {
        return nothing(ID, "The client was not refused long enough to try");
    };
    let (count, admitted, slow) = (turns.count(), turns.admitted(), turns.too_slow());
    let verdict = turns.verdict(count);
    let headline = match (verdict, admitted == count) {
        (Verdict::Pass, _) => format!("Refused with {count} made-up addresses as with its own"),
        (Verdict::Fail, _) => format!("Admitted with {count} made-up addresses while refused with its own"),
        (_, true) => format!("Admitted with {count} made-up addresses{slow}"),
        (_, false) => format!("Admitted with {admitted} of {count} made-up addresses"),
    };
    finding(ID, verdict, headline, turns.evidence(scene, "refused as without it"))
        .with_remedy("Believe X-Forwarded-For from your own proxies alone, and key limits by the credential")
}
