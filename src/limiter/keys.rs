//! State by scope key, bounded by the keys in use.

use rustc_hash::FxHashMap;

/// One `T` per scope key.
pub struct Keys<T> {
    by_key: FxHashMap<u64, T>,
    sweep_at: usize,
}

/// Keys are swept of idle ones when so many have gathered.
pub const SWEEP_FIRST_AT: usize = 1024;

impl<T> Keys<T> {
    pub fn new() -> Self {
        Keys { by_key: FxHashMap::default(), sweep_at: SWEEP_FIRST_AT }
    }

    pub fn get(&mut self, key: u64) -> Option<&mut T> {
        self.by_key.get_mut(&key)
    }

    /// The key's state, made where there is none. Before that, if many have gathered, those that are as good as new
    /// are forgotten.
    pub fn use_key(&mut self, key: u64, make: impl FnOnce() -> T, is_new: impl Fn(&mut T) -> bool) -> &mut T {
        if self.by_key.len() >= self.sweep_at {
            self.by_key.retain(|_, state| !is_new(state));
            self.sweep_at = (self.by_key.len() * 2).max(SWEEP_FIRST_AT);
        }
        self.by_key.entry(key).or_insert_with(make)
    }

    pub fn clear(&mut self) {
        self.by_key.clear();
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }
}
