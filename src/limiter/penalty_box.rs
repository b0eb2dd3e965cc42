//! A penalty around any limiter: whoever is refused stays shut out for a while, whatever the limiter itself would say.
//!
//! Source: `DOSBlockingPeriod` of Apache's mod_evasive, which every request during it makes begin anew; the action
//! duration of rate limits in Oracle Cloud's web application firewall, of which nothing such is said.

use super::{Decision, Limiter, Standing};
use crate::policy::model::{Blocks, Penalty};
use crate::time::Nanos;

#[derive(Clone, Debug)]
pub struct PenaltyBox<L> {
    inner: L,
    lasts: Nanos,
    /// A refused request during the penalty makes it begin anew.
    extends: bool,
    /// It shuts out from everything, not only from what the limiter counts.
    from_everything: bool,
    until: Nanos,
}

impl<L: Limiter> PenaltyBox<L> {
    /// What the provider does not say is taken in its mildest sense: the penalty is not extended and concerns what the
    /// limiter counts.
    pub fn new(inner: L, penalty: &Penalty) -> Self {
        let from_everything = penalty.blocks == Blocks::Everything;
        let extends = penalty.extends == Some(true);
        PenaltyBox { inner, lasts: penalty.lasts, extends, from_everything, until: Nanos::ZERO }
    }
}

impl<L: Limiter> Limiter for PenaltyBox<L> {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        let decision = self.inner.peek(now, cost);
        let served = self.until.saturating_sub(now);
        match (served, decision.admitted) {
            (Nanos::ZERO, true) => decision,
            // The refusal begins the penalty.
            (Nanos::ZERO, false) => Decision::refuse(decision.retry_after.max(self.lasts)),
            (served, _) => {
                let wait = if self.extends { self.lasts } else { served };
                Decision::refuse(decision.retry_after.max(wait))
            }
        }
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.inner.count(now, cost);
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        self.inner.give_back(now, since, cost);
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        let standing = self.inner.standing(now);
        match self.until.saturating_sub(now) {
            Nanos::ZERO => standing,
            served => Standing { remaining: 0, reset: standing.reset.max(served), ..standing },
        }
    }

    /// What it is around may have a penalty of its own, which begins only where that has refused.
    fn refused(&mut self, now: Nanos, cost: u32) {
        if !self.inner.peek(now, cost).admitted {
            self.inner.refused(now, cost);
        }
        if self.extends || now >= self.until {
            self.until = now.saturating_add(self.lasts);
        }
    }

    fn shut_out(&self, now: Nanos) -> Nanos {
        let own = if self.from_everything { self.until.saturating_sub(now) } else { Nanos::ZERO };
        own.max(self.inner.shut_out(now))
    }

    fn window_rest(&mut self, now: Nanos) -> Option<Nanos> {
        self.inner.window_rest(now)
    }

    fn is_new(&mut self, now: Nanos) -> bool {
        self.until <= now && self.inner.is_new(now)
    }
}
