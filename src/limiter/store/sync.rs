//! What threads share: loom's own kinds where it tries every order of threads.

#[cfg(not(all(test, feature = "loom")))]
pub use parking_lot::Mutex;
#[cfg(not(all(test, feature = "loom")))]
pub use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

#[cfg(all(test, feature = "loom"))]
pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Called as parking_lot's is.
#[cfg(all(test, feature = "loom"))]
pub struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(all(test, feature = "loom"))]
impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("no thread panics")
    }
}
