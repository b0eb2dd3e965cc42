//! The ways in which providers tell a quota in response headers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way to write quota headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// `X-Rate-Limit-Limit`, `-Remaining`, and `-Policy` and `-Window` or `-Reset`.
    #[serde(rename = "x-rate-limit")]
    XRateLimit,
    /// `X-RateLimit-Limit`, `-Remaining`, `-Reset`.
    #[serde(rename = "x-ratelimit")]
    XRatelimit,
    /// `RateLimit-Limit`, `-Remaining`, `-Reset` of the drafts up to -05.
    #[serde(rename = "ietf-03")]
    Ietf03,
    /// Draft -06: with `RateLimit-Policy`.
    #[serde(rename = "ietf-06")]
    Ietf06,
    /// Draft -07: one `RateLimit` dictionary.
    #[serde(rename = "ietf-07")]
    Ietf07,
    /// Drafts -08 to -10: `RateLimit: "name";r=50;t=30`.
    #[serde(rename = "ietf-10")]
    Ietf10,
    /// The syntax of draft -03 under `X-RateLimit-` names.
    Envoy,
    /// `RateLimit-*` and `X-RateLimit-Limit-Minute` and the like.
    Kong,
}

/// What the `Reset` header holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetKind {
    /// Seconds from now.
    SecondsLeft,
    /// Seconds since 1970, perhaps with a fraction.
    Epoch,
    /// An HTTP date.
    HttpDate,
    /// ISO 8601.
    #[serde(rename = "iso_8601")]
    Iso8601,
}
