//! Fleets, networks and servers at random, and what a verifier makes of them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;

use crate::device::heed::{Documented, Heed};
use crate::device::{Answer, Body, Cause, Failure, Flow, Outcome};
use crate::limiter::enforcer::{Answered, Enforcer, NumberedScope, Refused};
use crate::policy::model::*;
use crate::policy::signals::{ResponseView, Signal, read};
use crate::record::{Exchange, Observation, Observer, Record, Sent};
use crate::reference::{quota_headers, refusal};
use crate::scenario::fleet::{Preempt, Reaction};
use crate::scenario::operation::Detail;
use crate::scenario::target::ServerSpec;
use crate::scenario::{Asked, DeviceId, Identities, OperationId, Scenario};
use crate::signals::http_date;
use crate::summary::finding::{Finding, Party, Verdict};
use crate::time::{Anchor, Nanos};
use crate::verify::Verifier;
use crate::verify::testing::*;

pub const READS: OperationId = SITES;
pub const WRITES: OperationId = HEARTBEAT;

/// One request as the test wants it; times in microseconds.
#[derive(Clone, Debug)]
pub struct Wish {
    pub gap: u64,
    pub there: u64,
    pub service: u64,
    pub back: u64,
    pub device: u32,
    pub writes: bool,
    /// 200, 409 or 500; 0 for an answer that is lost.
    pub status: u16,
    pub charged: u32,
    pub comes_again: bool,
}

/// How clients behave beside what they wish for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// They send when they wish.
    Free,
    /// They heed what remains.
    Heeding,
    /// As well, with one request under way at a time.
    OneByOne,
}

/// A server and its clients.
#[derive(Clone, Debug)]
pub struct World {
    /// What the verifier knows.
    pub documented: Policy,
    /// What the server keeps to.
    pub enforced: Policy,
    pub server: ServerSpec,
    /// The server's clock is ahead by so many milliseconds.
    pub phase: u64,
    pub manner: Manner,
    /// What a dishonest server makes of the headers of an answer.
    pub garble: fn(&mut Vec<(String, String)>),
}

impl World {
    pub fn new(policy: &Policy, server: ServerSpec) -> Self {
        let (documented, enforced) = (policy.clone(), policy.clone());
        World { documented, enforced, server, phase: 0, manner: Manner::Free, garble: |_| {} }
    }

    /// Plays the wishes; what the verifier found.
    pub fn play(&self, wishes: &[Wish]) -> Vec<Finding> {
        let scenario = scenario_of(&self.documented);
        let anchor = Anchor { unix_nanos: ANCHOR.unix_nanos + self.phase * 1_000_000 };
        let preempt = Preempt { default_retry_time: Nanos::from_secs(1), maximum_retries: 1, attempts: 5 };
        let heeding = Documented::of(&scenario, &Reaction::Preempt(preempt));
        let heeds = (0..scenario.device_count()).map(|_| Heed::new(heeding.clone()));
        let mut play = Play {
            world: self,
            anchor,
            enforcer: Enforcer::new(&self.enforced, &self.server).anchored(anchor),
            verifier: Verifier::new(Arc::new(scenario.clone()), ANCHOR, Nanos::from_secs(1)),
            heeds: heeds.collect(),
            busy: HashMap::new(),
            lives: Vec::new(),
            steps: BTreeMap::new(),
            scenario,
        };
        let mut due = Nanos::ZERO;
        for (number, wish) in wishes.iter().enumerate() {
            due += Nanos::from_micros(wish.gap);
            play.live(due, wish.clone(), Flow(number as u32), 1);
        }
        play.run()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Done,
    Finish,
    Arrive,
    Send,
}

#[derive(Clone, Debug)]
struct Life {
    wish: Wish,
    flow: Flow,
    attempt: u32,
    sent: Nanos,
    admitted_at: Nanos,
    outcome: Outcome,
    status: u16,
    headers: Vec<(String, String)>,
}

struct Play<'a> {
    world: &'a World,
    scenario: Scenario,
    /// The server's clock.
    anchor: Anchor,
    enforcer: Enforcer,
    verifier: Verifier,
    /// By device.
    heeds: Vec<Heed>,
    /// By device that has a request under way, where it has one at a time: those that wait.
    busy: HashMap<u32, VecDeque<usize>>,
    lives: Vec<Life>,
    steps: BTreeMap<(Nanos, Step, usize), ()>,
}

