//! What a standstill of the prober's machine takes from what was found. It may not have kept the probe from anything, but a
//! server on the same machine stood still as well, and some take their clock for having jumped then and leave the time
//! out: HAProxy does, for more than a tenth of a second. Their windows last longer by as much.

use super::conformance::checks::late;
use super::outcome::{Comparison, Verdict};
use crate::summary::finding::{self, Finding};
use crate::time::Nanos;

/// A shorter one changes nothing that can be told from a busy machine.
const LEAST: Nanos = Nanos::from_millis(100);

/// The checks that hold a server's clock to the prober's.
const BY_THE_CLOCK: [&str; 3] = ["server.false-refusal", "server.honest-hint", late::ID];

/// What stood still, if it was for so long that it matters.
pub fn mattered(stood_still: Nanos) -> Option<String> {
    (stood_still >= LEAST).then(|| {
        format!(
            "the prober's machine stood still for {stood_still}, and a server on it may leave that time out; \
             probe from a machine that is less busy"
        )
    })
}

/// Whether something that a standstill may have made is held against the documents.
pub fn may_explain(comparisons: &[Comparison]) -> bool {
    comparisons.iter().any(|comparison| comparison.verdict == Verdict::Differs)
}

/// Failures that a standstill may have made are none: whether there were any.
pub fn doubt(checks: &mut [Finding], hindrance: &str) -> bool {
    let is_doubtful =
        |check: &Finding| check.verdict == finding::Verdict::Fail && BY_THE_CLOCK.contains(&check.check.as_str());
    let mut any = false;
    for check in checks.iter_mut().filter(|check| is_doubtful(check)) {
        check.verdict = finding::Verdict::Inconclusive;
        check.headline = format!("{}, but {hindrance}", check.headline);
        check.remedy.clear();
        any = true;
    }
    any
}
