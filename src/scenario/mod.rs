//! One experiment, resolved: what the devices, drivers, checks and reports are told. Profiles become scenarios in
//! [`crate::profile`]; nothing behind this module knows YAML.

pub mod arrivals;
pub mod client;
pub mod event;
pub mod fleet;
pub mod gate;
pub mod identity;
pub mod operation;
pub mod start;
pub mod target;
pub mod template;
pub mod words;

use crate::policy::model::Policy;
use crate::time::Nanos;

pub use event::{Disturbance, ScheduledEvent};
pub use fleet::{DeviceId, Group, GroupId, GroupKind};
pub use identity::{Asked, Identities, ScopeKey};
pub use operation::{Operation, OperationId, Operations};

/// One experiment.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    pub description: Option<String>,
    /// SHA-256 of the profile's text, in hexadecimal.
    pub profile_hash: String,
    pub seed: u64,
    pub duration: Nanos,
    /// Where in the week (UTC) the run begins, for what follows hours and days: zero means Monday, 00:00.
    pub start_of_week_offset: Nanos,
    pub policy: Policy,
    pub target: target::Target,
    pub operations: Operations,
    pub groups: Vec<Group>,
    pub identities: Identities,
    pub events: Vec<ScheduledEvent>,
    pub gates: Vec<gate::Gate>,
    pub network: target::Network,
}

impl Scenario {
    pub fn device_count(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// Whether some of the fleet speaks the Tellus API, whose operations then come first.
    pub fn speaks_tellus(&self) -> bool {
        self.groups.iter().any(|group| group.kind.speaks_tellus())
    }

    /// The budget that a request draws on under a rule.
    pub fn key(&self, rule: &identity::KeyRule, asked: Asked) -> ScopeKey {
        self.identities.key(rule, asked.device, self.operations.get(asked.operation).endpoint, asked.detail)
    }

    /// The group a device belongs to.
    pub fn group_of(&self, device: DeviceId) -> &Group {
        &self.groups[self.group_index(device)]
    }

    pub fn group_index(&self, device: DeviceId) -> usize {
        self.groups.partition_point(|group| group.first.0 <= device.0) - 1
    }

    /// `depot/17`: how a device is called in reports and evidence.
    pub fn device_name(&self, device: DeviceId) -> String {
        let group = self.group_of(device);
        format!("{}/{}", group.name, device.0 - group.first.0)
    }

    /// Whether an event reaches a device: the group's members are chosen by the seed, the same ones in every run. Who has not
    /// joined yet hears of nothing.
    pub fn reaches(&self, event: usize, device: DeviceId) -> bool {
        let scheduled = &self.events[event];
        let group = &self.groups[scheduled.group.index()];
        let Some(index) = group.index_of(device) else { return false };
        if scheduled.at < group.start().joins(index, group.count) {
            return false;
        }
        let label = format!("event {event}");
        scheduled.share >= 1.0 || crate::rng::stable_share(self.seed, &label, index) < scheduled.share
    }
}
