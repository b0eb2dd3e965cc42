//! A whole policy in words.

use super::{alternatives, guidance_lines, limit_text, overload_text, quota_headers_text, refusal_text};
use crate::policy::model::*;
use crate::policy::reading::Reading;

/// What a policy says, as text of several lines, with what its provider leaves open and what is lost. Lines are as long
/// as what they say; those that begin with `- ` after their indent are items.
pub fn in_words(policy: &Policy) -> String {
    let mut text = format!("{}: {}\n", policy.name, policy.title);
    if let Some(source) = &policy.source {
        text.push_str(&format!("{source}\n"));
    }
    text.push_str("\nLimits\n");
    for class in &policy.classes {
        text.push_str(&class_text(policy, class));
    }
    let scopes: Vec<String> = policy.scopes.iter().map(|(name, line)| format!("{name}: {line}")).collect();
    let more = policy.more_limits.then(|| MORE_LIMITS.to_owned());
    let open = unspecified_line(policy)
        .into_iter()
        .chain(more)
        .chain(policy.silences.iter().map(|silence| silence.text.clone()));
    let open: Vec<String> = open.collect();
    let headers: Vec<String> = policy.quota_headers.iter().map(quota_headers_text).collect();
    for (heading, lines) in [
        ("Scopes", scopes),
        ("A refusal", vec![refusal_text(&policy.refusal)]),
        ("Quota headers", headers),
        ("Taken for overload, not for a refusal", vec![overload_text(&policy.overload)]),
        ("The provider recommends", guidance_lines(&policy.guidance)),
        ("The provider leaves open", open),
        ("Lost: the provider says it, a policy cannot", policy.lost.clone()),
    ] {
        text.push_str(&section(heading, &lines));
    }
    text
}

const MORE_LIMITS: &str = "There are more limits than these, so a refusal that they do not explain proves nothing.";

/// A heading and its items, a line each; nothing where there are none.
fn section(heading: &str, items: &[String]) -> String {
    let line = |item: &String| item.split_whitespace().collect::<Vec<_>>().join(" ");
    let items: String = items.iter().map(|item| format!("  - {}\n", line(item))).collect();
    if items.is_empty() { items } else { format!("\n{heading}\n{items}") }
}

/// Its name, which requests it holds, and its limits.
fn class_text(policy: &Policy, class: &Class) -> String {
    let mut text = format!("  {}\n", class_heading(class));
    for line in holdings(policy, class) {
        text.push_str(&format!("      {line}\n"));
    }
    for line in limit_lines(policy, class) {
        text.push_str(&format!("    - {line}\n"));
    }
    text
}

/// The title only where it says more than the name.
fn class_heading(class: &Class) -> String {
    match &class.title {
        Some(title) if title.to_lowercase().replace(' ', "-") != class.name => format!("{} ({title})", class.name),
        _ => class.name.clone(),
    }
}

fn holdings(policy: &Policy, class: &Class) -> Vec<String> {
    let mut lines: Vec<String> = class.requests.iter().map(ToString::to_string).collect();
    if let Some(learned) = &class.learned_as {
        lines.push(format!("requests whose answers name `{learned}`"));
    }
    if !class.of.is_empty() {
        lines.push(format!("all requests of {}", alternatives(&names(policy, &class.of), "and")));
    }
    lines
}

fn limit_lines(policy: &Policy, class: &Class) -> Vec<String> {
    let mut lines = Vec::new();
    if class.limits.is_empty() {
        lines.push("no limit of its own".to_owned());
    }
    for limit in &class.limits {
        lines.push(limit_text(limit));
        lines.extend(costs_line(policy, class, limit));
        lines.extend(readings_line(limit));
    }
    if !class.parents.is_empty() {
        lines.push(format!("its requests also count in {}", alternatives(&names(policy, &class.parents), "and")));
    }
    lines
}

fn names(policy: &Policy, classes: &[ClassId]) -> Vec<String> {
    classes.iter().map(|id| policy.class(*id).name.clone()).collect()
}

fn costs_line(policy: &Policy, class: &Class, limit: &Limit) -> Option<String> {
    let Limit::Rate(RateLimit { cost: Cost::ByClass(costs), .. }) = limit else { return None };
    let mut texts: Vec<String> =
        costs.iter().map(|(id, points)| format!("{} {points}", policy.class(*id).name)).collect();
    if class.of.iter().any(|member| costs.iter().all(|(id, _)| id != member)) {
        texts.push("others 1".to_owned());
    }
    Some(format!("costs: {}", texts.join(", ")))
}

/// Said where the words allow some readings and rule others out.
fn readings_line(limit: &Limit) -> Option<String> {
    let Limit::Rate(rate) = limit else { return None };
    let some = rate.readings().len() > 1 && rate.readings() != Reading::ALL;
    some.then(|| format!("may be counted as {}", titles(rate.readings())))
}

/// Said once for all limits whose words rule no reading out.
fn unspecified_line(policy: &Policy) -> Option<String> {
    let mut limits = policy.classes.iter().flat_map(|class| &class.limits);
    let any = limits.any(|limit| matches!(limit, Limit::Rate(rate) if rate.readings() == Reading::ALL));
    any.then(|| format!("A limit that names no algorithm may be counted as {}.", titles(&Reading::ALL)))
}

fn titles(readings: &[Reading]) -> String {
    let titles: Vec<String> = readings.iter().map(|reading| Reading::title(*reading).to_owned()).collect();
    alternatives(&titles, "or")
}
