//! `server.over-admission`: more was let through than any reading allows, whatever the network did.
//!
//! A served request took effect at the server at some unknown moment in `[sent, done]`. A reading is refuted for a key
//! when no choice of these moments keeps to it. Answers are handled as they come, so `done` never goes back, and at each
//! answer at `b`:
//!
//! - **Rolling window.** More than `allow` served requests with `b - sent < per` all took effect within less than `per`.
//! - **Buckets.** For some `a`, more than `capacity + allow * (b - a) / per` served requests were sent at or after `a`. One
//!   that is filled up at intervals may have had one filling more in that time, by its phase.
//! - **Fixed windows**, on the clock or from the first request. A set as under *rolling* (served between `a` and `b`) needs
//!   a new window to begin in between, and beginnings are at least `per` apart. The possible places of the latest
//!   beginning are kept as one interval, widened where it would fall into two; none left means that no placing of windows
//!   explains what was admitted. Nor does one where more than twice `allow` took effect within less than `per` (`bursts.rs`).
//!
//! What passes: a server keeps its word when what it let through fits *one* reading that the words allow, the same for all
//! keys. An honest server's own reading is never refuted, so it passes however strict or loose the other readings are; one
//! that let everything through has shown no limit at all, so there must have been refusals too, and a demand beyond the
//! limit.
//!
//! Where an answer may give back what its request took, a bucket that was full meanwhile has gained it: what ran in while
//! the request was on its way would have run over. So a bucket is given that much more for each that came back, and the
//! whole of each that still may.
//!
//! A rolling window estimated from two fixed ones never admits more than `allow` in one of them, so it is refuted with the
//! fixed windows. Where requests differ in cost, all these counts are of points.
//!
//! Over-admission is reported when every reading that the words allow is refuted for one key; the key then starts anew, so
//! each report rests on requests of its own. Only served requests count: what a 4xx, a 5xx or a lost answer cost at the
//! server is not documented. Leaving requests out only makes the check miss something, never accuse. Some limits cannot be
//! judged so at all: see [`Unjudged`].

use std::collections::VecDeque;

use self::bursts::Bursts;
use super::exhibit::{Exhibit, Exhibits};
use super::keyed::Keyed;
use super::terms::Terms;
use crate::device::Outcome;
use crate::limiter::Rate;
use crate::policy::model::{Cost, Enforcement, RateLimit};
use crate::policy::reading::Reading;
use crate::policy::words::period_text;
use crate::record::{Exchange, Record};
use crate::scenario::ScopeKey;
use crate::time::Nanos;

mod bursts;

/// What one key was let through.
#[derive(Clone, Debug, Default)]
pub struct Admitted {
    /// The latest served requests that are more than `allow` together, by the time they were sent.
    latest: VecDeque<Start>,
    /// What they cost together.
    held: u64,
    /// What those cost that were pushed out of `latest`, and the best start of a span among them.
    before: u64,
    best_before: Option<i128>,
    /// Where the latest window may have begun.
    beginning: Option<(Nanos, Nanos)>,
    bursts: Bursts,
    /// What buckets may have gained by requests that were given back, in units of 1/`per` tokens, and what those that are
    /// on their way cost.
    gained: i128,
    under_way: u64,
    refuted: Refuted,
    /// The latest answer; one that is told out of order counts as later, which only widens spans.
    done: Nanos,
}

/// A served request as the possible start of a span.
#[derive(Clone, Copy, Debug)]
struct Start {
    sent: Nanos,
    cost: u32,
    /// Over this and all earlier starts, the highest of `allow * sent - per * (what was served and sent before it)`: what a
    /// span that begins there has over a bucket that was full then.
    best: i128,
}

/// The readings that are ruled out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Refuted {
    rolling: bool,
    token: bool,
    leaky: bool,
    refill: bool,
    windows: bool,
}

impl Refuted {
    fn has(self, reading: Reading) -> bool {
        match reading {
            Reading::Rolling => self.rolling,
            Reading::TokenBucket => self.token,
            Reading::LeakyBucket => self.leaky,
            Reading::IntervalRefill => self.refill,
            Reading::FixedFirstHit | Reading::FixedAligned | Reading::RollingCounter => self.windows,
        }
    }

    fn or(self, other: Refuted) -> Refuted {
        Refuted {
            rolling: self.rolling || other.rolling,
            token: self.token || other.token,
            leaky: self.leaky || other.leaky,
            refill: self.refill || other.refill,
            windows: self.windows || other.windows,
        }
    }
}

impl Admitted {
    /// Takes a served request, in the order of `done`. True when it rules out the last of the readings; the next call
    /// starts anew.
    pub fn serve(&mut self, terms: &Terms, sent: Nanos, done: Nanos, cost: u32) -> bool {
        self.done = self.done.max(done);
        self.insert(terms, sent, cost);
        let burst = self.bursts.serve(terms.rate.per, sent, self.done, cost);
        self.refuted.windows |= burst > 2 * u64::from(terms.rate.allow);
        self.judge(terms, self.done);
        let refuted = terms.readings.iter().all(|reading| self.refuted.has(*reading));
        if refuted {
            *self = Admitted { under_way: self.under_way, ..Admitted::default() };
        }
        refuted
    }

