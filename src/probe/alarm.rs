//! Signs that going on would do harm.

use super::exchange::Answer;
use super::prober::End;
use super::witness::Witness;
use crate::time::Nanos;

/// What the answers so far have in common.
#[derive(Clone, Copy, Debug)]
pub struct Alarm {
    /// In a row.
    barred: u32,
    /// Without an answer, in a row.
    lost: u32,
    /// The longest wait that the documents explain.
    explained: Nanos,
    /// The longest that was told.
    told: Nanos,
    /// How often it has grown beyond what is explained.
    grown: u32,
}

const MOST_BARRED: u32 = 2;
const MOST_LOST: u32 = 12;
/// A wait grows where it is longer than each before it by half of that at least, and so often beyond reason.
const MOST_GROWN: u32 = 2;
/// A wait that is so many times too long may be told in milliseconds: that is a defect, and no ban.
const MILLI: u64 = 1_000;

impl Alarm {
    /// Waits are measured by the longest that the documents explain.
    pub fn new(explained: Nanos) -> Alarm {
        Alarm { barred: 0, lost: 0, explained, told: Nanos::ZERO, grown: 0 }
    }

    /// Takes the answers to requests that were sent together, and says why nothing more should be sent, if so.
    pub fn watch<'a>(&mut self, witnesses: impl Iterator<Item = &'a Witness>) -> Option<End> {
        let mut longest = Nanos::ZERO;
        for witness in witnesses {
            let answer = witness.answer();
            self.lost = if answer == Answer::Lost { self.lost + 1 } else { 0 };
            self.barred = if answer == Answer::Barred { self.barred + 1 } else { 0 };
            longest = longest.max(witness.claimed.unwrap_or_default());
        }
        self.told_to_wait(longest);
        if self.barred >= MOST_BARRED {
            Some(End::Barred)
        } else if self.grown >= MOST_GROWN {
            Some(End::HintsGrow)
        } else if self.lost >= MOST_LOST {
            Some(End::NoAnswers)
        } else {
            None
        }
    }

    fn told_to_wait(&mut self, wait: Nanos) {
        let is_milliseconds = wait.as_secs().is_multiple_of(MILLI) && wait <= self.explained * MILLI;
        let is_longer = wait > self.told && wait >= self.told.saturating_add(Nanos(self.told.0 / 2));
        if is_longer {
            self.grown += u32::from(wait > self.explained && !is_milliseconds);
            self.told = wait;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::signals::Signal;
    use crate::probe::witness::Guise;

    /// Why it stops, and after how many answers.
    fn alarmed(answers: &[(u16, Option<u32>)]) -> Option<(End, usize)> {
        let mut alarm = Alarm::new(Nanos::from_secs(10));
        let ends = answers.iter().map(|&(status, wait)| {
            let claimed = wait.map(|seconds| Nanos::from_secs(seconds.into()));
            let signal = Signal { refused: status == 429, ..Signal::default() };
            let (sent, done) = (Nanos::ZERO, Nanos(1));
            let witness =
                Witness { client: 0, guise: Guise::Own, sent, done, status, claimed, signal, seen: String::new() };
            alarm.watch(std::iter::once(&witness))
        });
        ends.zip(1..).find_map(|(end, count)| end.map(|end| (end, count)))
    }

    fn waits<const N: usize>(seconds: [u32; N]) -> Option<(End, usize)> {
        alarmed(&seconds.map(|seconds| (429, Some(seconds))))
    }

    #[test]
    fn waits_that_grow_beyond_what_documents_explain_end_it_however_they_grow() {
        assert_eq!(waits([2, 30, 60, 120, 300, 900, 3_600]), Some((End::HintsGrow, 3)));
        assert_eq!(waits([1, 2, 4, 8, 16, 32]), Some((End::HintsGrow, 6)));
        assert_eq!(waits([7, 7, 14, 14, 21, 28]), Some((End::HintsGrow, 5)));
        assert_eq!(waits([60, 3, 60, 9, 100]), Some((End::HintsGrow, 5)), "what lies between makes no difference");
    }

    #[test]
    fn waits_within_a_window_or_longer_by_the_same_end_nothing() {
        assert_eq!(waits([3, 10, 1, 10, 9, 2, 10]), None);
        assert_eq!(waits([600, 600, 599, 600, 600]), None, "another window than documented");
        assert_eq!(waits([3_000, 9_000, 10_000, 2_000]), None, "milliseconds are a defect, and no ban");
    }

    #[test]
    fn what_is_barred_or_to_be_paid_for_twice_running_ends_it() {
        for status in [401, 402, 403, 451] {
            assert_eq!(alarmed(&[(200, None), (status, None), (status, None)]), Some((End::Barred, 3)));
        }
        assert_eq!(alarmed(&[(401, None), (200, None), (403, None), (200, None)]), None);
        assert_eq!(alarmed(&[(500, None); 20]), Some((End::NoAnswers, 12)));
        assert_eq!(alarmed(&[(302, None); 20]), Some((End::NoAnswers, 12)));
    }
}
