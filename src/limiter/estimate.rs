//! What two windows in a row held, and what they count for: the last one by the share of it that still overlaps.

use super::{Decision, Rate};
use crate::time::Nanos;

/// What becomes of a part of a request that the last window still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// It takes the place of a whole one: what counts never goes beyond the limit.
    Up,
    /// It counts for nothing, as where a request is admitted while less than the limit has been counted.
    Down,
}

#[derive(Clone, Debug)]
pub(super) struct Estimate {
    pub rate: Rate,
    pub rounding: Rounding,
    pub current: u32,
    pub previous: u32,
}

impl Estimate {
    pub fn new(rate: Rate, rounding: Rounding) -> Self {
        Estimate { rate, rounding, current: 0, previous: 0 }
    }

    /// Goes on by so many windows.
    pub fn turn(&mut self, windows: u128) {
        if windows > 0 {
            self.previous = if windows == 1 { self.current } else { 0 };
            self.current = 0;
        }
    }

    /// What is left, so long before the window's end.
    pub fn left(&self, rest: Nanos) -> u32 {
        self.rate.allow.saturating_sub(self.carried(rest)).saturating_sub(self.current)
    }

    pub fn decide(&self, rest: Nanos, cost: u32) -> Decision {
        if let Some(remaining) = self.left(rest).checked_sub(cost) {
            return Decision::admit(remaining);
        }
        let Some(room) = self.rate.allow.checked_sub(cost) else { return Decision::refuse(Nanos::MAX) };
        Decision::refuse(match room.checked_sub(self.current) {
            // Admitted once the last window has faded enough: still in this one.
            Some(room) => rest - self.faded_to(self.previous, room),
            None => rest.saturating_add(self.rate.per - self.faded_to(self.current, room)),
        })
    }

    /// The time until all of it is there again.
    pub fn reset(&self, rest: Nanos) -> Nanos {
        match (self.current, self.previous) {
            (0, previous) => rest.saturating_sub(self.faded_to(previous, 0)),
            (current, _) => rest.saturating_add(self.rate.per - self.faded_to(current, 0)),
        }
    }

    fn carried(&self, rest: Nanos) -> u32 {
        let overlap = u128::from(rest.0) * u128::from(self.previous);
        let per = u128::from(self.rate.per.0);
        let carried = match self.rounding {
            Rounding::Up => overlap.div_ceil(per),
            Rounding::Down => overlap / per,
        };
        carried as u32
    }

    /// The longest rest of a window in which what the one before it held (`before`) counts at most `room`.
    fn faded_to(&self, before: u32, room: u32) -> Nanos {
        let per = u128::from(self.rate.per.0);
        let parts = match self.rounding {
            Rounding::Up => per * u128::from(room),
            Rounding::Down => per * (u128::from(room) + 1) - 1,
        };
        match parts.checked_div(u128::from(before)) {
            Some(rest) => Nanos(rest.min(per) as u64),
            None => self.rate.per,
        }
    }
}
