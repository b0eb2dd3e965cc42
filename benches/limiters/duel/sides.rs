//! Each side says whether a request is admitted, and does nothing else: clocks are set and read alike.

use std::hash::RandomState;
use std::hint::black_box;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::KeyedStateStore;
use parking_lot::Mutex;
use quotaproof::limiter::{AtomicGcra, Keyed, Rate, Sharded};
use quotaproof::time::Nanos;
use rustc_hash::FxBuildHasher;

use crate::contenders::governor::{Keyed as GovernorKeyed, dashmap, direct, hashmap, sweep_in_time};
use crate::contenders::{NOW, ReadTime, ThreadTime, Time, gcra};

/// Called through a pointer by both sides, who so pay the same for it.
pub type Ask = Box<dyn Fn(Nanos, u64) -> bool + Sync>;

#[derive(Clone, Copy)]
pub struct Side {
    pub name: &'static str,
    pub make: fn(Rate) -> Ask,
}

pub const ATOMIC: Side = Side { name: "AtomicGcra", make: |rate| atomic(rate, ThreadTime) };
pub const ATOMIC_READ: Side = Side { name: "AtomicGcra", make: |rate| atomic(rate, ReadTime::new()) };
pub const ATOMIC_ALL_TOLD: Side = Side { name: "AtomicGcra", make: atomic_all_told };
pub const SHARDED: Side = Side { name: "Sharded", make: |rate| sharded(rate, ThreadTime) };
pub const SHARDED_READ: Side = Side { name: "Sharded", make: |rate| sharded(rate, ReadTime::new()) };
/// Behind a lock of the same kind as the store of governor's that it is held against.
pub const KEYED: Side = Side { name: "Mutex<Keyed>", make: keyed };

pub const DIRECT: Side = Side { name: "direct", make: |rate| governor_direct(rate, ThreadTime) };
pub const DIRECT_READ: Side = Side { name: "direct", make: |rate| governor_direct(rate, DefaultClock::default()) };
pub const DIRECT_ALL_TOLD: Side = Side { name: "direct, with its state", make: governor_all_told };
pub const DASHMAP: Side =
    Side { name: "dashmap", make: |rate| governor_keyed(dashmap::<_, RandomState>(rate, ThreadTime), |_| {}) };
pub const DASHMAP_SWEPT: Side = Side {
    name: "dashmap, swept",
    make: |rate| governor_keyed(dashmap::<_, RandomState>(rate, ThreadTime), sweep_in_time),
};
pub const DASHMAP_FAST_HASH: Side = Side {
    name: "dashmap, FxHash",
    make: |rate| governor_keyed(dashmap::<_, FxBuildHasher>(rate, ThreadTime), |_| {}),
};
pub const DASHMAP_READ: Side = Side {
    name: "dashmap",
    make: |rate| governor_keyed(dashmap::<_, RandomState>(rate, DefaultClock::default()), |_| {}),
};
pub const HASHMAP: Side = Side { name: "hashmap", make: |rate| governor_keyed(hashmap(rate, ThreadTime), |_| {}) };
pub const HASHMAP_SWEPT: Side =
    Side { name: "hashmap, swept", make: |rate| governor_keyed(hashmap(rate, ThreadTime), sweep_in_time) };

fn atomic(rate: Rate, time: impl Time + 'static) -> Ask {
    let limiter = AtomicGcra::new(gcra(rate));
    Box::new(move |now, _| {
        NOW.set(now.0);
        limiter.check(time.time(), 1).admitted
    })
}

fn atomic_all_told(rate: Rate) -> Ask {
    let limiter = AtomicGcra::new(gcra(rate));
    Box::new(move |now, _| {
        NOW.set(now.0);
        let decision = limiter.check(ThreadTime.time(), 1);
        match decision.admitted {
            true => drop(black_box(decision.remaining)),
            false => drop(black_box(decision.retry_after)),
        }
        decision.admitted
    })
}

fn sharded(rate: Rate, time: impl Time + 'static) -> Ask {
    let limiter = Sharded::new(gcra(rate));
    Box::new(move |now, key| {
        NOW.set(now.0);
        limiter.check(time.time(), key, 1).admitted
    })
}

fn keyed(rate: Rate) -> Ask {
    let limiter = Mutex::new(Keyed::new(gcra(rate)));
    Box::new(move |now, key| {
        NOW.set(now.0);
        limiter.lock().check(ThreadTime.time(), key, 1).admitted
    })
}

fn governor_direct<C: Clock + Send + Sync + 'static>(rate: Rate, clock: C) -> Ask {
    let limiter = direct(rate, clock);
    Box::new(move |now, _| {
        NOW.set(now.0);
        limiter.check().is_ok()
    })
}

fn governor_all_told(rate: Rate) -> Ask {
    let limiter = direct(rate, ThreadTime).with_middleware::<StateInformationMiddleware>();
    Box::new(move |now, _| {
        NOW.set(now.0);
        match limiter.check() {
            Ok(state) => {
                black_box(state.remaining_burst_capacity());
                true
            }
            Err(until) => {
                black_box(until.earliest_possible());
                false
            }
        }
    })
}

/// Swept by whoever asks, where keys come and go.
fn governor_keyed<S, C>(limiter: GovernorKeyed<S, C>, sweep: impl Fn(&GovernorKeyed<S, C>) + Sync + 'static) -> Ask
where
    S: KeyedStateStore<u64> + Send + Sync + 'static,
    C: Clock + Send + Sync + 'static,
{
    Box::new(move |now, key| {
        NOW.set(now.0);
        sweep(&limiter);
        limiter.check_key(&key).is_ok()
    })
}
