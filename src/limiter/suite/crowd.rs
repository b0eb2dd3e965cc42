//! How fast threads are that ask one limiter.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Replay, Request};
use crate::clock::Clock;
use crate::time::Nanos;

/// As many as run at once here.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// How long one decision takes of those that all threads make, so many each: where two threads take 10 ns each, one
/// comes every 5 ns. One replay for each thread; time goes on in it from one call to the next.
///
/// # Panics
///
/// Where the limiter does.
pub fn ns_for_a_decision(replays: &mut [Replay], each: u64, ask: &(impl Fn(Request) + Sync)) -> f64 {
    let (meetings, all) = (AtomicUsize::new(0), replays.len());
    let play = |replay: &mut Replay| {
        meet(&meetings, all);
        let clock = Clock::start();
        (0..each).for_each(|_| ask(replay.draw()));
        clock.now()
    };
    let took: Nanos = match replays {
        [replay] => play(replay),
        replays => thread::scope(|scope| {
            let on = |core, replay: &'_ mut Replay| {
                stay_on(core);
                play(replay)
            };
            let playing: Vec<_> =
                replays.iter_mut().enumerate().map(|(core, replay)| scope.spawn(move || on(core, replay))).collect();
            let took = playing.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            took.fold(Nanos::ZERO, |all, one| all + one)
        }),
    };
    took.0 as f64 / (all * all) as f64 / each as f64
}

/// Again and again, so that nobody begins before all of them run: one that was only just woken may be stopped at once.
fn meet(meetings: &AtomicUsize, all: usize) {
    const TIMES: usize = 100;
    for time in 1..=TIMES {
        meetings.fetch_add(1, Ordering::SeqCst);
        while meetings.load(Ordering::SeqCst) < time * all {
            std::hint::spin_loop();
        }
    }
}

/// Each thread on a core of its own: on one core they would take turns and never meet.
#[cfg(target_os = "linux")]
fn stay_on(number: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let Some(core) = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).nth(number) else { return };
    let mut own = CpuSet::new();
    own.set(core);
    // Where that is forbidden, the system places threads as it likes.
    let _ = sched_setaffinity(None, &own);
}

#[cfg(not(target_os = "linux"))]
fn stay_on(_: usize) {}
