//! Ctrl-C and SIGTERM: the first ends the run and the report is written, the second ends the program.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use quotaproof::exit::Exit;

use crate::server::{read_request, server};
use crate::stage::{Ended, Stage};
use crate::verdicts::WELL_BEHAVED;

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

/// A run that is to take an hour, and has sent its first request to a target that never answers.
fn begun() -> (Stage, Child) {
    let (asked, first_asked) = mpsc::channel();
    let url = server(move |mut stream, _| {
        let _ = read_request(&mut stream).map(|_| asked.send(()));
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let hours = WELL_BEHAVED.replace("duration: 2s", "duration: 1h");
    let stage = Stage::new(&format!("{hours}target: {{url: '{url}'}}\n"));
    let child = stage.command("run").arg("profile.yaml").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    first_asked.recv_timeout(Duration::from_secs(60)).expect("the run begins");
    (stage, child)
}

#[test]
fn an_interrupted_run_writes_its_report() {
    for name in ["INT", "TERM"] {
        let (stage, mut child) = begun();
        signal(&child, name);
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(130), "SIG{name}");
        let summary = stage.summary(&Ended { code, out: String::new(), err: String::new() });
        assert!(summary.run.interrupted && summary.run.planned_s == 3600.0 && summary.run.duration_s < 3000.0);
        assert_eq!(summary.conclusion.exit, Exit::Interrupted);
        assert!(summary.conclusion.headline.starts_with("Interrupted after "), "{:?}", summary.conclusion);
    }
}

#[test]
fn an_interrupted_plan_writes_its_report() {
    let stage = Stage::new(WELL_BEHAVED);
    let mut command = stage.command("plan");
    command.args(["profile.yaml", "--duration", "60d", "--find", "fleet"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It makes room for its reports when it is ready to be interrupted.
    while !stage.path("reports").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let (code, out) = (output.status.code(), String::from_utf8(output.stdout).unwrap());
    let ended = Ended { code, out, err: String::new() };
    assert_eq!(code, Some(130), "{ended:?}");
    let summary = stage.summary(&ended);
    assert!(summary.run.interrupted && summary.run.devices_played == Some(0), "{:?}", summary.run);
    assert!(ended.says("Interrupted after ") && ended.says("Not answered: the largest fleet."), "{ended:?}");
}

#[test]
fn a_second_signal_ends_the_program_without_a_report() {
    let (stage, mut child) = begun();
    // Answers are awaited for five seconds after the first signal; two that come at once may count as one.
    while child.try_wait().unwrap().is_none() {
        signal(&child, "INT");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(stage.reports(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn an_output_that_nobody_reads_any_more_ends_nothing() {
    let stage = Stage::new(WELL_BEHAVED);
    let closed = || std::io::pipe().unwrap().1;
    let code = stage.command("check").arg("nowhere.yaml").stdout(closed()).stderr(closed()).status().unwrap().code();
    assert_eq!(code, Some(2), "a mistake is still told by the exit code");

    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut serve = stage.command("serve");
    let mut child = serve.args(["--listen", &address.to_string()]).stdout(closed()).stderr(closed()).spawn().unwrap();
    while std::net::TcpStream::connect(address).is_err() {
        assert_eq!(child.try_wait().unwrap(), None, "it serves all the same");
        std::thread::sleep(Duration::from_millis(20));
    }
    // One that comes before the program minds signals ends it too, without an exit code.
    signal(&child, "TERM");
    assert!(matches!(child.wait().unwrap().code(), None | Some(0)));
}
