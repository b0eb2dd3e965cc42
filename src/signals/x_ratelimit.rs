//! `X-RateLimit-*` and `X-Rate-Limit-*`: no document defines them, providers differ in the reset and in what they add.

use super::dialect::Field;
use super::lint::Lint;
use super::number::{self, whole_seconds};
use super::quota::{self, Name, Quota, Quotas};
use super::reset::{self, ResetKind};
use super::scan::Fields;
use super::unnamed;
use crate::time::Nanos;

/// The fields of one spelling.
pub struct Names {
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
    /// Seconds left, beside `reset` (Discord); it needs no clock.
    reset_after: &'static str,
    /// The window's length in seconds.
    window: &'static str,
    /// What names the policy, the usual field first.
    policy: [&'static str; 3],
}

/// `X-RateLimit-*`; GitHub names the policy in `-Resource`, Discord in `-Bucket`.
pub const PLAIN: Names = Names {
    limit: "x-ratelimit-limit",
    remaining: "x-ratelimit-remaining",
    reset: "x-ratelimit-reset",
    reset_after: "x-ratelimit-reset-after",
    window: "x-ratelimit-window",
    policy: ["x-ratelimit-policy", "x-ratelimit-resource", "x-ratelimit-bucket"],
};

/// `X-Rate-Limit-*`.
pub const HYPHENATED: Names = Names {
    limit: "x-rate-limit-limit",
    remaining: "x-rate-limit-remaining",
    reset: "x-rate-limit-reset",
    reset_after: "x-rate-limit-reset-after",
    window: "x-rate-limit-window",
    policy: ["x-rate-limit-policy", "x-rate-limit-resource", "x-rate-limit-bucket"],
};

impl Names {
    pub fn speaks(&self, fields: Fields<'_>) -> bool {
        [self.limit, self.remaining, self.reset].iter().any(|name| fields.has(name))
    }

    pub fn read(
        &self,
        fields: Fields<'_>,
        kind: Option<ResetKind>,
        received: Option<Nanos>,
        quotas: &mut Quotas,
        lints: &mut Vec<Lint>,
    ) {
        let mut count = |name| fields.single(name, lints).and_then(|text| number::count(name, text, lints));
        let (limit, window) = (count(self.limit), count(self.window));
        let remaining = fields.single(self.remaining, lints);
        let remaining = remaining.and_then(|text| number::remaining(self.remaining, text, lints));
        let policy = self.policy.iter().find_map(|name| Some((name, fields.single(name, lints)?)));
        let quota = Quota {
            policy: policy.map(|(field, text)| trimmed(quota::name(field, text, lints))),
            limit,
            remaining,
            window: window.and_then(|window| number::seconds(self.window, window, lints)),
            reset: self.reset(fields, kind, received, lints),
            ..Quota::default()
        };
        if quota != Quota::default() {
            quotas.push(quota);
        }
    }

    fn reset(
        &self,
        fields: Fields<'_>,
        kind: Option<ResetKind>,
        received: Option<Nanos>,
        lints: &mut Vec<Lint>,
    ) -> Option<Nanos> {
        let left = fields.single(self.reset_after, lints);
        let left =
            left.and_then(|text| reset::read(self.reset_after, text, Some(ResetKind::SecondsLeft), received, lints));
        let then = fields.single(self.reset, lints);
        let then = then.and_then(|text| reset::read(self.reset, text, kind, received, lints));
        left.or(then)
    }

    pub fn print(&self, quotas: &[Quota], kind: Option<ResetKind>, now: Nanos) -> Vec<Field> {
        let Some(quota) = unnamed::reported(quotas) else { return Vec::new() };
        let kind = kind.unwrap_or(ResetKind::SecondsLeft);
        let fields = [
            (self.policy[0], quota.policy.map(|name| name.to_string())),
            (self.limit, quota.limit.map(|limit| limit.to_string())),
            (self.remaining, quota.remaining.map(|remaining| remaining.to_string())),
            (self.window, quota.window.map(|window| whole_seconds(window).to_string())),
            (self.reset, quota.reset.map(|reset| reset::print(reset, kind, now))),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Blanks at the end of a field's value are no part of it, also where it was cut.
fn trimmed(mut name: Name) -> Name {
    name.truncate(name.trim_end().len());
    name
}
