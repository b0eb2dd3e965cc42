//! A probe over real sockets, against the reference server with short windows.

use std::net::{Ipv4Addr, SocketAddr};

use quotaproof::clock::Clock;
use quotaproof::drive::live::{self, Control, ProbeTarget, Reached};
use quotaproof::exit::Exit;
use quotaproof::policy;
use quotaproof::policy::model::{ClassId, Policy};
use quotaproof::policy::reading::Reading;
use quotaproof::probe::beside::Ask;
use quotaproof::probe::candidates::Documented;
use quotaproof::probe::conformance::Case;
use quotaproof::probe::outcome::{Outcome, Verdict, outcome};
use quotaproof::probe::{Brief, Examination};
use quotaproof::reference;
use quotaproof::scenario::target::{Fault, ServerSpec};
use quotaproof::summary::finding;
use quotaproof::time::Nanos;
use quotaproof::yaml::Source;

const ALLOW: u32 = 8;
const PER: Nanos = Nanos::from_secs(1);
const BUDGET: u32 = 400;

fn policy() -> Policy {
    let text =
        "name: short\nclasses:\n  reads: {requests: [GET /orders], limits: [{allow: 8, per: 1s, scope: user}]}\n";
    policy::load(&Source::built_in("short.yaml", text)).unwrap()
}

/// Probes the reference server and gives what was found.
fn probed(spec: ServerSpec, budget: u32) -> Outcome {
    played(spec, policy(), budget, Nanos::from_secs(30), Examination::new)
}

fn played(
    spec: ServerSpec,
    policy: Policy,
    budget: u32,
    within: Nanos,
    examination: impl Fn(Brief, Case) -> Examination,
) -> Outcome {
    let server = reference::live::start(policy.clone(), spec, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    played_at(format!("http://{}", server.addr()), policy, budget, within, examination)
}

/// The same of whatever answers there.
fn played_at(
    base_url: String,
    policy: Policy,
    budget: u32,
    within: Nanos,
    examination: impl Fn(Brief, Case) -> Examination,
) -> Outcome {
    let ask = |key: &str| Ask {
        method: "GET".to_owned(),
        path: "/orders".to_owned(),
        headers: vec![("x-api-key".to_owned(), key.to_owned())],
        body: Vec::new(),
    };
    let target = ProbeTarget {
        base_url,
        authorized: false,
        ca_file: None,
        clients: vec![ask("one"), ask("two")],
        besides: Vec::new(),
        policy: policy.into(),
        class: ClassId(0),
    };
    let clock = Clock::start();
    let brief = Brief {
        documented: vec![Documented::Rate { allow: ALLOW, per: PER, burst: None }],
        requests: budget,
        within,
        second: true,
        anchor: clock.anchor(),
    };
    let case = Case {
        policy: target.policy.clone(),
        class: ClassId(0),
        method: "GET".to_owned(),
        path: "/orders".to_owned(),
        second: true,
        besides: Vec::new(),
        url: target.base_url.clone(),
        anchor: clock.anchor(),
    };
    let reached = Reached::of(&target).unwrap();
    let end = live::probe(reached, examination(brief, case), clock, &Control::default()).unwrap();
    outcome(&end.played, &target.policy.class(ClassId(0)).limits, end.took, end.interrupted)
}

fn verdict(outcome: &Outcome, what: &str) -> Option<Verdict> {
    outcome.comparisons.iter().find(|comparison| comparison.what == what).map(|comparison| comparison.verdict)
}

#[test]
fn a_server_that_keeps_to_its_documents_is_never_said_to_differ() {
    let outcome = probed(ServerSpec { limiter: Reading::FixedAligned, ..ServerSpec::default() }, BUDGET);
    assert!(outcome.requests <= BUDGET);
    // A machine that stalls leaves it open; it must not accuse anybody.
    assert!(matches!(outcome.exit, Exit::Pass | Exit::Invalid), "{outcome:#?}");
    assert_ne!(verdict(&outcome, "limit"), Some(Verdict::Differs), "{outcome:#?}");
}

#[test]
fn a_server_that_admits_more_than_documented_is_never_said_to_keep_to_it() {
    let spec = ServerSpec { faults: vec![Fault::AdmitsTooMuch], ..ServerSpec::default() };
    let outcome = probed(spec, BUDGET);
    assert_ne!(verdict(&outcome, "limit"), Some(Verdict::AsDocumented), "{outcome:#?}");
    assert_ne!(outcome.exit, Exit::Pass, "{outcome:#?}");
}

#[test]
fn a_budget_is_never_passed() {
    let outcome = probed(ServerSpec::default(), 6);
    assert!(outcome.requests <= 6, "{outcome:#?}");
    assert_eq!(outcome.exit, Exit::Invalid, "{outcome:#?}");
}

/// What a probe of ten a second says of a server that answers so, or not at all.
fn probed_by_hand(answer: Option<&'static str>, within: Nanos) -> Outcome {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answered(stream, answer));
        }
    });
    played_at(base_url, policy(), BUDGET, within, Examination::new)
}

