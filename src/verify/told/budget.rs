//! One class's limit as its headers tell it: who uses it, and what each key has used of late.

use super::super::keyed::Keyed;
use super::recent::Recent;
use super::remaining::{Chain, Remaining, countable};
use crate::device::Outcome;
use crate::policy::model::{ClassId, Limit, Policy, RateLimit};
use crate::policy::pause::PauseRule;
use crate::policy::signals::Told;
use crate::policy::waits;
use crate::record::{Record, Sent};
use crate::scenario::identity::KeyRule;
use crate::scenario::{Scenario, ScopeKey};
use crate::time::Nanos;

/// The limit that a class's headers tell of, where plain counting fits it.
#[derive(Clone, Debug)]
pub struct Budget {
    pub class: ClassId,
    pub limit: RateLimit,
    /// Whether it is all that a request of the class draws on, as far as the documents tell. Where it is not, another limit
    /// may refuse what it would admit.
    pub sole: bool,
    /// The longest that a request may have to wait by anything documented; None where that has no end.
    pub longest_wait: Option<Nanos>,
    /// How long clients have to leave it alone once nothing remains.
    pub pause: PauseRule,
    /// The other limits on a rate that a request of the class draws on, any of which may be the one that is told.
    others: Vec<RateLimit>,
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
        let above = policy.drawn_on(class).skip(1).flat_map(|id| &policy.class(id).limits);
        let others = above.filter_map(|limit| match limit {
            Limit::Rate(limit) => Some(limit.clone()),
            Limit::Concurrent(_) | Limit::Cooldown(_) => None,
        });
        let others = others.collect();
        Some(Budget {
            class,
            limit,
            sole: drawn_on(policy, class).count() == 1 && !policy.more_limits,
            longest_wait: longest_known_wait(policy, class),
            pause: PauseRule::new(policy, Some(class)),
            others,
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

    /// Whether an answer tells of this limit, and of no other that a request of the class draws on.
    pub fn is_told(&self, told: &Told) -> bool {
        let is_other = |limit| self.others.iter().any(|other| other.is_told_as(limit));
        self.others.is_empty() || told.limit.is_some_and(|limit| limit == self.limit.allow && !is_other(limit))
    }

    pub fn sent(&mut self, at: Nanos, key: ScopeKey) {
        let Budget { limit, keys, .. } = self;
        keys.entry(key, |state| state.recent.is_idle(at, limit)).recent.sent();
    }

    pub fn done(&mut self, key: ScopeKey, sent: Nanos, record: &Record) {
        let is_told = self.is_told(&record.told);
        let state = self.keys.entry(key, |_| false);
        let is_free = record.is_unchanged() || self.limit.free_statuses.contains(&record.status);
        let counts = record.outcome == Outcome::Served && !is_free;
        let alone = state.recent.done(sent, record, &self.limit, counts);
        if counts && is_told {
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

/// Nobody knows how long a place among those at the same time stays taken, or what limits that are not named ask for.
fn longest_known_wait(policy: &Policy, class: ClassId) -> Option<Nanos> {
    let is_open = |limit: &Limit| matches!(limit, Limit::Concurrent(_));
    waits::longest(policy, class).filter(|_| !policy.more_limits && !drawn_on(policy, class).any(is_open))
}
