//! The chargers that questions are about.

use indexmap::IndexSet;

use crate::scenario::fleet::Question;
use crate::scenario::{DeviceId, GroupId, GroupKind, Scenario};

/// Chargers of a group, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceSet {
    pub group: GroupId,
    /// Over the whole scenario.
    pub first: DeviceId,
    pub devices: u32,
}

impl DeviceSet {
    fn of(scenario: &Scenario, group: GroupId, devices: u32) -> Self {
        let whole = &scenario.groups[group.index()];
        DeviceSet { group, first: whole.first, devices: devices.min(whole.count) }
    }

    /// In sets of at most so many.
    fn split(self, most: u32) -> impl Iterator<Item = DeviceSet> {
        let most = most.max(1);
        (0..self.devices.div_ceil(most)).map(move |index| {
            let before = index * most;
            let first = DeviceId(self.first.0 + before);
            DeviceSet { first, devices: most.min(self.devices - before), ..self }
        })
    }
}

/// The sets that a question is asked about, each by itself: one for each stream, one for all else that is about chargers.
pub fn asked_about(question: &Question, scenario: &Scenario) -> Vec<DeviceSet> {
    match *question {
        Question::DeviceDetails { group, devices } => vec![DeviceSet::of(scenario, group, devices)],
        Question::Stream { group, devices, per_connection } => {
            DeviceSet::of(scenario, group, devices).split(per_connection).collect()
        }
        Question::StartStop { group, .. } => vec![DeviceSet::of(scenario, group, u32::MAX)],
        Question::Sites { .. } | Question::Harvest { .. } | Question::Energy | Question::Flexibility => Vec::new(),
    }
}

/// The sets that the scenario's questions are about, each once. A set's number in quota keys is its place, counted from 1.
pub fn device_sets(scenario: &Scenario) -> IndexSet<DeviceSet> {
    let asks = scenario.groups.iter().flat_map(|group| match &group.kind {
        GroupKind::Operators(spec) => spec.asks.as_slice(),
        GroupKind::Chargers(_) | GroupKind::Clients(_) => &[],
    });
    asks.flat_map(|ask| asked_about(&ask.what, scenario)).collect()
}
