//! The profile as it is written in YAML. The comments on these types are the descriptions in its JSON Schema, so they
//! are written for users and name every default.

pub mod arrivals;
pub mod ask;
pub mod client;
pub mod dealt;
pub mod event;
pub mod fleet;
pub mod gate;
pub mod json;
pub mod next;
pub mod target;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::matching::RequestPattern;
use crate::yaml::quantity::{Length, Name, TimeOfDay, Whole};
use crate::yaml::{Located, Short};
use event::EventDocument;
use fleet::GroupDocument;
use gate::GateDocument;
use target::{NetworkDocument, TargetDocument};

/// One experiment: a fleet, the API it talks to, the quota policy it is held against, what happens meanwhile, and the
/// gates that decide.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileDocument {
    /// Short name, used in file names and reports.
    pub name: Name,
    /// What the experiment shows; reports repeat it.
    pub description: Option<String>,
    /// The quota policy: a built-in name such as `tellus`, or a path seen from this file.
    pub policy: Located<String>,
    /// Which requests belong to which of the policy's classes, where the provider does not publish it:
    /// `{light: [GET /contacts]}`. The rest is learned from answers.
    #[serde(default)]
    pub classes: ClassesDocument,
    /// What the fleet talks to: `embedded` (the built-in reference server on loopback; when left out), `{embedded: …}`
    /// with options, or `{url: …}`.
    #[serde(default)]
    pub target: Option<Located<Short<TargetDocument>>>,
    /// How long it runs; 60s when left out.
    #[serde(default = "one_minute")]
    pub duration: Length,
    /// The time of day (UTC) at which the run begins, below 24h, for sessions that follow the hours; 0h when left out.
    #[serde(default)]
    pub time_of_day: TimeOfDay,
    /// The day on which the run begins, for sessions that follow the days of the week; monday when left out.
    #[serde(default)]
    pub day_of_week: WeekdayDocument,
    /// Seed of all randomness: the same seed replays the same schedules. 1 when left out.
    #[serde(default = "seed_one")]
    pub seed: Whole<0, { u32::MAX }>,
    /// The devices, in groups of like ones, by name.
    pub fleet: Located<IndexMap<Located<Name>, GroupDocument>>,
    /// What happens to the fleet during the run.
    #[serde(default)]
    pub events: Vec<Located<EventDocument>>,
    /// Thresholds that must hold for the run to pass.
    #[serde(default)]
    pub gates: Vec<Located<GateDocument>>,
    /// The network of simulated runs; a real run has the real one.
    #[serde(default)]
    pub network: NetworkDocument,
}

/// Requests by the class that they belong to.
pub type ClassesDocument = IndexMap<Located<Name>, Vec<Located<RequestPattern>>>;

/// A day of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeekdayDocument {
    #[default]
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

fn one_minute() -> Length {
    Length(crate::time::Nanos::from_secs(60))
}

fn seed_one() -> Whole<0, { u32::MAX }> {
    Whole(1)
}
