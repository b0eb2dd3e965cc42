//! This crate's algorithms as others are held beside them: each for many keys and one caller.

use super::{Answer, Claim};
use crate::limiter::{
    Algorithm, FixedAligned, FixedFirstHit, Gcra, IntervalRefill, Keyed, LeakyBucket, Rate, RollingCounter, RollingLog,
    TokenBucket,
};
use crate::policy::reading::Reading;
use crate::time::{Anchor, Nanos};

/// Asked for the time, the key and the cost.
pub type Ask = Box<dyn FnMut(Nanos, u64, u32) -> Answer>;

/// An algorithm by the name that it is known by.
pub struct Known {
    pub name: &'static str,
    pub reading: Reading,
    /// With no more at once than the rate allows; None for a rate that the algorithm cannot keep exactly.
    pub make: fn(Rate) -> Option<Ask>,
}

/// The wall clock shows zero when their time does.
const ANCHOR: Anchor = Anchor { unix_nanos: 0 };

impl Known {
    pub const ALL: [Known; 8] = [
        of("GCRA", Reading::TokenBucket, |rate| Some(keyed(Gcra::new(rate, rate.allow)?))),
        of("token bucket", Reading::TokenBucket, |rate| Some(keyed(move || TokenBucket::new(rate, rate.allow)))),
        of("leaky bucket", Reading::LeakyBucket, |rate| Some(keyed(move || LeakyBucket::new(rate, 0)))),
        of("interval refill", Reading::IntervalRefill, |rate| {
            Some(keyed(move || IntervalRefill::new(rate, rate.allow)))
        }),
        of("fixed window, on the clock", Reading::FixedAligned, |rate| {
            Some(keyed(move || FixedAligned::new(rate, ANCHOR)))
        }),
        of("fixed window, first hit", Reading::FixedFirstHit, |rate| Some(keyed(move || FixedFirstHit::new(rate)))),
        of("rolling counter", Reading::RollingCounter, |rate| Some(keyed(move || RollingCounter::new(rate, ANCHOR)))),
        of("rolling log", Reading::Rolling, |rate| Some(keyed(move || RollingLog::new(rate)))),
    ];

    /// What it says of itself.
    pub fn claim(&self, rate: Rate) -> Claim {
        Claim::new(self.reading, rate.allow, rate.per).anchored(ANCHOR)
    }
}

const fn of(name: &'static str, reading: Reading, make: fn(Rate) -> Option<Ask>) -> Known {
    Known { name, reading, make }
}

fn keyed<A: Algorithm + 'static>(algorithm: A) -> Ask {
    let mut limiter = Keyed::new(algorithm);
    Box::new(move |now, key, cost| limiter.check(now, key, cost).into())
}
