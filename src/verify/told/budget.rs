//! One class's limit as its headers tell it: who uses it, and what each key has used of late.

use super::recent::Recent;
use super::remaining::{Chain, Remaining, countable};
use crate::device::Outcome;
use crate::policy::model::{ClassId, RateLimit};
use crate::record::{Record, Sent};
use crate::scenario::identity::KeyRule;
use crate::scenario::{Scenario, ScopeKey};
use crate::time::Nanos;
use crate::verify::keyed::Keyed;

/// The limit that a class's headers tell of, where plain counting fits it.
#[derive(Clone, Debug)]
pub struct Budget {
    pub limit: RateLimit,
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
        let limit = countable(scenario.policy.class(class))?.clone();
        let rule = scenario.identities.rule(&limit.scope);
        Some(Budget { limit, rule, keys: Keyed::default(), remaining: Remaining::default() })
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
        let alone = state.recent.done(sent, record, self.limit.per);
        if record.outcome == Outcome::Served {
            self.remaining.served(&self.limit, sent, record, &state.recent, &mut state.chain, alone);
        }
    }

    pub fn merge(&mut self, other: Budget) {
        self.keys.merge(other.keys);
        self.remaining.merge(other.remaining);
    }
}
