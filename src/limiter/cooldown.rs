//! A wait after failures: the first, the second, … in a row has its own, and the last one repeats.
//!
//! Source: AMPECO's documents, where starting at a charge point that failed waits 30 seconds, and 120 from the third
//! failure on.

use crate::time::Nanos;

/// The failures of one scope key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cooldown {
    /// In a row.
    failures: u32,
    until: Nanos,
}

impl Cooldown {
    /// The rest of the wait; zero when requests are admitted.
    pub fn rest(&self, now: Nanos) -> Nanos {
        self.until.saturating_sub(now)
    }

    /// Takes note of an answer. One that is no failure ends the row, but not a wait that has begun.
    pub fn answered(&mut self, now: Nanos, failed: bool, waits: &[Nanos]) {
        if !failed {
            self.failures = 0;
            return;
        }
        let place = (self.failures as usize).min(waits.len().saturating_sub(1));
        self.failures = self.failures.saturating_add(1);
        let wait = waits.get(place).copied().unwrap_or_default();
        self.until = self.until.max(now.saturating_add(wait));
    }

    /// Nothing would be different if it were forgotten.
    pub fn is_idle(&self, now: Nanos) -> bool {
        self.failures == 0 && self.rest(now) == Nanos::ZERO
    }
}
