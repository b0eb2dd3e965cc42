//! A bounded latency histogram, and the quantiles that reports show of it.

use hdrhistogram::Histogram;

use crate::summary::Quantiles;
use crate::time::Nanos;

/// Shorter latencies are not told apart.
pub const LOWEST: Nanos = Nanos::from_micros(1);
/// Longer latencies are counted at this end, and as saturated.
pub const HIGHEST: Nanos = Nanos::from_secs(60);
const DIGITS: u8 = 3;

/// Always on the curve, whatever the number of values: a gate on one of them reads an exact figure.
const NAMED: [f64; 9] = [0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9999];
/// Points of the curve between `1 - 10^-n` and `1 - 10^-(n+1)`.
const POINTS_PER_DECADE: u32 = 12;
/// The curve's last decade ends at 0.999999.
const DECADES: u32 = 6;

/// Latencies in nanoseconds, three digits exact between [`LOWEST`] and [`HIGHEST`]: about 150 KB.
#[derive(Clone, Debug)]
pub struct LatencyHistogram {
    values: Histogram<u64>,
    saturated: u64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        let values = Histogram::new_with_bounds(LOWEST.0, HIGHEST.0, DIGITS).expect("the bounds are constants");
        LatencyHistogram { values, saturated: 0 }
    }
}

impl LatencyHistogram {
    pub fn record(&mut self, latency: Nanos) {
        // The histogram's own clamp would still tell apart some values beyond its bound and count none of them.
        if latency > HIGHEST {
            self.saturated += 1;
        }
        self.values.saturating_record(latency.clamp(LOWEST, HIGHEST).0);
    }

    pub fn merge(&mut self, other: &LatencyHistogram) {
        self.values.add(&other.values).expect("equal bounds always add");
        self.saturated += other.saturated;
    }

    pub fn count(&self) -> u64 {
        self.values.len()
    }

    /// How many were longer, to the histogram's three digits.
    pub fn longer_than(&self, limit: Nanos) -> u64 {
        self.values.count_between(self.values.next_non_equivalent(limit.0), u64::MAX)
    }

    /// The plain histogram, in nanoseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.values
    }

    /// In milliseconds. Without values everything is zero and the curve is empty.
    pub fn quantiles(&self) -> Quantiles {
        if self.count() == 0 {
            return Quantiles::default();
        }
        let at = |quantile: f64| millis(self.values.value_at_quantile(quantile) as f64);
        Quantiles {
            count: self.count(),
            min: millis(self.values.min() as f64),
            mean: millis(self.values.mean()),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: millis(self.values.max() as f64),
            curve: self.curve(),
            saturated: self.saturated,
        }
    }

    fn curve(&self) -> Vec<(f64, f64)> {
        let quantiles = curve_quantiles(self.count());
        let values = self.values.value_at_quantiles(quantiles.clone());
        quantiles.into_iter().zip(values.map(|value| millis(value as f64))).collect()
    }
}

/// The curve's quantiles, rising: evenly spaced on a logarithmic axis of `1 - q` as far as `count` values can tell them
/// apart, the named ones, and both ends.
fn curve_quantiles(count: u64) -> Vec<f64> {
    let telling = |quantile: &f64| 1.0 - quantile >= 1.0 / count as f64;
    // Rounded, so that the points that coincide with a named quantile are that number.
    let point = |step| (1e8 * (1.0 - 10f64.powf(-f64::from(step) / f64::from(POINTS_PER_DECADE)))).round() / 1e8;
    let mut quantiles: Vec<f64> = (0..=POINTS_PER_DECADE * DECADES).map(point).filter(telling).collect();
    quantiles.extend(NAMED);
    quantiles.extend([0.0, 1.0]);
    quantiles.sort_by(f64::total_cmp);
    quantiles.dedup();
    quantiles
}

/// Whole microseconds are all that the histogram tells apart; its bucket edges reach a little beyond its own bound.
fn millis(nanos: f64) -> f64 {
    (nanos.min(HIGHEST.0 as f64) / 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(latencies: impl IntoIterator<Item = Nanos>) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::default();
        latencies.into_iter().for_each(|latency| histogram.record(latency));
        histogram
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let quantiles = of((1..=1000).map(Nanos::from_millis)).quantiles();
        let near =
            |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 0.002, "{found} for {expected}");
        near(quantiles.min, 1.0);
        near(quantiles.mean, 500.5);
        near(quantiles.p50, 500.0);
        near(quantiles.p90, 900.0);
        near(quantiles.p99, 990.0);
        near(quantiles.p999, 999.0);
        near(quantiles.max, 1000.0);
        assert_eq!((quantiles.count, quantiles.saturated), (1000, 0));
    }

    #[test]
    fn what_is_beyond_the_range_is_counted_at_its_end_and_as_saturated() {
        let histogram = of([HIGHEST, HIGHEST + Nanos(1), Nanos::from_secs(65), Nanos::MAX]);
        assert!(histogram.histogram().equivalent(histogram.histogram().max(), HIGHEST.0));
        let quantiles = histogram.quantiles();
        assert_eq!((quantiles.count, quantiles.saturated), (4, 3));
        assert_eq!(quantiles.max, 60_000.0);
        assert_eq!(quantiles.p50, 60_000.0);
        assert_eq!(of([Nanos::ZERO, Nanos(999)]).quantiles().max, 0.001);
    }

    #[test]
    fn without_values_there_is_no_curve_to_read_a_figure_from() {
        let quantiles = LatencyHistogram::default().quantiles();
        assert_eq!(quantiles, Quantiles::default());
        assert_eq!(quantiles.at(0.99), None);
    }

    #[test]
    fn a_named_quantile_is_exact_even_where_few_values_cannot_tell_it_from_the_maximum() {
        let quantiles = of((1..=10).map(Nanos::from_millis)).quantiles();
        assert_eq!(quantiles.at(0.99), Some(quantiles.max));
        assert_eq!(quantiles.at(0.5), Some(quantiles.p50));
        assert_eq!(quantiles.at(0.9), Some(quantiles.p90));
    }

    #[test]
    fn the_curve_of_many_values_has_a_readable_number_of_points() {
        let points = curve_quantiles(10_000_000).len();
        assert!((60..=100).contains(&points), "{points}");
        assert!(curve_quantiles(1).len() < 30);
    }

    proptest! {
        #[test]
        fn the_curve_rises_in_both_from_the_least_to_the_greatest(
            micros in prop::collection::vec(0..70_000_000u64, 1..200)
        ) {
            let quantiles = of(micros.into_iter().map(Nanos::from_micros)).quantiles();
            let curve = &quantiles.curve;
            prop_assert!(curve.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
            prop_assert_eq!(curve.first().copied(), Some((0.0, quantiles.min)));
            prop_assert_eq!(curve.last().copied(), Some((1.0, quantiles.max)));
            for (quantile, value) in [(0.5, quantiles.p50), (0.99, quantiles.p99), (0.999, quantiles.p999)] {
                prop_assert_eq!(quantiles.at(quantile), Some(value));
            }
        }

        #[test]
        fn halves_merge_into_the_whole(micros in prop::collection::vec(0..70_000_000u64, 0..200), cut in 0..200usize) {
            let latencies: Vec<Nanos> = micros.into_iter().map(Nanos::from_micros).collect();
            let (left, right) = latencies.split_at(cut.min(latencies.len()));
            let mut merged = of(left.iter().copied());
            merged.merge(&of(right.iter().copied()));
            prop_assert_eq!(merged.quantiles(), of(latencies.iter().copied()).quantiles());
        }
    }
}
