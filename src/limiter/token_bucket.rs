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
}

impl Limiter for TokenBucket {
    fn check(&mut self, now: Nanos) -> Decision {
        let scale = u128::from(self.rate.allow);
        let one_token = u128::from(self.rate.per.0);
        let capacity = one_token * scale;
        let at = u128::from(now.0) * scale;
        let full_at = self.full_at.max(at) + one_token;
        let debt = full_at - at;
        if debt > capacity {
            return Decision::refuse(Nanos((debt - capacity).div_ceil(scale) as u64));
        }
        self.full_at = full_at;
        Decision::admit(((capacity - debt) / one_token) as u32)
    }
}
