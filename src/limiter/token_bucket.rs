//! Token bucket: it holds `capacity` tokens and is refilled evenly, `allow` per `per`; a request takes as many as it costs.
//!
//! Kept as the generic cell rate algorithm keeps it (ITU-T I.371, annex A): as one theoretical arrival time.

use super::{Decision, Limiter, Rate, Standing};
use crate::time::Nanos;

/// Times are kept in units of 1/`allow` ns, so that the refill interval `per / allow` is a whole number and nothing is
/// rounded.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: Rate,
    capacity: u32,
    /// When the bucket would be full again.
    full_at: u128,
}

impl TokenBucket {
    pub fn new(rate: Rate, capacity: u32) -> Self {
        TokenBucket { rate, capacity, full_at: 0 }
    }

    fn scaled(&self, now: Nanos) -> u128 {
        u128::from(now.0) * u128::from(self.rate.allow)
    }

    /// The time that so many tokens take to run in.
    fn refill(&self, tokens: u32) -> u128 {
        u128::from(self.rate.per.0) * u128::from(tokens)
    }

    /// The time that it takes to be full again.
    fn debt(&self, now: Nanos) -> u128 {
        self.full_at.saturating_sub(self.scaled(now))
    }

    /// Scaled time in nanoseconds, rounded up.
    fn nanos(&self, scaled: u128) -> Nanos {
        Nanos(u64::try_from(scaled.div_ceil(u128::from(self.rate.allow))).unwrap_or(u64::MAX))
    }
}

impl Limiter for TokenBucket {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        let debt = self.debt(now) + self.refill(cost);
        let full = self.refill(self.capacity);
        if cost > self.capacity {
            Decision::refuse(Nanos::MAX)
        } else if debt > full {
            Decision::refuse(self.nanos(debt - full))
        } else {
            Decision::admit(((full - debt) / self.refill(1)) as u32)
        }
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.full_at = self.full_at.max(self.scaled(now)) + self.refill(cost);
    }

    fn give_back(&mut self, _now: Nanos, _since: Nanos, cost: u32) {
        self.full_at = self.full_at.saturating_sub(self.refill(cost));
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        let debt = self.debt(now);
        let left = self.refill(self.capacity).saturating_sub(debt) / self.refill(1);
        Standing { limit: self.capacity, remaining: left as u32, reset: self.nanos(debt) }
    }
}
