//! The reference server behind a network, in virtual time.

use std::sync::Arc;

use rand::RngExt as _;

use crate::policy::model::*;
use crate::policy::reading::Reading;
use crate::policy::signals::ResponseView;
use crate::probe::candidates::Documented;
use crate::probe::conformance::Case;
use crate::probe::conformance::conduct::Order;
use crate::probe::outcome::{Outcome, outcome};
use crate::probe::witness::{Guise, Parcel, Witness};
use crate::probe::{Brief, Examination};
use crate::reference::http::{HttpIn, HttpOut, Reply};
use crate::reference::platform::{Platform, for_policy};
use crate::rng::{DeviceRng, device_rng};
use crate::scenario::target::{Fault, ServerSpec};
use crate::signals::Dialect;
use crate::time::{Anchor, Nanos};

/// Every reading, in the order of the tables.
pub const READINGS: [Reading; 7] = [
    Reading::FixedAligned,
    Reading::FixedFirstHit,
    Reading::Rolling,
    Reading::RollingCounter,
    Reading::TokenBucket,
    Reading::LeakyBucket,
    Reading::IntervalRefill,
];

/// Sunday, 2025-03-16, 01:50:00 UTC.
pub const ANCHOR: Anchor = Anchor { unix_nanos: 1_742_089_800_000_000_000 };
/// The server has run for so long when the probe begins, at the most.
const RAN: u64 = 10_000_000_000_000;

/// A server that may have defects, and what its documents say.
#[derive(Clone, Debug)]
pub struct Setting {
    pub policy: Policy,
    pub reading: Reading,
    pub faults: Vec<Fault>,
    pub seed: u64,
    pub requests: u32,
    pub within: Nanos,
    /// Answers take long and some are lost.
    pub harsh: bool,
    pub standstill: Option<Standstill>,
    /// Somebody else sends a request with the first client's credential about so often.
    pub neighbour: Option<Nanos>,
}

/// The machine that both run on stands still, and the server leaves that time out.
#[derive(Clone, Copy, Debug)]
pub struct Standstill {
    /// Since the probe began, or as soon as it waits for something from then on.
    pub at: Nanos,
    pub lasts: Nanos,
}

/// On a harsh network, the share of requests that are lost on their way, and of answers; and when that is noticed.
const LOST: f64 = 0.01;
const NOTICED: Nanos = Nanos::from_secs(2);

pub struct World {
    server: Box<dyn Platform>,
    policy: Policy,
    rng: DeviceRng,
    /// One way: the shortest, and what may be added.
    latency: (Nanos, Nanos),
    /// The server's clock beside that of the probe.
    ahead: Nanos,
    now: Nanos,
    harsh: bool,
    /// What is to come.
    standstill: Option<Standstill>,
    /// What the server left out.
    lost: Nanos,
    neighbour: Option<Nanos>,
    /// When it sends again.
    neighbour_at: Nanos,
    /// How many connections there were so far.
    connections: u64,
}

/// Connections that are kept open are numbered from 0, those for one request from here.
const FOR_ONE: u64 = 1 << 20;
const OF_NEIGHBOUR: u64 = u64::MAX;

impl Setting {
    pub fn case(&self) -> Case {
        Case {
            policy: Arc::new(self.policy.clone()),
            class: ClassId(0),
            method: "GET".to_owned(),
            path: "/orders".to_owned(),
            second: true,
            besides: Vec::new(),
            url: "http://127.0.0.1:1".to_owned(),
            anchor: ANCHOR,
        }
    }

    /// Plays identification and trials to their end, and says what was found and when.
    pub fn examine(&self) -> Outcome {
        self.examine_one_like(self)
    }

