//! How long before its time a timer is set to fire, so that a thread which wakes up late is up in time.
//!
//! A sleeping thread wakes up late by tens of microseconds, about as many each time; how many depends on the machine and on
//! how idle it is. The lead follows the median of what was seen, and what is left of it once the thread is up is waited out by
//! looking at the clock. A higher quantile costs more of that than it gains.

use crate::time::Nanos;

/// Bounds what looking at the clock can cost.
const LONGEST: Nanos = Nanos::from_micros(60);
/// The lead is at most this part of the time to wait, or a busy shard would look at the clock instead of at its connections.
const PART: u64 = 4;
/// How far one wake-up moves the lead. Small and fixed, so that a stall of the machine teaches no more than any other late
/// wake-up; and the same up and down, which balances at the median.
const STEP: Nanos = Nanos::from_micros(1);

/// Learns by how much wake-ups are late.
#[derive(Debug, Default)]
pub struct Lead(Nanos);

impl Lead {
    /// How long before the end of a wait of this length the timer should fire.
    pub fn of(&self, wait: Nanos) -> Nanos {
        self.0.min(Nanos(wait.0 / PART))
    }

    /// A wake-up came so long after the timer was to fire.
    pub fn learn(&mut self, overshoot: Nanos) {
        self.0 = if overshoot > self.0 { (self.0 + STEP).min(LONGEST) } else { self.0.saturating_sub(STEP) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taught(overshoots: impl IntoIterator<Item = u64>) -> Nanos {
        let mut lead = Lead::default();
        overshoots.into_iter().for_each(|micros| lead.learn(Nanos::from_micros(micros)));
        lead.of(Nanos::from_secs(1))
    }

    #[test]
    fn it_follows_the_median_of_what_it_sees() {
        // Nine of sixteen take 7 us, the others 50: the mean is 26.
        let lead = taught((0..4_000).map(|step| if step * 7 % 16 < 9 { 7 } else { 50 }));
        assert!((5..=12).contains(&(lead.0 / 1_000)), "{lead}");
        let lead = taught((0..4_000).map(|_| 40).chain((0..4_000).map(|_| 5)));
        assert!((4..=6).contains(&(lead.0 / 1_000)), "{lead}");
    }

    #[test]
    fn one_stall_moves_it_no_further_than_any_late_wake_up() {
        let calm = || (0..4_000).map(|_| 10);
        let stalled = taught(calm().chain([20_000]));
        assert!(stalled <= taught(calm()) + STEP + STEP, "{stalled}");
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut lead = Lead::default();
        assert_eq!(lead.of(Nanos::MAX), Nanos::ZERO);
        (0..1_000).for_each(|_| lead.learn(Nanos::MAX));
        assert_eq!(lead.of(Nanos::MAX), LONGEST);
        assert_eq!(lead.of(Nanos::from_micros(100)), Nanos::from_micros(25));
        assert_eq!(lead.of(Nanos::ZERO), Nanos::ZERO);
    }
}
