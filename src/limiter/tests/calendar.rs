//! Days and months.

use super::adversarial::{ANYTHING, cases, play};
use super::past::ByDate;
use super::*;
use crate::limiter::suite::arrivals::limits;

/// 2026-02-27T23:59:00Z and what follows.
const END_OF_FEBRUARY: Anchor = Anchor { unix_nanos: 1_772_236_740_000_000_000 };
const DAY: Nanos = Nanos::from_secs(86_400);

/// Arrivals look for edges where windows of these lengths would have them.
fn windows(period: Calendar, lengths: &[u64]) {
    for seed in 0..cases() {
        let any = limits(seed);
        let anchor = if seed.is_multiple_of(3) { END_OF_FEBRUARY } else { any.anchor };
        let rate = Rate { per: DAY * lengths[seed as usize % lengths.len()], ..any.rate };
        let terms = Terms { rate, anchor, calendar: Some(period), burst: None };
        let mut past = ByDate::new(rate.allow, period, anchor);
        play(&mut build(Reading::FixedAligned, terms), &mut past, &terms, ANYTHING, seed);
    }
}

#[test]
fn days_are_those_that_a_date_tells() {
    windows(Calendar::Day, &[1]);
}

#[test]
fn months_are_those_that_a_date_tells() {
    windows(Calendar::Month, &[1, 28, 29, 30, 31]);
}

#[test]
fn what_a_past_day_counted_is_not_given_back_to_the_next() {
    let rate = Rate { allow: 2, per: Nanos(1) };
    let terms = Terms { calendar: Some(Calendar::Day), anchor: END_OF_FEBRUARY, ..Terms::from(rate) };
    let mut limiter = build(Reading::FixedAligned, terms);
    limiter.count(Nanos::from_secs(1), 2);
    let next_day = Nanos::from_secs(61);
    limiter.count(next_day, 2);
    limiter.give_back(next_day, Nanos::from_secs(1), 1);
    assert_eq!(limiter.standing(next_day).remaining, 0);
    limiter.give_back(next_day, next_day, 1);
    assert_eq!(limiter.standing(next_day).remaining, 1);
}
