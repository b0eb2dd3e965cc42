//! What all clients of a group have in common, with the names and numbers that their questions need.

use std::sync::Arc;

use super::sets::{DeviceSet, asked_about, device_sets};
use crate::device::heed::Documented;
use crate::scenario::fleet::{Ask, Group, OperatorSpec};
use crate::scenario::{GroupId, GroupKind, Scenario};

#[derive(Clone, Debug, PartialEq)]
pub struct OperatorPlan {
    pub spec: OperatorSpec,
    pub group: String,
    /// How many clients the group has.
    pub clients: u32,
    /// What is asked, each stream by itself.
    pub asks: Vec<PlannedAsk>,
    /// All groups, for bursts of commands that name one.
    pub groups: Vec<Target>,
    /// What clients that heed what remains know of the quotas.
    pub(super) documented: Option<Arc<Documented>>,
}

/// One thing that is asked again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedAsk {
    pub ask: Ask,
    /// The chargers it is about, if it is about some.
    pub target: Option<Target>,
}

/// Chargers that a question is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What the chargers' serial numbers begin with.
    pub serial_prefix: String,
    /// Number of the first device.
    pub first: u32,
    /// How many devices, from the first.
    pub devices: u32,
    pub connectors: u8,
    /// Names this set of devices in quota keys: equal for equal sets, over the whole scenario.
    pub set: u32,
}

impl OperatorPlan {
    pub fn new(scenario: &Scenario, group: &Group, spec: &OperatorSpec) -> Self {
        OperatorPlan {
            spec: spec.clone(),
            group: group.name.clone(),
            clients: group.count,
            asks: planned(scenario, spec),
            groups: (0..scenario.groups.len()).map(|index| whole_group(scenario, GroupId(index as u16))).collect(),
            documented: Documented::of(scenario, &spec.reaction),
        }
    }
}

fn planned(scenario: &Scenario, spec: &OperatorSpec) -> Vec<PlannedAsk> {
    let sets = device_sets(scenario);
    let target = |set: DeviceSet| Target {
        first: set.first.0,
        devices: set.devices,
        set: sets.get_index_of(&set).map_or(0, |index| index as u32 + 1),
        ..whole_group(scenario, set.group)
    };
    let asks = spec.asks.iter().flat_map(|ask| {
        let about = asked_about(&ask.what, scenario);
        let targets =
            if about.is_empty() { vec![None] } else { about.into_iter().map(|set| Some(target(set))).collect() };
        targets.into_iter().map(|target| PlannedAsk { ask: ask.clone(), target })
    });
    asks.collect()
}

fn whole_group(scenario: &Scenario, of: GroupId) -> Target {
    let group = &scenario.groups[of.index()];
    let connectors = match &group.kind {
        GroupKind::Chargers(spec) => spec.connectors,
        GroupKind::Operators(_) | GroupKind::Clients(_) => 1,
    };
    Target {
        serial_prefix: group.serial_prefix().to_owned(),
        first: group.first.0,
        devices: group.count,
        connectors,
        set: 0,
    }
}
