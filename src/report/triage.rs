//! Findings in the order a reader needs them.

use super::format;
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

    /// `5 checks passed, 2 had nothing to look at, 1 undocumented`.
    pub fn tally(&self) -> String {
        let passed = format!("{} passed", format::plural(self.passed.len() as u64, "check"));
        if self.open.is_empty() { passed } else { format!("{passed}, {}", self.undecided()) }
    }

    /// Why checks are open: `2 had nothing to look at, 1 undocumented, 1 inconclusive`, without what there was none of.
    pub fn undecided(&self) -> String {
        let kinds = [
            (Verdict::NoData, "had nothing to look at"),
            (Verdict::Undocumented, "undocumented"),
            (Verdict::Inconclusive, "inconclusive"),
        ];
        let count = |verdict| self.open.iter().filter(|finding| finding.verdict == verdict).count() as u64;
        let counted = kinds.map(|(verdict, words)| (count(verdict), words)).into_iter().filter(|&(count, _)| count > 0);
        counted.map(|(count, words)| format!("{} {words}", format::count(count))).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn checks_are_open_for_reasons_and_only_those_that_there_were() {
        let mut summary = sample::passing();
        let verdicts = [Verdict::Pass, Verdict::NoData, Verdict::NoData, Verdict::Inconclusive];
        let finding = summary.findings[0].clone();
        summary.findings =
            verdicts.map(|verdict| crate::summary::finding::Finding { verdict, ..finding.clone() }).into();
        assert_eq!(Triage::of(&summary).tally(), "1 check passed, 2 had nothing to look at, 1 inconclusive");
        summary.findings.truncate(1);
        assert_eq!(Triage::of(&summary).tally(), "1 check passed");
    }
}
