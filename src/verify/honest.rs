//! Whole policies enforced by the reference limiter over a network that delays and loses: an honest server is never
//! accused, whatever its policy says, and one that counts wrongly is found out.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::Verifier;
use super::testing::*;
use crate::device::{Cause, Failure, Flow, Outcome};
use crate::limiter::enforcer::{Answered, Enforcer, NumberedScope};
use crate::policy::model::*;
use crate::policy::reading::Reading;
use crate::policy::signals::{Hint, Told};
use crate::record::{Observation, Observer, Record, Sent};
use crate::scenario::operation::Detail;
use crate::scenario::target::{Fault, ServerSpec};
use crate::scenario::{Asked, DeviceId, Identities, OperationId, Scenario};
use crate::summary::finding::{Finding, Party, Verdict};
use crate::time::{Anchor, Nanos};

const READS: OperationId = SITES;
const WRITES: OperationId = HEARTBEAT;

/// One request as the test wants it; times in microseconds.
#[derive(Clone, Debug)]
struct Wish {
    gap: u64,
    there: u64,
    service: u64,
    back: u64,
    device: u32,
    writes: bool,
    /// 200, 409 or 500; 0 for an answer that is lost.
    status: u16,
    charged: u32,
    comes_again: bool,
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
    hint: Hint,
}

/// Two classes and one that holds both.
fn policy(reads: Vec<Limit>, writes: Vec<Limit>, all: Vec<Limit>) -> Policy {
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
        ..Policy::default()
    }
}

fn scenario_of(policy: &Policy) -> Scenario {
    let mut identities = Identities::new(vec!["client_id".into(), "device_id".into()]);
    // Two devices share a client.
    [[1, 10], [1, 11], [2, 12]].iter().for_each(|row| identities.push(row));
    Scenario { identities, ..scenario(policy.clone(), 3) }
}

/// Plays the wishes against the policy as the server enforces it; what the verifier found.
fn play(policy: &Policy, server: &ServerSpec, unstated: bool, phase: u64, wishes: &[Wish]) -> Vec<Finding> {
    let scenario = scenario_of(policy);
    let anchor = Anchor { unix_nanos: ANCHOR.unix_nanos + phase * 1_000_000 };
    let server = ServerSpec { throttle: unstated, ..server.clone() };
    let mut enforcer = Enforcer::new(policy, &server).anchored(anchor);
    let mut verifier = Verifier::new(Arc::new(scenario.clone()), ANCHOR, Nanos::from_secs(1));
    let mut lives: Vec<Life> = Vec::new();
    let mut steps: BTreeMap<(Nanos, Step, usize), ()> = BTreeMap::new();
    let mut now = Nanos::ZERO;
    for wish in wishes {
        now += Nanos::from_micros(wish.gap);
        let flow = Flow(lives.len() as u32);
        steps.insert((now, Step::Send, lives.len()), ());
        lives.push(Life {
            wish: wish.clone(),
            flow,
            attempt: 1,
            sent: now,
            admitted_at: Nanos::ZERO,
            outcome: Outcome::Served,
            status: 0,
            hint: Hint::Absent,
        });
    }
    while let Some(((at, step, index), ())) = steps.pop_first() {
        let life = lives[index].clone();
        let wish = &life.wish;
        let device = DeviceId(wish.device);
        let (operation, class) = if wish.writes { (WRITES, ClassId(1)) } else { (READS, ClassId(0)) };
        let key = |scope: &NumberedScope| {
            let rule = scenario.identities.rule(&scope.scope);
            scenario.key(&rule, Asked { device, operation, detail: Detail::None }).0
        };
        // The server's clock ticks in milliseconds.
        let server_time = Nanos(at.0 / 1_000_000 * 1_000_000);
        let (flow, attempt) = (life.flow, life.attempt);
        match step {
            Step::Send => {
                let sent = Sent { device, operation, flow, attempt, detail: Detail::None };
                verifier.observe(at, Observation::Sent(sent));
                steps.insert((at + Nanos::from_micros(wish.there), Step::Arrive, index), ());
            }
            Step::Arrive => match enforcer.check(server_time, class, 9, key) {
                Ok(()) => {
                    lives[index].admitted_at = server_time;
                    lives[index].status = wish.status;
                    lives[index].outcome = match wish.status {
                        0 => Outcome::Failed(Failure::Timeout),
                        200 => Outcome::Served,
                        status if status < 500 => Outcome::Rejected(status),
                        status => Outcome::Broken(status),
                    };
                    steps.insert((at + Nanos::from_micros(wish.service), Step::Finish, index), ());
                }
                Err(refused) => {
                    let secs = refused.hint.map(|hint| hint.parse().unwrap());
                    lives[index].hint = secs.map_or(Hint::Absent, |secs| Hint::Wait(Nanos::from_secs(secs)));
                    lives[index].status = 429;
                    lives[index].outcome =
                        if wish.status == 0 { Outcome::Failed(Failure::Timeout) } else { Outcome::Refused };
                    steps.insert((at + Nanos::from_micros(wish.back), Step::Done, index), ());
                }
            },
            Step::Finish => {
                let status = if wish.status == 0 { 200 } else { wish.status };
                let answered = Answered { since: life.admitted_at, status, charged: Some(wish.charged) };
                enforcer.settle(server_time, class, 9, key, &answered);
                enforcer.release(class, life.admitted_at, 9, key);
                steps.insert((at + Nanos::from_micros(wish.back), Step::Done, index), ());
            }
            Step::Done => {
                let lost = matches!(life.outcome, Outcome::Failed(_));
                let record = Record {
                    device,
                    operation,
                    flow,
                    attempt,
                    cause: Cause::Schedule,
                    detail: Detail::None,
                    due: life.sent,
                    sent: Some(life.sent),
                    done: at,
                    outcome: life.outcome,
                    status: if lost { 0 } else { life.status },
                    hint: if lost { Hint::Absent } else { life.hint },
                    told: Told::default(),
                    breaches: 0,
                };
                verifier.observe(at, Observation::Done { record: &record, exchange: None });
                if let Some(wait) = record.hint.wait().filter(|_| wish.comes_again && attempt < 5) {
                    let sent = at + wait;
                    steps.insert((sent, Step::Send, lives.len()), ());
                    lives.push(Life { attempt: attempt + 1, sent, ..life });
                }
            }
        }
        now = now.max(at);
    }
    verifier.finish(now + Nanos(1)).findings
}

