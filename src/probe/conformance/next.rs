//! Limits besides the one that is met first: the next one is met by who stays below the first, where that is affordable.

use super::terms::{Case, at_once, most_within};
use super::transcript::Transcript;
use super::trial::Trial;
use crate::policy::model::{Limit, RateLimit};
use crate::policy::reading::Reading;
use crate::policy::words::limit_text;
use crate::probe::outcome::{Comparison, Verdict};
use crate::probe::witness::Witness;
use crate::time::Nanos;

/// A limit that was not identified, beside what was seen of it.
pub fn compared(case: &Case, transcript: &Transcript, rate: &RateLimit) -> Comparison {
    let cost = case.policy.cost(&rate.cost, case.class).max(1);
    let paced = case.next().filter(|(next, _)| *next == rate).and_then(|_| paced(transcript));
    let (measured, verdict) = match paced {
        Some(Paced { admitted, span, refused: true }) => {
            let documented = at_once(rate, cost);
            // What a bucket gains meanwhile, or an estimate forgets.
            let share = span.as_secs_f64() / rate.per.as_secs_f64();
            let runs_in = (f64::from(rate.allow) * share / f64::from(cost)).ceil() as u32 + 1;
            let verdict = match most_within(rate, cost, span) {
                _ if admitted < documented && is_estimated(case) => Verdict::NotSettled,
                _ if admitted < documented => Verdict::Differs,
                Some(most) if admitted > most => Verdict::Differs,
                Some(_) if admitted <= documented + runs_in => Verdict::AsDocumented,
                // The edge of a window would explain it.
                _ => Verdict::NotSettled,
            };
            (format!("refused after {admitted} within {span}, while no shorter limit was used up"), verdict)
        }
        Some(Paced { admitted, span, .. }) => {
            let over = most_within(rate, cost, span).is_some_and(|most| admitted > most);
            let verdict = if over { Verdict::Differs } else { Verdict::NotReached };
            (format!("not met by {admitted} within {span}"), verdict)
        }
        None => {
            let most = most_admitted(transcript, rate.per);
            (
                format!("not reached within the budget: at most {most} were let in within {}", rate.per),
                Verdict::NotReached,
            )
        }
    };
    Comparison {
        what: "another limit".to_owned(),
        documented: limit_text(&Limit::Rate(rate.clone())),
        measured,
        verdict,
    }
}

/// Estimates from two windows may refuse who stays below the limit: the tightest, too.
fn is_estimated(case: &Case) -> bool {
    case.rates().any(|(rate, _)| rate.readings().contains(&Reading::RollingCounter))
}

/// What came of the requests that were sent so far apart that the tightest limit never had a reason to refuse one.
struct Paced {
    admitted: u32,
    span: Nanos,
    refused: bool,
}

fn paced(transcript: &Transcript) -> Option<Paced> {
    let sent: Vec<&Witness> = transcript.of(Trial::NextLimit).map(|entry| &entry.witness).collect();
    let (first, last) = (sent.first()?, sent.last()?);
    let admitted = sent.iter().filter(|witness| witness.is_admitted()).count() as u32;
    Some(Paced { admitted, span: last.done.saturating_sub(first.sent), refused: last.is_refused() })
}

/// The most that the first client had within any span of this length.
fn most_admitted(transcript: &Transcript, per: Nanos) -> u32 {
    let own = transcript.entries().iter().map(|entry| &entry.witness);
    let mut moments: Vec<Nanos> =
        own.filter(|witness| witness.client == 0 && witness.is_admitted()).map(|witness| witness.sent).collect();
    moments.sort_unstable();
    let within =
        |(at, moment): (usize, &Nanos)| at + 1 - moments.partition_point(|other| other.saturating_add(per) <= *moment);
    moments.iter().enumerate().map(within).max().unwrap_or_default() as u32
}
