//! Scenarios by hand, and a script that plays requests into a verifier in the order of their time.

use std::sync::Arc;

use super::terms::Terms;
use super::{Verified, Verifier};
use crate::device::{Cause, DropReason, Flow, Note, Outcome};
use crate::limiter::{self, Limiter};
use crate::policy::model::*;
use crate::policy::reading::Reading;
use crate::policy::signals::{Hint, Told};
use crate::record::{Exchange, Observation, Observer, Record, Sent, StreamEnding};
use crate::scenario::fleet::{Credentials, OperatorSpec, Reaction, TokenHabit};
use crate::scenario::operation::Detail;
use crate::scenario::start::Start;
use crate::scenario::target::{Network, ServerSpec, Target};
use crate::scenario::{DeviceId, Group, GroupKind, Identities, OperationId, Operations, Scenario};
use crate::summary::QuotaUse;
use crate::summary::finding::Finding;
use crate::tellus::TellusOp;
use crate::time::{Anchor, Nanos};

/// 2026-03-15 10:30:00 UTC: a whole minute.
pub const ANCHOR: Anchor = Anchor { unix_nanos: 1_773_570_600_000_000_000 };

pub const SITES: OperationId = OperationId(0);
pub const DEVICE: OperationId = OperationId(1);
pub const RECORDS: OperationId = OperationId(2);
pub const TOKEN: OperationId = OperationId(3);
pub const STREAM: OperationId = OperationId(4);
pub const HEARTBEAT: OperationId = OperationId(5);
pub const UNNAMED: OperationId = OperationId(6);
pub const TELEMETRY: OperationId = OperationId(7);
pub const REGISTER: OperationId = OperationId(8);
pub const DEVICE_TOKEN: OperationId = OperationId(9);

const REQUESTS: [(&str, &str); 10] = [
    ("GET", "/sites"),
    ("GET", "/devices/{device_id}"),
    ("GET", "/records"),
    ("POST", "/token"),
    ("WS", "/stream"),
    ("POST", "/heartbeat"),
    ("POST", "/unnamed"),
    TellusOp::Telemetry.request(),
    TellusOp::Register.request(),
    TellusOp::DeviceToken.request(),
];

pub fn rate(allow: u32, per: Nanos, scope: &str, algorithm: Algorithm) -> RateLimit {
    RateLimit { algorithm, ..RateLimit::new(allow, per, Scope(vec![scope.to_owned()])) }
}

fn class(name: &str, requests: &[&str], limit: Limit) -> Class {
    let requests = requests.iter().map(|request| request.parse().unwrap()).collect();
    Class { name: name.to_owned(), requests, limits: vec![limit], ..Class::default() }
}

/// Queries: 4 per 10 s. Tokens: 2 per 10 s. One stream. Heartbeats: 2 per second.
pub fn policy() -> Policy {
    let secs = Nanos::from_secs;
    let per_client = |allow| Limit::Rate(rate(allow, secs(10), "client_id", Algorithm::Unspecified));
    let one_stream =
        ConcurrencyLimit { allow: 1, scope: Scope(vec!["client_id".into(), "device_set".into()]), lasting: None };
    let parse = |request: &str| request.parse().unwrap();
    Policy {
        name: "small".into(),
        title: "A small API".into(),
        classes: vec![
            class("queries", &["GET /sites", "GET /devices/{device_id}", "GET /records"], per_client(4)),
            class("token", &["POST /token"], per_client(2)),
            class("stream", &["WS /stream"], Limit::Concurrent(one_stream)),
            class("charger", &["POST /heartbeat"], Limit::Rate(rate(2, secs(1), "device_id", Algorithm::Unspecified))),
        ],
        refusal: Refusal {
            retry_after: Some(HintSource {
                place: HintPlace::Header("retry-after".into()),
                unit: HintUnit::Seconds,
                presence: Presence::Optional,
            }),
            ..Refusal::default()
        },
        overload: Overload::default(),
        guidance: Guidance {
            cadences: vec![CadenceAdvice { request: parse("POST /heartbeat"), every: secs(30) }],
            page_size: Some(PageSizeAdvice { requests: vec![parse("GET /records")], full: 100, time_filter: true }),
            prefer_stream: Some(StreamAdvice {
                instead_of: parse("GET /devices/{device_id}"),
                stream: parse("WS /stream"),
                polling_below: secs(60),
            }),
            cacheable: vec![CacheAdvice { request: parse("GET /sites"), keep: secs(300) }],
            token_reuse: Some(TokenAdvice {
                requests: vec![parse("POST /token")],
                lifetime: secs(86_400),
                renew_before: secs(300),
            }),
            backoff: Some(BackoffAdvice { initial: secs(1), max: secs(30), jitter: 0.3, attempts: 6 }),
        },
        ..Policy::default()
    }
}

