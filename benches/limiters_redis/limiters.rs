//! Limiters whose state is in Redis. Each may be asked by several threads, which have a connection each.

use std::sync::{Mutex, PoisonError};

use quotaproof::limiter::Rate;
use quotaproof::time::Nanos;
use redis::{Commands as _, Connection, RedisResult, Script};

use crate::server::Server;

pub const RATE: Rate = Rate { allow: 10, per: Nanos::from_secs(1) };

/// Connections that are not in use.
pub struct Pool<'a> {
    server: &'a Server,
    idle: Mutex<Vec<Connection>>,
}

impl<'a> Pool<'a> {
    pub fn new(server: &'a Server) -> Self {
        Pool { server, idle: Mutex::default() }
    }

    /// Forgets all keys.
    pub fn clear(&self) {
        self.with(|connection| redis::cmd("FLUSHALL").exec(connection));
    }

    fn with<T>(&self, what: impl FnOnce(&mut Connection) -> RedisResult<T>) -> T {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle().pop();
        let mut connection = known.unwrap_or_else(|| self.server.connect().expect("its own Redis answers"));
        let result = what(&mut connection).expect("its own Redis answers");
        idle().push(connection);
        result
    }
}

/// The wait, as an error; nothing where the request is admitted.
pub type Decision = Result<(), Nanos>;

fn decision(wait: u64) -> Decision {
    if wait == 0 { Ok(()) } else { Err(Nanos(wait)) }
}

/// The time of a request.
fn interval() -> u64 {
    RATE.per.0 / u64::from(RATE.allow)
}

pub fn gcra_by_script<'a>(pool: &'a Pool<'_>) -> impl Fn(Nanos, u64) -> Decision + Sync + 'a {
    let script = Script::new(include_str!("gcra.lua"));
    move |now, key| {
        let mut call = script.key(key);
        call.arg(now.0).arg(interval()).arg(RATE.per.0);
        decision(pool.with(|connection| call.invoke(connection)))
    }
}

pub fn rolling_log_by_script<'a>(pool: &'a Pool<'_>) -> impl Fn(Nanos, u64) -> Decision + Sync + 'a {
    let script = Script::new(include_str!("rolling_log.lua"));
    move |now, key| {
        let mut call = script.key(key);
        call.arg(now.0).arg(RATE.per.0).arg(RATE.allow);
        decision(pool.with(|connection| call.invoke(connection)))
    }
}

/// Naive: between reading and writing, others read the same.
pub fn gcra_in_two_steps<'a>(pool: &'a Pool<'_>) -> impl Fn(Nanos, u64) -> Decision + Sync + 'a {
    move |now, key| {
        let known: Option<u64> = pool.with(|connection| connection.get(key));
        let moved = known.unwrap_or(0).max(now.0) + interval();
        match moved.saturating_sub(now.0 + RATE.per.0) {
            0 => {
                pool.with(|connection| connection.set::<_, _, ()>(key, moved));
                Ok(())
            }
            wait => Err(Nanos(wait)),
        }
    }
}
