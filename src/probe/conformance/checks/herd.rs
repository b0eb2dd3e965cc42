//! `server.same-hint`: clients that were refused at different times are not all sent back at the same moment, where they
//! would come together and be refused again.
//!
//! Where windows begin on the clock, the same moment is the truth for all; it is told then as something that no document
//! speaks of. It is wrong where a client was admitted before.

use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::Witness;
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

pub const ID: &str = "server.same-hint";

/// `late` is the verdict on hints that are too long.
pub fn check(scene: &Scene<'_>, late: Verdict) -> Finding {
    if !scene.case.second {
        return nothing(ID, "It takes a second client");
    }
    let Some(terms) = scene.terms else { return nothing(ID, "No rate is documented") };
    let trial = |client: usize| {
        let own = scene.step(Trial::TwoAtDifferentTimes, |step| step == Step::Fill(client));
        own.into_iter().find(|witness| witness.is_refused() && witness.told().is_some())
    };
    let (Some(one), Some(other)) = (trial(0), trial(1)) else {
        return nothing(ID, "No two clients were told how long to wait");
    };
    if other.sent.saturating_sub(one.done) <= terms.unit * 2 {
        return nothing(ID, "Waits are told in units too coarse for a window so short");
    }
    let why = |witness: &Witness| format!("told to come back in {}", witness.told().unwrap_or_default());
    let evidence = vec![scene.evidence(one, why(one)), scene.evidence(other, why(other))];
    let apart = free(one).max(free(other)).saturating_sub(free(one).min(free(other)));
    if apart > terms.unit {
        return finding(ID, Verdict::Pass, format!("Two clients were sent back {apart} apart"), evidence);
    }
    let (verdict, headline) = match late {
        Verdict::Fail => (Verdict::Fail, "All are sent back at the same moment, and would be admitted before"),
        _ => (Verdict::Undocumented, "All are sent back at the same moment, when they are free: clients should spread"),
    };
    finding(ID, verdict, headline, evidence)
        .with_remedy("Tell each client the time that is left for it, spread by some jitter")
}

fn free(witness: &Witness) -> Nanos {
    witness.done.saturating_add(witness.told().unwrap_or_default())
}
