//! Notices when the whole machine, or this process, stands still: a thread that does nothing but wake up tells by how late it
//! does. What the run or the probe computes meanwhile does not hold it up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::Clock;
use crate::time::Nanos;

const TICK: Duration = Duration::from_millis(20);

/// Watches until it is dropped.
pub struct Watch(Arc<State>);

#[derive(Default)]
struct State {
    /// Nanoseconds.
    longest: AtomicU64,
    is_over: AtomicBool,
}

impl Watch {
    pub fn begin(clock: Clock) -> Watch {
        let state = Arc::<State>::default();
        let of_thread = Arc::clone(&state);
        std::thread::spawn(move || {
            let mut awake = clock.now();
            while !of_thread.is_over.load(Relaxed) {
                std::thread::sleep(TICK);
                let now = clock.now();
                of_thread.longest.fetch_max((now - awake).saturating_sub(TICK.into()).0, Relaxed);
                awake = now;
            }
        });
        Watch(state)
    }

    /// The longest standstill so far.
    pub fn longest(&self) -> Nanos {
        Nanos(self.0.longest.load(Relaxed))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.is_over.store(true, Relaxed);
    }
}
