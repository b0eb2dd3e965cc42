//! `server.other-connection`: a client that is refused is not let in because its request comes over another connection.
//!
//! A limit that is kept for each address and port, or by each of several nodes for itself, forgets who asks when he connects
//! anew. Of nodes, a new connection may lead to the same one again: not all of them need be let in.

use super::turns::Turns;
use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::Step;
use crate::summary::finding::{Finding, Verdict};

pub const ID: &str = "server.other-connection";

/// Whether another connection was seen to bring another quota.
pub fn is_apart(scene: &Scene<'_>) -> bool {
    check(scene).verdict == Verdict::Fail
}

pub fn check(scene: &Scene<'_>) -> Finding {
    let Some(turns) = Turns::of(scene, Step::Reconnect) else {
        return nothing(ID, "The client was not refused long enough to try");
    };
    let (count, admitted, slow) = (turns.count(), turns.admitted(), turns.too_slow());
    let verdict = turns.verdict(0);
    let headline = match verdict {
        Verdict::Pass => format!("Refused over {count} new connections as over its own"),
        Verdict::Fail => format!("Admitted over {admitted} of {count} new connections while refused over its own"),
        _ => format!("Admitted over {admitted} of {count} new connections{slow}"),
    };
    finding(ID, verdict, headline, turns.evidence(scene, "refused as before"))
        .with_remedy("Key limits by the credential, and count for all nodes and connections in one place")
}
