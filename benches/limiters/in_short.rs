//! The suite's report in one line.

use quotaproof::limiter::suite::{Accuracy, Defect, Found, Report};

use crate::report::data::Rightness;

/// A report of the suite, over all its workloads.
pub fn in_short(report: &Report) -> Rightness {
    let sum = |of: fn(&Accuracy) -> u64| report.accuracy.iter().map(of).sum();
    Rightness {
        claim: report.claim.clone(),
        exact: report.is_right(),
        defects: report.defects().into_iter().map(|defect| Defect::title(defect).to_owned()).collect(),
        examples: report.checks.iter().flat_map(|checked| &checked.found).map(example).collect(),
        decisions: sum(|it| it.decisions),
        over: sum(|it| it.over),
        under: sum(|it| it.under),
        waits: sum(|it| it.waits),
        short_waits: sum(|it| it.short_waits),
        long_waits: sum(|it| it.long_waits),
        fairness: report.accuracy.iter().map(|it| it.fairness).fold(1.0, f64::min),
    }
}

fn example(found: &Found) -> String {
    let Found { defect, times, example } = found;
    format!("{}, {times} times, first {example}", defect.title())
}
