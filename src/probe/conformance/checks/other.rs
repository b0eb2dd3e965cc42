//! `server.other-client`: a client that has sent nothing is admitted while another credential from the same address has used
//! all of its own quota up, where the documents keep a quota for each.

use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::Witness;
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

pub const ID: &str = "server.other-client";

/// Whether all of its quota was there.
fn has_rested(scene: &Scene<'_>, witness: &Witness) -> bool {
    let own = scene.transcript.entries().iter().map(|entry| &entry.witness).filter(|it| it.client == witness.client);
    let last = own.filter(|it| it.sent < witness.sent).map(|it| it.done).max();
    let recovers = scene.terms.map_or(Nanos::MAX, |terms| terms.recovers);
    last.is_none_or(|last| last.saturating_add(recovers) <= witness.sent)
}

pub fn check(scene: &Scene<'_>) -> Finding {
    if !scene.case.second {
        return nothing(ID, "It takes a second client");
    }
    let turns = scene.step(Trial::WhileRefused, |step| step == Step::Other);
    let first = turns.windows(3).find(|three| three[1].client == 1);
    let Some([before, other, after]) = first.and_then(|three| <[_; 3]>::try_from(three).ok()) else {
        return nothing(ID, "The second client was not tried");
    };
    if !(before.is_refused() && after.is_refused()) || !(other.is_admitted() || other.is_refused()) {
        return nothing(ID, "The first client was not refused long enough to try");
    }
    if !has_rested(scene, other) {
        return nothing(ID, "The second client had sent something shortly before");
    }
    let evidence = vec![scene.evidence(before, "refused"), scene.evidence(other, "asks for the first time")];
    let (verdict, headline) = match (scene.case.is_apart(), other.is_refused()) {
        (Some(true), false) => (Verdict::Pass, "Admitted while another client had used all of its own up"),
        (Some(true), true) => (Verdict::Fail, "Refused at its first request, for what another client had used up"),
        (Some(false), true) => (Verdict::Pass, "Shares its quota with the other client, as documented"),
        (Some(false), false) => {
            (Verdict::Inconclusive, "Admitted though the documents have it share its quota with the other client")
        }
        (None, _) => (Verdict::Undocumented, "The limits differ in whom they count: see what the second client got"),
    };
    finding(ID, verdict, headline, evidence)
        .with_remedy("Key the limit as documented, not by the address that requests come from")
}
