//! The handle on a run from outside: stop it, and see how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::device::Outcome;

/// Stops a run and tells its progress; clones are handles on the same run.
#[derive(Clone, Debug)]
pub struct Control(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stop: watch::Sender<bool>,
    requests: AtomicU64,
    served: AtomicU64,
    refused: AtomicU64,
    overloaded: AtomicU64,
    failed: AtomicU64,
    in_flight: AtomicU64,
    peak_in_flight: AtomicU64,
}

/// A run's counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that are over.
    pub requests: u64,
    pub served: u64,
    pub refused: u64,
    pub overloaded: u64,
    /// All others: other statuses, and no answer at all.
    pub failed: u64,
    /// Requests that devices made and that are not over.
    pub in_flight: u64,
    pub peak_in_flight: u64,
}

impl Default for Control {
    fn default() -> Self {
        Control(Arc::new(Inner {
            stop: watch::Sender::new(false),
            requests: AtomicU64::new(0),
            served: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            overloaded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            peak_in_flight: AtomicU64::new(0),
        }))
    }
}

impl Control {
    /// Ends the run early, as its planned end would: nothing more is sent, answers are awaited for a short while.
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    pub fn is_stopped(&self) -> bool {
        *self.0.stop.borrow()
    }

    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            requests: read(&self.0.requests),
            served: read(&self.0.served),
            refused: read(&self.0.refused),
            overloaded: read(&self.0.overloaded),
            failed: read(&self.0.failed),
            in_flight: read(&self.0.in_flight),
            peak_in_flight: read(&self.0.peak_in_flight),
        }
    }

    pub(super) fn stops(&self) -> watch::Receiver<bool> {
        self.0.stop.subscribe()
    }

    pub(super) fn begun(&self) {
        let in_flight = self.0.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.peak_in_flight.fetch_max(in_flight, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Served => &self.0.served,
            Outcome::Refused => &self.0.refused,
            Outcome::Overloaded => &self.0.overloaded,
            Outcome::Rejected(_) | Outcome::Broken(_) | Outcome::Failed(_) => &self.0.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
