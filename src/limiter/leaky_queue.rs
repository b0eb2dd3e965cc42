//! Leaky bucket as a queue: what comes waits behind what came before and leaves evenly, one request each `per / allow`;
//! what finds `burst` waiting is refused.
//!
//! It admits what the bucket as a meter admits ([`super::LeakyBucket`]), and says besides how long each waits.
//!
//! Source: nginx's module ngx_http_limit_req with `burst` and without `nodelay`.

use super::{Decision, LeakyBucket, Limiter, Rate, Standing};
use crate::time::Nanos;

#[derive(Clone, Debug)]
pub struct LeakyQueue {
    bucket: LeakyBucket,
}

impl LeakyQueue {
    pub fn new(rate: Rate, burst: u32) -> Self {
        LeakyQueue { bucket: LeakyBucket::new(rate, burst) }
    }

    /// How long a request that comes now waits until it is served, if it is admitted: until all before it have left.
    pub fn delay(&mut self, now: Nanos) -> Nanos {
        self.bucket.standing(now).reset
    }
}

impl Limiter for LeakyQueue {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        self.bucket.peek(now, cost)
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.bucket.count(now, cost);
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        self.bucket.give_back(now, since, cost);
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        self.bucket.standing(now)
    }
}
