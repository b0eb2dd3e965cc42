//! `server.edge`: around the edge of a window no more is let through than the words of the limit allow. Windows on the clock
//! and from the first request let twice as much through there; where the documents name neither, nobody is accused of it.

use super::{Scene, finding, full};
use crate::probe::conformance::ledger::over_admissions;
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::summary::finding::{Finding, Verdict};

pub const ID: &str = "server.edge";

pub fn check(scene: &Scene<'_>) -> Finding {
    let asked = scene.step(Trial::AroundAnEdge, |step| matches!(step, Step::Fill(0)));
    let (Some(terms), Some(first), Some(last)) = (scene.terms, asked.first(), asked.last()) else {
        return nothing(ID, "Nothing was sent around the edge of a window");
    };
    let admitted: Vec<_> = asked.iter().filter(|witness| witness.is_served()).collect();
    if admitted.is_empty() {
        return nothing(ID, "Around the edge of a window, nothing was served");
    }
    let span = last.done.saturating_sub(first.sent);
    let headline = format!("{} admitted within {span} around the edge of a window of {}", admitted.len(), terms.window);
    let over = scene.case.most_within(span).is_some_and(|most| admitted.len() as u32 > most)
        || over_admissions(scene.case, scene.transcript.of(Trial::AroundAnEdge)) > 0;
    let doubled = admitted.len() as u32 > terms.at_once + terms.at_once.div_ceil(2);
    let beyond = admitted.get(terms.at_once as usize);
    let evidence: Vec<_> = beyond.map(|it| scene.evidence(it, "admitted beyond the limit")).into_iter().collect();
    let found = match (over, doubled) {
        // Then the edge need not be the reason.
        (true, _) if full::is_ever_over(scene) => finding(ID, Verdict::Inconclusive, headline, Vec::new()),
        (true, _) => finding(ID, Verdict::Fail, headline, evidence),
        (false, true) if !scene.case.names_algorithm() && span >= terms.window => {
            finding(ID, Verdict::Inconclusive, format!("{headline}: any limit lets more in for so long"), Vec::new())
        }
        (false, true) if scene.case.allows_double() && !scene.case.names_algorithm() => {
            finding(ID, Verdict::Undocumented, headline, evidence)
        }
        (false, _) => finding(ID, Verdict::Pass, headline, Vec::new()),
    };
    Finding { looked_at: asked.len() as u64, ..found }
        .with_remedy("Count over any span of the window's length, or say in the documents when windows begin")
}
