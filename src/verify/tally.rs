//! One scope key's use of one rate limit, counted under every reading at once.

use std::collections::VecDeque;

use super::terms::Terms;
use crate::policy::reading::Reading;
use crate::time::Nanos;

/// Rolling counts are exact up to so many times the limit, and up to so much in any case: beyond that the verdict is clear
/// and memory is not.
const ROLLING_CAP: u32 = 4;
const ROLLING_LEAST: u32 = 4096;

/// Counts requests (or points) as they come, admitted or not. Only what the limit's readings need is kept.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// When the requests of the last `per` came and what they cost, oldest first; together at most [`rolling_cap`].
    recent: VecDeque<(Nanos, u32)>,
    in_recent: u32,
    /// Number of the window on the clock, what came in it, and in the one before.
    window: u64,
    /// Until then no other window has begun.
    window_ends: Nanos,
    in_window: u32,
    before_window: u32,
    /// Begin of the window from the first request, and what came in it.
    begin: Nanos,
    since_first: u32,
    /// When the bucket would be full again, in units of 1/`allow` ns: the one moment that [`crate::limiter::Gcra`] keeps.
    full_at: u128,
    /// What is missing from the bucket that is filled up at intervals, since the latest of them.
    missing: u32,
    filled: Option<Nanos>,
}

/// One per reading of a limit, in its order; the rest is zero.
pub type Levels = [u32; Reading::ALL.len()];

/// The most that a rolling count can tell.
pub fn rolling_cap(terms: &Terms) -> u32 {
    terms.rate.allow.saturating_mul(ROLLING_CAP).max(ROLLING_LEAST)
}

impl Tally {
    /// Counts a request; the use of the limit after it, under each of its readings.
    #[inline]
    pub fn add_and_read(&mut self, terms: &Terms, at: Nanos, cost: u32) -> Levels {
        let mut levels = Levels::default();
        for (level, reading) in levels.iter_mut().zip(terms.readings) {
            *level = self.count(terms, *reading, at, cost);
        }
        levels
    }

    /// Counts a request under one reading; the use of the limit after it.
    #[inline]
    fn count(&mut self, terms: &Terms, reading: Reading, at: Nanos, cost: u32) -> u32 {
        match reading {
            Reading::Rolling => {
                self.add_recent(terms, at, cost);
                self.in_recent
            }
            Reading::FixedAligned => {
                self.turn(terms, at);
                self.in_window = self.in_window.saturating_add(cost);
                self.in_window
            }
            Reading::RollingCounter => {
                self.turn(terms, at);
                self.in_window = self.in_window.saturating_add(cost);
                self.estimate(terms, at)
            }
            Reading::FixedFirstHit => {
                if self.since_first == 0 || at >= self.begin.saturating_add(terms.rate.per) {
                    (self.begin, self.since_first) = (at, 0);
                }
                self.since_first = self.since_first.saturating_add(cost);
                self.since_first
            }
            // Both drain alike; they differ in what they hold.
            Reading::LeakyBucket if terms.readings.contains(&Reading::TokenBucket) => self.taken(terms, at),
            Reading::TokenBucket | Reading::LeakyBucket => {
                self.drain(terms, at, cost);
                self.taken(terms, at)
            }
            Reading::IntervalRefill => {
                self.refill(terms, at);
                self.filled = self.filled.or(Some(at));
                self.missing = self.missing.saturating_add(cost);
                self.missing
            }
        }
    }

    fn add_recent(&mut self, terms: &Terms, at: Nanos, cost: u32) {
        self.evict(terms, at);
        self.recent.push_back((at, cost));
        self.in_recent = self.in_recent.saturating_add(cost);
        while self.in_recent > rolling_cap(terms)
            && self.recent.len() > 1
            && let Some((_, oldest)) = self.recent.pop_front()
        {
            self.in_recent = self.in_recent.saturating_sub(oldest);
        }
    }

    fn drain(&mut self, terms: &Terms, at: Nanos, cost: u32) {
        self.full_at = self.full_at.max(scaled(terms, at)) + u128::from(terms.rate.per.0) * u128::from(cost);
    }

