//! A server of its own, wrong on purpose, as a user's own would be: found over the wire.

use std::collections::BTreeSet;

use quotaproof::summary::finding::{Party, Verdict};

use crate::stage::{Served, Stage};

/// Forty queries in each window of six.
const ONE_CLIENT: &str = "{count: 1, start: {spread: 0s}, reaction: give_up, asks: [{get: energy, every: 50ms}]}";
/// Twelve queries in each window of six, but four for each client.
const THREE_CLIENTS: &str = "{count: 3, start: {spread: 0s}, reaction: give_up, asks: [{get: energy, every: 500ms}]}";
const TWO_STREAMS: &str =
    "{count: 2, start: {spread: 100ms}, credentials: shared, reaction: give_up, asks: [{stream: depot}]}";

/// What the server is blamed for.
fn blamed(fault: Option<&str>, operators: &str) -> BTreeSet<String> {
    let profile = |url: &str| {
        format!(
            "name: x\npolicy: brief.yaml\nduration: 3500ms\ntarget: {{url: '{url}'}}\nfleet:\n  depot: \
             {{chargers: {{count: 1, commands: heartbeat}}}}\n  desk: {{operators: {operators}}}\n"
        )
    };
    let stage = Stage::new("");
    let options = fault.into_iter().flat_map(|fault| ["--fault", fault]);
    let served = Served::with(&stage, &["--policy", "brief.yaml"].into_iter().chain(options).collect::<Vec<_>>());
    std::fs::write(stage.path("profile.yaml"), profile(&served.url)).unwrap();
    let ended = stage.run();
    let summary = stage.summary(&ended);
    assert_eq!(summary.run.target, served.url);
    let wrong =
        |party| move |it: &&quotaproof::summary::finding::Finding| it.party == party && it.verdict == Verdict::Fail;
    summary.findings.iter().filter(wrong(Party::Server)).map(|finding| finding.check.clone()).collect()
}

#[test]
fn what_a_server_does_wrong_is_found_over_the_wire_and_nothing_else() {
    let cases: [(Option<&str>, &str, &[&str]); 9] = [
        (None, ONE_CLIENT, &[]),
        (None, THREE_CLIENTS, &[]),
        (None, TWO_STREAMS, &[]),
        (Some("admits-too-much"), ONE_CLIENT, &["server.over-admission"]),
        (Some("hint-wrong-unit"), ONE_CLIENT, &["server.refusal-contract"]),
        (Some("wrong-refusal-status"), ONE_CLIENT, &["server.refusal-contract"]),
        (Some("wrong-refusal-body"), ONE_CLIENT, &["server.refusal-contract"]),
        (Some("keyed-by-address"), THREE_CLIENTS, &["server.false-refusal", "server.scope"]),
        (Some("streams-unlimited"), TWO_STREAMS, &["server.stream-limit"]),
    ];
    std::thread::scope(|scope| {
        for (fault, operators, expected) in cases {
            scope.spawn(move || {
                let expected = expected.iter().map(|check| check.to_string()).collect();
                assert_eq!(blamed(fault, operators), expected, "{fault:?}");
            });
        }
    });
}

#[test]
fn a_server_that_remembers_chargers_is_not_blamed_and_needs_other_serial_numbers_for_every_run() {
    let stage = Stage::new("");
    let served = Served::with(&stage, &["--policy", "tellus"]);
    let run = |prefix: &str| {
        let depot = format!("{{count: 3, start: {{spread: 0s}}, commands: heartbeat, serial_prefix: {prefix}}}");
        let text = format!(
            "name: x\npolicy: tellus\nduration: 2s\ntarget: {{url: '{}'}}\nfleet: {{depot: {{chargers: {depot}}}}}\n",
            served.url
        );
        std::fs::write(stage.path("profile.yaml"), text).unwrap();
        let ended = stage.run();
        let summary = stage.summary(&ended);
        let failed = |it: &&quotaproof::summary::finding::Finding| it.verdict == Verdict::Fail;
        let failed: Vec<_> = summary.findings.iter().filter(failed).map(|finding| finding.headline.clone()).collect();
        (ended.code, failed, summary.conclusion.headline)
    };
    let (_, failed, _) = run("first");
    assert!(failed.is_empty(), "{failed:?}");
    let (code, failed, headline) = run("first");
    assert_eq!((code, failed), (Some(4), vec![]));
    assert!(headline.starts_with("3 of 3 chargers never came into service: registered already (409) 3"), "{headline}");
    let (_, failed, _) = run("second");
    assert!(failed.is_empty(), "{failed:?}");
}
