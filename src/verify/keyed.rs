//! State per key (a scope key, a device, a flow), dropped when it is as good as new.

use std::hash::Hash;

use rustc_hash::{FxHashMap, FxHashSet};

/// How many keys there were, each counted once however often it was forgotten in between.
#[derive(Clone, Debug)]
pub struct Seen<K> {
    present: FxHashSet<K>,
    gone: u64,
}

impl<K> Default for Seen<K> {
    fn default() -> Self {
        Seen { present: FxHashSet::default(), gone: 0 }
    }
}

impl<K: Eq + Hash> Seen<K> {
    pub fn insert(&mut self, key: K) {
        self.present.insert(key);
    }

    /// None of the keys so far comes again.
    pub fn through(&mut self) {
        self.gone += self.present.len() as u64;
        self.present.clear();
    }

    pub fn count(&self) -> u64 {
        self.gone + self.present.len() as u64
    }

    /// Takes over another shard's keys; shards have none in common.
    pub fn merge(&mut self, other: Self) {
        self.gone += other.gone;
        self.present.extend(other.present);
    }
}

/// A map that sweeps out idle entries whenever it has doubled, so that its size follows the keys in use and not the
/// keys ever seen.
#[derive(Clone, Debug)]
pub struct Keyed<K, T> {
    entries: FxHashMap<K, T>,
    sweep_at: usize,
}

const SWEEP_FIRST_AT: usize = 1024;

impl<K, T> Default for Keyed<K, T> {
    fn default() -> Self {
        Keyed { entries: FxHashMap::default(), sweep_at: SWEEP_FIRST_AT }
    }
}

impl<K: Eq + Hash, T: Default> Keyed<K, T> {
    /// The state of a key, new if it had none. `forget` says of a state whether it is as good as new.
    pub fn entry(&mut self, key: K, mut forget: impl FnMut(&mut T) -> bool) -> &mut T {
        if self.entries.len() >= self.sweep_at {
            self.entries.retain(|_, state| !forget(state));
            self.sweep_at = (self.entries.len() * 2).max(SWEEP_FIRST_AT);
        }
        self.entries.entry(key).or_default()
    }

    pub fn get(&self, key: &K) -> Option<&T> {
        self.entries.get(key)
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut T> {
        self.entries.get_mut(key)
    }

    pub fn remove(&mut self, key: &K) -> Option<T> {
        self.entries.remove(key)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.entries.iter()
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.values_mut()
    }

    /// Drops all of them.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.sweep_at = SWEEP_FIRST_AT;
    }

    /// Takes over another shard's keys; shards have none in common.
    pub fn merge(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_keys_are_swept_and_busy_ones_kept() {
        let mut keyed: Keyed<u32, u32> = Keyed::default();
        for key in 0..10_000 {
            *keyed.entry(key, |state| *state == 0) = u32::from(key % 100 == 0);
        }
        assert!(keyed.len() < 2 * SWEEP_FIRST_AT, "{} keys are kept", keyed.len());
        assert!((0..9_000).step_by(100).all(|key| keyed.get(&key) == Some(&1)));
    }
}
