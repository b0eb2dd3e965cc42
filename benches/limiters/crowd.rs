//! Threads that ask one limiter.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use quotaproof::limiter::suite::{Replay, Request};

pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// How long one decision takes of those that all threads make, so many each: where two threads take 10 ns each, one
/// comes every 5 ns. One replay for each thread; time goes on in it from one call to the next.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub fn ns_for_a_decision(replays: &mut [Replay], each: u64, ask: &(impl Fn(Request) + Sync)) -> f64 {
    let (there, all) = (AtomicUsize::new(0), replays.len());
    let play = |replay: &mut Replay| {
        there.fetch_add(1, Ordering::SeqCst);
        while there.load(Ordering::SeqCst) < all {
            std::hint::spin_loop();
        }
        let begun = Instant::now();
        (0..each).for_each(|_| ask(replay.draw()));
        begun.elapsed()
    };
    let took: Duration = match replays {
        [replay] => play(replay),
        replays => thread::scope(|scope| {
            let playing: Vec<_> = replays.iter_mut().map(|replay| scope.spawn(|| play(replay))).collect();
            playing.into_iter().map(|thread| thread.join().expect("limiters do not panic")).sum()
        }),
    };
    took.as_nanos() as f64 / (all * all) as f64 / each as f64
}
