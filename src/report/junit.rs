//! `junit.xml`: checks and gates as test cases, for CI systems that show them.
//!
//! What fails here is what fails the run: a recommendation that was not followed is a skipped case with a message, so
//! that the file never contradicts the exit code.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{format, words};
use crate::summary::finding::{Finding, Severity, Verdict};
use crate::summary::{GateResult, Summary};

/// The summary as JUnit XML.
///
/// # Errors
/// What the XML writer reports; writing into memory gives it no reason to.
pub fn render(summary: &Summary) -> Result<String, SerializeError> {
    let mut report = Report::new(format!("quotaproof {}", summary.run.name));
    if let Ok(took) = Duration::try_from_secs_f64(summary.run.duration_s) {
        report.set_time(took);
    }
    let mut checks = TestSuite::new("checks");
    checks.add_properties(properties(summary));
    checks.add_test_cases(summary.findings.iter().map(check));
    let mut gates = TestSuite::new("gates");
    gates.add_test_cases(summary.gates.iter().map(gate));
    let mut harness = TestSuite::new("harness");
    harness.add_test_case(validity(summary));
    report.add_test_suites([checks, gates, harness]);
    report.to_string()
}

fn properties(summary: &Summary) -> [Property; 5] {
    let run = &summary.run;
    [
        Property::new("version", &run.version),
        Property::new("seed", run.seed.to_string()),
        Property::new("profile_hash", &run.profile_hash),
        Property::new("policy_hash", &run.policy_hash),
        Property::new("command", &run.command),
    ]
}

fn check(finding: &Finding) -> TestCase {
    let status = match (finding.verdict, finding.severity) {
        (Verdict::Pass, _) => TestCaseStatus::success(),
        (Verdict::Fail, Severity::Breach) => failure(&finding.headline, &account(finding)),
        (Verdict::Fail, Severity::Advice) => skipped(&format!("recommendation not followed: {}", finding.headline)),
        (open, _) => skipped(&format!("{}: {}", words::verdict(open).word, finding.headline)),
    };
    let mut case = TestCase::new(words::title(finding), status);
    case.set_classname(format!("quotaproof.{}", words::party(finding.party)));
    case
}

fn gate(gate: &GateResult) -> TestCase {
    let status = match gate.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => failure(&format!("measured {}", gate.measured), ""),
        // A gate that could not be evaluated guards nothing: it fails.
        open => failure(&format!("{}: {}", words::gate(open).word, gate.measured), ""),
    };
    let mut case = TestCase::new(gate.gate.as_str(), status);
    case.set_classname("quotaproof.gate");
    case
}

/// Whether the run proves anything at all.
fn validity(summary: &Summary) -> TestCase {
    let harness = &summary.harness;
    let status = if harness.valid {
        TestCaseStatus::success()
    } else {
        failure("the run is invalid", &harness.problems.join("\n"))
    };
    let mut case = TestCase::new("the harness kept up", status);
    case.set_classname("quotaproof.harness");
    case
}

fn failure(message: &str, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message);
    if !description.is_empty() {
        status.set_description(description);
    }
    status
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

/// Why, what was seen, and what to do.
fn account(finding: &Finding) -> String {
    let mut lines = vec![finding.headline.clone()];
    lines.extend([finding.explanation.clone(), words::cases(finding)].into_iter().filter(|line| !line.is_empty()));
    for evidence in &finding.evidence {
        let at = format::moment(evidence.at_s);
        let received = words::received(evidence);
        lines.push(format!("{at} {}: {} -> {received}: {}", evidence.device, evidence.sent, evidence.why));
    }
    if !finding.remedy.is_empty() {
        lines.push(format!("What to do: {}", finding.remedy));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_passing_run_has_no_failure() {
        insta::assert_snapshot!(render(&sample::passing()).unwrap());
    }

    #[test]
    fn a_failing_run_carries_its_evidence_and_a_gate_without_data_fails() {
        insta::assert_snapshot!(render(&sample::failing()).unwrap());
    }

    #[test]
    fn any_text_gives_xml_that_reads_back() {
        for (name, summary) in sample::all() {
            let xml = render(&summary).unwrap();
            let report = Report::deserialize_from_str(&xml).unwrap_or_else(|error| panic!("{name}: {error}\n{xml}"));
            assert_eq!(report.test_suites[0].test_cases.len(), summary.findings.len(), "{name}");
            assert!(!xml.contains("<script"), "{name}");
        }
    }

    #[test]
    fn only_what_fails_the_run_counts_as_a_failure() {
        let mut summary = sample::passing();
        summary.findings[0].verdict = Verdict::Fail;
        summary.findings[0].severity = Severity::Advice;
        assert!(!render(&summary).unwrap().contains("<failure"));
        summary.findings[0].severity = Severity::Breach;
        assert!(render(&summary).unwrap().contains("<failure"));
    }
}
