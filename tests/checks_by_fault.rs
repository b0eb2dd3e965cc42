//! Each check is shown to fail: from a profile to its findings in virtual time, with a server or a client that is wrong
//! on purpose. What is not wrong passes, and nothing else is blamed.

use std::collections::BTreeSet;

use quotaproof::exit::Exit;
use quotaproof::policy::reading::Reading;
use quotaproof::scenario::target::Fault;
use quotaproof::summary::Summary;
use quotaproof::summary::finding::{Party, Verdict};

#[path = "common/simulated.rs"]
mod simulated;

use simulated::{play, scenario};

/// 46 queries a minute of 60.
const MODEST: &str = "
fleet:
  desk: {operators: {count: 1, start: {spread: 0s}, asks: [{get: energy, every: 1300ms}]}}";

/// 300 queries a minute of 60.
const FLOOD: &str = "
fleet:
  desk: {operators: {count: 1, start: {spread: 0s}, reaction: give_up, asks: [{get: energy, every: 200ms}]}}";

/// One batch control more than the 30 a minute. It comes when the others are over and waits as it is told, alone with its
/// budget, which is what proves a hint wrong.
const ONE_TOO_MANY: &str = "
fleet:
  desk: {operators: {count: 1, start: {spread: 0s}}}
events:
  - {at: 10s, control_burst: {group: desk, command: flexibility, commands: 30}}
  - {at: 11s, control_burst: {group: desk, command: flexibility, commands: 1}}";

/// Three clients with 30 queries a minute each: more than one budget, and each within its own.
const TENANTS: &str = "
fleet:
  desk: {operators: {count: 3, start: {spread: 0s}, reaction: give_up, asks: [{get: energy, every: 2s}]}}";

/// Two instances of one client over the same chargers.
const TWO_STREAMS: &str = "
fleet:
  depot: {chargers: {count: 2}}
  desk: {operators: {count: 2, credentials: shared, reaction: give_up, asks: [{stream: depot, every: 20s}]}}";

/// One client that watches chargers at work.
const CHARGING: &str = "
fleet:
  depot: {chargers: {count: 2, start: {spread: 1s}, sessions: {initially_busy: 100%, duration: {median: 3h, p95: 4h}}}}
  desk: {operators: {count: 1, asks: [{stream: depot, every: 20s}]}}";

const SERVER_CHECKS: [&str; 6] = [
    "server.false-refusal stream",
    "server.honest-hint",
    "server.refusal-contract",
    "server.scope queries",
    "server.stream-delivery",
    "server.stream-limit stream",
];

/// Checks of what timing may leave open: a refusal at the very edge of a window, a window that another reading would have
/// found full.
const TIMED_CHECKS: [&str; 2] = ["server.false-refusal queries", "server.over-admission queries"];

fn against(limiter: Reading, faults: &[Fault], fleet: &str) -> Summary {
    let (limiter, faults) = (serde_json::json!(limiter), serde_json::json!(faults));
    let target = format!("target: {{embedded: {{limiter: {limiter}, faults: {faults}}}}}");
    play(scenario(&format!("name: test\npolicy: tellus\nduration: 150s\nseed: 5\n{target}{fleet}\n")))
}

fn with_verdict(summary: &Summary, party: Party, verdict: Verdict) -> BTreeSet<String> {
    let sought = summary.findings.iter().filter(|finding| finding.party == party && finding.verdict == verdict);
    sought.map(|finding| format!("{} {}", finding.check, finding.subject).trim().to_owned()).collect()
}

