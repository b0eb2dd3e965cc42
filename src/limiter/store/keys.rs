//! State by scope key, bounded by the keys in use.

use super::table::Table;

/// One `T` per scope key.
pub struct Keys<T> {
    by_key: Table<T>,
}

impl<T> Default for Keys<T> {
    fn default() -> Self {
        Keys::new()
    }
}

impl<T> Keys<T> {
    pub fn new() -> Self {
        Keys { by_key: Table::new() }
    }

    pub fn get(&mut self, key: u64) -> Option<&mut T> {
        self.by_key.get(key)
    }

    /// The key's state, made where there is none. Before that, if there is no room for one more, those that are as
    /// good as new are forgotten.
    #[inline]
    pub fn use_key(&mut self, key: u64, make: impl FnOnce() -> T, mut is_new: impl FnMut(&mut T) -> bool) -> &mut T {
        self.by_key.get_or_insert(key, make, |state| !is_new(state))
    }

    /// Forgets those that are as good as new, and gives back the memory that they took.
    pub fn sweep(&mut self, mut is_new: impl FnMut(&mut T) -> bool) {
        self.by_key.sweep(|state| !is_new(state));
    }

    pub fn clear(&mut self) {
        self.by_key.clear();
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
