//! What is allocated at the moment, and so what a key costs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use quotaproof::limiter::suite::Population;
use quotaproof::time::Nanos;

use crate::contenders::Contender;

const MOST_KEYS: u32 = 2_000_000;
const STEP: u32 = 50_000;

/// Bytes for each key by the number of keys, each of which was asked for once. Stores grow by leaps, so that one number of
/// keys alone tells little.
pub fn bytes_by_keys(contender: &Contender) -> Vec<(u32, f64)> {
    let population = Population::Uniform(MOST_KEYS);
    // Some make a table of their own when they are first used.
    contender.alone(population)(Nanos::ZERO, 0, 1);
    let before = held();
    let mut limiter = contender.alone(population);
    let mut grow = |keys: u32| {
        for key in keys - STEP..keys {
            black_box(limiter(Nanos::ZERO, u64::from(key), 1));
        }
        (keys, (held() - before) as f64 / f64::from(keys))
    };
    (1..=MOST_KEYS / STEP).map(|step| grow(step * STEP)).collect()
}

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

// SAFETY: all is done by the system's allocator, as the caller promises it; this counts beside it.
#[expect(unsafe_code, reason = "an allocator can be written in no other way")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: see above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: see above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: see above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_add(size, Ordering::Relaxed);
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: see above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
