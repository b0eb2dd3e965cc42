//! Limits in words.

use super::alternatives;
use super::signal::place_text;
use crate::policy::document::Statuses;
use crate::policy::model::*;
use crate::time::Nanos;

/// `60 per 1m for each client_id`, and all that the limit says besides.
pub fn limit_text(limit: &Limit) -> String {
    match limit {
        Limit::Rate(limit) => rate_text(limit),
        Limit::Concurrent(limit) => {
            let lasting =
                limit.lasting.map_or(String::new(), |lasting| format!(" (of those that have run for {lasting})"));
            format!("{} at the same time{lasting} for each {}", limit.allow, scope_text(&limit.scope))
        }
        Limit::Cooldown(limit) => cooldown_text(limit),
    }
}

/// `client_id and device_set`.
pub fn scope_text(scope: &Scope) -> String {
    alternatives(&scope.0, "and")
}

fn rate_text(limit: &RateLimit) -> String {
    let at_least = if limit.at_least { "at least " } else { "" };
    let unit = if limit.cost == Cost::One { "" } else { " points" };
    let (per, scope) = (period_text(limit.per, limit.calendar), scope_text(&limit.scope));
    let zone = if limit.calendar.is_some() { " (UTC)" } else { "" };
    let mut text = format!("{at_least}{}{unit} per {per}{zone} for each {scope}", limit.allow);
    let parts = [
        algorithm_text(limit),
        counts_text(limit),
        free_text(&limit.free_statuses),
        cost_text(&limit.cost),
        limit.penalty.as_ref().map(penalty_text),
        enforcement_text(limit.enforcement),
    ];
    for part in parts.into_iter().flatten() {
        text.push_str(&format!(", {part}"));
    }
    text
}

/// What a rate is per: `1m`, `calendar month`.
pub fn period_text(per: Nanos, calendar: Option<Calendar>) -> String {
    match calendar {
        None => per.to_string(),
        Some(Calendar::Day) => "calendar day".to_owned(),
        Some(Calendar::Month) => "calendar month".to_owned(),
    }
}

/// The window that a rate is counted in: `1m window`, `calendar month`.
pub fn window_text(per: Nanos, calendar: Option<Calendar>) -> String {
    let period = period_text(per, calendar);
    if calendar.is_some() { period } else { format!("{period} window") }
}

fn enforcement_text(enforcement: Enforcement) -> Option<String> {
    match enforcement {
        Enforcement::Exact => None,
        Enforcement::BestEffort => Some("a target that the server keeps as best it can and may pass".to_owned()),
    }
}

fn algorithm_text(limit: &RateLimit) -> Option<String> {
    let text = match (limit.algorithm, limit.burst) {
        (Algorithm::Unspecified, None) => return None,
        (Algorithm::Unspecified, Some(burst)) => return Some(format!("with a burst of {burst}")),
        (Algorithm::TokenBucket, Some(burst)) => return Some(format!("token bucket of {burst}")),
        (Algorithm::LeakyBucket, Some(burst)) => return Some(format!("leaky bucket of {burst} and one in service")),
        (Algorithm::IntervalRefill, Some(burst)) => return Some(format!("bucket of {burst} filled up at intervals")),
        (Algorithm::FixedAligned, _) => "fixed window on the clock",
        (Algorithm::FixedFirstHit, _) => "fixed window from the first request",
        (Algorithm::Rolling, _) => "rolling window",
        (Algorithm::TokenBucket, None) => "token bucket",
        (Algorithm::LeakyBucket, None) => "leaky bucket",
        (Algorithm::RollingCounter, _) => "rolling window estimated from two fixed ones",
        (Algorithm::IntervalRefill, None) => "bucket filled up at intervals",
    };
    Some(text.to_owned())
}

fn counts_text(limit: &RateLimit) -> Option<String> {
    if !limit.counts_statuses.is_empty() {
        return Some(format!("only answers with status {} count", statuses_text(&limit.counts_statuses)));
    }
    match limit.counts_refused {
        CountsRefused::Unspecified => None,
        CountsRefused::Yes => Some("refused requests count".to_owned()),
        CountsRefused::No => Some("refused requests do not count".to_owned()),
    }
}

fn free_text(statuses: &[u16]) -> Option<String> {
    (!statuses.is_empty()).then(|| format!("answers with status {} use nothing up", statuses_text(statuses)))
}

fn cost_text(cost: &Cost) -> Option<String> {
    match cost {
        Cost::One => None,
        Cost::Points(points) => Some(format!("each request costs {points}")),
        Cost::ByClass(_) => Some("each request costs what its class does".to_owned()),
        Cost::Told { reserve, charged } => {
            Some(format!("each request sets {reserve} aside and costs what its answer tells {}", place_text(charged)))
        }
    }
}

fn penalty_text(penalty: &Penalty) -> String {
    if !penalty.stated {
        return format!("with a penalty of {} that is named and not explained", penalty.lasts);
    }
    let from = match penalty.blocks {
        Blocks::Class => "",
        Blocks::Everything => " from everything",
        Blocks::Unspecified => " (it is not said from what)",
    };
    let longer = match penalty.extends {
        None => "",
        Some(true) => ", longer if more come meanwhile",
        Some(false) => ", however many come meanwhile",
    };
    format!("who is refused is shut out{from} for {}{longer}", penalty.lasts)
}

fn cooldown_text(limit: &CooldownLimit) -> String {
    let waits: Vec<String> = limit.waits.iter().map(ToString::to_string).collect();
    let again = if waits.len() > 1 { " each time" } else { "" };
    let (failures, scope) = (statuses_text(&limit.after_statuses), scope_text(&limit.scope));
    format!("after status {failures} a wait of {}{again} for each {scope}", waits.join(", then "))
}

/// `409 or 5xx`.
fn statuses_text(statuses: &[u16]) -> String {
    let texts: Vec<String> = Statuses::covering(statuses).iter().map(ToString::to_string).collect();
    alternatives(&texts, "or")
}
