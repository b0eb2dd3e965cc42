//! What a server does wrong on purpose when it decides.

use super::budget::Budget;
use crate::policy::model::{ClassId, HintUnit};
use crate::scenario::target::Fault;
use crate::time::Nanos;

/// How long a request that was let in is not counted yet, with [`Fault::CountsLate`].
const COUNTED_AFTER: Nanos = Nanos::from_millis(50);

/// With [`Fault::StoreFailsOpen`] the store is down from here to there of every period.
const STORE_PERIOD: Nanos = Nanos::from_secs(10);
const STORE_DOWN: std::ops::Range<Nanos> = Nanos::from_secs(4)..Nanos::from_secs(7);

/// How often a server with [`Fault::ForgetsOnRestart`] restarts.
const RESTARTS_EVERY: Nanos = Nanos::from_secs(7);

/// What every second request adds to the clock, with [`Fault::ClockSkew`].
const SKEW: Nanos = Nanos::from_secs(1);

/// The defects of one server, and what they remember.
pub struct Defects {
    faults: Vec<Fault>,
    requests: u64,
    /// How far the clock has been set forward.
    ahead: Nanos,
    restarts: u64,
    /// In the order in which they are due.
    uncounted: Vec<Uncounted>,
}

/// A request that was let in and is counted later.
#[derive(Clone, Copy, Debug)]
pub struct Uncounted {
    due: Nanos,
    pub budget: usize,
    pub key: u64,
    pub class: ClassId,
}

impl Defects {
    pub fn new(faults: &[Fault]) -> Self {
        Defects { faults: faults.to_vec(), requests: 0, ahead: Nanos::ZERO, restarts: 0, uncounted: Vec::new() }
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    pub fn clear(&mut self) {
        (self.requests, self.ahead, self.restarts) = (0, Nanos::ZERO, 0);
        self.uncounted.clear();
    }

    /// Whether everybody is counted by address.
    pub fn by_address(&self) -> bool {
        self.faults.iter().any(|fault| fault.is_of_keys())
    }

    /// What the server's clock shows to a limit; what runs at the same time is not counted by it.
    pub fn clock(&self, now: Nanos, budget: &Budget) -> Nanos {
        if budget.holds() { now } else { now.saturating_add(self.ahead) }
    }

    /// One more request: of two nodes whose clocks differ, each second one is asked, and moves on what both keep.
    pub fn request(&mut self) {
        self.requests += 1;
        if self.has(Fault::ClockSkew) && self.requests.is_multiple_of(2) {
            self.ahead = self.ahead.saturating_add(SKEW);
        }
    }

    /// Whether it cannot reach what it has counted.
    pub fn is_store_down(&self, now: Nanos) -> bool {
        self.has(Fault::StoreFailsOpen) && STORE_DOWN.contains(&Nanos(now.0 % STORE_PERIOD.0))
    }

    /// Whether it has restarted since the last time that this was asked.
    pub fn has_restarted(&mut self, now: Nanos) -> bool {
        let restarts = now.0 / RESTARTS_EVERY.0;
        self.has(Fault::ForgetsOnRestart) && restarts > std::mem::replace(&mut self.restarts, restarts)
    }

    /// Counts a request later.
    pub fn put_off(&mut self, now: Nanos, budget: usize, key: u64, class: ClassId) {
        self.uncounted.push(Uncounted { due: now.saturating_add(COUNTED_AFTER), budget, key, class });
    }

    /// What is to be counted now, and when that was due.
    pub fn due(&mut self, now: Nanos) -> impl Iterator<Item = (Nanos, Uncounted)> {
        let due = self.uncounted.partition_point(|uncounted| uncounted.due <= now);
        self.uncounted.drain(..due).map(|uncounted| (uncounted.due, uncounted))
    }

    /// The wait as the server tells it: whole units rounded up, so that waiting as told is long enough. `window` is that of
    /// the limit that refuses, where it has one.
    pub fn hint(&self, now: Nanos, wait: Nanos, window: Option<Nanos>, unit: HintUnit) -> String {
        let window = window.unwrap_or(wait);
        let told = in_units(wait, unit);
        match self.faults.iter().find(|fault| fault.is_of_hints()) {
            Some(Fault::HintTooShort) => (told / 3).min(told.saturating_sub(1)).to_string(),
            Some(Fault::HintWrongUnit) => wait.0.div_ceil(1_000_000).to_string(),
            Some(Fault::HintFraction) => format!("{told}.5"),
            Some(Fault::HintZero) => "0".to_owned(),
            Some(Fault::HintNegative) => format!("-{told}"),
            Some(Fault::HintWholeWindow) => in_units(window, unit).to_string(),
            Some(Fault::HintSameMoment) => {
                let free = now.saturating_add(wait);
                let moment = Nanos(free.0.div_ceil(window.0.max(1)).saturating_mul(window.0.max(1)));
                in_units(moment.saturating_sub(now), unit).to_string()
            }
            _ => told.to_string(),
        }
    }
}

fn in_units(wait: Nanos, unit: HintUnit) -> u64 {
    match unit {
        HintUnit::Seconds => wait.0.div_ceil(1_000_000_000),
        HintUnit::Milliseconds => wait.0.div_ceil(1_000_000),
    }
}
