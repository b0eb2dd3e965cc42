//! What each kind of limiter may do, told from everything that ever came: naive on purpose, with numbers so wide that
//! nothing overflows, and without any code of the limiters. The readings' is the suite's [`Oracle`].

use std::fmt::Debug;

use crate::limiter::suite::{Oracle, Past};
use crate::limiter::{Rounding, Terms};
use crate::policy::model::{Blocks, Calendar, Penalty};
use crate::time::{Anchor, Nanos};

/// A past that goes on.
pub trait Kept: Past + Debug {
    /// What is counted before the latest moment counts at the latest.
    fn count(&mut self, now: Nanos, cost: u32);

    fn refuse(&mut self, _now: Nanos, _cost: u32) {}

    /// How long from everything.
    fn shut_out(&self, _now: Nanos) -> Nanos {
        Nanos::ZERO
    }

    /// Whether all of a limit is there.
    fn is_whole(&self, now: Nanos, limit: u32) -> bool {
        self.fits(now, limit)
    }
}

impl Kept for Oracle {
    fn count(&mut self, now: Nanos, cost: u32) {
        Oracle::count(self, now, cost);
    }
}

/// When how much was counted.
#[derive(Clone, Debug, Default)]
pub struct Log(Vec<(i128, i128)>);

impl Log {
    fn moment(&self, now: Nanos) -> i128 {
        self.0.last().map_or(0, |(at, _)| *at).max(now.0.into())
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.0.push((self.moment(now), cost.into()));
    }

    fn sum(&self, is_meant: impl Fn(i128) -> bool) -> i128 {
        self.0.iter().filter(|(at, _)| is_meant(*at)).map(|(_, cost)| cost).sum()
    }
}

fn at_least_none(left: i128) -> u32 {
    u32::try_from(left.max(0)).expect("no more than a limit allows")
}

/// A rolling window that is estimated from two: what the one before held counts by the share of it that overlaps.
#[derive(Clone, Debug)]
pub struct Estimated {
    pub terms: Terms,
    pub rounding: Rounding,
    pub begins: Begins,
    log: Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    OnTheClock,
    /// Windows follow each other from a request on, and begin anew after two without any.
    WithRequests,
}

impl Estimated {
    pub fn new(terms: Terms, rounding: Rounding, begins: Begins) -> Self {
        Estimated { terms, rounding, begins, log: Log::default() }
    }

    fn per(&self) -> i128 {
        self.terms.rate.per.0.into()
    }

    /// Of the window that a moment lies in.
    fn begin(&self, now: i128) -> i128 {
        match self.begins {
            Begins::OnTheClock => now - (now + i128::from(self.terms.anchor.unix_nanos)) % self.per(),
            Begins::WithRequests => self.begin_with_requests(now),
        }
    }

    fn begin_with_requests(&self, now: i128) -> i128 {
        let (mut begin, mut last_used) = (None, 0);
        let window = |at: i128, begin: i128| (at - begin) / self.per();
        for at in self.log.0.iter().filter(|(_, cost)| *cost > 0).map(|(at, _)| *at) {
            match begin.map(|begin| window(at, begin)) {
                Some(window) if window < last_used + 2 => last_used = window,
                _ => (begin, last_used) = (Some(at), 0),
            }
        }
        match begin {
            Some(begin) if window(now, begin) < last_used + 2 => begin + window(now, begin) * self.per(),
            _ => now,
        }
    }
}

impl Past for Estimated {
    fn left(&self, now: Nanos) -> u32 {
        let now = self.log.moment(now);
        let (per, begin) = (self.per(), self.begin(now));
        let current = self.log.sum(|at| at >= begin);
        let overlap = self.log.sum(|at| at >= begin - per && at < begin) * (begin + per - now);
        let carried = match self.rounding {
            Rounding::Up => (overlap + per - 1) / per,
            Rounding::Down => overlap / per,
        };
        at_least_none(i128::from(self.terms.rate.allow) - carried - current)
    }
}

impl Kept for Estimated {
    fn count(&mut self, now: Nanos, cost: u32) {
        self.log.count(now, cost);
    }
}