    fn turn(&mut self, terms: &Terms, at: Nanos) {
        if at < self.window_ends {
            return;
        }
        self.window_ends = terms.window_lasts_until(at);
        let window = terms.window(at);
        if window != self.window {
            self.before_window = if window == self.window + 1 { self.in_window } else { 0 };
            (self.window, self.in_window) = (window, 0);
        }
    }

    fn refill(&mut self, terms: &Terms, at: Nanos) {
        let Some(filled) = self.filled else { return };
        let times = at.saturating_sub(filled).0 / terms.rate.per.0;
        let added = u64::from(terms.rate.allow).saturating_mul(times);
        self.missing = u64::from(self.missing).saturating_sub(added) as u32;
        self.filled = Some(filled + terms.rate.per * times);
    }

    /// The use of the limit at a moment: what came in the window that it lies in, or the tokens taken from the bucket.
    /// Moments must not go back.
    pub fn level(&mut self, terms: &Terms, reading: Reading, at: Nanos) -> u32 {
        match reading {
            Reading::Rolling => {
                self.evict(terms, at);
                self.in_recent
            }
            Reading::TokenBucket | Reading::LeakyBucket => self.taken(terms, at),
            Reading::FixedFirstHit if at < self.begin.saturating_add(terms.rate.per) => self.since_first,
            Reading::FixedFirstHit => 0,
            Reading::FixedAligned => {
                self.turn(terms, at);
                self.in_window
            }
            Reading::RollingCounter => {
                self.turn(terms, at);
                self.estimate(terms, at)
            }
            Reading::IntervalRefill => {
                self.refill(terms, at);
                self.missing
            }
        }
    }

    /// The tokens that are taken from the bucket.
    fn taken(&self, terms: &Terms, at: Nanos) -> u32 {
        let debt = self.full_at.saturating_sub(scaled(terms, at));
        let tokens = match u64::try_from(debt) {
            Ok(debt) => u128::from(debt.div_ceil(terms.rate.per.0)),
            Err(_) => debt.div_ceil(u128::from(terms.rate.per.0)),
        };
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }

    /// What came in the window at hand, and the share of the one before that a rolling window would still hold.
    fn estimate(&self, terms: &Terms, at: Nanos) -> u32 {
        let overlap = u128::from(self.before_window) * u128::from(terms.rest_of_window(at));
        let carried = overlap.div_ceil(u128::from(terms.rate.per.0)) as u32;
        self.in_window.saturating_add(carried)
    }

    /// Whether nothing is left that a later request could add to.
    pub fn is_idle(&mut self, terms: &Terms, at: Nanos) -> bool {
        terms.readings.iter().all(|reading| self.level(terms, *reading, at) == 0)
    }

    fn evict(&mut self, terms: &Terms, at: Nanos) {
        while let Some(&(oldest, cost)) = self.recent.front()
            && oldest.saturating_add(terms.rate.per) <= at
        {
            self.recent.pop_front();
            self.in_recent = self.in_recent.saturating_sub(cost);
        }
    }
}

