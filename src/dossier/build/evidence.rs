//! Part 4: what each run saw.

use super::super::interval::wilson;
use super::super::model::{ClassEvidence, ClockError, MinuteSeries, PerMinute, Rate, RunEvidence};
use super::Run;
use crate::summary::{ClassFigures, ClassTimeline, Driver, Summary, Timeline};

const MINUTE: f64 = 60.0;

pub fn run_evidence(run: &Run<'_>, first: &Summary) -> RunEvidence {
    let summary = run.summary;
    RunEvidence {
        source: run.id.to_owned(),
        same_fleet: summary.run.profile_hash == first.run.profile_hash,
        result: summary.conclusion.headline.clone(),
        devices: summary.device_count(),
        requests: summary.classes.iter().map(|class| class.requests).sum(),
        classes: summary.classes.iter().filter(|class| class.requests > 0).map(class_evidence).collect(),
        clock: clock(summary),
        per_minute: per_minute(&summary.timeline),
    }
}

fn class_evidence(class: &ClassFigures) -> ClassEvidence {
    let answered = answered(class);
    ClassEvidence {
        class: class.class.clone(),
        requests: class.requests,
        served: class.served,
        refused: rate(class.refused, answered),
        overloaded: rate(class.overloaded, answered),
        failed: class.failed.values().sum(),
        given_up: class.given_up,
        operations: class.logical,
    }
}

/// Requests that got any answer: those without one say nothing of what the server would have said.
pub fn answered(class: &ClassFigures) -> u64 {
    class.requests.saturating_sub(class.failed.values().sum())
}

pub fn rate(count: u64, of: u64) -> Rate {
    let interval = wilson(count, of);
    Rate {
        count,
        of,
        ratio: (of > 0).then(|| count as f64 / of as f64),
        low: interval.map(|interval| interval.0),
        high: interval.map(|interval| interval.1),
    }
}

fn clock(summary: &Summary) -> Option<ClockError> {
    let lateness = &summary.harness.lateness;
    let real = summary.run.driver == Driver::Live && lateness.count > 0;
    real.then_some(ClockError {
        departures: lateness.count,
        p50_ms: lateness.p50,
        p99_ms: lateness.p99,
        max_ms: lateness.max,
    })
}

/// The timeline in steps of a minute, or in its own where those are longer or do not add up to a minute.
fn per_minute(timeline: &Timeline) -> PerMinute {
    let step = timeline.step_s;
    let together = if step > 0.0 && (MINUTE / step).fract() == 0.0 { ((MINUTE / step) as usize).max(1) } else { 1 };
    let asked = timeline.classes.iter().filter(|class| class.sent.iter().any(|&sent| sent > 0));
    let series = |class: &ClassTimeline| MinuteSeries {
        class: class.class.clone(),
        sent: sums(&class.sent, together),
        refused: sums(&class.refused, together),
        overloaded: sums(&class.overloaded, together),
    };
    PerMinute { step_s: step * together as f64, classes: asked.map(series).collect() }
}

fn sums(counts: &[u32], together: usize) -> Vec<u64> {
    counts.chunks(together).map(|chunk| chunk.iter().copied().map(u64::from).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn minutes_add_up_to_what_was_sent() {
        let mut timeline = sample::passing().timeline;
        for (step_s, expected) in [(1.0, 60.0), (15.0, 60.0), (60.0, 60.0), (300.0, 300.0), (45.0, 45.0)] {
            timeline.step_s = step_s;
            let minutes = per_minute(&timeline);
            assert_eq!(minutes.step_s, expected);
            for (series, class) in
                minutes.classes.iter().zip(timeline.classes.iter().filter(|it| it.sent.iter().any(|&n| n > 0)))
            {
                assert_eq!(series.sent.iter().sum::<u64>(), class.sent.iter().copied().map(u64::from).sum::<u64>());
                assert_eq!(series.sent.len(), class.sent.len().div_ceil((expected / step_s) as usize));
            }
        }
    }

    #[test]
    fn what_was_never_answered_is_in_no_rate() {
        let mut class = sample::failing().classes[0].clone();
        class.failed.insert("timeout".to_owned(), 52);
        let evidence = class_evidence(&class);
        assert_eq!((evidence.refused.count, evidence.refused.of, evidence.failed), (192, 200, 52));
        let rate = evidence.refused;
        assert!(rate.low.unwrap() < 0.96 && rate.high.unwrap() > 0.96);
        assert_eq!(super::rate(0, 0), Rate { count: 0, of: 0, ratio: None, low: None, high: None });
    }

    #[test]
    fn simulated_time_has_no_clock_error() {
        let mut summary = sample::passing();
        assert!(clock(&summary).is_some());
        summary.run.driver = Driver::Virtual;
        assert_eq!(clock(&summary), None);
    }
}
