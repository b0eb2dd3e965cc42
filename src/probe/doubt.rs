//! Whether what a probe took for the server's limiter can be held against anybody.
//!
//! What was measured rests on premises: that what was counted stays counted, that each client has a quota of its own, that
//! requests at the same moment are counted one by one, that one limit decided. Where the checks show that one of them does not hold, or where what
//! was sent afterwards was decided otherwise than such a limiter would have, another limiter may be there: then it is in
//! doubt, whatever it looks like.

use super::conformance::checks::{connection, lapse, race};
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
    } else if broken(connection::ID) {
        format!("each connection has a quota of its own ({}), and it was measured over several", connection::ID)
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

/// What volleys of trials tell of the limiter. Of several limits another may have refused, so that only what was admitted does.
fn later(examination: &Examination, prober: &Prober, shape: Shape) -> Vec<Vec<Exchange>> {
    let one_limit = has_one_limit(examination);
    let forgets_after = prober.belief().of(shape).into_iter().map(Hypothesis::forgets_after).max().unwrap_or_default();
    let tells = |entry: &&&Entry| entry.witness.guise.is_own() && (one_limit || entry.witness.is_admitted());
    let exchange = |entry: &&Entry| prober.as_seen(entry.witness.exchange());
    let of_trials = |entry: &&Entry| entry.purpose.is_some();
    let entries: Vec<&Entry> = examination.transcript().entries().iter().filter(of_trials).collect();
    let known = while_known(&entries, forgets_after, shape.charges_refused);
    known.map(|volley| volley.iter().filter(tells).map(exchange).collect()).collect()
}

/// The volleys while it is known what was counted: not after a request of which it is not, until there was a silence of which
/// the limiter comes back with nothing counted.
fn while_known<'a>(
    entries: &'a [&'a Entry],
    forgets_after: Nanos,
    charges_refused: bool,
) -> impl Iterator<Item = &'a [&'a Entry]> {
    let (mut is_counted, mut last_done) = (true, Nanos::ZERO);
    let is_known = move |entry: &&Entry| match entry.witness.guise {
        Guise::Own | Guise::Reconnected => entry.witness.answer() != Answer::Lost,
        Guise::Forwarded(_) => entry.witness.is_refused() && !charges_refused,
        Guise::Beside(_) => false,
    };
    let follows = move |volley: &&[&Entry]| {
        is_counted |= volley.iter().all(|entry| entry.witness.sent >= last_done.saturating_add(forgets_after));
        is_counted &= volley.iter().all(is_known);
        last_done = volley.iter().map(|entry| entry.witness.done).fold(last_done, Nanos::max);
        is_counted
    };
    entries.chunk_by(|one, other| one.volley == other.volley).filter(follows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::signals::Signal;
    use crate::probe::conformance::transcript::Transcript;
    use crate::probe::witness::Witness;

    const SECOND: Nanos = Nanos::from_secs(1);
    const NONE: [u32; 0] = [];

    /// The numbers of the volleys that are known, of some that go out at these seconds with these answers, 0 for none.
    fn known(volleys: &[(u64, &[(Guise, u16)])], charges_refused: bool) -> Vec<u32> {
        let mut transcript = Transcript::default();
        for (at, answers) in volleys {
            let witness = |&(guise, status): &(Guise, u16)| Witness {
                client: 0,
                guise,
                sent: SECOND * *at,
                done: SECOND * *at,
                status,
                claimed: None,
                signal: Signal { refused: status == 429, ..Signal::default() },
                seen: String::new(),
            };
            transcript.add(None, &answers.iter().map(witness).collect::<Vec<Witness>>());
        }
        let entries: Vec<&Entry> = transcript.entries().iter().collect();
        while_known(&entries, SECOND * 10, charges_refused).map(|volley| volley[0].volley).collect()
    }

    #[test]
    fn nothing_is_known_after_one_request_of_a_volley_may_have_counted_until_everything_is_forgotten() {
        let own = |status| (Guise::Own, status);
        let served: &[_] = &[own(200)];
        assert_eq!(known(&[(1, served), (2, &[own(200), own(429)]), (3, served)], false), [0, 1, 2]);
        assert_eq!(known(&[(1, served), (2, &[own(200), own(0)]), (3, served), (12, served)], false), [0]);
        assert_eq!(known(&[(1, served), (2, &[own(200), own(0)]), (3, served), (13, served)], false), [0, 3]);
        assert_eq!(known(&[(2, &[own(200), (Guise::Beside(0), 200)]), (3, served)], false), NONE);
    }

    #[test]
    fn a_forged_address_that_was_refused_counted_only_where_refusals_do() {
        let forged = |status| (Guise::Forwarded(1), status);
        let volleys = |status| known(&[(1, &[forged(status)]), (2, &[(Guise::Own, 200)])], false);
        assert_eq!((volleys(429), volleys(200)), (vec![0, 1], NONE.to_vec()));
        assert_eq!(known(&[(1, &[forged(429)]), (2, &[(Guise::Own, 200)])], true), NONE);
    }
}