/// A day or a month holds so much, by their names.
#[derive(Clone, Debug)]
pub struct ByDate {
    allow: u32,
    period: Calendar,
    anchor: Anchor,
    latest: Nanos,
    counted: Vec<(String, i128)>,
}

impl ByDate {
    pub fn new(allow: u32, period: Calendar, anchor: Anchor) -> Self {
        ByDate { allow, period, anchor, latest: Nanos::ZERO, counted: Vec::new() }
    }

    /// `2026-02-27`, `2026-02`.
    fn name(&self, at: Nanos) -> String {
        let mut date = self.anchor.iso(at);
        date.truncate(if self.period == Calendar::Day { 10 } else { 7 });
        date
    }
}

impl Past for ByDate {
    fn left(&self, now: Nanos) -> u32 {
        let name = self.name(now.max(self.latest));
        let used: i128 = self.counted.iter().filter(|(other, _)| *other == name).map(|(_, cost)| cost).sum();
        at_least_none(i128::from(self.allow) - used)
    }
}

impl Kept for ByDate {
    fn count(&mut self, now: Nanos, cost: u32) {
        self.latest = self.latest.max(now);
        if cost > 0 {
            self.counted.push((self.name(self.latest), cost.into()));
        }
    }
}

/// Who is refused is shut out for a while, from that refusal or from every one.
#[derive(Clone, Debug)]
pub struct Penalised<P> {
    pub inner: P,
    pub lasts: Nanos,
    pub extends: bool,
    pub from_everything: bool,
    latest: Nanos,
    refused: Vec<Nanos>,
}

impl<P> Penalised<P> {
    pub fn new(inner: P, penalty: &Penalty) -> Self {
        let (extends, from_everything) = (penalty.extends == Some(true), penalty.blocks == Blocks::Everything);
        Penalised { inner, lasts: penalty.lasts, extends, from_everything, latest: Nanos::ZERO, refused: Vec::new() }
    }

    /// The rest of the penalty.
    pub fn served(&self, now: Nanos) -> Nanos {
        let mut until = Nanos::ZERO;
        for &at in &self.refused {
            if self.extends || at >= until {
                until = at + self.lasts;
            }
        }
        until.saturating_sub(now.max(self.latest))
    }
}

impl<P: Past> Past for Penalised<P> {
    fn left(&self, now: Nanos) -> u32 {
        if self.served(now) > Nanos::ZERO { 0 } else { self.inner.left(now) }
    }

    /// Whoever is shut out may not even ask for nothing.
    fn fits(&self, now: Nanos, cost: u32) -> bool {
        self.served(now) == Nanos::ZERO && self.inner.fits(now, cost)
    }
}

impl<P: Kept> Kept for Penalised<P> {
    fn count(&mut self, now: Nanos, cost: u32) {
        self.latest = self.latest.max(now);
        self.inner.count(now, cost);
    }

    /// To the caller's clock.
    fn shut_out(&self, now: Nanos) -> Nanos {
        let own = match self.served(now) {
            served if served > Nanos::ZERO && self.from_everything => served + (now.max(self.latest) - now),
            _ => Nanos::ZERO,
        };
        own.max(self.inner.shut_out(now))
    }

    /// The inner past refuses only what it would not have admitted itself.
    fn refuse(&mut self, now: Nanos, cost: u32) {
        if !self.inner.fits(now, cost) {
            self.inner.refuse(now, cost);
        }
        self.refused.push(now.max(self.latest));
    }
}

/// All of them hold.
#[derive(Clone, Debug)]
pub struct All(pub Vec<Oracle>);

impl Past for All {
    fn left(&self, now: Nanos) -> u32 {
        self.0.iter().map(|past| past.left(now)).min().unwrap_or(u32::MAX)
    }
}

impl Kept for All {
    fn count(&mut self, now: Nanos, cost: u32) {
        self.0.iter_mut().for_each(|past| past.count(now, cost));
    }

    /// Each of them, though one alone may be the tightest.
    fn is_whole(&self, now: Nanos, _limit: u32) -> bool {
        self.0.iter().all(|past| past.fits(now, past.ceiling()))
    }
}
