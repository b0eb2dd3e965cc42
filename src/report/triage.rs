//! Findings in the order a reader needs them.

use crate::summary::Summary;
use crate::summary::finding::{Finding, Severity, Verdict};

/// The findings of a run by weight; each list keeps the summary's order.
#[derive(Debug, Default)]
pub struct Triage<'a> {
    /// Limits and promises that were broken.
    pub breaches: Vec<&'a Finding>,
    /// Recommendations that were not followed.
    pub advice: Vec<&'a Finding>,
    /// Neither passed nor failed: inconclusive, undocumented, no data.
    pub open: Vec<&'a Finding>,
    pub passed: Vec<&'a Finding>,
}

impl<'a> Triage<'a> {
    pub fn of(summary: &'a Summary) -> Self {
        let mut triage = Triage::default();
        for finding in &summary.findings {
            let list = match (finding.verdict, finding.severity) {
                (Verdict::Pass, _) => &mut triage.passed,
                (Verdict::Fail, Severity::Breach) => &mut triage.breaches,
                (Verdict::Fail, Severity::Advice) => &mut triage.advice,
                (Verdict::Inconclusive | Verdict::Undocumented | Verdict::NoData, _) => &mut triage.open,
            };
            list.push(finding);
        }
        triage
    }

    /// What failed, breaches first.
    pub fn failed(&self) -> impl Iterator<Item = &'a Finding> + '_ {
        self.breaches.iter().chain(&self.advice).copied()
    }
}
