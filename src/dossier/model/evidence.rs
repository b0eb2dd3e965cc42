//! Runs, and what each of them saw.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One source of figures, a run or an answer of a plan, and how to make them again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// `R1`.
    pub id: String,
    /// The directory's name, where the run's reports are.
    pub run: String,
    /// What of it: the run itself, or which of the plan's answers.
    pub part: Part,
    /// The profile's name.
    pub profile: String,
    pub basis: Basis,
    /// What it talked to, in words.
    pub target: String,
    /// ISO 8601, UTC; None for an answer of a plan.
    pub started: Option<String>,
    /// Of each play, where there were several; None where they differ.
    pub duration_s: Option<f64>,
    /// One play each.
    pub seeds: Vec<u64>,
    pub profile_hash: String,
    pub policy_hash: String,
    /// Version of quotaproof that made it.
    pub version: String,
    pub command: String,
    /// What has to be known before its figures are believed.
    pub reservations: Vec<String>,
}

/// What of a directory a reference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Run,
    LargestFleet,
    LeastQuota,
    Before,
    After,
    Sweep,
}

/// Where a figure comes from, and so what may be claimed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Real requests to a target that the profile names.
    Measured,
    /// Real requests to a server on this machine that the profile names: whose software it was, nobody here knows.
    MeasuredOnLoopback,
    /// Real requests to quotaproof's own reference server, which simulates the provider.
    MeasuredOnStandIn,
    /// No request was sent: devices, network and limits were all simulated.
    Simulated,
}

/// Part 4: one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEvidence {
    pub source: String,
    /// Whether it played the fleet that the request is for.
    pub same_fleet: bool,
    /// The run's conclusion, in one sentence.
    pub result: String,
    pub devices: u64,
    pub requests: u64,
    /// Classes of which anything was asked.
    pub classes: Vec<ClassEvidence>,
    /// How late requests left through the harness's own doing; None in simulated time, which has no clock to be wrong.
    pub clock: Option<ClockError>,
    pub per_minute: PerMinute,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassEvidence {
    pub class: String,
    pub requests: u64,
    pub served: u64,
    pub refused: Rate,
    pub overloaded: Rate,
    /// Without an answer.
    pub failed: u64,
    /// Operations that were given up.
    pub given_up: u64,
    /// Operations that ended.
    pub operations: u64,
}

/// A share of the answered requests with its 95 % Wilson interval, which takes them for independent. Refusals come in
/// rows, so the true uncertainty is larger.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    pub count: u64,
    pub of: u64,
    /// None where nothing was answered, as are the bounds.
    pub ratio: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// In milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClockError {
    pub departures: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// Counts minute by minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PerMinute {
    /// 60, or the length of the run's own steps where they are longer.
    pub step_s: f64,
    pub classes: Vec<MinuteSeries>,
}

/// One class, one entry per step; the last one may be shorter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MinuteSeries {
    pub class: String,
    pub sent: Vec<u64>,
    pub refused: Vec<u64>,
    pub overloaded: Vec<u64>,
}
