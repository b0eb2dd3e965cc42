//! `RateLimit: limit=100, remaining=50, reset=5` and `RateLimit-Policy: 100;w=60`: draft-ietf-httpapi-ratelimit-headers -07.

use super::dialect::Field;
use super::ietf_06::{POLICY, policies};
use super::lint::Lint;
use super::number::whole_seconds;
use super::quota::{Quota, Quotas};
use super::scan::Fields;
use super::{structured, unnamed};

const STATE: &str = "ratelimit";

pub fn read(fields: Fields<'_>, quotas: &mut Quotas, lints: &mut Vec<Lint>) {
    let reported = fields.joined(STATE).map(|text| state(&text, lints)).unwrap_or_default();
    let policies = policies(fields, lints);
    unnamed::assemble(STATE, reported, policies, quotas, lints);
}

fn state(text: &str, lints: &mut Vec<Lint>) -> Quota {
    let members = structured::dictionary(STATE, text, lints);
    let member = |key: &str| members.iter().find(|(found, _)| found == key).map(|(_, item)| &item.bare_item);
    for key in ["limit", "reset"] {
        if member(key).is_none() {
            lints.push(Lint::new("field/missing", STATE, text, format!("without {key}, which is required")));
        }
    }
    Quota {
        limit: member("limit").and_then(|value| structured::count(STATE, "limit", value, lints)),
        remaining: member("remaining").and_then(|value| structured::remaining(STATE, "remaining", value, lints)),
        reset: member("reset").and_then(|value| structured::seconds(STATE, "reset", value, lints)),
        ..Quota::default()
    }
}

pub fn print(quotas: &[Quota]) -> Vec<Field> {
    let state = unnamed::reported_apart(quotas).map(print_state).filter(|state| !state.is_empty());
    let policies = unnamed::print_policies(quotas, false).map(|policies| (POLICY, policies));
    state.map(|state| (STATE, state)).into_iter().chain(policies).collect()
}

fn print_state(reported: &Quota) -> String {
    let reset = reported.reset.map(whole_seconds);
    let members = [("limit", reported.limit), ("remaining", reported.remaining), ("reset", reset)];
    let members = members.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", structured::integer(value?))));
    members.collect::<Vec<_>>().join(", ")
}
