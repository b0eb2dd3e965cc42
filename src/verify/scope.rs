//! `server.scope`: budgets belong to clients and devices, not to the address that they share.
//!
//! All requests of a run come from one address. A server that keys by it refuses a key whose own use no reading could have
//! refused, while what it served to all keys together was a whole budget. A server that refuses everything does no such
//! thing. What was admitted over all keys clears it: a budget shared by all of them would have had to be exceeded.

use super::admission::{Admissions, Admitted};
use super::terms::Terms;
use crate::scenario::ScopeKey;
use crate::summary::finding::Verdict;
use crate::time::Nanos;

/// Slices of `per`; shards cannot add up anything finer.
const SLICES: usize = 8;

/// Slices that are kept; what comes later is not looked at.
const MOST_SLICES: usize = 4096 * SLICES;

/// All keys of one rate limit taken as one.
#[derive(Clone, Debug)]
pub struct Together {
    terms: Terms,
    /// The length of a slice.
    length: Nanos,
    admitted: Admitted,
    /// Whether there has been more than one key. Until then that key's own state tells all.
    several: bool,
    /// Whether the admitted requests of all keys together are more than one budget allows.
    exceeded: bool,
    /// Counts in consecutive slices of `per`; shards add up.
    slices: Vec<Slice>,
    /// The latest, not added to the others so far: one device's slices lie far apart, and are fetched quicker many at a time.
    fresh: Vec<(usize, Slice)>,
}

/// How many slices are added up at a time.
const BATCH: usize = 128;

#[derive(Clone, Copy, Debug, Default)]
struct Slice {
    sent: u32,
    served: u32,
    false_refusals: u32,
}

impl Together {
    pub fn new(terms: Terms) -> Self {
        let length = Nanos(terms.rate.per.0 / SLICES as u64).max(Nanos(1));
        let (admitted, slices, fresh) = (Admitted::default(), Vec::new(), Vec::new());
        Together { terms, length, admitted, several: false, exceeded: false, slices, fresh }
    }

    pub fn sent(&mut self, at: Nanos, cost: u32) {
        self.count(at, Slice { sent: cost, ..Slice::default() });
    }

    /// Takes a served request of a key that took effect at `sent` or later, right after `admissions` has taken it and has
    /// found the limit `refuted` or not.
    pub fn served(
        &mut self,
        admissions: &Admissions,
        key: ScopeKey,
        sent: Nanos,
        done: Nanos,
        cost: u32,
        refuted: bool,
    ) {
        self.count(done, Slice { served: cost, ..Slice::default() });
        if !self.several
            && let Some(first) = admissions.others(key).next()
        {
            self.several = true;
            self.admitted = first.clone();
        }
        self.exceeded = self.exceeded
            || match self.several {
                true => self.admitted.serve(&self.terms, sent, done, cost),
                false => refuted,
            };
    }

    /// A refusal that no use of the key's own budget explains.
    pub fn refused_falsely(&mut self, at: Nanos) {
        self.count(at, Slice { false_refusals: 1, ..Slice::default() });
    }

    /// What one key may use in a window or at once, whatever the reading.
    fn budget(&self) -> u64 {
        let ceilings = self.terms.readings.iter().map(|reading| self.terms.ceiling(*reading));
        u64::from(ceilings.max().unwrap_or(0).max(self.terms.rate.allow))
    }

    fn count(&mut self, at: Nanos, more: Slice) {
        let index = usize::try_from(at.0 / self.length.0).unwrap_or(usize::MAX);
        match self.fresh.last_mut() {
            _ if index >= MOST_SLICES => return,
            Some((latest, slice)) if *latest == index => return slice.add(&more),
            _ => self.fresh.push((index, more)),
        }
        if self.fresh.len() >= BATCH {
            add_up(&mut self.slices, self.fresh.drain(..));
        }
    }

    /// All slices so far.
    fn all(&self) -> Vec<Slice> {
        let mut slices = self.slices.clone();
        add_up(&mut slices, self.fresh.iter().copied());
        slices
    }

    /// What comes next shares no budget with what came so far; its time begins anew.
    pub fn through(&mut self) {
        self.admitted = Admitted::default();
        self.several = false;
    }

    pub fn merge(&mut self, other: Together) {
        self.exceeded |= other.exceeded;
        add_up(&mut self.slices, other.slices.into_iter().enumerate().chain(other.fresh));
    }

