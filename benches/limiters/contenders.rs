//! Who takes part, and how each is asked. Whoever can be told the time is, so that the algorithm is measured and not a
//! clock.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use governor::clock::{Clock, Reference};
use governor::{Quota, RateLimiter};
use quotaproof::limiter::suite::{Claim, Subject};
use quotaproof::limiter::{
    AtomicGcra, FixedAligned, FixedFirstHit, Gcra, IntervalRefill, Keyed, LeakyBucket, Rate, RollingCounter,
    RollingLog, Sharded, TokenBucket,
};
use quotaproof::policy::reading::Reading;
use quotaproof::time::{Anchor, Nanos};

/// What all of them enforce.
pub const RATE: Rate = Rate { allow: 10, per: Nanos::from_secs(1) };
const ALLOW: u32 = RATE.allow;

/// A contender, apart from what makes it.
#[derive(Clone, Copy)]
pub struct About {
    pub name: &'static str,
    pub ours: bool,
    pub keys: Keys,
    /// What it claims to be; None where its clock is its own, so that nobody can tell how right it is without waiting.
    pub claim: Option<Reading>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    One,
    Many,
}

impl About {
    pub fn claim(&self) -> Option<Claim> {
        let claim = Claim::new(self.claim?, RATE.allow, RATE.per);
        Some(claim.every_request_costs_one().clock_only_goes_forward())
    }
}

/// Is shown every contender with one caller.
pub trait Visitor {
    fn visit<S: Subject>(&mut self, about: About, make: impl Fn() -> S);
}

/// Is shown every contender that threads may share.
pub trait SharedVisitor {
    fn visit<F: Fn(Nanos, u64) -> bool + Sync>(&mut self, about: About, make: impl Fn() -> F);
}

pub fn visit(visitor: &mut impl Visitor) {
    ours(visitor);
    others(visitor);
}

fn ours(visitor: &mut impl Visitor) {
    let anchor = Anchor { unix_nanos: 0 };
    let about = |name, reading| About { name, ours: true, keys: Keys::Many, claim: Some(reading) };
    macro_rules! keyed {
        ($name:literal, $reading:ident, $algorithm:expr) => {
            visitor.visit(about($name, Reading::$reading), || {
                let mut limiter = Keyed::new($algorithm);
                move |now, key, cost| limiter.check(now, key, cost)
            });
        };
    }
    keyed!("GCRA", TokenBucket, gcra());
    keyed!("token bucket", TokenBucket, || TokenBucket::new(RATE, ALLOW));
    keyed!("leaky bucket", LeakyBucket, || LeakyBucket::new(RATE, 0));
    keyed!("interval refill", IntervalRefill, || IntervalRefill::new(RATE, ALLOW));
    keyed!("fixed window, on the clock", FixedAligned, move || FixedAligned::new(RATE, anchor));
    keyed!("fixed window, from the first hit", FixedFirstHit, || FixedFirstHit::new(RATE));
    keyed!("rolling counter", RollingCounter, move || RollingCounter::new(RATE, anchor));
    keyed!("rolling log", Rolling, || RollingLog::new(RATE));
    visitor.visit(about("GCRA, for threads", Reading::TokenBucket), || {
        let limiter = Sharded::new(gcra());
        move |now, key, cost| limiter.check(now, key, cost)
    });
    visitor.visit(About { keys: Keys::One, ..about("GCRA, one key", Reading::TokenBucket) }, || {
        let limiter = AtomicGcra::new(gcra());
        move |now, _, cost| limiter.check(now, cost)
    });
}

fn others(visitor: &mut impl Visitor) {
    let about = |name, keys, claim| About { name, ours: false, keys, claim };
    visitor.visit(about("governor, direct", Keys::One, Some(Reading::TokenBucket)), || {
        let limiter = governor_direct();
        move |now: Nanos, _: u64, _: u32| {
            NOW.set(now.0);
            limiter.check().map_err(|not_until| wait(not_until.earliest_possible().0, now))
        }
    });
    visitor.visit(about("governor, hashmap", Keys::Many, Some(Reading::TokenBucket)), || {
        let limiter = RateLimiter::hashmap_with_clock(quota(), ThreadTime);
        move |now: Nanos, key: u64, _| {
            NOW.set(now.0);
            limiter.check_key(&key).map_err(|not_until| wait(not_until.earliest_possible().0, now))
        }
    });
    visitor.visit(about("governor, dashmap", Keys::Many, Some(Reading::TokenBucket)), || {
        let limiter = governor_dashmap();
        move |now: Nanos, key: u64, _| {
            NOW.set(now.0);
            limiter.check_key(&key).map_err(|not_until| wait(not_until.earliest_possible().0, now))
        }
    });
    visitor.visit(about("throttlecrab", Keys::Many, Some(Reading::TokenBucket)), || {
        let mut limiter = throttlecrab();
        move |now, key, _| throttled(&mut limiter, now, key)
    });
    visitor.visit(about("ratelimit", Keys::One, Some(Reading::TokenBucket)), || {
        let limiter = ratelimit();
        move |now: Nanos, _, _| {
            NOW.set(now.0);
            limiter.try_wait().map_err(|error| match error {
                ratelimit::TryWaitError::Insufficient(wait) => Nanos(wait.as_nanos() as u64),
                _ => Nanos::MAX,
            })
        }
    });
    visitor.visit(about("leaky-bucket", Keys::One, None), || {
        let mut builder = leaky_bucket::RateLimiter::builder();
        let limiter = builder.max(ALLOW as usize).initial(ALLOW as usize).refill(1).interval(interval()).build();
        move |_, _, _| limiter.try_acquire(1)
    });
    visitor.visit(about("pingora-limits", Keys::Many, None), || {
        let counter = pingora_limits::rate::Rate::new(duration(RATE.per));
        move |_, key: u64, _| counter.observe(&key, 1) <= ALLOW as isize
    });
}

