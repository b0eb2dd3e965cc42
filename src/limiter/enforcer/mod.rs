//! Enforces a whole policy: every limit that a request draws on, per scope key, with the defects a test asks for.
//!
//! The reference servers and the virtual driver share it, so a fault means the same in both. A request is first
//! [checked](Enforcer::check); once its answer is known it is [settled](Enforcer::settle), and whatever it held while it
//! was open is [released](Enforcer::release).

mod budget;
mod defects;

#[cfg(test)]
mod tests;

use budget::Budget;
use defects::Defects;

use super::Standing;
use crate::policy::model::{ClassId, HintUnit, Limit, Policy, Scope};
use crate::policy::reading::Reading;
use crate::scenario::target::{Fault, ServerSpec};
use crate::time::{Anchor, Nanos};

/// Keeps the counts of all limits of a policy.
pub struct Enforcer {
    defects: Defects,
    refusal_status: u16,
    hint_unit: HintUnit,
    budgets: Vec<Budget>,
    /// By class: which budgets its requests draw on.
    drawn_on: Vec<Vec<usize>>,
    /// By class: whether an answer changes anything, and whether the end of a request does.
    settles: Vec<bool>,
    holds: Vec<bool>,
    /// The budgets whose penalty shuts out from everything.
    barring: Vec<usize>,
    /// By budget: how many requests it has refused.
    refusals: Vec<u64>,
}

/// A scope of the policy, numbered so that callers can make keys without comparing names.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberedScope {
    /// Its place in [`Enforcer::scopes`].
    pub number: usize,
    pub scope: Scope,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The true wait.
    pub retry_after: Nanos,
    /// What the server tells, as it stands in JSON or a header; None where no limit knows a time (concurrency).
    pub hint: Option<String>,
}

/// What became of a request that was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// When it was admitted.
    pub since: Nanos,
    pub status: u16,
    /// What it cost, where the answer tells that.
    pub charged: Option<u32>,
}

/// The limit that binds a request most: what quota headers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Whose limit it is: the request's class or a parent.
    pub class: ClassId,
    /// The length of the window.
    pub window: Nanos,
    pub standing: Standing,
}

impl Enforcer {
    /// Limits that say how they count are enforced so, the others by the reading that the server is told to have.
    /// Penalties of which the provider names only the length are applied if the server is to throttle.
    pub fn new(policy: &Policy, server: &ServerSpec) -> Self {
        let mut budgets = Vec::new();
        let mut scopes: Vec<&Scope> = Vec::new();
        for (index, class) in policy.classes.iter().enumerate() {
            let owner = ClassId(index as u8);
            for limit in &class.limits {
                let number = scopes.iter().position(|known| *known == limit.scope()).unwrap_or_else(|| {
                    scopes.push(limit.scope());
                    scopes.len() - 1
                });
                let scope = NumberedScope { number, scope: limit.scope().clone() };
                budgets.push(Budget::new(policy, owner, limit, scope, server));
            }
        }
        if server.throttle {
            budgets.iter_mut().for_each(Budget::apply_unstated_penalty);
        }
        let indexes = |is_meant: &dyn Fn(&Budget) -> bool| -> Vec<usize> {
            (0..budgets.len()).filter(|&index| is_meant(&budgets[index])).collect()
        };
        let drawn = |class: usize| -> Vec<ClassId> { policy.drawn_on(ClassId(class as u8)).collect() };
        let all = 0..policy.classes.len();
        let drawn_on: Vec<Vec<usize>> =
            all.map(drawn).map(|classes| indexes(&|budget| classes.contains(&budget.owner))).collect();
        let any = |is_so: &dyn Fn(&Budget) -> bool| -> Vec<bool> {
            drawn_on.iter().map(|drawn| drawn.iter().any(|&index| is_so(&budgets[index]))).collect()
        };
        let (settles, holds) = (any(&Budget::settles), any(&Budget::holds));
        Enforcer {
            defects: Defects::new(&server.faults),
            refusal_status: policy.refusal.status,
            hint_unit: policy.refusal.retry_after.as_ref().map(|hint| hint.unit).unwrap_or_default(),
            barring: indexes(&Budget::bars_everything),
            drawn_on,
            settles,
            holds,
            refusals: vec![0; budgets.len()],
            budgets,
        }
    }

