//! What is allocated at the moment, and so what a key costs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use quotaproof::limiter::suite::Population;
use quotaproof::time::Nanos;

use crate::contenders::Contender;
use crate::report::data::MANY;

const MOST_KEYS: u32 = 2_000_000;
const STEP: u32 = 50_000;

pub struct Memory {
    /// Bytes for each key by the number of keys. Stores grow by leaps, so that one number alone tells little.
    pub by_keys: Vec<(u32, f64)>,
    /// Bytes for each of [`MANY`] keys, when the most was held until then.
    pub peak: f64,
}

/// Of a limiter that is asked for each key once.
pub fn memory(contender: &Contender) -> Memory {
    let population = Population::Uniform(MOST_KEYS);
    // Some make a table of their own when they are first used.
    contender.alone(population)(Nanos::ZERO, 0, 1);
    let before = held();
    PEAK.store(before, Ordering::Relaxed);
    let mut limiter = contender.alone(population);
    let mut grow = |keys: u32| {
        for key in keys - STEP..keys {
            black_box(limiter(Nanos::ZERO, u64::from(key), 1));
        }
        let each = |bytes: usize| (bytes - before) as f64 / f64::from(keys);
        (keys, each(held()), each(PEAK.load(Ordering::Relaxed)))
    };
    let grown: Vec<(u32, f64, f64)> = (1..=MOST_KEYS / STEP).map(|step| grow(step * STEP)).collect();
    let peak = grown.iter().find(|(keys, ..)| *keys == MANY).expect("it grows beyond that").2;
    Memory { by_keys: grown.into_iter().map(|(keys, bytes, _)| (keys, bytes)).collect(), peak }
}

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
/// The most since it was last set.
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

fn hold(size: usize) {
    let held = HELD.fetch_add(size, Ordering::Relaxed) + size;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: all is done by the system's allocator, as the caller promises it; this counts beside it.
#[expect(unsafe_code, reason = "an allocator can be written in no other way")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        hold(layout.size());
        // SAFETY: see above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        hold(layout.size());
        // SAFETY: see above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: see above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        hold(size);
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: see above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
