//! Who takes part, and how each is asked. Whoever can be told the time is, so that the algorithm is measured and not a
//! clock.

mod clocks;
pub mod governor;
mod others;
mod ours;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use quotaproof::limiter::suite::{self, Answer, Claim, Population, Subject, Threads};
use quotaproof::limiter::{Rate, Terms};
use quotaproof::policy::reading::Reading;
use quotaproof::time::Nanos;

pub use clocks::{NOW, ReadTime, ThreadTime, Time};
pub use ours::{capacity, gcra};

/// What all of them enforce.
pub const RATE: Rate = Rate { allow: 10, per: Nanos::from_secs(1) };

/// Asked by one thread. Everybody is called through a pointer, and so pays the same for it.
pub use quotaproof::limiter::suite::Ask as Alone;
/// Asked by as many as like.
pub type Together = Box<dyn Fn(Nanos, u64, u32) -> Answer + Send + Sync>;

pub struct Contender {
    pub name: &'static str,
    pub ours: bool,
    pub keys: Keys,
    pub make: Make,
    /// What it claims to be; None where nobody can tell it the time, nor then how right it is without waiting.
    pub claim: Option<Reading>,
    /// Where its time can be told in another way only than the one that is measured: so, for many keys and one caller.
    pub told: Option<fn() -> Alone>,
    pub extent: Extent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    One,
    Many,
}

/// How one is made, for the keys that ask.
#[derive(Clone, Copy)]
pub enum Make {
    /// For many keys.
    Alone(fn(Terms) -> Option<Alone>),
    Together(fn(Population) -> Together),
}

/// Which workloads tell something new.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    All,
    /// One algorithm of several in the same store: where the keys lie makes no difference between them.
    Algorithm,
}

pub fn all() -> Vec<Contender> {
    ours::all().into_iter().chain(governor::all()).chain(others::all()).collect()
}

impl Contender {
    pub fn alone(&self, population: Population) -> Alone {
        match self.make {
            Make::Alone(make) => make(RATE.into()).expect("a rate that all can keep"),
            Make::Together(make) => make(population),
        }
    }

    /// Ours are held to all of it.
    pub fn claim(&self) -> Option<Claim> {
        let claim = Claim::new(self.claim?, RATE.allow, RATE.per);
        Some(if self.ours { claim } else { claim.every_request_costs_one().clock_only_goes_forward() })
    }

    /// One that serves many keys: where it knows but one, each key has one of its own.
    pub fn for_many_keys(&self, population: Population) -> Served {
        if let Some(told) = self.told {
            return Served::Alone(told());
        }
        match (self.make, self.keys) {
            (Make::Alone(_), _) => Served::Alone(self.alone(population)),
            (Make::Together(make), Keys::Many) => Served::Together(make(population)),
            (Make::Together(make), Keys::One) => {
                let each: Mutex<HashMap<u64, Arc<Together>>> = Mutex::default();
                let of = move |key| {
                    let mut each = each.lock().expect("no thread panics");
                    Arc::clone(each.entry(key).or_insert_with(|| Arc::new(make(population))))
                };
                Served::Together(Box::new(move |now, key, cost| of(key)(now, key, cost)))
            }
        }
    }
}

/// As the suite asks it: those that threads may share, side by side as well.
pub enum Served {
    Alone(Alone),
    Together(Together),
}

impl Subject for Served {
    fn check(&mut self, now: Nanos, key: u64, cost: u32) -> Answer {
        match self {
            Served::Alone(limiter) => limiter(now, key, cost),
            Served::Together(limiter) => limiter(now, key, cost),
        }
    }

    fn check_together(&mut self, now: Nanos, keys: Range<u64>, times: u32) -> Option<suite::Together> {
        match self {
            Served::Alone(_) => None,
            Served::Together(limiter) => Threads(&**limiter).check_together(now, keys, times),
        }
    }
}

/// Keys that come once and never again have to be forgotten: by whoever keeps them, where it does not do so itself.
pub fn must_be_swept(population: Population) -> bool {
    matches!(population, Population::Passing(_))
}
