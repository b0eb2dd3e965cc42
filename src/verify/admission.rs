//! `server.over-admission`: more was let through than any reading allows, whatever the network did.
//!
//! A served request took effect at the server at some unknown moment in `[sent, done]`. A reading is refuted for a key
//! when no choice of these moments keeps to it. Answers are handled as they come, so `done` never goes back, and at each
//! answer at `b`:
//!
//! - **Rolling window.** More than `allow` served requests with `b - sent < per` all took effect within less than `per`.
//! - **Token bucket.** For some `a`, more than `allow + allow * (b - a) / per` served requests were sent at or after `a`.
//! - **Fixed windows**, on the clock or from the first request. A set as under *rolling* (served between `a` and `b`) needs
//!   a new window to begin in between, and beginnings are at least `per` apart. The possible places of the latest
//!   beginning are kept as one interval, widened where it would fall into two; none left means that no placing of windows
//!   explains what was admitted.
//!
//! What passes: a server keeps its word when what it let through fits *one* reading that the words allow, the same for all
//! keys. An honest server's own reading is never refuted, so it passes however strict or loose the other readings are; one
//! that let everything through has shown no limit at all, so there must have been refusals too, and a demand beyond the
//! limit.
//!
//! Over-admission is reported when every reading that the words allow is refuted for one key; the key then starts anew, so
//! each report rests on requests of its own. Only served requests count: what a 4xx, a 5xx or a lost answer cost at the
//! server is not documented. Leaving requests out only makes the check miss something, never accuse.

use std::collections::VecDeque;

use super::exhibit::{Exhibit, Exhibits};
use super::keyed::Keyed;
use crate::limiter::Rate;
use crate::policy::model::RateLimit;
use crate::policy::reading::Reading;
use crate::record::{Exchange, Record};
use crate::scenario::ScopeKey;
use crate::time::Nanos;

/// What one key was let through.
#[derive(Clone, Debug, Default)]
pub struct Admitted {
    /// The latest `allow + 1` served requests, by the time they were sent.
    latest: VecDeque<Start>,
    /// Served requests that were pushed out of `latest`, and the best start of a span among them.
    before: u64,
    best_before: Option<i128>,
    /// Where the latest window may have begun.
    beginning: Option<(Nanos, Nanos)>,
    refuted: Refuted,
    /// The latest answer; one that is told out of order counts as later, which only widens spans.
    done: Nanos,
}

/// A served request as the possible start of a span.
#[derive(Clone, Copy, Debug)]
struct Start {
    sent: Nanos,
    /// Over this and all earlier starts, the highest of `allow * sent - per * (served requests sent before it)`: what a
    /// span that begins there has over a bucket that was full then.
    best: i128,
}

/// The readings that are ruled out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Refuted {
    rolling: bool,
    bucket: bool,
    windows: bool,
}

impl Refuted {
    fn has(self, reading: Reading) -> bool {
        match reading {
            Reading::Rolling | Reading::RollingCounter => self.rolling,
            Reading::TokenBucket | Reading::LeakyBucket => self.bucket,
            Reading::FixedFirstHit | Reading::FixedAligned | Reading::IntervalRefill => self.windows,
        }
    }

    fn or(self, other: Refuted) -> Refuted {
        Refuted {
            rolling: self.rolling || other.rolling,
            bucket: self.bucket || other.bucket,
            windows: self.windows || other.windows,
        }
    }
}

impl Admitted {
    /// Takes a served request, in the order of `done`. True when it rules out the last of `readings`; the next call
    /// starts anew.
    pub fn serve(&mut self, rate: Rate, readings: &[Reading], sent: Nanos, done: Nanos) -> bool {
        self.done = self.done.max(done);
        self.insert(rate, sent);
        self.judge(rate, self.done);
        let refuted = readings.iter().all(|reading| self.refuted.has(*reading));
        if refuted {
            *self = Admitted::default();
        }
        refuted
    }

