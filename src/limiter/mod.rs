//! Rate limiters as pure state machines. The reference server and the virtual driver enforce limits with them.
//!
//! Each algorithm is one reading of "`allow` requests per `per`". A limiter counts only what it admits: a refused request
//! costs nothing. Time may stand still between two checks but must not go back.

pub mod enforcer;
pub mod fixed_aligned;
pub mod fixed_first_hit;
pub mod rolling_log;
pub mod token_bucket;

use crate::policy::reading::Reading;
use crate::time::Nanos;

/// A limiter for one scope key.
pub trait Limiter {
    /// What [`Limiter::check`] would decide; counts nothing.
    fn peek(&mut self, now: Nanos) -> Decision;

    /// Counts one request that `peek` at the same `now` admits.
    fn count(&mut self, now: Nanos);

    /// Decides one request, and counts it if it is admitted.
    fn check(&mut self, now: Nanos) -> Decision {
        let decision = self.peek(now);
        if decision.admitted {
            self.count(now);
        }
        decision
    }
}

/// What a limiter decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub admitted: bool,
    /// How many more requests would be admitted at this moment, after this one.
    pub remaining: u32,
    /// Zero when admitted; else the shortest wait after which one request is admitted, if none comes before.
    pub retry_after: Nanos,
}

impl Decision {
    fn admit(remaining: u32) -> Self {
        Decision { admitted: true, remaining, retry_after: Nanos::ZERO }
    }

    fn refuse(retry_after: Nanos) -> Self {
        Decision { admitted: false, remaining: 0, retry_after }
    }
}

/// What a limiter enforces. Both are at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub allow: u32,
    pub per: Nanos,
}

/// A limiter that keeps to one reading.
pub fn build(reading: Reading, rate: Rate) -> Box<dyn Limiter + Send> {
    match reading {
        Reading::Rolling => Box::new(rolling_log::RollingLog::new(rate)),
        Reading::TokenBucket => Box::new(token_bucket::TokenBucket::new(rate)),
        Reading::FixedFirstHit => Box::new(fixed_first_hit::FixedFirstHit::new(rate)),
        Reading::FixedAligned => Box::new(fixed_aligned::FixedAligned::new(rate)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { allow: 3, per: Nanos::from_secs(1) };

    /// Naive on purpose: keeps every admitted time and counts.
    fn most_in_any_window(admitted: &[u64], per: u64) -> usize {
        let in_window_from = |&start: &u64| admitted.iter().filter(|&&at| at >= start && at < start + per).count();
        admitted.iter().map(in_window_from).max().unwrap_or(0)
    }

    fn admitted(reading: Reading, gaps: &[u64]) -> Vec<u64> {
        let mut limiter = build(reading, RATE);
        let mut now = 0;
        let mut times = Vec::new();
        for gap in gaps {
            now += gap;
            if limiter.check(Nanos(now)).admitted {
                times.push(now);
            }
        }
        times
    }

    proptest! {
        #[test]
        fn the_rolling_log_admits_all_that_fits_and_no_more(gaps in prop::collection::vec(0..900_000_000u64, 1..80)) {
            let times = admitted(Reading::Rolling, &gaps);
            prop_assert!(most_in_any_window(&times, RATE.per.0) <= 3);
        }

        #[test]
        fn no_reading_admits_more_than_twice_the_limit_in_a_window(
            gaps in prop::collection::vec(0..900_000_000u64, 1..80)
        ) {
            for reading in Reading::ALL {
                prop_assert!(most_in_any_window(&admitted(reading, &gaps), RATE.per.0) <= 6, "{reading:?}");
            }
        }

        #[test]
        fn retry_after_is_exact(gaps in prop::collection::vec(0..900_000_000u64, 1..80)) {
            for reading in Reading::ALL {
                let mut limiter = build(reading, RATE);
                let mut now = 0;
                for gap in &gaps {
                    now += gap;
                    let decision = limiter.check(Nanos(now));
                    if !decision.admitted {
                        let wait = decision.retry_after.0;
                        prop_assert!(wait > 0);
                        prop_assert!(!limiter.check(Nanos(now + wait - 1)).admitted, "{reading:?} admits early");
                        now += wait;
                        prop_assert!(limiter.check(Nanos(now)).admitted, "{reading:?} refuses after its own hint");
                    }
                }
            }
        }
    }

    #[test]
    fn aligned_windows_let_twice_the_limit_through_at_an_edge_and_a_rolling_one_does_not() {
        let gaps = [900_000_000, 0, 0, 100_000_000, 0, 0];
        assert_eq!(admitted(Reading::FixedAligned, &gaps).len(), 6);
        assert_eq!(admitted(Reading::Rolling, &gaps).len(), 3);
    }

    #[test]
    fn remaining_counts_down_to_zero() {
        for reading in Reading::ALL {
            let mut limiter = build(reading, RATE);
            let remaining: Vec<u32> = (0..4).map(|_| limiter.check(Nanos(5)).remaining).collect();
            assert_eq!(remaining, [2, 1, 0, 0], "{reading:?}");
        }
    }
}
