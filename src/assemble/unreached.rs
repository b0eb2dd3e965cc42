//! What is said of a run that never got a connection: what was tried, how often, what came of it, and what to do.

use super::RunFacts;
use super::conclusion::{counted, how_far};
use crate::device::Failure;
use crate::summary::Summary;
use crate::verify::exhibit::failure_in_words;

/// A target to which no connection was ever made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Unreached {
    pub headline: String,
    /// The weightiest first.
    pub reasons: Vec<String>,
}

/// Each way in which no connection comes about: its name in the summary, and what to look at.
const WAYS: [(Failure, &str, &str); 3] = [
    (Failure::ConnectRefused, "connect_refused", "check that the server is running and listens at this address"),
    (
        Failure::TlsFailed,
        "tls_failed",
        "check that the port speaks TLS and that its certificate is trusted; `ca_file` of the target names an authority \
         of your own",
    ),
    (Failure::ConnectFailed, "connect_failed", "check the address, the way to it and the firewalls in between"),
];

impl Unreached {
    /// None for a target that was reached.
    pub fn of(summary: &Summary, facts: &RunFacts) -> Option<Self> {
        facts.unreachable.then(|| {
            let tried: Vec<_> = WAYS.map(|(failure, name, advice)| (attempts(summary, name), failure, advice)).into();
            let tried: Vec<_> = tried.into_iter().filter(|(count, ..)| *count > 0).collect();
            let headline = headline(summary, tried.iter().map(|&(count, failure, _)| (count, failure)));
            let most = tried.iter().max_by_key(|(count, ..)| *count);
            let last = facts.connect_error.as_ref().map(|error| format!("The last attempt came to: {error}."));
            let advice = most.map(|(_, _, advice)| format!("To reach it, {advice}."));
            let given_up = summary.run.gave_up.then(|| {
                let (ran, planned) = how_far(summary);
                format!("The run was given up after {ran} of {planned}, as nothing could come of the rest.")
            });
            Unreached { headline, reasons: [last, advice, given_up].into_iter().flatten().collect() }
        })
    }
}

fn attempts(summary: &Summary, way: &str) -> u64 {
    summary.classes.iter().filter_map(|class| class.failed.get(way)).sum()
}

/// `No connection to http://… could be made: 12 attempts, connection refused 12.`
fn headline(summary: &Summary, tried: impl Iterator<Item = (u64, Failure)> + Clone) -> String {
    let target = &summary.run.target;
    let all: u64 = tried.clone().map(|(count, _)| count).sum();
    let kinds: Vec<String> = tried.map(|(count, failure)| format!("{} {count}", failure_in_words(failure))).collect();
    match all {
        0 => format!("No connection to {target} could be made."),
        all => format!(
            "No connection to {target} could be made: {}, {}.",
            counted(all as usize, "attempt", "attempts"),
            kinds.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{SUMMARY, facts};
    use super::*;

    fn said(failed: &[(&str, u64)], error: Option<&str>, gave_up: bool) -> Unreached {
        let mut summary = SUMMARY.clone();
        let failed = failed.iter().map(|(kind, count)| ((*kind).to_owned(), *count));
        summary.classes[0].failed = failed.collect();
        (summary.run.gave_up, summary.run.duration_s, summary.run.planned_s) = (gave_up, 10.2, 3600.0);
        let connect_error = error.map(str::to_owned);
        Unreached::of(&summary, &RunFacts { unreachable: true, connect_error, ..facts() }).unwrap()
    }

    #[test]
    fn it_says_what_was_tried_how_often_what_came_of_it_and_what_to_do() {
        let said = said(&[("connect_refused", 12), ("reset", 1)], Some("Connection refused (os error 111)"), true);
        assert_eq!(
            said.headline,
            "No connection to the embedded server could be made: 12 attempts, connection refused 12."
        );
        assert_eq!(
            said.reasons,
            [
                "The last attempt came to: Connection refused (os error 111).",
                "To reach it, check that the server is running and listens at this address.",
                "The run was given up after 10 s of 1 h, as nothing could come of the rest.",
            ]
        );
    }

    #[test]
    fn the_advice_fits_what_failed_most() {
        let said = said(&[("connect_refused", 1), ("tls_failed", 3)], None, false);
        assert!(said.headline.ends_with("4 attempts, connection refused 1, no agreement on TLS 3."), "{said:?}");
        assert!(said.reasons[0].contains("certificate"), "{said:?}");
    }

    #[test]
    fn a_run_without_attempts_claims_none_and_a_target_that_was_reached_is_no_case() {
        assert_eq!(said(&[], None, false).headline, "No connection to the embedded server could be made.");
        assert_eq!(Unreached::of(&SUMMARY, &facts()), None);
    }
}