fn accused(findings: &[Finding]) -> Vec<String> {
    // Whether requests are answered as asked is not the limits' business.
    let about_limits = findings.iter().filter(|finding| finding.check != "server.answers");
    let failed = about_limits.filter(|finding| (finding.party, finding.verdict) == (Party::Server, Verdict::Fail));
    failed.map(|finding| format!("{} {}: {}", finding.check, finding.subject, finding.headline)).collect()
}

fn any_wishes(longest_gap: u64, count: usize) -> impl Strategy<Value = Vec<Wish>> {
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

fn any_scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope(vec!["client_id".into()])),
        Just(Scope(vec!["device_id".into()])),
        Just(Scope(vec!["client_id".into(), "device_id".into()])),
    ]
}

fn any_penalty() -> impl Strategy<Value = Option<Penalty>> {
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
    let manner = (algorithm, counts, statuses, any_cost(), any_penalty(), prop::bool::weighted(0.1));
    (amounts, manner).prop_map(
        |((allow, millis, burst, scope), (algorithm, counts_refused, counts_statuses, cost, penalty, at_least))| {
            let bursts = matches!(algorithm, Unspecified | TokenBucket | LeakyBucket | IntervalRefill);
            // A request that costs more than ever fits has no hint that holds.
            let burst = if algorithm == LeakyBucket { burst.or(Some(3)) } else { burst };
            Limit::Rate(RateLimit {
                algorithm,
                burst: burst.filter(|_| bursts),
                counts_refused,
                counts_statuses,
                cost,
                penalty,
                at_least,
                ..RateLimit::new(allow, Nanos::from_millis(millis), scope)
            })
        },
    )
}

fn any_limit() -> impl Strategy<Value = Limit> {
    let concurrent = (1..4u32, prop::option::of(1..600u64), any_scope()).prop_map(|(allow, lasting, scope)| {
        Limit::Concurrent(ConcurrencyLimit { allow, scope, lasting: lasting.map(Nanos::from_millis) })
    });
    let cooldown = (prop::collection::vec(200..3_000u64, 1..4), any_scope()).prop_map(|(waits, scope)| {
        let waits = waits.into_iter().map(Nanos::from_millis).collect();
        Limit::Cooldown(CooldownLimit { after_statuses: vec![409, 500], waits, scope })
    });
    prop_oneof![6 => any_rate(), 1 => concurrent, 1 => cooldown]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let limits = || prop::collection::vec(any_limit(), 0..3);
    (limits(), limits(), limits()).prop_map(|(reads, writes, all)| policy(reads, writes, all))
}

