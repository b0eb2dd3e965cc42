//! Limits on concurrency: how many places each key held, and `server.stream-limit`, whether the server kept to it.
//!
//! A place is held by a request from its sending to its answer, by a stream until it is closed; where only those count that
//! last for so long, it comes to count when it is that old. The fleet is held to what it asked for, granted or not.
//!
//! A server may keep the rule in three ways that no document tells apart: refuse the next stream, close it again, or close
//! the older one. So it breaks the rule only where too many stay open for [`GRACE`]. Of other requests nobody knows from
//! outside how long the server was at them, so what it lets through of them is not held against it.

use std::collections::VecDeque;

use super::class::TICK;
use super::demand::Peak;
use super::exhibit::{Exhibit, Exhibits};
use super::keyed::{Keyed, Seen};
use super::refusal::Cause;
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

/// The same after an answer: the server may give the place back only when it is whole and gone.
const AFTER_ANSWER: Nanos = Nanos::from_secs(1);

/// The use of one limit on concurrency.
#[derive(Clone, Debug)]
pub struct Places {
    allow: u32,
    /// Only those that have lasted so long count.
    lasting: Nanos,
    keys: Keyed<ScopeKey, KeyPlaces>,
    seen: Seen<ScopeKey>,
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
    /// When those were sent that are open or asked for, oldest first.
    held: Vec<Nanos>,
    /// When the latest of the others were answered; at most `allow`.
    answered: VecDeque<Nanos>,
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
            lasting: limit.lasting.unwrap_or_default(),
            keys: Keyed::default(),
            seen: Seen::default(),
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
        let lasting = self.lasting;
        let state = self.keys.entry(key, |state| state.is_idle(at));
        state.advance(at, lasting, &mut self.series);
        // The one that comes needs a place, although it may be over before it counts.
        let needed = state.counting(at, lasting) as u32 + 1;
        state.hold(at);
        self.series.raise(state.step, needed);
        self.peak.reach(needed, self.allow, at, sent.device);
        if needed > self.allow {
            let why = || format!("number {needed} where {} may be held at the same time", self.allow);
            self.over.show(|| Exhibit::sent(at, sent, why()));
        }
    }

    /// Takes an answer to a request that was sent at `sent`. A served `stream` keeps its place until it is closed.
    pub fn done(&mut self, key: ScopeKey, sent: Nanos, stream: bool, record: &Record, exchange: Option<&Exchange>) {
        let judged = self.lasting == Nanos::ZERO;
        let state = self.keys.entry(key, |_| false);
        state.advance(record.done, self.lasting, &mut self.series);
        if !stream || record.outcome != Outcome::Served {
            let answered = matches!(record.outcome, Outcome::Refused | Outcome::Rejected(_));
            if stream && judged && answered && state.open >= self.allow {
                self.server.kept += 1;
            }
            state.release(sent, self.lasting, self.allow, record);
        } else if judged {
            state.open += 1;
            if state.open > self.allow && state.too_many.is_none() {
                let why = format!("{} streams open where {} may be", state.open, self.allow);
                state.too_many = Some(Box::new((record.done, Exhibit::done(record, exchange, why))));
            }
        }
    }

    /// Takes the end of a stream whose handshake was sent at `sent`.
    pub fn closed(&mut self, at: Nanos, key: ScopeKey, sent: Nanos) {
        let state = self.keys.entry(key, |_| false);
        state.advance(at, self.lasting, &mut self.series);
        state.open = state.open.saturating_sub(1);
        state.forget(sent);
        state.freed = Some(at);
        if state.open <= self.allow
            && let Some(too_many) = state.too_many.take()
        {
            self.server.settle(*too_many, at, true);
        }
    }

    /// What explains a refusal of the key that was decided at `sent` or later: streams are open, or other requests under
    /// way, or either were until lately.
    pub fn cause(&self, sent: Nanos, at: Nanos, key: ScopeKey) -> Cause {
        let lately = |freed: Nanos| sent <= freed.saturating_add(LINGER);
        let Some(state) = self.keys.get(&key) else { return Cause::Impossible };
        let answered = state.answered.iter().filter(|done| sent <= done.saturating_add(AFTER_ANSWER)).count();
        let may_count = state.counting(at, self.lasting.saturating_sub(TICK)) + answered;
        if state.open >= self.allow && self.lasting == Nanos::ZERO {
            Cause::Explained
        } else if state.counting(sent, self.lasting.saturating_add(AFTER_ANSWER)) >= self.allow as usize {
            // Still unanswered, and long enough under way.
            Cause::Due
        } else if may_count >= self.allow as usize || state.freed.is_some_and(lately) {
            Cause::Possible
        } else {
            Cause::Impossible
        }
    }

    /// Whether nobody else holds a place of the key.
    pub fn is_quiet(&self, key: ScopeKey) -> bool {
        self.keys.get(&key).is_none_or(|state| state.held.is_empty())
    }

    pub fn exhibits(&mut self) -> &mut Exhibits {
        &mut self.over
    }

    pub fn requests(&self) -> u64 {
        self.requests
    }

    pub fn keys(&self) -> u64 {
        self.seen.count()
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
        self.seen.merge(other.seen);
        self.requests += other.requests;
        self.peak.merge(&other.peak);
        self.series.merge(&other.series);
        self.over.merge(other.over);
        self.server.kept += other.server.kept;
        self.server.broken += other.server.broken;
        self.server.open_ended += other.server.open_ended;
        self.server.exhibits.merge(other.server.exhibits);
    }

    /// Nothing more comes of the keys so far, whose run ended at `ended`.
    pub fn through(&mut self, ended: Nanos) {
        let mut left_open: Vec<(Nanos, Exhibit)> = Vec::new();
        for state in self.keys.values_mut() {
            state.advance(Nanos(ended.0.saturating_sub(1)), self.lasting, &mut self.series);
            left_open.extend(state.too_many.take().map(|too_many| *too_many));
        }
        left_open.sort_by_key(|(since, _)| *since);
        for too_many in left_open {
            self.server.settle(too_many, ended, false);
        }
        self.keys.clear();
        self.seen.through();
    }

    /// The busiest key's places over time, the requests beyond the limit, and how the server took them.
    pub fn finish(mut self, ended: Nanos) -> (Vec<u32>, Exhibits, StreamRule) {
        self.through(ended);
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
        let over = |linger: Nanos| move |freed: Nanos| freed.saturating_add(linger) < at;
        self.held.is_empty()
            && self.open == 0
            && self.freed.is_none_or(over(LINGER))
            && self.answered.back().copied().is_none_or(over(AFTER_ANSWER))
    }

    /// How many of those that hold a place have lasted long enough to count.
    fn counting(&self, at: Nanos, lasting: Nanos) -> usize {
        self.held.partition_point(|sent| sent.saturating_add(lasting) <= at)
    }

    fn hold(&mut self, at: Nanos) {
        let place = self.held.partition_point(|sent| *sent <= at);
        self.held.insert(place, at);
    }

    /// Gives back the place of a request that was answered or lost.
    fn release(&mut self, sent: Nanos, lasting: Nanos, allow: u32, record: &Record) {
        self.forget(sent);
        match record.outcome {
            // It had none.
            Outcome::Refused => {}
            // The server may be at it still.
            Outcome::Failed(_) => self.freed = Some(record.done),
            _ if record.done.saturating_sub(sent) < lasting.saturating_sub(TICK) => {}
            _ => {
                if self.answered.len() == allow as usize {
                    self.answered.pop_front();
                }
                self.answered.push_back(record.done);
            }
        }
    }

    fn forget(&mut self, sent: Nanos) {
        if let Ok(place) = self.held.binary_search(&sent) {
            self.held.remove(place);
        }
    }

    /// Writes down what was held in the steps since the last change.
    fn advance(&mut self, at: Nanos, lasting: Nanos, series: &mut Series) {
        let step = series.step_of(at);
        if !self.held.is_empty() {
            series.fill_all(self.step, step + 1, |at| self.counting(at, lasting) as u32);
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
