//! The measuring observer.

use super::class::{ClassMeasure, Ending};
use super::latency::LatencyHistogram;
use super::timeline::{Line, TimelineCounts};
use crate::device::{Cause, DropReason, Failure, Note, Outcome};
use crate::policy::model::ClassId;
use crate::record::{Observation, Observer, Record, Sent};
use crate::scenario::{Operation, OperationId, Scenario};
use crate::time::Nanos;

/// The class of requests that the policy puts in none; reports name it like a class.
pub const UNCLASSIFIED: &str = "unclassified";

/// Counts of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationCounts {
    pub requests: u64,
    pub served: u64,
    pub refused: u64,
}

/// What one shard measured, or several after [`Measure::merge`]. An observation costs a few additions and allocates only
/// when a class sees an outcome for the first time; memory is bounded by the classes and the planned duration, never by
/// devices or requests.
#[derive(Clone, Debug)]
pub struct Measure {
    class_names: Vec<String>,
    /// The class of each operation.
    class_of: Vec<usize>,
    pub(super) classes: Vec<ClassMeasure>,
    pub(super) operations: Vec<OperationCounts>,
    pub(super) timeline: TimelineCounts,
    pub(super) lateness: LatencyHistogram,
    scheduled: u64,
    in_flight: u64,
    /// Of the devices at hand, and the sum of those that are through.
    in_flight_peak: u64,
    peaks_before: u64,
}

impl Measure {
    pub fn new(scenario: &Scenario) -> Self {
        let named = scenario.policy.classes.iter().map(|class| class.name.clone());
        let class_names: Vec<String> = named.chain([UNCLASSIFIED.to_owned()]).collect();
        let unclassified = class_names.len() - 1;
        let class_of = |operation: &Operation| operation.class.map_or(unclassified, |id| id.index());
        Measure {
            class_of: scenario.operations.iter().map(|(_, operation)| class_of(operation)).collect(),
            classes: vec![ClassMeasure::new(scenario.duration); class_names.len()],
            operations: vec![OperationCounts::default(); scenario.operations.len()],
            timeline: TimelineCounts::new(scenario.duration, class_names.len()),
            lateness: LatencyHistogram::default(),
            scheduled: 0,
            in_flight: 0,
            in_flight_peak: 0,
            peaks_before: 0,
            class_names,
        }
    }

    /// Adds what another shard of the same scenario measured. Nothing is lost but one thing: shards peak at different
    /// moments, so that [`Measure::in_flight_peak`] becomes an upper bound.
    pub fn merge(&mut self, other: Measure) {
        for (own, others) in self.classes.iter_mut().zip(other.classes) {
            own.merge(others);
        }
        for (own, others) in self.operations.iter_mut().zip(other.operations) {
            own.requests += others.requests;
            own.served += others.served;
            own.refused += others.refused;
        }
        self.timeline.merge(&other.timeline);
        self.lateness.merge(&other.lateness);
        self.scheduled += other.scheduled;
        self.in_flight += other.in_flight;
        self.in_flight_peak += other.in_flight_peak;
        self.peaks_before += other.peaks_before;
    }

    /// The policy's classes in their order, then [`UNCLASSIFIED`].
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// By class, in the order of [`Measure::class_names`].
    pub fn classes(&self) -> &[ClassMeasure] {
        &self.classes
    }

    /// Requests whose life is over.
    pub fn requests(&self) -> u64 {
        self.classes.iter().map(ClassMeasure::requests).sum()
    }

    /// Requests that a schedule asked for: made, or missed because the harness was late.
    pub fn open_loop(&self) -> u64 {
        self.scheduled + self.missed()
    }

    /// Scheduled requests that were skipped because the harness was late.
    pub fn missed(&self) -> u64 {
        self.classes.iter().map(|class| class.dropped[DropReason::Missed as usize]).sum()
    }

    /// Most requests on their way at one moment; over several shards, and over devices that are played apart, the sum of their
    /// peaks.
    pub fn in_flight_peak(&self) -> u64 {
        self.peaks_before + self.in_flight_peak
    }

    /// Departures that were later than `limit`.
    pub fn later_than(&self, limit: Nanos) -> u64 {
        self.lateness.longer_than(limit)
    }

    fn class(&mut self, operation: OperationId) -> &mut ClassMeasure {
        &mut self.classes[self.class_of[usize::from(operation.0)]]
    }

    fn sent(&mut self, at: Nanos, sent: Sent) {
        self.in_flight += 1;
        self.in_flight_peak = self.in_flight_peak.max(self.in_flight);
        self.timeline.count(at, self.class_of[usize::from(sent.operation.0)], Line::Sent);
    }

