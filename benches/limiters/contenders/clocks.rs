//! Clocks that others are given.

use std::cell::Cell;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use quotaproof::time::Nanos;

thread_local! {
    /// The time that the clocks show. Setting it is a plain write, where a fake clock that threads share (governor's
    /// `FakeRelativeClock`) is set by an atomic exchange, which would be measured as well.
    pub static NOW: Cell<u64> = const { Cell::new(0) };
}

/// What the time is, for limiters that are told it.
pub trait Time: Send + Sync {
    fn time(&self) -> Nanos;
}

#[derive(Clone)]
pub struct ThreadTime;

impl Time for ThreadTime {
    #[inline]
    fn time(&self) -> Nanos {
        Nanos(NOW.get())
    }
}

/// The clock that governor reads unless it is given another.
pub struct ReadTime {
    clock: DefaultClock,
    begun: <DefaultClock as Clock>::Instant,
}

impl ReadTime {
    pub fn new() -> ReadTime {
        let clock = DefaultClock::default();
        ReadTime { begun: clock.now(), clock }
    }
}

impl Time for ReadTime {
    #[inline]
    fn time(&self) -> Nanos {
        Nanos(self.clock.now().duration_since(self.begun).into())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Clock for ThreadTime {
    type Instant = Moment;

    #[inline]
    fn now(&self) -> Moment {
        Moment(NOW.get())
    }
}

impl std::ops::Add<governor::nanos::Nanos> for Moment {
    type Output = Moment;

    #[inline]
    fn add(self, other: governor::nanos::Nanos) -> Moment {
        Moment(self.0 + u64::from(other))
    }
}

impl Reference for Moment {
    #[inline]
    fn duration_since(&self, earlier: Moment) -> governor::nanos::Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    #[inline]
    fn saturating_sub(&self, duration: governor::nanos::Nanos) -> Moment {
        Moment(self.0.checked_sub(u64::from(duration)).unwrap_or(self.0))
    }
}

impl ratelimit::Clock for ThreadTime {
    #[inline]
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(NOW.get())
    }
}
