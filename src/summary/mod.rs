//! `summary.json`: the canonical result of a run. Every other output is made from it, so old runs render again.
//!
//! Times are seconds since the run began, latencies milliseconds, ratios `0..1`, unless a name says otherwise.

pub mod finding;
pub mod plan;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::policy::model::{Algorithm, RateLimit};
use crate::policy::reading::Reading;
use finding::{Finding, Verdict};
use plan::Grant;

/// Raised when a reader of the old form could misunderstand the new one.
pub const FORMAT: u32 = 1;

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub format: u32,
    pub run: RunInfo,
    pub conclusion: Conclusion,
    pub fleet: Vec<GroupInfo>,
    pub policy: PolicyInfo,
    /// One per limit of each class, in the policy's order.
    pub quotas: Vec<QuotaUse>,
    /// One per class in the policy's order, then one named `unclassified` for requests without a class.
    pub classes: Vec<ClassFigures>,
    pub timeline: Timeline,
    pub findings: Vec<Finding>,
    pub gates: Vec<GateResult>,
    /// Gates, as the profile has them, that a simulated play cannot judge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates_left_to_a_run: Vec<String>,
    pub harness: HarnessInfo,
}

/// What ran, and everything needed to run it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    pub name: String,
    pub description: Option<String>,
    /// Version of quotaproof.
    pub version: String,
    pub driver: Driver,
    /// ISO 8601, UTC.
    pub started: String,
    /// How long it was to take, and how long it took.
    pub planned_s: f64,
    pub duration_s: f64,
    pub interrupted: bool,
    /// How many of the fleet's devices were played to the end by an interrupted plan, which plays them one after the other;
    /// the others in part or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices_played: Option<u64>,
    /// Ended before its time because no connection to the target could be made.
    #[serde(default)]
    pub gave_up: bool,
    pub seed: u64,
    pub profile_hash: String,
    pub policy_hash: String,
    /// What it talked to, in words.
    pub target: String,
    /// The command that reproduces it.
    pub command: String,
    /// The time within which all devices start, those apart that join later.
    #[serde(default)]
    pub starts_within_s: f64,
    pub events: Vec<EventInfo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    Live,
    Virtual,
}

/// An event of the profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventInfo {
    pub at_s: f64,
    /// How long it goes on: an outage and the time within which all are back.
    #[serde(default)]
    pub lasts_s: f64,
    pub text: String,
}

/// The verdict on the whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conclusion {
    pub exit: Exit,
    pub exit_code: u8,
    /// One sentence.
    pub headline: String,
    /// Why, the weightiest reason first.
    pub reasons: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupInfo {
    pub name: String,
    /// `chargers` or `operators`.
    pub kind: String,
    pub devices: u32,
    /// What the group does, one line each.
    pub behaviour: Vec<String>,
}

/// The policy as it was understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyInfo {
    pub name: String,
    pub title: String,
    pub source: Option<String>,
    pub classes: Vec<PolicyClassInfo>,
    pub refusal: String,
    pub overload: String,
    pub guidance: Vec<String>,
    pub silences: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyClassInfo {
    pub name: String,
    pub title: Option<String>,
    pub requests: Vec<String>,
    /// In words: `60 per 1m for each client_id`.
    pub limits: Vec<String>,
}

/// How much of one limit the fleet used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuotaUse {
    pub class: String,
    /// In words: `60 per 1m for each client_id`.
    pub limit: String,
    /// In requests, or in points where they differ in cost; the size of a bucket that holds more or less than its rate.
    pub allow: u32,
    /// What such a bucket is made of; None where `allow` is what comes per window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// Length of the window; None for a limit on concurrency.
    pub per_s: Option<f64>,
    /// Names of the scope: `client_id`.
    pub scope: String,
    /// How many keys were seen using it.
    pub keys: u64,
    /// What a window has to allow at least so that the key that asked for most does not fall behind for good, if it goes on
    /// as it did. 0 for a limit on concurrency.
    #[serde(default)]
    pub lasting_rate: u32,
    /// The key with the highest peak, by one of its devices' names; None without data.
    pub busiest: Option<String>,
    /// Requests of the class counted against it.
    pub requests: u64,
    /// Those of them that were sent again after a refusal or a failure.
    #[serde(default)]
    pub retries: u64,
    /// Highest count of first attempts alone under the strictest reading: the demand that no answer has caused. None where
    /// it was not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_attempts_peak: Option<u32>,
    /// Scheduled requests that were not made because the one before was still under way.
    #[serde(default)]
    pub held_back: u64,
    /// What `headroom` would have been had they been made. None without a headroom, or where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom_if_made: Option<f64>,
    /// One per reading that the words allow, the strictest first; empty without data.
    pub readings: Vec<ReadingUse>,
    pub safety: Safety,
    /// Unused share of the limit at its busiest moment under the strictest reading: `1 - peak / allow`, negative when
    /// over the limit. None without data.
    pub headroom: Option<f64>,
    /// Use over time under the strictest reading: in each step of the timeline until sending ended, the
    /// highest count of any key.
    pub series: Vec<u32>,
}

