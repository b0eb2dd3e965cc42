//! A limit for many keys, for many threads: keys are dealt to shards, each behind a lock of its own.

use super::keys::Keys;
use super::latest_refusal::LatestRefusal;
use super::sync::{AtomicU64, Mutex, Ordering};
use super::table::hash;
use crate::limiter::{Algorithm, Decision};
use crate::time::Nanos;

/// Enough that two threads rarely meet, and that building one anew holds up few.
const SHARDS: usize = if cfg!(all(test, feature = "loom")) { 1 } else { 128 };

/// Its keys are hashed without a secret, and forgotten as [the others are](crate::limiter).
///
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
        let state = keys.use_key(key, || algorithm.new_key(), self.is_new_at(shard, at));
        let decision = algorithm.check(state, at, cost);
        if A::IS_A_WORD {
            shard.latest.tell(key, A::word(state), decision.admitted);
        }
        decision.behind(at - now)
    }

    /// Forgets the keys that are as good as new, and gives back the memory that they took. A shard does so by itself when
    /// it is full; who asks for its keys meanwhile waits as long as looking at every one of them takes.
    pub fn sweep(&self, now: Nanos) {
        for shard in &self.shards {
            let mut keys = shard.keys.lock();
            let at = shard.moment(now);
            keys.sweep(self.is_new_at(shard, at));
        }
    }

    /// Whether a key may be forgotten. Whoever asks holds the shard's lock and forgets those of which it is so.
    #[inline]
    fn is_new_at(&self, shard: &Shard<A::State>, at: Nanos) -> impl FnMut(&mut A::State) -> bool {
        move |state| {
            shard.swept.store(at.0, Ordering::Relaxed);
            self.algorithm.is_new(state, at)
        }
    }

    /// A table takes the upper bits.
    #[inline]
    #[cfg_attr(feature = "loom", allow(clippy::modulo_one, reason = "the model of all orders has one shard"))]
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

#[cfg(all(test, feature = "loom"))]
mod model {
    use loom::sync::Arc;

    use super::*;
    use crate::limiter::{Gcra, Rate};

    /// As many keys as the smallest table holds: one more, and it is swept.
    const FULL: u64 = 12;
    const LATE: Nanos = Nanos(2_000);

    /// Every order in which one thread makes the store forget a key and another, whose clock is behind, asks for it: with
    /// the lock, and without it where the key was the last that was refused.
    #[test]
    fn no_order_of_threads_lets_a_key_in_twice_that_is_forgotten_meanwhile() {
        for was_refused in [false, true] {
            loom::model(move || sweep_and_ask(was_refused));
        }
    }

    fn sweep_and_ask(was_refused: bool) {
        let gcra = Gcra::new(Rate { allow: 1, per: Nanos(1_000) }, 1).unwrap();
        let limiter = Arc::new(Sharded::new(gcra));
        (1..=FULL).for_each(|key| assert!(limiter.check(Nanos::ZERO, key, 1).admitted));
        if was_refused {
            assert!(!limiter.check(Nanos::ZERO, 1, 1).admitted);
        }
        let sweeping = {
            let limiter = Arc::clone(&limiter);
            loom::thread::spawn(move || limiter.check(LATE, FULL + 1, 1))
        };
        let early = limiter.check(Nanos(1), 1, 1);
        assert!(sweeping.join().unwrap().admitted);
        assert_eq!(limiter.shards[0].swept.load(Ordering::Relaxed), LATE.0, "it was swept");
        // What came back by the latest moment may be used once, by whoever came first.
        assert_eq!(u32::from(early.admitted) + u32::from(limiter.check(LATE, 1, 1).admitted), 1);
    }
}
