//! What only the command that made a run knows about it.

use crate::scenario::Scenario;
use crate::scenario::event::ScheduledEvent;
use crate::summary::{Driver, EventInfo, RunInfo};
use crate::time::{Anchor, Nanos};

use crate::scenario::words::event_text;

/// What only the command that made a run knows about it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFacts {
    pub driver: Driver,
    pub anchor: Anchor,
    /// When the last answer was in.
    pub ended: Nanos,
    pub interrupted: bool,
    /// How many devices were played to the end, where devices are played one after the other and it was interrupted.
    pub devices_played: Option<u64>,
    /// Whether no connection to the target was ever made.
    pub unreachable: bool,
    /// Whether it was stopped for that before its time.
    pub gave_up: bool,
    /// What the system said of the last attempt to connect, where none ever succeeded.
    pub connect_error: Option<String>,
    /// What it talked to, in words.
    pub target: String,
    /// The command that reproduces it.
    pub command: String,
    pub shards: u32,
    pub peak_memory_bytes: Option<u64>,
    pub connections: u64,
    /// Version of quotaproof.
    pub version: String,
}

pub(super) fn run_info(scenario: &Scenario, facts: &RunFacts) -> RunInfo {
    let event = |what: &ScheduledEvent| EventInfo {
        at_s: what.at.as_secs_f64(),
        lasts_s: what.what.lasts().as_secs_f64(),
        text: event_text(scenario, what),
    };
    let spreads = scenario.groups.iter().map(|group| group.start().spread);
    RunInfo {
        name: scenario.name.clone(),
        description: scenario.description.clone(),
        version: facts.version.clone(),
        driver: facts.driver,
        started: facts.anchor.iso(Nanos::ZERO),
        planned_s: scenario.duration.as_secs_f64(),
        duration_s: facts.ended.as_secs_f64(),
        interrupted: facts.interrupted,
        devices_played: facts.devices_played,
        gave_up: facts.gave_up,
        seed: scenario.seed,
        profile_hash: scenario.profile_hash.clone(),
        policy_hash: scenario.policy.hash.clone(),
        target: facts.target.clone(),
        command: facts.command.clone(),
        starts_within_s: spreads.max().unwrap_or_default().as_secs_f64(),
        events: scenario.events.iter().map(event).collect(),
    }
}