    fn done(&mut self, record: &Record) {
        let outcome = match record.outcome {
            // What never left has no answer, whatever the record says of it.
            outcome if record.sent.is_none() && Ending::of(outcome) != Ending::Failed => {
                Outcome::Failed(Failure::ConnectFailed)
            }
            outcome => outcome,
        };
        if record.sent.is_some() {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        if record.cause == Cause::Schedule {
            self.scheduled += 1;
        }
        if outcome == Outcome::Failed(Failure::Cancelled) {
            self.class(record.operation).cancelled += 1;
            return;
        }
        let operation = usize::from(record.operation.0);
        let ending = Ending::of(outcome);
        let counts = &mut self.operations[operation];
        counts.requests += 1;
        counts.served += u64::from(ending == Ending::Served);
        counts.refused += u64::from(ending == Ending::Refused);
        self.class(record.operation).done(record, outcome);
        self.timeline.count(record.done, self.class_of[operation], ending.line());
    }

    fn noted(&mut self, note: Note) {
        match note {
            Note::Finished { operation, attempts, served, .. } => {
                let class = self.class(operation);
                class.logical += 1;
                class.attempts += u64::from(attempts);
                class.given_up += u64::from(!served);
            }
            Note::Dropped { operation, reason } => self.class(operation).dropped[reason as usize] += 1,
            Note::CacheHit { operation } => self.class(operation).cache_hits += 1,
        }
    }
}

impl Observer for Measure {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>) {
        match observation {
            Observation::Sent(sent) => self.sent(at, sent),
            Observation::Done { record, .. } => self.done(record),
            Observation::StreamClosed { operation, frames, ending, .. } => {
                self.class(operation).stream_closed(frames, ending);
            }
            Observation::Classified { operation, class } => {
                let unclassified = self.classes.len() - 1;
                self.class_of[usize::from(operation.0)] = class.map_or(unclassified, ClassId::index);
            }
            Observation::Noted { note, .. } => self.noted(note),
            // Those that come next are like another shard.
            Observation::Through { .. } => {
                self.peaks_before += std::mem::take(&mut self.in_flight_peak);
                self.in_flight = 0;
            }
            Observation::Late { by } => {
                self.lateness.record(by);
                self.timeline.late(at, by);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::device::{DropReason, Flow};
    use crate::scenario::DeviceId;
    use crate::summary::{ClassFigures, Timeline};
    use crate::testing::{DEVICE, SITES, STATUS, TOKEN, note, play, record, scenario};

    const ENDED: Nanos = Nanos::from_secs(60);

    fn measured(records: &[Record]) -> Measure {
        let mut measure = Measure::new(&scenario(1));
        records.iter().for_each(|record| play(&mut measure, record));
        measure
    }

    fn figures(measure: &Measure) -> Vec<ClassFigures> {
        measure.figures(&scenario(1), ENDED)
    }

    fn at(second: u64) -> Nanos {
        Nanos::from_secs(second)
    }

    const QUICK: Nanos = Nanos::from_millis(2);
    const SLOW: Nanos = Nanos::from_millis(200);

    #[test]
    fn a_request_counts_for_its_class_its_operation_and_its_outcome() {
        let measure = measured(&[
            record(SITES, at(1), QUICK, Outcome::Served),
            record(DEVICE, at(2), QUICK, Outcome::Refused),
            record(DEVICE, at(3), QUICK, Outcome::Overloaded),
            record(DEVICE, at(3), QUICK, Outcome::Failed(Failure::Reset)),
            record(TOKEN, at(4), QUICK, Outcome::Rejected(401)),
            record(TOKEN, at(4), QUICK, Outcome::Broken(500)),
            record(STATUS, at(5), QUICK, Outcome::Failed(Failure::Timeout)),
        ]);
        let [queries, tokens, unclassified] = &figures(&measure)[..] else { panic!("three classes") };
        assert_eq!((queries.requests, queries.served, queries.refused, queries.overloaded), (4, 1, 1, 1));
        assert_eq!(queries.refused_ratio, Some(1.0 / 3.0), "of the answered ones");
        assert_eq!(queries.overloaded_ratio, Some(1.0 / 3.0));
        assert_eq!(tokens.other_status, [(401, 1), (500, 1)].into());
        assert_eq!(unclassified.class, "unclassified");
        assert_eq!(unclassified.failed, [("timeout".to_owned(), 1)].into());
        assert_eq!((unclassified.refused_ratio, unclassified.amplification), (None, None));
        let used: Vec<_> = queries.operations.iter().map(|used| (used.operation.as_str(), used.requests)).collect();
        assert_eq!(used, [("GET /v1/sites", 1), ("GET /v1/devices/{id}", 3)]);
    }

    #[test]
    fn quick_refusals_do_not_flatter_the_latency_of_served_requests() {
        let measure =
            measured(&[record(SITES, at(1), SLOW, Outcome::Served), record(SITES, at(2), QUICK, Outcome::Refused)]);
        let queries = &figures(&measure)[0];
        assert!(queries.latency["served"].from_due.min > 190.0);
        assert!(queries.latency["refused"].from_due.max < 3.0);
    }

    #[test]
    fn waiting_to_be_sent_shows_from_due_and_not_from_sent() {
        let late = Record { sent: Some(at(1) + SLOW), ..record(SITES, at(1), SLOW + QUICK, Outcome::Served) };
        let served = &figures(&measured(&[late]))[0].latency["served"];
        assert!(served.from_due.max > 200.0);
        assert!(served.from_sent.max < 3.0);
    }

    #[test]
    fn what_never_left_is_a_failure_with_latency_from_due_alone() {
        let refused = Outcome::Failed(Failure::ConnectRefused);
        let impossible = Outcome::Served;
        for outcome in [refused, impossible] {
            let measure = measured(&[Record { sent: None, ..record(SITES, at(1), QUICK, outcome) }]);
            let queries = &figures(&measure)[0];
            assert_eq!((queries.served, queries.failed.values().sum::<u64>()), (0, 1));
            let failed = &queries.latency["failed"];
            assert_eq!((failed.from_due.count, failed.from_sent.count), (1, 0));
            let timeline = &measure.timeline_until(ENDED).classes[0];
            assert_eq!((timeline.sent.iter().sum::<u32>(), timeline.failed[1]), (0, 1));
        }
    }

    #[test]
    fn amplification_is_attempts_at_each_operation_that_ended() {
        let sent = record(SITES, at(1), QUICK, Outcome::Refused);
        // More was sent than belongs to what ended: an operation still under way says nothing yet.
        let mut measure = measured(&[sent; 9]);
        for (attempts, served) in [(1, true), (2, false)] {
            let finished = Note::Finished { operation: SITES, flow: Flow(0), attempts, served };
            note(&mut measure, at(2), finished);
        }
        note(&mut measure, at(2), Note::CacheHit { operation: DEVICE });
        let queries = &figures(&measure)[0];
        assert_eq!((queries.logical, queries.given_up, queries.cache_hits), (2, 1, 1));
        assert_eq!(queries.amplification, Some(1.5));
    }

    #[test]
    fn what_was_not_sent_is_counted_by_its_reason() {
        let mut measure = measured(&[record(SITES, at(1), QUICK, Outcome::Served)]);
        for reason in [DropReason::Busy, DropReason::Missed, DropReason::Missed] {
            note(&mut measure, at(2), Note::Dropped { operation: TOKEN, reason });
        }
        let tokens = &figures(&measure)[1];
        assert_eq!(tokens.dropped, [("busy".to_owned(), 1), ("missed".to_owned(), 2)].into());
        assert_eq!((measure.missed(), measure.open_loop()), (2, 3));
    }

    #[test]
    fn refusals_and_overload_are_spread_over_the_seconds_they_came_in() {
        let records = [
            record(SITES, at(10), QUICK, Outcome::Refused),
            record(SITES, at(10), QUICK, Outcome::Refused),
            record(SITES, at(59), QUICK, Outcome::Overloaded),
        ];
        let queries = &figures(&measured(&records))[0];
        let refused = &queries.refused_per_second;
        assert_eq!((refused.seconds, refused.nonzero_seconds, refused.max, refused.p50), (60, 1, 2, 0));
        assert_eq!((queries.overloaded_per_second.nonzero_seconds, queries.overloaded_per_second.max), (1, 1));
    }

    #[test]
    fn lateness_is_kept_as_a_distribution_and_over_time() {
        let mut measure = measured(&[]);
        measure.observe(at(3), Observation::Late { by: SLOW });
        measure.observe(at(4), Observation::Late { by: QUICK });
        assert_eq!(measure.lateness().count, 2);
        assert_eq!(measure.timeline_until(ENDED).late_ms[2..6], [0.0, 200.0, 2.0, 0.0]);
    }

    #[test]
    fn the_peak_in_flight_is_the_most_at_one_moment() {
        let mut measure = measured(&[record(SITES, at(1), QUICK, Outcome::Served); 3]);
        assert_eq!(measure.in_flight_peak(), 1);
        let open = record(SITES, at(2), QUICK, Outcome::Served);
        let Record { device, operation, flow, attempt, detail, .. } = open;
        for _ in 0..3 {
            measure.observe(at(2), Observation::Sent(Sent { device, operation, flow, attempt, detail }));
        }
        assert_eq!(measure.in_flight_peak(), 3);
    }

    #[test]
    fn devices_that_are_played_apart_may_all_have_peaked_at_once() {
        let mut measure = Measure::new(&scenario(1));
        for under_way in [2, 1] {
            for _ in 0..under_way {
                let record = record(SITES, at(1), QUICK, Outcome::Served);
                let Record { device, operation, flow, attempt, detail, .. } = record;
                measure.observe(at(1), Observation::Sent(Sent { device, operation, flow, attempt, detail }));
            }
            measure.observe(ENDED, Observation::Through { ended: ENDED });
        }
        assert_eq!(measure.in_flight_peak(), 3);
        measure.merge(measure.clone());
        assert_eq!(measure.in_flight_peak(), 6);
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let outcome = prop_oneof![
            Just(Outcome::Served),
            Just(Outcome::Refused),
            Just(Outcome::Overloaded),
            (400..420u16).prop_map(Outcome::Rejected),
            (500..510u16).prop_map(Outcome::Broken),
            Just(Outcome::Failed(Failure::Timeout)),
            Just(Outcome::Failed(Failure::Reset)),
        ];
        (0..4u16, 0..60_000u64, 0..4_000u64, outcome, any::<bool>(), 0..8u32).prop_map(
            |(operation, due, latency, outcome, sent, device)| {
                let due = Nanos::from_millis(due);
                let record = record(OperationId(operation), due, Nanos::from_millis(latency), outcome);
                Record { sent: sent.then_some(due), device: DeviceId(device), ..record }
            },
        )
    }

    /// All that reports are told of a measurement.
    fn told(measure: &Measure) -> (Vec<ClassFigures>, Timeline, crate::summary::Quantiles, [u64; 3]) {
        let counts = [measure.requests(), measure.open_loop(), measure.missed()];
        (figures(measure), measure.timeline_until(ENDED), measure.lateness(), counts)
    }

    proptest! {
        // Each case clears some megabytes of histograms; more cases add time and no new shapes.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn shards_merge_into_what_one_recorder_would_have_measured(
            records in prop::collection::vec(any_record(), 0..80)
        ) {
            let mut records = records;
            records.sort_by_key(|record| record.done);
            let feed = |measure: &mut Measure, record: &Record| {
                play(measure, record);
                let (operation, flow, attempts) = (record.operation, record.flow, record.attempt);
                let served = record.outcome == Outcome::Served;
                note(measure, record.done, Note::Finished { operation, flow, attempts, served });
                note(measure, record.done, Note::Dropped { operation, reason: DropReason::Missed });
                measure.observe(record.done, Observation::Late { by: record.done.saturating_sub(record.due) });
            };
            let mut whole = measured(&[]);
            let mut shards = vec![measured(&[]); 3];
            for record in &records {
                feed(&mut whole, record);
                feed(&mut shards[record.device.0 as usize % 3], record);
            }
            let mut merged = shards.remove(0);
            shards.into_iter().for_each(|shard| merged.merge(shard));
            prop_assert_eq!(told(&merged), told(&whole));
        }

        #[test]
        fn the_timeline_adds_up_to_the_counts(records in prop::collection::vec(any_record(), 0..80)) {
            let measure = measured(&records);
            let timeline = measure.timeline_until(ENDED);
            for (class, over_time) in figures(&measure).iter().zip(&timeline.classes) {
                let sum = |line: &[u32]| line.iter().copied().map(u64::from).sum::<u64>();
                let failed = class.failed.values().chain(class.other_status.values()).sum::<u64>();
                prop_assert_eq!(sum(&over_time.served), class.served);
                prop_assert_eq!(sum(&over_time.refused), class.refused);
                prop_assert_eq!(sum(&over_time.overloaded), class.overloaded);
                prop_assert_eq!(sum(&over_time.failed), failed);
                prop_assert_eq!(class.requests, class.served + class.refused + class.overloaded + failed);
                let operations = class.operations.iter().map(|operation| operation.requests).sum::<u64>();
                prop_assert_eq!(operations, class.requests);
                let lines = [&over_time.sent, &over_time.served, &over_time.failed];
                prop_assert!(lines.iter().all(|line| line.len() == timeline.steps));
            }
            let sent: u64 = timeline.classes.iter().flat_map(|class| &class.sent).copied().map(u64::from).sum();
            prop_assert_eq!(sent, records.iter().filter(|record| record.sent.is_some()).count() as u64);
        }
    }
}
