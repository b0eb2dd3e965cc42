//! Splits a fleet over shards that share nothing: devices that draw on one budget stay together.

use std::collections::HashMap;

use crate::policy::model::{Blocks, ClassId, Limit, Scope};
use crate::scenario::client::ClientSpec;
use crate::scenario::fleet::{CadenceSpec, ChargerSpec, CommandDelivery, OperatorSpec, Question};
use crate::scenario::operation::Detail;
use crate::scenario::{DeviceId, Group, GroupKind, Scenario, ScopeKey};
use crate::tellus::TellusOp;
use crate::time::Nanos;

/// The devices of each shard, in the order of their numbers.
///
/// Devices that share a scope value of any limit that they use are kept in one shard; such bundles go, the heaviest first,
/// to the shard with the least expected load. The same scenario is always split in the same way.
pub fn partition(scenario: &Scenario, shards: usize) -> Vec<Vec<DeviceId>> {
    let mut loads = vec![0.0; shards.max(1)];
    let mut parts = vec![Vec::new(); shards.max(1)];
    for bundle in bundles(scenario, |_| ()) {
        let lightest = (0..loads.len()).min_by(|&a, &b| f64::total_cmp(&loads[a], &loads[b])).unwrap_or(0);
        loads[lightest] += bundle.load;
        parts[lightest].extend(bundle.devices);
    }
    parts.iter_mut().for_each(|part: &mut Vec<DeviceId>| part.sort_unstable());
    parts
}

/// Devices that must stay together.
#[derive(Debug)]
pub struct Bundle {
    /// In the order of their numbers.
    pub devices: Vec<DeviceId>,
    /// Requests per second.
    load: f64,
}

/// All devices, by who shares budgets with whom; `join` may bring more of them together. The heaviest bundle comes first,
/// those of equal weight by their first device.
pub fn bundles(scenario: &Scenario, join: impl FnOnce(&mut Together)) -> Vec<Bundle> {
    let mut together = Together::new(scenario.device_count());
    join(&mut together);
    for (scope, is_used_by) in scopes(scenario) {
        let rule = scenario.identities.rule(scope);
        let mut first_with: HashMap<ScopeKey, u32> = HashMap::new();
        for group in scenario.groups.iter().filter(|group| is_used_by(group)) {
            for device in group.first.0..group.first.0 + group.count {
                // What a request names besides its sender may coincide, so it does not tell devices apart.
                let key = scenario.identities.key(&rule, DeviceId(device), 0, Detail::None);
                let first = *first_with.entry(key).or_insert(device);
                together.join(first, device);
            }
        }
    }
    let mut bundles: HashMap<u32, Bundle> = HashMap::new();
    for group in &scenario.groups {
        let load = load(group);
        for device in group.first.0..group.first.0 + group.count {
            let bundle = bundles.entry(together.root(device));
            let bundle = bundle.or_insert_with(|| Bundle { devices: Vec::new(), load: 0.0 });
            bundle.devices.push(DeviceId(device));
            bundle.load += load;
        }
    }
    let mut bundles: Vec<Bundle> = bundles.into_values().collect();
    bundles.sort_by(|a, b| b.load.total_cmp(&a.load).then_with(|| a.devices.cmp(&b.devices)));
    bundles
}

/// Every limit's scope, and which groups send requests that it limits.
fn scopes(scenario: &Scenario) -> impl Iterator<Item = (&Scope, impl Fn(&&Group) -> bool)> {
    scenario.policy.classes.iter().enumerate().flat_map(move |(index, class)| {
        class.limits.iter().map(move |limit| {
            let bars = bars_others(limit);
            let is_used_by = move |group: &&Group| bars || uses(scenario, group, ClassId(index as u8));
            (limit.scope(), is_used_by)
        })
    })
}

/// Whether breaking a limit may shut out from more than what it counts.
fn bars_others(limit: &Limit) -> bool {
    let Limit::Rate(rate) = limit else { return false };
    rate.penalty.as_ref().is_some_and(|penalty| penalty.blocks != Blocks::Class)
}

/// Whether a group's devices can send requests that count in a class. What no pattern fits may be learnt to do so.
fn uses(scenario: &Scenario, group: &Group, class: ClassId) -> bool {
    let policy = &scenario.policy;
    let is_learned = policy.class(class).learned_as.is_some();
    let is_of_class = |id| match scenario.operations.get(id).class {
        Some(own) => policy.drawn_on(own).any(|drawn_on| drawn_on == class),
        None => is_learned,
    };
    let of_tellus = |chargers| {
        TellusOp::ALL.iter().any(|op| {
            let listed = usize::from(op.id().0) < scenario.operations.len();
            op.is_chargers() == chargers && listed && is_of_class(op.id())
        })
    };
    match &group.kind {
        GroupKind::Chargers(_) => of_tellus(true),
        GroupKind::Operators(_) => of_tellus(false),
        GroupKind::Clients(spec) => spec.operations().any(is_of_class),
    }
}

/// Requests per second that one device of a group is expected to send.
fn load(group: &Group) -> f64 {
    match &group.kind {
        GroupKind::Chargers(spec) => charger_load(spec),
        GroupKind::Operators(spec) => operator_load(spec),
        GroupKind::Clients(spec) => client_load(spec, group.count),
    }
}

fn charger_load(spec: &ChargerSpec) -> f64 {
    let sessions = &spec.sessions;
    let hours_per_session = sessions.duration.median.as_secs_f64() / 3600.0;
    let busy = (sessions.arrivals_per_hour * hours_per_session).min(1.0).max(sessions.initially_busy);
    let polls = match spec.commands {
        CommandDelivery::LongPoll { wait } => per_second(wait),
        CommandDelivery::Heartbeat => 0.0,
    };
    let connector = busy * rate(&spec.telemetry) + polls;
    rate(&spec.heartbeat) + f64::from(spec.connectors) * connector
}

fn operator_load(spec: &OperatorSpec) -> f64 {
    let requests = |question: &Question| match question {
        Question::DeviceDetails { devices, .. } => f64::from(*devices),
        Question::StartStop { .. } => 4.0,
        _ => 1.0,
    };
    spec.asks.iter().map(|ask| requests(&ask.what) * rate(&ask.cadence)).sum()
}

fn client_load(spec: &ClientSpec, clients: u32) -> f64 {
    spec.schedules.iter().map(|schedule| schedule.arrivals.peak_per_second(clients)).sum()
}

fn rate(cadence: &CadenceSpec) -> f64 {
    per_second(cadence.every)
}

fn per_second(every: Nanos) -> f64 {
    1.0 / every.as_secs_f64().max(1e-9)
}

/// Sets of devices that have been joined (union-find).
pub struct Together(Vec<u32>);

impl Together {
    fn new(devices: u32) -> Self {
        Together((0..devices).collect())
    }

    fn root(&mut self, device: u32) -> u32 {
        let mut root = device;
        while self.0[root as usize] != root {
            let parent = self.0[root as usize];
            self.0[root as usize] = self.0[parent as usize];
            root = parent;
        }
        root
    }

    /// The lower number becomes the root, so that the result does not depend on the order of joins.
    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}
