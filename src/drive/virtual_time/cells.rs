//! Which devices have to be played together, and which of them before which.
//!
//! Devices that share a budget, or whose commands go from one to the other, are one cell; under a policy with quota headers
//! all are. Cells share nothing while they are played but what operators read of chargers: the charging records that they
//! upload, details and sites, which are there as soon as a charger is known, and streams' frames, which come while a charger
//! charges. So cells with an operator that reads come after all others have been played, and are one if chargers are among
//! them.

use crate::device::partition::{Bundle, Together, bundles};
use crate::scenario::event::BurstCommand;
use crate::scenario::fleet::Question;
use crate::scenario::target::Fault;
use crate::scenario::{DeviceId, Disturbance, Group, GroupId, GroupKind, Scenario};

/// The cells of a scenario, each in the order of its devices' numbers.
#[derive(Debug)]
pub struct Cells {
    /// Those that depend on nobody.
    pub first: Vec<Vec<DeviceId>>,
    /// Those that read what the first leave behind.
    pub readers: Vec<Vec<DeviceId>>,
}

impl Cells {
    pub fn of(scenario: &Scenario) -> Self {
        let commands = commanded(scenario);
        let reading: Vec<&Group> = scenario.groups.iter().filter(|group| reads(group)).collect();
        let bundles = bundles(scenario, |together| {
            if shares_everything(scenario) {
                return join_all(together, 0..scenario.device_count());
            }
            for &(operators, chargers) in &commands {
                let devices = members(&scenario.groups[operators.index()]);
                join_all(together, devices.chain(members(&scenario.groups[chargers.index()])));
            }
            if !commands.is_empty() {
                join_all(together, reading.iter().flat_map(|group| members(group)));
            }
        });
        let mut cells = Cells { first: Vec::new(), readers: Vec::new() };
        for Bundle { devices, .. } in bundles {
            let reads = devices.iter().any(|device| reading.iter().any(|group| group.index_of(*device).is_some()));
            if reads { cells.readers.push(devices) } else { cells.first.push(devices) }
        }
        cells
    }
}

fn members(group: &Group) -> impl Iterator<Item = u32> + use<> {
    group.first.0..group.first.0 + group.count
}

fn join_all(together: &mut Together, devices: impl IntoIterator<Item = u32>) {
    let mut devices = devices.into_iter();
    if let Some(first) = devices.next() {
        devices.for_each(|device| together.join(first, device));
    }
}

/// Whether the target counts all devices as one, or what its headers tell is watched over all of them: from them classes are
/// learned, and who is shut out with whom.
fn shares_everything(scenario: &Scenario) -> bool {
    let shared = [Fault::KeyedByAddress, Fault::KeyedByForwardedHeader, Fault::ClockSkew];
    let by_fault = scenario.target.stand_in().faults.iter().any(|fault| shared.contains(fault));
    let learns = scenario.policy.classes.iter().any(|class| class.learned_as.is_some());
    by_fault || learns || scenario.policy.quota_headers.is_some()
}

/// Whether its clients read what chargers leave behind.
fn reads(group: &Group) -> bool {
    let GroupKind::Operators(spec) = &group.kind else { return false };
    spec.asks.iter().any(|ask| {
        matches!(
            ask.what,
            Question::Sites { .. }
                | Question::Harvest { .. }
                | Question::DeviceDetails { .. }
                | Question::Stream { .. }
        )
    })
}

/// Which groups of operators send commands to which groups of chargers.
fn commanded(scenario: &Scenario) -> Vec<(GroupId, GroupId)> {
    let asks = scenario.groups.iter().enumerate().flat_map(|(index, group)| {
        let asks = match &group.kind {
            GroupKind::Operators(spec) => spec.asks.as_slice(),
            GroupKind::Chargers(_) | GroupKind::Clients(_) => &[],
        };
        asks.iter().map(move |ask| (GroupId(index as u16), meant_by(&ask.what)))
    });
    let events = scenario.events.iter().map(|event| match event.what {
        Disturbance::ControlBurst { command: BurstCommand::Start { group }, .. } => (event.group, Meant::Group(group)),
        Disturbance::ControlBurst { command: BurstCommand::Flexibility, .. } => (event.group, Meant::Everyone),
        _ => (event.group, Meant::Nobody),
    });
    let pairs = asks.chain(events).flat_map(|(operators, meant)| {
        let groups = (0..scenario.groups.len() as u16).map(GroupId);
        let is_meant = move |chargers: &GroupId| match meant {
            Meant::Nobody => false,
            Meant::Group(group) => *chargers == group,
            Meant::Everyone => matches!(scenario.groups[chargers.index()].kind, GroupKind::Chargers(_)),
        };
        groups.filter(is_meant).map(move |chargers| (operators, chargers))
    });
    pairs.collect()
}

/// Whom commands are for.
#[derive(Clone, Copy)]
enum Meant {
    Nobody,
    Group(GroupId),
    Everyone,
}

fn meant_by(question: &Question) -> Meant {
    match question {
        Question::StartStop { group, .. } => Meant::Group(*group),
        Question::Flexibility => Meant::Everyone,
        _ => Meant::Nobody,
    }
}
