//! A reference server and a probe of it, in virtual time.

use std::collections::HashMap;
use std::sync::Arc;

use quotaproof::policy;
use quotaproof::policy::model::{ClassId, Limit, Policy};
use quotaproof::policy::signals::ResponseView;
use quotaproof::probe::beside::{Ask, Beside, Kind, Own};
use quotaproof::probe::candidates::Documented;
use quotaproof::probe::conformance::Case;
use quotaproof::probe::conformance::conduct::Order;
use quotaproof::probe::outcome::{Outcome, outcome};
use quotaproof::probe::placing::Place;
use quotaproof::probe::streams::{self, Opening, Survey};
use quotaproof::probe::witness::{Guise, Parcel, Witness};
use quotaproof::probe::{Brief, Examination};
use quotaproof::reference::http::{HttpIn, HttpOut, Reply};
use quotaproof::reference::platform::{Platform, StreamId, for_policy};
use quotaproof::scenario::target::ServerSpec;
use quotaproof::time::{Anchor, Nanos};

/// 2025-03-15, 15:10:00 UTC.
pub const ANCHOR: Anchor = Anchor { unix_nanos: 1_742_051_400_000_000_000 };
const BUDGET: u32 = 4_000;
const WITHIN: Nanos = Nanos::from_secs(7_200);
/// From the client to the server, and back.
pub const WAY: Nanos = Nanos::from_millis(3);

pub type Headers = Vec<(String, String)>;

/// One class of a provider, and the requests that are asked of it.
pub struct Subject {
    pub policy: Policy,
    pub class: ClassId,
    /// The same request of two clients.
    pub clients: Vec<Ask>,
    pub besides: Vec<(Beside, Ask)>,
    /// What is sent before the probe begins: paths and bodies.
    pub before: Vec<(&'static str, String)>,
}

pub fn ask(method: &str, path: &str, headers: &Headers, body: &str) -> Ask {
    let body = body.as_bytes().to_vec();
    Ask { method: method.to_owned(), path: path.to_owned(), headers: headers.clone(), body }
}

impl Subject {
    /// Of a shipped policy, with what can be asked beside without changing anything.
    pub fn new(policy: &str, class: &str, clients: [Ask; 2]) -> Subject {
        Subject::of(policy::find(policy).unwrap(), class, clients)
    }

    pub fn of(policy: Policy, class: &str, clients: [Ask; 2]) -> Subject {
        let class = policy.class_named(class).unwrap();
        let [first, second] = clients;
        let own = Own { policy: &policy, class, method: &first.method, path: &first.path };
        let plain = |beside: Beside| (beside.clone(), ask(&beside.method, &beside.path, &first.headers, ""));
        let besides = own.harmless().into_iter().map(plain).collect();
        Subject { policy, class, clients: vec![first, second], besides, before: Vec::new() }
    }

    /// With another request of the first client besides.
    pub fn and(mut self, method: &str, path: &str, body: &str) -> Subject {
        let first = &self.clients[0];
        let own = Own { policy: &self.policy, class: self.class, method: &first.method, path: &first.path };
        let beside = own.beside(method, path);
        self.besides.push((beside, ask(method, path, &first.headers, body)));
        self
    }

    /// With the same request without credentials besides.
    pub fn and_nobody(mut self) -> Subject {
        let Ask { method, path, body, .. } = self.clients[0].clone();
        let beside = Beside { method: method.clone(), path: path.clone(), kind: Kind::Nobody };
        self.besides.push((beside, Ask { method, path, headers: Vec::new(), body }));
        self
    }

    pub fn limits(&self) -> &[Limit] {
        &self.policy.class(self.class).limits
    }

    pub fn case(&self) -> Case {
        let Ask { method, path, .. } = self.clients[0].clone();
        Case {
            policy: Arc::new(self.policy.clone()),
            class: self.class,
            method,
            path,
            second: true,
            besides: self.besides.iter().map(|(beside, _)| beside.clone()).collect(),
            url: "http://127.0.0.1:1".to_owned(),
            anchor: ANCHOR,
        }
    }

    pub fn probed(&self, spec: &ServerSpec) -> Outcome {
        let mut server = for_policy(&self.policy, spec, ANCHOR);
        for (path, body) in &self.before {
            server.handle(Nanos::ZERO, 1, &HttpIn::new("POST", path, &[], body.as_bytes()));
        }
        World { server, subject: self, now: Nanos::from_secs(1) }.probe()
    }

