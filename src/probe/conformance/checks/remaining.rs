//! `server.remaining-steps`: what is told to remain falls by one with each request, and what remains can be used.
//!
//! Looks at requests that went one after the other, each alone. What runs in or begins anew only adds to what remains.

use std::collections::HashMap;

use super::{Scene, finding, rests_first};
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::transcript::Entry;
use crate::probe::conformance::trial::Step;
use crate::probe::witness::Witness;
use crate::summary::finding::{Evidence, Finding, Verdict};

pub const ID: &str = "server.remaining-steps";

/// So much is shown.
const SHOWN: usize = 3;

pub fn check(scene: &Scene<'_>) -> Finding {
    if scene.case.rates().any(|(_, cost)| cost != 1) {
        return nothing(ID, "Requests cost more than one, and what remains is told in points");
    }
    // Another limit may refuse, of which the headers do not tell.
    let one_limit = scene.case.rates().count() == 1;
    let mut evidence: Vec<Evidence> = Vec::new();
    let (mut looked_at, mut wrong) = (0, 0);
    let mut sizes: HashMap<u32, u32> = HashMap::new();
    scene.transcript.entries().iter().for_each(|entry| *sizes.entry(entry.volley).or_default() += 1);
    let alone = |entry: &Entry| sizes[&entry.volley] == 1;
    for client in 0..2 {
        let own: Vec<&Entry> = scene.transcript.entries().iter().filter(|it| it.witness.client == client).collect();
        for pair in own.windows(2) {
            let &[one, other] = pair else { continue };
            let plain = is_plain(&one.witness) && is_plain(&other.witness);
            if !(alone(one) && alone(other) && plain && one.witness.is_admitted()) {
                continue;
            }
            let Some(left) = one.witness.signal.told.remaining else { continue };
            looked_at += 1;
            if let Some(why) = mistake(left, &other.witness, one_limit || is_of_tightest(other)) {
                wrong += 1;
                if wrong <= SHOWN {
                    evidence.push(scene.evidence(&one.witness, format!("{left} said to remain")));
                    evidence.push(scene.evidence(&other.witness, why));
                }
            }
        }
    }
    let found = match (looked_at, wrong) {
        (0, _) => return nothing(ID, "No answer of a request that was alone said what remains"),
        (_, 0) => {
            finding(ID, Verdict::Pass, format!("What remains fell by one with each of {looked_at} requests"), vec![])
        }
        (_, wrong) => {
            let headline = format!("What remains is wrong after {wrong} of {looked_at} requests");
            finding(ID, Verdict::Fail, headline, evidence)
        }
    };
    Finding { looked_at, wrong: wrong as u64, ..found }.with_remedy(
        "Tell what is left once the request itself is counted: one less each time, and all of it to be used",
    )
}

/// Who fills after a rest meets the tightest limit first.
fn is_of_tightest(entry: &Entry) -> bool {
    matches!(entry.purpose, Some((trial, Step::Fill(_))) if rests_first(trial))
}

fn is_plain(witness: &Witness) -> bool {
    witness.guise.is_own() && (witness.is_admitted() || witness.is_refused())
}

/// What is wrong with an answer after one that said that so much remained.
fn mistake(left: u32, next: &Witness, one_limit: bool) -> Option<String> {
    if next.is_refused() {
        return (one_limit && left > 0).then(|| format!("refused, though {left} should have remained"));
    }
    let now = next.signal.told.remaining?;
    (now + 1 < left).then(|| format!("fell by {} with one request", left - now))
}
