//! What the tests share: the binary in a directory of its own, and servers for it to talk to.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use quotaproof::exit::Exit;
use quotaproof::summary::Summary;
use quotaproof::summary::finding::Verdict;
use tempfile::TempDir;

pub const BINARY: &str = env!("CARGO_BIN_EXE_quotaproof");

/// A directory with a profile to run and the policy `brief.yaml`: the shipped one with windows of two seconds instead of
/// minutes, and 6 queries and 3 tokens in each.
pub struct Stage(TempDir);

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Whether it printed these words, wherever it broke the line.
    pub fn says(&self, words: &str) -> bool {
        flowing(&self.out).contains(words)
    }
}

/// A text on one line.
pub fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Stage {
    pub fn new(profile: &str) -> Self {
        let stage = Stage(tempfile::tempdir().unwrap());
        fs::write(stage.path("profile.yaml"), profile).unwrap();
        fs::write(stage.path("brief.yaml"), brief_policy()).unwrap();
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(BINARY);
        command.arg(verb).current_dir(self.0.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    pub fn run(&self) -> Ended {
        end(self.command("run").arg("profile.yaml"))
    }

    /// Runs the profile and checks how it ended. On a machine that is too busy for the harness to keep up a run is invalid,
    /// as it should be: then it is tried again, and if that does not help, it must have said so.
    pub fn run_to(&self, exit: Exit) -> (Ended, Summary) {
        // One at a time, so that these tests do not keep each other waiting.
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut runs = (0..3).map(|_| {
            let ended = self.run();
            let summary = self.summary(&ended);
            (ended, summary)
        });
        let late = |(_, summary): &(Ended, Summary)| !summary.harness.valid;
        let first = runs.next().unwrap();
        let (ended, summary) = if late(&first) { runs.find(|run| !late(run)).unwrap_or(first) } else { first };
        let expected = if summary.harness.valid { exit } else { Exit::Invalid };
        assert_eq!(ended.code, Some(expected.code().into()), "{ended:?}");
        assert_eq!(summary.conclusion.exit, expected);
        let blamed = summary.harness.problems.iter().all(|problem| summary.conclusion.reasons.contains(problem));
        assert!(blamed && summary.harness.valid == summary.harness.problems.is_empty(), "{:?}", summary.conclusion);
        (ended, summary)
    }

    /// The summary that the latest run wrote.
    pub fn summary(&self, ended: &Ended) -> Summary {
        let dir = self.reports().pop().unwrap_or_else(|| panic!("no report: {ended:?}"));
        let text = fs::read(dir.join("summary.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// The directories of all runs, the latest last.
    pub fn reports(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("reports")).into_iter().flatten();
        let mut dirs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        dirs.sort_by_key(|dir| fs::metadata(dir).unwrap().modified().unwrap());
        dirs
    }
}

pub fn end(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn brief_policy() -> String {
    let tellus = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/policies/tellus.yaml");
    let mut text = fs::read_to_string(tellus).unwrap();
    for (minute, brief) in [
        ("limits: [{allow: 60, per: 1m, scope: client_id}]", "limits: [{allow: 6, per: 2s, scope: client_id}]"),
        ("limits: [{allow: 10, per: 1m, scope: client_id}]", "limits: [{allow: 3, per: 2s, scope: client_id}]"),
    ] {
        assert!(text.contains(minute), "the shipped policy has another `{minute}`");
        text = text.replace(minute, brief);
    }
    text
}

/// What a check found about a subject.
pub fn verdict(summary: &Summary, check: &str, subject: &str) -> Verdict {
    let sought = summary.findings.iter().find(|finding| finding.check == check && finding.subject == subject);
    sought.unwrap_or_else(|| panic!("no {check} about `{subject}`")).verdict
}

/// `quotaproof serve`, until it is dropped.
pub struct Served {
    child: Child,
    pub url: String,
}

impl Served {
    pub fn with(stage: &Stage, options: &[&str]) -> Self {
        let mut command = stage.command("serve");
        let mut child = command.args(["--listen", "127.0.0.1:0"]).args(options).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        Served { url: url.unwrap_or_else(|| panic!("no address in `{line}`")).to_owned(), child }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
