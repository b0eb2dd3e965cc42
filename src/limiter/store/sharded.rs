//! A limit for many keys, for many threads: keys are dealt to shards, each behind a lock of its own.

use std::sync::{Mutex, PoisonError};

use super::keys::Keys;
use super::table::hash;
use crate::limiter::{Algorithm, Decision};
use crate::time::Nanos;

/// Enough that two threads rarely meet, and that building one anew holds up few.
const SHARDS: usize = 128;

pub struct Sharded<A: Algorithm> {
    algorithm: A,
    shards: Box<[Shard<A::State>]>,
}

/// On cache lines of its own.
#[repr(align(128))]
struct Shard<T>(Mutex<Keys<T>>);

impl<A: Algorithm> Sharded<A> {
    pub fn new(algorithm: A) -> Self {
        let shards = std::iter::repeat_with(|| Shard(Mutex::new(Keys::new()))).take(SHARDS).collect();
        Sharded { algorithm, shards }
    }

    /// Decides one request of a key, and counts it if it is admitted. Of threads that ask for one key, one decides
    /// after the other.
    #[inline]
    pub fn check(&self, now: Nanos, key: u64, cost: u32) -> Decision {
        let algorithm = &self.algorithm;
        // A table takes the upper bits.
        let shard = &self.shards[hash(key) as usize % SHARDS];
        // No decision leaves a state half changed, so one that panicked elsewhere is no reason to stop.
        let mut keys = shard.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = keys.use_key(key, || algorithm.new_key(), |state| algorithm.is_new(state, now));
        algorithm.check(state, now, cost)
    }

    /// The keys that are remembered.
    pub fn len(&self) -> usize {
        let lens = self.shards.iter().map(|shard| shard.0.lock().unwrap_or_else(PoisonError::into_inner).len());
        lens.sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
