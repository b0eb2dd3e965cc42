//! Other well-known limiters.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use quotaproof::limiter::suite::{Answer, Population};
use quotaproof::policy::reading::Reading;
use quotaproof::time::Nanos;

use super::clocks::{NOW, ThreadTime};
use super::{Alone, Contender, Extent, Keys, Make, RATE, Together};

fn duration(time: Nanos) -> Duration {
    Duration::from_nanos(time.0)
}

/// It takes texts for keys: made beforehand, so that writing them is not measured.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| (0..1_200_000).map(|key: u32| key.to_string()).collect());

fn name(key: u64) -> Cow<'static, str> {
    match NAMES.get(key as usize) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(key.to_string()),
    }
}

/// Behind a lock, since `rate_limit` takes it exclusively. With the store that looks for idle keys at intervals: the
/// adaptive one looks through all keys at every request while its table is more than three quarters full.
fn throttlecrab(_: Population) -> Together {
    LazyLock::force(&NAMES);
    let limiter = Mutex::new(throttlecrab::RateLimiter::new(throttlecrab::PeriodicStore::new()));
    let (allow, per) = (i64::from(RATE.allow), RATE.per.as_secs() as i64);
    // Its store reads the clock once, to know when to look for idle keys first.
    let begun = wall_clock();
    Box::new(move |now, key, _| {
        let now = begun + duration(now);
        let mut limiter = limiter.lock().expect("no thread panics");
        let (admitted, told) = limiter.rate_limit(&name(key), allow, allow, per, 1, now).expect("a sound rate");
        Answer {
            admitted,
            remaining: Some(told.remaining as u32),
            retry_after: Some(Nanos(told.retry_after.as_nanos() as u64)),
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

fn ratelimit(_: Population) -> Together {
    NOW.set(0);
    let allow = u64::from(RATE.allow);
    let builder = ratelimit::Builder::with_clock(allow, ThreadTime);
    let limiter = builder.max_tokens(allow).initial_available(allow).build().expect("as many tokens as it holds");
    Box::new(move |now, _, _| {
        NOW.set(now.0);
        let waiting = |error| match error {
            ratelimit::TryWaitError::Insufficient(wait) => Nanos(wait.as_nanos() as u64),
            _ => Nanos::MAX,
        };
        limiter.try_wait().map_err(waiting).into()
    })
}

/// Filled up at intervals, which begin when it is made.
fn leaky() -> leaky_bucket::RateLimiter {
    let allow = RATE.allow as usize;
    let mut builder = leaky_bucket::RateLimiter::builder();
    builder.max(allow).initial(allow).refill(allow).interval(duration(RATE.per)).build()
}

fn leaky_bucket(_: Population) -> Together {
    let limiter = leaky();
    Box::new(move |_, _, _| limiter.try_acquire(1).into())
}

/// It reads tokio's clock, which in a runtime that is paused goes on as it is told. Each key's is made when it first asks.
fn leaky_bucket_told() -> Alone {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime of one thread");
    let (mut each, mut then) = (HashMap::new(), Nanos::ZERO);
    Box::new(move |now, key, _| {
        let passed = duration(now - std::mem::replace(&mut then, now));
        runtime.block_on(async {
            tokio::time::advance(passed).await;
            each.entry(key).or_insert_with(leaky).try_acquire(1).into()
        })
    })
}

fn pingora(_: Population) -> Together {
    let counter = pingora_limits::rate::Rate::new(duration(RATE.per));
    Box::new(move |_, key, _| (counter.observe(&key, 1) <= RATE.allow as isize).into())
}

pub fn all() -> [Contender; 4] {
    let of = |name, keys, claim, make| Contender {
        name,
        ours: false,
        keys,
        make: Make::Together(make),
        claim,
        told: None,
        extent: Extent::All,
    };
    let leaky_bucket = of("leaky-bucket", Keys::One, Some(Reading::IntervalRefill), leaky_bucket);
    [
        of("throttlecrab", Keys::Many, Some(Reading::TokenBucket), throttlecrab),
        of("pingora-limits", Keys::Many, None, pingora),
        of("ratelimit", Keys::One, Some(Reading::TokenBucket), ratelimit),
        Contender { told: Some(leaky_bucket_told), ..leaky_bucket },
    ]
}
