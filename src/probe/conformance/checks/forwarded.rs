//! `server.forwarded-address`: a client that is refused is not let in because it says that its request was forwarded from
//! another address.
//!
//! Its own requests and those with made-up addresses go in turns. That each of the latter is admitted between two refusals of
//! the former cannot be chance.

use super::{Scene, finding};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::{Guise, Witness};
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

pub const ID: &str = "server.forwarded-address";

/// Whether it was over before more than half a request's quota can have run in: then chance lets one in at the most.
fn is_quick(scene: &Scene<'_>, turns: &[&Witness]) -> bool {
    let (Some(terms), Some(first), Some(last)) = (scene.terms, turns.first(), turns.last()) else { return false };
    let span = last.done.saturating_sub(first.sent).as_secs_f64();
    span * f64::from(terms.at_once) <= terms.window.as_secs_f64() / 2.0
}

/// Why that may be chance, and what would settle it.
fn too_slow(turns: &[&Witness]) -> String {
    let took: Vec<Nanos> = turns.iter().map(|witness| witness.done.saturating_sub(witness.sent)).collect();
    let longest = took.into_iter().max().unwrap_or_default().roughly();
    format!(
        "though answers took so long (up to {longest}) that as much quota may have run in meanwhile: probe from nearer to the \
         server, or a request with a longer window"
    )
}

/// Whether a made-up address brings another quota, where that was seen.
pub fn is_believed(scene: &Scene<'_>) -> Option<bool> {
    match check(scene).verdict {
        Verdict::Pass => Some(false),
        Verdict::Fail => Some(true),
        _ => None,
    }
}

pub fn check(scene: &Scene<'_>) -> Finding {
    let turns = scene.step(Trial::WhileRefused, |step| step == Step::Forge);
    let between: Vec<_> = turns
        .windows(3)
        .filter(|three| three[1].guise != Guise::Own && three[0].is_refused() && three[2].is_refused())
        .map(|three| three[1])
        .collect();
    if between.is_empty() {
        return nothing(ID, "The client was not refused long enough to try");
    }
    let admitted = between.iter().filter(|witness| witness.is_admitted()).count();
    let told = |witness: &&Witness| {
        scene.evidence(witness, if witness.is_admitted() { "admitted" } else { "refused as without it" })
    };
    let evidence = between.iter().take(3).map(told).collect();
    let count = between.len();
    // A server with a rhythm of its own would let some of them in as well.
    let own_admitted = turns.iter().any(|witness| witness.guise == Guise::Own && witness.is_admitted());
    let (verdict, headline) = match admitted {
        0 => (Verdict::Pass, format!("Refused with {count} made-up addresses as with its own")),
        admitted if admitted == count && count > 1 && !own_admitted => match is_quick(scene, &turns) {
            true => (Verdict::Fail, format!("Admitted with {count} made-up addresses while refused with its own")),
            false => (Verdict::Inconclusive, format!("Admitted with {count} made-up addresses, {}", too_slow(&turns))),
        },
        admitted => (Verdict::Inconclusive, format!("Admitted with {admitted} of {count} made-up addresses")),
    };
    finding(ID, verdict, headline, evidence)
        .with_remedy("Believe X-Forwarded-For from your own proxies alone, and key limits by the credential")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::reading::Reading;
    use crate::policy::signals::Signal;
    use crate::probe::conformance::tests::case;
    use crate::probe::conformance::transcript::Transcript;
    use crate::probe::conformance::trial::FORGED;

    /// What is said of a server that believes the header, of ten a second, if each answer takes so many milliseconds.
    fn believed(took: u64) -> Finding {
        let mut transcript = Transcript::default();
        for (nth, forged) in (0..).zip(FORGED) {
            let sent = Nanos::from_millis(nth * took);
            let witness = Witness {
                client: 0,
                guise: if forged { Guise::Forwarded(nth as u8) } else { Guise::Own },
                sent,
                done: sent + Nanos::from_millis(took),
                status: if forged { 200 } else { 429 },
                claimed: None,
                signal: Signal { refused: !forged, ..Signal::default() },
                seen: String::new(),
            };
            transcript.add(Some((Trial::WhileRefused, Step::Forge)), &[witness]);
        }
        let case = case(&[(10, Nanos::from_secs(1))], Reading::Rolling);
        check(&Scene::new(&case, &transcript))
    }

    #[test]
    fn what_took_too_long_to_prove_anything_says_so_and_what_would() {
        assert_eq!(believed(5).verdict, Verdict::Fail);
        let slow = believed(80);
        assert_eq!(slow.verdict, Verdict::Inconclusive);
        assert!(slow.headline.contains("(up to 80ms)") && slow.headline.contains("probe from nearer"), "{slow:#?}");
    }
}
