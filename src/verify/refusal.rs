//! `server.false-refusal`: a request was turned away although no reading could have.
//!
//! Under every reading a refusal takes at least `allow` requests of the key in the `per` before it: a fixed window is never
//! longer, and a bucket from which fewer than `allow` were taken in `per` has run at least one token in meanwhile. So the
//! check counts all that *may* have been counted in that time, wherever in `[sent, done]` each request took effect: served
//! ones, failed ones, requests still in flight, and refused ones too unless the policy says that they cost nothing. Fewer
//! than `allow` prove a false refusal. What may have come from outside this run (requests before it began, to a server
//! that ran before it; a lost request that reaches the server late) proves nothing, and the refusal stays open.
//!
//! The bound is sharpest for a rolling window. Where the provider promises another algorithm it is as sound, but a refusal
//! that only a rolling window would make (just after the edge of a fixed one, say) is not called false.

use std::collections::VecDeque;

use super::keyed::Keyed;
use crate::device::Outcome;
use crate::limiter::Rate;
use crate::policy::model::{CountsRefused, RateLimit};
use crate::record::Record;
use crate::scenario::ScopeKey;
use crate::time::Nanos;

/// What one key may have used of one limit.
#[derive(Clone, Debug, Default)]
pub struct Load {
    in_flight: u32,
    /// When the latest requests that may count were done, oldest first; at most `allow`.
    finished: VecDeque<Nanos>,
    /// When the latest served ones were sent, oldest first; at most `allow`.
    served: VecDeque<Nanos>,
    /// When a request last ended without an answer.
    lost: Option<Nanos>,
    /// The turn of its latest request.
    latest: u64,
}

/// What a limit has to say about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// No reading of the limit could have refused.
    Impossible,
    /// Some reading could have, if requests are counted that need not count.
    Possible,
    /// What was served alone used the limit up.
    Explained,
}

/// The load on one rate limit.
#[derive(Clone, Debug)]
pub struct Loads {
    rate: Rate,
    counts_refused: bool,
    /// Whether the server may have seen other requests before the run began.
    prior_traffic: bool,
    keys: Keyed<ScopeKey, Load>,
}

impl Loads {
    pub fn new(limit: &RateLimit, prior_traffic: bool) -> Self {
        Loads {
            rate: Rate { allow: limit.allow, per: limit.per },
            counts_refused: limit.counts_refused != CountsRefused::No,
            prior_traffic,
            keys: Keyed::default(),
        }
    }

    /// Takes a request on its way; `turn` numbers the requests of the shard.
    pub fn sent(&mut self, at: Nanos, key: ScopeKey, turn: u64) {
        let per = self.rate.per;
        let state = self.keys.entry(key, |state| state.is_idle(per, at));
        state.in_flight += 1;
        state.latest = turn;
    }

    /// Takes an answered or lost request; judges it if it was refused.
    pub fn done(&mut self, key: ScopeKey, sent: Nanos, record: &Record) -> Option<Cause> {
        let Loads { rate, counts_refused, prior_traffic, .. } = *self;
        let state = self.keys.entry(key, |_| false);
        state.in_flight = state.in_flight.saturating_sub(1);
        let refused = record.outcome == Outcome::Refused;
        let before_run = prior_traffic && sent < rate.per;
        let cause = refused.then(|| state.cause(rate, before_run, sent, record.done));
        match record.outcome {
            Outcome::Served => state.serve(sent, rate.allow),
            Outcome::Failed(_) => state.lost = Some(record.done),
            _ => {}
        }
        if !refused || counts_refused {
            state.finish(record.done, rate.allow);
        }
        cause
    }

    /// Whether the key had nothing else under way between the sending of a request that is just done and now.
    pub fn was_alone(&self, key: ScopeKey, sent: Nanos, turn: u64) -> bool {
        self.keys.get(&key).is_some_and(|state| {
            // The request itself is the last of `finished` when it counts.
            let mut others = state.finished.iter().rev().skip(usize::from(self.counts_refused));
            state.in_flight == 0 && state.latest == turn && others.next().is_none_or(|&done| done <= sent)
        })
    }

    /// Whether a key was left alone since the request of that turn.
    pub fn was_quiet(&self, key: ScopeKey, turn: u64) -> bool {
        self.keys.get(&key).is_some_and(|state| state.in_flight == 0 && state.latest == turn)
    }

    /// The turn of a key's latest request.
    pub fn latest(&self, key: ScopeKey) -> u64 {
        self.keys.get(&key).map_or(0, |state| state.latest)
    }

