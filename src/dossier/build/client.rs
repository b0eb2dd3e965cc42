//! Part 6: how the clients behave when they are refused, cut off or started together.

use super::super::model::{Amplification, ClientProof, Ordeal, Shown, Traffic};
use super::Run;
use crate::summary::finding::{Finding, Party, Verdict};
use crate::summary::{ClassTimeline, EventInfo, Timeline};

/// So long after the end of a hard moment its traffic is looked at, unless the next one comes sooner.
const AFTERMATH_S: f64 = 60.0;
/// Beside the provider's recommendations, which are mitigations.
const MANNERS: &str = "client.";

pub fn client(runs: &[Run<'_>]) -> ClientProof {
    ClientProof {
        checks: runs.iter().flat_map(checks).collect(),
        amplification: runs.iter().flat_map(amplification).collect(),
        ordeals: runs.iter().flat_map(ordeals).collect(),
    }
}

/// A check of a class that was not used is no word about the clients; one of the whole client that saw nothing is.
fn checks(run: &Run<'_>) -> Vec<Shown> {
    let manners = |finding: &&Finding| finding.party == Party::Client && finding.check.starts_with(MANNERS);
    let told = |finding: &&Finding| finding.subject.is_empty() || finding.verdict != Verdict::NoData;
    let shown = |finding: &Finding| Shown {
        source: run.id.to_owned(),
        check: finding.check.clone(),
        subject: finding.subject.clone(),
        verdict: finding.verdict,
        severity: finding.severity,
        headline: finding.headline.clone(),
        remedy: finding.remedy.clone(),
        looked_at: finding.looked_at,
        wrong: finding.wrong,
    };
    run.summary.findings.iter().filter(manners).filter(told).map(shown).collect()
}

fn amplification(run: &Run<'_>) -> Vec<Amplification> {
    let classes = run.summary.classes.iter();
    classes
        .filter_map(|class| {
            Some(Amplification {
                source: run.id.to_owned(),
                class: class.class.clone(),
                attempts_per_operation: class.amplification?,
                operations: class.logical,
            })
        })
        .collect()
}

/// The start of the run, then the profile's events.
fn ordeals(run: &Run<'_>) -> Vec<Ordeal> {
    let summary = run.summary;
    let text = "cold start: the whole fleet boots".to_owned();
    let start = EventInfo { at_s: 0.0, lasts_s: summary.run.starts_within_s, text };
    let mut moments: Vec<EventInfo> = std::iter::once(start).chain(summary.run.events.iter().cloned()).collect();
    moments.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    let ends = moments.iter().skip(1).map(|moment| moment.at_s).chain([summary.run.duration_s]).collect::<Vec<_>>();
    let whole_run = traffic(&summary.timeline, 0.0, f64::INFINITY);
    moments
        .into_iter()
        .zip(ends)
        .map(|(EventInfo { at_s, lasts_s, text: what }, next)| {
            let span_s = (next - at_s).clamp(0.0, lasts_s + AFTERMATH_S);
            let after = traffic(&summary.timeline, at_s, at_s + span_s);
            Ordeal { source: run.id.to_owned(), what, at_s, span_s, after, whole_run }
        })
        .collect()
}

/// Over all classes, in the steps that begin within a time or hold its beginning.
fn traffic(timeline: &Timeline, from_s: f64, until_s: f64) -> Traffic {
    let step_s = if timeline.step_s > 0.0 { timeline.step_s } else { 1.0 };
    let steps = (from_s / step_s).floor() as usize..((until_s / step_s).ceil() as usize).min(timeline.steps);
    let at = |counts: fn(&ClassTimeline) -> &[u32], step: usize| -> u64 {
        timeline.classes.iter().filter_map(|class| counts(class).get(step)).copied().map(u64::from).sum()
    };
    let sum = |counts: fn(&ClassTimeline) -> &[u32]| steps.clone().map(|step| at(counts, step)).sum();
    let most = steps.clone().map(|step| at(|class| &class.sent, step)).max().unwrap_or(0);
    Traffic {
        sent: sum(|class| &class.sent),
        refused: sum(|class| &class.refused),
        overloaded: sum(|class| &class.overloaded),
        failed: sum(|class| &class.failed),
        most_per_second: most as f64 / step_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_hard_moment_is_looked_at_until_a_minute_after_its_end() {
        let mut summary = sample::failing();
        summary.run.duration_s = 400.0;
        summary.run.starts_within_s = 30.0;
        summary.run.events[0].at_s = 200.0;
        summary.run.events[0].lasts_s = 90.0;
        let ordeals = ordeals(&Run { id: "R1", summary: &summary });
        let spans: Vec<(f64, f64)> = ordeals.iter().map(|ordeal| (ordeal.at_s, ordeal.span_s)).collect();
        assert_eq!(spans, [(0.0, 90.0), (200.0, 150.0)]);
    }

    #[test]
    fn a_hard_moment_is_looked_at_until_the_next_one() {
        let summary = sample::failing();
        let ordeals = ordeals(&Run { id: "R1", summary: &summary });
        let spans: Vec<(f64, f64)> = ordeals.iter().map(|ordeal| (ordeal.at_s, ordeal.span_s)).collect();
        assert_eq!(spans[0], (0.0, 20.0));
        assert_eq!(spans[1].0, 20.0);
        assert!((spans[1].1 - 40.2).abs() < 1e-9);
        let parts: u64 = ordeals.iter().map(|ordeal| ordeal.after.sent).sum();
        assert_eq!(parts, ordeals[0].whole_run.sent);
        assert!(ordeals.iter().all(|ordeal| ordeal.after.most_per_second <= ordeal.whole_run.most_per_second));
    }
}
