//! How a probe ended, in words.

use super::outcome::Measured;
use super::prober::{End, Prober};
use crate::time::Nanos;

/// Why something was not tried that there were no means for.
pub const FOR_WANT: &str = "requests or time did not suffice (raise --budget or --within)";

/// What would tell more, and what that costs.
pub fn would_settle(prober: &Prober) -> Option<String> {
    if prober.needs_second_client() {
        return Some(
            "a second client whose quota is its own: whether its windows begin with the first one's".to_owned(),
        );
    }
    let choice = prober.unaffordable()?;
    let (kind, requests) = (choice.experiment.kind.title(), choice.experiment.requests());
    Some(format!("{kind}: up to {requests} more requests, over about {}", choice.takes.roughly()))
}

pub fn conclusion(prober: &Prober, measured: Option<&Measured>, reasons: &str, interrupted: bool) -> String {
    match (measured, prober.ended()) {
        (Some(measured), _) if measured.family_is_settled => format!("{}: {}", measured.shape.title(), measured.text()),
        (Some(measured), _) => format!("a penalty, which hides what limiter is behind it: {}", measured.text()),
        (None, Some(End::NeverRefused)) => {
            let most = prober.log().most_abreast();
            format!("no limit was met in {} requests, at most {most} of them at the same time", prober.spent())
        }
        (None, _) if interrupted => "stopped before anything was settled".to_owned(),
        (None, _) if reasons.is_empty() => "not settled".to_owned(),
        (None, _) => inconclusive(reasons),
    }
}

pub fn inconclusive(reasons: &str) -> String {
    format!("not settled, inconclusive: {reasons}")
}

/// What kept the probe from measuring, if its machine or the network did.
pub fn hindrance(prober: &Prober) -> Option<String> {
    /// A probe that is late by less loses nothing.
    const LATE: Nanos = Nanos::from_millis(20);
    let (late, log) = (prober.late(), prober.log());
    let held_up = log.held_up();
    (late > LATE).then(|| {
        format!(
            "the prober was late by up to {late}, and {held_up} of {} answers took much longer than the quickest, up to {}; \
             probe from a machine that is less busy",
            prober.spent(),
            log.longest()
        )
    })
}

/// Why something was not tried, by what stopped the probe, if anything did.
pub fn not_tried(stopped: Option<End>, interrupted: bool) -> &'static str {
    match stopped {
        None if !interrupted => FOR_WANT,
        stopped => ended(stopped, interrupted),
    }
}

pub fn ended(end: Option<End>, interrupted: bool) -> &'static str {
    match end {
        _ if interrupted => "it was stopped",
        None => "it was not over",
        Some(End::Settled) => "no further experiment would tell more",
        Some(End::BudgetSpent) => "what would tell more costs more than the budget",
        Some(End::NeverRefused) => "nothing was refused within the budget",
        Some(End::NeverRecovered) => "nothing was admitted again within the budget",
        Some(End::Barred) => {
            "the credential is not let in, or not for nothing (status 401, 402, 403 or 451): nothing more was sent"
        }
        Some(End::HintsGrow) => "refusals asked for ever longer waits: nothing more was sent, lest it lead to a ban",
        Some(End::NoAnswers) => "too many requests had no answer that says anything of quotas",
        Some(End::Unexplained) => "nothing that this probe knows explains what was seen",
    }
}
