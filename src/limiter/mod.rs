//! Rate limiters as pure state machines. The reference server and the virtual driver enforce limits with them.
//!
//! Each algorithm is one reading of "`allow` per `per`" and has a file of its own; what wraps or joins limiters
//! ([`PenaltyBox`], [`Stacked`], [`Steady`]) is a limiter again. A limiter counts what it is told to: refusing costs
//! nothing by itself. Time may stand still between two calls but must not go back, which [`Steady`] sees to, and so
//! [`build`] and everything that keeps many keys. No call allocates, but for the rolling log, which grows up to what it allows.
//!
//! [`Keyed`] and [`Sharded`] keep one limit for many keys. Keys that are as good as new are forgotten when a store is full,
//! before it grows, or when it is told to ([`Keyed::sweep`]): one that is asked for no further key keeps what it has until
//! then, and keys of an [`IntervalRefill`], whose intervals go on from the first request, stay. Keys are hashed without a secret: who lets strangers choose them hashes
//! them first, with one.
//!
//! And [`suite`] tells how right any limiter is, also one of
//! your own.

mod algorithm;
mod calendar;
mod concurrency;
mod cooldown;
pub mod enforcer;
mod estimate;
mod fixed_aligned;
mod fixed_first_hit;
mod gcra;
mod interval_refill;
mod leaky_bucket;
mod leaky_queue;
mod penalty_box;
mod rolling_counter;
mod rolling_counter_first_hit;
mod rolling_log;
mod stacked;
mod steady;
mod store;
pub mod suite;
mod token_bucket;
mod windows;

#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use calendar::CalendarWindow;
pub use concurrency::Concurrency;
pub use cooldown::Cooldown;
pub use estimate::Rounding;
pub use fixed_aligned::FixedAligned;
pub use fixed_first_hit::FixedFirstHit;
pub use gcra::{Gcra, Tat};
pub use interval_refill::IntervalRefill;
pub use leaky_bucket::LeakyBucket;
pub use leaky_queue::LeakyQueue;
pub use penalty_box::PenaltyBox;
pub use rolling_counter::RollingCounter;
pub use rolling_counter_first_hit::RollingCounterFirstHit;
pub use rolling_log::RollingLog;
pub use stacked::Stacked;
pub use steady::Steady;
pub use store::{AtomicGcra, Capped, Keyed, Sharded};
pub use token_bucket::TokenBucket;

use crate::policy::model::{Calendar, RateLimit};
use crate::policy::reading::Reading;
use crate::time::{Anchor, Nanos};

/// A limiter for one scope key. Costs are in the limit's own unit: requests, or points.
pub trait Limiter {
    /// What [`Limiter::check`] would decide for a request of this cost; counts nothing.
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision;

    /// Counts so much, admitted or not.
    fn count(&mut self, now: Nanos, cost: u32);

    /// Gives back a part of what was counted at `since`: the answer turned out cheaper. What has expired by now stays
    /// expired.
    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32);

    /// How much of it is left.
    fn standing(&mut self, now: Nanos) -> Standing;

    /// Takes note that a request of this cost was refused. Only penalties do.
    fn refused(&mut self, _now: Nanos, _cost: u32) {}

    /// How long whoever this counts is shut out from everything by a penalty; zero for none.
    fn shut_out(&self, _now: Nanos) -> Nanos {
        Nanos::ZERO
    }

    /// The rest of the window that it is in, of windows that begin with requests and follow each other; None while none
    /// is open, and for every other limiter.
    fn window_rest(&mut self, _now: Nanos) -> Option<Nanos> {
        None
    }

    /// Whether it would decide everything to come as one that was never used: it may be forgotten.
    fn is_new(&mut self, now: Nanos) -> bool {
        let standing = self.standing(now);
        standing.reset == Nanos::ZERO && standing.remaining == standing.limit
    }

    /// Decides one request, and counts it if it is admitted.
    fn check(&mut self, now: Nanos, cost: u32) -> Decision {
        let decision = self.peek(now, cost);
        match decision.admitted {
            true => self.count(now, cost),
            false => self.refused(now, cost),
        }
        decision
    }
}

