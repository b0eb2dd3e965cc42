//! One answer held against what the past allows.

use super::Answer;
use crate::time::Nanos;

/// What may come, told from everything that ever came: an [`super::Oracle`], or a naive limiter of another kind.
pub trait Past {
    /// What may come at a moment, if nothing comes before; never less later.
    fn left(&self, now: Nanos) -> u32;

    fn fits(&self, now: Nanos, cost: u32) -> bool {
        cost <= self.left(now)
    }

    /// The shortest wait after which so much fits, if nothing comes before; None where that is never.
    fn wait(&self, now: Nanos, cost: u32) -> Option<Nanos> {
        if !self.fits(Nanos::MAX, cost) {
            return None;
        }
        let (mut too_short, mut enough) = (0, u64::MAX - now.0);
        if self.fits(now, cost) {
            return Some(Nanos::ZERO);
        }
        while enough - too_short > 1 {
            let middle = too_short + (enough - too_short) / 2;
            if self.fits(now + Nanos(middle), cost) { enough = middle } else { too_short = middle }
        }
        Some(Nanos(enough))
    }
}

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

/// Judges the answer to a request that the past has not counted yet.
pub fn judge(past: &impl Past, now: Nanos, cost: u32, answer: Answer) -> Option<Wrong> {
    let left = past.left(now);
    match (answer.admitted, past.fits(now, cost)) {
        (true, false) => Some(Wrong::Admitted),
        (false, true) => Some(Wrong::Refused),
        (true, true) => answer.remaining.filter(|&remaining| remaining != left - cost).map(|_| Wrong::Remaining),
        (false, false) => judge_wait(past, now, cost, answer.retry_after?),
    }
}

/// Waited exactly that, it fits; a nanosecond less, it does not. A wait beyond the end of the clock is as good as never.
fn judge_wait(past: &impl Past, now: Nanos, cost: u32, wait: Nanos) -> Option<Wrong> {
    let longest = Nanos(u64::MAX - now.0);
    if wait <= longest && wait != Nanos::MAX && !past.fits(now + wait, cost) {
        return Some(Wrong::ShortWait(past.wait(now, cost).map(|right| right.saturating_sub(wait))));
    }
    let too_short = if wait <= longest { wait.saturating_sub(Nanos(1)) } else { longest };
    let fits = past.fits(now + too_short, cost);
    fits.then(|| Wrong::LongWait(wait.saturating_sub(past.wait(now, cost).unwrap_or(wait))))
}
