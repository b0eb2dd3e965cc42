mod bodies;
mod dialects;
mod drafts;
mod retry_after;
mod round_trip;

use super::{Dialect, Format, Lint, Reading, Receipt, ResetKind, read};
use crate::time::Nanos;

/// 2026-03-15T10:30:00Z.
const RECEIVED: Nanos = Nanos::from_secs(1_773_570_600);

fn receipt() -> Receipt {
    Receipt::at(RECEIVED)
}

/// `name: value` lines as header fields.
fn headers(lines: &str) -> Vec<(String, String)> {
    let fields = lines.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned())).collect()
}

fn reading(format: impl Into<Format>, lines: &str) -> Reading {
    read(format.into(), &headers(lines), receipt())
}

fn x_ratelimit(reset: ResetKind) -> Format {
    Format { dialect: Dialect::XRatelimit, reset: Some(reset) }
}

fn rules(lints: &[Lint]) -> Vec<&'static str> {
    lints.iter().map(|lint| lint.rule).collect()
}

/// A quota as `policy limit/window remaining reset`, `-` for what is not stated; times in seconds.
fn shown(reading: &Reading) -> Vec<String> {
    let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let time = |value: Option<Nanos>| value.map_or("-".to_owned(), |value| value.as_secs_f64().to_string());
    let quotas = reading.quotas.iter().map(|quota| {
        let policy = quota.policy.map_or("-".to_owned(), |name| name.to_string());
        let (limit, remaining) = (number(quota.limit), number(quota.remaining));
        format!("{policy} {limit}/{} {remaining} {}", time(quota.window), time(quota.reset))
    });
    quotas.collect()
}
