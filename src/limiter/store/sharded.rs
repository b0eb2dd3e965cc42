//! A limit for many keys, for many threads: keys are dealt to shards, each behind a lock of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::keys::Keys;
use super::latest_refusal::LatestRefusal;
use super::table::hash;
use crate::limiter::{Algorithm, Decision};
use crate::time::Nanos;

/// Enough that two threads rarely meet, and that building one anew holds up few.
const SHARDS: usize = 128;

/// A moment before a shard's latest sweep, in which its idle keys were forgotten, is taken for that one.
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
    /// When idle keys were last looked for; whoever holds the lock changes it.
    swept: AtomicU64,
}

impl<T> Shard<T> {
    fn new() -> Self {
        Shard { keys: Mutex::new(Keys::new()), latest: LatestRefusal::new(), swept: AtomicU64::new(0) }
    }

    /// The moment that counts: what was forgotten is as good as new from then on, and cannot be told before.
    #[inline]
    fn moment(&self, now: Nanos) -> Nanos {
        now.max(Nanos(self.swept.load(Ordering::Relaxed)))
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
        let shard = &self.shards[self.shard_of(key)];
        // What is swept meanwhile changes nothing: a key stays refused until its wait is over, by whichever moment.
        if A::IS_A_WORD
            && let Some(word) = shard.latest.word_of(key)
            && let at = shard.moment(now)
            && let Some(refusal) = algorithm.refusal(word, at, cost)
        {
            return refusal.behind(at - now);
        }
        let mut keys = shard.keys.lock();
        let at = shard.moment(now);
        let sweep = |state: &mut A::State| {
            shard.swept.store(at.0, Ordering::Relaxed);
            algorithm.is_new(state, at)
        };
        let state = keys.use_key(key, || algorithm.new_key(), sweep);
        let decision = algorithm.check(state, at, cost);
        if A::IS_A_WORD {
            shard.latest.tell(key, A::word(state), decision.admitted);
        }
        decision.behind(at - now)
    }

    /// A table takes the upper bits.
    #[inline]
    pub(in crate::limiter) fn shard_of(&self, key: u64) -> usize {
        hash(key) as usize % SHARDS
    }

    /// The keys that are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.keys.lock().len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
