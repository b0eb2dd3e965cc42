//! What speaks for the requester: mitigations, manners, offers. And what is asked of the provider.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::summary::finding::{Severity, Verdict};

/// Part 5.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mitigations {
    /// In the requester's words; nothing here checks them.
    pub stated: Vec<String>,
    /// What runs show of them.
    pub shares: Vec<Share>,
    /// The provider's recommendations, and whether they were followed.
    pub habits: Vec<Habit>,
}

/// A share of something that needed no request, or a count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    pub source: String,
    pub class: String,
    /// In words: `1,204 answers from the cache, 40% of what was wanted`.
    pub text: String,
}

/// One recommendation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Habit {
    pub source: String,
    /// Stable, such as `guidance.cache`.
    pub check: String,
    pub verdict: Verdict,
    pub headline: String,
    /// Requests that following it would have saved.
    pub would_save: Option<u64>,
    pub remedy: String,
}

/// Part 6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientProof {
    pub checks: Vec<Shown>,
    pub amplification: Vec<Amplification>,
    /// How the fleet came through cold starts and the profile's events.
    pub ordeals: Vec<Ordeal>,
}

/// One check of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    pub source: String,
    /// Stable, such as `client.obeys-hint`.
    pub check: String,
    pub subject: String,
    pub verdict: Verdict,
    pub severity: Severity,
    pub headline: String,
    pub remedy: String,
    pub looked_at: u64,
    pub wrong: u64,
}

/// Attempts per operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Amplification {
    pub source: String,
    pub class: String,
    pub attempts_per_operation: f64,
    pub operations: u64,
}

/// A hard moment, and the traffic after it beside that of the whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ordeal {
    pub source: String,
    /// In words.
    pub what: String,
    pub at_s: f64,
    /// How long afterwards was looked at, in seconds.
    pub span_s: f64,
    pub after: Traffic,
    pub whole_run: Traffic,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    pub sent: u64,
    pub refused: u64,
    pub overloaded: u64,
    pub failed: u64,
    /// Highest rate in one step of the run, in requests per second.
    pub most_per_second: f64,
}

/// Part 8.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Steps {
    /// None is an open item.
    pub rollback: Option<String>,
    /// None is an open item.
    pub monitoring: Option<String>,
    /// Thresholds of the profile, which the same command checks again at any time: in words, with what came out.
    pub gates: Vec<(String, Verdict, String)>,
    /// The run whose gates they are.
    pub source: String,
}

/// Part 9.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// From 1.
    pub number: u32,
    pub kind: QuestionKind,
    /// What is asked.
    pub question: String,
    /// Why it matters here; may be empty.
    pub because: String,
    /// Runs that show it; empty where the documents alone do.
    pub sources: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// The fleet fits the limit under some readings of its words only.
    Reading,
    /// The provider did otherwise than its documents say.
    Contradiction,
    /// The provider did what its documents do not cover, or what neither proves nor breaks them.
    Unclear,
    /// The documents are silent.
    Silence,
}
