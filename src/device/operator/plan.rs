//! What all clients of a group have in common, with the names and numbers that their questions need.

use std::sync::Arc;

use crate::device::heed::Documented;
use crate::scenario::fleet::{Group, OperatorSpec, Question};
use crate::scenario::{GroupId, GroupKind, Scenario};

#[derive(Clone, Debug, PartialEq)]
pub struct OperatorPlan {
    pub spec: OperatorSpec,
    pub group: String,
    /// By ask: the chargers it is about, if it is about some.
    pub targets: Vec<Option<Target>>,
    /// All groups, for bursts of commands that name one.
    pub groups: Vec<Target>,
    /// What clients that heed what remains know of the quotas.
    pub(super) documented: Option<Arc<Documented>>,
}

/// Chargers that a question is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What the chargers' serial numbers begin with.
    pub serial_prefix: String,
    /// Number of the group's first device.
    pub first: u32,
    /// How many of its devices, from the first.
    pub devices: u32,
    pub connectors: u8,
    /// Names this set of devices in quota keys: equal for equal sets, over the whole scenario.
    pub set: u32,
}

impl OperatorPlan {
    pub fn new(scenario: &Scenario, group: &Group, spec: &OperatorSpec) -> Self {
        let target = |question: &Question| {
            let (of, devices) = devices_of(question, scenario)?;
            Some(Target { set: set_number(scenario, of, devices), ..whole_group(scenario, of, devices) })
        };
        OperatorPlan {
            spec: spec.clone(),
            group: group.name.clone(),
            targets: spec.asks.iter().map(|ask| target(&ask.what)).collect(),
            groups: (0..scenario.groups.len())
                .map(|index| whole_group(scenario, GroupId(index as u16), u32::MAX))
                .collect(),
            documented: Documented::of(scenario, &spec.reaction),
        }
    }
}

fn whole_group(scenario: &Scenario, of: GroupId, devices: u32) -> Target {
    let group = &scenario.groups[of.index()];
    let connectors = match &group.kind {
        GroupKind::Chargers(spec) => spec.connectors,
        GroupKind::Operators(_) | GroupKind::Clients(_) => 1,
    };
    Target {
        serial_prefix: group.serial_prefix().to_owned(),
        first: group.first.0,
        devices: devices.min(group.count),
        connectors,
        set: 0,
    }
}

fn devices_of(question: &Question, scenario: &Scenario) -> Option<(GroupId, u32)> {
    let whole = |group: GroupId| scenario.groups[group.index()].count;
    match question {
        Question::DeviceDetails { group, devices } | Question::Stream { group, devices } => {
            Some((*group, (*devices).min(whole(*group))))
        }
        Question::StartStop { group, .. } => Some((*group, whole(*group))),
        Question::Sites { .. } | Question::Harvest { .. } | Question::Energy | Question::Flexibility => None,
    }
}

/// The place of a set of devices among all of the scenario, counted from 1.
fn set_number(scenario: &Scenario, group: GroupId, devices: u32) -> u32 {
    let sets = device_sets(scenario);
    sets.iter().position(|set| *set == (group, devices)).map_or(0, |index| index as u32 + 1)
}

/// The sets of devices that the scenario's questions name, each once: so many of a group, from its first.
pub fn device_sets(scenario: &Scenario) -> Vec<(GroupId, u32)> {
    let asks = scenario.groups.iter().flat_map(|group| match &group.kind {
        GroupKind::Operators(spec) => spec.asks.as_slice(),
        GroupKind::Chargers(_) | GroupKind::Clients(_) => &[],
    });
    let mut seen: Vec<(GroupId, u32)> = Vec::new();
    for set in asks.filter_map(|ask| devices_of(&ask.what, scenario)) {
        if !seen.contains(&set) {
            seen.push(set);
        }
    }
    seen
}
