//! Whole verifications against the enforcer: an honest server passes under every algorithm, each defect is caught.

use std::collections::BTreeMap;

use super::testing::*;
use crate::device::{Flow, Outcome};
use crate::limiter::enforcer::Enforcer;
use crate::policy::model::{Code, Policy};
use crate::policy::reading::Reading;
use crate::policy::signals::{self, ResponseView};
use crate::scenario::operation::Detail;
use crate::scenario::target::{Fault, ServerSpec};
use crate::scenario::{DeviceId, OperationId, Scenario};
use crate::summary::finding::Verdict;
use crate::time::Nanos;

const CLIENTS: u32 = 5;

/// When, who and what, in milliseconds; retries know their flow and number.
type Plan = BTreeMap<(u64, u32, OperationId), Option<(Flow, u32)>>;

fn with_body_code() -> Policy {
    let mut policy = policy();
    policy.refusal.body_code = Some(("/code".into(), Code::Number(5001)));
    policy
}

/// Plays a plan against a server. Every way takes 5 ms. Refused requests come again as told while `obey`.
fn play(server: ServerSpec, mut plan: Plan, obey: bool) -> Outcomes {
    let scenario = scenario(with_body_code(), CLIENTS);
    let mut enforcer = Enforcer::new(&scenario.policy, &server);
    let mut script = Script::default();
    while let Some(((at, device, operation), retry)) = plan.pop_first() {
        let ask = Ask { retry, ..Ask::new(device, operation, at).about(1) };
        let ask = answer(&scenario, &server, &mut enforcer, ask);
        let (wait, attempt) = (ask.hint.wait(), retry.map_or(1, |(_, attempt)| attempt));
        let flow = script.ask(ask);
        if let Some(wait) = wait.filter(|_| obey && attempt < 6) {
            plan.insert((at + 10 + wait.0 / 1_000_000, device, operation), Some((flow, attempt + 1)));
        }
    }
    script.verify(scenario)
}

fn answer(scenario: &Scenario, server: &ServerSpec, enforcer: &mut Enforcer, ask: Ask) -> Ask {
    let class = scenario.operations.get(ask.operation).class.unwrap();
    let identities = &scenario.identities;
    let device = DeviceId(ask.device);
    let now = Nanos::from_millis(ask.at + 5);
    let decision = enforcer
        .check(now, class, 1, |scope| identities.key(&identities.rule(&scope.scope), device, 0, Detail::Resource(1)).0);
    let Err(refused) = decision else {
        return ask;
    };
    let has = |fault| server.faults.contains(&fault);
    let headers: Vec<_> = refused.hint.into_iter().map(|hint| ("retry-after".to_owned(), hint)).collect();
    let response = ResponseView {
        status: if has(Fault::WrongRefusalStatus) { 403 } else { 429 },
        headers: &headers,
        body: if has(Fault::WrongRefusalBody) { b"{}" } else { b"{\"code\":5001}" },
        received: now,
        class: Some(class),
    };
    let signal = signals::read(&scenario.policy, response);
    assert!(signal.refused);
    Ask { outcome: Outcome::Refused, hint: signal.hint, breaches: signal.breaches, ..ask }
}

/// Each client asks for the sites every `gap` ms.
fn steady(clients: u32, gap: u64) -> Plan {
    let ticks = (0..55_000 / gap).flat_map(|tick| (0..clients).map(move |client| (tick * gap, client)));
    ticks.map(|(at, client)| ((at + u64::from(client) * 20, client, SITES), None)).collect()
}

/// One client sends many times what is allowed, nearly at one moment.
fn at_once() -> Plan {
    (0..40).map(|index| ((1_000 + index, 0, SITES), None)).collect()
}

/// Two streams of one client over the same devices.
fn two_streams() -> Plan {
    [1_000, 2_000].map(|at| ((at, 0, STREAM), None)).into()
}

fn faulty(limiter: Reading, fault: Fault) -> ServerSpec {
    ServerSpec { limiter, faults: vec![fault], ..ServerSpec::default() }
}

