use proptest::prelude::*;

use super::*;
use crate::device::{self, Failure, Flow};
use crate::limiter::{Rate, build};
use crate::policy::model::Algorithm;
use crate::policy::reading::Reading;
use crate::policy::signals::{Hint, Told};
use crate::scenario::operation::Detail;
use crate::scenario::target::{RemoteSpec, Target};
use crate::scenario::{DeviceId, Scenario};
use crate::summary::finding::Verdict;
use crate::verify::testing::*;

const PER: u64 = 1_000;
const KEY: ScopeKey = ScopeKey(7);
const CLASS: ClassId = ClassId(0);

const STATED: [Algorithm; 7] = [
    Algorithm::FixedAligned,
    Algorithm::FixedFirstHit,
    Algorithm::Rolling,
    Algorithm::TokenBucket,
    Algorithm::LeakyBucket,
    Algorithm::RollingCounter,
    Algorithm::IntervalRefill,
];

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
    let mut loads = Loads::new(&limit, &Terms::of(&limit, ANCHOR), false);
    let mut possible = 0;
    for (turn, (at, seen, trip)) in seen(trips).into_iter().enumerate() {
        match seen {
            Seen::Sent => loads.sent(at, KEY, turn as u64, trip.cost),
            Seen::Done => {
                if loads.done(KEY, trip.sent, &record(&trip), CLASS, trip.cost) == Some(Cause::Possible) {
                    possible += 1;
                    let refused = Refused { class: CLASS, sent: trip.sent, done: trip.done, cost: trip.cost };
                    loads.wait_for_others(KEY, &refused);
                }
            }
        }
    }
    possible - loads.cleared(CLASS)
}

fn causes(allow: u32, counts_refused: CountsRefused, trips: &[Trip]) -> Vec<Cause> {
    let limit = RateLimit { counts_refused, ..rate(allow, Nanos(PER), "client_id", Algorithm::Unspecified) };
    causes_of(&limit, trips)
}

fn causes_of(limit: &RateLimit, trips: &[Trip]) -> Vec<Cause> {
    causes_at(limit, false, trips)
}

