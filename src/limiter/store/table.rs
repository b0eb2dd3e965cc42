//! A hash table with open addressing and nothing but its entries: a key and a state lie side by side, so that a decision
//! meets one place in memory, and the number of slots need not be a power of two.
//!
//! Nothing is ever removed from it. When it is full it is built anew, without what need not be kept and in the size that
//! the rest asks for: growing, sweeping and shrinking are one.

/// Keys are hashed without a secret: who lets others choose them hashes them first.
pub struct Table<T> {
    slots: Box<[Option<(u64, T)>]>,
    len: usize,
}

const LEAST_SLOTS: usize = 16;

/// Slots for so many entries when the table is built: three in five are taken.
fn slots_for(len: usize) -> usize {
    (len * 5 / 3).max(LEAST_SLOTS)
}

impl<T> Table<T> {
    pub fn new() -> Self {
        Table { slots: Box::default(), len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get(&mut self, key: u64) -> Option<&mut T> {
        match self.place(key) {
            Some(place) => self.slots[place].as_mut().map(|(_, state)| state),
            None => None,
        }
    }

    /// The key's state, made where there is none. If there is no room for one more, what need not be kept goes first.
    #[inline]
    pub fn get_or_insert(&mut self, key: u64, make: impl FnOnce() -> T, keep: impl FnMut(&mut T) -> bool) -> &mut T {
        let found = self.place(key).filter(|&place| self.slots[place].is_some());
        let place = match found {
            Some(place) => place,
            None => self.place_for_new(key, keep),
        };
        let slot = &mut self.slots[place];
        self.len += usize::from(slot.is_none());
        &mut slot.get_or_insert_with(|| (key, make())).1
    }

    /// Forgets everything and keeps the slots.
    pub fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| *slot = None);
        self.len = 0;
    }

    /// Four slots in five are taken at most.
    fn place_for_new(&mut self, key: u64, keep: impl FnMut(&mut T) -> bool) -> usize {
        if (self.len + 1) * 5 > self.slots.len() * 4 {
            self.sweep(keep);
        }
        self.place(key).expect("a table that was built has a free slot")
    }

    /// Builds it anew, in the size that what is kept and one more ask for.
    #[cold]
    pub fn sweep(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        for slot in &mut self.slots {
            if slot.as_mut().is_some_and(|(_, state)| !keep(state)) {
                *slot = None;
                self.len -= 1;
            }
        }
        let empty = std::iter::repeat_with(|| None).take(slots_for(self.len + 1)).collect();
        for (key, state) in std::mem::replace(&mut self.slots, empty).into_iter().flatten() {
            let place = self.place(key).expect("there is room for all");
            self.slots[place] = Some((key, state));
        }
    }

    /// Where the key is, or else the free slot where it belongs; None without slots.
    #[inline]
    fn place(&self, key: u64) -> Option<usize> {
        let slots = self.slots.len();
        let mut place = home(key, slots);
        loop {
            match self.slots.get(place)? {
                Some((other, _)) if *other != key => place = if place + 1 == slots { 0 } else { place + 1 },
                _ => return Some(place),
            }
        }
    }
}

/// Where the search for a key begins.
#[inline]
fn home(key: u64, slots: usize) -> usize {
    ((u128::from(hash(key)) * slots as u128) >> 64) as usize
}

/// Spreads keys over all 64 bits: a product folded into one word, as in wyhash.
#[inline]
pub fn hash(key: u64) -> u64 {
    let product = u128::from(key ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93_u128;
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_map_of_the_standard_library_holds(
            keys in prop::collection::vec(prop_oneof![0..50u64, any::<u64>(), (0..99u64).prop_map(|key| key << 40)], 0..400),
            drops in 1..5u64,
        ) {
            let mut table = Table::new();
            let mut expected: HashMap<u64, u64> = HashMap::new();
            for key in keys {
                let keep = |state: &mut u64| !state.is_multiple_of(drops);
                let (slots, before) = (table.slots.len(), table.len());
                let is_new = !expected.contains_key(&key);
                *table.get_or_insert(key, || 0, keep) += 1;
                if is_new && (before + 1) * 5 > slots * 4 {
                    expected.retain(|_, state| !state.is_multiple_of(drops));
                }
                *expected.entry(key).or_default() += 1;
                prop_assert_eq!(table.len(), expected.len());
            }
            for (key, state) in expected {
                prop_assert_eq!(table.get(key).copied(), Some(state));
            }
        }
    }

    #[test]
    fn it_shrinks_to_what_is_kept() {
        let mut table = Table::new();
        (0..1_000u64).for_each(|key| *table.get_or_insert(key, || 0, |_| true) = key);
        table.sweep(|state| *state < 3);
        assert_eq!((table.len(), table.slots.len()), (3, LEAST_SLOTS));
        assert_eq!([2, 3].map(|key| table.get(key).copied()), [Some(2), None]);
    }

    #[test]
    fn a_key_of_a_moment_takes_sixteen_bytes_and_at_most_two_thirds_more() {
        assert_eq!(size_of::<Option<(u64, std::num::NonZeroU64)>>(), 16);
        let mut table = Table::new();
        for key in 0..100_000 {
            table.get_or_insert(key, || (), |()| true);
            let slots = table.slots.len();
            assert!(slots <= LEAST_SLOTS || slots * 3 <= (key as usize + 1) * 5, "{slots} for {key}");
        }
    }
}
