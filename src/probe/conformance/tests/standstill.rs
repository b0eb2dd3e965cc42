//! A machine that stands still makes nobody break a promise.

use super::testing::{Setting, Standstill, policy};
use crate::exit::Exit;
use crate::policy::reading::Reading::{self, FixedAligned, IntervalRefill, Rolling, RollingCounter, TokenBucket};
use crate::time::Nanos;

const ALLOW: u32 = 10;
const PER: Nanos = Nanos::from_secs(2);

#[test]
fn a_server_that_leaves_a_standstill_out_is_accused_of_nothing() {
    // Each of these would be accused of another window, another algorithm or refusals without a reason.
    for (reading, second) in [
        (FixedAligned, 2),
        (Rolling, 6),
        (RollingCounter, 2),
        (TokenBucket, 22),
        (IntervalRefill, 2),
        (IntervalRefill, 6),
    ] {
        let found = setting(reading, second).examine();
        assert_eq!(found.exit, Exit::Invalid, "{reading:?}: {found:#?}");
        let hindrance = found.hindrance.unwrap();
        assert!(hindrance.contains("stood still for 2.5s"), "{reading:?}: {hindrance}");
    }
}

fn setting(reading: Reading, second: u64) -> Setting {
    let standstill = Standstill { at: Nanos::from_secs(second), lasts: Nanos::from_millis(2_500) };
    Setting {
        policy: policy(&[(ALLOW, PER)], reading),
        reading,
        faults: Vec::new(),
        seed: second,
        requests: 700,
        within: Nanos::from_secs(80),
        harsh: false,
        standstill: Some(standstill),
        neighbour: None,
    }
}
