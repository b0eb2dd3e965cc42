//! Enforces a whole policy: every limit of a request's class, per scope key, with the defects a test asks for.
//!
//! The reference server and the virtual driver share it, so a fault means the same in both.

use std::collections::HashMap;

use super::{Decision, Limiter, Rate, build};
use crate::policy::model::{ClassId, HintUnit, Limit, Policy, Scope};
use crate::policy::reading::Reading;
use crate::scenario::target::{Fault, ServerSpec};
use crate::time::Nanos;

/// Keeps the counts of all limits of a policy.
pub struct Enforcer {
    reading: Reading,
    faults: Vec<Fault>,
    hint_unit: HintUnit,
    /// By class, then by limit.
    classes: Vec<Vec<Budget>>,
}

/// One limit and the state of every scope key that used it.
struct Budget {
    scope: Scope,
    kind: BudgetKind,
}

enum BudgetKind {
    Rate { rate: Rate, keys: HashMap<u64, Box<dyn Limiter + Send>>, sweep_at: usize },
    Concurrent { allow: u32, open: HashMap<u64, u32> },
}

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The true wait.
    pub retry_after: Nanos,
    /// What the server tells, as it stands in JSON or a header; None where no limit knows a time (concurrency).
    pub hint: Option<String>,
}

/// Keys are swept of idle ones when so many have gathered.
const SWEEP_FIRST_AT: usize = 1024;

impl Enforcer {
    pub fn new(policy: &Policy, server: &ServerSpec) -> Self {
        let faults = server.faults.clone();
        let allowance = |allow: u32| {
            if faults.contains(&Fault::AdmitsTooMuch) {
                allow + allow.div_ceil(2)
            } else if faults.contains(&Fault::RefusesTooEarly) {
                (allow / 2).max(1)
            } else {
                allow
            }
        };
        let budget = |limit: &Limit| match limit {
            Limit::Rate(limit) => {
                let rate = Rate { allow: allowance(limit.allow), per: limit.per };
                let kind = BudgetKind::Rate { rate, keys: HashMap::new(), sweep_at: SWEEP_FIRST_AT };
                Budget { scope: limit.scope.clone(), kind }
            }
            Limit::Concurrent(limit) => {
                let unlimited = faults.contains(&Fault::StreamsUnlimited);
                let allow = if unlimited { u32::MAX } else { limit.allow };
                Budget { scope: limit.scope.clone(), kind: BudgetKind::Concurrent { allow, open: HashMap::new() } }
            }
        };
        let classes = policy.classes.iter().map(|class| class.limits.iter().map(budget).collect()).collect();
        let hint_unit = policy.refusal.retry_after.as_ref().map(|hint| hint.unit).unwrap_or_default();
        Enforcer { reading: server.limiter, faults, hint_unit, classes }
    }

    /// Decides one request: all limits of its class must admit it, and count it only if all do. `key` gives a scope's
    /// value for the request, `address` stands in for it where the server is told to be wrong about whom it counts.
    ///
    /// What a limit on concurrency admits holds its place until [`Enforcer::release`].
    pub fn check(
        &mut self,
        now: Nanos,
        class: ClassId,
        address: u64,
        key: impl Fn(&Scope) -> u64,
    ) -> Result<(), Refused> {
        let by_address = self.faults.contains(&Fault::KeyedByAddress);
        let reading = self.reading;
        let budgets = &mut self.classes[class.index()];
        let key_of = |budget: &Budget| if by_address { address } else { key(&budget.scope) };

        let mut refused: Option<Option<Nanos>> = None;
        for budget in budgets.iter_mut() {
            let key = key_of(budget);
            if let Err(wait) = budget.peek(reading, now, key) {
                refused = refused.max(Some(wait));
            }
        }
        if let Some(wait) = refused {
            return Err(Refused { retry_after: wait.unwrap_or_default(), hint: wait.map(|wait| self.hint(wait)) });
        }
        for budget in budgets {
            let key = key_of(budget);
            budget.count(now, key);
        }
        Ok(())
    }

    /// Gives back what a concurrency limit of the class held for a request.
    pub fn release(&mut self, class: ClassId, address: u64, key: impl Fn(&Scope) -> u64) {
        let by_address = self.faults.contains(&Fault::KeyedByAddress);
        for budget in &mut self.classes[class.index()] {
            let key = if by_address { address } else { key(&budget.scope) };
            if let BudgetKind::Concurrent { open, .. } = &mut budget.kind
                && let Some(count) = open.get_mut(&key)
            {
                *count -= 1;
                if *count == 0 {
                    open.remove(&key);
                }
            }
        }
    }

    /// The wait as the server tells it: whole units rounded up, so that waiting as told is long enough.
    fn hint(&self, wait: Nanos) -> String {
        let millis = wait.0.div_ceil(1_000_000);
        let told = match self.hint_unit {
            HintUnit::Seconds => wait.0.div_ceil(1_000_000_000),
            HintUnit::Milliseconds => millis,
        };
        if self.faults.contains(&Fault::HintTooShort) {
            (told / 3).min(told.saturating_sub(1)).to_string()
        } else if self.faults.contains(&Fault::HintWrongUnit) {
            millis.to_string()
        } else if self.faults.contains(&Fault::HintFraction) {
            format!("{told}.5")
        } else {
            told.to_string()
        }
    }
}

impl Budget {
    /// Ok when admitted; else the wait, where one is known.
    fn peek(&mut self, reading: Reading, now: Nanos, key: u64) -> Result<(), Option<Nanos>> {
        match &mut self.kind {
            BudgetKind::Concurrent { allow, open } => {
                let used = open.get(&key).copied().unwrap_or(0);
                if used < *allow { Ok(()) } else { Err(None) }
            }
            BudgetKind::Rate { rate, keys, sweep_at } => {
                if keys.len() >= *sweep_at {
                    // A limiter that would admit a full allowance is as good as new, so forgetting it is exact.
                    let full = rate.allow - 1;
                    let as_new = |decision: Decision| decision.admitted && decision.remaining == full;
                    keys.retain(|_, limiter| !as_new(limiter.peek(now)));
                    *sweep_at = (keys.len() * 2).max(SWEEP_FIRST_AT);
                }
                let decision = keys.entry(key).or_insert_with(|| build(reading, *rate)).peek(now);
                if decision.admitted { Ok(()) } else { Err(Some(decision.retry_after)) }
            }
        }
    }

    fn count(&mut self, now: Nanos, key: u64) {
        match &mut self.kind {
            BudgetKind::Concurrent { open, .. } => *open.entry(key).or_default() += 1,
            BudgetKind::Rate { keys, .. } => {
                if let Some(limiter) = keys.get_mut(&key) {
                    limiter.count(now);
                }
            }
        }
    }
}
