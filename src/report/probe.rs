//! What a probe found, for the terminal, as JSON and as JUnit XML: pure functions of its outcome.

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::probe::outcome::{Comparison, Outcome, Verdict};

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
    text += &format!("It ended after {} requests and {:.1} s: {}\n", outcome.requests, outcome.took_s, outcome.ended);
    if let Some(rest) = &outcome.would_settle {
        text += &format!("What would tell more: {rest}\n");
    }
    text
}

/// As JSON.
pub fn json(outcome: &Outcome) -> String {
    // Numbers and texts alone: there is nothing that could not be written.
    serde_json::to_string_pretty(outcome).unwrap_or_default() + "\n"
}

/// As JUnit XML: one test case for each number that is documented.
///
/// # Errors
/// What the XML writer reports; writing into memory gives it no reason to.
pub fn junit(outcome: &Outcome, class: &str) -> Result<String, SerializeError> {
    let mut report = Report::new("quotaproof probe");
    let mut suite = TestSuite::new(class);
    suite.add_test_cases(outcome.comparisons.iter().map(|comparison| case(comparison, class)));
    report.add_test_suite(suite);
    report.to_string()
}

fn case(comparison: &Comparison, class: &str) -> TestCase {
    let message = format!(
        "{}: documented {}, measured {}",
        comparison.verdict.title(),
        comparison.documented,
        comparison.measured
    );
    let status = match comparison.verdict {
        Verdict::AsDocumented => TestCaseStatus::success(),
        Verdict::Differs => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(message);
            status
        }
        Verdict::NotSettled | Verdict::Undocumented => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(message);
            status
        }
    };
    let mut case = TestCase::new(comparison.what.as_str(), status);
    case.set_classname(format!("quotaproof.probe.{class}"));
    case
}
