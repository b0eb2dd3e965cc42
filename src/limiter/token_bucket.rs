//! Token bucket: it holds `capacity` tokens and is refilled evenly, `allow` per `per`; a request takes as many as it
//! costs, and is refused if they are not there.
//!
//! Source: S. Shenker and J. Wroclawski, "General Characterization Parameters for Integrated Service Network Elements",
//! RFC 2215 (1997), TOKEN_BUCKET_TSPEC. The generic cell rate algorithm ([`super::Gcra`]) decides the same
//! and keeps one moment instead of a level.

use super::{Decision, Limiter, Rate, Standing};
use crate::time::Nanos;

/// Tokens are kept in units of 1/`per`, of which `allow` run in every nanosecond: nothing is rounded.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: Rate,
    capacity: u32,
    /// Below zero where more was counted than admitted.
    tokens: i128,
    /// When there were so many.
    at: Nanos,
}

impl TokenBucket {
    pub fn new(rate: Rate, capacity: u32) -> Self {
        let mut bucket = TokenBucket { rate, capacity, tokens: 0, at: Nanos::ZERO };
        bucket.tokens = bucket.full();
        bucket
    }

    fn full(&self) -> i128 {
        self.worth(self.capacity)
    }

    fn worth(&self, requests: u32) -> i128 {
        i128::from(self.rate.per.0) * i128::from(requests)
    }

    fn refill(&mut self, now: Nanos) {
        let run_in = i128::from((now - self.at).0) * i128::from(self.rate.allow);
        (self.tokens, self.at) = (self.full().min(self.tokens.saturating_add(run_in)), now);
    }

    /// The time until so much has run in.
    fn until_run_in(&self, missing: i128) -> Nanos {
        Nanos(u64::try_from(missing.cast_unsigned().div_ceil(u128::from(self.rate.allow))).unwrap_or(u64::MAX))
    }

    fn whole_tokens(&self) -> u32 {
        (self.tokens.max(0).cast_unsigned() / u128::from(self.rate.per.0)) as u32
    }
}

impl Limiter for TokenBucket {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        self.refill(now);
        let missing = self.worth(cost) - self.tokens;
        if cost > self.capacity {
            Decision::refuse(Nanos::MAX)
        } else if missing > 0 && cost > 0 {
            Decision::refuse(self.until_run_in(missing))
        } else {
            Decision::admit(self.whole_tokens().saturating_sub(cost))
        }
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.refill(now);
        self.tokens = self.tokens.saturating_sub(self.worth(cost));
    }

    fn give_back(&mut self, now: Nanos, _since: Nanos, cost: u32) {
        self.refill(now);
        self.tokens = self.full().min(self.tokens.saturating_add(self.worth(cost)));
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        self.refill(now);
        let reset = self.until_run_in(self.full() - self.tokens);
        Standing { limit: self.capacity, remaining: self.whole_tokens(), reset }
    }
}