/// `count` clients with a client_id and a device_id of their own, against a fresh embedded server.
pub fn scenario(policy: Policy, count: u32) -> Scenario {
    let mut identities = Identities::new(vec!["client_id".into(), "device_id".into()]);
    for index in 0..count {
        identities.push(&[100 + index, 200 + index]);
    }
    let operators = OperatorSpec {
        credentials: Credentials::Own,
        start: Start::default(),
        asks: Vec::new(),
        reaction: Reaction::GiveUp,
        token: TokenHabit::Keep,
        renew_before: Nanos::ZERO,
    };
    Scenario {
        name: "by-hand".into(),
        description: None,
        profile_hash: String::new(),
        seed: 1,
        duration: Nanos::from_secs(60),
        start_of_week_offset: Nanos::ZERO,
        operations: Operations::classified(&policy, REQUESTS),
        policy,
        target: Target::Embedded(ServerSpec { limiter: Reading::Rolling, ..ServerSpec::default() }),
        groups: vec![Group {
            name: "clients".into(),
            first: DeviceId(0),
            count,
            kind: GroupKind::Operators(operators),
        }],
        identities,
        events: Vec::new(),
        gates: Vec::new(),
        network: Network::default(),
    }
}

/// What a script plays; owned, to be sorted by time.
#[derive(Clone, Debug)]
enum Step {
    Sent(Sent),
    Done(Box<Record>, Option<Exchange>),
    Closed(DeviceId, Flow, u64, StreamEnding),
    Noted(DeviceId, Note),
}

/// Requests to be played in the order of their time.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: Vec<(Nanos, Step)>,
    flows: u32,
}

/// One request of a script; times in milliseconds.
#[derive(Clone, Debug)]
pub struct Ask {
    pub device: u32,
    pub operation: OperationId,
    pub detail: Detail,
    pub at: u64,
    pub takes: u64,
    pub outcome: Outcome,
    pub hint: Hint,
    pub told: Told,
    /// The flow and number of a retry; None for a first attempt.
    pub retry: Option<(Flow, u32)>,
    pub breaches: Vec<String>,
    /// Of what was served.
    pub status: u16,
}

impl Ask {
    pub fn new(device: u32, operation: OperationId, at: u64) -> Self {
        Ask {
            device,
            operation,
            detail: Detail::None,
            at,
            takes: 10,
            outcome: Outcome::Served,
            hint: Hint::Absent,
            told: Told::default(),
            retry: None,
            breaches: Vec::new(),
            status: 200,
        }
    }

    /// Answered 304.
    pub fn unchanged(self) -> Self {
        Ask { status: 304, ..self }
    }

    pub fn about(self, resource: u32) -> Self {
        Ask { detail: Detail::Resource(resource), ..self }
    }

    pub fn page(self, number: u32, size: u32, time_filter: bool) -> Self {
        Ask { detail: Detail::Page { number, size, time_filter }, ..self }
    }

    pub fn takes(self, takes: u64) -> Self {
        Ask { takes, ..self }
    }

    pub fn refused(self) -> Self {
        Ask { outcome: Outcome::Refused, ..self }
    }

    pub fn told(self, secs: u64) -> Self {
        Ask { outcome: Outcome::Refused, hint: Hint::Wait(Nanos::from_secs(secs)), ..self }
    }

    pub fn retry(self, flow: Flow, attempt: u32) -> Self {
        Ask { retry: Some((flow, attempt)), ..self }
    }
}

impl Script {
    pub fn ask(&mut self, ask: Ask) -> Flow {
        let millis = Nanos::from_millis;
        self.flows += 1;
        let (flow, attempt) = ask.retry.unwrap_or((Flow(self.flows), 1));
        let Ask { device, operation, detail, outcome, hint, told, .. } = ask;
        let device = DeviceId(device);
        let (sent, done) = (millis(ask.at), millis(ask.at + ask.takes));
        let status = match outcome {
            Outcome::Served => ask.status,
            Outcome::Refused => 429,
            Outcome::Overloaded => 503,
            Outcome::Rejected(status) | Outcome::Broken(status) => status,
            Outcome::Failed(_) => 0,
        };
        let cause = if attempt == 1 { Cause::Schedule } else { Cause::Answer };
        let breaches = ask.breaches.len() as u8;
        let record = Record {
            device,
            operation,
            flow,
            attempt,
            cause,
            detail,
            due: sent,
            sent: Some(sent),
            done,
            outcome,
            status,
            hint,
            told,
            breaches,
        };
        let exchange = (outcome != Outcome::Served || told.breaches > 0).then(|| Exchange {
            request: "GET /somewhere".into(),
            response: format!("{status} as it came"),
            breaches: ask.breaches.clone(),
            header_breaches: if told.breaches > 0 { ask.breaches } else { Vec::new() },
        });
        self.steps.push((sent, Step::Sent(Sent { device, operation, flow, attempt, detail })));
        self.steps.push((done, Step::Done(Box::new(record), exchange)));
        flow
    }

    pub fn close(&mut self, device: u32, flow: Flow, at: u64) {
        self.end_stream(device, flow, at, 0, StreamEnding::Device);
    }

    pub fn end_stream(&mut self, device: u32, flow: Flow, at: u64, frames: u64, ending: StreamEnding) {
        self.steps.push((Nanos::from_millis(at), Step::Closed(DeviceId(device), flow, frames, ending)));
    }

