//! What is counted for one class.

use std::collections::BTreeMap;

use super::latency::LatencyHistogram;
use super::seconds::PerSecond;
use super::timeline::Line;
use crate::device::{DropReason, Failure, Outcome};
use crate::record::{Record, StreamEnding};
use crate::time::Nanos;

/// How a request ended, as latencies are kept apart: a refusal's quick answer says nothing about served ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Served,
    Refused,
    Overloaded,
    /// Another status.
    Other,
    /// Without an answer.
    Failed,
}

impl Ending {
    pub const ALL: [Ending; 5] = [Ending::Served, Ending::Refused, Ending::Overloaded, Ending::Other, Ending::Failed];

    pub fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Served => Ending::Served,
            Outcome::Refused => Ending::Refused,
            Outcome::Overloaded => Ending::Overloaded,
            Outcome::Rejected(_) | Outcome::Broken(_) => Ending::Other,
            Outcome::Failed(_) => Ending::Failed,
        }
    }

    /// The key in the summary and in `latency.hlog`.
    pub fn name(self) -> &'static str {
        match self {
            Ending::Served => "served",
            Ending::Refused => "refused",
            Ending::Overloaded => "overloaded",
            Ending::Other => "other",
            Ending::Failed => "failed",
        }
    }

    pub fn line(self) -> Line {
        match self {
            Ending::Served => Line::Served,
            Ending::Refused => Line::Refused,
            Ending::Overloaded => Line::Overloaded,
            Ending::Other | Ending::Failed => Line::Failed,
        }
    }
}

/// Every failure that is not the fleet's own doing, in the order of its discriminant.
pub const FAILURES: [Failure; 7] = [
    Failure::ConnectRefused,
    Failure::ConnectFailed,
    Failure::TlsFailed,
    Failure::Reset,
    Failure::Timeout,
    Failure::Garbage,
    Failure::TooLarge,
];

/// Every reason for a drop, in the order of its discriminant.
pub const DROP_REASONS: [DropReason; 3] = [DropReason::Busy, DropReason::Missed, DropReason::QueueFull];

/// Latency of requests that ended in one way, from both starting points.
#[derive(Clone, Debug, Default)]
pub struct LatencyPair {
    /// Of requests that left the moment they were due, for which both are one: in virtual time, most of them.
    punctual: LatencyHistogram,
    /// The latest of them, not counted so far: the histogram's cells lie far apart, and are fetched quicker many at a time.
    fresh: Vec<Nanos>,
    others: Option<Box<Others>>,
}

/// How many latencies are counted at a time.
const BATCH: usize = 256;

/// Latencies of requests that left later than they were due, or never.
#[derive(Clone, Debug, Default)]
struct Others {
    from_due: LatencyHistogram,
    from_sent: LatencyHistogram,
}

impl LatencyPair {
    pub fn from_due(&self) -> LatencyHistogram {
        self.with(|others| &others.from_due)
    }

    pub fn from_sent(&self) -> LatencyHistogram {
        self.with(|others| &others.from_sent)
    }

    fn with(&self, part: impl Fn(&Others) -> &LatencyHistogram) -> LatencyHistogram {
        let mut all = self.punctual.clone();
        self.fresh.iter().for_each(|latency| all.record(*latency));
        if let Some(others) = &self.others {
            all.merge(part(others));
        }
        all
    }

    fn record(&mut self, record: &Record) {
        let from_due = record.done.saturating_sub(record.due);
        if record.sent == Some(record.due) {
            return self.record_punctual(from_due);
        }
        let others = self.others.get_or_insert_default();
        others.from_due.record(from_due);
        if let Some(sent) = record.sent {
            others.from_sent.record(record.done.saturating_sub(sent));
        }
    }

    fn record_punctual(&mut self, latency: Nanos) {
        self.fresh.push(latency);
        if self.fresh.len() >= BATCH {
            self.fresh.drain(..).for_each(|latency| self.punctual.record(latency));
        }
    }

    fn merge(&mut self, other: &LatencyPair) {
        self.punctual.merge(&other.punctual);
        other.fresh.iter().for_each(|latency| self.punctual.record(*latency));
        if let Some(theirs) = &other.others {
            let mine = self.others.get_or_insert_default();
            mine.from_due.merge(&theirs.from_due);
            mine.from_sent.merge(&theirs.from_sent);
        }
    }
}

