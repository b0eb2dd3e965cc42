//! governor, with each of its stores.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::{DashMapStateStore, HashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};
use quotaproof::limiter::Rate;
use quotaproof::limiter::suite::{Answer, Population};
use quotaproof::policy::reading::Reading;
use quotaproof::time::Nanos;

use super::clocks::{Moment, NOW, ThreadTime};
use super::{Contender, Extent, Keys, Make, RATE, Together, capacity, must_be_swept};

pub type Direct<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;
pub type Keyed<S, C> = RateLimiter<u64, S, C, NoOpMiddleware<<C as Clock>::Instant>>;
pub type Dashmap<C, S> = Keyed<DashMapStateStore<u64, S>, C>;
pub type Hashmap<C> = Keyed<HashMapStateStore<u64>, C>;

pub fn quota(rate: Rate) -> Quota {
    let burst = NonZeroU32::new(capacity(rate)).expect("more than none");
    let between = Duration::from_nanos(rate.per.0 / u64::from(rate.allow));
    Quota::with_period(between).expect("some time").allow_burst(burst)
}

pub fn direct<C: Clock>(rate: Rate, clock: C) -> Direct<C> {
    NOW.set(0);
    RateLimiter::direct_with_clock(quota(rate), clock)
}

pub fn dashmap<C: Clock, S: BuildHasher + Default + Clone>(rate: Rate, clock: C) -> Dashmap<C, S> {
    NOW.set(0);
    RateLimiter::dashmap_with_clock_and_hasher(quota(rate), clock, S::default())
}

pub fn hashmap<C: Clock>(rate: Rate, clock: C) -> Hashmap<C> {
    NOW.set(0);
    RateLimiter::hashmap_with_clock(quota(rate), clock)
}

fn answer(result: Result<(), NotUntil<Moment>>, now: Nanos) -> Answer {
    let wait = |until: NotUntil<Moment>| until.earliest_possible().duration_since(Moment(now.0)).as_u64();
    result.map_err(|until| Nanos(wait(until))).into()
}

fn one_key(_: Population) -> Together {
    let limiter = direct(RATE, ThreadTime);
    Box::new(move |now, _, _| {
        NOW.set(now.0);
        answer(limiter.check(), now)
    })
}

/// So many requests of a thread apart, keys that are as good as new are swept out where keys come and go. Its documents
/// leave it to the caller when.
const SWEEP_EVERY: u32 = 100_000;

thread_local! {
    /// Threads count for themselves, so that counting is not what they wait for.
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

pub fn sweep_in_time<S: ShrinkableKeyedStateStore<u64>, C: Clock>(limiter: &Keyed<S, C>) {
    let asked = ASKED.replace(ASKED.get().wrapping_add(1));
    if asked.is_multiple_of(SWEEP_EVERY) {
        limiter.retain_recent();
    }
}

fn keyed<S>(limiter: Keyed<S, ThreadTime>, population: Population) -> Together
where
    S: ShrinkableKeyedStateStore<u64> + Send + Sync + 'static,
{
    let sweeps = must_be_swept(population);
    Box::new(move |now, key, _| {
        NOW.set(now.0);
        if sweeps {
            sweep_in_time(&limiter);
        }
        answer(limiter.check_key(&key), now)
    })
}

pub fn all() -> [Contender; 3] {
    let of = |name, keys, make| Contender {
        name,
        ours: false,
        keys,
        make: Make::Together(make),
        claim: Some(Reading::TokenBucket),
        told: None,
        extent: Extent::All,
    };
    [
        of("governor, direct", Keys::One, one_key),
        of("governor, dashmap", Keys::Many, |population| {
            keyed(dashmap::<_, RandomState>(RATE, ThreadTime), population)
        }),
        of("governor, hashmap", Keys::Many, |population| keyed(hashmap(RATE, ThreadTime), population)),
    ]
}
