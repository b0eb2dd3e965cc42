//! `server.over-admission`: more was let through than any reading allows, whatever the network did.
//!
//! A served request took effect at the server at some unknown moment in `[sent, done]`. A reading is refuted for a key
//! when no choice of these moments keeps to it. Answers are handled as they come, so `done` never goes back, and at each
//! answer at `b`:
//!
//! - **Rolling window.** More than `allow` served requests with `b - sent < per` all took effect within less than `per`.
//! - **Buckets.** For some `a`, more than `capacity + allow * (b - a) / per` served requests were sent at or after `a`. One
//!   that is filled up at intervals may have had one filling more in that time, by its phase.
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
//! A rolling window estimated from two fixed ones never admits more than `allow` in one of them, so it is refuted with the
//! fixed windows. Where requests differ in cost, all these counts are of points.
//!
//! Over-admission is reported when every reading that the words allow is refuted for one key; the key then starts anew, so
//! each report rests on requests of its own. Only served requests count: what a 4xx, a 5xx or a lost answer cost at the
//! server is not documented. Leaving requests out only makes the check miss something, never accuse. Some limits cannot be
//! judged so at all: see [`Unjudged`].

use std::collections::VecDeque;

use super::exhibit::{Exhibit, Exhibits};
use super::keyed::Keyed;
use super::terms::Terms;
use crate::policy::model::{Cost, RateLimit};
use crate::policy::reading::Reading;
use crate::record::{Exchange, Record};
use crate::scenario::ScopeKey;
use crate::time::Nanos;

/// What one key was let through.
#[derive(Clone, Debug, Default)]
pub struct Admitted {
    /// The latest served requests that are more than `allow` together, by the time they were sent.
    latest: VecDeque<Start>,
    /// What they cost together.
    held: u64,
    /// What those cost that were pushed out of `latest`, and the best start of a span among them.
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
    cost: u32,
    /// Over this and all earlier starts, the highest of `allow * sent - per * (what was served and sent before it)`: what a
    /// span that begins there has over a bucket that was full then.
    best: i128,
}

/// The readings that are ruled out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Refuted {
    rolling: bool,
    token: bool,
    leaky: bool,
    refill: bool,
    windows: bool,
}

impl Refuted {
    fn has(self, reading: Reading) -> bool {
        match reading {
            Reading::Rolling => self.rolling,
            Reading::TokenBucket => self.token,
            Reading::LeakyBucket => self.leaky,
            Reading::IntervalRefill => self.refill,
            Reading::FixedFirstHit | Reading::FixedAligned | Reading::RollingCounter => self.windows,
        }
    }

    fn or(self, other: Refuted) -> Refuted {
        Refuted {
            rolling: self.rolling || other.rolling,
            token: self.token || other.token,
            leaky: self.leaky || other.leaky,
            refill: self.refill || other.refill,
            windows: self.windows || other.windows,
        }
    }
}

impl Admitted {
    /// Takes a served request, in the order of `done`. True when it rules out the last of the readings; the next call
    /// starts anew.
    pub fn serve(&mut self, terms: &Terms, sent: Nanos, done: Nanos, cost: u32) -> bool {
        self.done = self.done.max(done);
        self.insert(terms, sent, cost);
        self.judge(terms, self.done);
        let refuted = terms.readings.iter().all(|reading| self.refuted.has(*reading));
        if refuted {
            *self = Admitted::default();
        }
        refuted
    }

    /// Puts the request in its place by the time it was sent. Only requests that overtook others move anything.
    fn insert(&mut self, terms: &Terms, sent: Nanos, cost: u32) {
        let (allow, per) = (u64::from(terms.rate.allow), i128::from(terms.rate.per.0));
        let place = self.latest.partition_point(|start| start.sent <= sent);
        if self.held > allow && place == 0 {
            return;
        }
        self.latest.insert(place, Start { sent, cost, best: 0 });
        self.held += u64::from(cost);
        let earlier: u64 = self.latest.range(..place).map(|start| u64::from(start.cost)).sum();
        let mut rank = i128::from(self.before + earlier);
        for index in place..self.latest.len() {
            let earlier = if index == 0 { self.best_before } else { Some(self.latest[index - 1].best) };
            let start = &mut self.latest[index];
            let own = i128::from(allow) * i128::from(start.sent.0) - per * rank;
            start.best = earlier.map_or(own, |earlier| earlier.max(own));
            rank += i128::from(start.cost);
        }
        while let Some(&oldest) = self.latest.front()
            && self.held - u64::from(oldest.cost) > allow
        {
            self.latest.pop_front();
            self.held -= u64::from(oldest.cost);
            self.before += u64::from(oldest.cost);
            self.best_before = Some(oldest.best);
        }
    }