    pub fn merge(&mut self, other: Loads) {
        self.keys.merge(other.keys);
    }
}

impl Load {
    fn serve(&mut self, sent: Nanos, most: u32) {
        let place = self.served.partition_point(|&at| at <= sent);
        self.served.insert(place, sent);
        if self.served.len() > most as usize {
            self.served.pop_front();
        }
    }

    fn finish(&mut self, done: Nanos, most: u32) {
        if self.finished.len() == most as usize {
            self.finished.pop_front();
        }
        // Ends that are told out of order count as later, which only keeps more refusals open.
        let done = self.finished.back().map_or(done, |&latest| latest.max(done));
        self.finished.push_back(done);
    }

    fn cause(&self, rate: Rate, before_run: bool, sent: Nanos, done: Nanos) -> Cause {
        let oldest_counts = self.served.front().is_some_and(|&oldest| done.saturating_sub(oldest) < rate.per);
        if self.served.len() >= rate.allow as usize && oldest_counts {
            return Cause::Explained;
        }
        let finished = self.finished.len() - self.finished.partition_point(|&at| at.saturating_add(rate.per) < sent);
        let full = self.in_flight as usize + finished >= rate.allow as usize;
        let lost_lately = self.lost.is_some_and(|lost| sent <= lost.saturating_add(rate.per * 2));
        if full || lost_lately || before_run { Cause::Possible } else { Cause::Impossible }
    }

