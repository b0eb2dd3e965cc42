//! Threads that press one limit as hard as they can never get more than it allows.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use quotaproof::limiter::{AtomicGcra, Decision, Gcra, Rate, Sharded, build};
use quotaproof::policy::reading::Reading;
use quotaproof::time::Nanos;

const THREADS: u64 = 4;
const ASKED_BY_EACH: u64 = 100_000;
const RATE: Rate = Rate { allow: 1_000, per: Nanos(1_000_000) };
const BURST: u64 = 50;
/// By which the clock goes on with each request.
const STEP: u64 = 10;

/// All threads share one clock, which they read and then ask: some come late, with a time that has passed. They go on until
/// one has asked while another did, where there are cores for that. What is admitted, and how late it was.
fn press(check: impl Fn(Nanos, u64) -> Decision + Sync) -> (Vec<u64>, u64) {
    const MOST: u64 = 50 * ASKED_BY_EACH;
    let [clock, asking, met] = [0; 3].map(AtomicU64::new);
    let work = |thread: u64| {
        let mut admitted = [0; 8];
        for number in 0..MOST {
            if number >= ASKED_BY_EACH && met.load(Ordering::Relaxed) > 0 {
                break;
            }
            let now = Nanos(clock.fetch_add(STEP, Ordering::Relaxed));
            let key = (number + thread) % 8;
            let others = asking.fetch_add(1, Ordering::Relaxed);
            admitted[key as usize] += u64::from(check(now, key).admitted);
            asking.fetch_sub(1, Ordering::Relaxed);
            met.fetch_add(u64::from(others > 0), Ordering::Relaxed);
        }
        admitted
    };
    let by_thread: Vec<[u64; 8]> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(met.into_inner() > 0 || thread::available_parallelism().is_ok_and(|cores| cores.get() == 1));
    let by_key = (0..8).map(|key| by_thread.iter().map(|admitted| admitted[key]).sum()).collect();
    (by_key, clock.into_inner())
}

/// A full bucket, and what has run in since.
fn most_in(time: u64) -> u64 {
    BURST + time * u64::from(RATE.allow) / RATE.per.0
}

#[test]
fn an_atomic_limiter_admits_no_more_than_the_limit_to_all_threads_together() {
    let limiter = AtomicGcra::new(Gcra::new(RATE, BURST as u32).unwrap());
    let (by_key, time) = press(|now, _| limiter.check(now, 1));
    let admitted: u64 = by_key.iter().sum();
    assert!(admitted <= most_in(time), "{admitted} of {}", most_in(time));
    assert!(admitted * 10 >= most_in(time) * 9, "{admitted} of {}", most_in(time));
}

#[test]
fn a_sharded_limiter_admits_no_more_than_the_limit_to_each_key() {
    let gcra = Sharded::new(Gcra::new(RATE, BURST as u32).unwrap());
    let terms = quotaproof::limiter::Terms { burst: Some(BURST as u32), ..RATE.into() };
    let buckets = Sharded::new(move || build(Reading::TokenBucket, terms));
    for (by_key, time) in [press(|now, key| gcra.check(now, key, 1)), press(|now, key| buckets.check(now, key, 1))] {
        for admitted in by_key {
            assert!(admitted <= most_in(time), "{admitted} of {}", most_in(time));
            assert!(admitted * 10 >= most_in(time) * 9, "{admitted} of {}", most_in(time));
        }
    }
}

/// At one moment the sum is exact. It takes each thread long enough that they run at once where there are cores for that.
#[test]
fn of_threads_that_ask_at_one_moment_exactly_the_burst_is_admitted() {
    const BURST: u32 = 20_000;
    for round in 0..20 {
        let limiter = AtomicGcra::new(Gcra::new(RATE, BURST).unwrap());
        let sharded = Sharded::new(Gcra::new(RATE, BURST).unwrap());
        let all_there = Barrier::new(THREADS as usize);
        let ask = |check: &(dyn Fn() -> Decision + Sync)| -> usize {
            let work = || {
                all_there.wait();
                (0..BURST).filter(|_| check().admitted).count()
            };
            thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            })
        };
        assert_eq!(ask(&|| limiter.check(Nanos(round), 1)), BURST as usize);
        assert_eq!(ask(&|| sharded.check(Nanos(round), 7, 1)), BURST as usize);
    }
}
