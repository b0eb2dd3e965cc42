//! What a probe found, for the terminal, as JSON, as JUnit XML and as a page: pure functions of its outcome.

mod page;
mod sequence;
#[cfg(test)]
mod tests;
mod timeline;

use std::io;
use std::path::{Path, PathBuf};

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::files::{self, LoadError};
use super::words;
use crate::exit::Exit;
use crate::probe::account::{Account, FORMAT};
use crate::probe::outcome::{Comparison, Outcome, Verdict};
use crate::probe::silences::grouped;
use crate::summary::finding::{self, Evidence, Finding, Severity};

/// For the terminal.
pub fn text(outcome: &Outcome) -> String {
    let mut text = format!("\nFound: {}\n", outcome.conclusion);
    let widest = |part: fn(&Comparison) -> &str| outcome.comparisons.iter().map(|it| part(it).chars().count()).max();
    let what = widest(|it| &it.what).unwrap_or_default();
    let documented = widest(|it| &it.documented).unwrap_or_default();
    for comparison in &outcome.comparisons {
        text += &format!(
            "  {:<what$}  documented {:<documented$}  {:<13}  measured {}\n",
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
    text += &silences(outcome);
    text += &format!("It ended after {} requests and {:.1} s: {}\n", outcome.requests, outcome.took_s, outcome.ended);
    if let Some(rest) = &outcome.would_settle {
        text += &format!("What would tell more: {rest}\n");
    }
    text
}

/// The silences of the documents, with what was measured or why nothing was.
fn silences(outcome: &Outcome) -> String {
    if outcome.silences.is_empty() {
        return String::new();
    }
    let mut text = "What the documents leave unsaid:\n".to_owned();
    for group in grouped(&outcome.silences) {
        for silence in group.texts {
            text += &format!("  {silence}\n");
        }
        for line in group.lines {
            text += &format!("    {}: {}\n", if line.is_measured { "measured" } else { "open" }, line.text);
        }
    }
    text
}

/// What is broken with what proves it, and every other check in a line.
fn checks(outcome: &Outcome) -> String {
    let rank = |check: &&Finding| {
        let is_advice = check.verdict == finding::Verdict::Fail && check.severity == Severity::Advice;
        (ORDER.iter().position(|verdict| *verdict == check.verdict), is_advice)
    };
    let mut checks: Vec<&Finding> = outcome.checks.iter().collect();
    checks.sort_by_key(rank);
    let mut text = "Its promises:\n".to_owned();
    for check in checks {
        text += &format!("  {:<14} {:<26} {}\n", word(check), check.check, check.headline);
        let shown = if check.verdict == finding::Verdict::Fail { SHOWN } else { 0 };
        for Evidence { at_s, device, sent, received, why } in check.evidence.iter().take(shown) {
            text += &format!("    {at_s:9.3} s  {device}  {sent} -> {received}: {why}\n");
        }
    }
    let left_out: Vec<&str> =
        outcome.trials.iter().filter(|trial| !trial.made).map(|trial| trial.title.as_str()).collect();
    if !left_out.is_empty() {
        let why = outcome.not_tried.as_ref().map(|why| format!(", since {why}")).unwrap_or_default();
        text += &format!("Not tried: {}{why}\n", left_out.join("; "));
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

/// In capitals where it fails the probe.
fn word(check: &Finding) -> &'static str {
    match words::finding(check).word {
        "fail" => "FAIL",
        other => other,
    }
}

/// As JSON.
pub fn json(outcome: &Outcome) -> String {
    // Numbers and texts alone: there is nothing that could not be written.
    serde_json::to_string_pretty(outcome).unwrap_or_default() + "\n"
}

/// As JUnit XML: one test case for each number that is documented, and one for each check of a promise; and an error where
/// too little was measured for the probe to pass or to fail.
///
/// # Errors
/// What the XML writer reports; writing into memory gives it no reason to.
pub fn junit(outcome: &Outcome, class: &str) -> Result<String, SerializeError> {
    let mut report = Report::new("quotaproof probe");
    let mut suite = TestSuite::new(class);
    suite.add_test_cases(outcome.comparisons.iter().map(|comparison| case(comparison, class)));
    suite.add_test_cases(outcome.checks.iter().map(|check| promise(check, class)));
    suite.add_test_cases((outcome.exit == Exit::Invalid).then(|| unproven(outcome, class)));
    report.add_test_suite(suite);
    report.to_string()
}

fn case(comparison: &Comparison, class: &str) -> TestCase {
    let Comparison { what, documented, measured, verdict } = comparison;
    let status = match verdict {
        Verdict::AsDocumented => TestCaseStatus::success(),
        Verdict::Differs => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::NotSettled | Verdict::Undocumented | Verdict::NotReached => TestCaseStatus::skipped(),
    };
    test_case(what, class, status, format!("{}: documented {documented}, measured {measured}", verdict.title()))
}

fn promise(check: &Finding, class: &str) -> TestCase {
    let status = match (check.verdict, check.severity) {
        (finding::Verdict::Pass, _) => TestCaseStatus::success(),
        (finding::Verdict::Fail, Severity::Breach) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        _ => TestCaseStatus::skipped(),
    };
    test_case(&check.check, class, status, format!("{}: {}", word(check), check.headline))
}

/// Without it, a file in which all is skipped would look as good as one in which all is well.
fn unproven(outcome: &Outcome, class: &str) -> TestCase {
    let Outcome { conclusion, ended, exit, .. } = outcome;
    let untried = outcome.not_tried.as_ref().map(|why| format!("; not all was tried, since {why}")).unwrap_or_default();
    let message = format!("exit code {}: {conclusion}; it ended because {ended}{untried}", exit.code());
    test_case("the probe", class, TestCaseStatus::non_success(NonSuccessKind::Error), message)
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
    let rendered = Rendered::of(account)?;
    let dir = files::new_directory(base, &format!("probe-{}", account.setting.class), &account.setting.started)?;
    rendered.write(&dir)?;
    Ok(dir)
}

/// Writes the same into the directory of a probe that was stored before.
///
/// # Errors
/// As for [`write_all`].
pub fn write_again(dir: &Path, account: &Account) -> io::Result<PathBuf> {
    Rendered::of(account)?.write(dir)?;
    Ok(dir.join(PAGE))
}

/// Whether a directory is that of a probe.
pub fn is_stored(dir: &Path) -> bool {
    dir.join(ACCOUNT).is_file()
}

/// Reads the probe that is stored in a directory.
///
/// # Errors
/// Says what is wrong with it and what to do.
pub fn load(dir: &Path) -> Result<Account, LoadError> {
    files::load_json(&dir.join(ACCOUNT), FORMAT, "probe again")
}

/// Every form of the report.
struct Rendered {
    page: String,
    json: String,
    junit: String,
}

impl Rendered {
    fn of(account: &Account) -> io::Result<Rendered> {
        Ok(Rendered {
            page: page::render(account).map_err(io::Error::other)?,
            json: serde_json::to_string_pretty(account)? + "\n",
            junit: junit(&account.outcome, &account.setting.class).map_err(io::Error::other)?,
        })
    }

    fn write(&self, dir: &Path) -> io::Result<()> {
        for (name, content) in [(ACCOUNT, &self.json), (PAGE, &self.page), (files::JUNIT, &self.junit)] {
            files::write_whole(dir, name, content.as_bytes())?;
        }
        Ok(())
    }
}
