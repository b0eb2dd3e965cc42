//! Windows on the clock: they begin at whole multiples of `per` since the Unix epoch.

use crate::time::{Anchor, Nanos};

#[derive(Clone, Copy, Debug)]
pub struct Windows {
    pub per: Nanos,
    pub anchor: Anchor,
}

impl Windows {
    /// The window that a moment lies in.
    pub fn number(&self, at: Nanos) -> u128 {
        match self.anchor.unix_nanos.checked_add(at.0) {
            Some(clock) => u128::from(clock / self.per.0),
            None => self.clock(at) / u128::from(self.per.0),
        }
    }

    /// The time until the next one begins.
    pub fn until_next(&self, at: Nanos) -> Nanos {
        let over = match self.anchor.unix_nanos.checked_add(at.0) {
            Some(clock) => clock % self.per.0,
            None => (self.clock(at) % u128::from(self.per.0)) as u64,
        };
        Nanos(self.per.0 - over)
    }

    /// May lie beyond what 64 bits can say.
    fn clock(&self, at: Nanos) -> u128 {
        u128::from(self.anchor.unix_nanos) + u128::from(at.0)
    }
}
