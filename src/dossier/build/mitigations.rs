//! Part 5: what has been done to need less.

use super::super::answers::Answers;
use super::super::model::{Habit, Mitigations, Share};
use super::Run;
use crate::summary::ClassFigures;
use crate::summary::finding::Verdict;
use crate::words::{count, percent_of, plural};

/// Findings of this kind are about a provider's recommendations.
const GUIDANCE: &str = "guidance.";

pub fn mitigations(runs: &[Run<'_>], answers: &Answers) -> Mitigations {
    Mitigations {
        stated: answers.mitigations.iter().map(|text| text.0.clone()).collect(),
        shares: runs.iter().flat_map(|run| run.summary.classes.iter().flat_map(|class| shares(run, class))).collect(),
        habits: runs.iter().flat_map(habits).collect(),
    }
}

fn shares(run: &Run<'_>, class: &ClassFigures) -> Vec<Share> {
    let share = |text| Share { source: run.id.to_owned(), class: class.class.clone(), text };
    let cached = (class.cache_hits > 0).then(|| {
        let wanted = class.cache_hits + class.logical;
        let part = percent_of(class.cache_hits, wanted);
        share(format!(
            "{} from the client's cache, {part} of what was wanted of this class",
            plural(class.cache_hits, "answer")
        ))
    });
    let streams = &class.streams;
    let streamed = (streams.frames > 0).then(|| {
        let opened: u64 = streams.ended.values().sum();
        share(format!("{} over {}, none of them a request", plural(streams.frames, "frame"), plural(opened, "stream")))
    });
    cached.into_iter().chain(streamed).collect()
}

/// What the run shows of each recommendation; those that it says nothing of are left out.
fn habits(run: &Run<'_>) -> Vec<Habit> {
    let findings = run.summary.findings.iter();
    let about = findings.filter(|finding| finding.check.starts_with(GUIDANCE) && finding.verdict != Verdict::NoData);
    about
        .map(|finding| Habit {
            source: run.id.to_owned(),
            check: finding.check.clone(),
            verdict: finding.verdict,
            headline: match finding.verdict {
                Verdict::Pass => format!("{} ({} looked at)", finding.headline, count(finding.looked_at)),
                _ => finding.headline.clone(),
            },
            would_save: finding.would_save.filter(|_| finding.verdict == Verdict::Fail),
            remedy: finding.remedy.clone(),
        })
        .collect()
}
