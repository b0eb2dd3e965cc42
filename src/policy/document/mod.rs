//! The policy as it is written in YAML. The comments here are the descriptions in its JSON Schema.

mod guidance;
mod limit;
mod signal;
mod silence;
mod word;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

pub use guidance::*;
pub use limit::*;
pub use signal::*;
pub use silence::SilenceDocument;
pub use word::*;

use super::matching::RequestPattern;
use crate::yaml::Located;
use crate::yaml::quantity::Name;

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
    /// The policy's own scope names, besides the built-in ones, with a line each on what they stand for.
    #[serde(default)]
    pub scopes: IndexMap<Located<Name>, String>,
    /// Groups of requests that share limits, by name. A request belongs to the class with the most specific matching
    /// pattern.
    pub classes: Located<IndexMap<Located<Name>, ClassDocument>>,
    /// How a refusal is signalled.
    #[serde(default)]
    pub refusal: RefusalDocument,
    /// How an overloaded server answers.
    #[serde(default)]
    pub overload: OverloadDocument,
    /// The quota headers that answers carry. Leave it out where the provider documents none.
    pub quota_headers: Option<QuotaHeadersDocument>,
    /// What the provider recommends to clients. Advice: breaking it is reported, it is no breach of a limit.
    #[serde(default)]
    pub guidance: GuidanceDocument,
    /// What the provider leaves unsaid, one sentence each. Reports repeat them. `{about: [algorithm], text: …}` says what a
    /// sentence is about: a probe then answers it by what it measured.
    #[serde(default)]
    pub silences: Vec<SilenceDocument>,
    /// What the provider says and this language cannot, one sentence each. `check` repeats them.
    #[serde(default)]
    pub lost: Vec<String>,
    /// Whether the provider says that there are more limits than stand here, such as some without numbers: a refusal that
    /// these do not explain is then no fault. false when left out.
    #[serde(default)]
    pub more_limits: bool,
}

/// A group of requests that share limits: those that `requests` matches, those that answers name `learned_as` for, or
/// all of the classes in `of`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassDocument {
    /// What reports call it; its name when left out.
    pub title: Option<String>,
    /// The requests it holds.
    pub requests: Option<Located<Vec<Located<RequestPattern>>>>,
    /// The name by which a quota header says that a request belongs here, in any case: for providers that do not
    /// publish which requests do.
    pub learned_as: Option<Located<String>>,
    /// A parent cap: all requests of these classes count here too.
    pub of: Option<Located<Vec<Located<Name>>>>,
    /// All of them hold at once. None: the class is named but not limited.
    #[serde(default)]
    pub limits: Vec<Located<LimitDocument>>,
    /// Other classes whose patterns may match the same requests on purpose; the more specific pattern wins.
    #[serde(default)]
    pub overlaps: Vec<Located<Name>>,
}

impl ClassDocument {
    /// The requests it lists.
    pub fn patterns(&self) -> &[Located<RequestPattern>] {
        self.requests.as_ref().map_or(&[], |requests| &requests.value)
    }

    /// The classes it is a parent of.
    pub fn members(&self) -> &[Located<Name>] {
        self.of.as_ref().map_or(&[], |of| &of.value)
    }
}
