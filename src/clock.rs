//! The one place that reads the machine's clocks: the live driver and the reference server run on it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::time::{Anchor, Nanos};

/// Time since a moment on the monotonic clock, and that moment's place on the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    anchor: Anchor,
}

impl Clock {
    /// A clock that reads [`Nanos::ZERO`] now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is told the time from")]
    pub fn start() -> Clock {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { started: Instant::now(), anchor: Anchor { unix_nanos: Nanos::from(since_epoch).0 } }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is told the time from")]
    pub fn now(&self) -> Nanos {
        Nanos::from(Instant::now().saturating_duration_since(self.started))
    }

    pub fn anchor(&self) -> Anchor {
        self.anchor
    }
}
