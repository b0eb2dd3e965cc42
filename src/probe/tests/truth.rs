//! What is true is never contradicted by what was seen, however unlucky the moments: windows are so short beside the
//! network's latency that many decisions fall near their ends.

use rand::RngExt as _;

use super::case::{Case, Truth};
use super::network::Weather;
use super::world::World;
use crate::policy::reading::Reading;
use crate::probe::exchange::{Answer, Exchange, Log, Volley};
use crate::probe::family::{Family, PenaltyKind};
use crate::probe::hypothesis::{Hypothesis, Length, Span, Terms};
use crate::rng::device_rng;
use crate::time::Nanos;

const SEEDS: u64 = 40;
const VOLLEYS: u64 = 60;
const PERS: [Nanos; 3] = [Nanos::from_millis(60), Nanos::from_millis(200), Nanos::from_secs(1)];
const WEATHERS: [Weather; 3] = [Weather::Even, Weather::Uneven, Weather::Harsh];

/// What is seen when volleys of a few requests come at any time.
fn seen(case: &Case, weather: Weather) -> Log {
    let mut rng = device_rng(case.seed, "moments", 0);
    let mut world = World::in_weather(weather, case.server(), case.seed);
    let mut log = Log::default();
    for _ in 0..VOLLEYS {
        let volley = Volley { client: rng.random_range(0..2), count: rng.random_range(1..4) };
        log.add(&world.ask(Nanos(rng.random_range(0..case.per.0)), volley));
    }
    log
}

fn cases(truth: Truth) -> impl Iterator<Item = (Case, Weather)> {
    let seeds = std::env::var("PROBE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let of = move |per| (0..seeds).map(move |seed| Case { truth, allow: 4, per, seed });
    let of_all = PERS.into_iter().flat_map(of);
    of_all.flat_map(|case| WEATHERS.map(|weather| (case, weather)))
}

/// How many of the decisions nothing in the hypothesis explains, and how many of all cases those are.
fn is_never_contradicted(truth: Truth) {
    let mut wrong: Vec<String> = Vec::new();
    for (case, weather) in cases(truth) {
        let (shape, terms) = case.truth();
        let log = seen(&case, weather);
        let mut explains = |what: &str, terms: Terms| {
            let mismatches = Hypothesis::replayed(shape, terms, &log).mismatches;
            if mismatches > 0 {
                wrong.push(format!("{weather:?}, {} each, seed {}: {mismatches} by {what}", case.per, case.seed));
            }
        };
        explains("what is true", terms);
        // Windows on the clock are exact in every hypothesis.
        let is_boxed = |length: &&Length| **length != Length::Window || !shape.family.has_phase();
        for &length in Length::ALL.iter().filter(is_boxed) {
            let exact = terms.span(length).low;
            let around = Span::new(exact.scale(0.98), exact.scale(1.01));
            explains(&format!("a box of {length:?} that holds it"), terms.with(length, around));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases contradict {truth:?}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(12)].join("\n")
    );
}

macro_rules! truths {
    ($($name:ident: $truth:expr;)*) => {
        $(#[test]
        fn $name() {
            is_never_contradicted($truth);
        })*
    };
}

truths! {
    fixed_aligned: Truth::Rate(Reading::FixedAligned);
    fixed_first_hit: Truth::Rate(Reading::FixedFirstHit);
    rolling_log: Truth::Rate(Reading::Rolling);
    rolling_counter: Truth::Rate(Reading::RollingCounter);
    token_bucket: Truth::Rate(Reading::TokenBucket);
    leaky_bucket: Truth::Rate(Reading::LeakyBucket);
    interval_refill: Truth::Rate(Reading::IntervalRefill);
    rolling_log_that_charges: Truth::Charging(Reading::Rolling);
    rolling_log_with_penalty: Truth::Barred(Reading::Rolling, PenaltyKind::Once);
    token_bucket_with_penalty: Truth::Barred(Reading::TokenBucket, PenaltyKind::Extended);
    leaky_queue: Truth::Queue;
    concurrency: Truth::Concurrent;
}

/// What one request in 100 ms makes of two: the first takes 10 ms, the second comes when told, in milliseconds.
fn mismatches(second: (u64, u64), answer: Answer) -> u32 {
    let exchange = |(sent, done): (u64, u64), answer| Exchange {
        client: 0,
        sent: Nanos::from_millis(1_000 + sent),
        done: Nanos::from_millis(1_000 + done),
        answer,
    };
    let mut log = Log::default();
    log.add(&[exchange((0, 10), Answer::Admitted)]);
    log.add(&[exchange(second, answer)]);
    let window = Span::exactly(Nanos::from_millis(100));
    Hypothesis::replayed(Family::RollingLog, Terms::new(1, window), &log).mismatches
}

#[test]
fn a_decision_may_have_fallen_at_either_end_of_a_request() {
    let refused = Answer::Refused;
    assert_eq!(mismatches((108, 110), refused), 0, "the first was decided at 10 ms");
    assert_eq!(mismatches((96, 101), Answer::Admitted), 0, "the first was decided at once");
    assert_eq!(mismatches((112, 114), refused), 1, "the window is over wherever the first was decided");
    assert_eq!(mismatches((80, 85), Answer::Admitted), 1, "the window is not over wherever the first was decided");
}
