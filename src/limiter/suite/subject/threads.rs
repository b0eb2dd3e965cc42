//! A limiter that threads share.

use std::hint::black_box;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::Mutex;

use super::{Answer, Subject, Together};
use crate::clock::Clock;
use crate::limiter::suite::crowd::{ns_for_a_decision, threads};
use crate::limiter::suite::{Replay, Request};
use crate::time::Nanos;

/// Around a closure that several threads may call at a time. Two to four of them ask for thousands of keys, up to two
/// seconds long; where they hardly ever run at once, as on a busy machine, that is not looked at. What never happens is not found: threads that were just held up by one lock, which finds the key,
/// hardly ever meet in the few nanoseconds after it.
pub struct Threads<F>(pub F);

impl<F: Fn(Nanos, u64, u32) -> A + Sync, A: Into<Answer>> Subject for Threads<F> {
    fn check(&mut self, now: Nanos, key: u64, cost: u32) -> Answer {
        (self.0)(now, key, cost).into()
    }

    /// The threads stay alive from key to key: those that begin with each would be done one after the other.
    fn check_together(&mut self, now: Nanos, keys: Range<u64>, times: u32) -> Option<Together> {
        let _cores = CORES.lock();
        let (limiter, meetings) = (&self.0, &Meetings::new());
        let is_admitted = |key| -> bool { Into::<Answer>::into(limiter(now, key, 1)).admitted };
        let play = |place: u32| {
            let share = times / meetings.threads + u32::from(place < times % meetings.threads);
            let mut thread = Thread { meetings, leads: place == 0, met: 0, at_once: 0 };
            let ask = |key| (0..share).filter(|_| is_admitted(key)).count() as u32;
            let begins = |(round, _): &(u64, u64)| thread.begin(*round);
            let admitted = (0..).zip(keys.clone()).take_while(begins).map(|(_, key)| ask(key)).collect();
            Together { admitted, met: thread.at_once }
        };
        let by_thread = thread::scope(|scope| {
            let playing: Vec<_> = (0..meetings.threads).map(|place| scope.spawn(move || play(place))).collect();
            let admitted = playing.into_iter().map(|thread| thread.join());
            admitted.collect::<Result<Vec<_>, _>>().unwrap_or_else(|panic| resume_unwind(panic))
        });
        by_thread.into_iter().reduce(|one, other| Together {
            admitted: one.admitted.iter().zip(other.admitted).map(|(one, other)| one + other).collect(),
            met: one.met.min(other.met),
        })
    }

    fn time_together(&mut self, replays: &mut [Replay], each: u64) -> Option<f64> {
        let ask = |Request { now, key, cost }: Request| {
            black_box(Into::<Answer>::into((self.0)(now, key, cost)));
        };
        let _cores = CORES.lock();
        Some(ns_for_a_decision(replays, each, &ask))
    }
}

/// Two limiters that are asked so at a time, by tests of one process say, would take the cores from each other.
static CORES: Mutex<()> = Mutex::new(());

/// Where threads meet before each round.
struct Meetings {
    threads: u32,
    /// How often one came.
    came: AtomicU64,
    /// The latest meeting at which one was waited for.
    late: AtomicU64,
    /// The meeting from which on it is over.
    over: AtomicU64,
    clock: Clock,
}

impl Meetings {
    /// Of threads on cores of their own, where there are as many.
    fn new() -> Self {
        let threads = threads().clamp(2, 4) as u32;
        let [came, late] = [0, 0].map(AtomicU64::new);
        Meetings { threads, came, late, over: AtomicU64::new(u64::MAX), clock: Clock::start() }
    }
}

struct Thread<'a> {
    meetings: &'a Meetings,
    leads: bool,
    /// At how many meetings it was.
    met: u64,
    /// How many rounds began with all of them running.
    at_once: u64,
}

impl Thread<'_> {
    /// Waits until all run at once, so that they begin within the blink in which a race takes place; where the machine
    /// does not let them for long, it begins all the same. False when it is over, which one of them says once it has
    /// taken long enough.
    fn begin(&mut self, round: u64) -> bool {
        const LEAST: u64 = 64;
        const LONGEST: Nanos = Nanos::from_secs(1);
        const TRIES: u32 = 50;
        for _ in 0..TRIES {
            if self.leads && self.meetings.clock.now() > LONGEST {
                self.meetings.over.fetch_min(self.met + 1, Ordering::SeqCst);
            }
            let at_once = self.meet_at_once();
            self.at_once += u64::from(at_once);
            if at_once || self.is_over() {
                break;
            }
        }
        round < LEAST || !self.is_over()
    }

    /// As of the latest meeting, so that all say the same.
    fn is_over(&self) -> bool {
        self.meetings.over.load(Ordering::SeqCst) <= self.met
    }

    /// Whether nobody was waited for. All say the same: what one sees at a meeting, all know after the next.
    fn meet_at_once(&mut self) -> bool {
        if self.meet() {
            self.meetings.late.store(self.met, Ordering::SeqCst);
        }
        self.meet();
        self.meetings.late.load(Ordering::SeqCst) + 1 < self.met
    }

    /// Whether it took long. They are woken by nobody; whoever waits long lets others go on, perhaps for its own core.
    fn meet(&mut self) -> bool {
        const SPINS: u32 = 1_000;
        let meetings = self.meetings;
        self.met += 1;
        meetings.came.fetch_add(1, Ordering::SeqCst);
        let mut spins = 0;
        while meetings.came.load(Ordering::SeqCst) < self.met * u64::from(meetings.threads) {
            spins += 1;
            if spins < SPINS { std::hint::spin_loop() } else { thread::yield_now() }
        }
        spins >= SPINS
    }
}

/// Nobody waits for one whose limiter has panicked.
impl Drop for Thread<'_> {
    fn drop(&mut self) {
        const OF_ALL_MEETINGS: u64 = 1 << 48;
        if thread::panicking() {
            self.meetings.over.store(0, Ordering::SeqCst);
            self.meetings.came.fetch_add(OF_ALL_MEETINGS, Ordering::SeqCst);
        }
    }
}
