//! `server.race`: requests that come at the same moment get no more than those that come one after the other.

use super::{Scene, finding};
use crate::probe::conformance::ledger::over_admissions;
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::Witness;
use crate::summary::finding::{Finding, Verdict};

pub const ID: &str = "server.race";

pub fn check(scene: &Scene<'_>) -> Finding {
    let together = scene.step(Trial::AllTogether, |step| matches!(step, Step::Together(_)));
    let in_turn = scene.step(Trial::ComeBackAsTold, |step| step == Step::Fill(0));
    let (Some(terms), false) = (scene.terms, together.is_empty()) else {
        return nothing(ID, "Nothing was sent at the same moment");
    };
    let admitted = |witnesses: &[&Witness]| witnesses.iter().filter(|it| it.is_served()).count() as u32;
    let (at_once, one_by_one) = (admitted(&together), admitted(&in_turn));
    if at_once == 0 {
        return nothing(ID, "Of what came at the same moment, nothing was served");
    }
    let mut shown = together.iter().filter(|witness| witness.is_admitted());
    let evidence: Vec<_> = shown
        .nth(terms.at_once as usize)
        .map(|it| scene.evidence(it, "admitted beyond the limit"))
        .into_iter()
        .collect();
    let done = together.iter().map(|witness| witness.done).max().unwrap_or_default();
    let most = scene.case.most_within(done.saturating_sub(together[0].sent));
    let over = most.is_some_and(|most| at_once > most)
        || over_admissions(scene.case, scene.transcript.of(Trial::AllTogether)) > 0;
    // Where each gets too much, many at once must get much more.
    let margin = if scene.plainly_over { one_by_one / 4 } else { (terms.at_once / 4).max(2) };
    let more = at_once > one_by_one + margin;
    let headline =
        format!("{at_once} of {} at the same moment were admitted, {one_by_one} one after the other", together.len());
    let verdict = match (over, more && !in_turn.is_empty()) {
        (true, true) => Verdict::Fail,
        (true, false) => Verdict::Inconclusive,
        (false, _) if together.iter().any(|witness| witness.is_refused()) => Verdict::Pass,
        (false, _) => Verdict::Inconclusive,
    };
    let evidence = if over { evidence } else { Vec::new() };
    Finding { looked_at: together.len() as u64, ..finding(ID, verdict, headline, evidence) }
        .with_remedy("Decide and count in one step that no other request can come between")
}
