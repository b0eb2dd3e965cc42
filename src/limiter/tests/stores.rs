//! Limits for many keys: what is forgotten makes no difference.

use super::adversarial::{ANYTHING, cases};
use super::*;
use crate::limiter::suite::arrivals::{Range, arrivals, limits};

/// Plays so many keys, of which each comes back at times, against one limiter for each that forgets nothing.
fn play<A: Algorithm>(make: impl Fn(Terms) -> Option<A>, seed: u64, until: Nanos) -> Option<(usize, usize)> {
    let terms = limits(seed);
    let (mut keyed, sharded) = (Keyed::new(make(terms)?), Sharded::new(make(terms)?));
    let alone = make(terms)?;
    let mut states: Vec<A::State> = Vec::new();
    let mut now = Nanos::ZERO;
    for round in 0..20 {
        let range = Range { backwards: false, until, ..ANYTHING };
        for (number, arrival) in arrivals(&terms, range, seed * 20 + round).into_iter().enumerate() {
            now = now.max(arrival.now);
            // An old key or a new one.
            let key = if number % 3 == 0 { number * 7 % states.len().max(1) } else { states.len() };
            if key == states.len() {
                states.push(alone.new_key());
            }
            let expected = alone.check(&mut states[key], now, arrival.cost);
            assert_eq!(keyed.check(now, key as u64, arrival.cost), expected, "seed {seed}, key {key} at {now}");
            assert_eq!(sharded.check(now, key as u64, arrival.cost), expected, "seed {seed}, key {key} at {now}");
        }
    }
    Some((keyed.len(), states.len()))
}

#[test]
fn forgetting_idle_keys_changes_no_decision() {
    let mut forgot = 0;
    for seed in 0..cases(140) {
        let reading = Reading::KNOWN[seed as usize % 7];
        let by_reading = play(|terms| Some(move || build(reading, terms)), seed, Nanos::MAX);
        let by_gcra = play(|terms| Gcra::new(terms.rate, terms.capacity()), seed, Nanos::from_secs(5 * 365 * 86_400));
        let forgets = |kept: Option<(usize, usize)>| kept.is_some_and(|(kept, seen)| kept < seen);
        forgot += u64::from(forgets(by_reading)) + u64::from(forgets(by_gcra));
    }
    assert!(forgot * 4 > cases(140), "only {forgot} plays forgot any");
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

/// Its intervals go on, so that a key which was used is never as good as new.
#[test]
fn a_bucket_that_is_filled_at_intervals_remembers_when() {
    let rate = Rate { allow: 2, per: Nanos(1_000) };
    let mut limiter = build(Reading::IntervalRefill, rate);
    assert!(limiter.is_new(Nanos(5)));
    limiter.count(Nanos(5), 1);
    assert!(!limiter.is_new(Nanos(5_000)));
}