    /// The same, of a server that does what is documented elsewhere.
    pub fn examine_one_like(&self, server: &Setting) -> Outcome {
        let limits = &self.policy.class(ClassId(0)).limits;
        let case = self.case();
        let rate = |(rate, cost): (&RateLimit, u32)| {
            let burst = rate.burst.map(|burst| burst / cost);
            Documented::Rate { allow: rate.allow / cost, per: rate.per, burst }
        };
        let documented = case.rates().map(rate).collect();
        let (requests, within) = (self.requests, self.within);
        let brief = Brief { documented, requests, within, second: true, anchor: ANCHOR };
        let examination = World::new(server).play(Examination::new(brief, case));
        outcome(&examination, limits, within, false)
    }

    /// Plays the trials alone to their end.
    pub fn probe(&self) -> Examination {
        let brief = Brief {
            documented: Vec::new(),
            requests: self.requests,
            within: self.within,
            second: true,
            anchor: ANCHOR,
        };
        World::new(self).play(Examination::of_promises(brief, self.case()))
    }
}

impl World {
    fn new(setting: &Setting) -> World {
        let mut rng = device_rng(setting.seed, "world", 0);
        let (floor, spread) = match setting.harsh {
            false => (rng.random_range(100..8_000), 1),
            true => (rng.random_range(10_000..120_000), 3),
        };
        let floor = Nanos::from_micros(floor);
        let jitter = Nanos(rng.random_range(0..floor.0 * spread));
        let ahead = Nanos(rng.random_range(0..RAN));
        let now = Nanos(rng.random_range(0..100_000_000_000));
        let anchor = Anchor { unix_nanos: ANCHOR.unix_nanos - ahead.0 };
        let spec = ServerSpec { limiter: setting.reading, faults: setting.faults.clone(), ..ServerSpec::default() };
        World {
            server: for_policy(&setting.policy.clone().counted_by(setting.reading), &spec, anchor),
            policy: setting.policy.clone(),
            rng,
            latency: (floor, jitter),
            ahead,
            now,
            harsh: setting.harsh,
            standstill: setting.standstill,
            lost: Nanos::ZERO,
            neighbour: setting.neighbour,
            neighbour_at: now,
            connections: FOR_ONE,
        }
    }

    fn play(mut self, mut examination: Examination) -> Examination {
        let begun = self.now;
        loop {
            match examination.next(self.now) {
                Order::Done => return examination,
                Order::Wait(until) => {
                    self.now = until;
                    if let Some(Standstill { lasts, .. }) = self.standstill.take_if(|it| begun + it.at <= until) {
                        self.now += lasts;
                        self.lost = lasts;
                        examination.stands_still(lasts);
                    }
                }
                Order::Send(parcel) => {
                    let witnesses = self.send(parcel);
                    self.now = witnesses.iter().map(|witness| witness.done).max().unwrap_or(self.now);
                    examination.answered(&witnesses);
                    self.now += Nanos::from_micros(50);
                }
            }
        }
    }

    fn is_lost(&mut self) -> bool {
        self.harsh && self.rng.random_bool(LOST)
    }

    fn way(&mut self) -> Nanos {
        self.latency.0 + Nanos(self.rng.random_range(0..=self.latency.1.0))
    }

    /// All at the same time.
    fn send(&mut self, parcel: Parcel) -> Vec<Witness> {
        let sent = self.now;
        let mut arrivals: Vec<Nanos> = (0..parcel.count).map(|_| sent + self.way()).collect();
        arrivals.sort_unstable();
        (0..).zip(arrivals).map(|(abreast, arrival)| self.exchange(parcel, abreast, sent, arrival)).collect()
    }

    /// What somebody else sent until then.
    fn hear_neighbour(&mut self, until: Nanos) {
        let Some(every) = self.neighbour else { return };
        while self.neighbour_at <= until {
            let headers = [("x-api-key", "client-0")];
            let request = HttpIn { connection: OF_NEIGHBOUR, ..HttpIn::new("GET", "/orders", &headers, b"") };
            let _ = self.server.handle(self.neighbour_at + self.ahead - self.lost, 1, &request);
            self.neighbour_at += Nanos(self.rng.random_range(1..every.0 * 2));
        }
    }