    pub fn finish(&mut self, device: u32, operation: OperationId, flow: Flow, attempts: u32, served: bool, at: u64) {
        let note = Note::Finished { operation, flow, attempts, served };
        self.steps.push((Nanos::from_millis(at), Step::Noted(DeviceId(device), note)));
    }

    pub fn drop_busy(&mut self, device: u32, operation: OperationId, at: u64) {
        let note = Note::Dropped { operation, reason: DropReason::Busy };
        self.steps.push((Nanos::from_millis(at), Step::Noted(DeviceId(device), note)));
    }

    /// Plays the steps of some devices.
    pub fn play(&self, verifier: &mut Verifier, mine: impl Fn(DeviceId) -> bool) {
        let mut steps: Vec<_> = self.steps.iter().collect();
        steps.sort_by_key(|(at, _)| *at);
        for (at, step) in steps {
            let (device, observation) = match step {
                Step::Sent(sent) => (sent.device, Observation::Sent(*sent)),
                Step::Done(record, exchange) => {
                    (record.device, Observation::Done { record, exchange: exchange.as_ref() })
                }
                Step::Closed(device, flow, frames, ending) => {
                    let (device, flow, frames, ending) = (*device, *flow, *frames, *ending);
                    (device, Observation::StreamClosed { device, operation: STREAM, flow, frames, ending })
                }
                Step::Noted(device, note) => (*device, Observation::Noted { device: *device, note: *note }),
            };
            if mine(device) {
                verifier.observe(*at, observation);
            }
        }
    }

    /// Plays all, for a run of a minute.
    pub fn verify(&self, scenario: Scenario) -> Outcomes {
        let mut verifier = verifier(scenario);
        self.play(&mut verifier, |_| true);
        Outcomes(verifier.finish(Nanos::from_secs(60)))
    }
}

pub fn verifier(scenario: Scenario) -> Verifier {
    Verifier::new(Arc::new(scenario), ANCHOR, Nanos::from_secs(1))
}

/// A verification, to be asked by names.
pub struct Outcomes(pub Verified);

impl Outcomes {
    pub fn finding(&self, check: &str, subject: &str) -> &Finding {
        let fits = |finding: &&Finding| finding.check == check && finding.subject == subject;
        self.0.findings.iter().find(fits).unwrap_or_else(|| panic!("no finding {check} about `{subject}`"))
    }

    pub fn quota(&self, class: &str) -> &QuotaUse {
        self.0.quotas.iter().find(|quota| quota.class == class).unwrap()
    }
}

/// A request as it went: sent, decided at the server, done.
#[derive(Clone, Copy, Debug)]
pub struct Trip {
    pub sent: Nanos,
    pub server: Nanos,
    pub done: Nanos,
    pub admitted: bool,
    pub cost: u32,
}

/// What an event of a trip is, in the order in which a client sees events of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    Sent,
    Done,
}

/// A limiter of one reading, on a clock that shows zero when the run begins.
pub fn build_of(reading: Reading, terms: &Terms) -> Box<dyn Limiter + Send> {
    let anchor = Anchor { unix_nanos: 0 };
    limiter::build(reading, limiter::Terms { rate: terms.rate, burst: terms.burst, calendar: terms.calendar, anchor })
}

/// Lets a server with `limiter` decide requests that each take `(gap since the one before, way there, way back)` and cost
/// one. The server's clock is `phase` ahead.
pub fn travel(limiter: Box<dyn Limiter + Send>, phase: u64, ways: &[(u64, u64, u64)]) -> Vec<Trip> {
    travel_at(limiter, phase, ways, &vec![1; ways.len()])
}

/// The same with requests that differ in cost.
pub fn travel_at(
    mut limiter: Box<dyn Limiter + Send>,
    phase: u64,
    ways: &[(u64, u64, u64)],
    costs: &[u32],
) -> Vec<Trip> {
    let mut now = 0;
    let trip = |((gap, there, back), cost): (&(u64, u64, u64), &u32)| {
        now += gap;
        let (sent, server, done) = (Nanos(now), Nanos(now + there), Nanos(now + there + back));
        Trip { sent, server, done, admitted: false, cost: *cost }
    };
    let mut trips: Vec<Trip> = ways.iter().zip(costs).map(trip).collect();
    trips.sort_by_key(|trip| trip.server);
    for trip in &mut trips {
        trip.admitted = limiter.check(trip.server + Nanos(phase), trip.cost).admitted;
    }
    trips
}

/// Both ends of each trip, in the order of their time.
pub fn seen(trips: &[Trip]) -> Vec<(Nanos, Seen, Trip)> {
    let ends = |trip: &Trip| [(trip.sent, Seen::Sent, *trip), (trip.done, Seen::Done, *trip)];
    let mut events: Vec<_> = trips.iter().flat_map(ends).collect();
    events.sort_by_key(|(at, seen, trip)| (*at, *seen, trip.sent));
    events
}
