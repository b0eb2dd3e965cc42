//! `server.forwarded-address`: a client that is refused is not let in because it says that its request was forwarded from
//! another address.

use super::turns::Turns;
use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::Step;
use crate::summary::finding::{Finding, Verdict};

pub const ID: &str = "server.forwarded-address";

pub fn check(scene: &Scene<'_>) -> Finding {
    let Some(turns) = Turns::of(scene, Step::Forge) else {
        return nothing(ID, "The client was not refused long enough to try");
    };
    let count = turns.count();
    let verdict = turns.verdict(count);
    let headline = match verdict {
        Verdict::Pass => format!("Refused with {count} made-up addresses as with its own"),
        Verdict::Fail => format!("Admitted with {count} made-up addresses while refused with its own"),
        _ => format!("Admitted with {}", turns.in_words("made-up addresses")),
    };
    finding(ID, verdict, headline, turns.evidence(scene))
        .with_remedy("Believe X-Forwarded-For from your own proxies alone, and key limits by the credential")
}
