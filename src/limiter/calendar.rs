//! A window of the calendar: a day or a month in UTC, each holds at most `allow`.
//!
//! Source: quotas of Amazon API Gateway's usage plans, whose period is a day or a month, the month from its first on.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Decision, Limiter, Standing};
use crate::policy::model::Calendar;
use crate::time::{Anchor, Nanos};

#[derive(Clone, Debug)]
pub struct CalendarWindow {
    allow: u32,
    period: Calendar,
    anchor: Anchor,
    /// Of the current window; it may have begun before the run.
    begin: Nanos,
    /// Exclusive; zero before the first use.
    end: Nanos,
    used: u32,
}

impl CalendarWindow {
    pub fn new(allow: u32, period: Calendar, anchor: Anchor) -> Self {
        CalendarWindow { allow, period, anchor, begin: Nanos::ZERO, end: Nanos::ZERO, used: 0 }
    }

    fn turn(&mut self, now: Nanos) {
        // The last window that the clock can tell never ends.
        if now >= self.end && self.end != Nanos::MAX {
            let today = self.anchor.timestamp(now).to_zoned(TimeZone::UTC).date();
            let (first, next) = match self.period {
                Calendar::Day => (today, today.tomorrow()),
                Calendar::Month => (today.first_of_month(), today.last_of_month().tomorrow()),
            };
            self.begin = self.midnight(first);
            self.end = next.map_or(Nanos::MAX, |next| self.midnight(next));
            self.used = 0;
        }
    }

    /// The begin of a date, or of the run where that is later.
    fn midnight(&self, date: Date) -> Nanos {
        let since_epoch = date.to_zoned(TimeZone::UTC).map_or(i128::MAX, |zoned| zoned.timestamp().as_nanosecond());
        let since_begin = since_epoch.saturating_sub(i128::from(self.anchor.unix_nanos)).max(0);
        Nanos(u64::try_from(since_begin).unwrap_or(u64::MAX))
    }

    /// Of the current window.
    fn rest(&self, now: Nanos) -> Nanos {
        if self.end == Nanos::MAX { Nanos::MAX } else { self.end - now }
    }

    fn left(&self) -> u32 {
        self.allow.saturating_sub(self.used)
    }
}

impl Limiter for CalendarWindow {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        self.turn(now);
        match self.left().checked_sub(cost) {
            Some(remaining) => Decision::admit(remaining),
            None if cost > self.allow => Decision::refuse(Nanos::MAX),
            None => Decision::refuse(self.rest(now)),
        }
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.turn(now);
        self.used = self.used.saturating_add(cost);
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        self.turn(now);
        if since >= self.begin {
            self.used = self.used.saturating_sub(cost);
        }
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        self.turn(now);
        let reset = if self.used == 0 { Nanos::ZERO } else { self.rest(now) };
        Standing { limit: self.allow, remaining: self.left(), reset }
    }
}
