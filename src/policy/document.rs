//! The policy as it is written in YAML. The comments here are the descriptions in its JSON Schema.

use std::fmt;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::matching::RequestPattern;
use super::model::{Algorithm, CountsRefused, HintUnit, Presence};
use crate::yaml::Located;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::{Delay, Interval, Length, Name, Percent, Quantity, Whole, quantity_impls};

/// A provider's published quota contract: who may send how much of what, how a refusal looks, what is recommended to
/// clients, and what is left unsaid.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Short name, used in file names and reports.
    pub name: Name,
    /// Full title of the API; the name when left out.
    pub title: Option<String>,
    /// Where the provider publishes it.
    pub source: Option<String>,
    /// Groups of requests that share limits, by name. A request belongs to the class with the most specific matching
    /// pattern.
    pub classes: Located<IndexMap<Located<Name>, ClassDocument>>,
    /// How a refusal is signalled.
    #[serde(default)]
    pub refusal: RefusalDocument,
    /// How an overloaded server answers.
    #[serde(default)]
    pub overload: OverloadDocument,
    /// What the provider recommends to clients. Advice: breaking it is reported, it is no breach of a limit.
    #[serde(default)]
    pub guidance: GuidanceDocument,
    /// What the provider leaves unsaid, one sentence each. Reports repeat them.
    #[serde(default)]
    pub silences: Vec<String>,
}

/// A group of requests that share limits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassDocument {
    /// What reports call it; its name when left out.
    pub title: Option<String>,
    /// The requests it holds.
    pub requests: Located<Vec<Located<RequestPattern>>>,
    /// All of them hold at once. None: the class is named but not limited.
    #[serde(default)]
    pub limits: Vec<Located<LimitDocument>>,
    /// Other classes whose patterns may match the same requests on purpose; the more specific pattern wins.
    #[serde(default)]
    pub overlaps: Vec<Located<Name>>,
}

/// Either a rate (`allow` and `per`) or a number at the same time (`concurrent`), for each value of `scope`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitDocument {
    /// So many requests …
    pub allow: Option<Whole<1, 1_000_000_000>>,
    /// … in this time.
    pub per: Option<Length>,
    /// So many at the same time.
    pub concurrent: Option<Whole<1, 1_000_000>>,
    /// Whose budget it is: `client_id`, `device_id`, `device_set`, `account` or `address`, or a list of them.
    pub scope: Located<ScopeDocument>,
    /// How the provider says it counts. Leave it out where the documents are silent: every reading is then possible.
    pub algorithm: Option<Located<Algorithm>>,
    /// Whether refused requests use up quota. Leave it out where the documents are silent.
    pub counts_refused: Option<Located<CountsRefused>>,
}

/// One name or a list of names.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeDocument(pub Vec<String>);

/// How a refusal is signalled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RefusalDocument {
    /// The status of a refusal; 429 when left out.
    pub status: Whole<100, 599>,
    /// One field of the JSON body and the integer that stands there: `{code: 5001}`, or by pointer `{/error/code: 7}`.
    pub body: Option<Located<IndexMap<String, i64>>>,
    /// Where the hint stands that says when to come back. None: there is no hint.
    pub retry_after: Option<Located<HintDocument>>,
}

impl Default for RefusalDocument {
    fn default() -> Self {
        RefusalDocument { status: Whole(429), body: None, retry_after: None }
    }
}

/// Where the hint of a refusal stands: in the `body` or in a `header`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HintDocument {
    /// A JSON pointer into the body, such as `/details/retry_after_seconds`.
    pub body: Option<Located<Pointer>>,
    /// A response header's name.
    pub header: Option<String>,
    /// `s` (when left out) or `ms`.
    #[serde(default)]
    pub unit: HintUnit,
    /// Whether every refusal must carry it; `optional` when left out.
    #[serde(default)]
    pub presence: Presence,
}

/// A JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq)]
pub struct Pointer(pub String);

/// How an overloaded server answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OverloadDocument {
    /// Its status; 503 when left out.
    pub status: Whole<100, 599>,
}

impl Default for OverloadDocument {
    fn default() -> Self {
        OverloadDocument { status: Whole(503) }
    }
}

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

impl<'de> Deserialize<'de> for ScopeDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScopeVisitor;

        impl<'de> Visitor<'de> for ScopeVisitor {
            type Value = ScopeDocument;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a name or a list of names")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<ScopeDocument, E> {
                Ok(ScopeDocument(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<ScopeDocument, A::Error> {
                let mut scope = Vec::new();
                while let Some(name) = names.next_element()? {
                    scope.push(name);
                }
                Ok(ScopeDocument(scope))
            }
        }
        deserializer.deserialize_any(ScopeVisitor)
    }
}

impl JsonSchema for ScopeDocument {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scope".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let name = schemars::json_schema!({ "type": "string", "enum": super::load::SCOPES });
        schemars::json_schema!({ "anyOf": [name, { "type": "array", "minItems": 1, "items": name }] })
    }
}

quantity_impls!(RequestPattern);
quantity_impls!(Pointer);

impl Quantity for RequestPattern {
    const NAME: &'static str = "Request";
    const EXPECTED: &'static str =
        "METHOD /path (WS for a WebSocket handshake), such as `GET /v1/sites` or `\"GET /v1/devices/{device_id}\"`";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: super::matching::PatternError| match error {
            super::matching::PatternError::Shape => format!("`{}` is no request", shown(text)),
            other => other.to_string(),
        })
    }

    fn schema() -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|WS) +/",
            "examples": ["GET /v1/sites", "GET /v1/devices/{device_id}", "WS /v1/stream"],
        })
    }
}

impl Quantity for Pointer {
    const NAME: &'static str = "Pointer";
    const EXPECTED: &'static str = "a JSON pointer, such as `/details/retry_after_seconds`";

    fn read(text: &str) -> Result<Self, String> {
        if text.len() > 1 && text.starts_with('/') {
            Ok(Pointer(text.to_owned()))
        } else {
            Err(format!("`{}` is no JSON pointer", shown(text)))
        }
    }

    fn schema() -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^/.+", "examples": ["/details/retry_after_seconds"] })
    }
}
