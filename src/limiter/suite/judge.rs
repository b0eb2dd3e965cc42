//! One answer held against what the oracle says.

use super::{Answer, Oracle};
use crate::time::Nanos;

/// What can be wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    Admitted,
    Refused,
    /// By how much more the wait would have to be; None where it is never long enough.
    ShortWait(Option<Nanos>),
    /// By how much it is longer than it has to be.
    LongWait(Nanos),
    Remaining,
}

/// Judges the answer to a request that the oracle has not counted yet.
pub fn judge(oracle: &Oracle, now: Nanos, cost: u32, answer: Answer) -> Option<Wrong> {
    let left = oracle.left(now);
    match (answer.admitted, cost <= left) {
        (true, false) => Some(Wrong::Admitted),
        (false, true) => Some(Wrong::Refused),
        (true, true) => answer.remaining.filter(|&remaining| remaining != left - cost).map(|_| Wrong::Remaining),
        (false, false) => judge_wait(oracle, now, cost, answer.retry_after?),
    }
}

/// Waited exactly that, it fits; a nanosecond less, it does not. A wait beyond the end of the clock is as good as never.
fn judge_wait(oracle: &Oracle, now: Nanos, cost: u32, wait: Nanos) -> Option<Wrong> {
    let longest = Nanos(u64::MAX - now.0);
    if wait <= longest && wait != Nanos::MAX && !oracle.fits(now + wait, cost) {
        return Some(Wrong::ShortWait(oracle.wait(now, cost).map(|right| right.saturating_sub(wait))));
    }
    let too_short = if wait <= longest { wait.saturating_sub(Nanos(1)) } else { longest };
    let fits = oracle.fits(now + too_short, cost);
    fits.then(|| Wrong::LongWait(wait.saturating_sub(oracle.wait(now, cost).unwrap_or(wait))))
}