    /// Puts the request in its place by the time it was sent. Only requests that overtook others move anything.
    fn insert(&mut self, rate: Rate, sent: Nanos) {
        let place = self.latest.partition_point(|start| start.sent <= sent);
        let full = self.latest.len() > rate.allow as usize;
        if full && place == 0 {
            return;
        }
        self.latest.insert(place, Start { sent, best: 0 });
        for index in place..self.latest.len() {
            let earlier = if index == 0 { self.best_before } else { Some(self.latest[index - 1].best) };
            let rank = i128::from(self.before) + index as i128;
            let own = i128::from(rate.allow) * i128::from(self.latest[index].sent.0) - i128::from(rate.per.0) * rank;
            self.latest[index].best = earlier.map_or(own, |earlier| earlier.max(own));
        }
        if full && let Some(oldest) = self.latest.pop_front() {
            self.before += 1;
            self.best_before = Some(oldest.best);
        }
    }

    fn judge(&mut self, rate: Rate, done: Nanos) {
        let excess = self.bucket_excess(rate, done);
        self.refuted.bucket |= excess > 0;
        if self.latest.len() <= rate.allow as usize {
            return;
        }
        let from = self.latest[0].sent;
        if done.saturating_sub(from) >= rate.per {
            return;
        }
        self.refuted.rolling = true;
        self.beginning = match self.beginning {
            None => Some((from, done)),
            Some(known) => later_beginning(known, (from, done), rate.per),
        };
        self.refuted.windows |= self.beginning.is_none();
    }

    /// By how much the worst span up to `done` passes what a full bucket gives, in units of 1/`per` tokens.
    fn bucket_excess(&self, rate: Rate, done: Nanos) -> i128 {
        let (allow, per) = (i128::from(rate.allow), i128::from(rate.per.0));
        let served = i128::from(self.before) + self.latest.len() as i128;
        let best = self.latest.back().map_or(0, |start| start.best);
        served * per + best - allow * i128::from(done.0) - allow * per
    }

    /// Whether forgetting the key changes nothing for requests sent from `now` on.
    fn is_idle(&self, rate: Rate, now: Nanos) -> bool {
        let over = |at: Nanos| at.saturating_add(rate.per) <= now;
        self.refuted == Refuted::default()
            && self.latest.back().is_none_or(|start| over(start.sent))
            && self.beginning.is_none_or(|(_, last)| over(last))
            && self.bucket_excess(rate, now) <= -i128::from(rate.allow) * i128::from(rate.per.0)
    }
}

/// Where the latest window may have begun, now that one must have begun within `span` too; None if there is no place.
fn later_beginning(known: (Nanos, Nanos), span: (Nanos, Nanos), per: Nanos) -> Option<(Nanos, Nanos)> {
    let interval = |from: Nanos, to: Nanos| (from <= to).then_some((from, to));
    let the_same = interval(known.0.max(span.0), known.1.min(span.1));
    let another = interval(span.0.max(known.0.saturating_add(per)), span.1);
    match (the_same, another) {
        (Some(same), Some(other)) => Some((same.0.min(other.0), same.1.max(other.1))),
        (same, other) => same.or(other),
    }
}

/// The check for one rate limit.
#[derive(Clone, Debug)]
pub struct Admissions {
    rate: Rate,
    readings: &'static [Reading],
    keys: Keyed<ScopeKey, Admitted>,
    pub served: u64,
    pub refuted: u64,
    /// Readings that were ruled out for some key: what the server does not do.
    ruled_out: Refuted,
    pub exhibits: Exhibits,
}

impl Admissions {
    pub fn new(limit: &RateLimit) -> Self {
        Admissions {
            rate: Rate { allow: limit.allow, per: limit.per },
            readings: Reading::allowed_by(limit.algorithm),
            keys: Keyed::default(),
            served: 0,
            refuted: 0,
            ruled_out: Refuted::default(),
            exhibits: Exhibits::default(),
        }
    }

    pub fn served(&mut self, key: ScopeKey, sent: Nanos, record: &Record, exchange: Option<&Exchange>) {
        let (rate, done) = (self.rate, record.done);
        self.served += 1;
        let state = self.keys.entry(key, |state| state.is_idle(rate, done));
        let known = state.refuted;
        let refuted = state.serve(rate, self.readings, sent, done);
        self.ruled_out = self.ruled_out.or(known).or(state.refuted);
        if refuted {
            self.refuted += 1;
            let why =
                || format!("served although more than {} per {} then were, under every reading", rate.allow, rate.per);
            self.exhibits.show(|| Exhibit::done(record, exchange, why()));
        }
    }