/// `prior_traffic`: of a server that ran before the run.
fn causes_at(limit: &RateLimit, prior_traffic: bool, trips: &[Trip]) -> Vec<Cause> {
    let mut loads = Loads::new(limit, &Terms::of(limit, ANCHOR), prior_traffic);
    let mut causes = Vec::new();
    for (turn, (at, seen, trip)) in seen(trips).into_iter().enumerate() {
        match seen {
            Seen::Sent => loads.sent(at, KEY, turn as u64, trip.cost),
            Seen::Done => causes.extend(loads.done(KEY, trip.sent, &record(&trip), CLASS, trip.cost)),
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
    fn an_honest_refusal_is_never_called_false_whatever_it_holds_at_once_and_requests_cost(
        algorithm in prop::sample::select(STATED.to_vec()),
        allow in 1..6u32,
        burst in 3..15u32,
        phase in 0..PER,
        ways in prop::collection::vec((0..300u64, 0..400u64, 0..400u64), 1..120),
        costs in prop::collection::vec(1..4u32, 120),
    ) {
        let limit = RateLimit { burst: Some(burst), ..rate(allow, Nanos(PER), "client_id", algorithm) };
        let terms = Terms::of(&limit, ANCHOR);
        let trips = travel_at(build_of(terms.strictest(), &terms), phase, &ways, &costs);
        prop_assert!(!causes_of(&limit, &trips).contains(&Cause::Impossible));
    }

    #[test]
    fn an_honest_refusal_is_never_called_false_whatever_was_used_before_the_run(
        algorithm in prop::sample::select(STATED.to_vec()),
        allow in 1..6u32,
        burst in 3..15u32,
        phase in 0..PER,
        before in 0..15u32,
        ways in prop::collection::vec((0..400u64, 0..400u64, 0..400u64), 1..120),
    ) {
        let limit = RateLimit { burst: Some(burst), ..rate(allow, Nanos(PER), "client_id", algorithm) };
        let terms = Terms::of(&limit, ANCHOR);
        let mut server = build_of(terms.strictest(), &terms);
        (0..before).for_each(|_| {
            server.check(Nanos(phase), 1);
        });
        prop_assert!(!causes_at(&limit, true, &travel(server, phase, &ways)).contains(&Cause::Impossible));
    }

    #[test]
    fn a_server_that_holds_half_is_caught_under_each_algorithm(
        algorithm in prop::sample::select(STATED.to_vec()),
        allow in 4..30u32,
    ) {
        let limit = RateLimit { burst: Some(2 * allow), ..rate(allow, Nanos(PER), "client_id", algorithm) };
        let honest = Terms::of(&limit, ANCHOR);
        let strict = Terms { rate: Rate { allow: allow / 2, ..honest.rate }, burst: Some(allow / 2), ..honest };
        let ways = vec![(1, 0, 1); 200];
        let trips = travel(build_of(honest.strictest(), &strict), 0, &ways);
        prop_assert!(causes_of(&limit, &trips).contains(&Cause::Impossible));
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
    assert_eq!(overlapping(Outcome::Refused), Verdict::Inconclusive, "one in flight counts only if refused ones do");
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
    // The first was decided between 0 and 10 ms, and the server's clock may be a millisecond behind.
    assert_eq!(refused_at(10_010), Verdict::Pass);
    assert_eq!(refused_at(10_011), Verdict::Inconclusive);
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
    later.ask(Ask::new(0, SITES, 10_001).refused());
    let outcomes = later.verify(scenario);
    assert_eq!(outcomes.finding("server.false-refusal", "queries").verdict, Verdict::Fail, "a window later");
}

/// 25 per second from a bucket of 250, of which one in twenty-five is left to run in, then twenty at once at 11 s.
fn used_while_it_fills(drained: bool) -> (RateLimit, Vec<Trip>) {
    let limit = RateLimit { burst: Some(250), ..rate(25, Nanos::from_secs(1), "client_id", Algorithm::TokenBucket) };
    let terms = Terms::of(&limit, ANCHOR);
    let mut server = build_of(terms.strictest(), &terms);
    (0..if drained { 250 } else { 0 }).for_each(|_| {
        server.check(Nanos::ZERO, 1);
    });
    let apart = Nanos::from_secs(1).0 / 24;
    let mut ways = vec![(apart, 0, 1); 11 * 24];
    ways.extend([(1_000, 0, 1); 20]);
    (limit, travel(server, 0, &ways))
}

#[test]
fn a_bucket_that_was_empty_when_the_run_began_stays_low_while_it_is_used() {
    let (limit, trips) = used_while_it_fills(true);
    let causes = causes_at(&limit, true, &trips);
    assert!(causes.len() > 5 && !causes.contains(&Cause::Impossible), "{causes:?}");
    assert!(causes_at(&limit, false, &trips).contains(&Cause::Impossible), "nobody else can have drained it");
    assert!(causes_at(&limit, true, &used_while_it_fills(false).1).is_empty());
}

#[test]
fn what_a_bucket_gave_at_once_shows_that_it_was_not_empty() {
    let limit = RateLimit { burst: Some(10), ..rate(1, Nanos(PER), "client_id", Algorithm::TokenBucket) };
    let trip = |at: u64, admitted| Trip { sent: Nanos(at), server: Nanos(at), done: Nanos(at + 1), admitted, cost: 1 };
    // It gave all ten, so it holds ten again after ten turns, whatever it had given before the run.
    let served = (0..10).map(|turn| trip(turn * 10, true));
    let after =
        |turns: u64| causes_at(&limit, true, &served.clone().chain([trip(turns * PER, false)]).collect::<Vec<_>>());
    assert_eq!(after(11), [Cause::Impossible]);
    assert_eq!(after(1), [Cause::Due]);
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
    assert_eq!(fleet.verdict, Verdict::Fail, "five in a minute: a bucket would let them through, the server did not");
}

#[test]
fn a_refusal_outside_every_class_is_undocumented() {
    let mut script = Script::default();
    script.ask(Ask::new(0, UNNAMED, 0).refused());
    let outcomes = script.verify(scenario(policy(), 1));
    assert_eq!(outcomes.finding("server.false-refusal", "unclassified").verdict, Verdict::Undocumented);
}
