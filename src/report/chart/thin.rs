//! Thinning: fewer points that look the same.

/// At most `most` of the points, in order: the first, the last, and the lowest and highest of each stretch, so that no
/// spike disappears. `most` below 4 is taken as 4.
pub fn keep_extremes(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    let most = most.max(4);
    if points.len() <= most {
        return points.to_vec();
    }
    let inner = 1..points.len() - 1;
    let stretches = (most - 2) / 2;
    let mut kept = vec![points[0]];
    for stretch in 0..stretches {
        let from = inner.start + inner.len() * stretch / stretches;
        let to = inner.start + inner.len() * (stretch + 1) / stretches;
        let by_value = |&a: &usize, &b: &usize| points[a].1.total_cmp(&points[b].1);
        let lowest = (from..to).min_by(by_value);
        let highest = (from..to).max_by(by_value);
        let (Some(lowest), Some(highest)) = (lowest, highest) else { continue };
        kept.push(points[lowest.min(highest)]);
        if lowest != highest {
            kept.push(points[lowest.max(highest)]);
        }
    }
    kept.push(points[points.len() - 1]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn thinning_keeps_order_ends_and_extremes_within_its_bound(
            values in prop::collection::vec(-1e6..1e6f64, 1..3000),
            most in 0..300usize,
        ) {
            let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(x, &y)| (x as f64, y)).collect();
            let kept = keep_extremes(&points, most);
            prop_assert!(kept.len() <= most.max(4));
            prop_assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(kept.iter().all(|&(x, y)| points[x as usize] == (x, y)));
            prop_assert_eq!(kept[0], points[0]);
            prop_assert_eq!(kept[kept.len() - 1], points[points.len() - 1]);
            let highest = |of: &[(f64, f64)]| of.iter().map(|point| point.1).fold(f64::MIN, f64::max);
            let lowest = |of: &[(f64, f64)]| of.iter().map(|point| point.1).fold(f64::MAX, f64::min);
            prop_assert_eq!(highest(&kept), highest(&points));
            prop_assert_eq!(lowest(&kept), lowest(&points));
        }
    }
}
