//! What a provider leaves unsaid, and what that is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::matching::RequestPattern;

/// Something that the provider leaves unsaid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Silence {
    /// One sentence.
    pub text: String,
    /// What it is about, where that is something that a probe knows; a silence about nothing of that kind has none.
    pub about: Vec<Topic>,
    /// The requests it is about, where it is about some: others are no answer to it.
    pub requests: Vec<RequestPattern>,
}

impl Silence {
    /// One about nothing that a probe knows.
    pub fn new(text: impl Into<String>) -> Silence {
        Silence { text: text.into(), ..Silence::default() }
    }

    /// Whether it is about a request, among others.
    pub fn is_about(&self, method: &str, path: &str) -> bool {
        self.requests.is_empty() || self.requests.iter().any(|pattern| pattern.matches(method, path))
    }
}

/// What documents of quotas are often silent about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// How requests are counted: fixed or rolling window, bucket.
    Algorithm,
    /// Where a window begins.
    WindowBegin,
    /// How much may come at once.
    Burst,
    /// Whether the requests of a class share one budget or each has its own.
    Endpoints,
    /// Which limit, if any, holds for requests that the documents place nowhere.
    OtherRequests,
    /// Whether who is refused under one class is refused under the others.
    Classes,
    /// Whether refused requests use up quota.
    Refused,
    /// Whether requests that fail use up quota.
    Failed,
    /// Whose quota a request without valid credentials uses up, if any.
    Unauthenticated,
    /// Whether a request counts when it comes or when it is answered.
    Timing,
    /// What clients are told apart by: credential, address.
    Client,
    /// When refusals tell a wait, how it is rounded, and whether it holds.
    Hints,
    /// Which quota headers answers and refusals carry.
    QuotaHeaders,
    /// What limit the headers tell.
    LimitTold,
    /// What the headers' window means.
    WindowTold,
    /// Whether who heeds what remains is never refused.
    Remaining,
    /// How classes are called in headers.
    Names,
    /// Whether breaches bring anything beyond their refusal.
    Penalty,
    /// How an overloaded server answers, and whether that uses up quota.
    Overload,
    /// Whether requests at the same time are limited.
    Concurrency,
    /// Whether there are limits besides the documented ones.
    OtherLimits,
    /// Which subscriptions of a stream count as the same.
    StreamSet,
    /// What happens to one stream too many.
    StreamExcess,
    /// Whether opening a stream uses up the quota of requests.
    StreamHandshake,
    /// Whether a sandbox has the same limits.
    Deployments,
    /// What is left to clients to decide.
    ClientRules,
}
