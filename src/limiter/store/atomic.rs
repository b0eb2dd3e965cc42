//! The generic cell rate algorithm for one key and many threads: its one moment is an atomic number.

use super::sync::{AtomicU64, Ordering};
use crate::limiter::Decision;
use crate::limiter::gcra::Gcra;
use crate::time::Nanos;

/// On cache lines of its own, so that threads wait for nobody but those that ask it.
pub struct AtomicGcra {
    gcra: Gcra,
    /// In ticks.
    tat: Line,
}

/// Apart from the terms, which every thread keeps at hand while the number goes from one to the other: beside it, they went with it.
#[repr(align(128))]
struct Line(AtomicU64);

impl AtomicGcra {
    pub fn new(gcra: Gcra) -> Self {
        AtomicGcra { gcra, tat: Line(AtomicU64::new(0)) }
    }

    /// Decides one request, and counts it if it is admitted; refusing writes nothing. No other memory hangs on the number,
    /// so that the order of its own changes, which every atomic has, is order enough.
    #[inline]
    pub fn check(&self, now: Nanos, cost: u32) -> Decision {
        let Some(asked) = self.gcra.asked(now, cost) else { return never() };
        let mut tat = self.tat.0.load(Ordering::Relaxed);
        loop {
            let moved = match self.gcra.admit(&asked, tat) {
                Ok(moved) => moved,
                Err(wait) => return Decision::refuse(wait),
            };
            match self.tat.0.compare_exchange_weak(tat, moved, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Decision::admit(self.gcra.remaining(&asked, moved)),
                // At once: a core that has just lost has the cache line now, and while it paused the other would take it back.
                Err(other) => tat = other,
            }
        }
    }
}

/// Out of the way of what is asked all the time.
#[cold]
#[inline(never)]
fn never() -> Decision {
    Decision::refuse(Nanos::MAX)
}

#[cfg(all(test, feature = "loom"))]
mod model {
    use loom::sync::Arc;

    use super::*;
    use crate::limiter::Rate;

    /// Every order in which three threads may run.
    #[test]
    fn no_order_of_threads_admits_more_than_the_burst() {
        loom::model(|| {
            let gcra = Gcra::new(Rate { allow: 2, per: Nanos(1_000) }, 2).unwrap();
            let limiter = Arc::new(AtomicGcra::new(gcra));
            let ask = |limiter: Arc<AtomicGcra>| u32::from(limiter.check(Nanos(5), 1).admitted);
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let limiter = Arc::clone(&limiter);
                    loom::thread::spawn(move || ask(limiter))
                })
                .collect();
            let own = ask(Arc::clone(&limiter));
            let others: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
            assert_eq!(own + others, 2);
        });
    }
}
