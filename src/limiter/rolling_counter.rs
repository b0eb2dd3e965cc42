//! Rolling window estimated from two fixed ones: what the last window on the clock held counts by the share of it that
//! still lies within `per`.
//!
//! Source: "How we built rate limiting capable of scaling to millions of domains", Cloudflare, 2017.

use super::estimate::{Estimate, Rounding};
use super::windows::Windows;
use super::{Decision, Limiter, Rate, Standing};
use crate::time::{Anchor, Nanos};

#[derive(Clone, Debug)]
pub struct RollingCounter {
    windows: Windows,
    window: u128,
    estimate: Estimate,
}

impl RollingCounter {
    pub fn new(rate: Rate, anchor: Anchor) -> Self {
        RollingCounter::rounded(rate, anchor, Rounding::Up)
    }

    pub fn rounded(rate: Rate, anchor: Anchor, rounding: Rounding) -> Self {
        RollingCounter {
            windows: Windows { per: rate.per, anchor },
            window: 0,
            estimate: Estimate::new(rate, rounding),
        }
    }

    fn turn(&mut self, now: Nanos) {
        let window = self.windows.number(now);
        self.estimate.turn(window.saturating_sub(self.window));
        self.window = window;
    }
}

impl Limiter for RollingCounter {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        self.turn(now);
        self.estimate.decide(self.windows.until_next(now), cost)
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.turn(now);
        self.estimate.current = self.estimate.current.saturating_add(cost);
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        self.turn(now);
        let counted = self.windows.number(since);
        if counted == self.window {
            self.estimate.current = self.estimate.current.saturating_sub(cost);
        } else if counted + 1 == self.window {
            self.estimate.previous = self.estimate.previous.saturating_sub(cost);
        }
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        self.turn(now);
        let rest = self.windows.until_next(now);
        Standing {
            limit: self.estimate.rate.allow,
            remaining: self.estimate.left(rest),
            reset: self.estimate.reset(rest),
        }
    }
}
