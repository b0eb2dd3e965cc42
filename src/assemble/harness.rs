//! Whether the harness itself kept up. A run of a late harness is invalid, not slow.

use super::RunFacts;
use crate::measure::Measure;
use crate::summary::HarnessInfo;
use crate::time::Nanos;
use crate::words::percent;

/// Lateness at p99 beyond which figures say more about the harness than about the target.
const MOST_LATE: Nanos = Nanos::from_millis(10);
/// Fewer late requests than this are a hiccup, whatever share of a short run they are.
const FEWEST_LATE: u64 = 5;
/// Share of open-loop requests that may be missed.
const MOST_MISSED: f64 = 0.001;

pub(super) fn harness_info(facts: &RunFacts, embedded_server: bool, measure: &Measure) -> HarnessInfo {
    let lateness = measure.lateness();
    let mut problems = Vec::new();
    if lateness.p99 > MOST_LATE.as_millis_f64() && measure.later_than(MOST_LATE) >= FEWEST_LATE {
        problems.push(format!(
            "The harness sent its requests late: p99 {:.1} ms, at most {MOST_LATE} is valid.",
            lateness.p99
        ));
    }
    if measure.missed() as f64 > MOST_MISSED * measure.open_loop() as f64 {
        problems.push(format!(
            "The harness missed {} of {} scheduled requests, at most {} is valid.",
            measure.missed(),
            measure.open_loop(),
            percent(MOST_MISSED)
        ));
    }
    if measure.requests() == 0 {
        problems.push("No request was made at all.".to_owned());
    }
    HarnessInfo {
        valid: problems.is_empty(),
        problems,
        lateness,
        missed: measure.missed(),
        shards: facts.shards,
        peak_memory_bytes: facts.peak_memory_bytes,
        embedded_server,
        connections: facts.connections,
        in_flight_peak: measure.in_flight_peak(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, measured};
    use super::*;
    use crate::device::{DropReason, Note};
    use crate::record::{Observation, Observer};
    use crate::testing::{SITES, note, play, record, scenario};

    /// One hundred observations, all this late but one.
    fn late_by(by: Nanos) -> HarnessInfo {
        let mut measure = measured(&scenario(1));
        for _ in 0..99 {
            measure.observe(Nanos::ZERO, Observation::Late { by });
        }
        measure.observe(Nanos::ZERO, Observation::Late { by: Nanos::from_secs(1) });
        harness_info(&facts(), true, &measure)
    }

    #[test]
    fn a_harness_that_kept_up_is_valid() {
        let info = late_by(Nanos::from_millis(1));
        assert!(info.valid && info.problems.is_empty());
        assert_eq!((info.shards, info.connections, info.peak_memory_bytes), (2, 12, Some(123_456_789)));
        assert_eq!(info.lateness.count, 100);
    }

    #[test]
    fn lateness_beyond_ten_milliseconds_at_p99_is_invalid() {
        assert!(late_by(Nanos::from_micros(9_980)).valid);
        let info = late_by(Nanos::from_micros(10_100));
        assert!(!info.valid);
        assert!(info.problems[0].contains("10.1 ms"), "{:?}", info.problems);
    }

    #[test]
    fn a_few_hiccups_in_a_short_run_prove_nothing() {
        let late = |count| {
            let mut measure = measured(&scenario(1));
            for number in 0..50 {
                let by = Nanos::from_millis(if number < count { 40 } else { 1 });
                measure.observe(Nanos::ZERO, Observation::Late { by });
            }
            harness_info(&facts(), true, &measure)
        };
        assert!(late(4).lateness.p99 > 10.0);
        assert!(late(4).valid, "{:?}", late(4).problems);
        assert!(!late(5).valid);
    }

    #[test]
    fn more_than_one_missed_in_a_thousand_is_invalid() {
        let missed = |count| {
            let mut measure = Measure::new(&scenario(1));
            let served = record(SITES, Nanos::ZERO, Nanos::from_millis(1), crate::device::Outcome::Served);
            (0..1_998).for_each(|_| play(&mut measure, &served));
            for _ in 0..count {
                note(&mut measure, Nanos::ZERO, Note::Dropped { operation: SITES, reason: DropReason::Missed });
            }
            harness_info(&facts(), true, &measure)
        };
        assert!(missed(2).valid, "2 of 2000");
        let info = missed(3);
        assert!(!info.valid);
        assert_eq!(info.problems, ["The harness missed 3 of 2001 scheduled requests, at most 0.1% is valid."]);
    }

    #[test]
    fn a_run_without_a_request_is_invalid() {
        let info = harness_info(&facts(), true, &Measure::new(&scenario(1)));
        assert_eq!(info.problems, ["No request was made at all."]);
        assert!(!info.valid);
    }
}