fn answered(mut stream: std::net::TcpStream, answer: Option<&str>) {
    use std::io::{Read as _, Write as _};
    let mut request = [0; 4_096];
    while stream.read(&mut request).is_ok_and(|read| read > 0) {
        if let Some(answer) = answer {
            let _ = write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
        }
    }
}

#[test]
fn a_server_that_never_answers_is_not_waited_for_beyond_the_time_that_was_given() {
    let outcome = probed_by_hand(None, Nanos::from_secs(1));
    assert_eq!(outcome.exit, Exit::Invalid, "{outcome:#?}");
    assert!(outcome.requests > 0, "what was on its way counts");
    // It would take two minutes for each answer.
    assert!(outcome.took_s < 60.0, "{}", outcome.took_s);
}

#[test]
fn a_request_that_is_never_served_accuses_nobody() {
    let answers = [("404 Not Found", "--request"), ("302 Found", "--request"), ("401 Unauthorized", "--header")];
    for (answer, remedy) in answers {
        let outcome = probed_by_hand(Some(answer), Nanos::from_secs(20));
        assert_eq!(outcome.exit, Exit::Invalid, "{answer}: {outcome:#?}");
        let hindrance = outcome.hindrance.unwrap();
        assert!(hindrance.contains("was never served") && hindrance.contains(remedy), "{answer}: {hindrance}");
        assert!(outcome.conclusion.contains(&hindrance), "{answer}: {}", outcome.conclusion);
    }
}

/// So short that resting costs little.
fn prompt_policy() -> Policy {
    let text = "name: prompt\nrefusal: {status: 429, body: {code: 17}, retry_after: {header: retry-after, unit: s, presence: required}}\n\
                classes:\n  reads: {requests: [GET /orders], limits: [{allow: 8, per: 1s, scope: user, algorithm: rolling, counts_refused: no}]}\n";
    policy::load(&Source::built_in("prompt.yaml", text)).unwrap()
}

/// The checks that fail, of the trials alone.
fn broken(faults: Vec<Fault>) -> Vec<String> {
    let spec = ServerSpec { faults, ..ServerSpec::default() };
    let outcome = played(spec, prompt_policy(), 1_000, Nanos::from_secs(60), Examination::of_promises);
    let is_broken = outcome.checks.iter().any(|check| check.verdict == finding::Verdict::Fail);
    assert_eq!(outcome.exit == Exit::Fail, is_broken, "{outcome:#?}");
    let failed = outcome.checks.into_iter().filter(|check| check.verdict == finding::Verdict::Fail);
    failed.map(|check| check.check).collect()
}

#[test]
fn broken_promises_are_found_over_sockets() {
    let broken = broken(vec![Fault::HintZero, Fault::KeyedByForwardedHeader, Fault::WrongRefusalStatus]);
    for check in ["server.honest-hint", "server.forwarded-address", "server.refusal-contract"] {
        assert!(broken.iter().any(|found| found == check), "{check} is not among {broken:?}");
    }
    assert!(!broken.iter().any(|found| found == "server.full-quota"), "{broken:?}");
}

#[test]
fn a_quota_for_each_connection_is_found_over_sockets() {
    let broken = broken(vec![Fault::KeyedByConnection]);
    assert!(broken.iter().any(|found| found == "server.other-connection"), "{broken:?}");
    assert!(!broken.iter().any(|found| found == "server.race"), "{broken:?}");
}

#[test]
fn refusals_with_a_status_that_no_document_names_are_found_over_sockets() {
    let spec = ServerSpec { faults: vec![Fault::WrongRefusalStatus], ..ServerSpec::default() };
    let mut policy = prompt_policy();
    policy.refusal.body_code = None;
    let outcome = played(spec, policy, 1_000, Nanos::from_secs(60), Examination::new);
    let contract = outcome.checks.iter().find(|check| check.check == "server.refusal-contract").unwrap();
    assert_eq!((contract.verdict, outcome.exit), (finding::Verdict::Fail, Exit::Fail), "{outcome:#?}");
    assert!(outcome.conclusion.contains("answered with 403; retry-after: "), "{}", outcome.conclusion);
    assert!(outcome.conclusion.contains("documented with 429"), "{}", outcome.conclusion);
}

#[test]
fn a_server_that_keeps_its_promises_is_not_accused_over_sockets() {
    assert_eq!(broken(Vec::new()), Vec::<String>::new());
}