/// What a limiter decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub admitted: bool,
    /// How much more would be admitted at this moment, after this request; zero when refused, though what costs less
    /// may fit ([`Limiter::standing`]).
    pub remaining: u32,
    /// Zero when admitted; else the shortest wait after which the request is admitted, if none comes before.
    /// [`Nanos::MAX`] when it costs more than ever fits.
    pub retry_after: Nanos,
}

impl Decision {
    #[inline]
    fn admit(remaining: u32) -> Self {
        Decision { admitted: true, remaining, retry_after: Nanos::ZERO }
    }

    #[inline]
    fn refuse(retry_after: Nanos) -> Self {
        Decision { admitted: false, remaining: 0, retry_after }
    }

    /// As it is told to a caller whose clock is so much behind the moment that counted.
    #[inline]
    fn behind(self, behind: Nanos) -> Decision {
        if self.admitted { self } else { Decision::refuse(self.retry_after.saturating_add(behind)) }
    }

    /// Where two limits hold: both must admit.
    fn and(self, other: Decision) -> Decision {
        Decision {
            admitted: self.admitted && other.admitted,
            remaining: self.remaining.min(other.remaining),
            retry_after: self.retry_after.max(other.retry_after),
        }
    }
}

/// How a limit stands for one scope key: what quota headers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The most that may come at once.
    pub limit: u32,
    pub remaining: u32,
    /// The time until all of `limit` is there again, if nothing comes before.
    pub reset: Nanos,
}

/// What a limiter enforces. Both are at least one: of others, algorithms may say anything or panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub allow: u32,
    pub per: Nanos,
}

/// All that a limiter has to know of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub rate: Rate,
    /// The bucket's size, where it is not `allow`; what may wait in a leaky one.
    pub burst: Option<u32>,
    pub calendar: Option<Calendar>,
    /// The server's clock.
    pub anchor: Anchor,
}

impl Terms {
    /// Of a limit as it stands in a policy.
    pub fn of(limit: &RateLimit, anchor: Anchor) -> Terms {
        let rate = Rate { allow: limit.allow, per: limit.per };
        Terms { rate, burst: limit.burst, calendar: limit.calendar, anchor }
    }

    /// The bucket's size.
    fn capacity(&self) -> u32 {
        self.burst.unwrap_or(self.rate.allow)
    }
}

impl From<Rate> for Terms {
    /// On a clock that shows zero when the run begins.
    fn from(rate: Rate) -> Terms {
        Terms { rate, burst: None, calendar: None, anchor: Anchor { unix_nanos: 0 } }
    }
}

/// A limiter that keeps to one reading, and whose clock never goes back. Periods of the calendar have only one reading.
pub fn build(reading: Reading, terms: impl Into<Terms>) -> Box<dyn Limiter + Send> {
    fn steady(limiter: impl Limiter + Send + 'static) -> Box<dyn Limiter + Send> {
        Box::new(Steady::new(limiter))
    }
    let terms = terms.into();
    if let Some(period) = terms.calendar {
        return steady(CalendarWindow::new(terms.rate.allow, period, terms.anchor));
    }
    match reading {
        Reading::Rolling => steady(RollingLog::new(terms.rate)),
        Reading::TokenBucket => steady(TokenBucket::new(terms.rate, terms.capacity())),
        Reading::FixedFirstHit => steady(FixedFirstHit::new(terms.rate)),
        Reading::FixedAligned => steady(FixedAligned::new(terms.rate, terms.anchor)),
        Reading::LeakyBucket => steady(LeakyBucket::new(terms.rate, terms.burst.unwrap_or(0))),
        Reading::RollingCounter => steady(RollingCounter::new(terms.rate, terms.anchor)),
        Reading::IntervalRefill => steady(IntervalRefill::new(terms.rate, terms.capacity())),
    }
}

impl<L: Limiter + ?Sized> Limiter for Box<L> {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        (**self).peek(now, cost)
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        (**self).count(now, cost);
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        (**self).give_back(now, since, cost);
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        (**self).standing(now)
    }

    fn refused(&mut self, now: Nanos, cost: u32) {
        (**self).refused(now, cost);
    }

    fn shut_out(&self, now: Nanos) -> Nanos {
        (**self).shut_out(now)
    }

    fn window_rest(&mut self, now: Nanos) -> Option<Nanos> {
        (**self).window_rest(now)
    }

    fn is_new(&mut self, now: Nanos) -> bool {
        (**self).is_new(now)
    }
}
