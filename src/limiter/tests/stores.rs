//! Limits for many keys: what is forgotten makes no difference.

use std::sync::LazyLock;

use super::adversarial::{ANYTHING, cases, kept_by_gcra};
use super::*;
use crate::limiter::suite::arrivals::{Arrival, Range, arrivals, limits};

/// Keys that all are dealt to one shard, so that a few of them already fill a table.
static KEYS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let sharded = Sharded::new(Gcra::new(RATE, ALLOW).unwrap());
    (0..).filter(|&key| sharded.shard_of(key) == 0).take(100).collect()
});

/// What a play has come to.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// Keys of which nothing was known when they came back.
    forgotten: u64,
    /// Moments before the latest at which keys were forgotten.
    early: u64,
}

/// Plays keys that come once and some that come back, on a clock that goes back and forth, against one limiter for each
/// key that forgets nothing. A moment before the latest at which keys were forgotten is taken for that one.
fn play<A: Algorithm>(make: impl Fn() -> A, terms: &Terms, range: Range, seed: u64) -> Seen {
    let (mut keyed, sharded, alone) = (Keyed::new(make()), Sharded::new(make()), make());
    let mut states: Vec<A::State> = Vec::new();
    let mut seen = Seen::default();
    for (number, Arrival { now, cost }) in arrivals(terms, range, seed).into_iter().enumerate() {
        // An old key or a new one.
        let place = if number % 3 == 0 { number * 7 % states.len().max(1) } else { states.len() };
        if place == states.len() {
            states.push(alone.new_key());
        }
        let key = KEYS[place];
        let known = keyed.len();
        // Some are swept at moments of their own beside those at which they are full.
        if seed % 2 == 1 && number % 7 == 6 {
            keyed.sweep(now);
            sharded.sweep(now);
        }
        let told = keyed.check(now, key, cost);
        // A sweep takes place before the decision.
        let at = keyed.moment(now);
        let expected = alone.check(&mut states[place], at, cost).behind(at - now);
        let case =
            || format!("seed {seed}, arrival {number}: {cost} of key {place} at {now}, taken for {at}, {terms:?}");
        assert_eq!(told, expected, "{}", case());
        assert_eq!(sharded.check(now, key, cost), expected, "{}", case());
        assert_eq!(sharded.len(), keyed.len(), "{}", case());
        seen.forgotten += u64::from(keyed.len() < known + usize::from(place + 1 == states.len()));
        seen.early += u64::from(at > now);
    }
    seen
}

fn play_many(case: impl Fn(u64) -> Option<Seen>) {
    let (mut played, mut forgot, mut early) = (0, 0, 0);
    for seen in (0..).filter_map(case).take(cases() as usize) {
        played += 1;
        forgot += u64::from(seen.forgotten > 0);
        early += u64::from(seen.early > 0);
    }
    assert!(forgot * 20 > played, "only {forgot} of {played} plays forgot any key");
    assert!(early * 50 > played, "only {early} of {played} plays came back to a moment before");
}

#[test]
fn forgetting_idle_keys_changes_no_decision_whatever_the_clock_does() {
    play_many(|seed| {
        let (reading, terms) = (Reading::KNOWN[seed as usize % 7], limits(seed));
        Some(play(|| move || build(reading, terms), &terms, ANYTHING, seed))
    });
}

#[test]
fn forgetting_idle_keys_of_gcra_changes_no_decision_whatever_the_clock_does() {
    let range = Range { until: Nanos::from_secs(5 * 365 * 86_400), ..ANYTHING };
    play_many(|seed| {
        let terms = limits(seed);
        let gcra = Gcra::new(terms.rate, terms.capacity())?;
        Some(play(|| gcra, &terms, range, seed))
    });
}

/// A penalty may outlast everything that was counted.
#[test]
fn forgetting_idle_keys_ends_no_penalty() {
    let range = Range { until: Nanos(u64::MAX / 4), ..ANYTHING };
    play_many(|seed| {
        let (reading, terms) = (Reading::KNOWN[seed as usize % 7], limits(seed));
        let lasts = terms.rate.per.min(range.until) * 2;
        let penalty = &Penalty { lasts, extends: Some(seed % 2 == 0), ..NO_PENALTY };
        Some(play(|| move || PenaltyBox::new(build(reading, terms), penalty), &terms, range, seed))
    });
}

/// Of two limits, one may be as good as new before the other is.
#[test]
fn forgetting_idle_keys_of_stacked_limits_changes_no_decision() {
    play_many(|seed| {
        let (readings, limits) = ([0, 3].map(|next| Reading::KNOWN[(seed as usize + next) % 7]), limits(seed));
        let longer = Rate { per: Nanos(limits.rate.per.0.saturating_mul(3)), ..limits.rate };
        let rates = [limits, Terms { rate: longer, ..limits }];
        let both = move || {
            Stacked::new(readings.into_iter().zip(rates).map(|(reading, terms)| build(reading, terms)).collect())
        };
        Some(play(|| both, &limits, ANYTHING, seed))
    });
}