impl Play<'_> {
    fn live(&mut self, at: Nanos, wish: Wish, flow: Flow, attempt: u32) {
        self.steps.insert((at, Step::Send, self.lives.len()), ());
        let (admitted_at, outcome) = (Nanos::ZERO, Outcome::Served);
        self.lives.push(Life { wish, flow, attempt, sent: at, admitted_at, outcome, status: 0, headers: Vec::new() });
    }

    fn run(mut self) -> Vec<Finding> {
        let mut now = Nanos::ZERO;
        while let Some(((at, step, index), ())) = self.steps.pop_first() {
            let next = match step {
                Step::Send => self.send(at, index),
                Step::Arrive => Some(self.arrive(at, index)),
                Step::Finish => Some(self.finish(at, index)),
                Step::Done => {
                    self.done(at, index);
                    None
                }
            };
            if let Some((next, micros)) = next {
                self.steps.insert((at + Nanos::from_micros(micros), next, index), ());
            }
            now = now.max(at);
        }
        self.verifier.finish(now + Nanos(1)).findings
    }

    fn send(&mut self, at: Nanos, index: usize) -> Option<(Step, u64)> {
        let Life { wish, flow, attempt, .. } = self.lives[index].clone();
        let (device, operation) = (DeviceId(wish.device), operation(&wish));
        if self.world.manner != Manner::Free {
            let opens = self.heeds[wish.device as usize].opens(operation);
            if opens > at {
                self.steps.insert((opens, Step::Send, index), ());
                return None;
            }
        }
        if self.world.manner == Manner::OneByOne {
            if let Some(waiting) = self.busy.get_mut(&wish.device) {
                waiting.push_back(index);
                return None;
            }
            self.busy.insert(wish.device, VecDeque::new());
        }
        self.lives[index].sent = at;
        let sent = Sent { device, operation, flow, attempt, detail: Detail::None };
        self.verifier.observe(at, Observation::Sent(sent));
        Some((Step::Arrive, wish.there))
    }

    fn arrive(&mut self, at: Nanos, index: usize) -> (Step, u64) {
        let wish = self.lives[index].wish.clone();
        let now = ticks(at);
        match self.enforcer.check(now, class(&wish), 9, key(&self.scenario, &wish)) {
            Ok(()) => {
                let life = &mut self.lives[index];
                life.admitted_at = now;
                life.status = wish.status;
                life.outcome = match wish.status {
                    0 => Outcome::Failed(Failure::Timeout),
                    200 => Outcome::Served,
                    status if status < 500 => Outcome::Rejected(status),
                    status => Outcome::Broken(status),
                };
                (Step::Finish, wish.service)
            }
            Err(refused) => {
                let World { enforced, server, .. } = self.world;
                let mut headers = refusal::refused(enforced, &server.faults, refused.hint.as_deref()).headers;
                headers.extend(self.quota_headers(now, &wish, Some(&refused)));
                let life = &mut self.lives[index];
                let lost = wish.status == 0;
                life.outcome = if lost { Outcome::Failed(Failure::Timeout) } else { Outcome::Refused };
                (life.status, life.headers) = (429, headers);
                (Step::Done, wish.back)
            }
        }
    }

    fn finish(&mut self, at: Nanos, index: usize) -> (Step, u64) {
        let Life { wish, admitted_at, .. } = self.lives[index].clone();
        let now = ticks(at);
        let status = if wish.status == 0 { 200 } else { wish.status };
        let answered = Answered { since: admitted_at, status, charged: Some(wish.charged) };
        self.enforcer.settle(now, class(&wish), 9, key(&self.scenario, &wish), &answered);
        self.enforcer.release(class(&wish), admitted_at, 9, key(&self.scenario, &wish));
        self.lives[index].headers = self.quota_headers(now, &wish, None);
        (Step::Done, wish.back)
    }

    /// What the server says of quotas at this time of its clock.
    fn quota_headers(&mut self, now: Nanos, wish: &Wish, refused: Option<&Refused>) -> Vec<(String, String)> {
        let World { enforced, server, garble, .. } = self.world;
        let Some(binding) = self.enforcer.standing(now, class(wish), 9, key(&self.scenario, wish)) else {
            return Vec::new();
        };
        let now = Nanos(self.anchor.unix_nanos) + now;
        let mut headers = quota_headers::printed(enforced, &server.faults, class(wish), &binding, refused, now);
        headers.push(("date".to_owned(), http_date(Nanos::from_secs(now.as_secs()))));
        garble(&mut headers);
        headers
    }

    fn done(&mut self, at: Nanos, index: usize) {
        let Life { wish, flow, attempt, sent, outcome, status, headers, .. } = self.lives[index].clone();
        let (device, operation) = (DeviceId(wish.device), operation(&wish));
        let signal = match outcome {
            Outcome::Failed(_) => Signal::default(),
            _ => {
                let received = Nanos(ANCHOR.unix_nanos) + at;
                read(
                    &self.scenario.policy,
                    ResponseView { status, headers: &headers, body: b"", received, class: Some(class(&wish)) },
                )
            }
        };
        let record = Record {
            device,
            operation,
            flow,
            attempt,
            cause: Cause::Schedule,
            detail: Detail::None,
            due: sent,
            sent: Some(sent),
            done: at,
            outcome,
            status: if matches!(outcome, Outcome::Failed(_)) { 0 } else { status },
            hint: signal.hint,
            told: signal.told,
            breaches: signal.breaches.len() as u8,
        };
        let exchange = Exchange {
            breaches: signal.breaches,
            header_breaches: signal.header_breaches,
            response: format!("{headers:?}"),
            ..Exchange::default()
        };
        self.verifier.observe(at, Observation::Done { record: &record, exchange: Some(&exchange) });
        let answer = Answer { outcome, hint: signal.hint, told: signal.told, body: Body::None };
        self.heeds[wish.device as usize].take(at, operation, &answer);
        if let Some(next) = self.busy.remove(&wish.device) {
            next.into_iter().for_each(|index| {
                self.steps.insert((at, Step::Send, index), ());
            });
        }
        if let Some(wait) = record.hint.wait().filter(|_| wish.comes_again && attempt < 5) {
            self.live(at + wait, wish, flow, attempt + 1);
        }
    }
}

