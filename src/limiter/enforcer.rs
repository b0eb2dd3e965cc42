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

/// How a scope key stands with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub limit: u32,
    /// What is left after all that was counted.
    pub remaining: u32,
    /// Until a request is admitted again; zero while one is.
    pub reset: Nanos,
}

/// The limit that binds a request most: what quota headers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    pub class: ClassId,
    /// The length of the window.
    pub window: Nanos,
    pub standing: Standing,
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
            Limit::Cooldown(_) => unreachable!("no policy file can say it yet"),
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

    /// How a request's sender stands with the rate limit of its class that has the least left; None without one.
    pub fn standing(
        &mut self,
        now: Nanos,
        class: ClassId,
        address: u64,
        key: impl Fn(&Scope) -> u64,
    ) -> Option<Binding> {
        let by_address = self.faults.contains(&Fault::KeyedByAddress);
        let reading = self.reading;
        let budgets = self.classes[class.index()].iter_mut();
        let standings = budgets.filter_map(|budget| {
            let key = if by_address { address } else { key(&budget.scope) };
            let BudgetKind::Rate { rate, keys, .. } = &mut budget.kind else { return None };
            let decision = keys.entry(key).or_insert_with(|| build(reading, *rate)).peek(now);
            let remaining = decision.remaining + u32::from(decision.admitted);
            let standing = Standing { limit: rate.allow, remaining, reset: decision.retry_after };
            Some(Binding { class, window: rate.per, standing })
        });
        standings.min_by_key(|binding| binding.standing.remaining)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::model::*;

    const CLASS: ClassId = ClassId(0);
    const SECOND: u64 = 1_000_000_000;

    fn policy(limits: Vec<Limit>, unit: HintUnit) -> Policy {
        let place = HintPlace::Body("/wait".into());
        Policy {
            name: "test".into(),
            classes: vec![Class { name: "all".into(), limits, ..Class::default() }],
            refusal: Refusal {
                retry_after: Some(HintSource { place, unit, presence: Presence::Optional }),
                ..Refusal::default()
            },
            ..Policy::default()
        }
    }

    fn rate(allow: u32, secs: u64, scope: &str) -> Limit {
        Limit::Rate(RateLimit::new(allow, Nanos::from_secs(secs), Scope(vec![scope.into()])))
    }

    fn concurrent(allow: u32) -> Limit {
        Limit::Concurrent(ConcurrencyLimit { allow, scope: Scope(vec!["client".into()]), lasting: None })
    }

    fn enforcer(limits: Vec<Limit>, faults: &[Fault]) -> Enforcer {
        let server = ServerSpec { faults: faults.to_vec(), ..ServerSpec::default() };
        Enforcer::new(&policy(limits, HintUnit::Seconds), &server)
    }

    /// One request of client 1 from address 9.
    fn ask(enforcer: &mut Enforcer, now: u64) -> Result<(), Refused> {
        enforcer.check(Nanos(now), CLASS, 9, |_| 1)
    }

    fn admitted(enforcer: &mut Enforcer, count: usize) -> usize {
        (0..count).filter(|_| ask(enforcer, 0).is_ok()).count()
    }

    /// A request of the oracle: when, by which client, of which site.
    type Asked = (u64, u64, u64);

    /// Naive on purpose: looks through everything admitted so far.
    fn has_room(admitted: &[Asked], allow: usize, per: u64, now: u64, same: impl Fn(&Asked) -> bool) -> bool {
        admitted.iter().filter(|asked| same(asked) && asked.0 + per > now).count() < allow
    }

    proptest! {
        #[test]
        fn all_limits_hold_at_once_and_a_refusal_uses_up_none(
            asked in prop::collection::vec((0..SECOND / 2, 0..3u64, 0..2u64), 1..200)
        ) {
            let mut enforcer = enforcer(vec![rate(4, 1, "client"), rate(7, 2, "site")], &[]);
            let mut so_far: Vec<Asked> = Vec::new();
            let mut now = 0;
            for (gap, client, site) in asked {
                now += gap;
                let by_client = has_room(&so_far, 4, SECOND, now, |asked| asked.1 == client);
                let by_site = has_room(&so_far, 7, 2 * SECOND, now, |asked| asked.2 == site);
                let key = |scope: &Scope| if scope.0[0] == "client" { client } else { site };
                let decision = enforcer.check(Nanos(now), CLASS, 9, key);
                prop_assert_eq!(decision.is_ok(), by_client && by_site);
                if decision.is_ok() {
                    so_far.push((now, client, site));
                }
            }
        }

    }

    proptest! {
        // Each case makes thousands of requests, so that keys are swept.
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn forgetting_idle_keys_changes_no_decision(
            asked in prop::collection::vec((0..SECOND / 500, 0..1500u64), 4000)
        ) {
            let reading = Reading::TokenBucket;
            let server = ServerSpec { limiter: reading, ..ServerSpec::default() };
            let mut enforcer = Enforcer::new(&policy(vec![rate(2, 1, "client")], HintUnit::Seconds), &server);
            let rate = Rate { allow: 2, per: Nanos(SECOND) };
            let mut kept: HashMap<u64, Box<dyn Limiter + Send>> = HashMap::new();
            let mut now = 0;
            for (gap, key) in asked {
                now += gap;
                let expected = kept.entry(key).or_insert_with(|| build(reading, rate)).check(Nanos(now)).admitted;
                prop_assert_eq!(enforcer.check(Nanos(now), CLASS, 9, |_| key).is_ok(), expected);
            }
        }
    }

    #[test]
    fn the_memory_is_that_of_the_keys_in_use() {
        let mut enforcer = enforcer(vec![rate(2, 1, "client")], &[]);
        for key in 0..100_000 {
            enforcer.check(Nanos(key * SECOND / 100), CLASS, 9, |_| key).unwrap();
        }
        let BudgetKind::Rate { keys, .. } = &enforcer.classes[0][0].kind else { panic!("a rate") };
        assert!(keys.len() <= SWEEP_FIRST_AT, "{}", keys.len());
    }

    #[test]
    fn the_wait_is_that_of_the_limit_that_takes_longest() {
        for secs in [[1, 60], [60, 1]] {
            let mut enforcer = enforcer(secs.map(|secs| rate(1, secs, "client")).to_vec(), &[]);
            ask(&mut enforcer, 0).unwrap();
            let refused = ask(&mut enforcer, SECOND / 2).unwrap_err();
            assert_eq!(refused.retry_after, Nanos(59 * SECOND + SECOND / 2));
            assert_eq!(refused.hint.as_deref(), Some("60"), "rounded up");
        }
    }

    #[test]
    fn places_are_held_until_they_are_given_back_and_no_wait_is_known() {
        let mut enforcer = enforcer(vec![concurrent(2)], &[]);
        assert_eq!(admitted(&mut enforcer, 3), 2);
        assert_eq!(ask(&mut enforcer, SECOND * 1000), Err(Refused { retry_after: Nanos::ZERO, hint: None }));
        enforcer.check(Nanos::ZERO, CLASS, 9, |_| 2).unwrap();
        enforcer.release(CLASS, 9, |_| 1);
        assert_eq!(admitted(&mut enforcer, 2), 1);
        for _ in 0..5 {
            enforcer.release(CLASS, 9, |_| 1);
        }
        assert_eq!(admitted(&mut enforcer, 3), 2, "giving back what is not held gives nothing");
    }

    #[test]
    fn a_rate_that_refuses_takes_no_place() {
        let mut enforcer = enforcer(vec![rate(1, 1, "client"), concurrent(2)], &[]);
        assert_eq!(admitted(&mut enforcer, 5), 1);
        ask(&mut enforcer, SECOND).unwrap();
        assert!(ask(&mut enforcer, 2 * SECOND).unwrap_err().hint.is_none(), "now it is the places");
    }

    #[test]
    fn each_fault_bends_what_its_name_says_and_nothing_else() {
        let count = |faults: &[Fault]| admitted(&mut enforcer(vec![rate(10, 60, "client")], faults), 50);
        let hint = |faults: &[Fault]| {
            let mut enforcer = enforcer(vec![rate(1, 60, "client")], faults);
            admitted(&mut enforcer, 2);
            ask(&mut enforcer, SECOND / 2).unwrap_err().hint.unwrap()
        };
        let streams = |faults: &[Fault]| admitted(&mut enforcer(vec![concurrent(2)], faults), 50);
        let by_address = |faults: &[Fault]| {
            let mut enforcer = enforcer(vec![rate(1, 60, "client")], faults);
            (0..5).filter(|&client| enforcer.check(Nanos::ZERO, CLASS, 9, |_| client).is_ok()).count()
        };
        for (fault, expected) in [
            (None, (10, "60", 2, 5)),
            (Some(Fault::AdmitsTooMuch), (15, "60", 2, 5)),
            (Some(Fault::RefusesTooEarly), (5, "60", 2, 5)),
            (Some(Fault::HintTooShort), (10, "20", 2, 5)),
            (Some(Fault::HintWrongUnit), (10, "59500", 2, 5)),
            (Some(Fault::HintFraction), (10, "60.5", 2, 5)),
            (Some(Fault::KeyedByAddress), (10, "60", 2, 1)),
            (Some(Fault::WrongRefusalBody), (10, "60", 2, 5)),
            (Some(Fault::WrongRefusalStatus), (10, "60", 2, 5)),
            (Some(Fault::StreamsUnlimited), (10, "60", 50, 5)),
        ] {
            let faults: Vec<Fault> = fault.into_iter().collect();
            assert_eq!(
                (count(&faults), hint(&faults).as_str(), streams(&faults), by_address(&faults)),
                expected,
                "{fault:?}"
            );
        }
    }

    #[test]
    fn a_hint_that_is_too_short_is_so_by_a_second_at_least() {
        for (secs, told) in [(1, "0"), (2, "0"), (3, "1"), (60, "20")] {
            let mut enforcer = enforcer(vec![rate(1, secs, "client")], &[Fault::HintTooShort]);
            ask(&mut enforcer, 0).unwrap();
            assert_eq!(ask(&mut enforcer, 0).unwrap_err().hint.as_deref(), Some(told));
        }
    }

    #[test]
    fn hints_come_in_the_policys_unit() {
        let limits = vec![rate(1, 1, "client")];
        let mut enforcer = Enforcer::new(&policy(limits, HintUnit::Milliseconds), &ServerSpec::default());
        ask(&mut enforcer, 0).unwrap();
        assert_eq!(ask(&mut enforcer, 1).unwrap_err().hint.as_deref(), Some("1000"));
    }
}
