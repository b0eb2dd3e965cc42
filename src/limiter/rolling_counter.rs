//! Rolling window estimated from two fixed ones: what the last window on the clock held counts by the share of it that
//! still lies within `per`.
//!
//! Source: "How we built rate limiting capable of scaling to millions of domains", Cloudflare, 2017.

use super::windows::Windows;
use super::{Decision, Limiter, Rate, Standing};
use crate::time::{Anchor, Nanos};

#[derive(Clone, Debug)]
pub struct RollingCounter {
    rate: Rate,
    windows: Windows,
    window: u128,
    current: u32,
    previous: u32,
}

impl RollingCounter {
    pub fn new(rate: Rate, anchor: Anchor) -> Self {
        RollingCounter { rate, windows: Windows { per: rate.per, anchor }, window: 0, current: 0, previous: 0 }
    }

    fn turn(&mut self, now: Nanos) {
        let window = self.windows.number(now);
        if window != self.window {
            self.previous = if window == self.window + 1 { self.current } else { 0 };
            (self.window, self.current) = (window, 0);
        }
    }

    /// What the last window still counts, rounded up: a part of a request takes the place of a whole one.
    fn carried(&self, now: Nanos) -> u32 {
        let overlap = u128::from(self.windows.until_next(now).0) * u128::from(self.previous);
        overlap.div_ceil(u128::from(self.rate.per.0)) as u32
    }

    fn left(&self, now: Nanos) -> u32 {
        self.rate.allow.saturating_sub(self.carried(now)).saturating_sub(self.current)
    }

    /// How far a window has to be over until what the one before it held (`before`) counts at most `room`.
    fn faded_to(&self, before: u32, room: u32) -> Nanos {
        let overlap = u128::from(self.rate.per.0) * u128::from(room) / u128::from(before.max(1));
        self.rate.per.saturating_sub(Nanos(u64::try_from(overlap).unwrap_or(u64::MAX)))
    }
}

impl Limiter for RollingCounter {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        self.turn(now);
        if let Some(remaining) = self.left(now).checked_sub(cost) {
            return Decision::admit(remaining);
        }
        let Some(room) = self.rate.allow.checked_sub(cost) else { return Decision::refuse(Nanos::MAX) };
        let next = self.windows.until_next(now);
        Decision::refuse(match room.checked_sub(self.current) {
            // Admitted once the last window has faded enough: still in this one.
            Some(room) => self.faded_to(self.previous, room) - (self.rate.per - next),
            None => next.saturating_add(self.faded_to(self.current, room)),
        })
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.turn(now);
        self.current = self.current.saturating_add(cost);
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        self.turn(now);
        let counted = self.windows.number(since);
        if counted == self.window {
            self.current = self.current.saturating_sub(cost);
        } else if counted + 1 == self.window {
            self.previous = self.previous.saturating_sub(cost);
        }
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        self.turn(now);
        let reset = match (self.current, self.previous) {
            (0, 0) => Nanos::ZERO,
            (0, _) => self.windows.until_next(now),
            _ => self.windows.until_next(now).saturating_add(self.rate.per),
        };
        Standing { limit: self.rate.allow, remaining: self.left(now), reset }
    }
}