fn operation(wish: &Wish) -> OperationId {
    if wish.writes { WRITES } else { READS }
}

fn class(wish: &Wish) -> ClassId {
    ClassId(u8::from(wish.writes))
}

/// Whose budget a request draws on.
fn key<'a>(scenario: &'a Scenario, wish: &Wish) -> impl Fn(&NumberedScope) -> u64 + 'a {
    let asked = Asked { device: DeviceId(wish.device), operation: operation(wish), detail: Detail::None };
    move |scope| scenario.key(&scenario.identities.rule(&scope.scope), asked).0
}

/// The server's clock ticks in milliseconds.
fn ticks(at: Nanos) -> Nanos {
    Nanos(at.0 / 1_000_000 * 1_000_000)
}

/// Two classes and one that holds both.
pub fn policy(reads: Vec<Limit>, writes: Vec<Limit>, all: Vec<Limit>) -> Policy {
    let class = |name: &str, request: &str, limits| Class {
        name: name.into(),
        requests: vec![request.parse().unwrap()],
        limits,
        parents: vec![ClassId(2)],
        ..Class::default()
    };
    let of = vec![ClassId(0), ClassId(1)];
    Policy {
        name: "random".into(),
        classes: vec![
            class("reads", "GET /sites", reads),
            class("writes", "POST /heartbeat", writes),
            Class { name: "all".into(), of, limits: all, ..Class::default() },
        ],
        refusal: Refusal {
            retry_after: Some(HintSource {
                place: HintPlace::Header("retry-after".into()),
                unit: HintUnit::Seconds,
                presence: Presence::Optional,
            }),
            ..Refusal::default()
        },
        ..Policy::default()
    }
}

pub fn scenario_of(policy: &Policy) -> Scenario {
    let mut identities = Identities::new(vec!["client_id".into(), "device_id".into()]);
    // Two devices share a client.
    [[1, 10], [1, 11], [2, 12]].iter().for_each(|row| identities.push(row));
    Scenario { identities, ..scenario(policy.clone(), 3) }
}

/// What a server is accused of.
pub fn accused(findings: &[Finding]) -> Vec<String> {
    // Whether requests are answered as asked is not the limits' business.
    let about_limits = findings.iter().filter(|finding| finding.check != "server.answers");
    let failed = about_limits.filter(|finding| (finding.party, finding.verdict) == (Party::Server, Verdict::Fail));
    let told = |Finding { check, subject, headline, evidence, .. }: &Finding| {
        format!("{check} {subject}: {headline}; {:?}", evidence.first())
    };
    failed.map(told).collect()
}

pub fn any_wishes(longest_gap: u64, count: usize) -> impl Strategy<Value = Vec<Wish>> {
    let way = || prop_oneof![3 => 0..3_000u64, 1 => 0..900_000u64];
    let status = prop_oneof![8 => Just(200u16), 1 => Just(409), 1 => Just(500), 1 => Just(0)];
    let times = (0..longest_gap, way(), way(), way());
    let rest = (0..3u32, any::<bool>(), status, 0..8u32, any::<bool>());
    let wish =
        (times, rest).prop_map(|((gap, there, service, back), (device, writes, status, charged, comes_again))| Wish {
            gap,
            there,
            service,
            back,
            device,
            writes,
            status,
            charged,
            comes_again,
        });
    prop::collection::vec(wish, 1..count)
}

pub fn any_scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope(vec!["client_id".into()])),
        Just(Scope(vec!["device_id".into()])),
        Just(Scope(vec!["client_id".into(), "device_id".into()])),
    ]
}

