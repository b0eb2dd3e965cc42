//! Rolling window estimated from two fixed ones that follow each other from a first request on, and begin anew with the
//! next one after two windows without any.
//!
//! Source: the comments of HAProxy's frequency counters, `freq_ctr`, which its stick tables count by.

use super::estimate::{Estimate, Rounding};
use super::{Decision, Limiter, Rate, Standing};
use crate::time::Nanos;

#[derive(Clone, Debug)]
pub struct RollingCounterFirstHit {
    /// Begin of the current window; None before the first request.
    begin: Option<Nanos>,
    estimate: Estimate,
}

impl RollingCounterFirstHit {
    pub fn new(rate: Rate, rounding: Rounding) -> Self {
        RollingCounterFirstHit { begin: None, estimate: Estimate::new(rate, rounding) }
    }

    /// Goes on to the window of this moment, and tells what is left of it: all of one that is yet to begin.
    fn rest(&mut self, now: Nanos) -> Nanos {
        let per = self.estimate.rate.per;
        let Some(begin) = self.begin else { return per };
        let windows = (now - begin).0 / per.0;
        self.estimate.turn(windows.into());
        if self.estimate.current == 0 && self.estimate.previous == 0 {
            self.begin = None;
            return per;
        }
        let begin = begin + per * windows;
        self.begin = Some(begin);
        per - (now - begin)
    }
}

impl Limiter for RollingCounterFirstHit {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        let rest = self.rest(now);
        self.estimate.decide(rest, cost)
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.rest(now);
        self.begin.get_or_insert(now);
        self.estimate.current = self.estimate.current.saturating_add(cost);
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        self.rest(now);
        let Some(begin) = self.begin else { return };
        if since >= begin {
            self.estimate.current = self.estimate.current.saturating_sub(cost);
        } else if begin - since <= self.estimate.rate.per {
            self.estimate.previous = self.estimate.previous.saturating_sub(cost);
        }
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        let rest = self.rest(now);
        Standing {
            limit: self.estimate.rate.allow,
            remaining: self.estimate.left(rest),
            reset: self.estimate.reset(rest),
        }
    }

    fn window_rest(&mut self, now: Nanos) -> Option<Nanos> {
        let rest = self.rest(now);
        self.begin.map(|_| rest)
    }

    fn is_new(&mut self, now: Nanos) -> bool {
        self.rest(now);
        self.begin.is_none()
    }
}
