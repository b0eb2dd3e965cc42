//! Test support: scenarios in a few words, and an observer that keeps everything.

use crate::device::{Note, Outcome};
use crate::policy::{self, model::Policy};
use crate::record::{Observation, Observer, Record, Sent};
use crate::scenario::event::ScheduledEvent;
use crate::scenario::fleet::*;
use crate::scenario::start::Start;
use crate::scenario::target::{Network, ServerSpec, Target};
use crate::scenario::{Identities, Operations, Scenario};
use crate::tellus::TellusOp;
use crate::time::Nanos;

pub(super) use crate::device::charger::tests_support::spec as charger;

pub fn secs(secs: u64) -> Nanos {
    Nanos::from_secs(secs)
}

/// The shipped policy.
pub fn tellus_policy() -> Policy {
    policy::builtin("tellus").expect("it is compiled in")
}

/// A client that asks nothing.
pub fn operator() -> OperatorSpec {
    OperatorSpec {
        credentials: Credentials::Own,
        start: Start { spread: secs(5), growth: None },
        asks: Vec::new(),
        reaction: Reaction::Obey(Backoff::DOCUMENTED),
        token: TokenHabit::Keep,
        renew_before: secs(300),
    }
}

/// A question asked every so many seconds, without jitter.
pub fn ask(every: u64, what: Question) -> Ask {
    Ask { what, cadence: CadenceSpec { every: secs(every), jitter: 0.0 } }
}

pub fn chargers(name: &str, count: u32, spec: ChargerSpec) -> Group {
    Group { name: name.to_owned(), first: DeviceId(0), count, kind: GroupKind::Chargers(Box::new(spec)) }
}

pub fn operators(name: &str, count: u32, spec: OperatorSpec) -> Group {
    Group { name: name.to_owned(), first: DeviceId(0), count, kind: GroupKind::Operators(spec) }
}

/// A scenario over these groups, numbered in order, on a network without losses.
pub fn scenario(duration: Nanos, groups: Vec<Group>) -> Scenario {
    let policy = tellus_policy();
    let operations = Operations::classified(&policy, TellusOp::ALL.map(TellusOp::request));
    let mut identities = Identities::new(vec!["client_id".to_owned(), "device_id".to_owned()]);
    let mut first = 0;
    let mut clients = 0;
    let groups = groups.into_iter().map(|mut group| {
        group.first = DeviceId(first);
        for device in first..first + group.count {
            match &group.kind {
                GroupKind::Chargers(_) => identities.push(&[0, device + 1]),
                GroupKind::Clients(_) => identities.push(&[0, 0]),
                GroupKind::Operators(spec) => {
                    let is_new = spec.credentials == Credentials::Own || device == first;
                    clients += u32::from(is_new);
                    identities.push(&[clients, 0]);
                }
            }
        }
        first += group.count;
        group
    });
    let groups = groups.collect();
    Scenario {
        name: "test".to_owned(),
        description: None,
        profile_hash: String::new(),
        seed: 7,
        duration,
        start_of_week_offset: Nanos::ZERO,
        target: Target::Embedded(ServerSpec::default()),
        policy,
        operations,
        groups,
        identities,
        events: Vec::new(),
        gates: Vec::new(),
        network: Network::default(),
    }
}

/// An event that reaches all of the first group.
pub fn event(at: u64, what: crate::scenario::Disturbance) -> ScheduledEvent {
    ScheduledEvent { at: secs(at), group: GroupId(0), share: 1.0, what }
}

/// The server of a scenario.
pub fn server(scenario: &mut Scenario) -> &mut ServerSpec {
    match &mut scenario.target {
        Target::Embedded(spec) => spec,
        Target::Remote(_) => unreachable!("test scenarios have a server of their own"),
    }
}

/// Everything that was observed.
#[derive(Debug, Default, PartialEq)]
pub struct Log {
    pub sent: Vec<(Nanos, Sent)>,
    pub done: Vec<Record>,
    pub notes: Vec<(Nanos, DeviceId, Note)>,
    pub streams_closed: Vec<(Nanos, DeviceId, u64)>,
    pub breaches: Vec<String>,
    pub responses: Vec<String>,
}

impl Observer for Log {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>) {
        match observation {
            Observation::Sent(sent) => self.sent.push((at, sent)),
            Observation::Done { record, exchange } => {
                assert_eq!(at, record.done);
                assert!(record.sent.is_none_or(|sent| record.due <= sent && sent <= record.done), "{record:?}");
                self.done.push(*record);
                if let Some(exchange) = exchange {
                    self.breaches.extend(exchange.breaches.iter().cloned());
                    self.responses.push(exchange.response.clone());
                }
            }
            Observation::StreamClosed { device, frames, .. } => self.streams_closed.push((at, device, frames)),
            Observation::Classified { .. } => {}
            Observation::Noted { device, note } => self.notes.push((at, device, note)),
            Observation::Late { .. } => panic!("virtual time is never late"),
            Observation::Through { .. } => {}
        }
    }
}

impl Log {
    pub fn of(scenario: &Scenario) -> Log {
        let mut log = Log::default();
        super::run(scenario, &mut log);
        // One cell comes after the other; within one, time goes on.
        log.sent.sort_by_key(|(at, _)| *at);
        log.done.sort_by_key(|record| record.done);
        log.notes.sort_by_key(|(at, ..)| *at);
        log.streams_closed.sort_by_key(|(at, ..)| *at);
        log
    }

    pub fn records(&self, op: TellusOp) -> impl Iterator<Item = &Record> {
        self.done.iter().filter(move |record| record.operation == op.id())
    }

    pub fn count(&self, op: TellusOp) -> usize {
        self.records(op).count()
    }

    pub fn outcomes(&self, outcome: Outcome) -> usize {
        self.done.iter().filter(|record| record.outcome == outcome).count()
    }
}
