//! Token bucket of `allow` tokens refilled evenly over `per`, kept as GCRA keeps it: one theoretical arrival time.

use super::{Decision, Limiter, Rate};
use crate::time::Nanos;

/// Times are kept in units of 1/`allow` ns, so that the refill interval `per / allow` is a whole number and nothing is
/// rounded.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: Rate,
    /// When the bucket would be full again.
    full_at: u128,
}

impl TokenBucket {
    pub fn new(rate: Rate) -> Self {
        TokenBucket { rate, full_at: 0 }
    }

    fn scaled(&self, now: Nanos) -> u128 {
        u128::from(now.0) * u128::from(self.rate.allow)
    }

    /// When the bucket would be full again if one token were taken now.
    fn full_at_after_one(&self, now: Nanos) -> u128 {
        self.full_at.max(self.scaled(now)) + u128::from(self.rate.per.0)
    }
}

impl Limiter for TokenBucket {
    fn peek(&mut self, now: Nanos) -> Decision {
        let scale = u128::from(self.rate.allow);
        let one_token = u128::from(self.rate.per.0);
        let capacity = one_token * scale;
        let debt = self.full_at_after_one(now) - self.scaled(now);
        if debt > capacity {
            return Decision::refuse(Nanos((debt - capacity).div_ceil(scale) as u64));
        }
        Decision::admit(((capacity - debt) / one_token) as u32)
    }

    fn count(&mut self, now: Nanos) {
        self.full_at = self.full_at_after_one(now);
    }
}
