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
///
/// The entry that was asked for last is found without hashing: where devices are played one after the other, it is the one
/// asked for next. Entries come in the order in which they were made.
#[derive(Clone, Debug)]
pub struct Keyed<K, T> {
    entries: Vec<(K, T)>,
    places: FxHashMap<K, u32>,
    /// The place of the entry that was asked for last, while it is there.
    latest: usize,
    sweep_at: usize,
}

/// Keys are swept of idle ones when so many have gathered.
pub const SWEEP_FIRST_AT: usize = 1024;

impl<K, T> Default for Keyed<K, T> {
    fn default() -> Self {
        Keyed { entries: Vec::new(), places: FxHashMap::default(), latest: 0, sweep_at: SWEEP_FIRST_AT }
    }
}

impl<K: Copy + Eq + Hash, T> Keyed<K, T> {
    /// The state of a key, new if it had none. `forget` says of a state whether it is as good as new.
    #[inline]
    pub fn entry(&mut self, key: K, forget: impl FnMut(&mut T) -> bool) -> &mut T
    where
        T: Default,
    {
        self.entry_or_make(key, T::default, forget)
    }

    /// Like [`Keyed::entry`], for states that have to be made.
    #[inline]
    pub fn entry_or_make(&mut self, key: K, make: impl FnOnce() -> T, forget: impl FnMut(&mut T) -> bool) -> &mut T {
        if self.entries.len() >= self.sweep_at {
            self.sweep(forget);
        }
        self.latest = match self.place(&key) {
            Some(place) => place,
            None => self.add(key, make()),
        };
        &mut self.entries[self.latest].1
    }

    #[inline]
    pub fn get(&self, key: &K) -> Option<&T> {
        self.place(key).map(|place| &self.entries[place].1)
    }

    #[inline]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut T> {
        self.latest = self.place(key)?;
        Some(&mut self.entries[self.latest].1)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.entries.iter().map(|(key, state)| (key, state))
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|(_, state)| state)
    }

    /// Drops all of them.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.places.clear();
        self.sweep_at = SWEEP_FIRST_AT;
    }

    /// Takes over another shard's keys; shards have none in common.
    pub fn merge(&mut self, other: Self) {
        for (key, state) in other.entries {
            match self.get_mut(&key) {
                Some(mine) => *mine = state,
                None => _ = self.add(key, state),
            }
        }
    }

    #[inline]
    fn place(&self, key: &K) -> Option<usize> {
        match self.entries.get(self.latest) {
            Some((latest, _)) if latest == key => Some(self.latest),
            _ => self.places.get(key).map(|&place| place as usize),
        }
    }

    fn add(&mut self, key: K, state: T) -> usize {
        let place = self.entries.len();
        self.entries.push((key, state));
        self.places.insert(key, place as u32);
        place
    }

    #[cold]
    fn sweep(&mut self, mut forget: impl FnMut(&mut T) -> bool) {
        self.entries.retain_mut(|(_, state)| !forget(state));
        self.places.clear();
        self.places.extend(self.entries.iter().zip(0..).map(|((key, _), place)| (*key, place)));
        self.sweep_at = (self.entries.len() * 2).max(SWEEP_FIRST_AT);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        /// Against a plain map.
        #[test]
        fn every_key_keeps_its_own_state(steps in prop::collection::vec((0..6u32, 0..4u32), 1..200)) {
            let mut keyed: Keyed<u32, u32> = Keyed::default();
            let mut plain: FxHashMap<u32, u32> = FxHashMap::default();
            for (key, step) in steps {
                match step {
                    0 => prop_assert_eq!(keyed.get_mut(&key), plain.get_mut(&key)),
                    1 if key == 0 => {
                        keyed.clear();
                        plain.clear();
                    }
                    _ => {
                        *keyed.entry(key, |_| false) += step;
                        *plain.entry(key).or_default() += step;
                    }
                }
                prop_assert!((0..6).all(|key| keyed.get(&key) == plain.get(&key)));
                prop_assert_eq!(keyed.len(), plain.len());
            }
        }
    }
}