impl QuotaUse {
    /// What the limit grants.
    pub fn grant(&self) -> Grant {
        Grant::of_limit(self.allow, self.bucket)
    }

    /// Whether nobody falls behind for good at its rate.
    pub fn rate_lasts(&self) -> bool {
        self.grant().rate >= self.lasting_rate
    }
}

/// A limit that lets another number in at once than per window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// What comes per window.
    pub rate: u32,
    /// As the documents have it: the bucket's size, or what may wait in a queue.
    pub burst: u32,
}

impl Bucket {
    /// None where as much comes at once as per window.
    pub fn of(limit: &RateLimit) -> Option<Bucket> {
        let queue = (limit.algorithm == Algorithm::LeakyBucket).then_some(0);
        Some(Bucket { rate: limit.allow, burst: limit.burst.or(queue)? })
    }
}

/// When more than one request in so many was not made, the counts say little about what the fleet would have asked of a
/// quicker server: each of them might have had further pages and retries.
const HELD_BACK_ONE_IN: u64 = 100;

impl Summary {
    /// How many devices the profile's fleet has.
    pub fn device_count(&self) -> u64 {
        self.fleet.iter().map(|group| u64::from(group.devices)).sum()
    }
}

impl RunInfo {
    /// For how long devices sent, in seconds: at the end of a run answers are awaited.
    pub fn sending_s(&self) -> f64 {
        self.duration_s.min(self.planned_s)
    }
}

impl QuotaUse {
    /// A limit of which nothing was counted: `limit` in words, on so many at the same time unless `per_s` is set.
    pub fn unused(class: String, limit: String, allow: u32, scope: String) -> Self {
        QuotaUse {
            class,
            limit,
            allow,
            bucket: None,
            per_s: None,
            scope,
            keys: 0,
            lasting_rate: 0,
            busiest: None,
            requests: 0,
            retries: 0,
            first_attempts_peak: None,
            held_back: 0,
            readings: Vec::new(),
            safety: Safety::NoData,
            headroom_if_made: None,
            headroom: None,
            series: Vec::new(),
        }
    }

    /// The highest count under the strictest reading, which comes first; 0 without data.
    pub fn peak(&self) -> u32 {
        self.readings.first().map_or(0, |strictest| strictest.peak)
    }

    /// Whether the true peak may be higher than what was kept.
    pub fn is_more_possible(&self) -> bool {
        self.readings.first().is_some_and(|strictest| strictest.at_least)
    }

    /// Whether so much was held back that the counts do not tell the demand.
    pub fn is_demand_unknown(&self) -> bool {
        self.held_back * HELD_BACK_ONE_IN > self.requests
    }

    /// The headroom that is left for sure had nothing been held back; None without a headroom.
    pub fn sure_headroom(&self) -> Option<f64> {
        let headroom = self.headroom?;
        match (self.held_back, self.is_demand_unknown()) {
            (0, _) => Some(headroom),
            (_, true) => Some(f64::NEG_INFINITY),
            (_, false) => Some(self.headroom_if_made.unwrap_or(f64::NEG_INFINITY)),
        }
    }
}

/// Use of a limit under one reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadingUse {
    /// None for a limit on concurrency, which has one reading.
    pub reading: Option<Reading>,
    /// Highest count of any key. For a bucket: the deepest it was drained, in requests.
    pub peak: u32,
    /// Whether the true peak may be higher than what was kept.
    pub at_least: bool,
    pub peak_at_s: f64,
    /// Requests beyond the limit, over all keys.
    pub over: u64,
}

/// The fleet against one limit, over all readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// Within the limit under every reading.
    Safe,
    /// Within it only under some readings.
    DependsOnReading,
    /// Over it under every reading.
    Over,
    /// Within it so far, but no whole window was seen, or a bucket is used up later: headroom is None.
    Unproven,
    NoData,
}

