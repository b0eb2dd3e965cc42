//! Axes with round ticks and labels that a person reads at once.

use super::super::format;

/// An axis in the plot's own linear coordinate.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub from: f64,
    pub to: f64,
    /// Where the grid lines are, and what stands there.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From zero to a round number at or above `highest`, about five ticks.
    pub fn amounts(highest: f64) -> Axis {
        Axis::from_zero(highest, round_step(highest.max(0.0) / 4.0))
    }

    /// Like `amounts`, for what comes in whole numbers only.
    pub fn counts(highest: f64) -> Axis {
        Axis::from_zero(highest, round_step(highest.max(0.0) / 4.0).max(1.0))
    }

    fn from_zero(highest: f64, step: f64) -> Axis {
        let steps = (highest / step - 1e-9).ceil().clamp(1.0, 10.0);
        let ticks =
            (0..=steps as u32).map(|index| f64::from(index) * step).map(|at| (at, format::compact(at))).collect();
        Axis { from: 0.0, to: steps * step, ticks }
    }

    /// Milliseconds from zero.
    pub fn millis_from_zero(highest: f64) -> Axis {
        let mut axis = Axis::amounts(highest);
        axis.ticks.iter_mut().for_each(|(at, label)| *label = format::millis(*at));
        axis
    }

    /// The run's time in seconds, ticked as clocks are: 15 s, 5 min, 6 h.
    pub fn time(duration: f64) -> Axis {
        const STEPS: [f64; 20] = [
            1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0,
            21_600.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0,
        ];
        const MOST: f64 = 5.0;
        let duration = if duration > 0.0 { duration } else { 1.0 };
        let step = if duration < 3.0 {
            round_step(duration / MOST)
        } else {
            STEPS.into_iter().find(|step| duration / step <= MOST).unwrap_or_else(|| round_step(duration / MOST))
        };
        let last = (duration / step + 1e-9).floor() as u32;
        let ticks = (0..=last).map(|index| f64::from(index) * step).map(|at| (at, format::seconds(at))).collect();
        Axis { from: 0.0, to: duration, ticks }
    }

    /// Decades of milliseconds that hold `lowest..=highest`; the coordinate is [`log_millis`].
    pub fn log_millis(lowest: f64, highest: f64) -> Axis {
        let (lowest, highest) = (log_millis(lowest), log_millis(highest));
        let factors: &[f64] = if highest - lowest <= 1.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let grid: Vec<f64> = (lowest.floor() as i32 - 1..=highest.ceil() as i32 + 1)
            .flat_map(|decade| factors.iter().map(move |factor| f64::from(decade) + factor.log10()))
            .collect();
        let from = grid.iter().copied().rfind(|&at| at <= lowest + 1e-9).unwrap_or(lowest - 1.0);
        let to = grid.iter().copied().find(|&at| at >= highest + 1e-9).unwrap_or(highest + 1.0);
        let inside = grid.iter().copied().filter(|at| (from..=to).contains(at));
        // Ten decades do not happen with a histogram of 1 us to 60 s, but labels must not pile up if they do.
        let every = ((to - from) / 6.0).ceil().max(1.0) as usize;
        let ticks = inside.step_by(if factors.len() == 1 { every } else { 1 });
        Axis { from, to, ticks: ticks.map(|at| (at, format::millis(10f64.powf(at)))).collect() }
    }

    /// Quantiles, each nine as wide as the last; the coordinate is [`nines`].
    pub fn quantiles(count: u64) -> Axis {
        const MARKS: [(f64, &str); 6] =
            [(0.0, "0%"), (0.5, "50%"), (0.9, "90%"), (0.99, "99%"), (0.999, "99.9%"), (0.9999, "99.99%")];
        let to = nines(1.0, count);
        let marks = MARKS.iter().map(|&(q, label)| (nines(q, u64::MAX), label.to_owned())).filter(|mark| mark.0 <= to);
        // With many nines the first two labels would run into each other.
        let crowded = to > 3.5;
        Axis { from: 0.0, to, ticks: marks.skip(usize::from(crowded)).collect() }
    }

    /// The label of the tick at `value`, if there is one.
    pub fn label(&self, value: f64) -> String {
        let near = (self.to - self.from) * 1e-6;
        self.ticks.iter().find(|tick| (tick.0 - value).abs() <= near).map_or_else(String::new, |tick| tick.1.clone())
    }
}

