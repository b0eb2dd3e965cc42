//! `server.other-connection`: a client that is refused is not let in because its request comes over another connection.
//!
//! A limit that is kept for each address and port, or by each of several nodes for itself, forgets who asks when he connects
//! anew. Of nodes, a new connection may lead to the same one again: not all of them need be let in.

use super::turns::Turns;
use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::Guise;
use crate::summary::finding::{Finding, Verdict};

pub const ID: &str = "server.other-connection";

/// Whether any of the probe's own requests went over a connection that was there before.
fn is_kept(scene: &Scene<'_>) -> bool {
    let turns = scene.step(Trial::WhileRefused, |step| step == Step::Reconnect);
    scene.case.method != "WS" && (turns.is_empty() || turns.iter().any(|witness| witness.guise == Guise::Own))
}

/// Whether what comes at the same moment may have got in by its connections alone: not where none is ever kept.
pub fn may_explain(scene: &Scene<'_>, found: &Finding) -> bool {
    found.verdict != Verdict::Pass && is_kept(scene)
}

pub fn check(scene: &Scene<'_>) -> Finding {
    if !is_kept(scene) {
        return nothing(ID, "The server keeps no connection that another could be held against");
    }
    let Some(turns) = Turns::of(scene, Step::Reconnect) else {
        return nothing(ID, "The client was not refused long enough to try");
    };
    let verdict = turns.verdict(0);
    let what = turns.in_words("new connections");
    let headline = match verdict {
        Verdict::Pass => format!("Refused over {} new connections as over its own", turns.count()),
        Verdict::Fail => format!("Admitted over {what} while refused over its own"),
        _ => format!("Admitted over {what}"),
    };
    finding(ID, verdict, headline, turns.evidence(scene))
        .with_remedy("Key limits by the credential, and count for all nodes and connections in one place")
}