    /// Where the answers place the request that is probed, if that is elsewhere, and how many were sent to find out.
    pub fn misplaced(&self) -> (Option<Place>, u32) {
        let server = for_policy(&self.policy, &ServerSpec::default(), ANCHOR);
        let examination = World { server, subject: self, now: Nanos::from_secs(1) }.examine();
        (examination.misplaced(), examination.spent())
    }
}

impl Subject {
    /// What a survey of its streams finds.
    pub fn surveyed(&self, spec: &ServerSpec) -> Outcome {
        let server = for_policy(&self.policy, spec, ANCHOR);
        let mut world = World { server, subject: self, now: Nanos::from_secs(1) };
        let mut survey = Survey::new(Case { besides: self.streams(), ..self.case() }, BUDGET, WITHIN);
        let asks: Vec<Ask> =
            self.streams().iter().map(|it| ask("WS", &it.path, &self.clients[0].headers, "")).collect();
        let mut open: HashMap<usize, StreamId> = HashMap::new();
        loop {
            match survey.next(world.now) {
                streams::Order::Done => return streams::outcome(&survey, world.now, false),
                streams::Order::Wait(until) => world.now = until,
                streams::Order::Close(stream) => world.server.close_stream(open.remove(&stream).unwrap()),
                streams::Order::Open(Opening { stream, client, guise }) => {
                    let asked = match guise {
                        Guise::Beside(nth) => &asks[usize::from(nth)],
                        _ => &self.clients[client],
                    };
                    let (reply, arrival) = (world.handle(asked, None, 0), world.now + WAY);
                    if let Reply::Stream { id, .. } = reply {
                        open.insert(stream, id);
                    }
                    survey.opened(world.witness(Parcel { client, guise, count: 1 }, arrival, reply));
                    world.now = arrival + WAY;
                }
            }
        }
    }

    /// What was given, and the own set of values changed in each way.
    fn streams(&self) -> Vec<Beside> {
        let Ask { method, path, .. } = &self.clients[0];
        let own = Own { policy: &self.policy, class: self.class, method, path };
        let given = self.besides.iter().map(|(beside, _)| beside.clone()).filter(|beside| beside.method == "WS");
        own.changed_sets().into_iter().chain(given).collect()
    }
}

struct World<'a> {
    server: Box<dyn Platform>,
    subject: &'a Subject,
    now: Nanos,
}

impl World<'_> {
    fn probe(mut self) -> Outcome {
        let examination = self.examine();
        outcome(&examination, self.subject.limits(), self.now, false)
    }

    fn examine(&mut self) -> Examination {
        let documented = self.subject.limits().iter().filter_map(|limit| match limit {
            Limit::Rate(rate) => Some(Documented::Rate { allow: rate.allow, per: rate.per, burst: None }),
            _ => None,
        });
        let (requests, within, anchor) = (BUDGET, WITHIN, ANCHOR);
        let brief = Brief { documented: documented.collect(), requests, within, second: true, anchor };
        let mut examination = Examination::new(brief, self.subject.case());
        loop {
            match examination.next(self.now) {
                Order::Done => return examination,
                Order::Wait(until) => self.now = until,
                Order::Send(parcel) => {
                    let witnesses: Vec<Witness> = (0..parcel.count).map(|index| self.send(parcel, index)).collect();
                    self.now = witnesses.iter().map(|witness| witness.done).max().unwrap_or(self.now);
                    examination.answered(&witnesses);
                    self.now += Nanos::from_micros(100);
                }
            }
        }
    }

    fn send(&mut self, parcel: Parcel, index: u32) -> Witness {
        let ask = match parcel.guise {
            Guise::Beside(nth) => &self.subject.besides[usize::from(nth)].1,
            Guise::Own | Guise::Reconnected | Guise::Forwarded(_) => &self.subject.clients[parcel.client],
        };
        // They arrive one after the other.
        let reply = self.handle(ask, parcel.guise.header(), index);
        let arrival = self.now + WAY + Nanos::from_micros(20) * u64::from(index);
        if let Reply::Stream { id, .. } = &reply {
            self.server.close_stream(*id);
        }
        self.witness(parcel, arrival, reply)
    }

    fn handle(&mut self, ask: &Ask, header: Option<(&str, String)>, index: u32) -> Reply {
        let own = ask.headers.iter().map(|(name, value)| (&**name, &**value));
        let header = header.as_ref().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<(&str, &str)> = own.chain(header).collect();
        let arrival = self.now + WAY + Nanos::from_micros(20) * u64::from(index);
        self.server.handle(arrival, 1, &HttpIn::new(&ask.method, &ask.path, &headers, &ask.body))
    }

    fn witness(&self, parcel: Parcel, arrival: Nanos, reply: Reply) -> Witness {
        let Subject { policy, class, .. } = self.subject;
        let HttpOut { status, headers, body } = match reply {
            Reply::Respond(answer) => answer,
            Reply::Stream { headers, .. } => HttpOut { status: 101, headers, body: Vec::new() },
            Reply::Hold { .. } => panic!("it is answered at once"),
        };
        let done = arrival + WAY;
        let headers: Headers = headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        let received = done + Nanos(ANCHOR.unix_nanos);
        let view = ResponseView { status, headers: &headers, body: &body, received, class: Some(*class) };
        Witness::of(parcel, self.now, done, policy, view)
    }
}
