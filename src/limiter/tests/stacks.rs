//! Limits that hold together, and the leaky bucket as a queue.

use super::adversarial::{ANYTHING, WHILE_GCRA_LASTS, cases, kept_by_gcra, play};
use super::past::All;
use super::*;
use crate::limiter::suite::arrivals::{Range, arrivals, limits};
use crate::limiter::suite::judge;
use crate::policy::model::{Blocks, Penalty};

/// Two limits, of which the first alone is what arrivals look at.
#[test]
fn stacked_limits_admit_what_all_of_them_do_and_count_in_none_what_one_refuses() {
    for seed in 0..cases() {
        let limits = [limits(seed), limits(seed + 1)];
        let readings = [Reading::KNOWN[seed as usize % 7], Reading::KNOWN[seed as usize / 7 % 7]];
        let both = || readings.into_iter().zip(limits);
        let mut limiter = Stacked::new(both().map(|(reading, terms)| build(reading, terms)).collect());
        let mut past = All(both().map(|(reading, terms)| Oracle::new(reading, terms)).collect());
        play(&mut limiter, &mut past, &limits[0], ANYTHING, seed);
    }
}

/// Who is told to wait for one limit is not shut out by another that would have admitted.
#[test]
fn a_penalty_begins_for_what_its_own_limit_refuses() {
    let often = Rate { allow: 100, per: Nanos::from_secs(1) };
    let seldom = Rate { allow: 1, per: Nanos::from_secs(1) };
    let penalty = Penalty { lasts: Nanos::from_secs(60), stated: true, extends: Some(true), blocks: Blocks::default() };
    let boxed = |rate| PenaltyBox::new(build(Reading::Rolling, rate), &penalty);
    let free = |rate| build(Reading::Rolling, rate);
    let play = |check: &mut dyn FnMut(Nanos) -> Decision| {
        assert!(check(Nanos::ZERO).admitted);
        let told = check(Nanos(1));
        assert!(!told.admitted, "{told:?}");
        assert!(check(Nanos(1) + told.retry_after).admitted, "as it was told");
        told.retry_after
    };
    let unpunished = seldom.per - Nanos(1);
    let mut stacked: Stacked<Box<dyn Limiter + Send>> = Stacked::new(vec![Box::new(boxed(often)), free(seldom)]);
    assert_eq!(play(&mut |now| stacked.check(now, 1)), unpunished);
    let mut capped = Capped::new(|| boxed(often), || free(seldom));
    assert_eq!(play(&mut |now| capped.check(now, 1, 1, 1)), unpunished);
    let mut capped = Capped::new(|| free(seldom), || boxed(often));
    assert_eq!(play(&mut |now| capped.check(now, 1, 1, 1)), unpunished);
    for (own, parents) in [(often, seldom), (seldom, often)] {
        let mut capped = Capped::new(|| boxed(own), || boxed(parents));
        assert!(capped.check(Nanos::ZERO, 1, 1, 1).admitted);
        assert_eq!(capped.check(Nanos(1), 1, 1, 1).retry_after, penalty.lasts);
        assert!(!capped.check(penalty.lasts, 1, 1, 1).admitted, "the penalty has begun");
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
    for seed in 0..cases() {
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

/// A cap over all keys of a parent: the pasts of both hold.
fn play_capped<A: Algorithm, P: Algorithm>(
    mut limiter: Capped<A, P>,
    [own, parents]: [(Reading, Terms); 2],
    range: Range,
    seed: u64,
) {
    let mut keys = [0, 1, 2, 3].map(|_| Oracle::new(own.0, own.1));
    let mut caps = [0, 1].map(|_| Oracle::new(parents.0, parents.1));
    for (number, arrival) in arrivals(&own.1, range, seed).into_iter().enumerate() {
        let (now, cost) = (arrival.now, arrival.cost);
        let (key, parent) = (number % 4, number % 2);
        keys[key].count(now, 0);
        caps[parent].count(now, 0);
        let decision = limiter.check(now, key as u64, parent as u64, cost);
        let both = All(vec![keys[key].clone(), caps[parent].clone()]);
        let wrong = judge(&both, now, cost, decision.into());
        assert_eq!(wrong, None, "seed {seed}: {decision:?} for {arrival:?}: {both:?}");
        if decision.admitted {
            keys[key].count(now, cost);
            caps[parent].count(now, cost);
        }
    }
}

#[test]
fn a_parents_cap_holds_over_all_of_its_keys() {
    for seed in 0..cases() {
        let both = [(Reading::KNOWN[seed as usize % 7], limits(seed)), (Reading::Rolling, limits(seed + 1))];
        let [own, parents] = both.map(|(reading, terms)| move || build(reading, terms));
        play_capped(Capped::new(own, parents), both, ANYTHING, seed);
    }
}

/// Which is asked first and told after.
#[test]
fn a_parents_cap_holds_where_gcra_keeps_both() {
    for (seed, terms, own) in kept_by_gcra() {
        let parents = limits(seed + 1);
        let Some(cap) = Gcra::new(parents.rate, parents.capacity()) else { continue };
        let both = [terms, parents].map(|terms| (Reading::TokenBucket, terms));
        play_capped(Capped::new(own, cap), both, WHILE_GCRA_LASTS, seed);
    }
}
