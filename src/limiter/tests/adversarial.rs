//! Every algorithm against its oracle, over limits and arrivals that look for what it gets wrong.
//!
//! `LIMITER_CASES=1000000 cargo test --release --lib limiter::tests` plays a million cases of each way to count, and of
//! what wraps, joins and keeps limiters in proportion.

use super::*;
use crate::limiter::suite::arrivals::{Arrival, Range, arrivals, limits};
use crate::limiter::suite::judge;

/// What each algorithm is played with in every test run.
const USUAL: u64 = 3_000;

/// So many cases of a test, or as many more as are wanted of the algorithms.
pub fn cases(usual: u64) -> u64 {
    let wanted = std::env::var("LIMITER_CASES");
    wanted.map_or(usual, |cases| cases.parse::<u64>().expect("LIMITER_CASES is a number of cases") * usual / USUAL)
}

pub const ANYTHING: Range = Range { backwards: true, costs: true, until: Nanos::MAX };

fn play(reading: Reading, seed: u64) {
    let terms = limits(seed);
    let (mut limiter, mut oracle) = (build(reading, terms), Oracle::new(reading, terms));
    for (number, Arrival { now, cost }) in arrivals(&terms, ANYTHING, seed).into_iter().enumerate() {
        // Every moment is one to which the clock cannot go back.
        oracle.count(now, 0);
        let decision = limiter.check(now, cost);
        if let Some(wrong) = judge(&oracle, now, cost, decision.into()) {
            panic!(
                "{reading:?}, seed {seed}, arrival {number}: {wrong:?}, {decision:?} for {cost} at {now}: {oracle:?}"
            );
        }
        if decision.admitted {
            oracle.count(now, cost);
        }
        assert_eq!(limiter.standing(now).remaining, oracle.left(now), "{reading:?}, seed {seed}");
    }
}

#[test]
fn every_algorithm_decides_as_its_oracle_does_whatever_comes() {
    for seed in 0..cases(USUAL) {
        Reading::KNOWN.iter().for_each(|&reading| play(reading, seed));
    }
}

/// GCRA's clock is not held, so that only what is told while time goes on is exact.
#[test]
fn gcra_decides_as_a_token_bucket_does_while_time_goes_on() {
    const TEN_YEARS: Nanos = Nanos::from_secs(10 * 365 * 86_400);
    let mut played = 0;
    for seed in 0..cases(USUAL) {
        let terms = limits(seed);
        let Some(gcra) = Gcra::new(terms.rate, terms.capacity()) else { continue };
        let (mut tat, mut oracle) = (Tat::NEW, Oracle::new(Reading::TokenBucket, terms));
        let range = Range { backwards: false, costs: true, until: TEN_YEARS };
        for Arrival { now, cost } in arrivals(&terms, range, seed) {
            let decision = gcra.check(&mut tat, now, cost);
            if let Some(wrong) = judge(&oracle, now, cost, decision.into()) {
                panic!("seed {seed}: {wrong:?}, {decision:?} for {cost} at {now}: {oracle:?}");
            }
            if decision.admitted {
                oracle.count(now, cost);
            }
            played += 1;
        }
    }
    assert!(played > cases(USUAL), "most limits are ones that it can keep");
}

/// The moment that counts for the oracle is the latest at which something was counted.
#[test]
fn gcra_admits_no_more_when_the_clock_goes_back_or_ends() {
    for seed in 0..cases(USUAL) {
        let terms = limits(seed);
        let Some(gcra) = Gcra::new(terms.rate, terms.capacity()) else { continue };
        let (mut tat, mut oracle) = (Tat::NEW, Oracle::new(Reading::TokenBucket, terms));
        for arrival in arrivals(&terms, ANYTHING, seed) {
            if gcra.check(&mut tat, arrival.now, arrival.cost).admitted {
                assert!(oracle.fits(arrival.now, arrival.cost), "seed {seed}, {arrival:?} of {terms:?}\n{oracle:?}");
                if arrival.cost > 0 {
                    oracle.count(arrival.now, arrival.cost);
                }
            }
        }
    }
}

#[test]
fn gcra_leaves_limits_to_others_that_it_cannot_keep_exactly() {
    let rate = |allow, per| Rate { allow, per: Nanos(per) };
    assert!(Gcra::new(rate(997, 1_000_000_000), 997).is_none());
    assert!(Gcra::new(rate(1, u64::MAX), 2).is_none());
    assert!(Gcra::new(rate(1_000, 60_000_000_000), 1_000).is_some());
    assert!(Gcra::new(rate(7, 1_000_000_000), 7).is_some());
}

/// Wrong in one way, and told apart by the seeds that are usual.
#[test]
fn arrivals_tell_a_limiter_that_is_wrong_apart() {
    type Wrong = (&'static str, fn(Decision) -> Decision);
    let wrongs: [Wrong; 3] = [
        ("waits too short", |it| Decision { retry_after: it.retry_after.saturating_sub(Nanos(1)), ..it }),
        ("waits too long", |it| match it.retry_after {
            Nanos::ZERO => it,
            wait => Decision { retry_after: wait.saturating_add(Nanos(1)), ..it },
        }),
        ("more left", |it| Decision { remaining: it.remaining.saturating_add(u32::from(it.admitted)), ..it }),
    ];
    for reading in Reading::KNOWN {
        for (name, wrong) in wrongs {
            let is_told_apart = |seed: u64| {
                let terms = limits(seed);
                let (mut limiter, mut oracle) = (build(reading, terms), Oracle::new(reading, terms));
                arrivals(&terms, ANYTHING, seed).into_iter().any(|Arrival { now, cost }| {
                    oracle.count(now, 0);
                    let decision = limiter.check(now, cost);
                    let is_told_apart = judge(&oracle, now, cost, wrong(decision).into()).is_some();
                    if decision.admitted {
                        oracle.count(now, cost);
                    }
                    is_told_apart
                })
            };
            assert!((0..200).any(is_told_apart), "{reading:?} with {name} goes unnoticed");
        }
    }
}