    fn judge(&mut self, terms: &Terms, done: Nanos) {
        let (allow, per) = (terms.rate.allow, terms.rate.per);
        let drained = self.drained(terms, done);
        let passes = |capacity: u32, more: u32| drained > (i128::from(capacity) + i128::from(more)) * i128::from(per.0);
        self.refuted.token |= passes(terms.ceiling(Reading::TokenBucket), 0);
        self.refuted.leaky |= passes(terms.ceiling(Reading::LeakyBucket), 0);
        self.refuted.refill |= passes(terms.ceiling(Reading::IntervalRefill), allow);
        if self.held <= u64::from(allow) {
            return;
        }
        let from = self.latest[0].sent;
        if done.saturating_sub(from) >= per {
            return;
        }
        self.refuted.rolling = true;
        self.beginning = match self.beginning {
            None => Some((from, done)),
            Some(known) => later_beginning(known, (from, done), per),
        };
        self.refuted.windows |= self.beginning.is_none();
        // Filled up with no more than it holds, such a bucket is a fixed window.
        self.refuted.refill |= self.refuted.windows && terms.ceiling(Reading::IntervalRefill) <= allow;
    }

    /// How much the worst span up to `done` takes from a bucket that was full at its beginning, in units of 1/`per` tokens.
    fn drained(&self, terms: &Terms, done: Nanos) -> i128 {
        let (allow, per) = (i128::from(terms.rate.allow), i128::from(terms.rate.per.0));
        let served = i128::from(self.before) + i128::from(self.held);
        self.latest.back().map_or(0, |start| served * per + start.best - allow * i128::from(done.0))
    }

    /// Whether forgetting the key changes nothing for requests sent from `now` on.
    fn is_idle(&self, terms: &Terms, now: Nanos) -> bool {
        let over = |at: Nanos| at.saturating_add(terms.rate.per) <= now;
        self.refuted == Refuted::default()
            && self.latest.back().is_none_or(|start| over(start.sent))
            && self.beginning.is_none_or(|(_, last)| over(last))
            && self.drained(terms, now) <= 0
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

/// Why what a server lets through cannot be held against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unjudged {
    /// The provider grants at least so much.
    LowerBound,
    /// Requests count once their answers are known: what is let through in the meantime is nobody's fault.
    CountsAnswers,
    /// An answer tells what its request cost, and may give any part of it back.
    CostIsTold,
}

impl Unjudged {
    fn of(limit: &RateLimit) -> Option<Self> {
        if limit.at_least {
            Some(Unjudged::LowerBound)
        } else if !limit.counts_statuses.is_empty() {
            Some(Unjudged::CountsAnswers)
        } else {
            matches!(limit.cost, Cost::Told { .. }).then_some(Unjudged::CostIsTold)
        }
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Unjudged::LowerBound => "The provider grants at least so much; letting more through breaks no promise",
            Unjudged::CountsAnswers => {
                "Requests count here once their answers are known, so nobody can tell from outside what was let through too many"
            }
            Unjudged::CostIsTold => {
                "What a request costs is told by its answer, so nobody can tell from outside what was let through too many"
            }
        }
    }
}

/// The check for one rate limit.
#[derive(Clone, Debug)]
pub struct Admissions {
    terms: Terms,
    pub unjudged: Option<Unjudged>,
    keys: Keyed<ScopeKey, Admitted>,
    pub served: u64,
    pub refuted: u64,
    /// Readings that were ruled out for some key: what the server does not do.
    ruled_out: Refuted,
    pub exhibits: Exhibits,
}

impl Admissions {
    pub fn new(limit: &RateLimit, terms: Terms) -> Self {
        Admissions {
            terms,
            unjudged: Unjudged::of(limit),
            keys: Keyed::default(),
            served: 0,
            refuted: 0,
            ruled_out: Refuted::default(),
            exhibits: Exhibits::default(),
        }
    }

    /// Takes a served request that took effect at `sent` or later and cost so much.
    pub fn served(&mut self, key: ScopeKey, sent: Nanos, cost: u32, record: &Record, exchange: Option<&Exchange>) {
        self.served += 1;
        if self.unjudged.is_some() {
            return;
        }
        let (terms, done) = (&self.terms, record.done);
        let state = self.keys.entry(key, |state| state.is_idle(terms, done));
        let known = state.refuted;
        let refuted = state.serve(terms, sent, done, cost);
        self.ruled_out = self.ruled_out.or(known).or(state.refuted);
        if refuted {
            self.refuted += 1;
            let rate = terms.rate;
            let why =
                || format!("served although more than {} per {} then were, under every reading", rate.allow, rate.per);
            self.exhibits.show(|| Exhibit::done(record, exchange, why()));
        }
    }

    /// The readings that what was admitted fits, for all keys.
    pub fn fits(&self) -> impl Iterator<Item = Reading> {
        self.terms.readings.iter().copied().filter(|reading| !self.ruled_out.has(*reading))
    }

