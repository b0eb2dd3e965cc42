//! Limits on concurrency: how many places each key held, and `server.stream-limit`, whether the server kept to it.
//!
//! The fleet is held to what it asked for: a place counts from when it is asked for until the answer refuses it, or until
//! the stream is closed. A server may keep the rule in three ways that no document tells apart: refuse the next stream,
//! close it again, or close the older one. So it breaks the rule only where too many stay open for [`GRACE`].

use std::collections::HashSet;

use super::demand::Peak;
use super::exhibit::{Exhibit, Exhibits};
use super::keyed::Keyed;
use super::series::Series;
use crate::device::Outcome;
use crate::policy::model::ConcurrencyLimit;
use crate::record::{Exchange, Record, Sent};
use crate::scenario::ScopeKey;
use crate::summary::{ReadingUse, Safety};
use crate::time::Nanos;

/// How long a server may take to close a stream that is one too many.
pub const GRACE: Nanos = Nanos::from_secs(2);

/// How long a place that was given back may still look taken to the server: it may not have seen the connection end.
const LINGER: Nanos = Nanos::from_secs(60);

/// The use of one limit on concurrency.
#[derive(Clone, Debug)]
pub struct Places {
    allow: u32,
    keys: Keyed<ScopeKey, KeyPlaces>,
    seen: HashSet<ScopeKey>,
    requests: u64,
    peak: Peak,
    series: Series,
    over: Exhibits,
    pub server: StreamRule,
}

/// How the server treated streams beyond the limit.
#[derive(Clone, Debug, Default)]
pub struct StreamRule {
    /// Refused, or closed again in time (or the older one).
    pub kept: u64,
    pub broken: u64,
    /// The run ended too soon after to tell.
    pub open_ended: u64,
    pub exhibits: Exhibits,
}

#[derive(Clone, Debug, Default)]
struct KeyPlaces {
    /// Open, or asked for.
    held: u32,
    /// Surely open.
    open: u32,
    /// Since when more are open than allowed, and the stream that was one too many.
    too_many: Option<Box<(Nanos, Exhibit)>>,
    /// When a place was last given back.
    freed: Option<Nanos>,
    /// The step of its last change.
    step: usize,
}

impl Places {
    pub fn new(limit: &ConcurrencyLimit, step: Nanos) -> Self {
        Places {
            allow: limit.allow,
            keys: Keyed::default(),
            seen: HashSet::new(),
            requests: 0,
            peak: Peak::default(),
            series: Series::new(step),
            over: Exhibits::default(),
            server: StreamRule::default(),
        }
    }

    pub fn sent(&mut self, at: Nanos, key: ScopeKey, sent: &Sent) {
        self.requests += 1;
        self.seen.insert(key);
        let state = self.keys.entry(key, |state| state.is_idle(at));
        state.advance(at, &mut self.series);
        state.held += 1;
        self.series.raise(state.step, state.held);
        self.peak.reach(state.held, self.allow, at, sent.device);
        if state.held > self.allow {
            let why = || format!("number {} where {} may be held at the same time", state.held, self.allow);
            self.over.show(|| Exhibit::sent(at, sent, why()));
        }
    }

    /// Takes an answer. A served `stream` keeps its place until it is closed.
    pub fn done(&mut self, key: ScopeKey, stream: bool, record: &Record, exchange: Option<&Exchange>) {
        let state = self.keys.entry(key, |_| false);
        state.advance(record.done, &mut self.series);
        if !stream || record.outcome != Outcome::Served {
            let answered = matches!(record.outcome, Outcome::Refused | Outcome::Rejected(_));
            if stream && answered && state.open >= self.allow {
                self.server.kept += 1;
            }
            state.held = state.held.saturating_sub(1);
        } else {
            state.open += 1;
            if state.open > self.allow && state.too_many.is_none() {
                let why = format!("{} streams open where {} may be", state.open, self.allow);
                state.too_many = Some(Box::new((record.done, Exhibit::done(record, exchange, why))));
            }
        }
    }

    pub fn closed(&mut self, at: Nanos, key: ScopeKey) {
        let state = self.keys.entry(key, |_| false);
        state.advance(at, &mut self.series);
        state.open = state.open.saturating_sub(1);
        state.held = state.held.saturating_sub(1);
        state.freed = Some(at);
        if state.open <= self.allow
            && let Some(too_many) = state.too_many.take()
        {
            self.server.settle(*too_many, at, true);
        }
    }

    /// Whether the limit could have refused a request of the key: its places were taken, or were until lately.
    pub fn may_refuse(&self, at: Nanos, key: ScopeKey) -> bool {
        let lately = |freed: Nanos| at <= freed.saturating_add(LINGER);
        self.keys.get(&key).is_some_and(|state| state.held >= self.allow || state.freed.is_some_and(lately))
    }

    pub fn exhibits(&mut self) -> &mut Exhibits {
        &mut self.over
    }

    pub fn requests(&self) -> u64 {
        self.requests
    }

    pub fn keys(&self) -> u64 {
        self.seen.len() as u64
    }

    pub fn peak(&self) -> Peak {
        self.peak
    }

    pub fn safety(&self) -> Safety {
        match self.peak.over {
            _ if self.requests == 0 => Safety::NoData,
            0 => Safety::Safe,
            _ => Safety::Over,
        }
    }

    pub fn reading_uses(&self) -> Vec<ReadingUse> {
        let Peak { count, at, over, .. } = self.peak;
        let reading_use = ReadingUse { reading: None, peak: count, at_least: false, peak_at_s: at.as_secs_f64(), over };
        if self.requests == 0 { Vec::new() } else { vec![reading_use] }
    }

