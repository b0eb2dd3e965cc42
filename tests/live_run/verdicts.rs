//! Exit codes of runs that came to their end, and the words that go with them.

use std::net::TcpListener;

use quotaproof::exit::Exit;
use quotaproof::summary::finding::Verdict;

use crate::stage::{Stage, flowing, verdict};

/// Four chargers at a brisk pace, and the answers a dashboard needs.
pub const WELL_BEHAVED: &str = "
name: well-behaved
policy: tellus
duration: 2s
seed: 12
fleet:
  depot:
    chargers: {count: 4, start: {spread: 300ms}, heartbeat: {every: 500ms}, commands: heartbeat}
  desk:
    operators: {count: 1, start: {spread: 0s}, asks: [{get: energy, every: 400ms}]}
gates:
  - {refused_ratio: {}, at_most: 0%}
  - {headroom: {class: charger-high-frequency}, at_least: 20%}
";

#[test]
fn a_run_within_every_limit_passes() {
    let (ended, summary) = Stage::new(WELL_BEHAVED).run_to(Exit::Pass);
    assert!(ended.says(&summary.conclusion.headline), "{}", ended.out);
    assert_eq!(ended.says("PASSED"), summary.conclusion.exit == Exit::Pass, "{}", ended.out);
    assert!(summary.gates.iter().all(|gate| gate.verdict == Verdict::Pass));
    assert_eq!(verdict(&summary, "fleet.quota", "charger-high-frequency"), Verdict::Pass);
    let requests: u64 = summary.classes.iter().map(|class| class.requests).sum();
    let served: u64 = summary.classes.iter().map(|class| class.served).sum();
    assert!(requests > 20 && served == requests, "{served} of {requests}");
}

#[test]
fn polling_for_live_state_fails_and_the_report_names_cause_and_remedy() {
    let stage = Stage::new(
        "
name: polling
policy: brief.yaml
duration: 3s
fleet:
  depot: {chargers: {count: 3, start: {spread: 0s}, commands: heartbeat}}
  dashboard:
    operators:
      count: 1
      start: {spread: 0s}
      reaction: give_up
      asks: [{get: device, of: depot, every: 250ms}]
",
    );
    let (ended, summary) = stage.run_to(Exit::Fail);
    assert_eq!(verdict(&summary, "fleet.quota", "queries"), Verdict::Fail);
    assert_eq!(verdict(&summary, "guidance.stream", ""), Verdict::Fail);
    // At the very edge of a window timing leaves it open.
    assert_ne!(verdict(&summary, "server.false-refusal", "queries"), Verdict::Fail);
    assert_eq!(verdict(&summary, "server.refusal-contract", ""), Verdict::Pass);
    let dir = stage.reports().pop().unwrap();
    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    let markdown = std::fs::read_to_string(dir.join("summary.md")).unwrap();
    for text in [&ended.out, &page, &markdown].map(|text| flowing(text)) {
        assert!(text.contains("live state is polled"), "the cause: {text}");
        assert!(text.contains("Open one stream instead"), "the remedy: {text}");
    }
}

#[test]
fn a_gate_that_saw_no_data_does_not_pass() {
    let stage = Stage::new(&format!("{WELL_BEHAVED}  - {{latency: {{class: stream, quantile: p99}}, at_most: 1s}}\n"));
    let (_, summary) = stage.run_to(Exit::Invalid);
    let said = summary.conclusion.reasons.iter().any(|reason| reason.contains("could not be evaluated"));
    assert!(said, "{:?}", summary.conclusion);
    let verdicts: Vec<_> = summary.gates.iter().map(|gate| gate.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass, Verdict::NoData]);
}

#[test]
fn a_gate_that_does_not_hold_fails_the_run() {
    let stage = Stage::new(&WELL_BEHAVED.replace("at_least: 20%", "at_least: 99%"));
    let (_, summary) = stage.run_to(Exit::Fail);
    let said = summary.conclusion.reasons.iter().any(|reason| reason.contains("headroom"));
    assert!(said, "{:?}", summary.conclusion);
}

