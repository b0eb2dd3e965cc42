use proptest::prelude::*;

use super::*;
use crate::limiter::{Rate, build};
use crate::policy::model::Algorithm;
use crate::summary::finding::Verdict;
use crate::verify::testing::*;

const PER: u64 = 1_000;

fn terms(rate: Rate, readings: &'static [Reading]) -> Terms {
    Terms { rate, burst: None, calendar: None, anchor: ANCHOR, readings, memory: rate.per }
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
        more in 0..30u32,
        phase in 0..PER,
    ) {
        let burst = allow + more;
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
fn what_came_at_one_moment_fits_two_windows_at_the_most() {
    let rate = Rate { allow: 3, per: Nanos(PER) };
    for reading in [Reading::FixedAligned, Reading::FixedFirstHit, Reading::RollingCounter] {
        let serve = |count: usize, sent: u64, done: u64| {
            let mut admitted = Admitted::default();
            let all = std::iter::repeat_n((Nanos(sent), Nanos(done)), count);
            all.filter(|(sent, done)| admitted.serve(&terms(rate, only(reading)), *sent, *done, 1)).count()
        };
        // Wherever it lies beside the spans that are looked at.
        for sent in [0, 300, 499, 500, 700, 999, 1_000] {
            assert_eq!((serve(6, sent, sent + 400), serve(7, sent, sent + 400)), (0, 1), "{reading:?} at {sent}");
            assert_eq!(serve(50, sent, sent + PER), 0, "they may have come over three windows");
        }
    }
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
    let failed = burst(25, 25);
    let finding = failed.finding("server.over-admission", "queries");
    // Of each nine, two windows hold eight.
    assert_eq!((finding.verdict, finding.wrong), (Verdict::Fail, 2), "{finding:?}");
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
