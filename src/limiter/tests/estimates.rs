//! Rolling windows that are estimated in other ways than [`Reading::RollingCounter`] says.

use super::adversarial::{ANYTHING, cases, play};
use super::past::{Begins, Estimated};
use super::*;
use crate::limiter::suite::arrivals::limits;

fn on_the_clock(rounding: Rounding) {
    for seed in 0..cases() {
        let terms = limits(seed);
        let mut limiter = Steady::new(RollingCounter::rounded(terms.rate, terms.anchor, rounding));
        play(&mut limiter, &mut Estimated::new(terms, rounding, Begins::OnTheClock), &terms, ANYTHING, seed);
    }
}

fn with_requests(rounding: Rounding) {
    for seed in 0..cases() {
        let terms = limits(seed);
        let mut limiter = Steady::new(RollingCounterFirstHit::new(terms.rate, rounding));
        play(&mut limiter, &mut Estimated::new(terms, rounding, Begins::WithRequests), &terms, ANYTHING, seed);
    }
}

#[test]
fn estimates_on_the_clock_that_are_rounded_up_do_what_they_say() {
    on_the_clock(Rounding::Up);
}

#[test]
fn estimates_on_the_clock_that_are_rounded_down_do_what_they_say() {
    on_the_clock(Rounding::Down);
}

#[test]
fn estimates_from_requests_that_are_rounded_up_do_what_they_say() {
    with_requests(Rounding::Up);
}

#[test]
fn estimates_from_requests_that_are_rounded_down_do_what_they_say() {
    with_requests(Rounding::Down);
}

#[test]
fn windows_from_requests_begin_anew_after_two_without_any() {
    let mut limiter = RollingCounterFirstHit::new(RATE, Rounding::Down);
    assert!(limiter.is_new(Nanos(100)) && limiter.window_rest(Nanos(100)).is_none());
    limiter.count(Nanos(100), 1);
    assert_eq!(limiter.window_rest(Nanos(2_000)), Some(Nanos(100)));
    assert!(!limiter.is_new(Nanos(2_000)) && limiter.is_new(Nanos(2_100)));
    limiter.count(Nanos(2_300), 2);
    assert_eq!(limiter.window_rest(Nanos(2_300)), Some(Nanos(PER)));
    limiter.give_back(Nanos(2_400), Nanos(2_300), 2);
    assert_eq!(limiter.standing(Nanos(2_400)).remaining, ALLOW);
}

#[test]
fn what_was_counted_two_windows_before_is_not_given_back() {
    let mut limiter = RollingCounterFirstHit::new(RATE, Rounding::Down);
    for now in [100, 1_150, 2_100] {
        limiter.count(Nanos(now), 2);
    }
    let standing = limiter.standing(Nanos(2_100));
    assert_eq!(standing.remaining, ALLOW - 4);
    limiter.give_back(Nanos(2_100), Nanos(100), 2);
    assert_eq!(limiter.standing(Nanos(2_100)), standing);
    limiter.give_back(Nanos(2_100), Nanos(1_150), 2);
    assert_eq!(limiter.standing(Nanos(2_100)).remaining, ALLOW - 2);
}
