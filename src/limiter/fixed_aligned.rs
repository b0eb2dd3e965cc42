//! Fixed window on the clock: windows begin at whole multiples of `per`, each holds at most `allow`.
//!
//! Source: the counter of Redis's documentation of INCR, "Pattern: Rate limiter 1", with one key per whole second.

use super::windows::Windows;
use super::{Decision, Limiter, Rate, Standing};
use crate::time::{Anchor, Nanos};

#[derive(Clone, Debug)]
pub struct FixedAligned {
    allow: u32,
    windows: Windows,
    window: u128,
    used: u32,
}

impl FixedAligned {
    pub fn new(rate: Rate, anchor: Anchor) -> Self {
        FixedAligned { allow: rate.allow, windows: Windows { per: rate.per, anchor }, window: 0, used: 0 }
    }

    fn turn(&mut self, now: Nanos) {
        let window = self.windows.number(now);
        if window != self.window {
            (self.window, self.used) = (window, 0);
        }
    }

    fn left(&self) -> u32 {
        self.allow.saturating_sub(self.used)
    }
}

impl Limiter for FixedAligned {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        self.turn(now);
        match self.left().checked_sub(cost) {
            Some(remaining) => Decision::admit(remaining),
            None if cost > self.allow => Decision::refuse(Nanos::MAX),
            None => Decision::refuse(self.windows.until_next(now)),
        }
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.turn(now);
        self.used = self.used.saturating_add(cost);
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        self.turn(now);
        if self.windows.number(since) == self.window {
            self.used = self.used.saturating_sub(cost);
        }
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        self.turn(now);
        let reset = if self.used == 0 { Nanos::ZERO } else { self.windows.until_next(now) };
        Standing { limit: self.allow, remaining: self.left(), reset }
    }
}
