//! Responses held against each other.

use super::super::{Dialect, Stability};
use super::{reading, rules};

#[test]
fn a_policy_that_changes_is_said_once_for_each_change() {
    let light =
        |limit| reading(Dialect::XRateLimit, &format!("x-rate-limit-policy: light\nx-rate-limit-limit: {limit}"));
    let heavy = reading(Dialect::XRateLimit, "x-rate-limit-policy: heavy\nx-rate-limit-limit: 10");
    let mut stability = Stability::default();
    assert_eq!(rules(&stability.observe(&light(50))), [""; 0]);
    assert_eq!(rules(&stability.observe(&heavy)), [""; 0]);
    assert_eq!(rules(&stability.observe(&light(50))), [""; 0]);
    let changed = stability.observe(&light(1_000));
    assert_eq!(changed[0].to_string(), "quota light is 1000: was 50 before; a policy should stay the same");
    assert_eq!(rules(&stability.observe(&light(1_000))), [""; 0]);
    assert_eq!(rules(&stability.observe(&light(50))), ["policy/unstable"]);
}

#[test]
fn unnamed_policies_are_told_apart_by_their_windows() {
    let mut stability = Stability::default();
    let minute = reading(Dialect::Ietf07, "ratelimit-policy: 10;w=60, 100;w=3600");
    assert_eq!(rules(&stability.observe(&minute)), [""; 0]);
    assert_eq!(rules(&stability.observe(&minute)), [""; 0]);
    let changed = stability.observe(&reading(Dialect::Ietf07, "ratelimit-policy: 10;w=60, 200;w=3600"));
    assert_eq!(changed[0].to_string(), "quota is 200 per 1h: was 100 per 1h before; a policy should stay the same");
}
