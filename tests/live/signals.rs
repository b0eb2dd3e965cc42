//! The first signal stops the run, the second ends the process.
#![cfg(unix)]

use std::process::Command;
use std::time::Duration;

use quotaproof::drive::live::{Control, signals};

const CHILD: &str = "QUOTAPROOF_TEST_SIGNALS";

#[test]
fn a_first_signal_stops_the_run_and_a_second_ends_the_process() {
    if std::env::var_os(CHILD).is_some() {
        return be_signalled();
    }
    // Signals reach a whole process, so this one plays the part in a process of its own.
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "signals::a_first_signal_stops_the_run_and_a_second_ends_the_process"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert_eq!(child.status.code(), Some(130), "{}", String::from_utf8_lossy(&child.stderr));
}

fn be_signalled() {
    let control = Control::default();
    let asked = control.clone();
    signals::watch(move || asked.stop()).unwrap();
    send("INT");
    while control.stopped().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    send("TERM");
    std::thread::sleep(Duration::from_secs(20));
    panic!("still alive after the second signal");
}

fn send(signal: &str) {
    let pid = std::process::id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
}