    /// The readings that what was admitted rules out.
    pub fn ruled_out(&self) -> impl Iterator<Item = Reading> {
        self.terms.readings.iter().copied().filter(|reading| self.ruled_out.has(*reading))
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
    use crate::limiter::{Rate, build};
    use crate::policy::model::Algorithm;
    use crate::summary::finding::Verdict;

    const PER: u64 = 1_000;

    fn terms(rate: Rate, readings: &'static [Reading]) -> Terms {
        Terms { rate, burst: None, calendar: None, anchor: ANCHOR, readings }
    }

    /// The one reading.
    fn only(reading: Reading) -> &'static [Reading] {
        let known: &'static [Reading] = &Reading::KNOWN;
        let index = known.iter().position(|known| *known == reading).unwrap();
        &known[index..=index]
    }

    /// What the check says to the served requests of trips.
    fn refutations(rate: Rate, readings: &'static [Reading], trips: &[Trip]) -> usize {
        refutations_of(&terms(rate, readings), trips)
    }

    fn refutations_of(terms: &Terms, trips: &[Trip]) -> usize {
        let mut admitted = Admitted::default();
        let served = seen(trips).into_iter().filter(|(_, seen, trip)| *seen == Seen::Done && trip.admitted);
        served.filter(|(_, _, trip)| admitted.serve(terms, trip.sent, trip.done, trip.cost)).count()
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
            prop_assert_eq!(refutations(rate, only(reading), &trips), 0, "judged by its own reading");
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
            prop_assert_eq!(refutations(rate, only(reading), &trips), 0);
        }

        #[test]
        fn an_honest_server_is_never_accused_whatever_it_holds_at_once_and_requests_cost(
            reading in prop::sample::select(Reading::KNOWN.to_vec()),
            allow in 1..6u32,
            burst in 0..15u32,
            phase in 0..PER,
            ways in prop::collection::vec((0..300u64, 0..400u64, 0..400u64), 1..150),
            costs in prop::collection::vec(1..4u32, 150),
        ) {
            let terms = Terms { burst: Some(burst + 3), ..terms(Rate { allow, per: Nanos(PER) }, only(reading)) };
            let trips = travel_at(build_of(reading, &terms), phase, &ways, &costs);
            prop_assert_eq!(refutations_of(&terms, &trips), 0);
        }

        #[test]
        fn a_server_that_admits_half_as_much_again_is_caught_under_each_reading(
            reading in prop::sample::select(Reading::KNOWN.to_vec()),
            allow in 5..30u32,
            burst in 5..30u32,
            phase in 0..PER,
        ) {
            let honest = Terms { burst: Some(burst), ..terms(Rate { allow, per: Nanos(PER) }, only(reading)) };
            let rate = Rate { allow: allow + allow.div_ceil(2), ..honest.rate };
            let generous = Terms { rate, burst: Some(burst + burst.div_ceil(2)), ..honest };
            let gap = PER / u64::from(4 * allow);
            let ways = vec![(gap, 5, 5); 16 * PER as usize / gap as usize];
            let trips = travel(build_of(reading, &generous), phase, &ways);
            prop_assert!(refutations_of(&honest, &trips) > 0, "{:?} goes unnoticed", reading);
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
                admitted.insert(&terms(rate, &Reading::ALL), Nanos(*sent), 1);
                admitted.judge(&terms(rate, &Reading::ALL), Nanos(*done));
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
                admitted.insert(&terms(rate, &Reading::ALL), Nanos(*sent), 1);
                admitted.judge(&terms(rate, &Reading::ALL), Nanos(*done));
                let passed = |last: usize, first: usize| {
                    let (from, to) = (spans[first].0, spans[last].1);
                    let served = spans[..=last].iter().filter(|span| span.0 >= from).count() as u64;
                    served * PER > u64::from(allow) * (PER + to.saturating_sub(from))
                };
                let naive = (0..=index).any(|last| (0..=last).any(|first| passed(last, first)));
                prop_assert!(naive || !admitted.refuted.token);
                prop_assert!(!in_order || naive == admitted.refuted.token, "in order it is exact");
            }
        }
    }

    #[test]
    fn twice_the_limit_across_an_edge_is_a_fixed_windows_right_and_two_more_are_nobodys() {
        let rate = Rate { allow: 3, per: Nanos(PER) };
        let serve = |times: &[u64]| {
            let mut admitted = Admitted::default();
            times.iter().filter(|&&at| admitted.serve(&terms(rate, &Reading::ALL), Nanos(at), Nanos(at + 1), 1)).count()
        };
        assert_eq!(serve(&[988, 992, 996, 1000, 1004, 1008]), 0);
        assert_eq!(serve(&[980, 984, 988, 992, 996, 1000, 1004, 1008]), 1);
    }

    #[test]
    fn memory_follows_the_limit_and_not_the_requests() {
        let rate = Rate { allow: 5, per: Nanos(PER) };
        let mut admitted = Admitted::default();
        for at in 0..10_000 {
            admitted.serve(&terms(rate, only(Reading::FixedAligned)), Nanos(at * 180), Nanos(at * 180 + 1), 1);
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
