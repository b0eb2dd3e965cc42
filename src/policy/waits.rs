//! The longest that anything documented makes a client wait: what hints and resets are held against, by whoever obeys them and
//! by whoever judges them.

use super::model::{ClassId, Cost, CountsRefused, Limit, Policy, RateLimit};
use crate::time::Nanos;

/// The longest that a request of a class may have to wait; None where no limit knows a time, and where more may be owed than
/// a limit holds: refusals that count make the wait longer, and so do a cost and a count that only answers tell.
pub fn longest(policy: &Policy, class: ClassId) -> Option<Nanos> {
    longest_of(policy, || policy.drawn_on(class))
}

/// The same of whatever may have refused: of a class, or of any where nobody knows which. None as well where there are limits
/// that the policy does not name.
pub fn longest_known(policy: &Policy, class: Option<ClassId>) -> Option<Nanos> {
    let all = || (0..policy.classes.len()).map(|index| ClassId(index as u8));
    match class {
        _ if policy.more_limits => None,
        Some(class) => longest(policy, class),
        None => longest_of(policy, all),
    }
}

fn longest_of<I: Iterator<Item = ClassId>>(policy: &Policy, classes: impl Fn() -> I) -> Option<Nanos> {
    let limits = || classes().flat_map(|id| &policy.class(id).limits);
    let may_owe = |limit: &Limit| match limit {
        Limit::Rate(RateLimit { cost: Cost::Told { .. }, .. }) => true,
        // What is under way together may count beyond what a bucket holds, once its answers are known.
        Limit::Rate(limit) => limit.counts_refused == CountsRefused::Yes || !limit.counts_statuses.is_empty(),
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
