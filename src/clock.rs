//! The one clock of the process: everything else is told the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::time::{Anchor, Nanos};

/// Monotonic time since it was started, and where that start lies on the calendar.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    anchor: Anchor,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is told the time by")]
    pub fn start() -> Clock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { started: Instant::now(), anchor: Anchor { unix_nanos: Nanos::from(unix).0 } }
    }

    /// Time since the start.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is told the time by")]
    pub fn now(&self) -> Nanos {
        Nanos::from(Instant::now().duration_since(self.started))
    }

    /// The wall-clock time of the start.
    pub fn anchor(&self) -> Anchor {
        self.anchor
    }
}
