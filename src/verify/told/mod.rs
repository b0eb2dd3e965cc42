//! What the quota headers of answers say, held against the documents and against what happened.
//!
//! None of it looks at a policy that documents no such headers.

mod budget;
mod headers;
mod isolation;
mod preempt;
mod recent;
mod remaining;
mod retry_after;
#[cfg(test)]
mod tests;
mod waiting;

use self::budget::Budget;
use self::headers::{ClassNames, Drift, Presences, Windows};
use self::isolation::Isolation;
use self::preempt::Preempt;
use self::retry_after::RetryAfter;
use self::waiting::OverWaiting;
use crate::device::Outcome;
use crate::policy::model::{ClassId, Limit, Penalty, Policy};
use crate::record::{Exchange, Record, Sent};
use crate::scenario::Scenario;
use crate::scenario::target::Target;
use crate::summary::finding::Finding;
use crate::time::{Anchor, Nanos};
use crate::verify::classes::Elsewhere;
use crate::verify::refusal::Cause;

/// The checks on quota headers, for one shard.
#[derive(Clone, Debug)]
pub struct QuotaHeaders {
    anchor: Anchor,
    /// By class.
    classes: Vec<Watched>,
    presences: Presences,
    names: ClassNames,
    windows: Windows,
    retry_after: RetryAfter,
    isolation: Isolation,
    preempt: Preempt,
    waiting: OverWaiting,
}

#[derive(Clone, Debug)]
struct Watched {
    budget: Option<Budget>,
    drift: Drift,
}

impl QuotaHeaders {
    /// None where the policy documents no quota headers.
    pub fn new(scenario: &Scenario, anchor: Anchor) -> Option<Self> {
        scenario.policy.quota_headers.as_ref()?;
        let watched = |index| Watched { budget: Budget::of(scenario, ClassId(index as u8)), drift: Drift::default() };
        Some(QuotaHeaders {
            anchor,
            classes: (0..scenario.policy.classes.len()).map(watched).collect(),
            presences: Presences::default(),
            names: ClassNames::default(),
            windows: Windows::default(),
            retry_after: RetryAfter::default(),
            isolation: Isolation::default(),
            preempt: Preempt::default(),
            waiting: OverWaiting::default(),
        })
    }

    pub fn sent(&mut self, scenario: &Scenario, at: Nanos, class: ClassId, sent: &Sent) {
        let Some(budget) = &mut self.classes[class.index()].budget else { return };
        let key = budget.key(scenario, sent);
        if let Some(zero) = self.preempt.sent(at, (class, key), sent, budget.sole) {
            self.waiting.came(at, budget, (class, key), zero, sent);
        }
        budget.sent(at, key);
    }

    /// Takes the end of a request that was sent at `sent`; its class, as far as that is known, and what penalties of
    /// other limits say of it.
    pub fn done(
        &mut self,
        scenario: &Scenario,
        sent: Nanos,
        class: Option<(ClassId, Elsewhere)>,
        record: &Record,
        exchange: Option<&Exchange>,
    ) {
        let policy = &scenario.policy;
        self.names.done(policy, class.map(|(class, _)| class), record, exchange);
        let Some((class, elsewhere)) = class else { return };
        self.presences.done(policy, class, record, exchange);
        self.windows.done(policy, class, record);
        let watched = &mut self.classes[class.index()];
        watched.drift.done(policy, class, record);
        let Some(budget) = &mut watched.budget else { return };
        let key = budget.key_of(scenario, record);
        budget.done(key, sent, record);
        self.preempt.done(class, budget, elsewhere.refuses, record, exchange);
        self.waiting.answered(record, exchange);
        self.isolation.done(scenario, budget, elsewhere.surely, sent, record, exchange);
        if record.outcome == Outcome::Refused {
            if elsewhere.refuses == Cause::Impossible {
                self.isolation.throttle(budget, key, record);
            }
            self.retry_after.refused(budget, (class, key), sent, record, exchange, self.anchor);
        }
    }

    pub fn merge(&mut self, other: QuotaHeaders) {
        for (mine, theirs) in self.classes.iter_mut().zip(other.classes) {
            mine.drift.merge(theirs.drift);
            if let (Some(mine), Some(theirs)) = (&mut mine.budget, theirs.budget) {
                mine.merge(theirs);
            }
        }
        self.presences.merge(other.presences);
        self.names.merge(other.names);
        self.windows.merge(other.windows);
        self.retry_after.merge(other.retry_after);
        self.isolation.merge(other.isolation);
        self.preempt.merge(other.preempt);
        self.waiting.merge(other.waiting);
    }

    pub fn findings(self, scenario: &Scenario) -> Vec<Finding> {
        let shared = matches!(scenario.target, Target::Remote(_));
        let mut findings = vec![self.presences.finding(scenario)];
        findings.extend(self.names.finding(scenario));
        findings.extend(self.windows.finding(scenario));
        for (index, watched) in self.classes.into_iter().enumerate() {
            let class = ClassId(index as u8);
            let name = &scenario.policy.class(class).name;
            findings.extend(watched.drift.finding(scenario, class));
            let remaining = |budget: Budget| budget.remaining.finding(scenario, name, &budget.limit, shared);
            findings.extend(watched.budget.map(remaining));
        }
        let stated = penalties(&scenario.policy).all(|penalty| penalty.stated);
        findings.push(self.retry_after.finding(scenario, stated));
        findings.push(self.isolation.finding(scenario));
        findings.extend(self.preempt.findings(scenario, shared));
        findings.push(self.waiting.finding(scenario));
        findings
    }
}

fn penalties(policy: &Policy) -> impl Iterator<Item = &Penalty> {
    policy.classes.iter().flat_map(|class| &class.limits).filter_map(|limit| match limit {
        Limit::Rate(limit) => limit.penalty.as_ref(),
        Limit::Concurrent(_) | Limit::Cooldown(_) => None,
    })
}
