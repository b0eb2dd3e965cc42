//! Fixed window from the first request: it begins with the first request after the last one ended.
//!
//! Source: Redis's documentation of INCR, "Pattern: Rate limiter 2", a counter that expires `per` after its first use.

use super::{Decision, Limiter, Rate, Standing};
use crate::time::Nanos;

#[derive(Clone, Debug)]
pub struct FixedFirstHit {
    rate: Rate,
    /// Begin of the current window; None before the first request.
    begin: Option<Nanos>,
    used: u32,
}

impl FixedFirstHit {
    pub fn new(rate: Rate) -> Self {
        FixedFirstHit { rate, begin: None, used: 0 }
    }

    /// The rest of the current window, if one is open.
    fn rest(&mut self, now: Nanos) -> Option<Nanos> {
        let over = self.begin.map(|begin| now - begin).filter(|&over| over < self.rate.per);
        if over.is_none() {
            (self.begin, self.used) = (None, 0);
        }
        over.map(|over| self.rate.per - over)
    }

    fn left(&self) -> u32 {
        self.rate.allow.saturating_sub(self.used)
    }
}

impl Limiter for FixedFirstHit {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        let rest = self.rest(now);
        match (self.left().checked_sub(cost), rest) {
            (Some(remaining), _) => Decision::admit(remaining),
            (None, Some(rest)) if cost <= self.rate.allow => Decision::refuse(rest),
            (None, _) => Decision::refuse(Nanos::MAX),
        }
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        if self.rest(now).is_none() && cost > 0 {
            self.begin = Some(now);
        }
        self.used = self.used.saturating_add(cost);
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        if self.rest(now).is_some() && self.begin.is_some_and(|begin| begin <= since) {
            self.used = self.used.saturating_sub(cost);
        }
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        let reset = self.rest(now).unwrap_or_default();
        let reset = if self.used == 0 { Nanos::ZERO } else { reset };
        Standing { limit: self.rate.allow, remaining: self.left(), reset }
    }

    /// A window goes on though all that it held was given back.
    fn is_new(&mut self, now: Nanos) -> bool {
        self.rest(now).is_none()
    }
}
