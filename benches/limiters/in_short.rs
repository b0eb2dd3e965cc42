//! The suite's report in short: over all workloads, and by each.

use quotaproof::limiter::suite::{Accuracy, Defect, Found, Report};

use crate::report::data::{AtWorkload, Rightness};

pub fn in_short(report: &Report) -> Rightness {
    let sum = |of: fn(&Accuracy) -> u64| report.accuracy.iter().map(of).sum();
    Rightness {
        claim: report.claim.clone(),
        exact: report.is_right(),
        defects: report.defects().into_iter().map(|defect| Defect::title(defect).to_owned()).collect(),
        unknown: report.unknown(),
        untold: report.untold().into_iter().map(str::to_owned).collect(),
        examples: report.checks.iter().flat_map(|checked| &checked.found).map(example).collect(),
        decisions: sum(|it| it.decisions),
        over: sum(|it| it.over),
        under: sum(|it| it.under),
        waits: sum(|it| it.waits),
        short_waits: sum(|it| it.short_waits),
        long_waits: sum(|it| it.long_waits),
        fairness: report.accuracy.iter().map(|it| it.fairness).fold(1.0, f64::min),
        by_workload: report.accuracy.iter().map(at_workload).collect(),
    }
}

fn at_workload(it: &Accuracy) -> AtWorkload {
    AtWorkload {
        workload: it.workload.to_owned(),
        decisions: it.decisions,
        over: it.over,
        under: it.under,
        worst_window: it.worst_window,
        worst_window_allowed: it.worst_window_allowed,
        waits: it.waits,
        short_waits: it.short_waits,
        short_by: it.short_by.to_string(),
        long_waits: it.long_waits,
        fairness: it.fairness,
    }
}

fn example(found: &Found) -> String {
    let Found { defect, times, example } = found;
    format!("{}, {times} times, first {example}", defect.title())
}
