//! What is probed, and what the documents let expect of it.

use std::sync::Arc;

use crate::policy::matching;
use crate::policy::model::{Algorithm, ClassId, Cost, Enforcement, HintUnit, Limit, Policy, RateLimit};
use crate::policy::reading::Reading;
use crate::probe::beside::Beside;
use crate::time::{Anchor, Nanos};

/// What is probed: one kind of request, from one or two clients.
#[derive(Clone, Debug)]
pub struct Case {
    pub policy: Arc<Policy>,
    pub class: ClassId,
    pub method: String,
    /// With its query, if it has one.
    pub path: String,
    /// Whether there is a second client.
    pub second: bool,
    /// What else is asked, to see how far limits reach.
    pub besides: Vec<Beside>,
    /// The server's address, for the report.
    pub url: String,
    pub anchor: Anchor,
}

/// Who and what there is to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    pub second: bool,
    /// How many requests besides the probe's own.
    pub besides: u8,
}

/// What the documented limits on rates let expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The most requests that may come at once by any reading of the tightest limit.
    pub at_once: u32,
    /// The window of that limit.
    pub window: Nanos,
    /// The time in which as many run in again: that window, or what it takes to fill a bucket.
    pub fills: Nanos,
    /// After so long a silence all quota is there again, by any reading.
    pub recovers: Nanos,
    /// Of several limits, so many refusals would use up another one than the tightest, if they counted.
    pub others: Option<u32>,
    /// Sent so far apart, requests never use the tightest limit up; what they meet is the one of [`Terms::others`]. None where
    /// that one cannot be met so.
    pub pace: Option<Nanos>,
    /// Waits are told in whole units of this.
    pub unit: Nanos,
}

/// Limits on more requests than this are not drained: trials are for limits that a probe can afford.
const MOST: u32 = 10_000;

impl Case {
    /// The path without its query.
    pub fn bare_path(&self) -> &str {
        matching::bare_path(&self.path)
    }

    pub fn means(&self) -> Means {
        Means { second: self.second, besides: u8::try_from(self.besides.len()).unwrap_or(u8::MAX) }
    }

    /// All limits on rates that one request draws on, with what it costs.
    pub fn rates(&self) -> impl Iterator<Item = (&RateLimit, u32)> {
        let policy = &*self.policy;
        let limits = policy.drawn_on(self.class).flat_map(|class| &policy.class(class).limits);
        limits.filter_map(|limit| match limit {
            Limit::Rate(rate) => Some((rate, policy.cost(&rate.cost, self.class).max(1))),
            Limit::Concurrent(_) | Limit::Cooldown(_) => None,
        })
    }

    /// None where no rate is documented that a probe can use up.
    pub fn terms(&self) -> Option<Terms> {
        let affordable = || self.rates().filter(|(rate, cost)| at_once(rate, *cost) <= MOST);
        let (tightest, cost) = self.tightest()?;
        let others = self.next().map(|(rate, cost)| at_once(rate, cost));
        let unit = match self.policy.refusal.retry_after.as_ref().map(|source| source.unit).unwrap_or_default() {
            HintUnit::Seconds => Nanos::from_secs(1),
            HintUnit::Milliseconds => Nanos::from_millis(1),
        };
        Some(Terms {
            at_once: at_once(tightest, cost),
            window: tightest.per,
            fills: fills(tightest),
            recovers: affordable().map(|(rate, _)| recovers(rate)).max()?,
            others,
            pace: self.pace(),
            unit,
        })
    }

    /// Whether the documents give the second client a quota of its own; None where that follows from nothing.
    pub fn is_apart(&self) -> Option<bool> {
        let mut scopes = self.rates().map(|(rate, _)| &rate.scope);
        let apart = |name: &String| self.is_clients_own(name);
        let first = scopes.next()?.0.iter().any(apart);
        scopes.all(|scope| scope.0.iter().any(apart) == first).then_some(first)
    }

    /// Whether a part of a scope differs between the clients: neither the address they share nor what the request names.
    pub fn is_clients_own(&self, name: &str) -> bool {
        let found = matching::find(&self.policy.classes, &self.method, self.bare_path());
        let in_path =
            found.is_some_and(|(_, pattern)| pattern.parameters(self.bare_path()).any(|(own, _)| own == name));
        !in_path && name != "address" && name != "endpoint"
    }

    /// The most requests that any reading of the tightest limit lets through within a span of time; None where the documents
    /// do not say exactly, or where the span is a window and longer.
    pub fn most_within(&self, span: Nanos) -> Option<u32> {
        let (rate, cost) = self.tightest()?;
        most_within(rate, cost, span)
    }