#[test]
fn a_target_on_which_nothing_listens_is_unreachable() {
    let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let stage = Stage::new(&format!("{WELL_BEHAVED}target: {{url: '{url}'}}\n"));
    let ended = stage.run();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.says(&format!("No connection to {url} could be made")), "{}", ended.out);
    let summary = stage.summary(&ended);
    assert_eq!(summary.conclusion.exit, Exit::Unreachable);
    assert!(summary.classes.iter().all(|class| class.served == 0));
}

/// However long the run was to take: nothing could come of the rest.
#[test]
fn a_target_that_is_never_reached_ends_the_run_early_with_its_report() {
    let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let hours = WELL_BEHAVED.replace("duration: 2s", "duration: 10h");
    let stage = Stage::new(&format!("{hours}target: {{url: '{url}'}}\n"));
    let ended = stage.run();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let summary = stage.summary(&ended);
    assert!(summary.run.gave_up && !summary.run.interrupted && summary.run.duration_s < 30.0, "{:?}", summary.run);
    assert!(summary.conclusion.headline.contains("attempts, connection refused"), "{:?}", summary.conclusion);
    for words in ["Connection refused", "check that the server is running", "given up after"] {
        assert!(ended.says(words), "{words}: {}", ended.out);
    }
}

/// Nobody asks for anything: whether the target is there is not known.
#[test]
fn a_run_that_tries_nothing_proves_nothing() {
    let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let fleet = "{desk: {operators: {count: 1, start: {spread: 10h}, asks: [{get: sites, every: 10h}]}}}";
    let stage =
        Stage::new(&format!("name: x\npolicy: tellus\nduration: 1s\ntarget: {{url: '{url}'}}\nfleet: {fleet}\n"));
    let ended = stage.run();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.says("No request was made at all"), "{}", ended.out);
}

#[test]
fn a_name_that_cannot_be_looked_up_is_unreachable_too() {
    // Too long for a name, so that nobody outside is asked for it.
    let name = "n".repeat(64);
    let stage = Stage::new(&format!("{WELL_BEHAVED}target: {{url: 'http://{name}', authorized: true}}\n"));
    let ended = stage.run();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(flowing(&ended.err).contains(&format!("the target `{name}` cannot be looked up")), "{}", ended.err);
    assert!(ended.err.contains("check the name"), "{}", ended.err);
}

#[test]
fn the_share_of_overload_answers_shows_up_apart_from_refusals() {
    let stage = Stage::new(
        "
name: overloaded
policy: tellus
duration: 4s
target: {embedded: {overload: {share: 50%, from: 2s}}}
fleet:
  desk:
    operators:
      count: 10
      start: {spread: 500ms}
      reaction: give_up
      asks: [{get: energy, every: 100ms}]
gates:
  - {overloaded_ratio: {class: queries}, at_least: 10%}
",
    );
    let (_, summary) = stage.run_to(Exit::Pass);
    let queries = summary.classes.iter().find(|class| class.class == "queries").unwrap();
    assert_eq!((queries.refused, queries.requests), (0, queries.served + queries.overloaded));
    // Half of about 200 after about 175 that were all served; the bounds leave room for a busy machine.
    let share = queries.overloaded_ratio.unwrap();
    assert!((0.1..0.5).contains(&share), "{share} of {}", queries.requests);
    // The server began to count its time before the run did, but not by a second.
    let timeline = summary.timeline.classes.iter().find(|class| class.class == "queries").unwrap();
    let first_second = (1.0 / summary.timeline.step_s) as usize;
    assert_eq!(timeline.overloaded[..first_second].iter().sum::<u32>(), 0, "none before the overload began");
    assert_eq!(u64::from(timeline.overloaded.iter().sum::<u32>()), queries.overloaded);
    assert!(
        queries.overloaded_per_second.max > 5 && queries.latency["overloaded"].from_due.count == queries.overloaded
    );
}
