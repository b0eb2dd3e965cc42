//! The key of a shard that was refused last, where every thread can read it without the shard's lock: who is over a limit
//! and does not stop is refused again and again, and holds up nobody.

use super::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// A sequence lock: whoever reads while it is written, or reads parts of two, sees that in the version.
///
/// Source: H.-J. Boehm, "Can seqlocks get along with programming language memory models?", 2012, for the fences.
pub struct LatestRefusal {
    /// Odd while it is written.
    version: AtomicU32,
    key: AtomicU64,
    word: AtomicU64,
}

impl LatestRefusal {
    pub fn new() -> Self {
        LatestRefusal { version: AtomicU32::new(0), key: AtomicU64::new(0), word: AtomicU64::new(0) }
    }

    /// The word of a key, if it is the one that was refused last and nobody is writing.
    #[inline]
    pub fn word_of(&self, key: u64) -> Option<u64> {
        let before = self.version.load(Ordering::Acquire);
        let is_known = self.key.load(Ordering::Relaxed) == key;
        let word = self.word.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let is_whole = before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before;
        (is_known && is_whole).then_some(word)
    }

    /// Takes note of a key's word after a decision. Only whoever holds the shard's lock may call it.
    #[inline]
    pub fn tell(&self, key: u64, word: u64, admitted: bool) {
        if admitted && self.key.load(Ordering::Relaxed) != key {
            return;
        }
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.key.store(key, Ordering::Relaxed);
        self.word.store(word, Ordering::Relaxed);
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn it_knows_the_key_that_was_refused_last_and_what_became_of_it() {
        let latest = LatestRefusal::new();
        latest.tell(7, 100, true);
        assert_eq!(latest.word_of(7), None);
        latest.tell(7, 100, false);
        latest.tell(8, 200, true);
        assert_eq!((latest.word_of(7), latest.word_of(8)), (Some(100), None));
        latest.tell(7, 101, true);
        assert_eq!(latest.word_of(7), Some(101));
        latest.tell(8, 200, false);
        assert_eq!((latest.word_of(7), latest.word_of(8)), (None, Some(200)));
    }
}

#[cfg(all(test, feature = "loom"))]
mod model {
    use loom::sync::Arc;

    use super::*;

    /// Every order in which one that writes and one that reads may run; those that write take turns.
    #[test]
    fn no_order_of_threads_gives_one_key_the_word_of_another() {
        loom::model(|| {
            let latest = Arc::new(LatestRefusal::new());
            let writer = {
                let latest = Arc::clone(&latest);
                loom::thread::spawn(move || [1, 2].map(|key| latest.tell(key, key * 100, false)))
            };
            for key in [1, 2] {
                let word = latest.word_of(key);
                assert!(word.is_none() || word == Some(key * 100), "{word:?} for {key}");
            }
            writer.join().unwrap();
        });
    }
}
