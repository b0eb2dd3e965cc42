//! How far the plays are, for whoever watches, and whether they are to go on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::drive::virtual_time::{Progress, Stop};
use crate::time::Nanos;

/// Shared by those who play and those who show it.
#[derive(Debug, Default)]
pub struct Meter {
    /// Over all plays of a command.
    requests: AtomicU64,
    now: Mutex<Now>,
    /// Ends the play under way, and makes nothing of all that follow.
    pub stop: Stop,
}

/// The play under way.
#[derive(Clone, Debug, Default)]
struct Now {
    plays: u64,
    finished: u64,
    /// The shortest and the longest that was begun.
    durations: Option<(Nanos, Nanos)>,
    what: String,
    devices: u64,
    duration: Nanos,
    progress: Arc<Progress>,
}

/// What a meter shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Begun so far.
    pub plays: u64,
    /// Played to the end.
    pub finished: u64,
    /// The simulated time of the shortest and of the longest.
    pub durations: (Nanos, Nanos),
    /// In all of them, as the reports count them: those that were given up unanswered at the end are none.
    pub requests: u64,
    /// What is played, in words; empty for the profile as it stands.
    pub what: String,
    /// Of the play under way: how much of its time is simulated, on the average of its devices.
    pub simulated: Nanos,
    pub duration: Nanos,
}

impl Meter {
    /// Says what the next plays are.
    pub fn announce(&self, what: String) {
        self.now().what = what;
    }

    /// Begins a play, whose progress the driver tells.
    pub fn begin(&self, devices: u64, duration: Nanos) -> Arc<Progress> {
        let mut now = self.now();
        // One that is stopped before it begins is none.
        now.plays += u64::from(!self.stop.is_asked());
        let (shortest, longest) = now.durations.unwrap_or((duration, duration));
        now.durations = Some((shortest.min(duration), longest.max(duration)));
        (now.devices, now.duration, now.progress) = (devices, duration, Arc::new(Progress::until(self.stop.clone())));
        Arc::clone(&now.progress)
    }

    /// The play under way came to its end.
    pub fn finish(&self) {
        self.now().finished += 1;
    }

    /// So many more requests.
    pub fn advance(&self, requests: u64) {
        self.requests.fetch_add(requests, Ordering::Relaxed);
    }

    pub fn read(&self) -> Reading {
        let now = self.now().clone();
        Reading {
            plays: now.plays,
            finished: now.finished,
            durations: now.durations.unwrap_or_default(),
            requests: self.requests.load(Ordering::Relaxed),
            what: now.what,
            simulated: now.progress.simulated(now.devices),
            duration: now.duration,
        }
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
