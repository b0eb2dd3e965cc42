//! Limiters whose state is in Redis.

use std::sync::{Mutex, PoisonError};

use quotaproof::limiter::Rate;
use quotaproof::limiter::suite::Claim;
use quotaproof::policy::reading::Reading;
use quotaproof::time::Nanos;
use redis::{Commands as _, Connection, RedisResult, Script};

use crate::server::Server;

pub const RATE: Rate = Rate { allow: 10, per: Nanos::from_secs(1) };

/// The wait, where the request is refused.
pub type Decision = Result<(), Nanos>;
pub type Check = Box<dyn Fn(&mut Connection, Nanos, u64) -> RedisResult<Decision> + Send + Sync>;

pub struct OverTheWire {
    pub name: &'static str,
    pub reading: Reading,
    pub check: Check,
}

impl OverTheWire {
    pub fn claim(&self) -> Claim {
        let claim = Claim::new(self.reading, RATE.allow, RATE.per);
        claim.every_request_costs_one().clock_only_goes_forward()
    }
}

pub fn gcra() -> OverTheWire {
    let script = Script::new(include_str!("gcra.lua"));
    let check = move |connection: &mut Connection, now: Nanos, key| {
        let mut call = script.key(key);
        call.arg(now.as_secs()).arg(beyond_seconds(now)).arg(interval()).arg(RATE.per.0);
        call.invoke(connection).map(decision)
    };
    OverTheWire { name: "GCRA, one script", reading: Reading::TokenBucket, check: Box::new(check) }
}

pub fn rolling_log() -> OverTheWire {
    let script = Script::new(include_str!("rolling_log.lua"));
    let check = move |connection: &mut Connection, now: Nanos, key| {
        let mut call = script.key(key);
        call.arg(now.as_secs()).arg(beyond_seconds(now)).arg(RATE.per.0).arg(RATE.allow);
        call.invoke(connection).map(decision)
    };
    OverTheWire { name: "rolling log, one script", reading: Reading::Rolling, check: Box::new(check) }
}

/// Naive: between reading and writing others read the same. `between` is called there.
pub fn gcra_in_two_steps(between: impl Fn() + Send + Sync + 'static) -> OverTheWire {
    let check = move |connection: &mut Connection, now: Nanos, key| {
        let known: Option<u64> = connection.get(key)?;
        between();
        let moved = known.unwrap_or(0).max(now.0) + interval();
        match moved.saturating_sub(now.0 + RATE.per.0) {
            0 => connection.set(key, moved).map(Ok),
            wait => Ok(Err(Nanos(wait))),
        }
    };
    OverTheWire { name: "GCRA, read and then written", reading: Reading::TokenBucket, check: Box::new(check) }
}

fn decision(wait: u64) -> Decision {
    if wait == 0 { Ok(()) } else { Err(Nanos(wait)) }
}

/// The time of a request.
fn interval() -> u64 {
    RATE.per.0 / u64::from(RATE.allow)
}

fn beyond_seconds(now: Nanos) -> u64 {
    now.0 % 1_000_000_000
}

/// Connections that are not in use, for callers that come and go.
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

    /// # Panics
    /// If the server does not answer: nothing can be measured then.
    pub fn with<T>(&self, what: impl FnOnce(&mut Connection) -> RedisResult<T>) -> T {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle().pop();
        let mut connection = known.unwrap_or_else(|| self.server.connect().expect("its own Redis answers"));
        let result = what(&mut connection).expect("its own Redis answers");
        idle().push(connection);
        result
    }
}
