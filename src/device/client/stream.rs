//! A WebSocket that a client keeps open.

use crate::device::Flow;
use crate::time::Nanos;

/// One stream of a client and where it stands.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// When it is opened next; never, while it is open or being opened.
    pub opens_at: Nanos,
    tried_at: Nanos,
    open: Option<Flow>,
    failures: u32,
}

impl Keeping {
    pub fn new(opens_at: Nanos) -> Self {
        Keeping { opens_at, tried_at: Nanos::ZERO, open: None, failures: 0 }
    }

    /// Begins to open it, if it is time to: when it was due.
    pub fn fire(&mut self, now: Nanos) -> Option<Nanos> {
        let due = self.opens_at;
        if due > now {
            return None;
        }
        (self.opens_at, self.tried_at) = (Nanos::MAX, now);
        Some(due)
    }

    pub fn opened(&mut self, flow: Flow) {
        (self.open, self.failures) = (Some(flow), 0);
    }

    pub fn is(&self, flow: Flow) -> bool {
        self.open == Some(flow)
    }

    /// It is lost, or could not be opened: not again sooner than `after` the last handshake, nor before `wait` for so many
    /// failures in a row is over.
    pub fn lost(&mut self, now: Nanos, after: Nanos, wait: impl FnOnce(u32) -> Nanos) {
        self.failures = self.failures.saturating_add(1);
        self.open = None;
        self.opens_at = self.tried_at.saturating_add(after).max(now.saturating_add(wait(self.failures)));
    }
}
