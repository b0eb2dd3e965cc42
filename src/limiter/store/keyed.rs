//! A limit for many keys, for one thread.

use super::keys::Keys;
use crate::limiter::{Algorithm, Decision};
use crate::time::Nanos;

pub struct Keyed<A: Algorithm> {
    algorithm: A,
    keys: Keys<A::State>,
}

impl<A: Algorithm> Keyed<A> {
    pub fn new(algorithm: A) -> Self {
        Keyed { algorithm, keys: Keys::new() }
    }

    /// Decides one request of a key, and counts it if it is admitted.
    #[inline]
    pub fn check(&mut self, now: Nanos, key: u64, cost: u32) -> Decision {
        self.with(now, key, |algorithm, state| algorithm.check(state, now, cost))
    }

    /// What [`Keyed::check`] would decide; counts nothing.
    pub fn peek(&mut self, now: Nanos, key: u64, cost: u32) -> Decision {
        self.with(now, key, |algorithm, state| algorithm.peek(state, now, cost))
    }

    pub fn count(&mut self, now: Nanos, key: u64, cost: u32) {
        self.with(now, key, |algorithm, state| algorithm.count(state, now, cost));
    }

    pub fn refused(&mut self, now: Nanos, key: u64) {
        self.with(now, key, |algorithm, state| algorithm.refused(state, now));
    }

    /// The keys that are remembered.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    #[inline]
    fn with<R>(&mut self, now: Nanos, key: u64, what: impl FnOnce(&A, &mut A::State) -> R) -> R {
        let algorithm = &self.algorithm;
        let state = self.keys.use_key(key, || algorithm.new_key(), |state| algorithm.is_new(state, now));
        what(algorithm, state)
    }
}
