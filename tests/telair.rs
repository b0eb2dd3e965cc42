//! TELAIR in virtual time: its classes are learned from answers, its headers held against what happened, and each check on
//! them fails for the fault it is there for.

use std::path::Path;

use quotaproof::exit::Exit;
use quotaproof::policy::reading::Reading;
use quotaproof::profile;
use quotaproof::scenario::target::Fault;
use quotaproof::summary::Summary;
use quotaproof::summary::finding::{Finding, Verdict};

#[path = "common/simulated.rs"]
mod simulated;

use simulated::{play, scenario};

fn shipped(name: &str) -> Summary {
    play(profile::load(Path::new(name)).unwrap_or_else(|error| panic!("{error}")))
}

fn finding<'a>(summary: &'a Summary, check: &str, subject: &str) -> &'a Finding {
    let sought = |finding: &&Finding| finding.check == check && finding.subject == subject;
    summary.findings.iter().find(sought).unwrap_or_else(|| panic!("no finding {check} about `{subject}`"))
}

fn failed(summary: &Summary, party: &str) -> Vec<String> {
    let failed = summary.findings.iter().filter(|finding| finding.verdict == Verdict::Fail);
    let named = failed.map(|finding| format!("{} {}", finding.check, finding.subject).trim().to_owned());
    named.filter(|name| name.starts_with(party)).collect()
}

fn requests(summary: &Summary, class: &str) -> u64 {
    summary.classes.iter().find(|figures| figures.class == class).map_or(0, |figures| figures.requests)
}

#[test]
fn the_integration_passes_and_learns_where_its_requests_belong() {
    let summary = shipped("telair-integration");
    assert_eq!(summary.conclusion.exit, Exit::Pass, "{:?}", summary.conclusion);
    for (class, least) in [("light", 100), ("medium", 50), ("heavy", 12), ("auth", 3), ("unclassified", 9)] {
        assert!(requests(&summary, class) >= least, "{class}: {}", requests(&summary, class));
    }
    for check in [
        "server.quota-headers",
        "server.class-header",
        "server.window-header",
        "server.preempt-claim",
        "client.preempt",
    ] {
        assert_eq!(finding(&summary, check, "").verdict, Verdict::Pass, "{check}");
    }
    for class in ["light", "medium", "heavy", "auth"] {
        assert_eq!(finding(&summary, "server.limit-drift", class).verdict, Verdict::Pass, "{class}");
        assert_eq!(finding(&summary, "server.remaining", class).verdict, Verdict::Pass, "{class}");
    }
    let waiting = finding(&summary, "client.over-waiting", "");
    assert_eq!(waiting.verdict, Verdict::Fail, "the whole window is longer than needed");
    assert!(waiting.explanation.starts_with("export/0 in heavy: "), "{}", waiting.explanation);
}

#[test]
fn the_import_breaks_heavy_first() {
    let summary = shipped("telair-batch-import");
    assert_eq!(summary.conclusion.exit, Exit::Fail);
    assert_eq!(failed(&summary, "fleet"), ["fleet.quota heavy"]);
    assert_eq!(failed(&summary, "server"), Vec::<String>::new());
    let preempt = finding(&summary, "client.preempt", "");
    assert_eq!(preempt.verdict, Verdict::Fail, "{}", preempt.headline);
    assert!(preempt.evidence.iter().any(|shown| shown.why.contains("another client")), "{:?}", preempt.evidence);
}

#[test]
fn an_overload_costs_whoever_retries_once() {
    let summary = shipped("telair-overload");
    assert_eq!(summary.conclusion.exit, Exit::Pass, "{:?}", summary.conclusion);
    let overloaded: u64 = summary.classes.iter().map(|class| class.overloaded).sum();
    assert!(overloaded > 0);
    assert_eq!(summary.classes.iter().map(|class| class.refused).sum::<u64>(), 0);
}

#[test]
fn the_login_storm_breaks_auth_and_nothing_else() {
    let summary = shipped("telair-login-storm");
    assert_eq!(summary.conclusion.exit, Exit::Fail);
    assert_eq!(failed(&summary, "fleet"), ["fleet.quota auth"]);
    assert_eq!(failed(&summary, "server"), Vec::<String>::new());
}