pub fn any_penalty() -> impl Strategy<Value = Option<Penalty>> {
    let blocks = prop_oneof![Just(Blocks::Class), Just(Blocks::Everything), Just(Blocks::Unspecified)];
    let penalty =
        (500..4_000u64, any::<bool>(), any::<Option<bool>>(), blocks).prop_map(|(millis, stated, extends, blocks)| {
            Penalty { lasts: Nanos::from_millis(millis), stated, extends, blocks }
        });
    prop_oneof![3 => Just(None), 1 => penalty.prop_map(Some)]
}

fn any_cost() -> impl Strategy<Value = Cost> {
    prop_oneof![
        4 => Just(Cost::One),
        1 => (1..3u32).prop_map(Cost::Points),
        2 => (1..3u32, 1..4u32).prop_map(|(reads, writes)| Cost::ByClass(vec![(ClassId(0), reads), (ClassId(1), writes)])),
        1 => (1..4u32).prop_map(|reserve| Cost::Told { reserve, charged: HintPlace::Header("x-cost".into()) }),
    ]
}

fn any_rate() -> impl Strategy<Value = Limit> {
    use Algorithm::*;
    let algorithm = prop::sample::select(vec![
        Unspecified,
        FixedAligned,
        FixedFirstHit,
        Rolling,
        TokenBucket,
        LeakyBucket,
        RollingCounter,
        IntervalRefill,
    ]);
    let counts = prop::sample::select(vec![CountsRefused::Unspecified, CountsRefused::Yes, CountsRefused::No]);
    let statuses = prop::sample::select(vec![vec![], vec![], vec![], vec![409, 429], vec![200]]);
    let amounts = (3..8u32, 500..3_000u64, prop::option::of(3..12u32), any_scope());
    let promise = prop::sample::select(vec![Enforcement::Exact, Enforcement::Exact, Enforcement::BestEffort]);
    let free = prop::sample::select(vec![vec![], vec![], vec![409], vec![200, 500]]);
    let promise = (prop::bool::weighted(0.1), promise, free);
    let manner = (algorithm, counts, statuses, any_cost(), any_penalty(), promise);
    (amounts, manner).prop_map(
        |((allow, millis, burst, scope), (algorithm, counts_refused, counts_statuses, cost, penalty, promise))| {
            let bursts = matches!(algorithm, Unspecified | TokenBucket | LeakyBucket | IntervalRefill);
            // A request that costs more than ever fits has no hint that holds.
            let burst = if algorithm == LeakyBucket { burst.or(Some(3)) } else { burst };
            Limit::Rate(RateLimit {
                algorithm,
                burst: burst.filter(|_| bursts),
                counts_refused,
                free_statuses: if counts_statuses.is_empty() { promise.2 } else { Vec::new() },
                counts_statuses,
                cost,
                penalty,
                at_least: promise.0,
                enforcement: promise.1,
                ..RateLimit::new(allow, Nanos::from_millis(millis), scope)
            })
        },
    )
}

pub fn any_limit() -> impl Strategy<Value = Limit> {
    let concurrent = (1..4u32, prop::option::of(1..600u64), any_scope()).prop_map(|(allow, lasting, scope)| {
        Limit::Concurrent(ConcurrencyLimit { allow, scope, lasting: lasting.map(Nanos::from_millis) })
    });
    let cooldown = (prop::collection::vec(200..3_000u64, 1..4), any_scope()).prop_map(|(waits, scope)| {
        let waits = waits.into_iter().map(Nanos::from_millis).collect();
        Limit::Cooldown(CooldownLimit { after_statuses: vec![409, 500], waits, scope })
    });
    prop_oneof![6 => any_rate(), 1 => concurrent, 1 => cooldown]
}

pub fn any_policy() -> impl Strategy<Value = Policy> {
    let limits = || prop::collection::vec(any_limit(), 0..3);
    (limits(), limits(), limits()).prop_map(|(reads, writes, all)| policy(reads, writes, all))
}

/// Cases of the soundness properties: more on demand, to search longer.
pub fn cases() -> u32 {
    std::env::var("HONEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

/// Requests of one client, each `gap` microseconds after the last.
pub fn steadily(count: usize, gap: u64, writes: impl Fn(usize) -> bool) -> Vec<Wish> {
    let wish = |index| Wish {
        gap,
        there: 500,
        service: 500,
        back: 500,
        device: 0,
        writes: writes(index),
        status: 200,
        charged: 1,
        comes_again: false,
    };
    (0..count).map(wish).collect()
}

pub fn limited(algorithm: Algorithm, burst: Option<u32>, cost: Cost) -> Limit {
    let scope = Scope(vec!["client_id".into()]);
    Limit::Rate(RateLimit { algorithm, burst, cost, ..RateLimit::new(20, Nanos::from_secs(1), scope) })
}
