//! Leaky bucket as a meter: what comes is poured in, it drains evenly at `allow` per `per`, and what would spill is
//! refused. It holds one request in service and `burst` behind it.
//!
//! Source: nginx's module ngx_http_limit_req with `burst` and `nodelay`, which lets `burst + 1` through at once.

use super::{Decision, Limiter, Rate, Standing};
use crate::time::Nanos;

/// The level is kept in units of 1/`per` of a request, of which `allow` drain per nanosecond: nothing is rounded.
#[derive(Clone, Debug)]
pub struct LeakyBucket {
    rate: Rate,
    holds: u32,
    level: u128,
    /// When the level was that.
    at: Nanos,
}

impl LeakyBucket {
    pub fn new(rate: Rate, burst: u32) -> Self {
        LeakyBucket { rate, holds: burst.saturating_add(1), level: 0, at: Nanos::ZERO }
    }

    fn volume(&self, requests: u32) -> u128 {
        u128::from(self.rate.per.0) * u128::from(requests)
    }

    fn drain(&mut self, now: Nanos) {
        let drained = u128::from((now - self.at).0) * u128::from(self.rate.allow);
        (self.level, self.at) = (self.level.saturating_sub(drained), now);
    }

    /// The time until so much has drained.
    fn until_drained(&self, volume: u128) -> Nanos {
        Nanos(u64::try_from(volume.div_ceil(u128::from(self.rate.allow))).unwrap_or(u64::MAX))
    }

    fn room(&self) -> u32 {
        (self.volume(self.holds).saturating_sub(self.level) / self.volume(1)) as u32
    }
}

impl Limiter for LeakyBucket {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        self.drain(now);
        let spilt = self.level.saturating_add(self.volume(cost)).saturating_sub(self.volume(self.holds));
        if cost > self.holds {
            Decision::refuse(Nanos::MAX)
        } else if spilt > 0 && cost > 0 {
            Decision::refuse(self.until_drained(spilt))
        } else {
            Decision::admit(self.room().saturating_sub(cost))
        }
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.drain(now);
        self.level = self.level.saturating_add(self.volume(cost));
    }

    fn give_back(&mut self, now: Nanos, _since: Nanos, cost: u32) {
        self.drain(now);
        self.level = self.level.saturating_sub(self.volume(cost));
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        self.drain(now);
        Standing { limit: self.holds, remaining: self.room(), reset: self.until_drained(self.level) }
    }
}
