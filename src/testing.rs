//! What tests of several modules build on: a small scenario and its records.

use crate::device::{Cause, Detail, Flow, Note, Outcome};
use crate::policy::model::*;
use crate::policy::signals::{Hint, Told};
use crate::policy::silence::Silence;
use crate::record::{Observation, Observer, Record, Sent};
use crate::scenario::fleet::{Backoff, CadenceSpec, Credentials, OperatorSpec, Question, Reaction, TokenHabit};
use crate::scenario::start::Start;
use crate::scenario::target::{Network, ServerSpec, Target};
use crate::scenario::{DeviceId, Group, GroupKind, Identities, OperationId, Operations, Scenario};
use crate::time::Nanos;

/// `GET /v1/sites`, of the class `queries`.
pub const SITES: OperationId = OperationId(0);
/// `GET /v1/devices/{id}`, of the class `queries`.
pub const DEVICE: OperationId = OperationId(1);
/// `POST /v1/token`, of the class `tokens`.
pub const TOKEN: OperationId = OperationId(2);
/// `GET /v1/status`, of no class.
pub const STATUS: OperationId = OperationId(3);

/// Two classes: `queries` (60 per minute) and `tokens` (10 per minute), for each `client_id`.
pub fn policy() -> Policy {
    Policy {
        name: "example".into(),
        title: "Example API".into(),
        source: Some("https://example.com/limits".into()),
        classes: vec![
            class("queries", &["GET /v1/sites", "GET /v1/devices/{id}"], 60),
            class("tokens", &["POST /v1/token"], 10),
        ],

        silences: vec![Silence::new("How the window is counted.")],
        hash: "90f1".into(),
        ..Policy::default()
    }
}

fn class(name: &str, requests: &[&str], allow: u32) -> Class {
    let limit = RateLimit::new(allow, Nanos::from_secs(60), Scope(vec!["client_id".into()]));
    let requests = requests.iter().map(|request| request.parse().unwrap()).collect();
    Class { name: name.into(), requests, limits: vec![Limit::Rate(limit)], ..Class::default() }
}

/// `devices` clients of one group, for a minute.
pub fn scenario(devices: u32) -> Scenario {
    let policy = policy();
    let requests = [("GET", "/v1/sites"), ("GET", "/v1/devices/{id}"), ("POST", "/v1/token"), ("GET", "/v1/status")];
    let mut identities = Identities::new(vec!["client_id".into()]);
    (0..devices).for_each(|device| identities.push(&[device]));
    let cadence = CadenceSpec { every: Nanos::from_secs(10), jitter: 0.0 };
    let ask = crate::scenario::fleet::Ask { what: Question::Energy, cadence };
    let spec = OperatorSpec {
        credentials: Credentials::Own,
        start: Start::default(),
        asks: vec![ask],
        reaction: Reaction::Obey(Backoff::DOCUMENTED),
        token: TokenHabit::Keep,
        renew_before: Nanos::from_secs(300),
    };
    Scenario {
        name: "example-run".into(),
        description: None,
        profile_hash: "1d4c".into(),
        seed: 7,
        duration: Nanos::from_secs(60),
        start_of_week_offset: Nanos::ZERO,
        operations: Operations::classified(&policy, requests),
        policy,
        target: Target::Embedded(ServerSpec::default()),
        groups: vec![Group {
            name: "desk".into(),
            first: DeviceId(0),
            count: devices,
            kind: GroupKind::Operators(spec),
        }],
        identities,
        events: Vec::new(),
        gates: Vec::new(),
        network: Network::default(),
    }
}

/// A scheduled request of device 0 that was due and sent at `due` and answered `latency` later.
pub fn record(operation: OperationId, due: Nanos, latency: Nanos, outcome: Outcome) -> Record {
    Record {
        device: DeviceId(0),
        operation,
        flow: Flow(0),
        attempt: 1,
        cause: Cause::Schedule,
        detail: Detail::None,
        due,
        sent: Some(due),
        done: due + latency,
        outcome,
        status: 0,
        hint: Hint::Absent,
        told: Told::default(),
        breaches: 0,
    }
}

/// Shows an observer a request's life, from leaving (if it did) to its end.
pub fn play(observer: &mut impl Observer, record: &Record) {
    if let Some(at) = record.sent {
        let Record { device, operation, flow, attempt, detail, .. } = *record;
        observer.observe(at, Observation::Sent(Sent { device, operation, flow, attempt, detail }));
    }
    observer.observe(record.done, Observation::Done { record, exchange: None });
}

/// Shows an observer what device 0 says.
pub fn note(observer: &mut impl Observer, at: Nanos, note: Note) {
    observer.observe(at, Observation::Noted { device: DeviceId(0), note });
}
