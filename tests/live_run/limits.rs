//! What is refused before anything is sent: exit code 2, and no report.

use std::process::Command;

use crate::stage::{BINARY, Ended, Stage, end};
use crate::verdicts::WELL_BEHAVED;

/// The one error that a run ended with at once.
fn refused(stage: &Stage, ended: Ended) -> String {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(stage.reports().is_empty() && ended.out.is_empty(), "nothing half-started: {ended:?}");
    assert_eq!(ended.err.matches("error:").count(), 1, "one clear error: {}", ended.err);
    ended.err
}

#[test]
fn a_bad_profile_is_refused_with_its_place_and_advice() {
    let stage = Stage::new(&WELL_BEHAVED.replace("duration:", "druation:"));
    let error = refused(&stage, stage.run());
    assert!(error.contains("profile.yaml:4:1") && error.contains("did you mean `duration`?"), "{error}");
}

#[test]
fn another_machine_is_refused_without_its_owners_word() {
    let stage = Stage::new(&format!("{WELL_BEHAVED}target: {{url: 'http://192.0.2.1:9'}}\n"));
    let error = refused(&stage, stage.run());
    assert!(error.contains("192.0.2.1") && error.contains("authorized: true"), "{error}");
}

#[test]
#[cfg(unix)]
fn a_fleet_that_needs_too_many_descriptors_is_refused_with_both_numbers() {
    let stage = Stage::new(&WELL_BEHAVED.replace("count: 4", "count: 400"));
    let mut shell = Command::new("sh");
    // The hard limit too: the soft one is raised as far as it goes.
    shell.args(["-c", "ulimit -n 500; exec \"$0\" run profile.yaml", BINARY]).current_dir(stage.path(""));
    let error = refused(&stage, end(&mut shell));
    assert!(error.contains("needs 930 open files, but the limit is 500"), "{error}");
}

#[test]
fn reports_that_cannot_be_written_are_found_before_the_run() {
    let stage = Stage::new(WELL_BEHAVED);
    std::fs::write(stage.path("reports"), "a file").unwrap();
    let ended = end(stage.command("run").args(["profile.yaml", "--reports", "reports/here"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("choose another --reports"), "{}", ended.err);
}
