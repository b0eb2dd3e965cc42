//! Several limits on one key, all of which hold: "10 a second and 100 a minute". A request counts in all of them or in none.
//!
//! Source: Chargefox's documents, where two windows limit one endpoint.

use super::{Decision, Limiter, Standing};
use crate::time::Nanos;

/// At least one.
#[derive(Clone, Debug)]
pub struct Stacked<L> {
    limits: Vec<L>,
}

impl<L: Limiter> Stacked<L> {
    pub fn new(limits: Vec<L>) -> Self {
        Stacked { limits }
    }
}

impl<L: Limiter> Limiter for Stacked<L> {
    /// Each limit that would admit goes on doing so while nothing comes: the longest wait is the wait for all.
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        let decisions = self.limits.iter_mut().map(|limit| limit.peek(now, cost));
        decisions.reduce(Decision::and).unwrap_or(Decision::admit(u32::MAX))
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.limits.iter_mut().for_each(|limit| limit.count(now, cost));
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        self.limits.iter_mut().for_each(|limit| limit.give_back(now, since, cost));
    }

    /// Its reset is that of the limit that takes longest to be whole.
    fn standing(&mut self, now: Nanos) -> Standing {
        let standings = self.limits.iter_mut().map(|limit| limit.standing(now));
        let tightest = |one: Standing, other: Standing| Standing {
            limit: one.limit.min(other.limit),
            remaining: one.remaining.min(other.remaining),
            reset: one.reset.max(other.reset),
        };
        let free = Standing { limit: u32::MAX, remaining: u32::MAX, reset: Nanos::ZERO };
        standings.fold(free, tightest)
    }

    /// A limit that would have admitted has refused nothing: it begins no penalty, of which nobody was told.
    fn refused(&mut self, now: Nanos, cost: u32) {
        for limit in &mut self.limits {
            if !limit.peek(now, cost).admitted {
                limit.refused(now, cost);
            }
        }
    }

    fn shut_out(&self, now: Nanos) -> Nanos {
        self.limits.iter().map(|limit| limit.shut_out(now)).max().unwrap_or_default()
    }

    fn is_new(&mut self, now: Nanos) -> bool {
        self.limits.iter_mut().all(|limit| limit.is_new(now))
    }
}