#[test]
fn an_honest_server_passes_under_every_algorithm() {
    for limiter in Reading::ALL {
        let mut plan = steady(CLIENTS, 1_700);
        plan.extend(two_streams());
        for obey in [false, true] {
            let server = ServerSpec { limiter, ..ServerSpec::default() };
            let outcomes = play(server, plan.clone(), obey);
            let verdict = |check, subject| outcomes.finding(check, subject).verdict;
            assert_eq!(verdict("server.over-admission", "queries"), Verdict::Pass, "{limiter:?}");
            assert_eq!(verdict("server.false-refusal", "queries"), Verdict::Pass, "{limiter:?}");
            assert_eq!(verdict("server.false-refusal", "stream"), Verdict::Pass, "{limiter:?}");
            assert_eq!(verdict("server.scope", "queries"), Verdict::Pass, "{limiter:?}");
            assert_eq!(verdict("server.stream-limit", "stream"), Verdict::Pass, "{limiter:?}");
            assert_eq!(verdict("server.refusal-contract", ""), Verdict::Pass, "{limiter:?}");
            assert_ne!(verdict("server.honest-hint", ""), Verdict::Fail, "{limiter:?}");
            assert_ne!(verdict("client.obeys-hint", ""), Verdict::Fail, "{limiter:?}");
        }
    }
}

#[test]
fn each_defect_is_caught_by_its_check_under_every_algorithm() {
    // A client that is alone with its budget: a burst, then only what it is told.
    let alone: Plan = (0..5).map(|index| ((index * 20, 0, SITES), None)).collect();
    for limiter in Reading::ALL {
        for fault in Fault::ALL {
            let (check, subject, plan, obey) = match fault {
                Fault::AdmitsTooMuch | Fault::ClockSkew | Fault::StoreFailsOpen => {
                    ("server.over-admission", "queries", steady(1, 250), false)
                }
                Fault::RefusesTooEarly => ("server.false-refusal", "queries", steady(1, 1_700), false),
                Fault::HintTooShort | Fault::HintZero => ("server.honest-hint", "", alone.clone(), true),
                Fault::HintWrongUnit
                | Fault::HintFraction
                | Fault::HintNegative
                | Fault::WrongRefusalBody
                | Fault::WrongRefusalStatus => ("server.refusal-contract", "", alone.clone(), true),
                Fault::CountsLate => ("server.over-admission", "queries", at_once(), false),
                // These take a request that is made to find them: longer hints than need be, edges, spoofed headers, new
                // connections; or longer windows, to see what is forgotten.
                Fault::ForgetsOnRestart
                | Fault::HintWholeWindow
                | Fault::HintSameMoment
                | Fault::KeyedByForwardedHeader
                | Fault::KeyedByConnection
                | Fault::DoubleAtTheEdge
                | Fault::WindowFromFirstRequest
                | Fault::RefusalsCharged
                | Fault::DrainsWhileRefusing => continue,
                Fault::KeyedByAddress => ("server.scope", "queries", steady(3, 2_600), false),
                // No limiter's doing.
                Fault::StreamsSilent | Fault::StreamsCut => continue,
                Fault::StreamsUnlimited => ("server.stream-limit", "stream", two_streams(), false),
                // These show where a policy documents quota headers, or promises a hint.
                Fault::HeadersMissing
                | Fault::RemainingStuck
                | Fault::RemainingOffByOne
                | Fault::RemainingNegative
                | Fault::RemainingJumps
                | Fault::LimitDrift
                | Fault::WindowWrong
                | Fault::HintMissing => continue,
            };
            let outcomes = play(faulty(limiter, fault), plan, obey);
            let finding = outcomes.finding(check, subject);
            assert_eq!(finding.verdict, Verdict::Fail, "{fault:?} with {limiter:?}: {finding:?}");
            assert!(!finding.headline.is_empty() && !finding.remedy.is_empty());
        }
    }
}
