//! One scope key's use of one rate limit, counted under every reading at once.

use std::collections::VecDeque;

use crate::limiter::Rate;
use crate::policy::reading::Reading;
use crate::time::{Anchor, Nanos};

/// Rolling counts are exact up to so many times the limit: beyond that the verdict is clear and memory is not.
const ROLLING_CAP: usize = 4;

/// Counts requests as they come, admitted or not.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The requests of the last `per`, oldest first; at most [`ROLLING_CAP`] times the limit.
    recent: VecDeque<Nanos>,
    /// Number of the window on the clock, and the requests in it.
    window: u64,
    in_window: u32,
    /// Begin of the window from the first request, and the requests in it.
    begin: Nanos,
    since_first: u32,
    /// When the bucket would be full again, in units of 1/`allow` ns as in [`crate::limiter::token_bucket`].
    full_at: u128,
}

/// What all keys of a limit have in common.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub rate: Rate,
    /// Where the clock's windows begin. The server's clock may differ from ours; the worst phase of all would count
    /// exactly what the rolling window counts, so this reading takes the wall clock at its word.
    pub anchor: Anchor,
}

impl Terms {
    fn window(&self, at: Nanos) -> u64 {
        self.anchor.unix_nanos.saturating_add(at.0) / self.rate.per.0
    }

    /// The most that a rolling count can tell.
    pub fn rolling_cap(&self) -> u32 {
        self.rate.allow.saturating_mul(ROLLING_CAP as u32)
    }
}

/// One per reading of a limit, in its order; the rest is zero.
pub type Levels = [u32; Reading::ALL.len()];

impl Tally {
    /// Counts a request; the use of the limit after it, under each of the readings.
    pub fn add_and_read(&mut self, terms: &Terms, readings: &[Reading], at: Nanos) -> Levels {
        self.add(terms, at);
        let mut levels = Levels::default();
        for (level, reading) in levels.iter_mut().zip(readings) {
            *level = self.level(terms, *reading, at);
        }
        levels
    }

    pub fn add(&mut self, terms: &Terms, at: Nanos) {
        self.evict(terms, at);
        if self.recent.len() == terms.rolling_cap() as usize {
            self.recent.pop_front();
        }
        self.recent.push_back(at);

        let window = terms.window(at);
        if window != self.window {
            (self.window, self.in_window) = (window, 0);
        }
        self.in_window += 1;

        if self.since_first == 0 || at >= self.begin + terms.rate.per {
            (self.begin, self.since_first) = (at, 0);
        }
        self.since_first += 1;

        self.full_at = self.full_at.max(scaled(terms, at)) + u128::from(terms.rate.per.0);
    }

    /// The use of the limit at a moment: requests in the window that it lies in, or the tokens taken from the bucket.
    /// Moments must not go back.
    pub fn level(&mut self, terms: &Terms, reading: Reading, at: Nanos) -> u32 {
        match reading {
            Reading::Rolling | Reading::RollingCounter => {
                self.evict(terms, at);
                self.recent.len() as u32
            }
            Reading::TokenBucket | Reading::LeakyBucket => {
                let debt = self.full_at.saturating_sub(scaled(terms, at));
                u32::try_from(debt.div_ceil(u128::from(terms.rate.per.0))).unwrap_or(u32::MAX)
            }
            Reading::FixedFirstHit | Reading::IntervalRefill if at < self.begin + terms.rate.per => self.since_first,
            Reading::FixedAligned if terms.window(at) == self.window => self.in_window,
            Reading::FixedFirstHit | Reading::FixedAligned | Reading::IntervalRefill => 0,
        }
    }

    /// Whether nothing is left that a later request could add to.
    pub fn is_idle(&mut self, terms: &Terms, at: Nanos) -> bool {
        Reading::ALL.into_iter().all(|reading| self.level(terms, reading, at) == 0)
    }

    fn evict(&mut self, terms: &Terms, at: Nanos) {
        while self.recent.front().is_some_and(|&oldest| oldest.saturating_add(terms.rate.per) <= at) {
            self.recent.pop_front();
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

    const PER: u64 = 1_000;
    const TERMS: Terms = Terms { rate: Rate { allow: 3, per: Nanos(PER) }, anchor: Anchor { unix_nanos: 5_000_250 } };

    fn times(gaps: &[u64]) -> Vec<u64> {
        gaps.iter()
            .scan(0, |now, gap| {
                *now += gap;
                Some(*now)
            })
            .collect()
    }

    /// Counts each reading from the whole history.
    fn naive(reading: Reading, history: &[u64]) -> u32 {
        let now = *history.last().unwrap();
        let counted = match reading {
            Reading::Rolling => history.iter().filter(|&&at| at + PER > now).count().min(12),
            Reading::FixedAligned => {
                let window = |at: u64| (at + TERMS.anchor.unix_nanos) / PER;
                history.iter().filter(|&&at| window(at) == window(now)).count()
            }
            Reading::FixedFirstHit => {
                let mut begin = history[0];
                for &at in history {
                    if at >= begin + PER {
                        begin = at;
                    }
                }
                history.iter().filter(|&&at| at >= begin).count()
            }
            // The deepest drain over all spans that end now: what was taken less what ran in meanwhile.
            Reading::TokenBucket => (0..history.len())
                .map(|first| {
                    let refilled = (now - history[first]) as f64 * 3.0 / PER as f64;
                    ((history.len() - first) as f64 - refilled - 1e-9).ceil() as usize
                })
                .max()
                .unwrap(),
            Reading::LeakyBucket | Reading::RollingCounter | Reading::IntervalRefill => unreachable!("not in ALL"),
        };
        counted as u32
    }

    proptest! {
        #[test]
        fn every_reading_counts_what_a_naive_count_does(gaps in prop::collection::vec(0..900u64, 1..60)) {
            let times = times(&gaps);
            let mut tally = Tally::default();
            for (index, &at) in times.iter().enumerate() {
                tally.add(&TERMS, Nanos(at));
                for reading in Reading::ALL {
                    let counted = tally.level(&TERMS, reading, Nanos(at));
                    prop_assert_eq!(counted, naive(reading, &times[..=index]), "{:?} at {}", reading, at);
                }
            }
        }
    }

    #[test]
    fn a_tally_is_idle_only_when_every_window_and_the_bucket_have_run_out() {
        let mut tally = Tally::default();
        for at in [0, 0, 0, 0] {
            tally.add(&TERMS, Nanos(at));
        }
        assert!(!tally.is_idle(&TERMS, Nanos(PER)), "a bucket drained by four needs four thirds of the window");
        assert!(tally.is_idle(&TERMS, Nanos(PER * 4 / 3 + 1)));
    }
}
