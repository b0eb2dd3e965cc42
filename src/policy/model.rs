//! The policy as everything behind the loader uses it: checked, indexed, without positions in a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::matching::RequestPattern;
use crate::time::Nanos;

/// Index of a class in [`Policy::classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u8);

impl ClassId {
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A provider's published quota contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub name: String,
    pub title: String,
    /// Where the provider publishes it.
    pub source: Option<String>,
    pub classes: Vec<Class>,
    pub refusal: Refusal,
    pub overload: Overload,
    pub guidance: Guidance,
    /// What the provider leaves unsaid, one sentence each.
    pub silences: Vec<String>,
    /// SHA-256 of the policy's text, in hexadecimal: reports carry it.
    pub hash: String,
}

/// A group of requests that share limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    pub name: String,
    pub title: Option<String>,
    pub requests: Vec<RequestPattern>,
    /// All of them hold at once.
    pub limits: Vec<Limit>,
}

/// One limit of a class.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    Rate(RateLimit),
    Concurrent(ConcurrencyLimit),
}

/// At most `allow` requests per `per` and scope key.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimit {
    pub allow: u32,
    pub per: Nanos,
    pub scope: Scope,
    pub algorithm: Algorithm,
    pub counts_refused: CountsRefused,
}

/// At most `allow` at the same time per scope key.
#[derive(Clone, Debug, PartialEq)]
pub struct ConcurrencyLimit {
    pub allow: u32,
    pub scope: Scope,
}

/// Whose budget a limit is: the names that make up its key, such as `client_id` or `[client_id, device_set]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(pub Vec<String>);

/// How the provider says it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// The provider does not say: every reading of its words is possible.
    #[default]
    Unspecified,
    /// Windows that begin at whole multiples of their length on the server's clock.
    FixedAligned,
    /// Windows that begin with the first request after the last one ended.
    FixedFirstHit,
    /// Any span of the window's length.
    Rolling,
    /// A bucket of `allow` tokens, refilled evenly over `per`.
    TokenBucket,
}

/// Whether a refused request uses up quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountsRefused {
    #[default]
    Unspecified,
    Yes,
    No,
}

/// How a refusal is signalled.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    /// A JSON pointer into the body and the integer that stands there.
    pub body_code: Option<(String, i64)>,
    /// The hint when to come back, if the provider gives one.
    pub retry_after: Option<HintSource>,
}

/// Where the hint of a refusal stands.
#[derive(Clone, Debug, PartialEq)]
pub struct HintSource {
    pub place: HintPlace,
    pub unit: HintUnit,
    pub presence: Presence,
}

#[derive(Clone, Debug, PartialEq)]
pub enum HintPlace {
    /// A JSON pointer into the body.
    Body(String),
    /// A response header's name, in lower case.
    Header(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HintUnit {
    #[default]
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Required,
    #[default]
    Optional,
}

/// How an overloaded server answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Overload {
    pub status: u16,
}

/// What the provider recommends to clients. It is advice: breaking it is reported, it is no breach of a limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guidance {
    pub cadences: Vec<CadenceAdvice>,
    pub page_size: Option<PageSizeAdvice>,
    pub prefer_stream: Option<StreamAdvice>,
    pub cacheable: Vec<CacheAdvice>,
    pub token_reuse: Option<TokenAdvice>,
    pub backoff: Option<BackoffAdvice>,
}

/// One sender is expected to make this request once per `every`.
#[derive(Clone, Debug, PartialEq)]
pub struct CadenceAdvice {
    pub request: RequestPattern,
    pub every: Nanos,
}

/// Ask for full pages, and narrow the question by time.
#[derive(Clone, Debug, PartialEq)]
pub struct PageSizeAdvice {
    pub requests: Vec<RequestPattern>,
    pub full: u32,
    pub time_filter: bool,
}

/// Live state comes from `stream`, not from repeating `instead_of`.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamAdvice {
    pub instead_of: RequestPattern,
    pub stream: RequestPattern,
    /// Asking for one resource again sooner than this counts as polling.
    pub polling_below: Nanos,
}

/// The answer stays good for `keep`: asking again sooner is waste.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheAdvice {
    pub request: RequestPattern,
    pub keep: Nanos,
}

/// A token serves for its whole lifetime; ask for the next one `renew_before` it ends.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenAdvice {
    pub requests: Vec<RequestPattern>,
    pub lifetime: Nanos,
    pub renew_before: Nanos,
}

/// The documented client reaction without a hint: `min(initial * 2^i, max)`, plus up to `jitter` of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BackoffAdvice {
    pub initial: Nanos,
    pub max: Nanos,
    /// Share of the wait, `0.0..=1.0`, that may be added (never taken away).
    pub jitter: f64,
    pub attempts: u32,
}

impl Policy {
    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.index()]
    }

    pub fn class_named(&self, name: &str) -> Option<ClassId> {
        self.classes.iter().position(|class| class.name == name).map(|index| ClassId(index as u8))
    }

    /// The class of a request, given as method (`WS` for a WebSocket handshake) and path without a query.
    pub fn classify(&self, method: &str, path: &str) -> Option<ClassId> {
        super::matching::classify(&self.classes, method, path)
    }
}
