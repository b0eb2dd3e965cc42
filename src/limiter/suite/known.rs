//! This crate's algorithms as others are held beside them: each for many keys and one caller.

use super::{Answer, Claim};
use crate::limiter::{
    Algorithm, FixedAligned, FixedFirstHit, Gcra, IntervalRefill, Keyed, LeakyBucket, RollingCounter, RollingLog,
    Terms, TokenBucket,
};
use crate::policy::reading::Reading;
use crate::time::Nanos;

/// Asked for the time, the key and the cost.
pub type Ask = Box<dyn FnMut(Nanos, u64, u32) -> Answer>;

/// An algorithm by the name that it is known by.
pub struct Known {
    pub name: &'static str,
    pub reading: Reading,
    /// None for terms that the algorithm cannot keep exactly, or by which it would admit nothing. Windows know no burst.
    pub make: fn(Terms) -> Option<Ask>,
}

impl Known {
    pub const ALL: [Known; 8] = [
        of("GCRA", Reading::TokenBucket, |terms| Some(keyed(Gcra::new(terms.rate, terms.capacity())?))),
        of("token bucket", Reading::TokenBucket, |terms| {
            Some(keyed(move || TokenBucket::new(terms.rate, terms.capacity())))
        }),
        of("leaky bucket", Reading::LeakyBucket, |terms| {
            Some(keyed(move || LeakyBucket::new(terms.rate, terms.burst.unwrap_or(0))))
        }),
        of("interval refill", Reading::IntervalRefill, |terms| {
            Some(keyed(move || IntervalRefill::new(terms.rate, terms.capacity())))
        }),
        of("fixed window, on the clock", Reading::FixedAligned, |terms| {
            Some(keyed(move || FixedAligned::new(terms.rate, terms.anchor)))
        }),
        of("fixed window, first hit", Reading::FixedFirstHit, |terms| {
            Some(keyed(move || FixedFirstHit::new(terms.rate)))
        }),
        of("rolling counter", Reading::RollingCounter, |terms| {
            Some(keyed(move || RollingCounter::new(terms.rate, terms.anchor)))
        }),
        of("rolling log", Reading::Rolling, |terms| Some(keyed(move || RollingLog::new(terms.rate)))),
    ];

    /// What it says of itself.
    pub fn claim(&self, terms: Terms) -> Claim {
        Claim { terms, ..Claim::new(self.reading, terms.rate.allow, terms.rate.per) }
    }
}

const fn of(name: &'static str, reading: Reading, make: fn(Terms) -> Option<Ask>) -> Known {
    Known { name, reading, make }
}

fn keyed<A: Algorithm + 'static>(algorithm: A) -> Ask {
    let mut limiter = Keyed::new(algorithm);
    Box::new(move |now, key, cost| limiter.check(now, key, cost).into())
}