pub fn visit_shared(visitor: &mut impl SharedVisitor) {
    let about = |name, ours, keys| About { name, ours, keys, claim: None };
    visitor.visit(about("GCRA, one key", true, Keys::One), || {
        let limiter = AtomicGcra::new(gcra());
        move |now, _| limiter.check(now, 1).admitted
    });
    visitor.visit(about("GCRA, for threads", true, Keys::Many), || {
        let limiter = Sharded::new(gcra());
        move |now, key| limiter.check(now, key, 1).admitted
    });
    visitor.visit(about("governor, direct", false, Keys::One), || {
        let limiter = governor_direct();
        move |now: Nanos, _| {
            NOW.set(now.0);
            limiter.check().is_ok()
        }
    });
    visitor.visit(about("governor, dashmap", false, Keys::Many), || {
        let limiter = governor_dashmap();
        move |now: Nanos, key: u64| {
            NOW.set(now.0);
            limiter.check_key(&key).is_ok()
        }
    });
    visitor.visit(about("ratelimit", false, Keys::One), || {
        let limiter = ratelimit();
        move |now: Nanos, _| {
            NOW.set(now.0);
            limiter.try_wait().is_ok()
        }
    });
    visitor.visit(about("throttlecrab", false, Keys::Many), || {
        let limiter = Mutex::new(throttlecrab());
        move |now, key| throttled(&mut limiter.lock().expect("no thread panics"), now, key).is_ok()
    });
}

fn gcra() -> Gcra {
    Gcra::new(RATE, ALLOW).expect("its ticks are whole nanoseconds")
}

thread_local! {
    /// The time that the clocks of others show.
    static NOW: Cell<u64> = const { Cell::new(0) };
}

#[derive(Clone)]
struct ThreadTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(u64);

impl Clock for ThreadTime {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(NOW.get())
    }
}

impl std::ops::Add<governor::nanos::Nanos> for Moment {
    type Output = Moment;

    fn add(self, other: governor::nanos::Nanos) -> Moment {
        Moment(self.0 + u64::from(other))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Moment) -> governor::nanos::Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: governor::nanos::Nanos) -> Moment {
        Moment(self.0.checked_sub(u64::from(duration)).unwrap_or(self.0))
    }
}

impl ratelimit::Clock for ThreadTime {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(NOW.get())
    }
}

fn quota() -> Quota {
    let allow = NonZeroU32::new(ALLOW).expect("more than none");
    Quota::with_period(interval()).expect("some time").allow_burst(allow)
}

/// Between two requests of a steady client.
fn interval() -> Duration {
    duration(RATE.per) / ALLOW
}

fn duration(time: Nanos) -> Duration {
    Duration::from_nanos(time.0)
}

fn wait(until: u64, now: Nanos) -> Nanos {
    Nanos(until.saturating_sub(now.0))
}

type Direct = RateLimiter<
    governor::state::NotKeyed,
    governor::state::InMemoryState,
    ThreadTime,
    governor::middleware::NoOpMiddleware<Moment>,
>;
type Dashmap = RateLimiter<
    u64,
    governor::state::keyed::DashMapStateStore<u64>,
    ThreadTime,
    governor::middleware::NoOpMiddleware<Moment>,
>;

fn governor_direct() -> Direct {
    NOW.set(0);
    RateLimiter::direct_with_clock(quota(), ThreadTime)
}

fn governor_dashmap() -> Dashmap {
    NOW.set(0);
    RateLimiter::dashmap_with_clock(quota(), ThreadTime)
}

fn ratelimit() -> ratelimit::Ratelimiter<ThreadTime> {
    NOW.set(0);
    let allow = u64::from(ALLOW);
    let builder = ratelimit::Builder::with_clock(allow, ThreadTime);
    builder.max_tokens(allow).initial_available(allow).build().expect("as many tokens as it holds")
}

type Crab = throttlecrab::RateLimiter<throttlecrab::AdaptiveStore>;

fn throttlecrab() -> Crab {
    LazyLock::force(&NAMES);
    throttlecrab::RateLimiter::new(throttlecrab::AdaptiveStore::new())
}

fn throttled(limiter: &mut Crab, now: Nanos, key: u64) -> Result<(), Nanos> {
    let (allow, per) = (i64::from(ALLOW), RATE.per.as_secs() as i64);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + duration(now);
    let name = &NAMES[key as usize % NAMES.len()];
    let (admitted, result) = limiter.rate_limit(name, allow, allow, per, 1, now).expect("a sound rate");
    if admitted { Ok(()) } else { Err(Nanos(result.retry_after.as_nanos() as u64)) }
}

/// It takes texts for keys: made beforehand, so that writing them is not measured.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| (0..1_200_000).map(|key: u32| key.to_string()).collect());
