//! What a probe found, for the terminal, as JSON, as JUnit XML and as a page: pure functions of its outcome.

mod page;
mod sequence;
#[cfg(test)]
mod tests;
mod timeline;

use std::io;
use std::path::{Path, PathBuf};

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::files;
use crate::probe::account::Account;
use crate::probe::outcome::{Comparison, Outcome, Verdict};
use crate::summary::finding::{self, Finding};

/// For the terminal.
pub fn text(outcome: &Outcome) -> String {
    let mut text = format!("\nFound: {}\n", outcome.conclusion);
    for comparison in &outcome.comparisons {
        text += &format!(
            "  {:<22} documented {:<16} {:<14} measured {}\n",
            comparison.what,
            comparison.documented,
            comparison.verdict.title(),
            comparison.measured
        );
    }
    if outcome.families.len() > 1 {
        text += "What it may be:\n";
        for family in &outcome.families {
            text += &format!("  {:5.1}% {}\n", family.probability * 100.0, family.title);
        }
    }
    if let Some((low, high)) = outcome.measured.as_ref().and_then(|measured| measured.off_the_clock_s) {
        text += &format!(
            "Windows begin {:.3} s to {:.3} s after whole multiples of their length on the clock\n",
            low, high
        );
    }
    text += &checks(outcome);
    text += &format!("It ended after {} requests and {:.1} s: {}\n", outcome.requests, outcome.took_s, outcome.ended);
    if let Some(rest) = &outcome.would_settle {
        text += &format!("What would tell more: {rest}\n");
    }
    text
}

/// What is broken with what proves it, and every other check in a line.
fn checks(outcome: &Outcome) -> String {
    let of = |verdict: finding::Verdict| outcome.checks.iter().filter(move |check| check.verdict == verdict);
    let mut text = "Its promises:\n".to_owned();
    for verdict in ORDER {
        for check in of(verdict) {
            text += &format!("  {:<14} {:<26} {}\n", words(verdict), check.check, check.headline);
            if verdict == finding::Verdict::Fail {
                for evidence in check.evidence.iter().take(SHOWN) {
                    text += &format!(
                        "    {:9.3} s  {}  {} -> {}: {}\n",
                        evidence.at_s, evidence.device, evidence.sent, evidence.received, evidence.why
                    );
                }
            }
        }
    }
    let left_out: Vec<&str> =
        outcome.trials.iter().filter(|trial| !trial.made).map(|trial| trial.title.as_str()).collect();
    if !left_out.is_empty() {
        text +=
            &format!("Not tried, for want of requests or time (raise --budget or --within): {}\n", left_out.join("; "));
    }
    text
}

const ORDER: [finding::Verdict; 5] = [
    finding::Verdict::Fail,
    finding::Verdict::Pass,
    finding::Verdict::Undocumented,
    finding::Verdict::Inconclusive,
    finding::Verdict::NoData,
];
/// So much evidence of each broken promise is shown.
const SHOWN: usize = 3;

fn words(verdict: finding::Verdict) -> &'static str {
    match verdict {
        finding::Verdict::Pass => "pass",
        finding::Verdict::Fail => "FAIL",
        finding::Verdict::Inconclusive => "inconclusive",
        finding::Verdict::Undocumented => "undocumented",
        finding::Verdict::NoData => "no data",
    }
}

/// As JSON.
pub fn json(outcome: &Outcome) -> String {
    // Numbers and texts alone: there is nothing that could not be written.
    serde_json::to_string_pretty(outcome).unwrap_or_default() + "\n"
}

/// As JUnit XML: one test case for each number that is documented, and one for each check of a promise.
///
/// # Errors
/// What the XML writer reports; writing into memory gives it no reason to.
pub fn junit(outcome: &Outcome, class: &str) -> Result<String, SerializeError> {
    let mut report = Report::new("quotaproof probe");
    let mut suite = TestSuite::new(class);
    suite.add_test_cases(outcome.comparisons.iter().map(|comparison| case(comparison, class)));
    suite.add_test_cases(outcome.checks.iter().map(|check| promise(check, class)));
    report.add_test_suite(suite);
    report.to_string()
}

fn case(comparison: &Comparison, class: &str) -> TestCase {
    let Comparison { what, documented, measured, verdict } = comparison;
    let status = match verdict {
        Verdict::AsDocumented => TestCaseStatus::success(),
        Verdict::Differs => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::NotSettled | Verdict::Undocumented => TestCaseStatus::skipped(),
    };
    test_case(what, class, status, format!("{}: documented {documented}, measured {measured}", verdict.title()))
}

fn promise(check: &Finding, class: &str) -> TestCase {
    let status = match check.verdict {
        finding::Verdict::Pass => TestCaseStatus::success(),
        finding::Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        finding::Verdict::Inconclusive | finding::Verdict::Undocumented | finding::Verdict::NoData => {
            TestCaseStatus::skipped()
        }
    };
    test_case(&check.check, class, status, format!("{}: {}", words(check.verdict), check.headline))
}

/// What succeeds needs no message.
fn test_case(name: &str, class: &str, mut status: TestCaseStatus, message: String) -> TestCase {
    if !matches!(status, TestCaseStatus::Success { .. }) {
        status.set_message(message);
    }
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("quotaproof.probe.{class}"));
    case
}

const PAGE: &str = "index.html";
const ACCOUNT: &str = "probe.json";

/// Writes the page, and the same as JSON and as JUnit XML, into a new directory in `base`, which it returns.
///
/// # Errors
/// Those of the file system; nothing is written if an output cannot be rendered.
pub fn write_all(base: &Path, account: &Account) -> io::Result<PathBuf> {
    let page = page::render(account).map_err(io::Error::other)?;
    let json = serde_json::to_string_pretty(account)? + "\n";
    let class = &account.setting.class;
    let junit = junit(&account.outcome, class).map_err(io::Error::other)?;
    let dir = files::new_directory(base, &format!("probe-{class}"), &account.setting.started)?;
    for (name, content) in [(ACCOUNT, &json), (PAGE, &page), (files::JUNIT, &junit)] {
        files::write_whole(&dir, name, content.as_bytes())?;
    }
    Ok(dir)
}
