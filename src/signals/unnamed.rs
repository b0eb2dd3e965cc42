//! What the drafts before -08 share: policies that have no name and are told apart by their limits, and one of them, the
//! one that ends first, reported with what remains of it.

use std::fmt::Write;

use super::lint::Lint;
use super::number::whole_seconds;
use super::quota::{self, Quota, Quotas};
use super::structured;
use sfv::Item;

/// A policy of a list: `100;w=60`, with a name in Envoy's variant.
pub fn policy(field: &str, item: &Item, lints: &mut Vec<Lint>) -> Option<Quota> {
    let limit = structured::count(field, "", &item.bare_item, lints)?;
    let Some(window) = item.params.get("w") else {
        lints.push(Lint::new("policy/no-window", field, &limit.to_string(), "a policy without its window w; ignored"));
        return None;
    };
    let window = Some(structured::seconds(field, "w", window, lints)?);
    let policy = item.params.get("name").map(|name| structured::name(field, "name", name, lints));
    Some(Quota { policy, limit: Some(limit), window, ..Quota::default() })
}

/// The reported window first, completed from the policy with its limit, then the other policies.
pub fn assemble(field: &str, reported: Quota, policies: Vec<Quota>, quotas: &mut Quotas, lints: &mut Vec<Lint>) {
    let own = policies.iter().position(|policy| policy.limit == reported.limit);
    if reported != Quota::default() {
        let known = own.map(|own| policies[own]).unwrap_or_default();
        quotas.push(Quota { policy: known.policy, window: known.window, ..reported });
        check(field, &reported, &policies, own, lints);
    }
    let others =
        policies.into_iter().enumerate().filter(|&(index, _)| reported == Quota::default() || Some(index) != own);
    others.for_each(|(_, policy)| quota::push(quotas, policy, field, lints));
}

fn check(field: &str, reported: &Quota, policies: &[Quota], own: Option<usize>, lints: &mut Vec<Lint>) {
    if let Some(limit) = reported.limit
        && own.is_none()
        && !policies.is_empty()
    {
        let message = "the reported limit is that of no policy";
        lints.push(Lint::new("policy/unknown", field, &limit.to_string(), message));
    }
    // What remains of another policy is at most its limit.
    let least = policies.iter().filter_map(|policy| policy.limit).min();
    if let (Some(remaining), Some(least)) = (reported.remaining, least)
        && least < remaining
    {
        let message = format!("not the window with the least remaining: another one allows {least} in all");
        lints.push(Lint::new("quota/not-least", field, &remaining.to_string(), message));
    }
}

/// Two policies must not have the same limit (drafts -05 to -07), by which alone they can be told apart.
pub fn check_distinct(field: &str, policies: &[Quota], lints: &mut Vec<Lint>) {
    for (index, policy) in policies.iter().enumerate() {
        if policies[..index].iter().any(|earlier| earlier.limit == policy.limit) {
            let limit = policy.limit.unwrap_or_default().to_string();
            lints.push(Lint::new("policy/same-limit", field, &limit, "two policies of the same limit"));
        }
    }
}

/// The reported quota: the one with the least remaining, else the first.
pub fn reported(quotas: &[Quota]) -> Option<&Quota> {
    quotas.iter().filter(|quota| quota.remaining.is_some()).min_by_key(|quota| quota.remaining).or(quotas.first())
}

/// The reported quota, unless it is no more than one of the policies.
pub fn reported_apart(quotas: &[Quota]) -> Option<&Quota> {
    reported(quotas).filter(|quota| quota.remaining.is_some() || quota.reset.is_some() || quota.window.is_none())
}

/// The policies whose limit and window are known, as members of a list.
pub fn print_policies(quotas: &[Quota], named: bool) -> Option<String> {
    let mut text = String::new();
    for quota in quotas {
        let (Some(limit), Some(window)) = (quota.limit, quota.window) else { continue };
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}{limit};w={}", whole_seconds(window));
        if let Some(name) = quota.policy.filter(|_| named) {
            let _ = write!(text, ";name={}", structured::quoted(&name));
        }
    }
    (!text.is_empty()).then_some(text)
}
