//! What the suite asks: a limiter of many keys that is told the time.

mod asynchronous;
mod threads;

pub use asynchronous::{Asynchronous, BoxedAnswers, poll_to_end};
pub use threads::Threads;

use std::hint::black_box;
use std::ops::Range;

use super::{Replay, Request};
use crate::limiter::Decision;
use crate::time::Nanos;

/// What a limiter says to a request. What it does not tell is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub admitted: bool,
    /// How much more would be admitted at this moment, after this request; looked at where it is admitted.
    pub remaining: Option<u32>,
    /// The shortest wait after which the request is admitted, if none comes before; looked at where it is refused.
    /// [`Nanos::MAX`] for never.
    pub retry_after: Option<Nanos>,
}

impl From<Decision> for Answer {
    #[inline]
    fn from(it: Decision) -> Answer {
        Answer { admitted: it.admitted, remaining: Some(it.remaining), retry_after: Some(it.retry_after) }
    }
}

/// Of a limiter that says no more than yes or no.
impl From<bool> for Answer {
    #[inline]
    fn from(admitted: bool) -> Answer {
        Answer { admitted, remaining: None, retry_after: None }
    }
}

/// Of a limiter that says how long to wait.
impl From<Result<(), Nanos>> for Answer {
    #[inline]
    fn from(result: Result<(), Nanos>) -> Answer {
        Answer { admitted: result.is_ok(), remaining: None, retry_after: result.err() }
    }
}

/// What became of requests side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Together {
    /// How many were admitted of each key, of as many keys as there was time for.
    pub admitted: Vec<u32>,
    /// For how many of the keys callers surely came at the same time: where that is hardly ever, nothing is known of what
    /// they do to each other.
    pub met: u64,
}

/// A limiter under test. A closure `|now, key, cost| …` is one for a single caller, [`Threads`] and [`Asynchronous`]
/// are ones for several at a time.
pub trait Subject {
    /// Decides one request, and counts it if it is admitted. Times begin at [`Nanos::ZERO`] with each new limiter.
    fn check(&mut self, now: Nanos, key: u64, cost: u32) -> Answer;

    /// Decides so many requests of each key that cost one each, side by side at one moment, and one key after the other.
    /// None where it has one caller only.
    fn check_together(&mut self, _now: Nanos, _keys: Range<u64>, _times: u32) -> Option<Together> {
        None
    }

    /// Decides so many requests, one after the other: what is timed. A decision is asked for through a pointer, as if its
    /// caller knew nothing of it.
    fn check_each(&mut self, requests: &mut Replay, times: usize) {
        let mut check = |now, key, cost| self.check(now, key, cost);
        let check: &mut dyn FnMut(Nanos, u64, u32) -> Answer = black_box(&mut check);
        for Request { now, key, cost } in (0..times).map(|_| requests.draw()) {
            black_box(check(now, key, cost));
        }
    }

    /// Nanoseconds for one decision of those that as many threads make at a time as there are replays, so many each. None
    /// where it has one caller only, or one task.
    fn time_together(&mut self, _replays: &mut [Replay], _each: u64) -> Option<f64> {
        None
    }
}

impl<F: FnMut(Nanos, u64, u32) -> A, A: Into<Answer>> Subject for F {
    fn check(&mut self, now: Nanos, key: u64, cost: u32) -> Answer {
        self(now, key, cost).into()
    }
}
