//! What the provider recommends to clients, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::matching::RequestPattern;
use crate::yaml::quantity::{Delay, Interval, Length, Percent, Whole};

/// The provider's recommendations to clients.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GuidanceDocument {
    /// How often a sender is expected to make a request.
    pub cadence: Vec<CadenceDocument>,
    /// Ask for full pages, and narrow the question by time.
    pub page_size: Option<PageSizeDocument>,
    /// Live state comes from a stream, not from asking again and again.
    pub prefer_stream: Option<StreamDocument>,
    /// Answers that stay good for a while.
    pub cacheable: Vec<CacheDocument>,
    /// Tokens serve for their whole lifetime.
    pub token_reuse: Option<TokenDocument>,
    /// How a client comes back after a refusal without a hint.
    pub backoff: Option<BackoffDocument>,
}

/// One sender is expected to make this request once per `every`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CadenceDocument {
    /// The request.
    pub request: RequestPattern,
    /// The expected time between two of them.
    pub every: Interval,
}

/// Full pages, narrowed by time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageSizeDocument {
    /// The paged requests.
    pub requests: Vec<RequestPattern>,
    /// The largest page.
    pub full: Whole<1, 1_000_000>,
    /// Whether the question should carry a time filter; false when left out.
    #[serde(default)]
    pub time_filter: bool,
}

/// Live state comes from `stream`, not from repeating `instead_of`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamDocument {
    /// The request that is polled.
    pub instead_of: RequestPattern,
    /// The stream to use; its method is `WS`.
    pub stream: RequestPattern,
    /// Asking for one resource again sooner than this counts as polling.
    pub polling_below: Length,
}

/// The answer stays good for `keep`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CacheDocument {
    /// The request.
    pub request: RequestPattern,
    /// Asking again sooner is waste.
    pub keep: Length,
}

/// A token serves for its whole lifetime.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenDocument {
    /// The requests that issue tokens.
    pub requests: Vec<RequestPattern>,
    /// How long a token is good.
    pub lifetime: Length,
    /// How long before its end the next one is asked for.
    pub renew_before: Delay,
}

/// `min(initial * 2^i, max)` plus up to `jitter` of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackoffDocument {
    /// The first wait.
    pub initial: Length,
    /// The longest wait.
    pub max: Length,
    /// How much of the wait is added at random.
    pub jitter: Percent,
    /// Attempts in all.
    pub attempts: Whole<1, 100>,
}
