//! What a check holds against a server though the limiter that was measured explains it, and the documents leave it open.

use super::conformance::Case;
use super::conformance::checks::lapse;
use super::family::Family;
use super::outcome::{Comparison, Measured, Verdict};
use crate::policy::model::Algorithm;
use crate::summary::finding::{self, Finding};

const FALSE_REFUSAL: &str = "server.false-refusal";

/// A limit on requests at the same time counts nothing that could be forgotten.
pub fn lapse_of_none(checks: &mut [Finding], fitted: Option<&Measured>) {
    if fitted.is_some_and(|it| it.shape.family == Family::Concurrency) {
        let why = "a limit on requests at the same time lets as much in whenever others are done";
        soften(checks, lapse::ID, finding::Verdict::Inconclusive, why);
    }
}

/// An estimate from two windows refuses below the limit, which plain words do not mean, and does not rule out. Only where what
/// was measured is as documented, and not in doubt: then it explains what was refused.
pub fn estimate(checks: &mut [Finding], case: &Case, measured: Option<&Measured>, comparisons: &[Comparison]) {
    let family = measured.map(|measured| measured.shape.family);
    let is_estimate = matches!(family, Some(Family::RollingCounter | Family::RollingCounterFirstHit));
    let is_open = case.rates().all(|(rate, _)| rate.algorithm == Algorithm::Unspecified);
    if is_estimate && is_open && comparisons.iter().all(|it| it.verdict != Verdict::Differs) {
        let why = "as an estimate from two windows does, which was measured";
        soften(checks, FALSE_REFUSAL, finding::Verdict::Undocumented, why);
    }
}

fn soften(checks: &mut [Finding], id: &str, verdict: finding::Verdict, why: &str) {
    for check in checks.iter_mut().filter(|it| it.check == id && it.verdict == finding::Verdict::Fail) {
        check.verdict = verdict;
        check.headline = format!("{}: {why}", check.headline);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::conformance::list::nothing;
    use crate::probe::family::Shape;

    #[test]
    fn who_limits_requests_at_the_same_time_forgets_nothing() {
        let verdict = |family: Family| {
            let shape = Shape::from(family);
            let (limit, window_s, penalty_s, refill, off_the_clock_s) = ((4, 4), None, None, None, None);
            let measured =
                Measured { shape, limit, window_s, family_is_settled: true, penalty_s, refill, off_the_clock_s };
            let mut checks = [Finding { verdict: finding::Verdict::Fail, ..nothing(lapse::ID, "Forgets") }];
            lapse_of_none(&mut checks, Some(&measured));
            checks[0].verdict
        };
        assert_eq!(verdict(Family::Concurrency), finding::Verdict::Inconclusive);
        assert_eq!(verdict(Family::RollingLog), finding::Verdict::Fail);
    }
}