/// Counts and latencies of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassFigures {
    pub class: String,
    /// Attempts that were answered or failed.
    pub requests: u64,
    pub served: u64,
    /// Those of the served that were conditional and answered 304: what the client had was still right.
    #[serde(default)]
    pub unchanged: u64,
    pub refused: u64,
    pub overloaded: u64,
    /// Other 3xx, 4xx and 5xx by status.
    pub other_status: BTreeMap<u16, u64>,
    /// Without an answer, by kind (`timeout`, `reset`, …).
    pub failed: BTreeMap<String, u64>,
    /// Abandoned by the fleet itself (a blackout, the end of the run); in none of the other counts.
    pub cancelled: u64,
    /// Scheduled but not sent, by reason (`busy`, `missed`, `queue_full`).
    pub dropped: BTreeMap<String, u64>,
    /// Logical operations that ended, and how many of them were given up.
    pub logical: u64,
    pub given_up: u64,
    /// Attempts per logical operation that ended; None without data.
    pub amplification: Option<f64>,
    pub cache_hits: u64,
    #[serde(default)]
    pub streams: StreamFigures,
    /// None without data.
    pub refused_ratio: Option<f64>,
    pub overloaded_ratio: Option<f64>,
    /// By outcome: `served`, `refused`, `overloaded`, `other`, `failed`.
    pub latency: BTreeMap<String, Latency>,
    /// Refusals (429) in each second.
    pub refused_per_second: RateSpread,
    /// Overload answers (503) in each second.
    pub overloaded_per_second: RateSpread,
    pub operations: Vec<OperationFigures>,
}

/// Streams that were opened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StreamFigures {
    /// What they brought.
    pub frames: u64,
    /// How they ended: by the `device` itself, by the server with or without a code (`server_1001`, `server`), or `lost`.
    pub ended: BTreeMap<String, u64>,
}

/// Counts of one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationFigures {
    pub operation: String,
    pub requests: u64,
    pub served: u64,
    pub refused: u64,
}

/// Latency from both starting points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// From when the request was due: what a user feels.
    pub from_due: Quantiles,
    /// From when it was sent: what the server did.
    pub from_sent: Quantiles,
}

/// A distribution, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    pub count: u64,
    pub min: f64,
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
    /// The curve for a chart: (quantile, milliseconds), rising in both.
    pub curve: Vec<(f64, f64)>,
    /// Values beyond the histogram's range, counted at its upper end.
    pub saturated: u64,
}

impl Quantiles {
    /// The value at a quantile: that of the curve's first point at or beyond it, so never too small. None without data.
    pub fn at(&self, quantile: f64) -> Option<f64> {
        let index = self.curve.partition_point(|&(q, _)| q < quantile);
        self.curve.get(index).or(self.curve.last()).map(|&(_, value)| value)
    }
}

/// How a per-second count was distributed over the seconds of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateSpread {
    pub seconds: u64,
    /// Seconds in which it was not zero.
    pub nonzero_seconds: u64,
    pub mean: f64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

/// Counts over time. Every list has one entry per step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Length of a step, in seconds.
    pub step_s: f64,
    pub steps: usize,
    /// In the order of [`Summary::classes`].
    pub classes: Vec<ClassTimeline>,
    /// Highest lateness of the harness in each step, ms.
    pub late_ms: Vec<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassTimeline {
    pub class: String,
    pub sent: Vec<u32>,
    pub served: Vec<u32>,
    pub refused: Vec<u32>,
    pub overloaded: Vec<u32>,
    /// Other statuses and failures.
    pub failed: Vec<u32>,
}

/// A gate of the profile and how it came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateResult {
    /// As written.
    pub gate: String,
    pub verdict: Verdict,
    /// The measured figure with its unit, or why there is none.
    pub measured: String,
}

/// Whether the harness itself kept up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HarnessInfo {
    pub valid: bool,
    /// Why not.
    pub problems: Vec<String>,
    /// How late requests left through the harness's own doing.
    pub lateness: Quantiles,
    /// Open-loop requests the harness itself skipped because it was late.
    pub missed: u64,
    pub shards: u32,
    pub peak_memory_bytes: Option<u64>,
    /// Whether that memory holds the reference server too, which then ran in the same process.
    #[serde(default)]
    pub embedded_server: bool,
    pub connections: u64,
    /// Most requests on their way at one moment. Each shard counts its own, and they are added up: with several, an upper
    /// bound.
    #[serde(default)]
    pub in_flight_peak: u64,
}