    fn tightest(&self) -> Option<(&RateLimit, u32)> {
        let affordable = self.rates().filter(|(rate, cost)| at_once(rate, *cost) <= MOST);
        affordable.min_by_key(|(rate, cost)| (at_once(rate, *cost), rate.per))
    }

    /// Of several limits, the tightest but one.
    pub fn next(&self) -> Option<(&RateLimit, u32)> {
        let (tightest, _) = self.tightest()?;
        let others = self.rates().filter(|(rate, cost)| *rate != tightest && at_once(rate, *cost) <= MOST);
        others.min_by_key(|(rate, cost)| (at_once(rate, *cost), rate.per))
    }

    fn pace(&self) -> Option<Nanos> {
        /// So much slower than the limit allows.
        const SLOWER: f64 = 1.15;
        let (tightest, cost) = self.tightest()?;
        let pace = tightest.per.scale(SLOWER * f64::from(cost) / f64::from(tightest.allow.max(1)));
        let (next, cost) = self.next()?;
        let met = pace * u64::from(at_once(next, cost));
        (met.scale(SLOWER) < next.per && next.calendar.is_none()).then_some(pace)
    }

    /// Whether some reading of every limit's words lets twice as much through around the edge of a window.
    pub fn allows_double(&self) -> bool {
        let doubles = |reading: &Reading| {
            matches!(reading, Reading::FixedAligned | Reading::FixedFirstHit | Reading::IntervalRefill)
        };
        self.rates().all(|(rate, _)| rate.readings().iter().any(doubles))
    }

    /// The same as if the documents named no algorithm: then every reading is possible.
    pub fn by_any_reading(&self) -> Case {
        let mut policy = (*self.policy).clone();
        for limit in policy.classes.iter_mut().flat_map(|class| &mut class.limits) {
            if let Limit::Rate(rate) = limit {
                // A leaky bucket's burst is one less than may come at once.
                let at_once = rate.readings().iter().map(|reading| reading.ceiling(rate.allow, rate.burst)).max();
                rate.burst = at_once.filter(|at_once| *at_once != rate.allow);
                rate.algorithm = Algorithm::Unspecified;
            }
        }
        Case { policy: Arc::new(policy), ..self.clone() }
    }

    /// Whether the documents name an algorithm.
    pub fn names_algorithm(&self) -> bool {
        self.rates().any(|(rate, _)| rate.algorithm != Algorithm::Unspecified)
    }
}

/// The most requests of a cost that any reading of a limit lets through within a span of time; None as for
/// [`Case::most_within`].
pub fn most_within(rate: &RateLimit, cost: u32, span: Nanos) -> Option<u32> {
    let is_exact = !rate.at_least
        && rate.enforcement == Enforcement::Exact
        && !rate.counts_by_answer()
        && !matches!(rate.cost, Cost::Told { .. });
    let share = span.as_secs_f64() / rate.per.as_secs_f64();
    let most = |reading: &Reading| {
        let (ceiling, allow) = (reading.ceiling(rate.allow, rate.burst), rate.allow);
        let runs_in = (f64::from(allow) * share).ceil() as u32;
        match reading {
            Reading::Rolling => ceiling,
            Reading::TokenBucket | Reading::LeakyBucket => ceiling + runs_in,
            // Of the window before, what still overlaps counts.
            Reading::RollingCounter => ceiling + runs_in + 1,
            Reading::FixedAligned | Reading::FixedFirstHit | Reading::IntervalRefill => ceiling.saturating_add(allow),
        }
    };
    let most = rate.readings().iter().map(most).max()?;
    (is_exact && share < 1.0).then_some(most / cost)
}

pub fn at_once(rate: &RateLimit, cost: u32) -> u32 {
    let ceilings = rate.readings().iter().map(|reading| reading.ceiling(rate.allow, rate.burst));
    (ceilings.max().unwrap_or(rate.allow) / cost).max(1)
}

/// In which as many run in again as may come at once.
fn fills(rate: &RateLimit) -> Nanos {
    let runs_in = |reading: &Reading| match reading {
        Reading::TokenBucket | Reading::LeakyBucket => rate.time_to_fill(*reading),
        _ => rate.per,
    };
    rate.readings().iter().map(runs_in).max().unwrap_or(rate.per)
}

/// After such a silence all is there again, by any reading.
fn recovers(rate: &RateLimit) -> Nanos {
    let penalty = rate.penalty.as_ref().map_or(Nanos::ZERO, |penalty| penalty.lasts);
    rate.memory().saturating_add(penalty)
}
