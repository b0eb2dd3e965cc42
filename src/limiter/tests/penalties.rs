//! What a refusal or a failure brings with it.

use rand::RngExt;

use super::adversarial::{ANYTHING, cases, play};
use super::past::Penalised;
use super::*;
use crate::limiter::suite::arrivals::{Range, limits};
use crate::policy::model::{Blocks, Penalty};
use crate::rng::device_rng;

fn penalty(lasts: Nanos, extends: bool) -> Penalty {
    Penalty { lasts, stated: true, extends: Some(extends), blocks: Blocks::Class }
}

/// From everything or from what is counted.
fn either(penalty: Penalty, from_everything: bool) -> Penalty {
    Penalty { blocks: if from_everything { Blocks::Everything } else { Blocks::Class }, ..penalty }
}

fn boxed(reading: Reading, terms: impl Into<Terms>, penalty: &Penalty) -> PenaltyBox<Box<dyn Limiter + Send>> {
    PenaltyBox::new(build(reading, terms), penalty)
}

/// Penalties shorter than a window, as long and longer, up to where the clock ends.
fn penalties(extends: bool) {
    let until = Nanos(u64::MAX / 4);
    for seed in 0..cases() {
        let terms = limits(seed);
        let per = terms.rate.per.min(until);
        let lasts = [Nanos(1), Nanos(per.0 / 2 + 1), per, per * 3, Nanos::from_secs(1)][seed as usize / 7 % 5];
        let reading = Reading::KNOWN[seed as usize % 7];
        let penalty = either(penalty(lasts, extends), seed % 2 == 0);
        let mut past = Penalised::new(Oracle::new(reading, terms), &penalty);
        let mut limiter = Steady::new(boxed(reading, terms, &penalty));
        play(&mut limiter, &mut past, &terms, Range { until, ..ANYTHING }, seed);
    }
}

#[test]
fn who_is_refused_is_shut_out_for_so_long() {
    penalties(false);
}

#[test]
fn who_is_refused_again_is_shut_out_anew_where_that_is_said() {
    penalties(true);
}

/// A short penalty around a long one and a long one around a short one, each extended or not.
#[test]
fn of_a_penalty_around_a_penalty_each_begins_where_its_own_limiter_refuses() {
    let until = Nanos(u64::MAX / 4);
    for seed in 0..cases() {
        let terms = limits(seed);
        let lasts = terms.rate.per.min(until);
        let [short, long] = [Nanos(lasts.0 / 2 + 1), lasts * 2];
        let (inner, outer) = if seed % 2 == 0 { (short, long) } else { (long, short) };
        let [inner_extends, outer_extends] = [seed / 2 % 2 == 0, seed / 4 % 2 == 0];
        let reading = Reading::KNOWN[seed as usize % 7];
        let inner = either(penalty(inner, inner_extends), seed / 8 % 2 == 0);
        let outer = either(penalty(outer, outer_extends), seed / 16 % 2 == 0);
        let mut past = Penalised::new(Penalised::new(Oracle::new(reading, terms), &inner), &outer);
        let both = PenaltyBox::new(boxed(reading, terms, &inner), &outer);
        play(&mut Steady::new(both), &mut past, &terms, Range { until, ..ANYTHING }, seed);
    }
}

#[test]
fn a_request_during_a_penalty_makes_it_longer_only_where_that_is_said() {
    for (extends, wait) in [(false, 6_000), (true, 10_000)] {
        let mut limiter = boxed(Reading::TokenBucket, RATE, &penalty(Nanos(10_000), extends));
        (0..ALLOW).for_each(|_| assert!(limiter.check(Nanos(0), 1).admitted));
        assert_eq!(limiter.check(Nanos(0), 1).retry_after, Nanos(10_000));
        assert_eq!(limiter.check(Nanos(4_000), 1).retry_after, Nanos(wait));
        assert_eq!(limiter.standing(Nanos(4_000)), Standing { limit: ALLOW, remaining: 0, reset: Nanos(wait) });
        assert_eq!(limiter.shut_out(Nanos(4_000)), Nanos::ZERO, "others are not concerned");
    }
}

/// Also by the clock of a caller who is behind.
#[test]
fn who_is_shut_out_by_one_of_several_limits_is_shut_out_from_everything() {
    let strict = either(penalty(Nanos(10_000), false), true);
    let boxes = vec![boxed(Reading::Rolling, RATE, &NO_PENALTY), boxed(Reading::Rolling, RATE, &strict)];
    let mut limiter = Steady::new(Stacked::new(boxes));
    (0..ALLOW).for_each(|_| assert!(limiter.check(Nanos(10), 1).admitted));
    assert_eq!(limiter.shut_out(Nanos(10)), Nanos::ZERO);
    assert!(!limiter.check(Nanos(10), 1).admitted);
    assert_eq!([10, 4].map(|now| limiter.shut_out(Nanos(now)).0), [10_000, 10_006]);
}

/// The latest moment at which a wait ends, of all that failures brought, by their places in a row.
fn rest_of_waits(answers: &[(u64, bool)], waits: &[Nanos], now: u64) -> u64 {
    let ends = |(number, &(at, failed)): (usize, &(u64, bool))| {
        let in_a_row = answers[..number].iter().rev().take_while(|(_, failed)| *failed).count();
        let wait = waits.get(in_a_row).or(waits.last()).filter(|_| failed);
        wait.map_or(0, |wait| at + wait.0)
    };
    answers.iter().enumerate().map(ends).max().unwrap_or(0).saturating_sub(now)
}

#[test]
fn a_cooldown_waits_as_its_failures_say() {
    for seed in 0..cases() {
        let mut rng = device_rng(seed, "cooldown", 0);
        let waits: Vec<Nanos> = (0..rng.random_range(0..4)).map(|_| Nanos(rng.random_range(0..50))).collect();
        let (mut cooldown, mut answers, mut now) = (Cooldown::default(), Vec::new(), 0);
        for _ in 0..rng.random_range(1..40) {
            now += rng.random_range(0..30);
            let failed = rng.random();
            cooldown.answered(Nanos(now), failed, &waits);
            answers.push((now, failed));
            let later = now + rng.random_range(0..60);
            let rest = rest_of_waits(&answers, &waits, later);
            assert_eq!(cooldown.rest(Nanos(later)).0, rest, "seed {seed}: {waits:?}, {answers:?} at {later}");
            assert_eq!(cooldown.is_idle(Nanos(later)), rest == 0 && !failed, "seed {seed}");
        }
    }
}

#[test]
fn cooldowns_grow_with_failures_in_a_row_and_begin_anew_after_a_success() {
    let waits = [30, 30, 120].map(Nanos);
    let mut cooldown = Cooldown::default();
    let mut now = 0;
    for wait in [30, 30, 120, 120] {
        assert_eq!(cooldown.rest(Nanos(now)), Nanos::ZERO);
        cooldown.answered(Nanos(now), true, &waits);
        assert_eq!(cooldown.rest(Nanos(now)), Nanos(wait));
        assert_eq!(cooldown.rest(Nanos(now + wait - 1)), Nanos(1));
        now += wait;
    }
    assert!(!cooldown.is_idle(Nanos(now)), "the row goes on");
    cooldown.answered(Nanos(now), false, &waits);
    assert!(cooldown.is_idle(Nanos(now)));
    cooldown.answered(Nanos(now), true, &waits);
    assert_eq!(cooldown.rest(Nanos(now)), Nanos(30));
}