/// Cases of the soundness properties: more on demand, to search longer.
fn cases() -> u32 {
    std::env::var("HONEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_server_is_never_accused_whatever_its_policy_says(
        policy in any_policy(),
        limiter in prop::sample::select(Reading::ALL.to_vec()),
        unstated in any::<bool>(),
        phase in 0..5_000u64,
        wishes in any_wishes(400_000, 80),
    ) {
        let server = ServerSpec { limiter, ..ServerSpec::default() };
        let findings = play(&policy, &server, unstated, phase, &wishes);
        prop_assert_eq!(accused(&findings), Vec::<String>::new());
    }

    #[test]
    fn nor_when_it_is_hammered_over_a_quick_network(
        limit in any_limit(),
        for_all in any::<bool>(),
        limiter in prop::sample::select(Reading::ALL.to_vec()),
        unstated in any::<bool>(),
        wishes in any_wishes(60_000, 200),
    ) {
        let quick = |wish: &Wish| Wish { there: wish.there % 3_000, back: wish.back % 3_000, ..wish.clone() };
        let wishes: Vec<Wish> = wishes.iter().map(quick).collect();
        let policy = match for_all {
            true => policy(vec![], vec![], vec![limit]),
            false => policy(vec![limit.clone()], vec![limit], vec![]),
        };
        let server = ServerSpec { limiter, ..ServerSpec::default() };
        let findings = play(&policy, &server, unstated, 0, &wishes);
        prop_assert_eq!(accused(&findings), Vec::<String>::new());
    }
}

fn steadily(count: usize, gap: u64, writes: impl Fn(usize) -> bool) -> Vec<Wish> {
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

fn limited(algorithm: Algorithm, burst: Option<u32>, cost: Cost) -> Limit {
    let scope = Scope(vec!["client_id".into()]);
    Limit::Rate(RateLimit { algorithm, burst, cost, ..RateLimit::new(20, Nanos::from_secs(1), scope) })
}

#[test]
fn a_server_that_counts_wrongly_is_found_out_by_its_parents_costs_and_bursts() {
    let by_class = Cost::ByClass(vec![(ClassId(0), 1), (ClassId(1), 5)]);
    for limit in [
        limited(Algorithm::Unspecified, None, Cost::One),
        limited(Algorithm::Unspecified, None, by_class),
        limited(Algorithm::TokenBucket, Some(30), Cost::Points(2)),
        limited(Algorithm::LeakyBucket, Some(10), Cost::One),
        limited(Algorithm::RollingCounter, None, Cost::One),
        limited(Algorithm::IntervalRefill, Some(40), Cost::One),
    ] {
        let policy = policy(vec![], vec![], vec![limit.clone()]);
        let wishes = steadily(2_000, 6_000, |index| index % 5 == 0);
        let verdict = |faults: Vec<Fault>, check: &str| {
            let server = ServerSpec { faults, ..ServerSpec::default() };
            let findings = play(&policy, &server, false, 0, &wishes);
            let failed = |finding: &&Finding| finding.check == check && finding.verdict == Verdict::Fail;
            findings.iter().find(failed).map(|finding| finding.subject.clone())
        };
        let over = "server.over-admission";
        assert_eq!(verdict(vec![], over), None, "{limit:?}");
        assert_eq!(verdict(vec![Fault::AdmitsTooMuch], over).as_deref(), Some("all"), "{limit:?}");
        let refusal = "server.false-refusal";
        assert_eq!(verdict(vec![], refusal), None, "{limit:?}");
        assert!(verdict(vec![Fault::RefusesTooEarly], refusal).is_some(), "{limit:?}");
    }
}

#[test]
fn what_members_ask_is_what_their_parent_is_asked_for() {
    let by_class = Cost::ByClass(vec![(ClassId(0), 1), (ClassId(1), 5)]);
    let policy = policy(vec![], vec![], vec![limited(Algorithm::Rolling, None, by_class)]);
    let scenario = Arc::new(scenario_of(&policy));
    let mut verifier = Verifier::new(scenario, ANCHOR, Nanos::from_secs(1));
    // Two devices of one client: 3 reads and 4 writes within a second.
    for index in 0..7u32 {
        let operation = if index < 3 { READS } else { WRITES };
        let sent = Sent { device: DeviceId(index % 2), operation, flow: Flow(index), attempt: 1, detail: Detail::None };
        verifier.observe(Nanos::from_millis(u64::from(index)), Observation::Sent(sent));
    }
    let verified = verifier.finish(Nanos::from_secs(5));
    let quota = verified.quotas.iter().find(|quota| quota.class == "all").unwrap();
    assert_eq!((quota.requests, quota.readings[0].peak, quota.readings[0].over), (7, 23, 1));
    let finding = verified.findings.iter().find(|finding| finding.check == "fleet.quota" && finding.subject == "all");
    let finding = finding.unwrap();
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.headline.starts_with("Over the limit: 23 points asked for, 20 allowed"), "{}", finding.headline);
    assert!(finding.explanation.contains("POST /heartbeat 4, GET /sites 3"), "{}", finding.explanation);
}
