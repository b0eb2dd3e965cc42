//! A limit for many keys, for many threads: keys are dealt to shards, each behind a lock of its own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::keys::Keys;
use super::latest_refusal::LatestRefusal;
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
struct Shard<T> {
    keys: Mutex<Keys<T>>,
    /// Of algorithms whose state is a word.
    latest: LatestRefusal,
}

impl<T> Shard<T> {
    fn new() -> Self {
        Shard { keys: Mutex::new(Keys::new()), latest: LatestRefusal::new() }
    }

    /// No decision leaves a state half changed, so one that panicked elsewhere is no reason to stop.
    #[inline]
    fn lock(&self) -> MutexGuard<'_, Keys<T>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Algorithm> Sharded<A> {
    pub fn new(algorithm: A) -> Self {
        let shards = std::iter::repeat_with(Shard::new).take(SHARDS).collect();
        Sharded { algorithm, shards }
    }

    /// Decides one request of a key, and counts it if it is admitted. Of threads that ask for one key, one decides
    /// after the other, but for a key that is refused again.
    #[inline]
    pub fn check(&self, now: Nanos, key: u64, cost: u32) -> Decision {
        let algorithm = &self.algorithm;
        // A table takes the upper bits.
        let shard = &self.shards[hash(key) as usize % SHARDS];
        if A::IS_A_WORD
            && let Some(word) = shard.latest.word_of(key)
            && let Some(refusal) = algorithm.refusal(word, now, cost)
        {
            return refusal;
        }
        let mut keys = shard.lock();
        let state = keys.use_key(key, || algorithm.new_key(), |state| algorithm.is_new(state, now));
        let decision = algorithm.check(state, now, cost);
        if A::IS_A_WORD {
            shard.latest.tell(key, A::word(state), decision.admitted);
        }
        decision
    }

    /// The keys that are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