fn scaled(terms: &Terms, at: Nanos) -> u128 {
    u128::from(at.0) * u128::from(terms.rate.allow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limiter::Rate;
    use crate::time::Anchor;

    const PER: u64 = 1_000;
    const TERMS: Terms = Terms {
        rate: Rate { allow: 3, per: Nanos(PER) },
        burst: None,
        calendar: None,
        anchor: Anchor { unix_nanos: 5_000_250 },
        readings: &Reading::ALL,
        memory: Nanos(PER),
    };

    /// Requests at times, each with a cost.
    fn history(gaps: &[(u64, u32)]) -> Vec<(u64, u32)> {
        let mut now = 0;
        gaps.iter()
            .map(|(gap, cost)| {
                now += gap;
                (now, *cost)
            })
            .collect()
    }

    fn sum(history: &[(u64, u32)], counts: impl Fn(u64) -> bool) -> u32 {
        history.iter().filter(|(at, _)| counts(*at)).map(|(_, cost)| cost).sum()
    }

    /// Counts each reading from the whole history.
    fn naive(reading: Reading, history: &[(u64, u32)]) -> u32 {
        let now = history.last().unwrap().0;
        let window = |at: u64| (at + TERMS.anchor.unix_nanos) / PER;
        match reading {
            Reading::Rolling => sum(history, |at| at + PER > now),
            Reading::FixedAligned => sum(history, |at| window(at) == window(now)),
            Reading::FixedFirstHit => {
                let mut begin = history[0].0;
                for &(at, _) in history {
                    if at >= begin + PER {
                        begin = at;
                    }
                }
                sum(history, |at| at >= begin)
            }
            // The deepest drain over all spans that end now: what was taken less what ran in meanwhile.
            Reading::TokenBucket | Reading::LeakyBucket => (0..history.len())
                .map(|first| {
                    let refilled = (now - history[first].0) as f64 * 3.0 / PER as f64;
                    (f64::from(sum(&history[first..], |_| true)) - refilled - 1e-9).ceil() as u32
                })
                .max()
                .unwrap(),
            Reading::RollingCounter => {
                let rest = (PER - (now + TERMS.anchor.unix_nanos) % PER) as f64 / PER as f64;
                let before = sum(history, |at| window(at) + 1 == window(now));
                sum(history, |at| window(at) == window(now)) + (f64::from(before) * rest - 1e-9).ceil() as u32
            }
            // Each interval from the first request on gives back three, as far as they are missing.
            Reading::IntervalRefill => {
                let interval = |at: u64| (at - history[0].0) / PER;
                (0..=interval(now)).fold(0, |missing: u32, number| {
                    let refilled = if number == 0 { missing } else { missing.saturating_sub(3) };
                    refilled + sum(history, |at| interval(at) == number)
                })
            }
        }
    }

    proptest! {
        #[test]
        fn every_reading_counts_what_a_naive_count_does(
            gaps in prop::collection::vec((0..900u64, 1..4u32), 1..60),
        ) {
            let history = history(&gaps);
            for readings in [&Reading::ALL[..], &[Reading::RollingCounter], &[Reading::IntervalRefill], &[Reading::LeakyBucket]] {
                let terms = Terms { readings, ..TERMS };
                let mut tally = Tally::default();
                for (index, &(at, cost)) in history.iter().enumerate() {
                    let levels = tally.add_and_read(&terms, Nanos(at), cost);
                    for (&reading, counted) in readings.iter().zip(levels) {
                        let naive = naive(reading, &history[..=index]);
                        // Beyond the cap whole requests are left out.
                        let capped = reading == Reading::Rolling && naive > rolling_cap(&terms);
                        prop_assert!(capped || counted == naive, "{:?} at {}: {} for {}", reading, at, counted, naive);
                        prop_assert!(!capped || counted + 3 > rolling_cap(&terms), "{}", counted);
                    }
                }
            }
        }
    }

    #[test]
    fn a_tally_is_idle_only_when_every_window_and_the_bucket_have_run_out() {
        let mut tally = Tally::default();
        for at in [0, 0, 0, 0] {
            tally.add_and_read(&TERMS, Nanos(at), 1);
        }
        assert!(!tally.is_idle(&TERMS, Nanos(PER)), "a bucket drained by four needs four thirds of the window");
        assert!(tally.is_idle(&TERMS, Nanos(PER * 4 / 3 + 1)));
    }

    #[test]
    fn a_month_is_counted_from_its_first_day() {
        let day = Nanos::from_secs(86_400);
        let month = Terms {
            rate: Rate { allow: 3, per: day * 28 },
            calendar: Some(crate::policy::model::Calendar::Month),
            // 2026-03-15.
            anchor: Anchor { unix_nanos: 1_773_570_600_000_000_000 },
            readings: &[Reading::FixedAligned],
            ..TERMS
        };
        let mut tally = Tally::default();
        let counted = [0, 16, 17, 20].map(|days| tally.add_and_read(&month, day * days, 1)[0]);
        assert_eq!(counted, [1, 2, 1, 2], "April begins after the 31st of March");
    }
}
