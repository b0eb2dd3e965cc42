//! Words and blanks that several checks share.

use crate::policy::reading::Reading;
use crate::summary::finding::{Finding, Party, Severity, Verdict};

/// A finding of a check that has seen nothing yet; checks fill in what they know.
pub fn unseen(check: &str, party: Party, severity: Severity, subject: &str) -> Finding {
    Finding {
        check: check.to_owned(),
        party,
        severity,
        subject: subject.to_owned(),
        verdict: Verdict::NoData,
        headline: String::new(),
        explanation: String::new(),
        remedy: String::new(),
        looked_at: 0,
        wrong: 0,
        would_save: None,
        evidence: Vec::new(),
    }
}

/// `rolling window, token bucket`.
pub fn reading_titles(readings: impl IntoIterator<Item = Reading>) -> String {
    readings.into_iter().map(Reading::title).collect::<Vec<_>>().join(", ")
}
