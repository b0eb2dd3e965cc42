//! What answers say about the quota, as it is written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::word::Pointer;
use crate::policy::model::{HintUnit, Presence};
use crate::signals::body::Code;
use crate::signals::{Dialect, ResetKind};
use crate::yaml::quantity::Whole;
use crate::yaml::{Located, Shape, Shaped};

/// How a refusal is signalled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RefusalDocument {
    /// The status of a refusal; 429 when left out.
    pub status: Located<Whole<100, 599>>,
    /// One field of the JSON body and the integer or word that stands there: `{code: 5001}`, or by pointer
    /// `{/errors/0/code: THROTTLED}`.
    pub body: Option<Located<IndexMap<String, Code>>>,
    /// Other forms that a refusal takes.
    pub also: Vec<RefusalFormDocument>,
    /// Where the hint stands that says when to come back. Left out: nothing is promised, and a `Retry-After` is read all the same.
    pub retry_after: Option<Located<Shaped<HintDocument>>>,
}

impl Default for RefusalDocument {
    fn default() -> Self {
        RefusalDocument { status: Located::unplaced(Whole(429)), body: None, also: Vec::new(), retry_after: None }
    }
}

/// One more form of a refusal.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusalFormDocument {
    /// Its status.
    pub status: Located<Whole<100, 599>>,
    /// One field of the JSON body and the integer or word that stands there; needed where the status alone does not tell.
    pub body: Option<Located<IndexMap<String, Code>>>,
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

impl Shape for HintDocument {
    const EXAMPLE: &'static str = "where the hint stands: `{header: retry-after}` or `{body: /details/retry_after_seconds}`, with `unit` and \
         `presence` where they matter";
}

/// How an overloaded server answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OverloadDocument {
    /// Its status; 503 when left out.
    pub status: Whole<100, 599>,
    /// How often a client may try again. Leave it out where the provider does not say.
    pub retries: Option<Whole<0, 1_000>>,
}

impl Default for OverloadDocument {
    fn default() -> Self {
        OverloadDocument { status: Whole(503), retries: None }
    }
}

/// The quota headers that answers carry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaHeadersDocument {
    /// How they are written.
    pub dialect: Dialect,
    /// What the reset header holds, where the dialect leaves that open.
    pub reset: Option<Located<ResetKind>>,
    /// Whether every limited answer must carry them; `optional` when left out.
    #[serde(default)]
    pub presence: Presence,
    /// What it means that an answer carries none of them.
    #[serde(default)]
    pub absent: AbsentDocument,
}

/// What it means that an answer carries no quota header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AbsentDocument {
    /// The provider does not say.
    #[default]
    Unspecified,
    /// The request is in no class: nothing limits it.
    Unlimited,
}
