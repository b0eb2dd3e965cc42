//! Every algorithm against its past, over limits and arrivals that look for what it gets wrong: thousands of cases of each
//! in every test run, and a million with `LIMITER_CASES=1000000 cargo test --release --lib limiter::tests`.

use super::past::Kept;
use super::*;
use crate::limiter::suite::arrivals::{Arrival, Range, arrivals, limits};
use crate::limiter::suite::{Past, judge};

/// The cases of each algorithm: so many, or as many as are wanted.
pub fn cases() -> u64 {
    const USUAL: u64 = 2_000;
    let wanted = std::env::var("LIMITER_CASES");
    wanted.map_or(USUAL, |cases| cases.parse().expect("LIMITER_CASES is a number of cases"))
}

pub const ANYTHING: Range = Range { backwards: true, costs: true, until: Nanos::MAX };

/// GCRA's clock is not held, so that only what is told while time goes on is exact.
pub const WHILE_GCRA_LASTS: Range = Range { backwards: false, costs: true, until: Nanos::from_secs(10 * 365 * 86_400) };

/// Plays arrivals, and holds each decision, its wait, what is left and when all of it is there again against the past.
pub fn play(limiter: &mut impl Limiter, past: &mut impl Kept, terms: &Terms, range: Range, seed: u64) {
    for (number, Arrival { now, cost }) in arrivals(terms, range, seed).into_iter().enumerate() {
        let case = || format!("seed {seed}, arrival {number}: {cost} at {now} of {terms:?}");
        // Every moment is one to which the clock cannot go back.
        past.count(now, 0);
        let fits = past.fits(now, cost);
        let decision = limiter.check(now, cost);
        assert_eq!(decision.admitted, fits, "{}\n{past:?}", case());
        // What is told is right once the refusal has its consequences.
        if !decision.admitted {
            past.refuse(now, cost);
        }
        let wrong = judge(past, now, cost, decision.into());
        assert_eq!(wrong, None, "{}: {decision:?}\n{past:?}", case());
        if decision.admitted {
            past.count(now, cost);
        }
        let standing = limiter.standing(now);
        assert_eq!(standing.remaining, past.left(now), "{}: {standing:?}\n{past:?}", case());
        assert!(is_whole_at_reset(past, now, standing), "{}: {standing:?}\n{past:?}", case());
        assert_eq!(limiter.shut_out(now), past.shut_out(now), "{}\n{past:?}", case());
    }
}

/// All of it is there then, and a nanosecond before it is not. A reset at the end of the clock or beyond is as good as
/// never.
fn is_whole_at_reset(past: &impl Kept, now: Nanos, Standing { limit, reset, .. }: Standing) -> bool {
    match reset {
        Nanos::ZERO => past.is_whole(now, limit),
        reset if reset.0 >= u64::MAX - now.0 => !past.is_whole(Nanos::MAX - Nanos(1), limit),
        reset => past.is_whole(now + reset, limit) && !past.is_whole(now + reset - Nanos(1), limit),
    }
}

/// A test of its own for each, so that they are played side by side.
macro_rules! each_reading {
    ($($name:ident: $reading:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            for seed in 0..cases() {
                let terms = limits(seed);
                let mut oracle = Oracle::new(Reading::$reading, terms);
                play(&mut build(Reading::$reading, terms), &mut oracle, &terms, ANYTHING, seed);
            }
        })+

        #[test]
        fn each_reading_is_played() {
            assert_eq!([$(Reading::$reading),+], Reading::KNOWN);
        }
    };
}

each_reading! {
    a_rolling_log_decides_as_its_oracle_does: Rolling,
    a_token_bucket_decides_as_its_oracle_does: TokenBucket,
    a_fixed_window_from_the_first_hit_decides_as_its_oracle_does: FixedFirstHit,
    a_fixed_window_on_the_clock_decides_as_its_oracle_does: FixedAligned,
    a_leaky_bucket_decides_as_its_oracle_does: LeakyBucket,
    a_rolling_counter_decides_as_its_oracle_does: RollingCounter,
    a_bucket_filled_at_intervals_decides_as_its_oracle_does: IntervalRefill,
}

/// Limits that it can keep, as many as there are cases.
pub fn kept_by_gcra() -> impl Iterator<Item = (u64, Terms, Gcra)> {
    let kept = |seed| Some((seed, limits(seed), Gcra::new(limits(seed).rate, limits(seed).capacity())?));
    (0..).filter_map(kept).take(cases() as usize)
}

#[test]
fn gcra_decides_as_a_token_bucket_does_while_time_goes_on() {
    for (seed, terms, gcra) in kept_by_gcra() {
        let (mut tat, atomic) = (Tat::NEW, AtomicGcra::new(gcra));
        let mut oracle = Oracle::new(Reading::TokenBucket, terms);
        for Arrival { now, cost } in arrivals(&terms, WHILE_GCRA_LASTS, seed) {
            let decision = gcra.check(&mut tat, now, cost);
            assert_eq!(atomic.check(now, cost), decision, "seed {seed}: {cost} at {now} of {terms:?}");
            let wrong = judge(&oracle, now, cost, decision.into());
            assert_eq!(wrong, None, "seed {seed}: {decision:?} for {cost} at {now}: {oracle:?}");
            if decision.admitted {
                oracle.count(now, cost);
            }
        }
    }
}

/// The moment that counts for the oracle is the latest at which something was counted.
#[test]
fn gcra_admits_no_more_when_the_clock_goes_back_or_ends() {
    for (seed, terms, gcra) in kept_by_gcra() {
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
    assert!(Gcra::new(rate(0, 0), 1).is_none());
    assert!(Gcra::new(rate(1, 1_000), 0).is_none());
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
