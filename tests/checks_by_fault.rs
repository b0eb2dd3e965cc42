//! Each check is shown to fail: the whole path from a profile to a verdict in virtual time, against a target that is
//! wrong on purpose.

use std::sync::Arc;

use quotaproof::assemble::{Recorder, RunFacts};
use quotaproof::drive::virtual_time;
use quotaproof::profile;
use quotaproof::scenario::Scenario;
use quotaproof::scenario::target::{Fault, ServerSpec, Target};
use quotaproof::summary::finding::{Finding, Verdict};
use quotaproof::summary::{Driver, Summary};
use quotaproof::time::Anchor;

fn shipped(name: &str) -> Scenario {
    profile::load(format!("profiles/{name}.yaml").as_ref()).unwrap_or_else(|error| panic!("{error}"))
}

fn with_faults(mut scenario: Scenario, faults: &[Fault]) -> Scenario {
    let Target::Embedded(server) = &scenario.target else { panic!("an embedded target") };
    scenario.target = Target::Embedded(ServerSpec { faults: faults.to_vec(), ..server.clone() });
    scenario
}

fn play(scenario: Scenario) -> Summary {
    let scenario = Arc::new(scenario);
    let anchor = Anchor { unix_nanos: 1_773_570_600_000_000_000 };
    let mut recorder = Recorder::new(Arc::clone(&scenario), anchor);
    let end = virtual_time::run(&scenario, &mut recorder);
    let facts = RunFacts {
        driver: Driver::Virtual,
        anchor,
        ended: end.ended,
        interrupted: false,
        unreachable: false,
        target: "simulated".to_owned(),
        command: String::new(),
        shards: 1,
        peak_memory_bytes: None,
        connections: 0,
        version: "test".to_owned(),
    };
    recorder.conclude(&facts).summary
}

fn finding<'a>(summary: &'a Summary, check: &str, subject: &str) -> &'a Finding {
    summary.findings.iter().find(|finding| finding.check == check && finding.subject == subject).unwrap()
}

fn verdict(summary: &Summary, check: &str, subject: &str) -> Verdict {
    finding(summary, check, subject).verdict
}

#[test]
fn an_honest_server_that_refuses_a_polling_dashboard_is_cleared() {
    let summary = play(shipped("tellus-polling-dashboard"));
    println!("{:#?}", finding(&summary, "server.false-refusal", "queries"));
    assert_eq!(verdict(&summary, "server.false-refusal", "queries"), Verdict::Pass);
}