/// Position of a quantile: `log10(1 / (1 - q))`, cut where `count` values cannot tell quantiles apart, at most six nines.
pub fn nines(quantile: f64, count: u64) -> f64 {
    let furthest = (count.clamp(2, 1_000_000) as f64).log10();
    let rest = 1.0 - quantile.clamp(0.0, 1.0);
    if rest <= 0.0 { furthest } else { (-rest.log10()).min(furthest) }
}

/// Position of a latency; everything below a microsecond counts as one.
pub fn log_millis(ms: f64) -> f64 {
    ms.max(0.001).log10()
}

/// The smallest of 1, 2, 5 x 10^n that is not below `step`; 1 for a step of nothing.
fn round_step(step: f64) -> f64 {
    if step.is_nan() || step <= 1e-9 {
        return 1.0;
    }
    let decade = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * decade)
        .find(|&round| round >= step * (1.0 - 1e-9))
        .unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.1.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_numbers_with_units() {
        assert_eq!(labels(&Axis::amounts(58.0)), ["0", "20", "40", "60"]);
        assert_eq!(labels(&Axis::amounts(0.0)), ["0", "1"]);
        assert_eq!(labels(&Axis::amounts(1.0)), ["0", "0.5", "1"]);
        assert_eq!(labels(&Axis::counts(1.05)), ["0", "1", "2"]);
        assert_eq!(labels(&Axis::amounts(7_300.0)), ["0", "2k", "4k", "6k", "8k"]);
        assert_eq!(labels(&Axis::time(60.0)), ["0 s", "15 s", "30 s", "45 s", "60 s"]);
        assert_eq!(labels(&Axis::time(86_400.0)), ["0 s", "6 h", "12 h", "18 h", "24 h"]);
        assert_eq!(labels(&Axis::log_millis(0.3, 900.0)), ["100 µs", "1 ms", "10 ms", "100 ms", "1 s"]);
        assert_eq!(labels(&Axis::log_millis(3.0, 8.0)), ["2 ms", "5 ms", "10 ms"]);
        assert_eq!(labels(&Axis::quantiles(2_000)), ["0%", "50%", "90%", "99%", "99.9%"]);
        assert_eq!(labels(&Axis::quantiles(200_000)), ["50%", "90%", "99%", "99.9%", "99.99%"]);
    }

    #[test]
    fn the_last_value_of_a_sample_stands_where_its_size_ends() {
        for (quantile, count, at) in [(1.0, 1000, 3.0), (0.99, 1000, 2.0), (0.999_99, 100, 2.0), (1.0, 0, 2f64.log10())]
        {
            assert!((nines(quantile, count) - at).abs() < 1e-9, "{quantile} of {count}");
        }
    }

    proptest! {
        #[test]
        fn every_axis_holds_its_values_with_a_few_ticks(highest in 0.0..1e12f64, lowest in 0.0..1e6f64) {
            let amounts = Axis::amounts(highest);
            prop_assert!(amounts.to >= highest * (1.0 - 1e-6) && (2..=7).contains(&amounts.ticks.len()), "{amounts:?}");
            let time = Axis::time(highest);
            prop_assert!(time.to > 0.0 && (1..=7).contains(&time.ticks.len()), "{time:?}");
            let log = Axis::log_millis(lowest, lowest + highest);
            prop_assert!(log.from <= log_millis(lowest) + 1e-6 && log.to > log_millis(lowest + highest), "{log:?}");
            prop_assert!((2..=10).contains(&log.ticks.len()), "{log:?}");
        }
    }
}