/// Counts and latencies of one class.
#[derive(Clone, Debug)]
pub struct ClassMeasure {
    /// Requests whose life is over, by [`Ending`].
    pub ended: [u64; Ending::ALL.len()],
    /// Made when the first request ends that way: most classes never see most endings.
    latency: [Option<Box<LatencyPair>>; Ending::ALL.len()],
    pub other_status: BTreeMap<u16, u64>,
    /// Those of the served that were answered 304.
    pub unchanged: u64,
    /// Abandoned by the fleet itself: they say nothing about the target, so they are in none of the other counts.
    pub cancelled: u64,
    /// By [`FAILURES`].
    pub failed: [u64; FAILURES.len()],
    /// By [`DROP_REASONS`].
    pub dropped: [u64; DROP_REASONS.len()],
    /// Logical operations that ended, and all attempts at them.
    pub logical: u64,
    pub attempts: u64,
    pub given_up: u64,
    pub cache_hits: u64,
    /// Streams that are over, by how they ended, and the frames they brought.
    pub streams_ended: BTreeMap<StreamEnding, u64>,
    pub frames: u64,
    pub refused_per_second: PerSecond,
    pub overloaded_per_second: PerSecond,
}

impl ClassMeasure {
    pub fn new(duration: Nanos) -> Self {
        ClassMeasure {
            ended: Default::default(),
            latency: Default::default(),
            other_status: BTreeMap::new(),
            unchanged: 0,
            cancelled: 0,
            failed: Default::default(),
            dropped: Default::default(),
            logical: 0,
            attempts: 0,
            given_up: 0,
            cache_hits: 0,
            streams_ended: BTreeMap::new(),
            frames: 0,
            refused_per_second: PerSecond::new(duration),
            overloaded_per_second: PerSecond::new(duration),
        }
    }

    /// Counts a request whose life is over.
    pub fn done(&mut self, record: &Record, outcome: Outcome) {
        let ending = Ending::of(outcome) as usize;
        self.ended[ending] += 1;
        self.latency[ending].get_or_insert_default().record(record);
        self.unchanged += u64::from(record.is_unchanged());
        match outcome {
            Outcome::Served => {}
            Outcome::Refused => self.refused_per_second.count(record.done),
            Outcome::Overloaded => self.overloaded_per_second.count(record.done),
            Outcome::Rejected(status) | Outcome::Broken(status) => *self.other_status.entry(status).or_default() += 1,
            Outcome::Failed(failure) => self.failed[failure as usize] += 1,
        }
    }

    pub fn stream_closed(&mut self, frames: u64, ending: StreamEnding) {
        *self.streams_ended.entry(ending).or_default() += 1;
        self.frames += frames;
    }

    pub fn requests(&self) -> u64 {
        self.ended.iter().sum()
    }

    pub fn latency(&self, ending: Ending) -> Option<&LatencyPair> {
        self.latency[ending as usize].as_deref()
    }

    pub fn merge(&mut self, other: ClassMeasure) {
        add(&mut self.ended, &other.ended);
        for (own, others) in self.latency.iter_mut().zip(other.latency) {
            match (own.as_mut(), others) {
                (Some(own), Some(others)) => own.merge(&others),
                (None, Some(others)) => *own = Some(others),
                (_, None) => {}
            }
        }
        for (status, count) in other.other_status {
            *self.other_status.entry(status).or_default() += count;
        }
        self.unchanged += other.unchanged;
        self.cancelled += other.cancelled;
        add(&mut self.failed, &other.failed);
        add(&mut self.dropped, &other.dropped);
        self.logical += other.logical;
        self.attempts += other.attempts;
        self.given_up += other.given_up;
        self.cache_hits += other.cache_hits;
        for (ending, count) in other.streams_ended {
            *self.streams_ended.entry(ending).or_default() += count;
        }
        self.frames += other.frames;
        self.refused_per_second.merge(&other.refused_per_second);
        self.overloaded_per_second.merge(&other.overloaded_per_second);
    }
}

fn add(counts: &mut [u64], more: &[u64]) {
    counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_where_its_number_says() {
        assert!(FAILURES.iter().enumerate().all(|(index, failure)| *failure as usize == index));
        assert!(DROP_REASONS.iter().enumerate().all(|(index, reason)| *reason as usize == index));
        assert!(Ending::ALL.iter().enumerate().all(|(index, ending)| *ending as usize == index));
    }
}
