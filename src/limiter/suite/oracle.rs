//! What each reading of a limit allows, from everything that was ever counted: naive on purpose, and with numbers so wide
//! that nothing overflows or is rounded. It shares no code with the limiters.

use super::Past;
use crate::limiter::Terms;
use crate::policy::reading::Reading;
use crate::time::Nanos;

/// One key's past under one reading. Periods of the calendar are not among what it knows.
#[derive(Clone, Debug)]
pub struct Oracle {
    reading: Reading,
    terms: Terms,
    log: Vec<Event>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Counted { at: i128, cost: i128 },
    GivenBack { at: i128, since: i128, cost: i128 },
}

impl Event {
    fn at(self) -> i128 {
        match self {
            Event::Counted { at, .. } | Event::GivenBack { at, .. } => at,
        }
    }
}

impl Oracle {
    pub fn new(reading: Reading, terms: Terms) -> Self {
        Oracle { reading, terms, log: Vec::new() }
    }

    /// Time does not go back: what is counted before the latest counts at the latest.
    pub fn count(&mut self, now: Nanos, cost: u32) {
        let at = self.moment(now);
        self.log.push(Event::Counted { at, cost: cost.into() });
    }

    /// Gives back a part of what was counted at `since`, which is one moment of its own.
    pub fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        let at = self.moment(now);
        self.log.push(Event::GivenBack { at, since: since.0.into(), cost: cost.into() });
    }

    /// The most that may come at once.
    pub fn ceiling(&self) -> u32 {
        self.reading.ceiling(self.terms.rate.allow, self.terms.burst)
    }

    /// The moment that counts for the caller's.
    fn moment(&self, now: Nanos) -> i128 {
        let latest = self.log.last().map_or(0, |event| event.at());
        latest.max(now.0.into())
    }

    fn per(&self) -> i128 {
        self.terms.rate.per.0.into()
    }

    fn window(&self, at: i128) -> i128 {
        (at + i128::from(self.terms.anchor.unix_nanos)) / self.per()
    }

    /// All that counts of the moments that are meant.
    fn sum(&self, is_meant: impl Fn(i128) -> bool) -> i128 {
        let cost = |event: &Event| match *event {
            Event::Counted { at, cost } if is_meant(at) => cost,
            Event::GivenBack { since, cost, .. } if is_meant(since) => -cost,
            _ => 0,
        };
        self.log.iter().map(cost).sum()
    }

    /// What came in the window that is open now: each begins with the first request after the last one ended.
    fn since_first_hit(&self, now: i128) -> i128 {
        let (mut begin, mut used) = (None, 0);
        for event in self.log.iter().copied().chain([Event::Counted { at: now, cost: 0 }]) {
            if begin.is_some_and(|begin| event.at() - begin >= self.per()) {
                (begin, used) = (None, 0);
            }
            match event {
                Event::Counted { at, cost } if cost > 0 => {
                    begin = begin.or(Some(at));
                    used += cost;
                }
                Event::GivenBack { since, cost, .. } if begin.is_some_and(|begin| since >= begin) => used -= cost,
                _ => {}
            }
        }
        used
    }

    /// What came in the window before counts by the share of it that is within `per`.
    fn left_by_estimate(&self, now: i128) -> i128 {
        let current = self.sum(|at| self.window(at) == self.window(now));
        let previous = self.sum(|at| self.window(at) + 1 == self.window(now));
        let over = (now + i128::from(self.terms.anchor.unix_nanos)) % self.per();
        let room = (i128::from(self.terms.rate.allow) - current) * self.per() - previous * (self.per() - over);
        room.div_euclid(self.per())
    }

    /// Follows the tokens, in units of 1/`per`, through everything that took some or gave some back.
    fn whole_tokens(&self, now: i128) -> i128 {
        let full = i128::from(self.ceiling()) * self.per();
        let (mut tokens, mut then) = (full, 0);
        for event in self.log.iter().copied().chain([Event::Counted { at: now, cost: 0 }]) {
            tokens = full.min(tokens + (event.at() - then) * i128::from(self.terms.rate.allow));
            then = event.at();
            match event {
                Event::Counted { cost, .. } => tokens -= cost * self.per(),
                Event::GivenBack { cost, .. } => tokens = full.min(tokens + cost * self.per()),
            }
        }
        tokens.div_euclid(self.per())
    }

    /// Follows the tokens through every interval, from the first use on.
    fn tokens_by_interval(&self, now: i128) -> i128 {
        let capacity = i128::from(self.ceiling());
        let first = self.log.iter().find_map(|event| match *event {
            Event::Counted { at, cost } if cost > 0 => Some(at),
            _ => None,
        });
        let Some(first) = first else { return capacity };
        let interval = |at: i128| (at - first).max(0) / self.per();
        let (mut tokens, mut then) = (capacity, 0);
        for event in self.log.iter().copied().chain([Event::Counted { at: now, cost: 0 }]) {
            tokens = capacity.min(tokens + (interval(event.at()) - then) * i128::from(self.terms.rate.allow));
            then = interval(event.at());
            match event {
                Event::Counted { cost, .. } => tokens = (tokens - cost).max(0),
                Event::GivenBack { cost, .. } => tokens = capacity.min(tokens + cost),
            }
        }
        tokens
    }
}

impl Past for Oracle {
    fn left(&self, now: Nanos) -> u32 {
        let now = self.moment(now);
        let allow = i128::from(self.terms.rate.allow);
        let left = match self.reading {
            Reading::Rolling => allow - self.sum(|at| now - at < self.per()),
            Reading::FixedAligned => allow - self.sum(|at| self.window(at) == self.window(now)),
            Reading::FixedFirstHit => allow - self.since_first_hit(now),
            Reading::RollingCounter => self.left_by_estimate(now),
            Reading::TokenBucket | Reading::LeakyBucket => self.whole_tokens(now),
            Reading::IntervalRefill => self.tokens_by_interval(now),
        };
        u32::try_from(left.max(0)).unwrap_or(u32::MAX)
    }
}
