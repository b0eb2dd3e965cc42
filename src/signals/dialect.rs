//! The dialects, and the one way in and out of them.

use arrayvec::ArrayVec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lint::Lint;
use super::quota::{Quota, Quotas};
use super::reset::ResetKind;
use super::retry_after::{Hint, Receipt, retry_after};
use super::scan::Fields;
use super::{ietf_03, ietf_06, ietf_07, ietf_10, kong, response, x_ratelimit};

/// A family of header fields for quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Dialect {
    /// `X-Rate-Limit-Limit`, `-Remaining`, `-Reset`, with `-Policy` and `-Window` where a provider sends them (TELAIR, Okta).
    #[serde(rename = "x-rate-limit")]
    XRateLimit,
    /// `X-RateLimit-Limit`, `-Remaining`, `-Reset` (GitHub, Discord, Cloudflare, Jira and many more).
    #[serde(rename = "x-ratelimit")]
    XRatelimit,
    /// `RateLimit-Limit: 100, 100;w=60`: IETF drafts -00 to -04.
    #[serde(rename = "ietf-03")]
    Ietf03,
    /// `RateLimit-Limit: 100` and `RateLimit-Policy: 100;w=60`: IETF drafts -05 and -06.
    #[serde(rename = "ietf-06")]
    Ietf06,
    /// `RateLimit: limit=100, remaining=50, reset=5`: IETF draft -07.
    #[serde(rename = "ietf-07")]
    Ietf07,
    /// `RateLimit: "burst";r=50;t=30` and `RateLimit-Policy: "burst";q=100;w=60`: IETF drafts -08 to -11.
    #[serde(rename = "ietf-10")]
    Ietf10,
    /// The syntax of `ietf-03` under the names of `x-ratelimit`.
    #[serde(rename = "envoy")]
    Envoy,
    /// `X-RateLimit-Limit-Minute` and the like for each window, and `RateLimit-*` for the one that ends first.
    #[serde(rename = "kong")]
    Kong,
}

impl Dialect {
    pub const ALL: [Dialect; 8] = [
        Dialect::XRateLimit,
        Dialect::XRatelimit,
        Dialect::Ietf03,
        Dialect::Ietf06,
        Dialect::Ietf07,
        Dialect::Ietf10,
        Dialect::Envoy,
        Dialect::Kong,
    ];
}

/// How a server writes its quotas into headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Format {
    pub dialect: Dialect,
    /// How the reset is written; told from its value when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<ResetKind>,
}

impl From<Dialect> for Format {
    fn from(dialect: Dialect) -> Format {
        Format { dialect, reset: None }
    }
}

/// What the headers of one response say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub quotas: Quotas,
    /// From `Retry-After`.
    pub hint: Hint,
    pub lints: Vec<Lint>,
}

/// Reads the headers of a response, names in lower case, and holds them against each other.
pub fn read(format: Format, headers: &[(String, String)], receipt: Receipt) -> Reading {
    let fields = Fields(headers);
    let mut reading = Reading::default();
    let Reading { quotas, hint, lints } = &mut reading;
    if let Some(value) = fields.single("retry-after", lints) {
        let (told, lint) = retry_after(value, receipt);
        *hint = told;
        lints.extend(lint);
    }
    match format.dialect {
        Dialect::XRateLimit => x_ratelimit::HYPHENATED.read(fields, format.reset, receipt.at, quotas, lints),
        Dialect::XRatelimit => x_ratelimit::PLAIN.read(fields, format.reset, receipt.at, quotas, lints),
        Dialect::Ietf03 => ietf_03::IETF.read(fields, quotas, lints),
        Dialect::Envoy => ietf_03::ENVOY.read(fields, quotas, lints),
        Dialect::Ietf06 => ietf_06::read(fields, quotas, lints),
        Dialect::Ietf07 => ietf_07::read(fields, quotas, lints),
        Dialect::Ietf10 => ietf_10::read(fields, quotas, lints),
        Dialect::Kong => kong::read(fields, quotas, lints),
    }
    if !quotas.is_empty() {
        response::check(format.dialect, &mut reading);
    }
    reading
}

/// A header field to be sent, its name in lower case.
pub type Field = (&'static str, String);

/// Writes quotas as a server in this format does, at a time since the Unix epoch. What a dialect has no word for is left
/// out, and of several quotas those with one word for all get the one with the least remaining; lengths are rounded up
/// to whole seconds.
pub fn print(format: Format, quotas: &[Quota], now: crate::time::Nanos) -> Vec<Field> {
    match format.dialect {
        Dialect::XRateLimit => x_ratelimit::HYPHENATED.print(quotas, format.reset, now),
        Dialect::XRatelimit => x_ratelimit::PLAIN.print(quotas, format.reset, now),
        Dialect::Ietf03 => ietf_03::IETF.print(quotas),
        Dialect::Envoy => ietf_03::ENVOY.print(quotas),
        Dialect::Ietf06 => ietf_06::print(quotas),
        Dialect::Ietf07 => ietf_07::print(quotas),
        Dialect::Ietf10 => ietf_10::print(quotas),
        Dialect::Kong => kong::print(quotas),
    }
}

/// The dialects that these headers can be read in, the most telling first; empty for a response without quotas.
pub fn detect(headers: &[(String, String)]) -> ArrayVec<Dialect, 4> {
    let fields = Fields(headers);
    let mut found = ArrayVec::new();
    if kong::speaks(fields) {
        // Kong's other fields repeat what its windows say.
        found.push(Dialect::Kong);
        return found;
    }
    found.extend(ietf(fields));
    match fields.joined("x-ratelimit-limit") {
        Some(limit) if limit.contains(['=', ',']) => found.push(Dialect::Envoy),
        _ if x_ratelimit::PLAIN.speaks(fields) => found.push(Dialect::XRatelimit),
        _ => {}
    }
    if x_ratelimit::HYPHENATED.speaks(fields) {
        found.push(Dialect::XRateLimit);
    }
    found
}

fn ietf(fields: Fields<'_>) -> Option<Dialect> {
    if let Some(state) = fields.joined("ratelimit") {
        let is_dictionary = ["limit=", "remaining=", "reset="].iter().any(|key| state.contains(key));
        return Some(if is_dictionary { Dialect::Ietf07 } else { Dialect::Ietf10 });
    }
    let policy = fields.joined("ratelimit-policy");
    if ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"].iter().any(|name| fields.has(name)) {
        return Some(if policy.is_some() { Dialect::Ietf06 } else { Dialect::Ietf03 });
    }
    let unnamed = |policy: &str| policy.starts_with(|first: char| first.is_ascii_digit());
    policy.map(|policy| if unnamed(&policy) { Dialect::Ietf07 } else { Dialect::Ietf10 })
}
