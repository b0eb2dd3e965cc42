//! Who asks for what, and for which fleet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::summary::plan::Grant;

/// Whose quotas they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provider {
    /// The policy's name.
    pub policy: String,
    pub title: String,
    /// Where the provider publishes its limits.
    pub source: Option<String>,
    pub policy_hash: String,
}

/// Part 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    pub identity: Identity,
    /// Limits for which more is asked than they allow; empty where none is.
    pub quotas: Vec<Asked>,
}

/// What only a person knows about the requester; None is an open item.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    pub company: Option<String>,
    pub contact: Option<String>,
    /// What the provider knows the requester by.
    pub account: Option<String>,
    /// `production`, `sandbox`, ….
    pub environment: Option<String>,
    pub use_case: Option<String>,
    /// ISO 8601 date.
    pub from: Option<String>,
    pub term: Option<Term>,
}

/// For how long more is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    Permanent,
    /// Until this ISO 8601 date.
    Until(String),
}

/// More of one quota.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    pub class: String,
    /// The limit as it is, in words.
    pub limit: String,
    pub scope: String,
    /// Length of the window, in seconds; None for a limit on concurrency.
    pub per_s: Option<f64>,
    /// Per window: of a bucket, its rate.
    pub current: u32,
    pub requested: u32,
    /// What may come at once, of a limit that has a burst of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<AskedBurst>,
    pub because: Requested,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskedBurst {
    pub current: u32,
    pub requested: u32,
}

impl Asked {
    /// What the limit grants today.
    pub fn today(&self) -> Grant {
        Grant { rate: self.current, burst: self.burst.map(|burst| burst.current) }
    }

    /// What it is to grant.
    pub fn wish(&self) -> Grant {
        Grant { rate: self.requested, burst: self.burst.map(|burst| burst.requested) }
    }
}

/// Where a requested value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Requested {
    /// The requester has named it. `least` is the computed one and its source, where there is one, `least_burst` the burst
    /// that goes with it.
    Stated {
        least: Option<(u32, String)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        least_burst: Option<u32>,
    },
    /// The least that sufficed in a search, which `source` is; after a growth (in words), if one was searched for.
    Searched {
        source: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        growth: Option<String>,
    },
    /// The highest peak that a run showed, of first attempts where some were sent again; of a bucket, the size that it would
    /// have needed at today's rate. Nothing was searched.
    Peak { source: String },
}

/// Part 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FleetModel {
    pub source: String,
    pub name: String,
    pub description: Option<String>,
    /// How long the fleet was played, in seconds.
    pub duration_s: f64,
    pub groups: Vec<Group>,
    /// Events of the profile, in words.
    pub events: Vec<String>,
    /// What the requester assumes beyond the profile.
    pub assumptions: Vec<String>,
    /// How the fleet is expected to grow; None is an open item.
    pub growth: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    pub name: String,
    /// `chargers`, `operators` or `clients`.
    pub kind: String,
    pub devices: u32,
    /// What the group does, one line each.
    pub behaviour: Vec<String>,
}

/// Something that no run knows and nobody has said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenItem {
    /// Which of the ten parts it belongs to.
    pub part: u8,
    /// The key of the answers that fills it; None where another run does.
    pub key: Option<String>,
    /// What is missing.
    pub what: String,
    /// Why a provider asks for it.
    pub why: String,
}