    /// Gives the wall-clock time of the zero of every `now`; without it, the clock shows zero then.
    pub fn anchored(mut self, anchor: Anchor) -> Self {
        self.budgets.iter_mut().for_each(|budget| budget.set_anchor(anchor));
        self
    }

    /// The scopes of all limits, each once, in the order of their numbers.
    pub fn scopes(&self) -> Vec<&Scope> {
        let mut scopes: Vec<&NumberedScope> = self.budgets.iter().map(|budget| &budget.scope).collect();
        scopes.sort_by_key(|scope| scope.number);
        scopes.dedup();
        scopes.into_iter().map(|scope| &scope.scope).collect()
    }

    /// How many requests each limit has refused, in the order of the policy's classes and their limits. A request that
    /// several limits refuse counts for each of them.
    pub fn refusals(&self) -> &[u64] {
        &self.refusals
    }

    /// Forgets all that was counted.
    pub fn clear(&mut self) {
        self.refusals.fill(0);
        self.budgets.iter_mut().for_each(Budget::clear);
        self.defects.clear();
    }

    /// Decides one request: all limits that it draws on must admit it, and it counts only if all do. `key` gives a
    /// scope's value for the request, `address` stands in for it where the server is told to be wrong about whom it
    /// counts.
    ///
    /// What a limit on concurrency admits holds its place until [`Enforcer::release`].
    pub fn check(
        &mut self,
        now: Nanos,
        class: ClassId,
        address: u64,
        key: impl Fn(&NumberedScope) -> u64,
    ) -> Result<(), Refused> {
        self.defects.request();
        if self.defects.has_restarted(now) {
            self.budgets.iter_mut().for_each(Budget::clear);
        }
        for (due, late) in self.defects.due(now) {
            self.budgets[late.budget].count(due, late.key, late.class);
        }
        if self.defects.is_store_down(now) {
            return Ok(());
        }
        let key = Keyed { by_address: self.defects.by_address().then_some(address), key };
        match self.refusal(now, class, &key) {
            None => {
                self.count(now, class, &key);
                Ok(())
            }
            Some(_) => {
                self.take_note(now, class, &key);
                // Where refusals count, this one has made the wait longer.
                let Wait { wait, window } = self.refusal(now, class, &key).unwrap_or_default();
                let hint = wait.map(|wait| self.defects.hint(now, wait, window, self.hint_unit));
                Err(Refused { retry_after: wait.unwrap_or_default(), hint })
            }
        }
    }

    /// The longest wait of those who refuse the request; None where all limits admit it.
    fn refusal(&mut self, now: Nanos, class: ClassId, key: &Keyed<impl Fn(&NumberedScope) -> u64>) -> Option<Wait> {
        let mut longest: Option<Wait> = None;
        for &index in &self.drawn_on[class.index()] {
            let budget = &mut self.budgets[index];
            if let Err(wait) = budget.peek(self.defects.clock(now, budget), key.of(budget), class) {
                longest = longest.max(Some(Wait { wait, window: budget.window() }));
            }
        }
        for &index in &self.barring {
            let budget = &mut self.budgets[index];
            if let Some(wait) = budget.shut_out(self.defects.clock(now, budget), key.of(budget)) {
                longest = longest.max(Some(Wait { wait: Some(wait), window: budget.window() }));
            }
        }
        longest
    }

    fn count(&mut self, now: Nanos, class: ClassId, key: &Keyed<impl Fn(&NumberedScope) -> u64>) {
        for &index in &self.drawn_on[class.index()] {
            let budget = &mut self.budgets[index];
            let (at, key) = (self.defects.clock(now, budget), key.of(budget));
            match self.defects.has(Fault::CountsLate) {
                false => budget.count(at, key, class),
                true => self.defects.put_off(now, index, key, class),
            }
        }
    }

    /// Of a request that some limit refuses.
    fn take_note(&mut self, now: Nanos, class: ClassId, key: &Keyed<impl Fn(&NumberedScope) -> u64>) {
        let drains = self.defects.has(Fault::DrainsWhileRefusing);
        for &index in &self.drawn_on[class.index()] {
            let budget = &mut self.budgets[index];
            let (at, key) = (self.defects.clock(now, budget), key.of(budget));
            if drains && budget.peek(at, key, class).is_ok() {
                budget.count(at, key, class);
            } else {
                let refuses = budget.refused(at, key, class, self.refusal_status);
                self.refusals[index] += u64::from(refuses);
            }
        }
    }

