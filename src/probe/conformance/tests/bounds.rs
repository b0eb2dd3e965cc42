//! No honest limiter lets through more than what checks take for the most.

use proptest::prelude::*;

use super::testing::{ANCHOR, READINGS, case, stated};
use crate::limiter::{Rate, Terms, build};
use crate::time::Nanos;

proptest! {
    #[test]
    fn what_a_limiter_lets_through_within_a_span_is_within_the_bound(
        reading in prop::sample::select(READINGS.to_vec()),
        allow in 1..20u32,
        per in 1..20u64,
        gaps in prop::collection::vec(prop_oneof![4 => 0..60u64, 1 => 0..8_000u64], 1..150),
    ) {
        let per = Nanos::from_secs(per);
        let case = case(&[(allow, per)], reading);
        let (rate, _) = case.rates().next().unwrap();
        prop_assert_eq!(rate.algorithm, stated(reading));
        let terms = Terms { burst: rate.burst, anchor: ANCHOR, ..Terms::from(Rate { allow, per }) };
        let mut limiter = build(reading, terms);
        let mut now = Nanos::ZERO;
        let mut admitted: Vec<Nanos> = Vec::new();
        for gap in gaps {
            now += Nanos::from_millis(gap);
            if limiter.check(now, 1).admitted {
                admitted.push(now);
            }
        }
        for (first, from) in admitted.iter().enumerate() {
            for (last, until) in admitted.iter().enumerate().skip(first) {
                let Some(most) = case.most_within(*until - *from) else { break };
                prop_assert!(last - first < most as usize, "{} within {}", last - first + 1, *until - *from);
            }
        }
    }
}