    pub fn merge(&mut self, other: Places) {
        self.keys.merge(other.keys);
        self.seen.extend(other.seen);
        self.requests += other.requests;
        self.peak.merge(&other.peak);
        self.series.merge(&other.series);
        self.over.merge(other.over);
        self.server.kept += other.server.kept;
        self.server.broken += other.server.broken;
        self.server.open_ended += other.server.open_ended;
        self.server.exhibits.merge(other.server.exhibits);
    }

    /// The busiest key's places over time, the requests beyond the limit, and how the server took them.
    pub fn finish(mut self, ended: Nanos) -> (Vec<u32>, Exhibits, StreamRule) {
        let mut left_open: Vec<(Nanos, Exhibit)> = Vec::new();
        for state in self.keys.values_mut() {
            state.advance(Nanos(ended.0.saturating_sub(1)), &mut self.series);
            left_open.extend(state.too_many.take().map(|too_many| *too_many));
        }
        left_open.sort_by_key(|(since, _)| *since);
        for too_many in left_open {
            self.server.settle(too_many, ended, false);
        }
        (self.series.finish(ended), self.over, self.server)
    }
}

impl StreamRule {
    fn settle(&mut self, (since, exhibit): (Nanos, Exhibit), at: Nanos, closed: bool) {
        if at.saturating_sub(since) >= GRACE {
            self.broken += 1;
            self.exhibits.show(|| exhibit);
        } else if closed {
            self.kept += 1;
        } else {
            self.open_ended += 1;
        }
    }
}

impl KeyPlaces {
    fn is_idle(&self, at: Nanos) -> bool {
        self.held == 0 && self.open == 0 && self.freed.is_none_or(|freed| freed.saturating_add(LINGER) < at)
    }

    /// Writes down what was held in the steps since the last change.
    fn advance(&mut self, at: Nanos, series: &mut Series) {
        let step = series.step_of(at);
        if step > self.step && self.held > 0 {
            let held = self.held;
            series.fill(self.step, step + 1, |_| held);
        }
        self.step = step;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::summary::finding::Verdict;

    /// Two streams of one client over the same devices; `second` says how the later one goes.
    fn two_streams(at: u64, second: impl Fn(Ask) -> Ask, close_after: Option<u64>) -> Outcomes {
        let mut script = Script::default();
        script.ask(Ask::new(0, STREAM, 0).about(1));
        let flow = script.ask(second(Ask::new(0, STREAM, at).about(1)));
        if let Some(after) = close_after {
            script.close(0, flow, at + after);
        }
        script.verify(scenario(policy(), 1))
    }

    fn verdict(outcomes: &Outcomes) -> Verdict {
        outcomes.finding("server.stream-limit", "stream").verdict
    }

    #[test]
    fn a_second_stream_that_stays_open_breaks_the_rule() {
        let outcomes = two_streams(1_000, |ask| ask, None);
        assert_eq!(verdict(&outcomes), Verdict::Fail);
        assert_eq!(outcomes.finding("server.stream-limit", "stream").evidence[0].at_s, 1.0);
        assert_eq!(outcomes.finding("fleet.quota", "stream").verdict, Verdict::Fail, "the fleet asked for two");
        assert_eq!(verdict(&two_streams(1_000, |ask| ask, Some(5_000))), Verdict::Fail);
    }

    #[test]
    fn refusing_it_or_closing_it_again_keeps_the_rule() {
        assert_eq!(verdict(&two_streams(1_000, Ask::refused, None)), Verdict::Pass);
        assert_eq!(verdict(&two_streams(1_000, |ask| ask, Some(500))), Verdict::Pass);
    }

    #[test]
    fn a_run_that_ends_at_once_leaves_it_open() {
        assert_eq!(verdict(&two_streams(59_000, |ask| ask, None)), Verdict::Inconclusive);
    }

    #[test]
    fn another_set_of_devices_or_one_stream_after_the_other_is_no_test_of_the_rule() {
        let outcomes = two_streams(1_000, |ask| ask.about(2), None);
        assert_eq!(verdict(&outcomes), Verdict::NoData);
        assert_eq!(outcomes.finding("fleet.quota", "stream").verdict, Verdict::Pass);

        let mut script = Script::default();
        let first = script.ask(Ask::new(0, STREAM, 0).about(1));
        script.close(0, first, 10_000);
        script.ask(Ask::new(0, STREAM, 10_001).about(1));
        let outcomes = script.verify(scenario(policy(), 1));
        assert_eq!(verdict(&outcomes), Verdict::NoData);
        assert_eq!(outcomes.quota("stream").series, vec![1; 60]);
    }

    #[test]
    fn a_refusal_without_a_stream_open_is_false_unless_one_was_open_lately() {
        let mut script = Script::default();
        script.ask(Ask::new(0, STREAM, 0).about(1).refused());
        let outcomes = script.verify(scenario(policy(), 1));
        assert_eq!(outcomes.finding("server.false-refusal", "stream").verdict, Verdict::Fail);

        let mut script = Script::default();
        let first = script.ask(Ask::new(0, STREAM, 0).about(1));
        script.close(0, first, 10_000);
        script.ask(Ask::new(0, STREAM, 10_001).about(1).refused());
        let outcomes = script.verify(scenario(policy(), 1));
        assert_eq!(outcomes.finding("server.false-refusal", "stream").verdict, Verdict::Inconclusive);
    }
}
