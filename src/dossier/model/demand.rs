//! What the fleet asks for, limit by limit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::summary::plan::Grant;
use crate::summary::{Bucket, ReadingUse, Safety};

/// Part 3, all of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Demand {
    pub source: String,
    /// One per limit, in the policy's order.
    pub limits: Vec<LimitDemand>,
    /// Length of a step of the series, in seconds.
    pub step_s: f64,
}

/// The demand on one limit. The figures of a window are those of its busiest key under the strictest reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitDemand {
    pub class: String,
    pub title: Option<String>,
    /// In words: `60 per 1m for each client_id`.
    pub limit: String,
    pub scope: String,
    /// What one window allows; the size of a bucket that holds more or less than its rate.
    pub allow: u32,
    /// What such a bucket is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// What a window has to allow at least so that the key that asks for most does not fall behind for good.
    #[serde(default)]
    pub lasting_rate: u32,
    /// Length of the window, in seconds; None for a limit on concurrency.
    pub per_s: Option<f64>,
    pub keys: u64,
    /// Over all keys.
    pub requests: u64,
    /// Those of them that were sent again after a refusal or a failure.
    pub retries: u64,
    /// Scheduled ones that were not made because the one before was still under way.
    pub held_back: u64,
    /// Over all keys and the whole run.
    pub per_second: f64,
    /// Mean over time of the busiest key's use of one window, from the first whole window on; None where none was seen, and
    /// of a bucket whose rate does not last.
    pub mean: Option<f64>,
    /// 95 of 100 steps were at or below it.
    pub p95: Option<u32>,
    /// Highest count in one window; None without data.
    pub peak: Option<u32>,
    pub peak_at_s: Option<f64>,
    /// The peak of the first attempts alone, where there were retries.
    pub first_attempts_peak: Option<u32>,
    /// One per reading that the words allow, the strictest first.
    pub readings: Vec<ReadingUse>,
    /// `1 - peak / allow`; None without data.
    pub headroom: Option<f64>,
    pub safety: Safety,
    /// Whether it leaves the least headroom of all: more devices break it first.
    pub binds: bool,
    /// The busiest key's use in each step.
    pub series: Vec<u32>,
    /// The same limit in the other runs.
    pub elsewhere: Vec<PeakElsewhere>,
}

impl LimitDemand {
    /// What it grants today.
    pub fn today(&self) -> Grant {
        Grant::of_limit(self.allow, self.bucket)
    }

    /// What comes per window today.
    pub fn rate(&self) -> u32 {
        self.today().rate
    }

    /// What comes per window on and on, where a bucket of its own size cannot keep up with it.
    pub fn not_lasting(&self) -> Option<u32> {
        self.bucket.filter(|bucket| bucket.rate < self.lasting_rate).map(|_| self.lasting_rate)
    }

    /// What may come at once where so much is granted, counted as `allow`.
    pub fn at_once(&self, rate: u32, burst: Option<u32>) -> u32 {
        match (self.bucket, burst) {
            (Some(bucket), Some(burst)) => burst.saturating_add(self.allow.saturating_sub(bucket.burst)),
            (Some(_), None) => self.allow,
            (None, _) => rate,
        }
    }
}

/// What another run shows of a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PeakElsewhere {
    pub source: String,
    pub peak: u32,
    /// Whether the true peak may be higher than what was kept.
    pub at_least: bool,
    pub headroom: Option<f64>,
    pub safety: Safety,
}
