//! A limit for many keys, for one thread.

use super::keys::Keys;
use crate::limiter::{Algorithm, Decision};
use crate::time::Nanos;

/// Its keys are hashed without a secret, and forgotten as [the others are](crate::limiter).
///
/// A moment before the latest sweep, in which idle keys were forgotten, is taken for that one.
pub struct Keyed<A: Algorithm> {
    algorithm: A,
    keys: Keys<A::State>,
    /// When idle keys were last looked for.
    swept: Nanos,
}

impl<A: Algorithm> Keyed<A> {
    pub fn new(algorithm: A) -> Self {
        Keyed { algorithm, keys: Keys::new(), swept: Nanos::ZERO }
    }

    /// Decides one request of a key, and counts it if it is admitted.
    #[inline]
    pub fn check(&mut self, now: Nanos, key: u64, cost: u32) -> Decision {
        self.with(now, key, |algorithm, state, at| algorithm.check(state, at, cost).behind(at - now))
    }

    /// What [`Keyed::check`] would decide; counts nothing.
    pub fn peek(&mut self, now: Nanos, key: u64, cost: u32) -> Decision {
        self.with(now, key, |algorithm, state, at| algorithm.peek(state, at, cost).behind(at - now))
    }

    pub fn count(&mut self, now: Nanos, key: u64, cost: u32) {
        self.with(now, key, |algorithm, state, at| algorithm.count(state, at, cost));
    }

    pub fn refused(&mut self, now: Nanos, key: u64, cost: u32) {
        self.with(now, key, |algorithm, state, at| algorithm.refused(state, at, cost));
    }

    /// Forgets the keys that are as good as new, and gives back the memory that they took. It does so by itself when it
    /// is full; in between it takes as long as looking at every key.
    pub fn sweep(&mut self, now: Nanos) {
        let at = self.moment(now);
        let Keyed { algorithm, keys, swept } = self;
        keys.sweep(is_new_at(algorithm, swept, at));
    }

    /// The keys that are remembered.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The moment that counts: what was forgotten is as good as new from then on, and cannot be told before.
    pub fn moment(&self, now: Nanos) -> Nanos {
        now.max(self.swept)
    }

    #[inline]
    fn with<R>(&mut self, now: Nanos, key: u64, what: impl FnOnce(&A, &mut A::State, Nanos) -> R) -> R {
        let at = self.moment(now);
        let Keyed { algorithm, keys, swept } = self;
        let state = keys.use_key(key, || algorithm.new_key(), is_new_at(algorithm, swept, at));
        what(algorithm, state, at)
    }
}

/// Whether a key may be forgotten. Whoever asks forgets those of which it is so.
#[inline]
fn is_new_at<A: Algorithm>(algorithm: &A, swept: &mut Nanos, at: Nanos) -> impl FnMut(&mut A::State) -> bool {
    move |state| {
        *swept = at;
        algorithm.is_new(state, at)
    }
}
