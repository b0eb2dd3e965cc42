//! What rests on too little passes nothing: a server that serves nothing keeps no promise of how much it serves.

use super::testing::{ANCHOR, case};
use crate::policy::model::ClassId;
use crate::policy::reading::Reading;
use crate::policy::signals::ResponseView;
use crate::probe::conformance::checks::{Scene, edge, full, race, refused};
use crate::probe::conformance::conduct::Order;
use crate::probe::conformance::trial::{Step, Trial};
use crate::probe::conformance::{Case, Transcript};
use crate::probe::outcome::outcome;
use crate::probe::prober::End;
use crate::probe::witness::{Guise, Parcel, Witness};
use crate::probe::{Brief, Examination};
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

const LIMIT: (u32, Nanos) = (10, Nanos::from_secs(10));

/// An answer of a status, with what belongs to a refusal if it is one.
fn answer(status: u16, sent: Nanos, parcel: Parcel) -> Witness {
    let done = sent + Nanos::from_millis(5);
    let headers = [("retry-after".to_owned(), "5".to_owned())];
    let (headers, body): (&[_], &[u8]) = if status == 429 { (&headers, b"{\"code\":5001}") } else { (&[], b"") };
    let received = done + Nanos(ANCHOR.unix_nanos);
    let response = ResponseView { status, headers, body, received, class: Some(ClassId(0)) };
    Witness::of(parcel, sent, done, &case(&[LIMIT], Reading::Rolling).policy, response)
}

/// Plays the trials against a server that answers all alike.
fn played(status: u16, requests: u32) -> Examination {
    answered(Examination::of_promises, requests, |_| status)
}

/// The same of any examination, answered by how many were sent before.
fn answered(
    examination: impl Fn(Brief, Case) -> Examination,
    requests: u32,
    status: impl Fn(u32) -> u16,
) -> Examination {
    let within = Nanos::from_secs(1_000);
    let brief = Brief { documented: Vec::new(), requests, within, second: true, anchor: ANCHOR };
    let mut examination = examination(brief, case(&[LIMIT], Reading::Rolling));
    let mut now = Nanos::ZERO;
    loop {
        match examination.next(now) {
            Order::Done => return examination,
            Order::Wait(until) => now = until,
            Order::Send(parcel) => {
                let one = answer(status(examination.spent()), now, parcel);
                now = one.done;
                examination.answered(&vec![one; parcel.count as usize]);
            }
        }
    }
}

#[test]
fn who_refuses_everything_passes_nothing_that_is_about_what_is_served() {
    let findings = played(429, 1_000).findings();
    for id in [full::ID, race::ID, edge::ID] {
        let finding = findings.iter().find(|finding| finding.check == id).unwrap();
        assert_eq!(finding.verdict, Verdict::NoData, "{finding:#?}");
        assert!(finding.headline.contains("nothing was served"), "{finding:#?}");
    }
}

/// What `server.refused-requests` says of a client that had so many served, was refused so often while it was told to wait for
/// half a window, and was let in when it was told.
fn hammered(served: u32, refused: u32) -> Finding {
    let mut transcript = Transcript::default();
    let mut send = |step, status, count: u32| {
        for nth in 0..count {
            let parcel = Parcel { client: 0, guise: Guise::Own, count: 1 };
            let witness = answer(status, Nanos::from_millis(u64::from(nth)), parcel);
            transcript.add(Some((Trial::HammerWhileRefused, step)), &[witness]);
        }
    };
    send(Step::Fill(0), 200, served);
    send(Step::Fill(0), 429, 1);
    send(Step::Hammer, 429, refused);
    send(Step::AsFirstTold, 200, 1);
    let case = case(&[LIMIT], Reading::Rolling);
    refused::check(&Scene::new(&case, &transcript))
}

#[test]
fn refused_requests_that_would_not_have_used_all_up_show_nothing() {
    assert_eq!(hammered(10, 5).verdict, Verdict::Pass);
    // More is let through than is documented.
    let too_few = hammered(16, 7);
    assert_eq!(too_few.verdict, Verdict::Inconclusive, "{too_few:#?}");
    assert_eq!(hammered(16, 8).verdict, Verdict::Pass);
}

/// What `server.full-quota` says of so many that are served one after the other, so far apart, and then one that is refused.
fn filled(reading: Reading, served: u32, apart: Nanos) -> Finding {
    let mut transcript = Transcript::default();
    for nth in 0..=served {
        let parcel = Parcel { client: 0, guise: Guise::Own, count: 1 };
        let status = if nth == served { 429 } else { 200 };
        let witness = answer(status, Nanos::from_secs(60) + apart * u64::from(nth), parcel);
        transcript.add(Some((Trial::ComeBackAsTold, Step::Fill(0))), &[witness]);
    }
    let case = case(&[LIMIT], reading);
    full::check(&Scene::new(&case, &transcript))
}

#[test]
fn what_comes_while_quota_runs_in_is_not_said_to_come_at_once() {
    let at_once = filled(Reading::Rolling, 10, Nanos::from_millis(10));
    assert_eq!(at_once.verdict, Verdict::Pass, "{at_once:#?}");
    assert_eq!(at_once.headline, "At most 10 came within 105ms, 10 are documented at once");
    // A bucket fills up meanwhile; nothing runs into a rolling window.
    let bucket = filled(Reading::TokenBucket, 17, Nanos::from_millis(480));
    assert_eq!(bucket.verdict, Verdict::Pass, "{bucket:#?}");
    assert!(bucket.headline.contains("17 came within 8.165s"), "{bucket:#?}");
    let rolling = filled(Reading::Rolling, 17, Nanos::from_millis(480));
    assert_eq!(rolling.verdict, Verdict::Inconclusive, "{rolling:#?}");
    assert!(rolling.headline.contains("17 came within 8.165s"), "{rolling:#?}");
}

#[test]
fn why_something_was_not_tried_is_what_ended_the_probe() {
    let reason = |status, requests, interrupted| {
        let examination = played(status, requests);
        outcome(&examination, &[], Nanos::from_secs(1), interrupted).not_tried.unwrap()
    };
    let barred = reason(401, 1_000, false);
    assert!(barred.contains("status 401, 402, 403 or 451"), "{barred}");
    assert!(reason(500, 1_000, false).contains("no answer that says anything"));
    assert!(reason(429, 3, false).contains("raise --budget"));
    assert_eq!(reason(429, 3, true), "it was stopped");
}

#[test]
fn nothing_more_is_tried_on_a_server_that_never_let_anybody_in_again() {
    let examination = answered(Examination::new, 1_000, |before| if before < 10 { 200 } else { 429 });
    assert_eq!(examination.prober().ended(), Some(End::NeverRecovered));
    assert!(examination.transcript().entries().iter().all(|entry| entry.purpose.is_none()));
    let outcome = outcome(&examination, &[], Nanos::from_secs(1), false);
    assert!(outcome.trials.iter().all(|trial| !trial.made) && !outcome.trials.is_empty(), "{outcome:#?}");
    assert!(outcome.not_tried.is_some_and(|why| why.contains("raise --budget or --within")));
}
