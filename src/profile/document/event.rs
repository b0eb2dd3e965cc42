//! What happens to the fleet, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::time::Nanos;
use crate::yaml::quantity::{Delay, Interval, Length, Name, Percent, Whole};
use crate::yaml::{Located, Short, Words};

/// One thing that happens: `at` and exactly one of the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventDocument {
    /// When, counted from the beginning of the run.
    pub at: Located<Delay>,
    /// All connections are lost.
    pub blackout: Option<BlackoutDocument>,
    /// Chargers reboot: connections and tokens are lost.
    pub cold_start: Option<SpreadDocument>,
    /// The tokens in hand end.
    pub token_expiry: Option<ReachDocument>,
    /// New firmware is fetched and installed, with a reboot at its end.
    pub firmware_rollout: Option<FirmwareDocument>,
    /// A vehicle arrives at each free connector.
    pub session_surge: Option<SpreadDocument>,
    /// Operators send a burst of control requests.
    pub control_burst: Option<BurstDocument>,
}

/// Whom it reaches.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReachDocument {
    /// The group it happens to.
    pub group: Located<Name>,
    /// Share of the group's devices; the seed picks them. 100% when left out.
    #[serde(default = "all")]
    pub share: Percent,
}

/// Whom it reaches, and how soon.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpreadDocument {
    /// The group it happens to.
    pub group: Located<Name>,
    /// Share of the group's devices; the seed picks them. 100% when left out.
    #[serde(default = "all")]
    pub share: Percent,
    /// Each is reached at a random moment within this time; 0s, all at once, when left out.
    #[serde(default)]
    pub within: Delay,
}

/// All connections are lost.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlackoutDocument {
    /// The group it happens to.
    pub group: Located<Name>,
    /// Share of the group's devices; the seed picks them. 100% when left out.
    #[serde(default = "all")]
    pub share: Percent,
    /// How long there is no connection; 5s when left out.
    #[serde(default = "five_seconds")]
    pub outage: Delay,
    /// Each is back at a random moment within this time after it; 0s, all at once, when left out.
    #[serde(default)]
    pub back_within: Delay,
}

/// New firmware is fetched and installed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirmwareDocument {
    /// The group it happens to.
    pub group: Located<Name>,
    /// Share of the group's devices; the seed picks them. 100% when left out.
    #[serde(default = "all")]
    pub share: Percent,
    /// The version that is installed.
    pub version: String,
    /// Each begins at a random moment within this time; 0s, all at once, when left out.
    #[serde(default)]
    pub within: Delay,
    /// How long the download takes; 20s when left out.
    #[serde(default = "twenty_seconds")]
    pub download: Length,
    /// How often progress is reported; 5s when left out.
    #[serde(default = "every_five_seconds")]
    pub report_every: Interval,
}

/// Operators send a burst of control requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurstDocument {
    /// The group of operators that sends them.
    pub group: Located<Name>,
    /// Share of the group's clients; the seed picks them. 100% when left out.
    #[serde(default = "all")]
    pub share: Percent,
    /// `flexibility`, or `{start: GROUP}` for remote starts spread over that group's chargers.
    pub command: Short<BurstCommandDocument>,
    /// How many each client sends.
    pub commands: Whole<1, 100_000>,
    /// They are spread evenly over this time; 0s, all at once, when left out.
    #[serde(default)]
    pub within: Delay,
}

/// What a burst consists of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BurstCommandDocument {
    /// Remote starts, spread over this group's chargers.
    Start(Located<Name>),
    /// Flexibility batches.
    Flexibility {},
}

impl Words for BurstCommandDocument {
    const WORDS: &'static [&'static str] = &["flexibility"];
}

fn all() -> Percent {
    Percent(1.0)
}

fn five_seconds() -> Delay {
    Delay(Nanos::from_secs(5))
}

fn twenty_seconds() -> Length {
    Length(Nanos::from_secs(20))
}

fn every_five_seconds() -> Interval {
    Interval(Nanos::from_secs(5))
}