    /// Refusals that a budget shared by all keys explains and the key's own does not: every reading needs a whole budget
    /// served within the `per` before.
    pub fn suspicious(&self) -> u64 {
        if self.exceeded {
            return 0;
        }
        let slices = self.all();
        let served_until = |last: usize| {
            let lately = &slices[last.saturating_sub(SLICES)..=last];
            lately.iter().map(|slice| u64::from(slice.served)).sum::<u64>()
        };
        let used_up = |index: &usize| served_until(*index) >= self.budget();
        let refused = (0..slices.len()).filter(|&index| slices[index].false_refusals > 0).filter(used_up);
        refused.map(|index| u64::from(slices[index].false_refusals)).sum()
    }

    /// `keys`: how many used the limit.
    pub fn verdict(&self, keys: u64) -> Verdict {
        let slices = self.all();
        let refuses_falsely = slices.iter().any(|slice| slice.false_refusals > 0);
        let sent = |slices: &[Slice]| slices.iter().map(|slice| u64::from(slice.sent)).sum::<u64>();
        let pressed = slices.chunks(SLICES).any(|slices| sent(slices) > self.budget());
        match keys {
            0 | 1 => Verdict::NoData,
            _ if self.suspicious() > 0 => Verdict::Fail,
            _ if self.exceeded => Verdict::Pass,
            _ if refuses_falsely => Verdict::Inconclusive,
            _ if pressed => Verdict::Pass,
            _ => Verdict::NoData,
        }
    }
}

impl Slice {
    fn add(&mut self, more: &Slice) {
        self.sent = self.sent.saturating_add(more.sent);
        self.served = self.served.saturating_add(more.served);
        self.false_refusals = self.false_refusals.saturating_add(more.false_refusals);
    }
}

fn add_up(slices: &mut Vec<Slice>, more: impl Iterator<Item = (usize, Slice)>) {
    for (index, slice) in more {
        if slices.len() <= index {
            slices.resize(index + 1, Slice::default());
        }
        slices[index].add(&slice);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    /// `clients` ask in turn, three times each, within a second; `served` decides by the request's number.
    fn clients(clients: u32, served: impl Fn(u32) -> bool) -> Outcomes {
        let mut script = Script::default();
        for number in 0..3 * clients {
            let ask = Ask::new(number % clients, SITES, u64::from(number) * 20);
            script.ask(if served(number) { ask } else { ask.refused() });
        }
        script.verify(scenario(policy(), clients))
    }

    fn verdict(outcomes: &Outcomes) -> Verdict {
        outcomes.finding("server.scope", "queries").verdict
    }

    #[test]
    fn one_budget_for_all_looks_keyed_by_address() {
        let outcomes = clients(3, |number| number < 4);
        assert_eq!(verdict(&outcomes), Verdict::Fail);
        assert_eq!(outcomes.finding("server.false-refusal", "queries").verdict, Verdict::Fail);
    }

    #[test]
    fn a_budget_for_each_passes() {
        assert_eq!(verdict(&clients(3, |_| true)), Verdict::Pass);
    }

    #[test]
    fn a_server_that_is_merely_too_strict_is_not_taken_for_one_that_keys_by_address() {
        let outcomes = clients(5, |number| number < 10);
        assert_eq!(outcomes.finding("server.false-refusal", "queries").verdict, Verdict::Fail);
        assert_eq!(verdict(&outcomes), Verdict::Pass);
    }

    #[test]
    fn a_server_that_refuses_everything_is_not_taken_for_one_that_keys_by_address() {
        let outcomes = clients(3, |_| false);
        assert_eq!(outcomes.finding("server.false-refusal", "queries").verdict, Verdict::Fail);
        assert_eq!(verdict(&outcomes), Verdict::Inconclusive);
        assert_eq!(verdict(&clients(3, |number| number < 3)), Verdict::Inconclusive, "one short of a budget");
    }

    #[test]
    fn one_key_or_little_demand_tells_nothing() {
        assert_eq!(verdict(&clients(1, |_| true)), Verdict::NoData);
        let mut script = Script::default();
        (0..2).for_each(|device| {
            script.ask(Ask::new(device, SITES, 0));
        });
        assert_eq!(verdict(&script.verify(scenario(policy(), 2))), Verdict::NoData);
        (0..2).for_each(|device| {
            script.ask(Ask::new(device, SITES, 100));
        });
        assert_eq!(verdict(&script.verify(scenario(policy(), 2))), Verdict::NoData, "one budget holds all four");
    }
}
