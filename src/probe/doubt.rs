//! Whether what a probe took for the server's limiter can be held against anybody.
//!
//! What was measured rests on premises: that what was counted stays counted, that each client has a quota of its own, that
//! requests at the same moment are counted one by one, that one limit decided. Where the checks show that one of them does not hold, or where what
//! was sent afterwards was decided otherwise than such a limiter would have, another limiter may be there: then it is in
//! doubt, whatever it looks like.

use super::conformance::checks::{lapse, race};
use super::conformance::transcript::Entry;
use super::examination::Examination;
use super::exchange::{Answer, Exchange};
use super::family::{Family, Shape};
use super::hypothesis::Hypothesis;
use super::outcome::{Comparison, Measured, Verdict};
use super::prober::Prober;
use super::witness::Guise;
use crate::summary::finding::{self, Finding};
use crate::time::Nanos;

/// What was measured, and why it is in doubt; None where nothing speaks against it.
pub fn doubt(
    examination: &Examination,
    measured: &Measured,
    comparisons: &[Comparison],
    checks: &[Finding],
) -> Option<String> {
    let broken = |id: &str| checks.iter().any(|it| it.check == id && it.verdict == finding::Verdict::Fail);
    let as_documented = comparisons.iter().all(|comparison| comparison.verdict != Verdict::Differs);
    let contradicted = is_contradicted(examination, measured.shape);
    let one_limit = has_one_limit(examination);
    let named = |it: &Comparison| it.what == "penalty" && it.verdict == Verdict::AsDocumented;
    let added = measured.shape.penalty.is_some() && !comparisons.iter().any(named);
    let why = if broken(lapse::ID) && (contradicted || as_documented || may_be_lapses(measured)) {
        format!("what was counted is forgotten at times ({}), which changes what is let in and when", lapse::ID)
    } else if broken(race::ID) {
        format!("requests at the same moment are not all counted ({}), and it was measured with such", race::ID)
    } else if broken(OVER) && (contradicted || as_documented) {
        format!("more is let through than that explains ({OVER})")
    } else if contradicted && one_limit {
        "what was sent after it was measured was not decided as by such a limiter".to_owned()
    } else if !one_limit && (!as_documented || added) {
        "several limits are documented: whoever meets two of them at a time may take them for one that is neither"
            .to_owned()
    } else {
        return None;
    };
    Some(format!("it looks like a {}: {}, but {why}", measured.shape.title(), measured.text()))
}

const OVER: &str = "server.over-admission";

/// Whether a server that forgets everything in a rhythm looks the same: as windows of which all clients share the begin. Windows
/// on the clock begin at whole multiples of their length.
fn may_be_lapses(measured: &Measured) -> bool {
    let on_the_clock = measured.off_the_clock_s.is_some_and(|(low, high)| low <= 0.0 && 0.0 <= high);
    measured.shape.family.has_phase() && !on_the_clock || measured.shape.family == Family::IntervalRefill
}

/// Whether what was sent in trials was decided otherwise than by any limiter of this shape that explains what was sent before.
fn is_contradicted(examination: &Examination, shape: Shape) -> bool {
    let prober = examination.prober();
    let (mut belief, mut log) = (prober.belief().only(shape), prober.log().clone());
    let surprises = belief.fewest_surprises();
    for volley in later(examination, prober, shape) {
        log.add(&volley);
        belief.see(log.last_volley(), &log);
    }
    let now = log.sightings().iter().map(|sighting| sighting.done).max().unwrap_or_default();
    belief.settle(now, &log);
    belief.fewest_surprises() > surprises
}

/// Of several limits another may have decided, now and while it was measured: then what does not fit proves nothing by itself.
fn has_one_limit(examination: &Examination) -> bool {
    examination.conduct().case().rates().count() == 1
}

/// The volleys of trials while it is known what was counted: not after a request of which it is not, until there was a silence
/// of which such a limiter comes back with nothing counted. Of several limits another may have refused, so that only what was
/// admitted tells.
fn later(examination: &Examination, prober: &Prober, shape: Shape) -> Vec<Vec<Exchange>> {
    let one_limit = has_one_limit(examination);
    let forgets_after = prober.belief().of(shape).into_iter().map(Hypothesis::forgets_after).max().unwrap_or_default();
    let (mut is_counted, mut last_done) = (true, Nanos::ZERO);
    let is_known = |entry: &&Entry| match entry.witness.guise {
        Guise::Own => entry.witness.answer() != Answer::Lost,
        Guise::Forwarded(_) => entry.witness.is_refused() && !shape.charges_refused,
        Guise::Beside(_) => false,
    };
    let mut follows = |volley: &&[&Entry]| {
        is_counted |= volley.iter().all(|entry| entry.witness.sent >= last_done.saturating_add(forgets_after));
        is_counted &= volley.iter().all(is_known);
        last_done = volley.iter().map(|entry| entry.witness.done).fold(last_done, Nanos::max);
        is_counted
    };
    let tells = |entry: &&&Entry| entry.witness.guise == Guise::Own && (one_limit || entry.witness.is_admitted());
    let exchange = |entry: &&Entry| prober.as_seen(entry.witness.exchange());
    let entries: Vec<&Entry> =
        examination.transcript().entries().iter().filter(|entry| entry.purpose.is_some()).collect();
    let known = entries.chunk_by(|one, other| one.volley == other.volley).filter(|volley| follows(volley));
    known.map(|volley| volley.iter().filter(tells).map(exchange).collect()).collect()
}
