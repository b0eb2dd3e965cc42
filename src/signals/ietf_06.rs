//! `RateLimit-Limit: 100`, `RateLimit-Policy: 100;w=60`, `RateLimit-Remaining`, `RateLimit-Reset`:
//! draft-ietf-httpapi-ratelimit-headers -05 and -06.

use super::dialect::Field;
use super::ietf_03::IETF;
use super::lint::Lint;
use super::quota::{Quota, Quotas};
use super::scan::Fields;
use super::{number, structured, unnamed};

pub const POLICY: &str = "ratelimit-policy";

pub fn read(fields: Fields<'_>, quotas: &mut Quotas, lints: &mut Vec<Lint>) {
    let limit = fields.single(IETF.limit, lints).and_then(|text| number::count(IETF.limit, text, lints));
    let reported = Quota { limit, ..IETF.state(fields, lints) };
    IETF.check_complete(fields, lints);
    let policies = policies(fields, lints);
    unnamed::assemble(POLICY, reported, policies, quotas, lints);
}

/// The policies of `RateLimit-Policy`, which are told apart by their limits alone.
pub fn policies(fields: Fields<'_>, lints: &mut Vec<Lint>) -> Vec<Quota> {
    let items = fields.joined(POLICY).map(|text| structured::list(POLICY, &text, lints)).unwrap_or_default();
    let policies: Vec<Quota> = items.iter().filter_map(|item| unnamed::policy(POLICY, item, lints)).collect();
    unnamed::check_distinct(POLICY, &policies, lints);
    policies
}

pub fn print(quotas: &[Quota]) -> Vec<Field> {
    let reported = unnamed::reported_apart(quotas);
    let limit = reported.and_then(|reported| reported.limit);
    let limit = limit.map(|limit| (IETF.limit, structured::integer(limit).to_string()));
    let policies = unnamed::print_policies(quotas, false).map(|policies| (POLICY, policies));
    let state = reported.into_iter().flat_map(|reported| IETF.print_state(reported));
    limit.into_iter().chain(policies).chain(state).collect()
}