    fn is_idle(&self, per: Nanos, now: Nanos) -> bool {
        let over = |at: &Nanos| at.saturating_add(per * 2) < now;
        self.in_flight == 0 && self.finished.back().is_none_or(over) && self.lost.as_ref().is_none_or(over)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::*;
    use super::*;
    use crate::device::{self, Failure, Flow};
    use crate::limiter::build;
    use crate::policy::model::Algorithm;
    use crate::policy::reading::Reading;
    use crate::policy::signals::{Hint, Told};
    use crate::scenario::operation::Detail;
    use crate::scenario::target::{RemoteSpec, Target};
    use crate::scenario::{DeviceId, Scenario};
    use crate::summary::finding::Verdict;

    const PER: u64 = 1_000;
    const KEY: ScopeKey = ScopeKey(7);

    fn record(trip: &Trip) -> Record {
        Record {
            device: DeviceId(0),
            operation: SITES,
            flow: Flow(0),
            attempt: 1,
            cause: device::Cause::Schedule,
            detail: Detail::None,
            due: trip.sent,
            sent: Some(trip.sent),
            done: trip.done,
            outcome: if trip.admitted { Outcome::Served } else { Outcome::Refused },
            status: 0,
            hint: Hint::Absent,
            told: Told::default(),
            breaches: 0,
        }
    }

    fn causes(allow: u32, counts_refused: CountsRefused, trips: &[Trip]) -> Vec<Cause> {
        let limit = RateLimit { counts_refused, ..rate(allow, Nanos(PER), "client_id", Algorithm::Unspecified) };
        let mut loads = Loads::new(&limit, false);
        let mut causes = Vec::new();
        for (turn, (at, seen, trip)) in seen(trips).into_iter().enumerate() {
            match seen {
                Seen::Sent => loads.sent(at, KEY, turn as u64),
                Seen::Done => causes.extend(loads.done(KEY, trip.sent, &record(&trip))),
            }
        }
        causes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn an_honest_refusal_is_never_called_false(
            reading in prop::sample::select(Reading::ALL.to_vec()),
            allow in 1..6u32,
            phase in 0..PER,
            counts_refused in prop::sample::select(vec![CountsRefused::No, CountsRefused::Unspecified]),
            ways in prop::collection::vec((0..300u64, 0..600u64, 0..600u64), 1..120),
        ) {
            let rate = Rate { allow, per: Nanos(PER) };
            let trips = travel(build(reading, rate), phase, &ways);
            prop_assert!(!causes(allow, counts_refused, &trips).contains(&Cause::Impossible));
        }

        #[test]
        fn a_server_that_refuses_at_half_the_limit_is_caught_when_hammered(
            reading in prop::sample::select(Reading::ALL.to_vec()),
            allow in 2..30u32,
        ) {
            let strict = Rate { allow: allow / 2, per: Nanos(PER) };
            let gap = PER / u64::from(4 * allow);
            let ways = vec![(gap.max(1), 0, 1); 200];
            let trips = travel(build(reading, strict), 0, &ways);
            prop_assert!(causes(allow, CountsRefused::Unspecified, &trips).contains(&Cause::Impossible));
        }

        #[test]
        fn a_rolling_servers_refusals_follow_from_what_it_served(
            allow in 1..6u32,
            gaps in prop::collection::vec(0..300u64, 1..120),
        ) {
            let rate = Rate { allow, per: Nanos(PER) };
            let ways: Vec<_> = gaps.into_iter().map(|gap| (gap, 0, 0)).collect();
            let trips = travel(build(Reading::Rolling, rate), 0, &ways);
            let causes = causes(allow, CountsRefused::Unspecified, &trips);
            prop_assert!(causes.iter().all(|cause| *cause == Cause::Explained));
        }
    }

    fn verdict(script: &Script) -> Verdict {
        script.verify(scenario(policy(), 1)).finding("server.false-refusal", "queries").verdict
    }

    #[test]
    fn the_finding_fails_passes_stays_open_and_says_when_it_saw_nothing() {
        let mut script = Script::default();
        script.ask(Ask::new(0, SITES, 0));
        assert_eq!(verdict(&script), Verdict::NoData);
        (1..4).for_each(|index| {
            script.ask(Ask::new(0, SITES, index * 100));
        });
        script.ask(Ask::new(0, SITES, 500).refused());
        assert_eq!(verdict(&script), Verdict::Pass);

        let mut script = Script::default();
        script.ask(Ask::new(0, SITES, 0));
        script.ask(Ask::new(0, SITES, 100).refused());
        let outcomes = script.verify(scenario(policy(), 1));
        let finding = outcomes.finding("server.false-refusal", "queries");
        assert_eq!((finding.verdict, finding.wrong), (Verdict::Fail, 1));
        assert_eq!(finding.evidence[0].received, "429 as it came");

        let mut script = Script::default();
        (0..4).for_each(|index| {
            script.ask(Ask::new(0, SITES, index * 10).takes(5_000));
        });
        script.ask(Ask::new(0, SITES, 100).refused());
        assert_eq!(verdict(&script), Verdict::Inconclusive, "four are in flight");
    }

    #[test]
    fn a_lost_request_may_reach_the_server_late_and_keeps_a_refusal_open() {
        let mut script = Script::default();
        script.ask(Ask { outcome: Outcome::Failed(Failure::Timeout), ..Ask::new(0, SITES, 0) });
        script.ask(Ask::new(0, SITES, 15_000).refused());
        assert_eq!(verdict(&script), Verdict::Inconclusive);
    }

    #[test]
    fn a_server_that_ran_before_may_have_counted_what_came_before() {
        let mut script = Script::default();
        script.ask(Ask::new(0, SITES, 100).refused());
        assert_eq!(verdict(&script), Verdict::Fail);
        let remote = RemoteSpec { url: "http://127.0.0.1:1".into(), authorized: false, ca_file: None };
        let scenario = Scenario { target: Target::Remote(remote), ..scenario(policy(), 1) };
        let outcomes = script.verify(scenario);
        assert_eq!(outcomes.finding("server.false-refusal", "queries").verdict, Verdict::Inconclusive);
    }

    #[test]
    fn the_longer_of_two_windows_explains_what_the_shorter_one_does_not() {
        let mut script = Script::default();
        (0..4).for_each(|index| {
            script.ask(Ask::new(0, SITES, index * 6_000));
        });
        script.ask(Ask::new(0, SITES, 24_000).refused());
        assert_eq!(verdict(&script), Verdict::Fail);
        let mut policy = policy();
        let longer = rate(4, Nanos::from_secs(60), "client_id", Algorithm::Unspecified);
        policy.classes[0].limits.push(crate::policy::model::Limit::Rate(longer));
        let outcomes = script.verify(scenario(policy, 1));
        assert_eq!(outcomes.finding("server.false-refusal", "queries").verdict, Verdict::Pass);
        let fleet = outcomes.finding("fleet.quota", "queries");
        assert_eq!(
            fleet.verdict,
            Verdict::Fail,
            "five in a minute: a bucket would let them through, the server did not"
        );
    }

    #[test]
    fn a_refusal_outside_every_class_is_undocumented() {
        let mut script = Script::default();
        script.ask(Ask::new(0, UNNAMED, 0).refused());
        let outcomes = script.verify(scenario(policy(), 1));
        assert_eq!(outcomes.finding("server.false-refusal", "unclassified").verdict, Verdict::Undocumented);
    }
}
