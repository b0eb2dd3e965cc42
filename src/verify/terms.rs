//! What all scope keys of a rate limit have in common: how it may be read, and what each reading holds.

use jiff::tz::TimeZone;

use crate::limiter::Rate;
use crate::policy::model::{Calendar, RateLimit};
use crate::policy::reading::Reading;
use crate::time::{Anchor, Nanos};

/// A rate limit, made ready for counting. Counts are in the limit's own unit: requests, or points.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub rate: Rate,
    /// The bucket's size where it is not `allow`; what may wait in a leaky one.
    pub burst: Option<u32>,
    pub calendar: Option<Calendar>,
    /// Where the clock's windows begin. The server's clock may differ from ours; the worst phase of all would count
    /// exactly what the rolling window counts, so this reading takes the wall clock at its word.
    pub anchor: Anchor,
    /// The strictest for a client first; never empty.
    pub readings: &'static [Reading],
    /// How long a request can still be counted after it took effect ([`RateLimit::memory`]).
    pub memory: Nanos,
}

impl Terms {
    pub fn of(limit: &RateLimit, anchor: Anchor) -> Self {
        let rate = Rate { allow: limit.allow, per: limit.per };
        let (readings, memory) = (limit.readings(), limit.memory());
        Terms { rate, burst: limit.burst, calendar: limit.calendar, anchor, readings, memory }
    }

    pub fn strictest(&self) -> Reading {
        self.readings[0]
    }

    /// The most that a key may have used at any moment, as [`super::tally`] counts under a reading.
    pub fn ceiling(&self, reading: Reading) -> u32 {
        reading.ceiling(self.rate.allow, self.burst)
    }

    /// The ceiling of the strictest reading.
    pub fn allowed(&self) -> u32 {
        self.ceiling(self.strictest())
    }

    /// Number of the window on the clock.
    pub fn window(&self, at: Nanos) -> u64 {
        match self.calendar {
            None | Some(Calendar::Day) => self.anchor.unix_nanos.saturating_add(at.0) / self.rate.per.0,
            Some(Calendar::Month) => {
                let date = self.anchor.timestamp(at).to_zoned(TimeZone::UTC).date();
                u64::try_from(i32::from(date.year()) * 12 + i32::from(date.month())).unwrap_or(0)
            }
        }
    }

    /// A moment up to which the window on the clock surely lasts that a moment lies in: its end, but for a month's.
    pub fn window_lasts_until(&self, at: Nanos) -> Nanos {
        match self.calendar {
            None | Some(Calendar::Day) => at.saturating_add(Nanos(self.rest_of_window(at))),
            Some(Calendar::Month) => at.saturating_add(Nanos(1)),
        }
    }

    /// The share of the window on the clock that is still to come at a moment, in nanoseconds of `per`.
    pub fn rest_of_window(&self, at: Nanos) -> u64 {
        self.rate.per.0 - self.anchor.unix_nanos.saturating_add(at.0) % self.rate.per.0
    }
}