    /// Takes note of the answer to a request that was admitted: what counts only now is counted, what it did not cost
    /// is given back, and a failure may begin a cooldown.
    pub fn settle(
        &mut self,
        now: Nanos,
        class: ClassId,
        address: u64,
        key: impl Fn(&NumberedScope) -> u64,
        answered: &Answered,
    ) {
        if !self.settles[class.index()] {
            return;
        }
        let key = Keyed { by_address: self.defects.by_address().then_some(address), key };
        for &index in &self.drawn_on[class.index()] {
            let budget = &mut self.budgets[index];
            budget.settle(self.defects.clock(now, budget), key.of(budget), class, answered);
        }
    }

    /// Gives back what concurrency limits held for a request that was admitted at `since`.
    pub fn release(&mut self, class: ClassId, since: Nanos, address: u64, key: impl Fn(&NumberedScope) -> u64) {
        if !self.holds[class.index()] {
            return;
        }
        let key = Keyed { by_address: self.defects.by_address().then_some(address), key };
        for &index in &self.drawn_on[class.index()] {
            let budget = &mut self.budgets[index];
            budget.release(key.of(budget), since);
        }
    }

    /// The rate limit of which the least is left for such a request; of equals, the one that takes longest to recover.
    /// None where none limits it.
    pub fn standing(
        &mut self,
        now: Nanos,
        class: ClassId,
        address: u64,
        key: impl Fn(&NumberedScope) -> u64,
    ) -> Option<Binding> {
        let key = Keyed { by_address: self.defects.by_address().then_some(address), key };
        let (budgets, defects) = (&mut self.budgets, &self.defects);
        let found = self.drawn_on[class.index()].iter().filter_map(|&index| {
            let budget = &mut budgets[index];
            budget.standing(defects.clock(now, budget), key.of(budget))
        });
        found.min_by_key(|binding| (binding.standing.remaining, std::cmp::Reverse(binding.standing.reset)))
    }
}

/// How long a limit refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Wait {
    /// None where no time is known.
    wait: Option<Nanos>,
    /// Of the limit, where it has one.
    window: Option<Nanos>,
}

/// Whose budget a request draws on.
struct Keyed<K> {
    by_address: Option<u64>,
    key: K,
}

impl<K: Fn(&NumberedScope) -> u64> Keyed<K> {
    fn of(&self, budget: &Budget) -> u64 {
        self.by_address.unwrap_or_else(|| (self.key)(&budget.scope))
    }
}

/// The reading that a limit is enforced by: the server's where the limit's words allow it, else their strictest.
pub fn reading_for(limit: &Limit, server: Reading) -> Option<Reading> {
    let Limit::Rate(rate) = limit else { return None };
    let allowed = rate.readings();
    Some(if allowed.contains(&server) { server } else { allowed[0] })
}

/// The reading that a server enforces a limit by, also one that counts in its own way; None where the limit is no rate.
pub fn enforced_as(limit: &Limit, server: &ServerSpec) -> Option<Reading> {
    let own_way = server.faults.iter().find_map(|fault| match fault {
        Fault::DoubleAtTheEdge => Some(Reading::FixedAligned),
        Fault::WindowFromFirstRequest => Some(Reading::FixedFirstHit),
        _ => None,
    });
    reading_for(limit, server.limiter).map(|reading| own_way.unwrap_or(reading))
}

/// How a server counts a policy's rate limits: `rolling window, token bucket`; `no rate limits` where there are none.
pub fn in_words(policy: &Policy, server: &ServerSpec) -> String {
    let limits = policy.classes.iter().flat_map(|class| &class.limits);
    let mut titles: Vec<&str> = Vec::new();
    for reading in limits.filter_map(|limit| enforced_as(limit, server)) {
        if !titles.contains(&reading.title()) {
            titles.push(reading.title());
        }
    }
    if titles.is_empty() { "no rate limits".to_owned() } else { titles.join(", ") }
}
