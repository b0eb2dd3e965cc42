//! One class's limit as its headers tell it: who uses it, and what each key has used of late.

use super::recent::Recent;
use super::remaining::{Chain, Remaining, countable};
use crate::device::Outcome;
use crate::policy::model::{ClassId, Limit, Policy, RateLimit};
use crate::record::{Record, Sent};
use crate::scenario::identity::KeyRule;
use crate::scenario::{Scenario, ScopeKey};
use crate::signals::LONGEST_WAIT;
use crate::time::Nanos;
use crate::verify::keyed::Keyed;
use crate::verify::server::longest_wait;

/// The limit that a class's headers tell of, where plain counting fits it.
#[derive(Clone, Debug)]
pub struct Budget {
    pub limit: RateLimit,
    /// Whether it is all that a request of the class draws on. Where it is not, another limit may refuse what it would admit.
    pub sole: bool,
    /// The longest that a request may have to wait by anything documented; None where that has no end.
    pub longest_wait: Option<Nanos>,
    /// A told wait beyond this is no window of the documents, and nobody has to heed it.
    pub believed: Nanos,
    rule: KeyRule,
    keys: Keyed<ScopeKey, KeyUse>,
    pub remaining: Remaining,
}

#[derive(Clone, Debug, Default)]
struct KeyUse {
    recent: Recent,
    chain: Chain,
}

impl Budget {
    pub fn of(scenario: &Scenario, class: ClassId) -> Option<Self> {
        let policy = &scenario.policy;
        let limit = countable(policy.class(class))?.clone();
        let rule = scenario.identities.rule(&limit.scope);
        Some(Budget {
            limit,
            sole: drawn_on(policy, class).count() == 1,
            longest_wait: longest_known_wait(policy, class),
            believed: believed(policy, class),
            rule,
            keys: Keyed::default(),
            remaining: Remaining::default(),
        })
    }

    pub fn key(&self, scenario: &Scenario, sent: &Sent) -> ScopeKey {
        scenario.key(&self.rule, sent.asked())
    }

    pub fn key_of(&self, scenario: &Scenario, record: &Record) -> ScopeKey {
        scenario.key(&self.rule, record.asked())
    }

    pub fn recent(&self, key: ScopeKey) -> Option<&Recent> {
        self.keys.get(&key).map(|state| &state.recent)
    }

    pub fn sent(&mut self, at: Nanos, key: ScopeKey) {
        let per = self.limit.per;
        self.keys.entry(key, |state| state.recent.is_idle(at, per)).recent.sent();
    }

    pub fn done(&mut self, key: ScopeKey, sent: Nanos, record: &Record) {
        let state = self.keys.entry(key, |_| false);
        let is_free = record.is_unchanged() || self.limit.free_statuses.contains(&record.status);
        let counts = record.outcome == Outcome::Served && !is_free;
        let alone = state.recent.done(sent, record, self.limit.per, counts);
        if counts {
            self.remaining.served(&self.limit, sent, record, &state.recent, &mut state.chain, alone);
        }
    }

    pub fn merge(&mut self, other: Budget) {
        self.keys.merge(other.keys);
        self.remaining.merge(other.remaining);
    }
}

fn drawn_on(policy: &Policy, class: ClassId) -> impl Iterator<Item = &Limit> {
    policy.drawn_on(class).flat_map(|id| &policy.class(id).limits)
}

/// Nobody knows how long a place among those at the same time stays taken.
fn longest_known_wait(policy: &Policy, class: ClassId) -> Option<Nanos> {
    let is_open = |limit: &Limit| matches!(limit, Limit::Concurrent(_));
    longest_wait(policy, class).filter(|_| !drawn_on(policy, class).any(is_open))
}

/// Twice the longest window that is drawn on, and no more than clients heed.
fn believed(policy: &Policy, class: ClassId) -> Nanos {
    let windows = drawn_on(policy, class).filter_map(|limit| match limit {
        Limit::Rate(limit) => Some(limit.per),
        Limit::Concurrent(_) | Limit::Cooldown(_) => None,
    });
    windows.max().map_or(LONGEST_WAIT, |longest| longest.saturating_add(longest)).min(LONGEST_WAIT)
}