    /// The readings that what was admitted fits, for all keys.
    pub fn fits(&self) -> impl Iterator<Item = Reading> {
        self.readings.iter().copied().filter(|reading| !self.ruled_out.has(*reading))
    }

    /// The readings that what was admitted rules out.
    pub fn ruled_out(&self) -> impl Iterator<Item = Reading> {
        self.readings.iter().copied().filter(|reading| self.ruled_out.has(*reading))
    }

    pub fn merge(&mut self, other: Admissions) {
        self.keys.merge(other.keys);
        self.served += other.served;
        self.refuted += other.refuted;
        self.ruled_out = self.ruled_out.or(other.ruled_out);
        self.exhibits.merge(other.exhibits);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::*;
    use super::*;
    use crate::limiter::build;
    use crate::policy::model::Algorithm;
    use crate::summary::finding::Verdict;

    const PER: u64 = 1_000;

    /// What the check says to the served requests of trips.
    fn refutations(rate: Rate, readings: &[Reading], trips: &[Trip]) -> usize {
        let mut admitted = Admitted::default();
        let served = seen(trips).into_iter().filter(|(_, seen, trip)| *seen == Seen::Done && trip.admitted);
        served.filter(|(_, _, trip)| admitted.serve(rate, readings, trip.sent, trip.done)).count()
    }

    fn any_reading() -> impl Strategy<Value = Reading> {
        prop::sample::select(Reading::ALL.to_vec())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn an_honest_server_is_never_accused(
            reading in any_reading(),
            allow in 1..6u32,
            phase in 0..PER,
            ways in prop::collection::vec((0..400u64, 0..600u64, 0..600u64), 1..120),
        ) {
            let rate = Rate { allow, per: Nanos(PER) };
            let trips = travel(build(reading, rate), phase, &ways);
            prop_assert_eq!(refutations(rate, &[reading], &trips), 0, "judged by its own reading");
            prop_assert_eq!(refutations(rate, &Reading::ALL, &trips), 0, "judged by every reading");
        }

        #[test]
        fn an_honest_server_is_never_accused_when_hammered_over_a_quick_network(
            reading in any_reading(),
            allow in 1..6u32,
            phase in 0..PER,
            ways in prop::collection::vec((0..90u64, 0..30u64, 0..30u64), 1..250),
        ) {
            let rate = Rate { allow, per: Nanos(PER) };
            let trips = travel(build(reading, rate), phase, &ways);
            prop_assert_eq!(refutations(rate, &[reading], &trips), 0);
        }

        #[test]
        fn a_server_that_admits_half_as_much_again_is_caught_when_hammered(
            reading in any_reading(),
            // Below five, half as much again is one or two requests, which can hide at a window's edge.
            allow in 5..30u32,
            phase in 0..PER,
            late in 0..10u64,
        ) {
            let rate = Rate { allow, per: Nanos(PER) };
            let generous = Rate { allow: allow + allow.div_ceil(2), ..rate };
            let gap = PER / u64::from(4 * allow);
            let ways = vec![(gap, late, 10 - late); 8 * PER as usize / gap.max(1) as usize];
            let trips = travel(build(reading, generous), phase, &ways);
            prop_assert!(refutations(rate, &Reading::ALL, &trips) > 0, "{:?} goes unnoticed", reading);
        }

        #[test]
        fn the_rolling_verdict_is_the_naive_one(
            allow in 1..4u32,
            ways in prop::collection::vec((0..400u64, 0..900u64), 1..40),
        ) {
            let rate = Rate { allow, per: Nanos(PER) };
            let mut now = 0;
            let mut spans: Vec<(u64, u64)> = ways.iter().map(|(gap, takes)| { now += gap; (now, now + takes) }).collect();
            spans.sort_by_key(|span| span.1);
            let mut admitted = Admitted::default();
            for (index, (sent, done)) in spans.iter().enumerate() {
                admitted.insert(rate, Nanos(*sent));
                admitted.judge(rate, Nanos(*done));
                let naive = (0..=index).any(|last| {
                    let within = |span: &&(u64, u64)| spans[last].1 - span.0.min(spans[last].1) < PER;
                    spans[..=last].iter().filter(within).count() > allow as usize
                });
                prop_assert_eq!(admitted.refuted.rolling, naive);
            }
        }

        #[test]
        fn a_bucket_is_refuted_only_where_some_span_passes_it(
            allow in 1..4u32,
            ways in prop::collection::vec((0..700u64, 0..500u64), 1..60),
        ) {
            let rate = Rate { allow, per: Nanos(PER) };
            let mut now = 0;
            let mut spans: Vec<(u64, u64)> = ways.iter().map(|(gap, takes)| { now += gap; (now, now + takes) }).collect();
            spans.sort_by_key(|span| span.1);
            let in_order = spans.is_sorted_by_key(|span| span.0);
            let mut admitted = Admitted::default();
            for (index, (sent, done)) in spans.iter().enumerate() {
                admitted.insert(rate, Nanos(*sent));
                admitted.judge(rate, Nanos(*done));
                let passed = |last: usize, first: usize| {
                    let (from, to) = (spans[first].0, spans[last].1);
                    let served = spans[..=last].iter().filter(|span| span.0 >= from).count() as u64;
                    served * PER > u64::from(allow) * (PER + to.saturating_sub(from))
                };
                let naive = (0..=index).any(|last| (0..=last).any(|first| passed(last, first)));
                prop_assert!(naive || !admitted.refuted.bucket);
                prop_assert!(!in_order || naive == admitted.refuted.bucket, "in order it is exact");
            }
        }
    }

    #[test]
    fn twice_the_limit_across_an_edge_is_a_fixed_windows_right_and_two_more_are_nobodys() {
        let rate = Rate { allow: 3, per: Nanos(PER) };
        let serve = |times: &[u64]| {
            let mut admitted = Admitted::default();
            times.iter().filter(|&&at| admitted.serve(rate, &Reading::ALL, Nanos(at), Nanos(at + 1))).count()
        };
        assert_eq!(serve(&[988, 992, 996, 1000, 1004, 1008]), 0);
        assert_eq!(serve(&[980, 984, 988, 992, 996, 1000, 1004, 1008]), 1);
    }

    #[test]
    fn memory_follows_the_limit_and_not_the_requests() {
        let rate = Rate { allow: 5, per: Nanos(PER) };
        let mut admitted = Admitted::default();
        for at in 0..10_000 {
            admitted.serve(rate, &[Reading::FixedAligned], Nanos(at * 180), Nanos(at * 180 + 1));
        }
        assert!(admitted.latest.len() <= 6);
    }

    /// `count` queries in one go, the first `served` of them served; queries have 4 per 10 s.
    fn burst(count: u64, served: u64) -> Outcomes {
        let mut script = Script::default();
        for index in 0..count {
            let ask = Ask::new(0, SITES, index);
            script.ask(if index < served { ask } else { ask.refused() });
        }
        script.verify(scenario(policy(), 1))
    }

    #[test]
    fn the_finding_fails_with_evidence_passes_under_pressure_and_says_when_it_saw_none() {
        let failed = burst(20, 20);
        let finding = failed.finding("server.over-admission", "queries");
        assert_eq!((finding.verdict, finding.wrong), (Verdict::Fail, 1), "{finding:?}");
        assert_eq!(finding.evidence[0].device, "clients/0");
        assert_eq!(finding.evidence[0].sent, "GET /sites");

        assert_eq!(burst(20, 4).finding("server.over-admission", "queries").verdict, Verdict::Pass);
        assert_eq!(burst(4, 4).finding("server.over-admission", "queries").verdict, Verdict::NoData);
        assert_eq!(burst(5, 5).finding("server.over-admission", "queries").verdict, Verdict::Inconclusive);
        assert_eq!(burst(0, 0).finding("server.over-admission", "queries").verdict, Verdict::NoData);
    }

    #[test]
    fn a_definite_algorithm_is_held_to_the_letter() {
        let mut policy = policy();
        policy.classes[0].limits =
            vec![crate::policy::model::Limit::Rate(rate(4, Nanos::from_secs(10), "client_id", Algorithm::Rolling))];
        let mut script = Script::default();
        (0..5).for_each(|index| {
            script.ask(Ask::new(0, SITES, index));
        });
        let outcomes = script.verify(scenario(policy, 1));
        assert_eq!(outcomes.finding("server.over-admission", "queries").verdict, Verdict::Fail);
    }
}
