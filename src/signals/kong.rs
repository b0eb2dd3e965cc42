//! Kong: `X-RateLimit-Limit-Minute`, `X-RateLimit-Remaining-Minute` and the like for each window, and `RateLimit-Limit`,
//! `-Remaining`, `-Reset` for the one with the least remaining.

use super::dialect::Field;
use super::ietf_03::IETF;
use super::lint::Lint;
use super::number;
use super::quota::{Quota, Quotas};
use super::scan::Fields;
use super::unnamed;
use crate::time::Nanos;

struct Window {
    length: Nanos,
    limit: &'static str,
    remaining: &'static str,
}

const DAY: u64 = 86_400;

const fn window(seconds: u64, limit: &'static str, remaining: &'static str) -> Window {
    Window { length: Nanos::from_secs(seconds), limit, remaining }
}

/// Months and years are the calendar's; here they have 30 and 365 days.
const WINDOWS: [Window; 6] = [
    window(1, "x-ratelimit-limit-second", "x-ratelimit-remaining-second"),
    window(60, "x-ratelimit-limit-minute", "x-ratelimit-remaining-minute"),
    window(3_600, "x-ratelimit-limit-hour", "x-ratelimit-remaining-hour"),
    window(DAY, "x-ratelimit-limit-day", "x-ratelimit-remaining-day"),
    window(30 * DAY, "x-ratelimit-limit-month", "x-ratelimit-remaining-month"),
    window(365 * DAY, "x-ratelimit-limit-year", "x-ratelimit-remaining-year"),
];

pub fn speaks(fields: Fields<'_>) -> bool {
    WINDOWS.iter().any(|window| fields.has(window.limit) || fields.has(window.remaining))
}

pub fn read(fields: Fields<'_>, quotas: &mut Quotas, lints: &mut Vec<Lint>) {
    for window in &WINDOWS {
        let limit = fields.single(window.limit, lints).and_then(|text| number::count(window.limit, text, lints));
        let remaining = fields.single(window.remaining, lints);
        let remaining = remaining.and_then(|text| number::remaining(window.remaining, text, lints));
        if limit.is_some() || remaining.is_some() {
            quotas.push(Quota { limit, remaining, window: Some(window.length), ..Quota::default() });
        }
    }
    let limit = fields.single(IETF.limit, lints).and_then(|text| number::count(IETF.limit, text, lints));
    let reported = Quota { limit, ..IETF.state(fields, lints) };
    if reported != Quota::default() {
        add_reported(reported, quotas, lints);
    }
}

/// The reset belongs to the reported window: the one with the least remaining, as it should be.
fn add_reported(reported: Quota, quotas: &mut Quotas, lints: &mut Vec<Lint>) {
    let is_reported = |quota: &Quota| quota.limit == reported.limit && quota.remaining == reported.remaining;
    let least = quotas.iter().filter_map(|quota| quota.remaining).min();
    if let (Some(remaining), Some(least)) = (reported.remaining, least)
        && least < remaining
    {
        let message = format!("not the window with the least remaining: another one has {least}");
        lints.push(Lint::new("quota/not-least", IETF.remaining, &remaining.to_string(), message));
    }
    match quotas.iter_mut().find(|quota| is_reported(quota)) {
        Some(window) => window.reset = reported.reset,
        None => {
            if !quotas.is_empty() {
                let found = reported.limit.map_or(String::new(), |limit| limit.to_string());
                lints.push(Lint::new(
                    "policy/unknown",
                    IETF.limit,
                    &found,
                    "the reported window is none of those stated",
                ));
            }
            quotas.push(reported);
        }
    }
}

pub fn print(quotas: &[Quota]) -> Vec<Field> {
    let mut fields = Vec::new();
    for window in &WINDOWS {
        for quota in quotas.iter().filter(|quota| quota.window == Some(window.length)).take(1) {
            fields.extend(quota.limit.map(|limit| (window.limit, limit.to_string())));
            fields.extend(quota.remaining.map(|remaining| (window.remaining, remaining.to_string())));
        }
    }
    if let Some(reported) = unnamed::reported(quotas).filter(|reported| reported.reset.is_some()) {
        fields.extend(reported.limit.map(|limit| (IETF.limit, limit.to_string())));
        fields.extend(IETF.print_state(reported));
    }
    fields
}
