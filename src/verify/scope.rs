//! `server.scope`: budgets belong to clients and devices, not to the address that they share.
//!
//! All requests of a run come from one address. A server that keys by it refuses a key whose own use no reading could have
//! refused, while all keys together were at the limit. What was admitted over all keys clears it: a budget shared by all of
//! them would have had to be exceeded.

use super::admission::Admitted;
use crate::limiter::Rate;
use crate::policy::model::RateLimit;
use crate::policy::reading::Reading;
use crate::summary::finding::Verdict;
use crate::time::Nanos;

/// Spans of `per` that are kept apart; what comes later is not looked at.
const MOST_SPANS: usize = 4096;

/// All keys of one rate limit taken as one.
#[derive(Clone, Debug)]
pub struct Together {
    rate: Rate,
    readings: &'static [Reading],
    admitted: Admitted,
    /// Whether the admitted requests of all keys together are more than one budget allows.
    exceeded: bool,
    /// Counts in consecutive spans of `per`; shards add up.
    spans: Vec<Span>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    sent: u32,
    false_refusals: u32,
}

impl Together {
    pub fn new(limit: &RateLimit) -> Self {
        Together {
            rate: Rate { allow: limit.allow, per: limit.per },
            readings: Reading::allowed_by(limit.algorithm),
            admitted: Admitted::default(),
            exceeded: false,
            spans: Vec::new(),
        }
    }

    pub fn sent(&mut self, at: Nanos) {
        if let Some(span) = self.span(at) {
            span.sent += 1;
        }
    }

    pub fn served(&mut self, sent: Nanos, done: Nanos) {
        self.exceeded = self.exceeded || self.admitted.serve(self.rate, self.readings, sent, done);
    }

    /// A refusal that no use of the key's own budget explains.
    pub fn refused_falsely(&mut self, at: Nanos) {
        if let Some(span) = self.span(at) {
            span.false_refusals += 1;
        }
    }

    fn span(&mut self, at: Nanos) -> Option<&mut Span> {
        let index = usize::try_from(at.0 / self.rate.per.0).ok().filter(|&index| index < MOST_SPANS)?;
        if self.spans.len() <= index {
            self.spans.resize(index + 1, Span::default());
        }
        self.spans.get_mut(index)
    }

    pub fn merge(&mut self, other: Together) {
        self.exceeded |= other.exceeded;
        self.spans.resize(self.spans.len().max(other.spans.len()), Span::default());
        for (mine, theirs) in self.spans.iter_mut().zip(&other.spans) {
            mine.sent += theirs.sent;
            mine.false_refusals += theirs.false_refusals;
        }
    }

    /// Refusals that a budget shared by all keys explains and the key's own does not.
    pub fn suspicious(&self) -> u64 {
        if self.exceeded {
            return 0;
        }
        let before = std::iter::once(&Span::default()).chain(&self.spans).copied().collect::<Vec<_>>();
        let at_the_limit = |(span, before): &(&Span, Span)| span.sent + before.sent >= self.rate.allow;
        let pairs = self.spans.iter().zip(before).filter(at_the_limit);
        pairs.map(|(span, _)| u64::from(span.false_refusals)).sum()
    }

    /// `keys`: how many used the limit.
    pub fn verdict(&self, keys: u64) -> Verdict {
        let shared_would_refuse = self.exceeded || self.spans.iter().any(|span| span.sent > self.rate.allow);
        match keys {
            0 | 1 => Verdict::NoData,
            _ if self.suspicious() > 0 => Verdict::Fail,
            _ if shared_would_refuse => Verdict::Pass,
            _ => Verdict::NoData,
        }
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
    fn one_key_or_little_demand_tells_nothing() {
        assert_eq!(verdict(&clients(1, |_| true)), Verdict::NoData);
        let mut script = Script::default();
        (0..2).for_each(|device| drop(script.ask(Ask::new(device, SITES, 0))));
        assert_eq!(verdict(&script.verify(scenario(policy(), 2))), Verdict::NoData);
    }
}
