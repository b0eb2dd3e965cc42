//! Requests at the same time.

use rand::RngExt;

use super::adversarial::cases;
use super::*;
use crate::rng::device_rng;

/// What happened to a request that began then.
#[derive(Clone, Copy, Debug)]
enum Event {
    Opened(u64),
    Closed(u64),
}

/// How many that began up to then are open: of those that began at one moment, as many as were not closed since.
fn open_since(log: &[Event], begun_by: u64) -> usize {
    let open_of = |moment: u64| {
        log.iter().fold(0_usize, |open, event| match *event {
            Event::Opened(at) if at == moment => open + 1,
            Event::Closed(at) if at == moment => open.saturating_sub(1),
            _ => open,
        })
    };
    (0..=begun_by).map(open_of).sum()
}

#[test]
fn it_counts_what_is_open_and_has_run_for_so_long() {
    /// Few moments, so that many requests begin at the same.
    const LAST: u64 = 20;
    for seed in 0..cases() {
        let mut rng = device_rng(seed, "concurrency", 0);
        let (mut open, mut log) = (Concurrency::default(), Vec::new());
        for _ in 0..rng.random_range(1..30) {
            let begun = rng.random_range(0..=LAST);
            if rng.random() {
                open.open(Nanos(begun));
                log.push(Event::Opened(begun));
            } else {
                open.close(Nanos(begun));
                log.push(Event::Closed(begun));
            }
            let (now, lasting) = (rng.random_range(0..=LAST), rng.random_range(0..=LAST));
            let expected = if lasting > now { 0 } else { open_since(&log, now - lasting) };
            assert_eq!(open.counting(Nanos(now), Nanos(lasting)), expected, "seed {seed}: {log:?} at {now}");
            assert_eq!(open.is_idle(), open_since(&log, LAST) == 0, "seed {seed}: {log:?}");
        }
    }
}

#[test]
fn only_requests_that_have_run_for_long_count_where_that_is_said() {
    let mut open = Concurrency::default();
    [0, 5, 5, 9].iter().for_each(|&at| open.open(Nanos(at)));
    assert_eq!(open.counting(Nanos(9), Nanos::ZERO), 4);
    assert_eq!(open.counting(Nanos(24), Nanos(20)), 1);
    assert_eq!(open.counting(Nanos(25), Nanos(20)), 3);
    open.close(Nanos(5));
    open.close(Nanos(7));
    assert_eq!(open.counting(Nanos(25), Nanos(20)), 2);
    [0, 5, 9].iter().for_each(|&at| open.close(Nanos(at)));
    assert!(open.is_idle());
}
