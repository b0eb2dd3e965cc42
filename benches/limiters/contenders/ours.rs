//! Those of this crate.

use quotaproof::limiter::suite::{Known, Population};
use quotaproof::limiter::{AtomicGcra, Gcra, Rate, Sharded};
use quotaproof::policy::reading::Reading;

use super::{Contender, Extent, Keys, Make, RATE, Together};

/// As many as a limit allows may come at once.
pub fn capacity(rate: Rate) -> u32 {
    rate.allow
}

pub fn gcra(rate: Rate) -> Gcra {
    Gcra::new(rate, capacity(rate)).expect("its ticks are whole nanoseconds")
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
    let of = |name, keys, extent, reading, make| Contender {
        name,
        ours: true,
        keys,
        make,
        claim: Some(reading),
        told: None,
        extent,
    };
    let shared = [
        of("GCRA, one key", Keys::One, Extent::All, Reading::TokenBucket, Make::Together(one_key)),
        of("GCRA, for threads", Keys::Many, Extent::All, Reading::TokenBucket, Make::Together(sharded)),
    ];
    let alone = Known::ALL.into_iter().map(|known| {
        let extent = if known.name == "GCRA" { Extent::All } else { Extent::Algorithm };
        of(known.name, Keys::Many, extent, known.reading, Make::Alone(known.make))
    });
    shared.into_iter().chain(alone).collect()
}
