//! Bucket that is filled up at intervals: `allow` tokens are added at once, every `per` from the first use, as far as
//! `capacity` allows.
//!
//! Source: `refillIntervally` of Bucket4j's reference.

use super::{Decision, Limiter, Rate, Standing};
use crate::time::Nanos;

#[derive(Clone, Debug)]
pub struct IntervalRefill {
    rate: Rate,
    capacity: u32,
    tokens: u32,
    /// When tokens were last added, or the first use; None before it.
    filled: Option<Nanos>,
}

impl IntervalRefill {
    pub fn new(rate: Rate, capacity: u32) -> Self {
        IntervalRefill { rate, capacity, tokens: capacity, filled: None }
    }

    /// Adds what has come since the last time.
    fn refill(&mut self, now: Nanos) {
        let Some(filled) = self.filled else { return };
        let times = (now - filled).0 / self.rate.per.0;
        let added = u64::from(self.rate.allow).saturating_mul(times);
        self.tokens = u64::from(self.tokens).saturating_add(added).min(u64::from(self.capacity)) as u32;
        self.filled = Some(filled + self.rate.per * times);
    }

    /// The time until so many tokens have been added.
    fn until_added(&self, now: Nanos, wanted: u32) -> Nanos {
        let over = now - self.filled.unwrap_or(now);
        let times = wanted.div_ceil(self.rate.allow);
        let wait = u128::from(self.rate.per.0) * u128::from(times) - u128::from(over.0);
        Nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

impl Limiter for IntervalRefill {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        self.refill(now);
        match self.tokens.checked_sub(cost) {
            Some(remaining) => Decision::admit(remaining),
            None if cost > self.capacity => Decision::refuse(Nanos::MAX),
            None => Decision::refuse(self.until_added(now, cost - self.tokens)),
        }
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.refill(now);
        if cost > 0 {
            self.filled = self.filled.or(Some(now));
        }
        self.tokens = self.tokens.saturating_sub(cost);
    }

    fn give_back(&mut self, now: Nanos, _since: Nanos, cost: u32) {
        self.refill(now);
        self.tokens = self.tokens.saturating_add(cost).min(self.capacity);
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        self.refill(now);
        let missing = self.capacity - self.tokens;
        let reset = if missing == 0 { Nanos::ZERO } else { self.until_added(now, missing) };
        Standing { limit: self.capacity, remaining: self.tokens, reset }
    }
    /// Its intervals go on from the first use, whatever is missing.
    fn is_new(&mut self, _now: Nanos) -> bool {
        self.filled.is_none()
    }
}
