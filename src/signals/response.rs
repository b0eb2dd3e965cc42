//! The fields of one response held against each other.

use super::dialect::{Dialect, Reading};
use super::lint::Lint;
use super::quota::Quota;
use crate::time::Nanos;

/// Both sides count whole seconds, and may have counted them at different moments.
const TOLERANCE: Nanos = Nanos::from_secs(1);

pub fn check(dialect: Dialect, reading: &mut Reading) {
    let Reading { quotas, hint, lints } = reading;
    for quota in quotas.iter() {
        check_quota(quota, lints);
    }
    if let Some(wait) = hint.wait() {
        let resets = quotas.iter().filter_map(|quota| quota.reset);
        match dialect {
            // Drafts -08 and later: not before more is available; of several policies, not before the first of them.
            Dialect::Ietf10 => check_not_before(wait, resets.min(), lints),
            // Drafts up to -07: the same moment.
            Dialect::Ietf03 | Dialect::Ietf06 | Dialect::Ietf07 => check_equal(wait, resets.min(), lints),
            // No document binds these.
            Dialect::Envoy | Dialect::Kong | Dialect::XRateLimit | Dialect::XRatelimit => {}
        }
    }
}

fn check_quota(quota: &Quota, lints: &mut Vec<Lint>) {
    let place = || quota.policy.map_or("quota".to_owned(), |name| format!("quota {name}"));
    if let (Some(remaining), Some(limit)) = (quota.remaining, quota.limit)
        && remaining > limit
    {
        let message = format!("more remaining than the limit of {limit}");
        lints.push(Lint::new("quota/remaining-above-limit", &place(), &remaining.to_string(), message));
    }
    if quota.window == Some(Nanos::ZERO) {
        lints.push(Lint::new("window/zero", &place(), "0", "a window without length"));
    }
}

fn check_not_before(wait: Nanos, reset: Option<Nanos>, lints: &mut Vec<Lint>) {
    if let Some(reset) = reset.filter(|&reset| wait.saturating_add(TOLERANCE) < reset) {
        let message = format!("earlier than the reset in {reset}, when more is available");
        lints.push(Lint::new("retry-after/before-reset", "retry-after", &wait.to_string(), message));
    }
}

fn check_equal(wait: Nanos, reset: Option<Nanos>, lints: &mut Vec<Lint>) {
    let apart = |reset: Nanos| wait.saturating_sub(reset).max(reset.saturating_sub(wait));
    if let Some(reset) = reset.filter(|&reset| apart(reset) > TOLERANCE) {
        let message = format!("not the moment of the reset in {reset}");
        lints.push(Lint::new("retry-after/not-reset", "retry-after", &wait.to_string(), message));
    }
}
