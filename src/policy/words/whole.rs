//! A whole policy in words.

use super::{alternatives, guidance_lines, limit_text, overload_text, quota_headers_text, refusal_text};
use crate::policy::model::*;
use crate::policy::reading::Reading;

/// What a policy says, as text of several lines, with what its provider leaves open and what is lost.
pub fn in_words(policy: &Policy) -> String {
    let mut text = format!("{} ({})\n", policy.title, policy.name);
    if let Some(source) = &policy.source {
        text.push_str(&format!("{source}\n"));
    }
    for class in &policy.classes {
        text.push_str(&format!("\n{}\n", class.title.as_ref().unwrap_or(&class.name)));
        section(&mut text, "", &class_lines(policy, class));
    }
    let scopes: Vec<String> = policy.scopes.iter().map(|(name, line)| format!("{name}: {line}")).collect();
    section(&mut text, "Whose budgets", &scopes);
    section(&mut text, "Answers", &answer_lines(policy));
    section(&mut text, "Advice to clients", &guidance_lines(&policy.guidance));
    section(&mut text, "What the provider leaves open", &policy.silences);
    section(&mut text, "What the provider says and a policy cannot", &policy.lost);
    text
}

/// A heading and its lines; nothing where there are none.
fn section(text: &mut String, heading: &str, lines: &[String]) {
    if !lines.is_empty() && !heading.is_empty() {
        text.push_str(&format!("\n{heading}\n"));
    }
    for line in lines {
        text.push_str(&format!("  - {line}\n"));
    }
}

fn class_lines(policy: &Policy, class: &Class) -> Vec<String> {
    let names = |ids: &[ClassId]| ids.iter().map(|id| policy.class(*id).name.clone()).collect::<Vec<_>>();
    let mut lines = vec![format!("class: {}", class.name)];
    if !class.requests.is_empty() {
        let requests: Vec<String> = class.requests.iter().map(ToString::to_string).collect();
        lines.push(format!("requests: {}", requests.join(", ")));
    }
    if let Some(learned) = &class.learned_as {
        lines.push(format!("requests whose answers name `{learned}`"));
    }
    if !class.of.is_empty() {
        lines.push(format!("all requests of {}", alternatives(&names(&class.of), "and")));
    }
    if class.limits.is_empty() {
        lines.push("no limit of its own".to_owned());
    }
    for limit in &class.limits {
        lines.push(format!("limit: {}", limit_text(limit)));
        lines.extend(costs_line(policy, limit));
        lines.extend(readings_line(limit));
    }
    if !class.parents.is_empty() {
        lines.push(format!("its requests also count in {}", alternatives(&names(&class.parents), "and")));
    }
    lines
}

fn costs_line(policy: &Policy, limit: &Limit) -> Option<String> {
    let Limit::Rate(RateLimit { cost: Cost::ByClass(costs), .. }) = limit else { return None };
    let costs: Vec<String> = costs.iter().map(|(id, points)| format!("{} {points}", policy.class(*id).name)).collect();
    Some(format!("costs: {}, others 1", costs.join(", ")))
}

/// Said where the words allow more than one.
fn readings_line(limit: &Limit) -> Option<String> {
    let Limit::Rate(rate) = limit else { return None };
    let titles: Vec<String> = rate.readings().iter().map(|reading| Reading::title(*reading).to_owned()).collect();
    (titles.len() > 1).then(|| format!("may be counted as {}", alternatives(&titles, "or")))
}

fn answer_lines(policy: &Policy) -> Vec<String> {
    let refusal = format!("refusal: {}", refusal_text(&policy.refusal));
    let overload = format!("overload: {}", overload_text(&policy.overload));
    let headers = policy.quota_headers.as_ref();
    let headers = headers.map(|headers| format!("quota headers: {}", quota_headers_text(headers)));
    [Some(refusal), Some(overload), headers].into_iter().flatten().collect()
}
