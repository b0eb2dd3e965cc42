//! A clock that never goes back, around any limiter: a moment before the latest that was seen is taken for that one.
//!
//! Nothing runs in twice, then, when a clock is set back. What is told is still right by the caller's clock: a wait
//! lasts until the latest moment, and from there as long as the limiter says.

use super::{Decision, Limiter, Standing};
use crate::time::Nanos;

#[derive(Clone, Debug)]
pub struct Steady<L> {
    inner: L,
    latest: Nanos,
}

impl<L: Limiter> Steady<L> {
    pub fn new(inner: L) -> Self {
        Steady { inner, latest: Nanos::ZERO }
    }

    /// The moment that counts, and how far the caller's clock is behind it.
    fn at(&mut self, now: Nanos) -> (Nanos, Nanos) {
        self.latest = self.latest.max(now);
        (self.latest, self.latest - now)
    }
}

impl<L: Limiter> Limiter for Steady<L> {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        let (at, behind) = self.at(now);
        self.inner.peek(at, cost).behind(behind)
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        let (at, _) = self.at(now);
        self.inner.count(at, cost);
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        let (at, _) = self.at(now);
        self.inner.give_back(at, since, cost);
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        let (at, behind) = self.at(now);
        let standing = self.inner.standing(at);
        match standing.reset {
            Nanos::ZERO => standing,
            reset => Standing { reset: reset.saturating_add(behind), ..standing },
        }
    }

    fn refused(&mut self, now: Nanos, cost: u32) {
        let (at, _) = self.at(now);
        self.inner.refused(at, cost);
    }

    fn shut_out(&self, now: Nanos) -> Nanos {
        let at = self.latest.max(now);
        match self.inner.shut_out(at) {
            Nanos::ZERO => Nanos::ZERO,
            wait => wait.saturating_add(at - now),
        }
    }

    fn window_rest(&mut self, now: Nanos) -> Option<Nanos> {
        let (at, behind) = self.at(now);
        self.inner.window_rest(at).map(|rest| rest.saturating_add(behind))
    }

    /// One that was never used would not know the latest moment.
    fn is_new(&mut self, now: Nanos) -> bool {
        let seen = self.latest <= now;
        self.latest = self.latest.max(now);
        seen && self.inner.is_new(self.latest)
    }
}
