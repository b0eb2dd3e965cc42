//! When to conclude that a target cannot be reached at all: after enough attempts over a while, and never again once a
//! single connection has come about.

use super::control::Control;
use crate::time::Nanos;

/// How long attempts may fail before the rest of the run is pointless. A server that is just being restarted is back by
/// then, more often than not.
const PATIENCE: Nanos = Nanos::from_secs(10);
/// Fewer failed attempts than this, over all shards, prove nothing.
const FEWEST: u64 = 3;

/// One shard's view; what all shards saw is in [`Control`].
#[derive(Debug, Default)]
pub struct Reach {
    /// When to draw the conclusion.
    verdict_at: Option<Nanos>,
    last_error: Option<String>,
}

impl Reach {
    /// A request failed because there was no connection.
    pub fn failed(&mut self, at: Nanos, error: String, control: &Control) {
        if control.ever_connected() {
            return self.settle();
        }
        control.not_connected();
        self.verdict_at.get_or_insert(at.saturating_add(PATIENCE));
        self.last_error = Some(error);
    }

    /// When to ask for the conclusion next.
    pub fn verdict_at(&self) -> Nanos {
        self.verdict_at.unwrap_or(Nanos::MAX)
    }

    /// Gives the run up if that is due. Where too few attempts were made so far, it waits for more.
    pub fn judge(&mut self, now: Nanos, control: &Control) {
        if now < self.verdict_at() {
            return;
        }
        if control.ever_connected() {
            self.settle();
        } else if control.failed_to_connect() >= FEWEST {
            control.give_up();
            self.verdict_at = None;
        } else {
            self.verdict_at = Some(now.saturating_add(PATIENCE));
        }
    }

    /// What the system said of the last attempt, if none of them succeeded.
    pub fn into_last_error(self) -> Option<String> {
        self.last_error
    }

    fn settle(&mut self) {
        *self = Reach::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::control::Stop;
    use super::*;

    const REFUSED: &str = "connection refused";

    fn secs(secs: u64) -> Nanos {
        Nanos::from_secs(secs)
    }

    /// Attempts that fail at these seconds, and how the run stands after each.
    fn stopped(reach: &mut Reach, control: &Control, seconds: &[u64]) -> Vec<Option<Stop>> {
        let after = |&second: &u64| {
            reach.failed(secs(second), REFUSED.to_owned(), control);
            reach.judge(secs(second), control);
            control.stopped()
        };
        seconds.iter().map(after).collect()
    }

    #[test]
    fn a_run_is_given_up_ten_seconds_after_the_first_failure() {
        let (mut reach, control) = (Reach::default(), Control::default());
        assert_eq!(stopped(&mut reach, &control, &[30, 31, 32, 39]), [None; 4]);
        assert_eq!(reach.verdict_at(), secs(40));
        reach.judge(secs(40), &control);
        assert_eq!(control.stopped(), Some(Stop::Unreachable));
        assert_eq!(reach.into_last_error().as_deref(), Some(REFUSED));
    }

    #[test]
    fn time_alone_proves_nothing() {
        let (mut reach, control) = (Reach::default(), Control::default());
        reach.judge(secs(60), &control);
        assert_eq!((control.stopped(), reach.verdict_at()), (None, Nanos::MAX), "nothing was tried");
        assert_eq!(stopped(&mut reach, &control, &[60, 70]), [None; 2], "two attempts");
        assert_eq!(reach.verdict_at(), secs(80));
        assert_eq!(stopped(&mut reach, &control, &[75, 80]), [None, Some(Stop::Unreachable)]);
    }

    #[test]
    fn one_connection_of_any_shard_settles_it() {
        let (mut reach, control) = (Reach::default(), Control::default());
        stopped(&mut reach, &control, &[0, 1, 2, 3]);
        control.connected();
        reach.judge(secs(10), &control);
        assert_eq!((control.stopped(), reach.verdict_at()), (None, Nanos::MAX));
        assert_eq!(stopped(&mut reach, &control, &[11, 60, 600]), [None; 3]);
        assert_eq!(reach.into_last_error(), None);
    }

    #[test]
    fn attempts_of_all_shards_count_together_and_who_stopped_first_stays() {
        let control = Control::default();
        let mut shards = [Reach::default(), Reach::default(), Reach::default()];
        shards.iter_mut().for_each(|reach| reach.failed(secs(0), REFUSED.to_owned(), &control));
        shards[1].judge(secs(10), &control);
        assert_eq!(control.stopped(), Some(Stop::Unreachable));
        control.stop();
        assert_eq!(control.stopped(), Some(Stop::Unreachable));
    }
}