    /// Clients share the connections that are kept open.
    fn connection(&mut self, parcel: Parcel, abreast: u64) -> u64 {
        let is_new = parcel.guise == Guise::Reconnected;
        self.connections += u64::from(is_new);
        if is_new { self.connections } else { abreast }
    }

    fn exchange(&mut self, parcel: Parcel, abreast: u64, sent: Nanos, arrival: Nanos) -> Witness {
        let key = format!("client-{}", parcel.client);
        let forwarded = parcel.guise.header();
        let headers: Vec<(&str, &str)> = std::iter::once(("x-api-key", key.as_str()))
            .chain(forwarded.iter().map(|(name, value)| (*name, value.as_str())))
            .collect();
        if self.is_lost() {
            return Witness::lost(parcel, sent, sent + NOTICED);
        }
        self.hear_neighbour(arrival);
        let connection = self.connection(parcel, abreast);
        let request = HttpIn { connection, ..HttpIn::new("GET", "/orders", &headers, b"") };
        let Reply::Respond(answer) = self.server.handle(arrival + self.ahead - self.lost, 1, &request) else {
            panic!("it answers at once")
        };
        if self.is_lost() {
            return Witness::lost(parcel, sent, sent + NOTICED);
        }
        let done = arrival + self.way();
        let HttpOut { status, headers, body } = answer;
        let headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        let received = done + Nanos(ANCHOR.unix_nanos);
        let response = ResponseView { status, headers: &headers, body: &body, received, class: Some(ClassId(0)) };
        Witness::of(parcel, sent, done, &self.policy, response)
    }
}

/// A probe of a class with these limits, which the documents name.
pub fn case(limits: &[(u32, Nanos)], reading: Reading) -> Case {
    let (requests, within) = (0, Nanos::ZERO);
    let (policy, faults) = (policy(limits, reading), Vec::new());
    let (standstill, neighbour) = (None, None);
    Setting { policy, reading, faults, seed: 0, requests, within, harsh: false, standstill, neighbour }.case()
}

/// What a policy says of the algorithm that a reading is of.
pub fn stated(reading: Reading) -> Algorithm {
    match reading {
        Reading::Rolling => Algorithm::Rolling,
        Reading::TokenBucket => Algorithm::TokenBucket,
        Reading::LeakyBucket => Algorithm::LeakyBucket,
        Reading::FixedFirstHit => Algorithm::FixedFirstHit,
        Reading::FixedAligned => Algorithm::FixedAligned,
        Reading::RollingCounter => Algorithm::RollingCounter,
        Reading::IntervalRefill => Algorithm::IntervalRefill,
    }
}

/// A policy that says all that can be said of one class and its limits.
pub fn policy(limits: &[(u32, Nanos)], reading: Reading) -> Policy {
    let limit = |&(allow, per): &(u32, Nanos)| {
        Limit::Rate(RateLimit {
            algorithm: stated(reading),
            burst: (reading == Reading::LeakyBucket).then_some(allow - 1),
            counts_refused: CountsRefused::No,
            ..RateLimit::new(allow, per, Scope(vec!["user".to_owned()]))
        })
    };
    let reads = Class {
        name: "reads".to_owned(),
        requests: vec!["GET /orders".parse().unwrap()],
        limits: limits.iter().map(limit).collect(),
        ..Class::default()
    };
    Policy {
        name: "stated".to_owned(),
        classes: vec![reads],
        refusal: Refusal {
            body_code: Some(("/code".to_owned(), Code::Number(5001))),
            retry_after: Some(HintSource {
                place: HintPlace::Header("retry-after".to_owned()),
                unit: HintUnit::Seconds,
                presence: Presence::Required,
            }),
            ..Refusal::default()
        },
        quota_headers: Some(QuotaHeaders {
            dialect: Dialect::Ietf10,
            reset: None,
            presence: Presence::Required,
            absent_means_unlimited: false,
        }),
        ..Policy::default()
    }
}
