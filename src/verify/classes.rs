//! Every class's watch, and which of them a request draws on: its own class and the parents of that.

use arrayvec::ArrayVec;

use super::class::{ClassWatch, Drawn};
use super::reaction::Logical;
use super::refusal::{Cause, Loads};
use crate::device::Outcome;
use crate::policy::model::ClassId;
use crate::record::{Exchange, Record, Sent};
use crate::scenario::{Asked, Scenario, ScopeKey};
use crate::time::{Anchor, Nanos};

/// What penalties for a breach of other limits say of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Of its refusal.
    pub refuses: Cause,
    /// It was shut out for sure.
    pub surely: bool,
}

#[derive(Clone, Debug)]
pub struct Classes {
    watches: Vec<ClassWatch>,
    /// By class.
    drawn_on: Vec<Vec<ClassId>>,
    /// Classes with a limit that may shut out from more than it counts.
    barring: Vec<ClassId>,
    /// By class: whether its requests draw on a single limit.
    alone: Vec<bool>,
}

impl Classes {
    pub fn new(scenario: &Scenario, anchor: Anchor, step: Nanos) -> Self {
        let policy = &scenario.policy;
        let ids = || (0..policy.classes.len()).map(|index| ClassId(index as u8));
        let watches: Vec<ClassWatch> = ids().map(|id| ClassWatch::new(scenario, id, anchor, step)).collect();
        let barring: Vec<ClassId> = ids().filter(|id| watches[id.index()].is_barring()).collect();
        let drawn_on: Vec<Vec<ClassId>> = ids().map(|id| policy.drawn_on(id).collect()).collect();
        let is_alone = |drawn: &Vec<ClassId>| drawn.iter().map(|id| policy.class(*id).limits.len()).sum::<usize>() == 1;
        Classes { alone: drawn_on.iter().map(is_alone).collect(), watches, drawn_on, barring }
    }

    pub fn get(&self, class: ClassId) -> &ClassWatch {
        &self.watches[class.index()]
    }

    pub fn logical(&mut self, class: ClassId) -> &mut Logical {
        &mut self.watches[class.index()].logical
    }

