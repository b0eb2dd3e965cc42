//! Limiters that are wrong on purpose, each in one way. They tell what they do, as an honest one would.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::task::Poll;

use quotaproof::limiter::suite::{Answer, Subject};
use quotaproof::limiter::{Algorithm, Decision, FixedFirstHit, Gcra, Keyed, Rate, Tat};
use quotaproof::time::Nanos;

/// A fixed window that passes for a rolling one.
pub fn double_at_the_edge(rate: Rate) -> impl Subject {
    let mut keyed = Keyed::new(move || FixedFirstHit::new(rate));
    move |now, key, cost| keyed.check(now, key, cost)
}

/// Every second key gets a fifth of what is due to it.
pub fn unfair(rate: Rate) -> impl Subject {
    let least = Rate { allow: rate.allow / 5, ..rate };
    let [mut favoured, mut starved] = [rate, least].map(|rate| Keyed::new(Gcra::new(rate, rate.allow).unwrap()));
    move |now, key: u64, cost| match key % 2 {
        0 => favoured.check(now, key, cost),
        _ => starved.check(now, key, cost),
    }
}

/// When requests of a key came, each one as often as it costs.
type Log = HashMap<u64, Vec<Nanos>>;

/// Whether it may come, by what was read before.
fn fits(log: &[Nanos], rate: Rate, now: Nanos, cost: u32) -> bool {
    let counting = log.iter().filter(|at| now - **at < rate.per).count();
    counting + cost as usize <= rate.allow as usize
}

/// Cost more than ever fits is not written down one by one.
fn write(log: &mut Vec<Nanos>, rate: Rate, now: Nanos, cost: u32) {
    let cost = cost.min(rate.allow.saturating_add(1));
    log.extend((0..cost).map(|_| now));
}

/// Lets others go on in between.
pub async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Of a store over the network, which is asked first and told after.
pub fn read_then_write(rate: Rate) -> impl AsyncFn(Nanos, u64, u32) -> bool {
    let log: RefCell<(Log, Nanos)> = RefCell::default();
    async move |now, key, cost| {
        let now = steady(&mut log.borrow_mut().1, now);
        let admitted = fits(log.borrow_mut().0.entry(key).or_default(), rate, now, cost);
        yield_once().await;
        if admitted {
            write(log.borrow_mut().0.entry(key).or_default(), rate, now, cost);
        }
        admitted
    }
}

/// The lock is let go in between, and other threads than the one that made it let others go on.
pub fn read_then_write_in_threads(rate: Rate) -> impl Fn(Nanos, u64, u32) -> bool + Sync {
    let log: Mutex<(Log, Nanos)> = Mutex::default();
    let maker = std::thread::current().id();
    move |now, key, cost| {
        let now = steady(&mut log.lock().unwrap().1, now);
        let admitted = fits(log.lock().unwrap().0.entry(key).or_default(), rate, now, cost);
        if std::thread::current().id() != maker {
            std::thread::yield_now();
        }
        if admitted {
            write(log.lock().unwrap().0.entry(key).or_default(), rate, now, cost);
        }
        admitted
    }
}

/// GCRA whose arrival times are read and written, and not exchanged for what was read. Nothing but another thread comes in
/// between, and no lock is held meanwhile: not even the one by which an arrival time is found.
pub fn load_then_store(rate: Rate) -> impl Fn(Nanos, u64, u32) -> bool + Sync {
    let arrivals: RwLock<HashMap<u64, AtomicU64>> = RwLock::default();
    move |now, key, _| {
        if let Some(arrival) = arrivals.read().unwrap().get(&key) {
            return move_on(arrival, rate, now);
        }
        arrivals.write().unwrap().entry(key).or_default();
        move_on(&arrivals.read().unwrap()[&key], rate, now)
    }
}

/// Counts behind one lock, which is let go between reading and writing: the race that is written most often.
pub fn count_behind_a_lock(rate: Rate) -> impl Fn(Nanos, u64, u32) -> bool + Sync {
    let log: Mutex<HashMap<u64, u64>> = Mutex::default();
    move |now, key, _| {
        let arrival = AtomicU64::new(log.lock().unwrap().get(&key).copied().unwrap_or_default());
        let admitted = move_on(&arrival, rate, now);
        if admitted {
            log.lock().unwrap().insert(key, arrival.into_inner());
        }
        admitted
    }
}

fn move_on(arrival: &AtomicU64, rate: Rate, now: Nanos) -> bool {
    let moved = arrival.load(Ordering::SeqCst).max(now.0) + rate.per.0 / u64::from(rate.allow);
    let admitted = moved <= now.0 + rate.per.0;
    if admitted {
        arrival.store(moved, Ordering::SeqCst);
    }
    admitted
}

fn steady(latest: &mut Nanos, now: Nanos) -> Nanos {
    *latest = now.max(*latest);
    *latest
}

