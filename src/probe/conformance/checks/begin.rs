//! `server.window-begin`: windows begin when the documents say.
//!
//! On the clock: whoever has had nothing in a window is not refused in it, however much it had before. From the first request:
//! nothing more is admitted before a window has passed since then.

use super::{Scene, finding, rests_first};
use crate::policy::model::Algorithm;
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::witness::Witness;
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

pub const ID: &str = "server.window-begin";

/// The server's clock and this one are this near to each other.
const CLOCKS_DIFFER: Nanos = Nanos::from_secs(1);

pub fn check(scene: &Scene<'_>) -> Finding {
    let Some(terms) = scene.terms else { return nothing(ID, "No rate is documented") };
    let all = |algorithm: Algorithm| scene.case.rates().all(|(rate, _)| rate.algorithm == algorithm);
    if scene.case.rates().any(|(rate, _)| rate.penalty.is_some()) {
        return nothing(ID, "A penalty hides when windows begin");
    }
    match scene.case.rates().count() {
        _ if all(Algorithm::FixedFirstHit) => from_first_request(scene, terms.window),
        1 if all(Algorithm::FixedAligned) => on_the_clock(scene, terms.window),
        _ if all(Algorithm::FixedAligned) => {
            nothing(ID, "Of several limits, another may be the reason for what is refused")
        }
        _ => nothing(ID, "The documents do not say when windows begin"),
    }
}

fn on_the_clock(scene: &Scene<'_>, per: Nanos) -> Finding {
    let anchor = scene.case.anchor.unix_nanos;
    let into = |at: Nanos| Nanos((anchor.saturating_add(at.0)) % per.0.max(1));
    let entries = scene.transcript.entries().iter().map(|entry| &entry.witness);
    let mut last_admitted: Option<&Witness> = None;
    let mut looked_at = 0;
    for witness in entries.filter(|it| it.client == 0) {
        if witness.is_admitted() || !witness.guise.is_own() {
            last_admitted = Some(witness);
            continue;
        }
        let since = into(witness.sent);
        let is_inside = since >= CLOCKS_DIFFER && since.saturating_add(witness.done - witness.sent) < per;
        let Some(before) = last_admitted.filter(|_| witness.is_refused() && is_inside) else { continue };
        looked_at += 1;
        let began = witness.sent.saturating_sub(since);
        if before.done.saturating_add(CLOCKS_DIFFER) < began {
            let evidence = vec![
                scene.evidence(before, "the last that was admitted"),
                scene.evidence(
                    witness,
                    format!("refused {since} after a window had begun in which nothing was admitted"),
                ),
            ];
            let headline = "Refused in a window of the clock in which nothing had been admitted";
            return finding(ID, Verdict::Fail, headline, evidence)
                .with_remedy("Begin windows at whole multiples of their length, or document when they begin");
        }
    }
    match looked_at {
        0 => nothing(ID, "Nothing was refused well inside a window"),
        _ => Finding {
            looked_at,
            ..finding(ID, Verdict::Pass, "Each refusal followed requests of its window on the clock", vec![])
        },
    }
}

fn from_first_request(scene: &Scene<'_>, per: Nanos) -> Finding {
    let mut looked_at = 0;
    for trial in Trial::OWN.into_iter().filter(|trial| rests_first(*trial)) {
        let own = scene.step(trial, |step| !matches!(step, Step::Fill(1)));
        let Some(first) = own.first() else { continue };
        let Some(refused) = own.iter().position(|witness| witness.is_refused()) else { continue };
        let Some(next) = own[refused..].iter().find(|witness| witness.is_admitted()) else { continue };
        looked_at += 1;
        if next.done < first.sent.saturating_add(per) {
            let after = next.done.saturating_sub(first.sent);
            let evidence = vec![
                scene.evidence(first, "the first after a rest"),
                scene.evidence(own[refused], "refused"),
                scene.evidence(next, format!("admitted {after} after the first")),
            ];
            let headline = format!("Admitted again {after} after the first request, in a window of {per}");
            return finding(ID, Verdict::Fail, headline, evidence)
                .with_remedy("Begin a window with the first request, or document when windows begin");
        }
    }
    match looked_at {
        0 => nothing(ID, "Nobody was admitted again after being refused"),
        _ => Finding {
            looked_at,
            ..finding(ID, Verdict::Pass, "Nothing was admitted again before a window had passed", vec![])
        },
    }
}
