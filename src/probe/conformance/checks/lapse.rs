//! `server.lapse`: what was counted is not forgotten, as it is when the store of counts is lost, when a server restarts, or when
//! one of several clocks runs ahead.
//!
//! Nobody can cause that from outside. While the client is refused it keeps asking for a while; that nothing happened in the
//! meantime is no proof, and so it never passes. Windows of any kind, documented or not, are no lapse.

use super::{Scene, finding};
use crate::probe::conformance::ledger::over_admissions;
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{SHORTEST_WATCHED, Step, Trial};
use crate::summary::finding::{Finding, Verdict};

pub const ID: &str = "server.lapse";

pub fn check(scene: &Scene<'_>) -> Finding {
    let Some(terms) = scene.terms else { return nothing(ID, "No rate is documented") };
    if terms.window < SHORTEST_WATCHED {
        return nothing(ID, "A window so short forgets as quickly by itself");
    }
    let watched = scene.step(Trial::Watch, |_| true);
    let (Some(first), Some(last)) = (watched.first(), watched.last()) else {
        return nothing(ID, "Nobody watched");
    };
    let span = last.done.saturating_sub(first.sent);
    let lapses = over_admissions(&scene.case.by_any_reading(), scene.transcript.of(Trial::Watch));
    if lapses == 0 {
        return nothing(
            ID,
            &format!("No lapse within {span}; nobody caused one, and a restart or an outage may show one"),
        );
    }
    if scene.plainly_over {
        let headline = "Lets through too much even after a rest, so that a lapse would not show";
        return finding(ID, Verdict::Inconclusive, headline, Vec::new());
    }
    let polls = scene.step(Trial::Watch, |step| step == Step::Watch);
    // From the first that was admitted after a refusal, all in a row.
    let runs = polls.chunk_by(|one, other| one.is_admitted() == other.is_admitted()).filter(|run| run[0].is_admitted());
    let longest = runs.max_by_key(|run| run.len());
    let length = longest.map_or(0, <[_]>::len) as u32;
    let kind = match length > terms.at_once + terms.at_once / 2 {
        true => "as if nothing were counted for a while (a lost store?)",
        false => "as if all were counted anew (a restart, or a clock that ran ahead?)",
    };
    let evidence = longest.map(|run| scene.evidence(run[0], format!("the first of {length} in a row to be admitted")));
    let headline = format!("Within {span}, {length} in a row were admitted though all was used up, {kind}");
    Finding {
        looked_at: watched.len() as u64,
        wrong: lapses,
        ..finding(ID, Verdict::Fail, headline, evidence.into_iter().collect())
    }
    .with_remedy(
        "Keep counts where a restart and an outage leave them, and refuse or slow down while they cannot be reached",
    )
}
