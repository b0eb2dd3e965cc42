//! Counts per second: how often something came in each second of the run.

use hdrhistogram::Histogram;

use crate::summary::RateSpread;
use crate::time::Nanos;

/// One count per second. Kept second by second until the run is over, because a histogram of one shard's seconds does not
/// add up to that of the whole fleet's: four bytes for each second up to the last one that counted anything.
#[derive(Clone, Debug)]
pub struct PerSecond {
    counts: Vec<u32>,
    /// Later seconds are no samples and are not kept.
    limit: usize,
}

impl PerSecond {
    /// For the whole seconds of a run of that length.
    pub fn new(duration: Nanos) -> Self {
        PerSecond { counts: Vec::new(), limit: duration.as_secs() as usize }
    }

    pub fn count(&mut self, at: Nanos) {
        let second = at.as_secs() as usize;
        if second >= self.limit {
            return;
        }
        if second >= self.counts.len() {
            self.counts.resize(second + 1, 0);
        }
        self.counts[second] += 1;
    }

    pub fn merge(&mut self, other: &PerSecond) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// Over the whole seconds until `ended`, or until the planned end if that comes first; each is one sample, zeros
    /// included.
    pub fn spread(&self, ended: Nanos) -> RateSpread {
        let seconds = self.limit.min(ended.as_secs() as usize);
        let kept = &self.counts[..self.counts.len().min(seconds)];
        if seconds == 0 {
            return RateSpread::default();
        }
        let histogram = self.histogram(kept, seconds);
        let max = kept.iter().copied().max().unwrap_or(0).into();
        // A bucket's upper edge may lie beyond every value in it.
        let at = |quantile| histogram.value_at_quantile(quantile).min(max);
        let sum: u64 = kept.iter().copied().map(u64::from).sum();
        RateSpread {
            seconds: seconds as u64,
            nonzero_seconds: kept.iter().filter(|&&count| count > 0).count() as u64,
            mean: sum as f64 / seconds as f64,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max,
        }
    }

    fn histogram(&self, kept: &[u32], seconds: usize) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, u32::MAX.into(), 3).expect("the bounds are constants");
        for &count in kept {
            histogram.saturating_record(count.into());
        }
        histogram.saturating_record_n(0, (seconds - kept.len()) as u64);
        histogram
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(duration: Nanos, times: impl IntoIterator<Item = Nanos>) -> PerSecond {
        let mut seconds = PerSecond::new(duration);
        times.into_iter().for_each(|at| seconds.count(at));
        seconds
    }

    #[test]
    fn every_whole_second_is_a_sample_and_zeros_are_among_them() {
        let times = [2_000, 2_100, 2_999, 7_000].map(Nanos::from_millis);
        let spread = of(Nanos::from_secs(60), times).spread(Nanos::from_millis(10_900));
        assert_eq!((spread.seconds, spread.nonzero_seconds, spread.max), (10, 2, 3));
        assert_eq!((spread.mean, spread.p50, spread.p90, spread.p99), (0.4, 0, 1, 3));
    }

    #[test]
    fn the_broken_second_at_the_end_and_the_time_after_it_are_no_samples() {
        let times = [100, 1_100, 2_100, 9_000_000].map(Nanos::from_millis);
        let seconds = of(Nanos::from_millis(2_500), times);
        assert_eq!(seconds.counts.len(), 2, "what is no sample is not kept");
        assert_eq!(seconds.spread(Nanos::from_secs(8)).seconds, 2);
        assert_eq!(seconds.spread(Nanos::from_secs(8)).mean, 1.0);
        assert_eq!(seconds.spread(Nanos::from_millis(1_900)).seconds, 1);
        assert_eq!(seconds.spread(Nanos::from_millis(900)), RateSpread::default());
    }

    proptest! {
        #[test]
        fn shards_add_up_second_by_second(
            left in prop::collection::vec(0..20_000u64, 0..100),
            right in prop::collection::vec(0..20_000u64, 0..100),
        ) {
            let duration = Nanos::from_secs(15);
            let times = |millis: &[u64]| millis.iter().copied().map(Nanos::from_millis).collect::<Vec<_>>();
            let mut merged = of(duration, times(&left));
            merged.merge(&of(duration, times(&right)));
            let whole = of(duration, times(&[left, right].concat()));
            prop_assert_eq!(merged.spread(duration), whole.spread(duration));
        }
    }
}