    /// Puts the request in its place by the time it was sent. Only requests that overtook others move anything.
    fn insert(&mut self, terms: &Terms, sent: Nanos, cost: u32) {
        let (allow, per) = (u64::from(terms.rate.allow), i128::from(terms.rate.per.0));
        let comes_last = self.latest.back().is_none_or(|newest| newest.sent <= sent);
        let place = match comes_last {
            true => self.latest.len(),
            false => self.latest.partition_point(|start| start.sent <= sent),
        };
        if self.held > allow && place == 0 {
            return;
        }
        let earlier: u64 = match comes_last {
            true => self.held,
            false => self.latest.range(..place).map(|start| u64::from(start.cost)).sum(),
        };
        self.latest.insert(place, Start { sent, cost, best: 0 });
        self.held += u64::from(cost);
        let mut rank = i128::from(self.before + earlier);
        for index in place..self.latest.len() {
            let earlier = if index == 0 { self.best_before } else { Some(self.latest[index - 1].best) };
            let start = &mut self.latest[index];
            let own = i128::from(allow) * i128::from(start.sent.0) - per * rank;
            start.best = earlier.map_or(own, |earlier| earlier.max(own));
            rank += i128::from(start.cost);
        }
        while let Some(&oldest) = self.latest.front()
            && self.held - u64::from(oldest.cost) > allow
        {
            self.latest.pop_front();
            self.held -= u64::from(oldest.cost);
            self.before += u64::from(oldest.cost);
            self.best_before = Some(oldest.best);
        }
    }

    fn judge(&mut self, terms: &Terms, done: Nanos) {
        let (allow, per) = (terms.rate.allow, terms.rate.per);
        let drained = self.drained(terms, done) - self.gained - i128::from(self.under_way) * i128::from(per.0);
        let passes = |capacity: u32, more: u32| drained > (i128::from(capacity) + i128::from(more)) * i128::from(per.0);
        self.refuted.token |= passes(terms.ceiling(Reading::TokenBucket), 0);
        self.refuted.leaky |= passes(terms.ceiling(Reading::LeakyBucket), 0);
        self.refuted.refill |= passes(terms.ceiling(Reading::IntervalRefill), allow);
        if self.held <= u64::from(allow) {
            return;
        }
        let from = self.latest[0].sent;
        if done.saturating_sub(from) >= per {
            return;
        }
        self.refuted.rolling = true;
        self.beginning = match self.beginning {
            None => Some((from, done)),
            Some(known) => later_beginning(known, (from, done), per),
        };
        self.refuted.windows |= self.beginning.is_none();
        // Filled up with no more than it holds, such a bucket is a fixed window.
        self.refuted.refill |= self.refuted.windows && terms.ceiling(Reading::IntervalRefill) <= allow;
    }

    /// How much the worst span up to `done` takes from a bucket that was full at its beginning, in units of 1/`per` tokens.
    fn drained(&self, terms: &Terms, done: Nanos) -> i128 {
        let (allow, per) = (i128::from(terms.rate.allow), i128::from(terms.rate.per.0));
        let served = i128::from(self.before) + i128::from(self.held);
        self.latest.back().map_or(0, |start| served * per + start.best - allow * i128::from(done.0))
    }

    /// Whether forgetting the key changes nothing for requests sent from `now` on.
    fn is_idle(&self, terms: &Terms, now: Nanos) -> bool {
        let over = |at: Nanos| at.saturating_add(terms.rate.per) <= now;
        self.refuted == Refuted::default()
            && self.under_way == 0
            && self.latest.back().is_none_or(|start| over(start.sent))
            && self.beginning.is_none_or(|(_, last)| over(last))
            && self.drained(terms, now) <= 0
    }
}

/// Where the latest window may have begun, now that one must have begun within `span` too; None if there is no place.
fn later_beginning(known: (Nanos, Nanos), span: (Nanos, Nanos), per: Nanos) -> Option<(Nanos, Nanos)> {
    let interval = |from: Nanos, to: Nanos| (from <= to).then_some((from, to));
    let the_same = interval(known.0.max(span.0), known.1.min(span.1));
    let another = interval(span.0.max(known.0.saturating_add(per)), span.1);
    match (the_same, another) {
        (Some(same), Some(other)) => Some((same.0.min(other.0), same.1.max(other.1))),
        (same, other) => same.or(other),
    }
}

/// Why what a server lets through cannot be held against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unjudged {
    /// The provider grants at least so much.
    LowerBound,
    /// Requests count once their answers are known: what is let through in the meantime is nobody's fault.
    CountsAnswers,
    /// An answer tells what its request cost, and may give any part of it back.
    CostIsTold,
}

