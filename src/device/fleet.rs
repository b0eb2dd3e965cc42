//! Builds the devices of a scenario.

use std::sync::Arc;

use super::charger::{Charger, ChargerPlan};
use super::client::{Client, ClientPlan};
use super::operator::{Operator, OperatorPlan};
use super::{Actions, Body, Device, Event, HttpRequest, Request, ServedAnswer};
use crate::rng::device_rng;
use crate::scenario::{DeviceId, Group, GroupKind, Scenario};
use crate::time::{Anchor, Nanos};

pub use super::partition::partition;

/// A device of any kind.
#[derive(Clone, Debug)]
pub enum FleetDevice {
    Charger(Charger),
    Operator(Operator),
    Client(Client),
}

/// The fleet of a scenario, ready to be built: what the devices of a group have in common exists once.
#[derive(Clone, Debug)]
pub struct Fleet {
    seed: u64,
    /// In the scenario's order.
    groups: Vec<GroupPlan>,
}

#[derive(Clone, Debug)]
struct GroupPlan {
    name: String,
    first: u32,
    kind: PlanKind,
}

#[derive(Clone, Debug)]
enum PlanKind {
    Chargers(Arc<ChargerPlan>),
    Operators(Arc<OperatorPlan>),
    Clients(Arc<ClientPlan>),
}

impl Fleet {
    pub fn new(scenario: &Scenario) -> Self {
        let kind = |group: &Group| match &group.kind {
            GroupKind::Chargers(spec) => PlanKind::Chargers(Arc::new(ChargerPlan {
                spec: (**spec).clone(),
                serial_prefix: group.serial_prefix().to_owned(),
                chargers: group.count,
                horizon: scenario.duration,
                start_of_week_offset: scenario.start_of_week_offset,
            })),
            GroupKind::Operators(spec) => PlanKind::Operators(Arc::new(OperatorPlan::new(scenario, group, spec))),
            GroupKind::Clients(spec) => PlanKind::Clients(Arc::new(ClientPlan::new(scenario, group, spec))),
        };
        let plan = |group: &Group| GroupPlan { name: group.name.clone(), first: group.first.0, kind: kind(group) };
        Fleet { seed: scenario.seed, groups: scenario.groups.iter().map(plan).collect() }
    }

    /// One device, as it is before the run. What it does is a function of the seed, its group's name and its number there.
    pub fn device(&self, device: DeviceId) -> FleetDevice {
        let group = &self.groups[self.groups.partition_point(|group| group.first <= device.0) - 1];
        let index = device.0 - group.first;
        let rng = device_rng(self.seed, &group.name, index);
        match &group.kind {
            PlanKind::Chargers(plan) => FleetDevice::Charger(Charger::new(Arc::clone(plan), index, rng)),
            PlanKind::Operators(plan) => FleetDevice::Operator(Operator::new(Arc::clone(plan), index, rng)),
            PlanKind::Clients(plan) => FleetDevice::Client(Client::new(Arc::clone(plan), index, rng)),
        }
    }
}

impl Device for FleetDevice {
    fn handle(&mut self, now: Nanos, event: Event<'_>, out: &mut Actions) {
        match self {
            FleetDevice::Charger(charger) => charger.handle(now, event, out),
            FleetDevice::Operator(operator) => operator.handle(now, event, out),
            FleetDevice::Client(client) => client.handle(now, event, out),
        }
    }

    fn is_charging(&self) -> bool {
        match self {
            FleetDevice::Charger(charger) => charger.is_charging(),
            FleetDevice::Operator(_) | FleetDevice::Client(_) => false,
        }
    }

    fn render(&self, now: Nanos, request: &Request, anchor: Anchor, http: &mut HttpRequest) {
        match self {
            FleetDevice::Charger(charger) => charger.render(now, request, anchor, http),
            FleetDevice::Operator(operator) => operator.render(now, request, anchor, http),
            FleetDevice::Client(client) => client.render(now, request, anchor, http),
        }
    }

    fn interpret(&self, request: &Request, answer: &ServedAnswer<'_>) -> Option<Body> {
        match self {
            FleetDevice::Charger(charger) => charger.interpret(request, answer),
            FleetDevice::Operator(operator) => operator.interpret(request, answer),
            FleetDevice::Client(client) => client.interpret(request, answer),
        }
    }

    fn imagine(&self, request: &Request) -> Body {
        match self {
            FleetDevice::Charger(charger) => charger.imagine(request),
            FleetDevice::Operator(operator) => operator.imagine(request),
            FleetDevice::Client(client) => client.imagine(request),
        }
    }
}
