//! Those of this crate.

use quotaproof::limiter::suite::{Answer, Population};
use quotaproof::limiter::{
    Algorithm, AtomicGcra, FixedAligned, FixedFirstHit, Gcra, IntervalRefill, Keyed, LeakyBucket, Rate, RollingCounter,
    RollingLog, Sharded, TokenBucket,
};
use quotaproof::policy::reading::Reading;
use quotaproof::time::Anchor;

use super::{Alone, Contender, Extent, Keys, Make, RATE, Together};

const ANCHOR: Anchor = Anchor { unix_nanos: 0 };

/// As many as a limit allows may come at once.
pub fn capacity(rate: Rate) -> u32 {
    rate.allow
}

pub fn gcra(rate: Rate) -> Gcra {
    Gcra::new(rate, capacity(rate)).expect("its ticks are whole nanoseconds")
}

fn keyed<A: Algorithm + 'static>(algorithm: A) -> Alone {
    let mut limiter = Keyed::new(algorithm);
    Box::new(move |now, key, cost| Answer::from(limiter.check(now, key, cost)))
}

fn one_key(_: Population) -> Together {
    let limiter = AtomicGcra::new(gcra(RATE));
    Box::new(move |now, _, cost| limiter.check(now, cost).into())
}

fn sharded(_: Population) -> Together {
    let limiter = Sharded::new(gcra(RATE));
    Box::new(move |now, key, cost| limiter.check(now, key, cost).into())
}

pub fn all() -> Vec<Contender> {
    let of =
        |name, keys, extent, reading, make| Contender { name, ours: true, keys, make, claim: Some(reading), extent };
    let algorithm = |name, reading, make: fn(Population) -> Alone| {
        of(name, Keys::Many, Extent::Algorithm, reading, Make::Alone(make))
    };
    vec![
        of("GCRA, one key", Keys::One, Extent::All, Reading::TokenBucket, Make::Together(one_key)),
        of("GCRA, for threads", Keys::Many, Extent::All, Reading::TokenBucket, Make::Together(sharded)),
        of("GCRA", Keys::Many, Extent::All, Reading::TokenBucket, Make::Alone(|_| keyed(gcra(RATE)))),
        algorithm("token bucket", Reading::TokenBucket, |_| keyed(|| TokenBucket::new(RATE, capacity(RATE)))),
        algorithm("leaky bucket", Reading::LeakyBucket, |_| keyed(|| LeakyBucket::new(RATE, 0))),
        algorithm("interval refill", Reading::IntervalRefill, |_| keyed(|| IntervalRefill::new(RATE, capacity(RATE)))),
        algorithm("fixed window, on the clock", Reading::FixedAligned, |_| keyed(|| FixedAligned::new(RATE, ANCHOR))),
        algorithm("fixed window, first hit", Reading::FixedFirstHit, |_| keyed(|| FixedFirstHit::new(RATE))),
        algorithm("rolling counter", Reading::RollingCounter, |_| keyed(|| RollingCounter::new(RATE, ANCHOR))),
        algorithm("rolling log", Reading::Rolling, |_| keyed(|| RollingLog::new(RATE))),
    ]
}
