//! The handle on a run from outside: stop it, and see how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::watch;

use crate::device::Outcome;

/// Stops a run and tells its progress; clones are handles on the same run.
#[derive(Clone, Debug)]
pub struct Control(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stop: watch::Sender<Option<Stop>>,
    ever_connected: AtomicBool,
    not_connected: AtomicU64,
    requests: AtomicU64,
    served: AtomicU64,
    refused: AtomicU64,
    overloaded: AtomicU64,
    failed: AtomicU64,
    in_flight: AtomicU64,
    peak_in_flight: AtomicU64,
}

/// Why a run ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody asked for it.
    Asked,
    /// Its target cannot be reached.
    Unreachable,
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
            stop: watch::Sender::new(None),
            ever_connected: AtomicBool::new(false),
            not_connected: AtomicU64::new(0),
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
        self.stop_for(Stop::Asked);
    }

    pub fn stopped(&self) -> Option<Stop> {
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

    pub(super) fn give_up(&self) {
        self.stop_for(Stop::Unreachable);
    }

    /// The first reason stays.
    fn stop_for(&self, reason: Stop) {
        self.0.stop.send_if_modified(|stop| match stop {
            Some(_) => false,
            None => {
                *stop = Some(reason);
                true
            }
        });
    }

    pub(super) fn stops(&self) -> watch::Receiver<Option<Stop>> {
        self.0.stop.subscribe()
    }

    pub(super) fn connected(&self) {
        self.0.ever_connected.store(true, Ordering::Relaxed);
    }

    pub(super) fn ever_connected(&self) -> bool {
        self.0.ever_connected.load(Ordering::Relaxed)
    }

    /// A request failed for want of a connection.
    pub(super) fn not_connected(&self) {
        self.0.not_connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed_to_connect(&self) -> u64 {
        self.0.not_connected.load(Ordering::Relaxed)
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
