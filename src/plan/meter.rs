//! How far the plays are, for whoever watches.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::time::Nanos;

/// Shared by those who play and those who show it. All counts are over all plays of a command.
#[derive(Debug, Default)]
pub struct Meter {
    plays: AtomicU64,
    requests: AtomicU64,
    /// Of the play under way.
    now: AtomicU64,
    duration: AtomicU64,
    /// What is played, in words.
    what: Mutex<String>,
}

/// What a meter shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Begun so far.
    pub plays: u64,
    pub requests: u64,
    /// Simulated time of the play under way, and how long it is.
    pub now: Nanos,
    pub duration: Nanos,
    pub what: String,
}

impl Meter {
    /// Says what the next plays are.
    pub fn announce(&self, what: String) {
        *self.what.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = what;
    }

    pub fn begin(&self, duration: Nanos) {
        self.plays.fetch_add(1, Ordering::Relaxed);
        self.now.store(0, Ordering::Relaxed);
        self.duration.store(duration.0, Ordering::Relaxed);
    }

    /// So many more requests, up to a moment of the play.
    pub fn advance(&self, now: Nanos, requests: u64) {
        self.now.fetch_max(now.0, Ordering::Relaxed);
        self.requests.fetch_add(requests, Ordering::Relaxed);
    }

    pub fn read(&self) -> Reading {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Reading {
            plays: value(&self.plays),
            requests: value(&self.requests),
            now: Nanos(value(&self.now)),
            duration: Nanos(value(&self.duration)),
            what: self.what.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone(),
        }
    }
}
