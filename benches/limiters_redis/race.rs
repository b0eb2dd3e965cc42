//! Callers that ask for one key at one moment, each over a connection of its own.

use std::sync::Barrier;
use std::thread;

use quotaproof::time::Nanos;
use redis::RedisResult;

use crate::limiters::{OverTheWire, Pool};

/// How many of them were admitted.
pub fn admitted(pool: &Pool<'_>, limiter: &OverTheWire, key: u64, callers: usize, each: usize) -> u64 {
    let all_there = Barrier::new(callers);
    let ask = || {
        pool.with(|connection| {
            all_there.wait();
            let decided = (0..each).map(|_| (limiter.check)(connection, Nanos::from_secs(100), key));
            decided.map(|decision| decision.map(|it| u64::from(it.is_ok()))).sum::<RedisResult<u64>>()
        })
    };
    thread::scope(|scope| {
        let asking: Vec<_> = (0..callers).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|caller| caller.join().expect("callers do not panic")).sum()
    })
}
