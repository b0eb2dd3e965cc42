//! The four policies of TELAIR, which name the class of a request in its answer.

use quotaproof::exit::Exit;
use quotaproof::policy::silence::Topic;
use quotaproof::probe::outcome::Verdict;
use quotaproof::probe::placing::Place;
use quotaproof::scenario::target::{OverloadSpec, ServerSpec};
use quotaproof::time::Nanos;

use crate::world::{Headers, Subject, ask};
use crate::{READINGS, compared, keeps_its_word, measured, open, passes};

const CLASSES: [&str; 4] = ["light", "medium", "heavy", "auth"];

/// A request of the class, with one of each other class, one that fails and one without limits besides.
fn telair(class: &str) -> Subject {
    let account = |name: &str| -> Headers { vec![("x-user".to_owned(), name.to_owned())] };
    let path = format!("/{class}/x");
    let subject = Subject::new("telair", class, ["one", "two"].map(|name| ask("GET", &path, &account(name), "")));
    let others = CLASSES.into_iter().filter(|other| *other != class);
    let subject = others.fold(subject, |subject, other| subject.and("GET", &format!("/{other}/x"), ""));
    let subject = subject.and("GET", &format!("/{class}/y"), "").and("GET", &format!("{path}?status=404"), "");
    subject.and("GET", "/free", "").and_nobody()
}

#[test]
fn every_class_keeps_its_word_and_every_silence_has_an_answer() {
    for class in CLASSES {
        let outcome = keeps_its_word(&telair(class), READINGS[0]);
        // Clients decide on their retries, and nobody overloads a server to see a 503.
        assert_eq!(open(&outcome), [Topic::ClientRules, Topic::Overload], "{class}: {:#?}", outcome.silences);
        assert!(measured(&outcome, Topic::Classes).contains("served while the quota is used up"));
        assert!(
            measured(&outcome, Topic::OtherRequests)
                .contains("GET /free: served while the quota is used up, told of no limit")
        );
        assert!(measured(&outcome, Topic::Client).contains("have a quota each"));
        assert!(measured(&outcome, Topic::Remaining).starts_with("0 of "));
    }
}

#[test]
fn it_keeps_its_word_however_it_counts() {
    for reading in READINGS {
        keeps_its_word(&telair("heavy"), reading);
    }
}

#[test]
fn being_throttled_is_measured_as_what_nobody_documents() {
    let outcome = telair("heavy").probed(&ServerSpec { throttle: true, ..ServerSpec::default() });
    passes(&outcome);
    let (verdict, penalty) = compared(&outcome, "penalty");
    assert_eq!(verdict, Verdict::Undocumented);
    assert!(penalty.contains("1m"), "{penalty}");
    assert!(measured(&outcome, Topic::Penalty).contains("penalty"), "{:#?}", outcome.silences);
}

#[test]
fn an_overloaded_server_is_told_as_met() {
    let overload = Some(OverloadSpec { share: 0.04, from: Nanos::ZERO, lasting: None });
    let outcome = telair("heavy").probed(&ServerSpec { overload, ..ServerSpec::default() });
    assert_ne!(outcome.exit, Exit::Fail, "{outcome:#?}");
    let met = measured(&outcome, Topic::Overload);
    assert!(met.contains("of status 503, 0 with a wait; it uses up no quota"), "{met}");
}

/// Nobody but the server knows which class a request is in: one that was guessed wrongly is no fault of the server.
#[test]
fn a_request_of_another_class_is_told_at_once() {
    let account = |name: &str| -> Headers { vec![("x-user".to_owned(), name.to_owned())] };
    let guessed =
        |path: &str| Subject::new("telair", "light", ["one", "two"].map(|name| ask("GET", path, &account(name), "")));
    let heavy = guessed("/light/x").policy.class_named("heavy").unwrap();
    assert_eq!(guessed("/heavy/x").misplaced(), (Some(Place::Class(heavy)), 1));
    assert_eq!(guessed("/free").misplaced(), (Some(Place::Unlimited), 1));
    assert_eq!(guessed("/light/x").misplaced().0, None);
}