/// A bucket that takes each moment for the one up to which it is filled, also when it lies before the last.
pub fn refilled_by_clock_skew(rate: Rate) -> impl Subject {
    let full = u128::from(rate.allow) * u128::from(rate.per.0);
    let mut buckets: HashMap<u64, (u128, Nanos)> = HashMap::new();
    move |now: Nanos, key: u64, cost: u32| {
        let (tokens, at) = buckets.entry(key).or_insert((full, now));
        let run_in = u128::from(now.saturating_sub(*at).0) * u128::from(rate.allow);
        (*tokens, *at) = (full.min(*tokens + run_in), now);
        let left = tokens.checked_sub(u128::from(cost) * u128::from(rate.per.0));
        *tokens = left.unwrap_or(*tokens);
        left.is_some()
    }
}

/// A log in which every request is written down, as in a transaction that adds before it counts.
pub fn charged_on_refusal(rate: Rate) -> impl Subject {
    let mut log: (Log, Nanos) = Default::default();
    move |now: Nanos, key: u64, cost: u32| {
        let now = steady(&mut log.1, now);
        let log = log.0.entry(key).or_default();
        let admitted = fits(log, rate, now, cost);
        write(log, rate, now, cost);
        let counting = log.iter().filter(|at| now - **at < rate.per).count() as u32;
        Answer { admitted, remaining: Some(rate.allow.saturating_sub(counting)), retry_after: None }
    }
}

/// Its clock loses a nanosecond with each refusal, as one whose refill is rounded down does.
pub fn late_by_refusals(rate: Rate) -> impl Subject {
    let mut keyed = gcra(rate);
    let mut lost: HashMap<u64, Nanos> = HashMap::new();
    move |now: Nanos, key: u64, cost: u32| {
        let lost = lost.entry(key).or_default();
        let admitted = keyed.check(now.saturating_sub(*lost), key, cost).admitted;
        *lost += Nanos(u64::from(!admitted));
        admitted
    }
}

/// What cost several and was refused uses up what was left.
pub fn charged_for_several(rate: Rate) -> impl Subject {
    let mut log: (Log, Nanos) = Default::default();
    move |now: Nanos, key: u64, cost: u32| {
        let now = steady(&mut log.1, now);
        let log = log.0.entry(key).or_default();
        let admitted = fits(log, rate, now, cost);
        let left = (1..=rate.allow).rev().find(|&left| fits(log, rate, now, left)).unwrap_or(0);
        write(log, rate, now, if admitted || cost < 2 { cost * u32::from(admitted) } else { left });
        admitted
    }
}

fn gcra(rate: Rate) -> Keyed<Gcra> {
    Keyed::new(Gcra::new(rate, rate.allow).unwrap())
}

/// A right limiter, whose decisions are told otherwise.
pub fn changed(rate: Rate, change: impl Fn(Decision) -> Decision) -> impl Subject {
    let mut keyed = gcra(rate);
    move |now, key, cost| change(keyed.check(now, key, cost))
}

pub const MILLI: Nanos = Nanos(1_000_000);

/// Rounded down; never stays never.
pub fn whole_millis(wait: Nanos) -> Nanos {
    if wait == Nanos::MAX { wait } else { Nanos(wait.0 / MILLI.0 * MILLI.0) }
}

/// To whole milliseconds; never stays never.
pub fn rounded_up(wait: Nanos) -> Nanos {
    if wait == Nanos::MAX { wait } else { Nanos(wait.0.next_multiple_of(MILLI.0)) }
}

/// Takes different keys for the same.
pub fn knows_keys_by(rate: Rate, hash: fn(u64) -> u64) -> impl Subject {
    let mut keyed = gcra(rate);
    move |now, key, cost| keyed.check(now, hash(key), cost)
}

/// Forgets everybody when there are too many.
pub fn forgets_beyond(rate: Rate, most: usize) -> impl Subject {
    let mut keyed = gcra(rate);
    move |now, key, cost| {
        if keyed.len() >= most {
            keyed = gcra(rate);
        }
        keyed.check(now, key, cost)
    }
}

/// Forgets keys that are as good as new, and with them how late it was.
pub fn forgets_how_late_it_was(rate: Rate) -> impl Subject {
    const SWEEP_EVERY: usize = 1_000;
    let gcra = Gcra::new(rate, rate.allow).unwrap();
    let mut keys: HashMap<u64, Tat> = HashMap::new();
    move |now: Nanos, key: u64, cost: u32| {
        if !keys.contains_key(&key) && keys.len() % SWEEP_EVERY == SWEEP_EVERY - 1 {
            keys.retain(|_, tat| !gcra.is_new(tat, now));
        }
        gcra.check(keys.entry(key).or_insert(Tat::NEW), now, cost)
    }
}