/// Of one or two keys, the one that was refused last is refused again without a lock: as long as with one, whatever the
/// clock does and whatever it costs.
#[test]
fn a_key_that_is_refused_again_is_told_the_same_without_a_lock() {
    const SWEPT: usize = 10;
    for (seed, terms, gcra) in kept_by_gcra() {
        let (mut keyed, sharded) = (Keyed::new(gcra), Sharded::new(gcra));
        let range = Range { until: Nanos::from_secs(5 * 365 * 86_400), ..ANYTHING };
        for (number, Arrival { now, cost }) in arrivals(&terms, range, seed).into_iter().enumerate() {
            // Others, for whom room is made.
            for &other in KEYS[2..].iter().filter(|_| number == SWEPT) {
                assert_eq!(sharded.check(now, other, 0), keyed.check(now, other, 0));
            }
            let key = KEYS[number / 7 % 2];
            for now in [now, now.saturating_sub(Nanos(1)), now] {
                let expected = keyed.check(now, key, cost);
                assert_eq!(
                    sharded.check(now, key, cost),
                    expected,
                    "seed {seed}, arrival {number}: {cost} at {now}, {terms:?}"
                );
            }
        }
    }
}

/// A key is used up, others come while the clock is ahead, and it goes back: over and over.
#[test]
fn a_key_that_was_forgotten_is_let_in_once_however_often_the_clock_swings() {
    const SWINGS: u64 = 20;
    let gcra = Gcra::new(RATE, ALLOW).unwrap();
    let (mut keyed, sharded) = (Keyed::new(gcra), Sharded::new(gcra));
    let (early, late) = (Nanos(PER), Nanos(PER * 3));
    let mut admitted = [0, 0];
    for swing in 0..SWINGS {
        for _ in 0..ALLOW * 2 {
            admitted[0] += u32::from(keyed.check(early, 0, 1).admitted);
            admitted[1] += u32::from(sharded.check(early, 0, 1).admitted);
        }
        for key in 1..5_000 {
            keyed.check(late + Nanos(swing), swing * 5_000 + key, 1);
            sharded.check(late + Nanos(swing), swing * 5_000 + key, 1);
        }
    }
    assert_eq!(admitted, [ALLOW * 2, ALLOW * 2], "once early, and once at the moment at which it was forgotten");
}

/// A thousand users a second, each of whom needs a second until nothing is known of them.
#[test]
fn memory_is_that_of_the_keys_in_use() {
    let rate = Rate { allow: 2, per: Nanos::from_secs(1) };
    let mut keyed = Keyed::new(Gcra::new(rate, 2).unwrap());
    for key in 0..1_000_000 {
        assert!(keyed.check(Nanos::from_millis(key), key, 1).admitted);
        assert!(keyed.len() <= 1_200, "{} after {key}", keyed.len());
    }
}

/// Nobody asks for a further key, so that they are not full.
#[test]
fn memory_is_given_back_when_told_to() {
    let gcra = Gcra::new(RATE, ALLOW).unwrap();
    let (mut keyed, sharded) = (Keyed::new(gcra), Sharded::new(gcra));
    for key in 0..10_000 {
        keyed.check(Nanos(key / 100), key, ALLOW);
        sharded.check(Nanos(key / 100), key, ALLOW);
    }
    let known = [0, 40, 100].map(|gone| {
        let now = Nanos(PER + gone).saturating_sub(Nanos(1));
        keyed.sweep(now);
        sharded.sweep(now);
        (keyed.len(), sharded.len())
    });
    assert_eq!(known, [(10_000, 10_000), (6_000, 6_000), (0, 0)]);
}

/// Its intervals go on, so that a key which was used is never as good as new.
#[test]
fn a_bucket_that_is_filled_at_intervals_remembers_when() {
    let rate = Rate { allow: 2, per: Nanos(1_000) };
    let mut limiter = build(Reading::IntervalRefill, rate);
    assert!(limiter.is_new(Nanos(5)));
    limiter.count(Nanos(5), 1);
    assert!(!limiter.is_new(Nanos(5_000)));
}

/// Its window goes on though all that it held was given back, and ends to the nanosecond.
#[test]
fn a_window_from_the_first_request_remembers_when_it_began() {
    let mut limiter = build(Reading::FixedFirstHit, Rate { allow: 2, per: Nanos(1_000) });
    assert!(limiter.is_new(Nanos(5)));
    limiter.count(Nanos(5), 1);
    limiter.give_back(Nanos(6), Nanos(5), 1);
    assert!(!limiter.is_new(Nanos(1_004)));
    assert!(limiter.is_new(Nanos(1_005)));
}

/// A bucket in debt has nothing left, and is not new before all of it has run in.
#[test]
fn a_bucket_in_debt_admits_what_costs_nothing() {
    let mut limiter = build(Reading::TokenBucket, Rate { allow: 2, per: Nanos(1_000) });
    limiter.count(Nanos(5), 5);
    assert!(limiter.check(Nanos(5), 0).admitted);
    assert_eq!(limiter.check(Nanos(5), 1).retry_after, Nanos(2_000));
    assert!(!limiter.is_new(Nanos(2_504)));
    assert!(limiter.is_new(Nanos(2_505)));
}
