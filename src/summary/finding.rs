//! What a check found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
    /// The data allows both.
    Inconclusive,
    /// The provider's documents do not cover it.
    Undocumented,
    /// Nothing happened that the check could look at: never a pass.
    NoData,
}

/// Whom a check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    Fleet,
    Server,
    Client,
}

/// What a failed check means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A documented limit or promise is broken: the run fails.
    Breach,
    /// A recommendation is not followed: reported, the run does not fail for it.
    Advice,
}

/// One check on one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable, such as `server.over-admission`.
    pub check: String,
    pub party: Party,
    pub severity: Severity,
    /// What it is about: a class's name, a group's, or the whole run (empty).
    pub subject: String,
    pub verdict: Verdict,
    /// One line that a person understands without the documents.
    pub headline: String,
    /// Why, in a few sentences; may be empty.
    pub explanation: String,
    /// What to do about it; empty unless it failed.
    pub remedy: String,
    /// How many cases were looked at, and how many of them were wrong.
    pub looked_at: u64,
    pub wrong: u64,
    /// Requests that following the recommendation would have saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_save: Option<u64>,
    /// The first offending requests, in order.
    pub evidence: Vec<Evidence>,
}

/// One offending request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Seconds since the run began.
    pub at_s: f64,
    /// `depot/17`.
    pub device: String,
    /// What was sent.
    pub sent: String,
    /// What came back.
    pub received: String,
    /// What is wrong with it.
    pub why: String,
}
