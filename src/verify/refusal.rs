//! `server.false-refusal`: a request was turned away although no reading could have.
//!
//! Under every reading a refusal takes at least `allow` requests of the key in the `per` before it: a fixed window is never
//! longer, and a bucket from which fewer than `allow` were taken in `per` has run at least one token in meanwhile. So the
//! check counts all that *may* have been counted in that time, wherever in `[sent, done]` each request took effect: served
//! ones, failed ones, requests still in flight, and refused ones too unless the policy says that they cost nothing. Fewer
//! than `allow` prove a false refusal. What may have come from outside this run (requests before it began, to a server
//! that ran before it; a lost request that reaches the server late) proves nothing, and the refusal stays open.
//!
//! The other way round, a refusal is due when requests that were served use the limit up. That is sure where `allow` of them
//! took effect within `per` before it wherever in `[sent, done]` each did, and good enough where they may have done so at
//! moments that fit together: an honest server refuses at the edge of a window too, and the network hides by a hair whether
//! that was before or after. A server that only seems honest within the network's delay is not told from an honest one
//! here, as with over-admission. Requests still in flight may turn out to have been served before the refusal: it waits
//! for them. Whether what was refused and what was let through fit one and the same reading is not looked at. What is left is
//! open: such a refusal needs refused or lost requests to count, or what came before the run,
//! and of that the documents say nothing.
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

/// Refusals of one key that wait for the answers to what was in flight beside them.
const MOST_DOUBTFUL: usize = 256;

/// What one key may have used of one limit.
#[derive(Clone, Debug, Default)]
pub struct Load {
    in_flight: u32,
    /// When the latest requests that may count were done, oldest first; at most `allow`.
    finished: VecDeque<Nanos>,
    /// When the latest served ones were sent and done, by the time they were sent; at most `allow`.
    served: VecDeque<(Nanos, Nanos)>,
    /// Refusals that requests still in flight may explain; at most [`MOST_DOUBTFUL`], those before stay open.
    doubtful: VecDeque<Doubtful>,
    /// When a request last ended without an answer.
    lost: Option<Nanos>,
    /// The turn of its latest request.
    latest: u64,
}

/// A refusal that too few requests are known to explain so far.
#[derive(Clone, Copy, Debug)]
struct Doubtful {
    /// When it was done: what was sent later had no part in it.
    done: Nanos,
    /// How many served requests it still lacks.
    missing: u32,
    /// The moments at which it may have been decided, if those that were found all count.
    from: Nanos,
    before: Nanos,
}

/// What a limit has to say about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// No reading of the limit could have refused.
    Impossible,
    /// Some reading could have, if requests are counted that need not count.
    Possible,
    /// What was served may have used the limit up at the moment of the refusal.
    Due,
    /// What was served alone surely used the limit up.
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
    /// Refusals that stood as possible and turned out to be due.
    pub cleared: u64,
}

impl Loads {
    pub fn new(limit: &RateLimit, prior_traffic: bool) -> Self {
        Loads {
            rate: Rate { allow: limit.allow, per: limit.per },
            counts_refused: limit.counts_refused != CountsRefused::No,
            prior_traffic,
            keys: Keyed::default(),
            cleared: 0,
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
            Outcome::Served => self.cleared += state.serve(rate, sent, record.done),
            Outcome::Failed(_) => state.lost = Some(record.done),
            _ => {}
        }
        if !refused || counts_refused {
            state.finish(record.done, rate.allow);
        }
        if state.in_flight == 0 {
            state.doubtful.clear();
        }
        cause
    }

    /// Lets a refusal that is merely possible wait for what is in flight. To be asked of one limit only.
    pub fn wait_for_others(&mut self, key: ScopeKey, sent: Nanos, done: Nanos) {
        let rate = self.rate;
        if let Some(state) = self.keys.get_mut(&key).filter(|state| state.in_flight > 0) {
            if state.doubtful.len() >= MOST_DOUBTFUL {
                state.doubtful.pop_front();
            }
            state.doubtful.push_back(state.doubt(rate, sent, done));
        }
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
        self.cleared += other.cleared;
    }
}

impl Load {
    /// Takes a served request; how many doubtful refusals it shows to be due.
    fn serve(&mut self, rate: Rate, sent: Nanos, done: Nanos) -> u64 {
        let place = self.served.partition_point(|&(at, _)| at <= sent);
        self.served.insert(place, (sent, done));
        if self.served.len() > rate.allow as usize {
            self.served.pop_front();
        }
        self.doubtful.iter_mut().for_each(|doubtful| doubtful.count(rate.per, sent, done));
        let before = self.doubtful.len();
        self.doubtful.retain(|doubtful| !doubtful.is_due());
        (before - self.doubtful.len()) as u64
    }

