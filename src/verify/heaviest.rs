//! What the key asks for on and on that asks for most.
//!
//! A play begins and ends amid the rounds that requests come in, so that a mean over all of it is up to a round too high.
//! Whole windows, counted from the beginning of the play, hold whole rounds: each key's first window and the last of all are
//! left out.

use std::cmp::Ordering;

use crate::time::Nanos;

/// What one key has asked for, in requests or points.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    all: u32,
    first_window: u64,
    /// After the window of the first.
    later: u32,
}

/// The most of any key. One that has nothing left to remember may begin anew: it had caught up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heaviest {
    all: u32,
    /// The latest window in which something was asked, and where it ends.
    latest: u64,
    ends: Nanos,
    /// After each key's first window, with the latest of all and without.
    with_latest: u32,
    before_latest: u32,
    /// In whole windows, of keys that are through.
    settled: u32,
}

impl Heaviest {
    /// Takes what a key asked for at a moment; windows are so long.
    pub fn asked(&mut self, key: &mut Asked, at: Nanos, per: Nanos, cost: u32) {
        if at >= self.ends {
            self.latest = at.0 / per.0;
            self.ends = Nanos((self.latest + 1).saturating_mul(per.0));
            self.before_latest = self.with_latest;
        }
        if key.all == 0 {
            key.first_window = self.latest;
        }
        key.all = key.all.saturating_add(cost);
        if self.latest > key.first_window {
            key.later = key.later.saturating_add(cost);
        }
        self.all = self.all.max(key.all);
        self.with_latest = self.with_latest.max(key.later);
    }

    /// With other keys.
    pub fn merge(&mut self, other: Heaviest) {
        let before_latest = match self.latest.cmp(&other.latest) {
            Ordering::Less => self.with_latest.max(other.before_latest),
            Ordering::Equal => self.before_latest.max(other.before_latest),
            Ordering::Greater => self.before_latest.max(other.with_latest),
        };
        *self = Heaviest {
            all: self.all.max(other.all),
            latest: self.latest.max(other.latest),
            ends: self.ends.max(other.ends),
            with_latest: self.with_latest.max(other.with_latest),
            before_latest,
            settled: self.settled.max(other.settled),
        };
    }

    /// Nothing more comes of the keys so far, whose play ended at `ended`; others may begin anew.
    pub fn through(&mut self, ended: Nanos, per: Nanos) {
        let settled = self.settled.max(self.in_whole_windows(ended.0 / per.0));
        *self = Heaviest { all: self.all, settled, ..Heaviest::default() };
    }

    /// Of the keys that are not through, before the window that was cut off.
    fn in_whole_windows(&self, cut: u64) -> u32 {
        if self.latest < cut { self.with_latest } else { self.before_latest }
    }

    /// Per window, rounded up, of what was asked from `first` on until `ended`. Where that holds no whole window, `dearest`
    /// is what a request costs at most.
    pub fn mean(&self, first: Nanos, ended: Nanos, per: Nanos, dearest: u32) -> u32 {
        let cut = ended.0 / per.0;
        let (asked, windows) = match cut.saturating_sub(first.0 / per.0 + 1) {
            // The first request stands at the beginning of the first interval, and not at the end of one.
            0 => {
                let used = ended.saturating_sub(first).max(per);
                (u128::from(self.all.saturating_sub(dearest)) * u128::from(per.0), u128::from(used.0))
            }
            whole => (u128::from(self.settled.max(self.in_whole_windows(cut))), u128::from(whole)),
        };
        u32::try_from(asked.div_ceil(windows)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PER: Nanos = Nanos::from_secs(60);

    fn heaviest(requests: &[(u64, usize)]) -> Heaviest {
        let (mut heaviest, mut keys) = (Heaviest::default(), [Asked::default(); 4]);
        for &(at, key) in requests {
            heaviest.asked(&mut keys[key], Nanos::from_millis(at), PER, 1);
        }
        heaviest
    }

    fn mean(requests: &[(u64, usize)], ended_s: u64) -> u32 {
        let first = requests.iter().map(|(at, _)| *at).min().unwrap();
        heaviest(requests).mean(Nanos::from_millis(first), Nanos::from_secs(ended_s), PER, 1)
    }

    #[test]
    fn rounds_that_a_play_begins_and_ends_with_do_not_raise_the_mean() {
        // Five at once, every five seconds.
        let rounds = |begin: u64, end: u64| -> Vec<(u64, usize)> {
            (begin..end * 1_000).step_by(5_000).flat_map(|at| (0..5).map(move |each| (at + each, 0))).collect()
        };
        for (begin, end) in [(2_500, 150), (0, 150), (4_999, 600), (2_500, 183), (1, 180)] {
            assert_eq!(mean(&rounds(begin, end), end), 60, "{begin} ms to {end} s");
        }
        assert_eq!(mean(&[(0, 0), (30_000, 0), (60_000, 0), (90_000, 0)], 100), 2, "no whole window after the first");
        assert_eq!(mean(&[(0, 0), (100, 0), (200, 0)], 1), 2, "never more than came");
    }

    proptest! {
        #[test]
        fn keys_may_be_played_one_after_the_other(mut requests in prop::collection::vec((0u64..600_000, 0usize..4), 1..40)) {
            requests.sort_unstable();
            let first = Nanos::from_millis(requests[0].0);
            let ended = Nanos::from_millis(requests[requests.len() - 1].0 + 1);
            let (mut heaviest, mut keys) = (Heaviest::default(), [Asked::default(); 4]);
            for (key, asked) in keys.iter_mut().enumerate() {
                for (at, _) in requests.iter().filter(|(_, of)| *of == key) {
                    heaviest.asked(asked, Nanos::from_millis(*at), PER, 1);
                }
                heaviest.through(ended, PER);
            }
            prop_assert_eq!(heaviest.mean(first, ended, PER, 1), self::heaviest(&requests).mean(first, ended, PER, 1));
        }

        #[test]
        fn keys_may_be_counted_apart(mut requests in prop::collection::vec((0u64..600_000, 0usize..4), 1..40), parted in 0usize..4) {
            requests.sort_unstable();
            let (one, other): (Vec<_>, Vec<_>) = requests.iter().partition(|(_, key)| *key < parted);
            let mut merged = heaviest(&one);
            merged.merge(heaviest(&other));
            let first = Nanos::from_millis(requests[0].0);
            // In the latest window, and after it.
            let last = Nanos::from_millis(requests[requests.len() - 1].0);
            for ended in [last, last.saturating_add(PER)] {
                prop_assert_eq!(merged.mean(first, ended, PER, 1), heaviest(&requests).mean(first, ended, PER, 1));
            }
        }
    }
}
