//! Limiters whose state is in a real Redis: those of one step are exact however many ask at a time, one that reads and then
//! writes is not. `cargo test --test redis -- --ignored`, where redis-server is installed.

#[path = "../benches/limiters_redis/limiters.rs"]
mod limiters;
#[path = "../benches/limiters_redis/race.rs"]
mod race;
#[path = "../benches/limiters_redis/server.rs"]
mod server;

use std::sync::{Arc, Barrier};

use limiters::{OverTheWire, Pool, RATE, gcra, gcra_in_two_steps, rolling_log};
use quotaproof::limiter::suite::{Check, Threads, examine};
use server::Server;

#[test]
#[ignore = "needs redis-server"]
fn scripts_are_exact_also_when_many_ask_at_a_time() {
    let server = Server::start().unwrap();
    let pool = Pool::new(&server);
    for limiter in [gcra(), rolling_log()] {
        is_exact(&pool, &limiter);
        pool.clear();
        for key in 0..20 {
            let admitted = race::admitted(&pool, &limiter, key, 8, RATE.allow as usize);
            assert_eq!(admitted, u64::from(RATE.allow), "{}, Redis {}", limiter.name, server.version);
        }
    }
}

fn is_exact(pool: &Pool<'_>, limiter: &OverTheWire) {
    let report = examine(limiter.name, &limiter.claim(), || {
        pool.clear();
        Threads(|now, key, _| pool.with(|connection| (limiter.check)(connection, now, key)))
    });
    assert!(report.is_right(), "{report}");
    assert_eq!(report.not_looked_at(), [Check::ClockGoesBack], "{report}");
}

/// Everybody reads before anybody writes.
#[test]
#[ignore = "needs redis-server"]
fn what_is_read_and_then_written_admits_everybody_who_read_the_same() {
    const CALLERS: usize = 30;
    let server = Server::start().unwrap();
    let all_have_read = Arc::new(Barrier::new(CALLERS));
    let naive = gcra_in_two_steps(move || {
        all_have_read.wait();
    });
    let admitted = race::admitted(&Pool::new(&server), &naive, 1, CALLERS, 1);
    assert_eq!(admitted, CALLERS as u64, "of {} that are allowed", RATE.allow);
}
