//! How sure a share is.

/// Of the standard normal distribution, for 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % score interval of Wilson (1927, Journal of the American Statistical Association 22) for `count` of `of`
/// independent trials; None without any. Unlike the plain one it is never empty: none of 100 may still be 3.7 %.
pub fn wilson(count: u64, of: u64) -> Option<(f64, f64)> {
    if of == 0 {
        return None;
    }
    let (n, share) = (of as f64, count.min(of) as f64 / of as f64);
    let z2 = Z * Z;
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    // Rounding must not put the share itself outside.
    Some(((middle - half).clamp(0.0, share), (middle + half).clamp(share, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_interval_is_the_published_one() {
        // Agresti and Coull (1998): none of 25, and 10 of 100.
        let close = |(low, high): (f64, f64), expected: (f64, f64)| {
            assert!((low - expected.0).abs() < 5e-4 && (high - expected.1).abs() < 5e-4, "{low} {high}");
        };
        close(wilson(0, 25).unwrap(), (0.0, 0.1332));
        close(wilson(10, 100).unwrap(), (0.0552, 0.1744));
        close(wilson(100, 100).unwrap(), (0.9630, 1.0));
        assert_eq!(wilson(0, 0), None);
    }

    proptest! {
        #[test]
        fn the_share_lies_within_and_more_trials_narrow_it(count in 0..1_000u64, more in 0..1_000u64) {
            let of = count + more + 1;
            let (low, high) = wilson(count, of).unwrap();
            let share = count as f64 / of as f64;
            prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0 && low < high);
            let (low_10, high_10) = wilson(count * 10, of * 10).unwrap();
            prop_assert!(high_10 - low_10 < high - low);
        }
    }
}
