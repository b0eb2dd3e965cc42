//! Each side says whether a request is admitted, and does nothing else: clocks are set and read alike.

use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use parking_lot::Mutex;
use quotaproof::limiter::{AtomicGcra, Keyed, Rate, Sharded};
use quotaproof::time::Nanos;
use rustc_hash::FxBuildHasher;

use crate::contenders::governor::{dashmap, direct, hashmap};
use crate::contenders::{NOW, ReadTime, ThreadTime, Time, gcra};

/// Called through a pointer by both sides, who so pay the same for it.
pub type Ask = Box<dyn Fn(Nanos, u64) -> bool + Sync>;

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
pub const DASHMAP: Side = Side { name: "dashmap", make: |rate| governor_dashmap::<_, RandomState>(rate, ThreadTime) };
pub const DASHMAP_FAST_HASH: Side =
    Side { name: "dashmap, FxHash", make: |rate| governor_dashmap::<_, FxBuildHasher>(rate, ThreadTime) };
pub const DASHMAP_READ: Side =
    Side { name: "dashmap", make: |rate| governor_dashmap::<_, RandomState>(rate, DefaultClock::default()) };
pub const HASHMAP: Side = Side { name: "hashmap", make: governor_hashmap };

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

fn governor_dashmap<C: Clock + Send + Sync + 'static, S>(rate: Rate, clock: C) -> Ask
where
    S: BuildHasher + Default + Clone + Send + Sync + 'static,
{
    let limiter = dashmap::<C, S>(rate, clock);
    Box::new(move |now, key| {
        NOW.set(now.0);
        limiter.check_key(&key).is_ok()
    })
}

fn governor_hashmap(rate: Rate) -> Ask {
    let limiter = hashmap(rate, ThreadTime);
    Box::new(move |now, key| {
        NOW.set(now.0);
        limiter.check_key(&key).is_ok()
    })
}
