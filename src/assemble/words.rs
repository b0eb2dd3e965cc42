//! Policy and fleet in words.

use crate::policy::model::{Class, HintPlace, Limit, Policy, Refusal, Scope};
use crate::scenario::{Disturbance, Group, GroupKind, Scenario, ScheduledEvent};
use crate::summary::{GroupInfo, PolicyClassInfo, PolicyInfo};

pub(super) fn policy_info(policy: &Policy) -> PolicyInfo {
    PolicyInfo {
        name: policy.name.clone(),
        title: policy.title.clone(),
        source: policy.source.clone(),
        classes: policy.classes.iter().map(class_info).collect(),
        refusal: refusal_text(&policy.refusal),
        overload: format!("status {}", policy.overload.status),
        guidance: guidance_lines(policy),
        silences: policy.silences.clone(),
    }
}

fn class_info(class: &Class) -> PolicyClassInfo {
    PolicyClassInfo {
        name: class.name.clone(),
        title: class.title.clone(),
        requests: class.requests.iter().map(ToString::to_string).collect(),
        limits: class.limits.iter().map(limit_text).collect(),
    }
}

pub(super) fn group_info(group: &Group) -> GroupInfo {
    GroupInfo {
        name: group.name.clone(),
        kind: match group.kind {
            GroupKind::Chargers(_) => "chargers".to_owned(),
            GroupKind::Operators(_) => "operators".to_owned(),
        },
        devices: group.count,
        behaviour: behaviour(group),
    }
}

/// `60 per 1m for each client_id`.
fn limit_text(limit: &Limit) -> String {
    match limit {
        Limit::Rate(rate) => format!("{} per {} for each {}", rate.allow, rate.per, scope_text(&rate.scope)),
        Limit::Concurrent(limit) => format!("{} at a time for each {}", limit.allow, scope_text(&limit.scope)),
    }
}

fn scope_text(scope: &Scope) -> String {
    scope.0.join(" and ")
}

fn refusal_text(refusal: &Refusal) -> String {
    let code = refusal.body_code.as_ref().map(|(pointer, code)| format!(", {code} at {pointer} of the body"));
    let hint = refusal.retry_after.as_ref().map(|source| match &source.place {
        HintPlace::Body(pointer) => format!(", when to come back at {pointer} of the body"),
        HintPlace::Header(name) => format!(", when to come back in the header {name}"),
    });
    format!("status {}{}{}", refusal.status, code.unwrap_or_default(), hint.unwrap_or_default())
}

fn guidance_lines(policy: &Policy) -> Vec<String> {
    let guidance = &policy.guidance;
    let mut lines: Vec<String> =
        guidance.cadences.iter().map(|advice| format!("{} once every {}", advice.request, advice.every)).collect();
    lines.extend(
        guidance.prefer_stream.iter().map(|advice| format!("{} instead of {}", advice.stream, advice.instead_of)),
    );
    lines.extend(guidance.cacheable.iter().map(|advice| format!("{} kept for {}", advice.request, advice.keep)));
    lines.extend(guidance.page_size.iter().map(|advice| format!("pages of {}", advice.full)));
    lines.extend(guidance.token_reuse.iter().map(|advice| format!("one token for {}", advice.lifetime)));
    lines.extend(
        guidance.backoff.iter().map(|advice| {
            format!("back off from {} up to {}, {} attempts", advice.initial, advice.max, advice.attempts)
        }),
    );
    lines
}

fn behaviour(group: &Group) -> Vec<String> {
    match &group.kind {
        GroupKind::Chargers(spec) => vec![
            format!("heartbeat every {}", spec.heartbeat.every),
            format!(
                "telemetry every {} for each connector in use ({} connectors)",
                spec.telemetry.every, spec.connectors
            ),
        ],
        GroupKind::Operators(spec) => {
            spec.asks.iter().map(|ask| format!("{:?} every {}", ask.what, ask.cadence.every)).collect()
        }
    }
}

pub(super) fn event_text(scenario: &Scenario, event: &ScheduledEvent) -> String {
    let what = match &event.what {
        Disturbance::Blackout { outage, back_within } => format!("blackout for {outage}, back within {back_within}"),
        Disturbance::ColdStart { within } => format!("cold start within {within}"),
        Disturbance::TokenExpiry => "tokens expire".to_owned(),
        Disturbance::FirmwareRollout { version, within, .. } => format!("firmware {version} within {within}"),
        Disturbance::SessionSurge { within } => format!("session surge within {within}"),
        Disturbance::ControlBurst { commands, within, .. } => format!("{commands} control requests within {within}"),
    };
    let group = &scenario.groups[event.group.index()].name;
    format!("{what}: {:.0} % of {group}", event.share * 100.0)
}