#[test]
fn each_fault_of_a_server_fails_its_check_and_no_other_under_every_algorithm() {
    for fault in Fault::ALL {
        let (fleet, failed): (_, &[&str]) = match fault {
            Fault::AdmitsTooMuch | Fault::ClockSkew | Fault::StoreFailsOpen | Fault::ForgetsOnRestart => {
                (FLOOD, &["server.over-admission queries"])
            }
            Fault::RefusesTooEarly => (MODEST, &["server.false-refusal queries"]),
            Fault::HintTooShort | Fault::HintZero => (ONE_TOO_MANY, &["server.honest-hint"]),
            Fault::HintWrongUnit
            | Fault::HintFraction
            | Fault::HintNegative
            | Fault::WrongRefusalBody
            | Fault::WrongRefusalStatus => (ONE_TOO_MANY, &["server.refusal-contract"]),
            Fault::KeyedByAddress => (TENANTS, &["server.false-refusal queries", "server.scope queries"]),
            Fault::StreamsSilent => (CHARGING, &["server.stream-delivery"]),
            // Not forbidden: the test below.
            Fault::StreamsCut => (CHARGING, &[]),
            Fault::StreamsUnlimited => (TWO_STREAMS, &["server.stream-limit stream"]),
            // These take a request that is made to find them: many at one moment, edges, spoofed headers, new connections,
            // hints that are longer than need be.
            Fault::CountsLate
            | Fault::DoubleAtTheEdge
            | Fault::WindowFromFirstRequest
            | Fault::KeyedByForwardedHeader
            | Fault::KeyedByConnection
            | Fault::HintWholeWindow
            | Fault::HintSameMoment
            | Fault::RefusalsCharged
            | Fault::DrainsWhileRefusing => continue,
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
        for limiter in Reading::ALL {
            let summary = against(limiter, &[fault], fleet);
            let expected = failed.iter().map(|check| check.to_string()).collect();
            let blamed = with_verdict(&summary, Party::Server, Verdict::Fail);
            assert_eq!(blamed, expected, "{fault:?} of a server with {limiter:?}");
        }
    }
}

#[test]
fn a_server_without_fault_is_blamed_for_nothing_and_cleared_by_every_check_under_every_algorithm() {
    for limiter in Reading::ALL {
        let (mut cleared, mut open) = (BTreeSet::new(), BTreeSet::new());
        for fleet in [MODEST, FLOOD, ONE_TOO_MANY, TENANTS, TWO_STREAMS, CHARGING] {
            let summary = against(limiter, &[], fleet);
            let blamed = with_verdict(&summary, Party::Server, Verdict::Fail);
            assert_eq!(blamed, BTreeSet::new(), "{limiter:?}, {fleet}");
            cleared.extend(with_verdict(&summary, Party::Server, Verdict::Pass));
            open.extend(with_verdict(&summary, Party::Server, Verdict::Inconclusive));
        }
        for check in SERVER_CHECKS {
            assert!(cleared.contains(check), "{check} clears nobody with {limiter:?}: {cleared:?}");
        }
        for check in TIMED_CHECKS {
            assert!(cleared.contains(check) || open.contains(check), "{check} sees nothing with {limiter:?}");
        }
        let strict = limiter == Reading::Rolling;
        assert!(!strict || cleared.contains("server.over-admission queries"), "no reading is exceeded: {cleared:?}");
    }
}

#[test]
fn a_server_that_ends_streams_is_told_by_kind_with_evidence() {
    let summary = against(Reading::Rolling, &[Fault::StreamsCut], CHARGING);
    let finding = summary.findings.iter().find(|finding| finding.check == "server.stream-delivery").unwrap();
    assert_eq!(finding.verdict, Verdict::Undocumented);
    assert!(finding.headline.contains("closed with code 1001"), "{finding:?}");
    assert!(finding.evidence[0].why.starts_with("closed with code 1001 after "), "{finding:?}");
    let streams = &summary.classes.iter().find(|class| class.class == "stream").unwrap().streams;
    assert!(streams.ended["server_1001"] > 3 && streams.frames > 0, "{streams:?}");
}

/// A depot and a client that follows every recommendation. `change` replaces a habit of theirs by another.
fn with_habit(change: (&str, &str)) -> Summary {
    let diligent = "
name: test
policy: tellus
duration: 150s
seed: 5
fleet:
  depot:
    chargers: {count: 4, start: {spread: 5s}, heartbeat: {every: 30s, jitter: 10%}, sessions: {initially_busy: 100%}}
  desk:
    operators:
      count: 1
      start: {spread: 0s}
      token: keep
      reaction: {obey: {attempts: 6}}
      asks:
        - {get: sites, every: 20s, cache: 10m}
        - {get: device, of: depot, every: 65s}
        - {harvest: charging-records, every: 20s, page_size: 100, time_filter: true}
        - {control: flexibility, every: 10s}
";
    let (habit, other) = change;
    assert!(diligent.contains(habit), "`{habit}` is no habit here");
    play(scenario(&diligent.replace(habit, other)))
}

/// 46 batch controls a minute of 30.
const PRESSING: &str = "asks:\n        - {control: flexibility, every: 1300ms}";

const CLIENT_CHECKS: [&str; 10] = [
    "client.amplification batch-control",
    "client.amplification queries",
    "client.cadence",
    "client.obeys-hint",
    "client.sustained-refusals",
    "guidance.cache",
    "guidance.page-size",
    "guidance.stream",
    "guidance.time-filter",
    "guidance.token-reuse",
];

#[test]
fn a_diligent_client_passes_every_check_even_where_it_is_refused() {
    let refused = with_habit(("asks:", PRESSING));
    assert!(refused.classes.iter().any(|class| class.refused > 0), "it has something to obey");
    assert_eq!(with_verdict(&refused, Party::Client, Verdict::Fail), BTreeSet::new());
    let mut passed = with_verdict(&refused, Party::Client, Verdict::Pass);
    assert!(passed.contains("client.obeys-hint"));

    let unhurried = with_habit(("", ""));
    assert_eq!(with_verdict(&unhurried, Party::Client, Verdict::Fail), BTreeSet::new());
    assert_eq!((unhurried.conclusion.exit, unhurried.conclusion.reasons.as_slice()), (Exit::Pass, [].as_slice()));
    passed.extend(with_verdict(&unhurried, Party::Client, Verdict::Pass));
    for check in CLIENT_CHECKS {
        assert!(passed.contains(check), "{check} passes nobody: {passed:?}");
    }
}

#[test]
fn each_bad_habit_of_a_client_fails_its_check_and_no_other() {
    let reaction = |word: &str| format!("reaction: {word}\n      {PRESSING}");
    let obeying = "reaction: {obey: {attempts: 6}}\n      asks:";
    let cases: [((&str, &str), &[&str]); 8] = [
        (("token: keep", "token: per_request"), &["guidance.token-reuse"]),
        (("cache: 10m", "cache: 0s"), &["guidance.cache"]),
        (("page_size: 100", "page_size: 20"), &["guidance.page-size"]),
        (("time_filter: true", "time_filter: false"), &["guidance.time-filter"]),
        (("every: 65s", "every: 20s"), &["guidance.stream"]),
        (("heartbeat: {every: 30s", "heartbeat: {every: 10s"), &["client.cadence"]),
        ((obeying, &reaction("exponential")), &["client.obeys-hint"]),
        (
            (obeying, &reaction("stubborn")),
            &["client.amplification batch-control", "client.obeys-hint", "client.sustained-refusals"],
        ),
    ];
    for (habit, failed) in cases {
        let summary = with_habit(habit);
        let expected = failed.iter().map(|check| check.to_string()).collect();
        assert_eq!(with_verdict(&summary, Party::Client, Verdict::Fail), expected, "{habit:?}");
        for finding in summary.findings.iter().filter(|finding| finding.verdict == Verdict::Fail) {
            let complete = !finding.remedy.is_empty() && finding.wrong > 0;
            assert!(complete, "what was wrong how often, and what to do: {finding:?}");
        }
    }
}

#[test]
fn what_following_a_recommendation_would_have_saved_is_what_it_saves() {
    let requests = |summary: &Summary, path: &str| {
        let operations = summary.classes.iter().flat_map(|class| &class.operations);
        operations.filter(|it| it.operation.ends_with(path)).map(|it| it.requests).sum::<u64>()
    };
    let saves = |summary: &Summary, check: &str| {
        summary.findings.iter().find(|finding| finding.check == check).unwrap().would_save
    };
    let (diligent, forgetful) = (with_habit(("", "")), with_habit(("cache: 10m", "cache: 0s")));
    let difference = requests(&forgetful, "/sites") - requests(&diligent, "/sites");
    assert_eq!(saves(&forgetful, "guidance.cache"), Some(difference));
    let polling = with_habit(("every: 65s", "every: 20s"));
    let looks = requests(&polling, "/devices/{device_id}");
    assert_eq!(saves(&polling, "guidance.stream"), Some(looks - 4), "all but the first look at each of four chargers");
}

#[test]
fn a_fleet_beyond_a_limit_fails_and_one_within_it_passes() {
    let quota = |fleet| {
        let summary = against(Reading::Rolling, &[], fleet);
        let finding = summary.findings.iter().find(|it| it.check == "fleet.quota" && it.subject == "queries");
        (finding.unwrap().verdict, summary.conclusion.exit)
    };
    assert_eq!(quota(MODEST), (Verdict::Pass, Exit::Pass));
    assert_eq!(quota(FLOOD), (Verdict::Fail, Exit::Fail));
}