impl Unjudged {
    fn of(limit: &RateLimit) -> Option<Self> {
        if limit.at_least {
            Some(Unjudged::LowerBound)
        } else if !limit.counts_statuses.is_empty() {
            Some(Unjudged::CountsAnswers)
        } else {
            matches!(limit.cost, Cost::Told { .. }).then_some(Unjudged::CostIsTold)
        }
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Unjudged::LowerBound => "The provider grants at least so much; letting more through breaks no promise",
            Unjudged::CountsAnswers => {
                "Requests count here once their answers are known, so nobody can tell from outside what was let through too many"
            }
            Unjudged::CostIsTold => {
                "What a request costs is told by its answer, so nobody can tell from outside what was let through too many"
            }
        }
    }
}

/// The check for one rate limit.
#[derive(Clone, Debug)]
pub struct Admissions {
    terms: Terms,
    pub unjudged: Option<Unjudged>,
    /// Whether the limit is but a target: what goes beyond it is told and breaks no promise.
    pub is_target: bool,
    /// Whether an answer may give back what its request took.
    gives_back: bool,
    keys: Keyed<ScopeKey, Admitted>,
    pub served: u64,
    pub refuted: u64,
    /// Readings that were ruled out for some key: what the server does not do.
    ruled_out: Refuted,
    pub exhibits: Exhibits,
}

impl Admissions {
    pub fn new(limit: &RateLimit, terms: Terms) -> Self {
        Admissions {
            terms,
            unjudged: Unjudged::of(limit),
            is_target: limit.enforcement == Enforcement::BestEffort,
            gives_back: !limit.free_statuses.is_empty(),
            keys: Keyed::default(),
            served: 0,
            refuted: 0,
            ruled_out: Refuted::default(),
            exhibits: Exhibits::default(),
        }
    }

    /// Takes a request on its way that costs so much.
    pub fn sent(&mut self, at: Nanos, key: ScopeKey, cost: u32) {
        if self.gives_back {
            let terms = &self.terms;
            self.keys.entry(key, |state| state.is_idle(terms, at)).under_way += u64::from(cost);
        }
    }

    /// Takes any answer, or the want of one, to a request that took effect at `sent` or later, before
    /// [`Admissions::served`] takes it.
    pub fn done(&mut self, key: ScopeKey, sent: Nanos, record: &Record, cost: u32, is_free: bool) {
        let is_lost = matches!(record.outcome, Outcome::Failed(_));
        let comes_back = is_free || (is_lost && self.gives_back);
        if comes_back || self.gives_back {
            let Rate { allow, per } = self.terms.rate;
            let state = self.keys.entry(key, |_| false);
            state.under_way = state.under_way.saturating_sub(u64::from(cost));
            if comes_back {
                let all = i128::from(cost) * i128::from(per.0);
                let ran_in = i128::from(allow) * i128::from(record.done.saturating_sub(sent).0);
                // What is filled up at intervals may have been so just then.
                let at_once = self.terms.readings.contains(&Reading::IntervalRefill);
                state.gained += if at_once { all } else { ran_in.min(all) };
            }
        }
    }

    /// Takes a served request that took effect at `sent` or later and cost so much. True when it rules out the last of the
    /// readings.
    pub fn served(
        &mut self,
        key: ScopeKey,
        sent: Nanos,
        cost: u32,
        record: &Record,
        exchange: Option<&Exchange>,
    ) -> bool {
        self.served += 1;
        if self.unjudged.is_some() {
            return false;
        }
        let (terms, done) = (&self.terms, record.done);
        let state = self.keys.entry(key, |state| state.is_idle(terms, done));
        let known = state.refuted;
        let refuted = state.serve(terms, sent, done, cost);
        self.ruled_out = self.ruled_out.or(known).or(state.refuted);
        if refuted {
            self.refuted += 1;
            let (allow, per) = (terms.rate.allow, || period_text(terms.rate.per, terms.calendar));
            let why = || format!("served although more than {allow} per {} then were, under every reading", per());
            self.exhibits.show(|| Exhibit::done(record, exchange, why()));
        }
        refuted
    }

    /// The readings that what was admitted fits, for all keys.
    pub fn fits(&self) -> impl Iterator<Item = Reading> {
        self.terms.readings.iter().copied().filter(|reading| !self.ruled_out.has(*reading))
    }

    /// The readings that what was admitted rules out.
    pub fn ruled_out(&self) -> impl Iterator<Item = Reading> {
        self.terms.readings.iter().copied().filter(|reading| self.ruled_out.has(*reading))
    }

    /// What the keys that are remembered besides one were let through, if anything.
    pub fn others(&self, key: ScopeKey) -> impl Iterator<Item = &Admitted> {
        let others = self.keys.iter().filter(move |(other, _)| **other != key).map(|(_, admitted)| admitted);
        others.filter(|admitted| !admitted.latest.is_empty())
    }

    /// Nothing more comes of the keys so far.
    pub fn through(&mut self) {
        self.keys.clear();
    }

    pub fn merge(&mut self, other: Admissions) {
        self.keys.merge(other.keys);
        self.served += other.served;
        self.refuted += other.refuted;
        self.ruled_out = self.ruled_out.or(other.ruled_out);
        self.exhibits.merge(other.exhibits);
    }
}

#[cfg(test)]
mod tests;
