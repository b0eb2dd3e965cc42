//! What an operator's client asks for, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::yaml::quantity::{Delay, Interval, Length, Name, Percent, Whole};
use crate::yaml::{Located, Place};

/// One thing a client does again and again: exactly one of `get`, `harvest`, `start_stop`, `control` and `stream`, with
/// its schedule and options.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskDocument {
    /// `sites`: all pages of the site list. `device`: the details of chargers, one request for each. `energy`: the
    /// aggregated energy of the last day.
    pub get: Option<Located<Readable>>,
    /// `charging-records`: all pages of them.
    pub harvest: Option<Located<Harvestable>>,
    /// Starts a session on a charger of this group and stops it a while later, following each command to its end.
    pub start_stop: Option<Located<Name>>,
    /// `flexibility`: one batch control over all sites.
    pub control: Option<Located<Controllable>>,
    /// Keeps a stream open over the chargers of this group.
    pub stream: Option<Located<Name>>,

    /// The time between two. For a stream: how soon a lost one is opened again, 5s when left out.
    pub every: Option<Interval>,
    /// How far each moves around its place, as a share of `every`; 0% when left out.
    pub jitter: Option<Percent>,
    /// `get: sites` and `harvest`: rows in a page; 100, a full one, when left out.
    pub page_size: Option<Located<Whole<1, 100>>>,
    /// `get: sites`: how long the list is kept and not asked for again; 10m when left out, 0s for no cache.
    pub cache: Option<Located<Delay>>,
    /// `harvest`: whether only records since the last harvest are asked for; true when left out.
    pub time_filter: Option<Located<bool>>,
    /// `get: device`: the group whose chargers are meant.
    pub of: Option<Located<Name>>,
    /// `get: device` and `stream`: so many chargers of the group, the first ones; all when left out.
    pub devices: Option<Located<Whole<1, 100_000>>>,
    /// `stream`: over one connection no more than so many chargers; the others have connections of their own. All are over
    /// one when left out.
    pub per_connection: Option<Located<Whole<1, 100_000>>>,
    /// `start_stop`: how long a session is left to run; 20s when left out.
    pub hold: Option<Located<Length>>,
    /// `start_stop`: how often the status of a command is asked for; 2s when left out.
    pub follow: Option<Located<Interval>>,
}

/// What can be read again and again.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Readable {
    /// The site list.
    Sites,
    /// Details of chargers.
    Device,
    /// Aggregated energy.
    Energy,
}

/// What can be harvested.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Harvestable {
    /// Charging records.
    #[serde(rename = "charging-records")]
    ChargingRecords,
}

/// What can be controlled in batches.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Controllable {
    /// Load of all sites.
    Flexibility,
}

impl AskDocument {
    /// The options that belong to some verbs only, where they are given.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, Place)> {
        [
            ("page_size", self.page_size.map(|option| option.place)),
            ("cache", self.cache.map(|option| option.place)),
            ("time_filter", self.time_filter.map(|option| option.place)),
            ("of", self.of.as_ref().map(|option| option.place)),
            ("devices", self.devices.map(|option| option.place)),
            ("per_connection", self.per_connection.map(|option| option.place)),
            ("hold", self.hold.map(|option| option.place)),
            ("follow", self.follow.map(|option| option.place)),
        ]
        .into_iter()
        .filter_map(|(name, place)| place.map(|place| (name, place)))
    }

    /// How many of the verbs are given.
    pub fn verbs(&self) -> usize {
        [
            self.get.is_some(),
            self.harvest.is_some(),
            self.start_stop.is_some(),
            self.control.is_some(),
            self.stream.is_some(),
        ]
        .into_iter()
        .filter(|given| *given)
        .count()
    }
}
