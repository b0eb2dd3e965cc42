//! `RateLimit-Limit: 100, 100;w=60`, `RateLimit-Remaining`, `RateLimit-Reset`: draft-ietf-httpapi-ratelimit-headers -00 to
//! -04, and Envoy's variant of it under `X-RateLimit-*` with names of policies.

use super::dialect::Field;
use super::lint::Lint;
use super::number::{self, whole_seconds};
use super::quota::{Quota, Quotas};
use super::scan::Fields;
use super::{structured, unnamed};

/// The names of the three fields.
pub struct Triple {
    pub limit: &'static str,
    pub remaining: &'static str,
    pub reset: &'static str,
    /// Whether policies carry a `name`.
    pub named: bool,
}

pub const IETF: Triple =
    Triple { limit: "ratelimit-limit", remaining: "ratelimit-remaining", reset: "ratelimit-reset", named: false };
pub const ENVOY: Triple =
    Triple { limit: "x-ratelimit-limit", remaining: "x-ratelimit-remaining", reset: "x-ratelimit-reset", named: true };

impl Triple {
    pub fn read(&self, fields: Fields<'_>, quotas: &mut Quotas, lints: &mut Vec<Lint>) {
        let mut items = fields.single(self.limit, lints).map(|text| structured::list(self.limit, text, lints));
        let expiring = items.as_mut().filter(|items| !items.is_empty()).map(|items| items.remove(0));
        let limit = expiring.and_then(|item| structured::count(self.limit, "", &item.bare_item, lints));
        let reported = Quota { limit, ..self.state(fields, lints) };
        self.check_complete(fields, lints);
        let policies = items.unwrap_or_default();
        let policies = policies.iter().filter_map(|item| unnamed::policy(self.limit, item, lints)).collect();
        unnamed::assemble(self.limit, reported, policies, quotas, lints);
    }

    /// What remains and until when.
    pub fn state(&self, fields: Fields<'_>, lints: &mut Vec<Lint>) -> Quota {
        let remaining = fields.single(self.remaining, lints);
        let remaining = remaining.and_then(|text| number::remaining(self.remaining, text, lints));
        let reset = fields.single(self.reset, lints).and_then(|text| number::count(self.reset, text, lints));
        let reset = reset.and_then(|count| number::seconds(self.reset, count, lints));
        Quota { remaining, reset, ..Quota::default() }
    }

    /// Limit and reset come together.
    pub fn check_complete(&self, fields: Fields<'_>, lints: &mut Vec<Lint>) {
        if [self.limit, self.remaining, self.reset].iter().any(|name| fields.has(name)) {
            for missing in [self.limit, self.reset].iter().filter(|name| !fields.has(name)) {
                lints.push(Lint::new("field/missing", missing, "", "missing, although required beside the others"));
            }
        }
    }

    pub fn print(&self, quotas: &[Quota]) -> Vec<Field> {
        let Some(reported) = unnamed::reported(quotas) else { return Vec::new() };
        let policies = unnamed::print_policies(quotas, self.named);
        let limit = reported.limit.map(|limit| structured::integer(limit).to_string());
        let list = limit.map(|limit| policies.map_or(limit.clone(), |policies| format!("{limit}, {policies}")));
        list.map(|list| (self.limit, list)).into_iter().chain(self.print_state(reported)).collect()
    }

    pub fn print_state(&self, reported: &Quota) -> impl Iterator<Item = Field> {
        let remaining = reported.remaining.map(|remaining| (self.remaining, remaining.to_string()));
        let reset = reported.reset.map(|reset| (self.reset, whole_seconds(reset).to_string()));
        remaining.into_iter().chain(reset)
    }
}