/// One client of Heavy that stops when nothing remains, and one that asks for more of Light than there is.
fn against(limiter: Reading, faults: &[Fault], classes: &str) -> Summary {
    let (limiter, faults) = (serde_json::json!(limiter), serde_json::json!(faults));
    play(scenario(&format!(
        "name: test
policy: telair
classes: {classes}
target: {{embedded: {{limiter: {limiter}, faults: {faults}}}}}
duration: 150s
seed: 5
fleet:
  exports:
    clients:
      count: 1
      identity: {{user: own}}
      reaction: preempt
      requests: [{{post: /heavy/reports, arrivals: {{every: 3s}}}}, {{get: /status, arrivals: {{every: 10s}}}}]
  flood:
    clients:
      count: 1
      identity: {{user: own}}
      reaction: obey
      requests: [{{get: /light/contacts, arrivals: {{every: 800ms}}}}, {{get: /medium/calls, arrivals: {{every: 5s}}}}]
"
    )))
}

#[test]
fn an_honest_server_is_blamed_for_nothing_under_any_algorithm() {
    for limiter in Reading::ALL {
        let summary = against(limiter, &[], "{}");
        assert_eq!(failed(&summary, "server"), Vec::<String>::new(), "{limiter:?}");
        for (check, subject) in [
            ("server.quota-headers", ""),
            ("server.class-header", ""),
            ("server.window-header", ""),
            ("server.limit-drift", "light"),
            ("server.remaining", "light"),
            ("server.remaining", "heavy"),
        ] {
            assert_eq!(finding(&summary, check, subject).verdict, Verdict::Pass, "{check} {subject} under {limiter:?}");
        }
    }
}

#[test]
fn each_fault_of_the_headers_fails_its_check_under_every_algorithm() {
    let mapped = "{heavy: [POST /heavy/reports], light: [GET /light/contacts], medium: [GET /medium/calls]}";
    let cases: [(Fault, &str, &[&str]); 4] = [
        (Fault::RemainingStuck, "{}", &["server.remaining light", "server.remaining heavy"]),
        (Fault::LimitDrift, "{}", &["server.limit-drift light", "server.limit-drift heavy"]),
        (Fault::WindowWrong, "{}", &["server.window-header"]),
        // Without headers nothing is learned: only a class that is known can miss them.
        (Fault::HeadersMissing, mapped, &["server.quota-headers"]),
    ];
    for limiter in Reading::ALL {
        for (fault, classes, checks) in cases {
            let failed = failed(&against(limiter, &[fault], classes), "server");
            for check in checks {
                assert!(failed.iter().any(|name| name == check), "{fault:?} under {limiter:?}: {failed:?}");
            }
        }
    }
}

#[test]
fn a_drift_is_told_with_both_figures() {
    let summary = against(Reading::Rolling, &[Fault::LimitDrift], "{}");
    let drift = finding(&summary, "server.limit-drift", "light");
    assert_eq!(drift.headline, "The documents say 50, the server says 1000");
}

/// Fourteen exports are due at once, and contacts are read all the while.
fn exports(limiter: Reading, connections: &str, reaction: &str) -> Summary {
    let limiter = serde_json::json!(limiter);
    play(scenario(&format!(
        "name: test
policy: telair
target: {{embedded: {{limiter: {limiter}}}}}
duration: 150s
seed: 5
fleet:
  desk:
    clients:
      count: 1
      identity: {{user: own}}
      connections: {connections}
      reaction: {reaction}
      requests:
        - {{post: /heavy/reports, arrivals: {{burst: {{each: {{of: 14, every: 300s}}}}}}}}
        - {{get: /light/contacts, arrivals: {{every: 2s}}}}
"
    )))
}

fn refused(summary: &Summary) -> u64 {
    summary.classes.iter().map(|class| class.refused).sum()
}

#[test]
fn heeding_what_remains_spares_a_client_every_refusal_with_one_request_under_way_and_not_with_several() {
    for limiter in Reading::ALL {
        let one = exports(limiter, "own", "preempt");
        assert_eq!(refused(&one), 0, "{limiter:?}");
        assert_eq!((requests(&one, "heavy"), requests(&one, "light")), (14, 75), "one policy does not hold up another");
        assert_eq!(finding(&one, "server.preempt-claim", "").verdict, Verdict::Pass, "{limiter:?}");
        assert_eq!(finding(&one, "client.preempt", "").verdict, Verdict::Pass, "{limiter:?}");

        let several = exports(limiter, "pooled", "preempt");
        assert!(refused(&several) > 0, "{limiter:?}");
        assert_ne!(
            finding(&several, "server.preempt-claim", "").verdict,
            Verdict::Fail,
            "the claim is about one at a time"
        );
    }
    let careless = exports(Reading::Rolling, "own", "obey");
    assert_eq!(finding(&careless, "client.preempt", "").verdict, Verdict::Fail, "it goes on when nothing remains");
}
