//! Limits that hold together, and the leaky bucket as a queue.

use super::adversarial::{ANYTHING, cases};
use super::*;
use crate::limiter::suite::arrivals::{Range, arrivals, limits};
use crate::limiter::suite::judge;

/// Two limits, of which the first alone is what arrivals look at.
#[test]
fn stacked_limits_admit_what_all_of_them_do_and_count_in_none_what_one_refuses() {
    for seed in 0..cases(1_000) {
        let (first, second) = (limits(seed), limits(seed + 1));
        let readings = [Reading::KNOWN[seed as usize % 7], Reading::KNOWN[seed as usize / 7 % 7]];
        let mut limiter = Stacked::new(vec![build(readings[0], first), build(readings[1], second)]);
        let mut oracles = [Oracle::new(readings[0], first), Oracle::new(readings[1], second)];
        let range = Range { backwards: false, ..ANYTHING };
        for arrival in arrivals(&first, range, seed) {
            let (now, cost) = (arrival.now, arrival.cost);
            let decision = limiter.check(now, cost);
            let fits = oracles.iter().all(|oracle| oracle.fits(now, cost));
            assert_eq!(decision.admitted, fits, "seed {seed}, {arrival:?}");
            let wait = oracles.iter().map(|oracle| oracle.wait(now, cost).unwrap_or(Nanos::MAX)).max().unwrap();
            let never = |wait: Nanos| wait.0 > u64::MAX - now.0;
            let told = decision.retry_after;
            assert!(told == wait || never(told) && never(wait), "seed {seed}, {arrival:?}: {told} for {wait}");
            if decision.admitted {
                let left = oracles.iter().map(|oracle| oracle.left(now)).min().unwrap();
                assert_eq!(decision.remaining, left - cost, "seed {seed}");
                oracles.iter_mut().for_each(|oracle| oracle.count(now, cost));
            }
        }
    }
}

/// When the requests before it have left, each after a service of its cost, one behind the other.
fn delay(admitted: &[(u64, u32)], terms: &Terms, now: u64) -> u128 {
    let (per, allow) = (u128::from(terms.rate.per.0), u128::from(terms.rate.allow));
    let free_at =
        admitted.iter().fold(0, |free_at, &(at, cost)| (u128::from(at) * allow).max(free_at) + u128::from(cost) * per);
    free_at.saturating_sub(u128::from(now) * allow).div_ceil(allow)
}

#[test]
fn a_queue_admits_as_a_meter_does_and_serves_evenly() {
    for seed in 0..cases(1_000) {
        let terms = limits(seed);
        let burst = terms.burst.unwrap_or(0);
        let mut queue = LeakyQueue::new(terms.rate, burst);
        let (mut oracle, mut admitted) = (Oracle::new(Reading::LeakyBucket, terms), Vec::new());
        for arrival in arrivals(&terms, Range { backwards: false, ..ANYTHING }, seed) {
            let expected = delay(&admitted, &terms, arrival.now.0);
            assert_eq!(u128::from(queue.delay(arrival.now).0), expected.min(u64::MAX.into()), "seed {seed}");
            let decision = queue.check(arrival.now, arrival.cost);
            let wrong = judge(&oracle, arrival.now, arrival.cost, decision.into());
            assert_eq!(wrong, None, "seed {seed}: {decision:?} for {arrival:?}: {oracle:?}");
            if decision.admitted {
                oracle.count(arrival.now, arrival.cost);
                admitted.push((arrival.now.0, arrival.cost));
            }
        }
    }
}

/// nginx: `rate=10r/s`, `burst=15`.
#[test]
fn a_queue_holds_what_a_burst_is_and_lets_one_out_every_tenth_of_a_second() {
    let mut queue = LeakyQueue::new(Rate { allow: 10, per: Nanos::from_secs(1) }, 15);
    let mut delays = Vec::new();
    for _ in 0..50 {
        let delay = queue.delay(Nanos(7));
        if queue.check(Nanos(7), 1).admitted {
            delays.push(delay);
        }
    }
    let expected: Vec<Nanos> = (0..16).map(|place| Nanos::from_millis(100 * place)).collect();
    assert_eq!(delays, expected);
}

/// A cap over all keys of a parent, against two oracles of each request.
#[test]
fn a_parents_cap_holds_over_all_of_its_keys() {
    for seed in 0..cases(300) {
        let (own, parents) = (limits(seed), limits(seed + 1));
        let reading = Reading::KNOWN[seed as usize % 7];
        let mut limiter = Capped::new(|| build(reading, own), || build(Reading::Rolling, parents));
        let mut keys = [0, 1, 2, 3].map(|_| Oracle::new(reading, own));
        let mut caps = [0, 1].map(|_| Oracle::new(Reading::Rolling, parents));
        let range = Range { backwards: false, ..ANYTHING };
        for (number, arrival) in arrivals(&own, range, seed).into_iter().enumerate() {
            let (now, cost) = (arrival.now, arrival.cost);
            let (key, parent) = (number % 4, number % 2);
            let decision = limiter.check(now, key as u64, parent as u64, cost);
            let fits = keys[key].fits(now, cost) && caps[parent].fits(now, cost);
            assert_eq!(decision.admitted, fits, "seed {seed}, {arrival:?}");
            if decision.admitted {
                keys[key].count(now, cost);
                caps[parent].count(now, cost);
            }
        }
    }
}