    /// A refusal, with all served requests that may count at the moment of its sending or later.
    fn doubt(&self, rate: Rate, sent: Nanos, done: Nanos) -> Doubtful {
        let mut doubtful = Doubtful { done, missing: rate.allow, from: sent, before: Nanos::MAX };
        let recent = self.served.iter().filter(|(_, served)| served.saturating_add(rate.per) > sent);
        recent.for_each(|&(sent, done)| doubtful.count(rate.per, sent, done));
        doubtful
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
        let oldest_counts = self.served.front().is_some_and(|&(oldest, _)| done.saturating_sub(oldest) < rate.per);
        if self.served.len() >= rate.allow as usize && oldest_counts {
            return Cause::Explained;
        }
        if self.doubt(rate, sent, done).is_due() {
            return Cause::Due;
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

impl Doubtful {
    /// Counts a served request that may have taken effect before the refusal was decided, and less than `per` before.
    fn count(&mut self, per: Nanos, sent: Nanos, done: Nanos) {
        if sent <= self.done {
            self.missing = self.missing.saturating_sub(1);
            self.from = self.from.max(sent);
            self.before = self.before.min(done.saturating_add(per));
        }
    }

    /// Whether enough were served that there is a moment at which all of them count.
    fn is_due(&self) -> bool {
        self.missing == 0 && self.from < self.before
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

    /// How many refusals stay open, as far as their class would say.
    fn open(allow: u32, trips: &[Trip]) -> u64 {
        let limit = rate(allow, Nanos(PER), "client_id", Algorithm::Unspecified);
        let mut loads = Loads::new(&limit, false);
        let mut possible = 0;
        for (turn, (at, seen, trip)) in seen(trips).into_iter().enumerate() {
            match seen {
                Seen::Sent => loads.sent(at, KEY, turn as u64),
                Seen::Done => {
                    if loads.done(KEY, trip.sent, &record(&trip)) == Some(Cause::Possible) {
                        possible += 1;
                        loads.wait_for_others(KEY, trip.sent, trip.done);
                    }
                }
            }
        }
        possible - loads.cleared
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

        /// Only a server that counts refused requests too would leave some of its refusals open.
        #[test]
        fn an_honest_servers_refusals_are_due(
            reading in prop::sample::select(Reading::ALL.to_vec()),
            allow in 1..6u32,
            phase in 0..PER,
            ways in prop::collection::vec((0..300u64, 0..30u64, 0..30u64), 1..120),
        ) {
            let rate = Rate { allow, per: Nanos(PER) };
            let trips = travel(build(reading, rate), phase, &ways);
            prop_assert_eq!(open(allow, &trips), 0);
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

        let overlapping = |outcome| {
            let mut script = Script::default();
            (0..3).for_each(|index| {
                script.ask(Ask::new(0, SITES, index * 10));
            });
            script.ask(Ask { outcome, ..Ask::new(0, SITES, 50).takes(5_000) });
            script.ask(Ask::new(0, SITES, 100).refused());
            verdict(&script)
        };
        assert_eq!(
            overlapping(Outcome::Served),
            Verdict::Pass,
            "one in flight was served, before the refusal for all we know"
        );
        assert_eq!(
            overlapping(Outcome::Refused),
            Verdict::Inconclusive,
            "one in flight counts only if refused ones do"
        );
    }

    #[test]
    fn the_network_hides_by_a_hair_whether_a_refusal_came_before_the_window_had_passed() {
        let refused_at = |at: u64| {
            let mut script = Script::default();
            (0..4).for_each(|index| {
                script.ask(Ask::new(0, SITES, index * 10));
            });
            script.ask(Ask::new(0, SITES, at).refused());
            verdict(&script)
        };
        // The first was decided between 0 and 10 ms.
        assert_eq!(refused_at(10_009), Verdict::Pass);
        assert_eq!(refused_at(10_010), Verdict::Inconclusive);
        assert_eq!(refused_at(10_050), Verdict::Fail);
    }

    #[test]
    fn requests_that_cannot_all_have_counted_at_one_moment_clear_no_refusal() {
        let mut script = Script::default();
        (0..3).for_each(|index| {
            script.ask(Ask::new(0, SITES, index));
        });
        // Sent when the first three no longer counted, and answered before the refusal.
        script.ask(Ask::new(0, SITES, 10_020));
        script.ask(Ask::new(0, SITES, 10_005).takes(50).refused());
        assert_eq!(verdict(&script), Verdict::Inconclusive);
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
        let outcomes = script.verify(scenario.clone());
        assert_eq!(outcomes.finding("server.false-refusal", "queries").verdict, Verdict::Inconclusive);
        let mut later = Script::default();
        later.ask(Ask::new(0, SITES, 10_000).refused());
        let outcomes = later.verify(scenario);
        assert_eq!(outcomes.finding("server.false-refusal", "queries").verdict, Verdict::Fail, "a window later");
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
