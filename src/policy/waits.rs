//! The longest that anything documented makes a client wait: what a hint is held against, by whoever obeys it and by whoever
//! judges it.

use super::model::{ClassId, Cost, CountsRefused, Limit, Policy, RateLimit};
use crate::time::Nanos;

/// No reading makes a client wait longer than one window, or than it takes to be let in again; a hint of so many times that
/// is taken for another unit.
pub const BEYOND_REASON: u64 = 10;

/// The longest that a request of a class may have to wait; None where no limit knows a time, and where more may be owed than
/// a limit holds: refusals that count make the wait longer, and so does a cost that only an answer tells.
pub fn longest(policy: &Policy, class: ClassId) -> Option<Nanos> {
    longest_of(policy, || policy.drawn_on(class))
}

/// The longest wait that is believed of a hint, whatever it was that refused; None where the documents set no bound.
pub fn believed(policy: &Policy) -> Option<Nanos> {
    let all = || (0..policy.classes.len()).map(|index| ClassId(index as u8));
    Some(longest_of(policy, all)? * BEYOND_REASON)
}

fn longest_of<I: Iterator<Item = ClassId>>(policy: &Policy, classes: impl Fn() -> I) -> Option<Nanos> {
    let limits = || classes().flat_map(|id| &policy.class(id).limits);
    let may_owe = |limit: &Limit| match limit {
        Limit::Rate(RateLimit { cost: Cost::Told { .. }, .. }) => true,
        Limit::Rate(limit) if limit.counts_statuses.is_empty() => limit.counts_refused == CountsRefused::Yes,
        Limit::Rate(limit) => limit.counts_statuses.contains(&policy.refusal.status),
        Limit::Cooldown(_) | Limit::Concurrent(_) => false,
    };
    if limits().any(may_owe) {
        return None;
    }
    let waits = limits().filter_map(|limit| match limit {
        Limit::Rate(limit) => Some(limit.memory()),
        Limit::Cooldown(limit) => limit.waits.iter().max().copied(),
        Limit::Concurrent(_) => None,
    });
    // Some penalties shut out from everything.
    let penalty = |limit: &Limit| match limit {
        Limit::Rate(limit) => limit.penalty.as_ref().map(|penalty| penalty.lasts),
        Limit::Cooldown(_) | Limit::Concurrent(_) => None,
    };
    let penalties = policy.classes.iter().flat_map(|class| &class.limits).filter_map(penalty);
    waits.chain(penalties).max()
}