    fn drawn<'a>(&self, scenario: &'a Scenario, class: ClassId) -> Drawn<'a> {
        Drawn { scenario, class, alone: self.alone[class.index()] }
    }

    pub fn held_back(&mut self, scenario: &Scenario, class: ClassId, at: Nanos, asked: Asked) {
        let drawn = self.drawn(scenario, class);
        for id in &self.drawn_on[class.index()] {
            self.watches[id.index()].held_back(&drawn, at, asked);
        }
    }

    pub fn sent(&mut self, scenario: &Scenario, class: ClassId, at: Nanos, sent: &Sent, turn: u64) {
        let drawn = self.drawn(scenario, class);
        for id in &self.drawn_on[class.index()] {
            self.watches[id.index()].sent(&drawn, at, sent, turn);
        }
    }

    /// What penalties of limits that a request of a class does not draw on say of its end.
    pub fn elsewhere(&self, scenario: &Scenario, class: ClassId, sent: Nanos, record: &Record) -> Elsewhere {
        let mut others = self.barring_elsewhere(class);
        Elsewhere {
            refuses: self.bars(scenario, class, sent, record.asked()),
            surely: others.any(|watch| watch.bars_surely(scenario, sent, record)),
        }
    }

    fn bars(&self, scenario: &Scenario, class: ClassId, sent: Nanos, asked: Asked) -> Cause {
        let bars = self.barring_elsewhere(class).map(|watch| watch.bars(scenario, sent, asked));
        bars.max().unwrap_or(Cause::Impossible)
    }

    /// Those whose penalties shut out from more than they count, and that a request of the class does not draw on.
    fn barring_elsewhere(&self, class: ClassId) -> impl Iterator<Item = &ClassWatch> {
        let others = self.barring.iter().filter(move |id| !self.drawn_on[class.index()].contains(id));
        others.map(|id| &self.watches[id.index()])
    }

    /// Takes the end of a request of a class that had been sent at `sent`.
    pub fn done(
        &mut self,
        scenario: &Scenario,
        class: ClassId,
        sent: Nanos,
        stream: bool,
        record: &Record,
        exchange: Option<&Exchange>,
    ) {
        let mut request = self.drawn(scenario, class);
        let refused = record.outcome == Outcome::Refused;
        let drawn_on = &self.drawn_on[class.index()];
        let mut cause = Cause::Impossible;
        if refused {
            cause = self.elsewhere(scenario, class, sent, record).refuses;
            request.alone &= cause == Cause::Impossible;
        }
        let mut own = ArrayVec::<Cause, MOST_DRAWN>::new();
        for id in drawn_on {
            let says = self.watches[id.index()].done(&request, sent, stream, record, exchange);
            cause = cause.max(says);
            // Of more parents than that, the last are not told what they said themselves.
            let _ = own.try_push(says);
        }
        if !refused {
            return;
        }
        if scenario.policy.more_limits {
            cause = cause.max(Cause::Possible);
        }
        for (id, own) in drawn_on.iter().zip(own.into_iter().chain(std::iter::repeat(Cause::Impossible))) {
            self.watches[id.index()].refused(cause, own, record, exchange);
        }
        if cause == Cause::Possible {
            drawn_on.iter().any(|id| self.watches[id.index()].wait_for_others(&request, sent, record));
        }
    }

    /// Takes the end of a stream whose handshake was sent at `sent`.
    pub fn closed(&mut self, scenario: &Scenario, class: ClassId, at: Nanos, sent: Nanos, asked: Asked) {
        for id in &self.drawn_on[class.index()] {
            self.watches[id.index()].closed(scenario, at, sent, asked);
        }
    }

    /// Whether each budget that a request draws on says that it was the request's alone; false without a limit on a rate.
    /// Where places are held, or failures or limits elsewhere may shut out what is sent at `at`, nobody can tell.
    pub fn each_load(
        &self,
        scenario: &Scenario,
        class: ClassId,
        at: Nanos,
        asked: Asked,
        says: impl Fn(&Loads, ScopeKey) -> bool,
    ) -> bool {
        let drawn_on = &self.drawn_on[class.index()];
        if scenario.policy.more_limits || self.bars(scenario, class, at, asked) > Cause::Impossible {
            return false;
        }
        let mut any = false;
        for id in drawn_on {
            let watch = self.get(*id);
            if !watch.only_rates_refuse(scenario, asked) {
                return false;
            }
            for (rate, key) in watch.loads(scenario, asked) {
                any = true;
                if !says(&rate.loads, key) {
                    return false;
                }
            }
        }
        any
    }

    /// The turn of the latest request on the budgets that a request draws on.
    pub fn latest_turn(&self, scenario: &Scenario, class: ClassId, asked: Asked) -> u64 {
        let drawn = self.drawn_on[class.index()].iter();
        let loads = drawn.flat_map(|id| self.get(*id).loads(scenario, asked));
        loads.map(|(rate, key)| rate.loads.latest(key)).max().unwrap_or(0)
    }

    /// When a class first passed a limit, and which.
    pub fn first_broken(&self) -> Option<(Nanos, ClassId)> {
        let broken = |(index, watch): (usize, &ClassWatch)| Some((watch.first_over()?, ClassId(index as u8)));
        self.watches.iter().enumerate().filter_map(broken).min()
    }

    /// Nothing more comes of the devices so far, whose run ended at `ended`.
    pub fn through(&mut self, ended: Nanos) {
        for limit in self.watches.iter_mut().flat_map(|watch| &mut watch.limits) {
            limit.kind.through(ended);
        }
    }

    pub fn merge(&mut self, other: Classes) {
        for (mine, theirs) in self.watches.iter_mut().zip(other.watches) {
            mine.merge(theirs);
        }
    }

    /// The watches in the policy's order, with the refusals settled that turned out to be due.
    pub fn into_watches(mut self) -> Vec<ClassWatch> {
        for index in 0..self.watches.len() {
            let class = ClassId(index as u8);
            let cleared = self.watches.iter().map(|watch| watch.cleared(class)).sum();
            self.watches[index].refusals.clear(cleared);
        }
        self.watches
    }
}

/// A class and so many of its parents tell apart whose limits explain a refusal.
const MOST_DRAWN: usize = 8;

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::summary::finding::Verdict;

    #[test]
    fn where_there_are_more_limits_than_stand_in_the_policy_no_refusal_is_false() {
        let judged = |more_limits| {
            let mut policy = policy();
            policy.more_limits = more_limits;
            let mut script = Script::default();
            for second in 1..20 {
                let ask = Ask::new(0, SITES, 5_000 * second);
                script.ask(if second % 3 == 0 { ask.told(1) } else { ask });
            }
            script.verify(scenario(policy, 1)).finding("server.false-refusal", "queries").verdict
        };
        assert_eq!(judged(false), Verdict::Fail);
        assert_eq!(judged(true), Verdict::Inconclusive);
    }
}
