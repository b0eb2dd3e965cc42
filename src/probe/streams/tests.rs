//! Surveys of servers that do what servers really do with one stream too many.

use std::sync::Arc;

use super::survey::{Order, Survey};
use super::*;
use crate::exit::Exit;
use crate::policy;
use crate::policy::model::ClassId;
use crate::policy::signals::ResponseView;
use crate::probe::beside::Own;
use crate::probe::conformance::Case;
use crate::probe::outcome::{Outcome, Verdict};
use crate::probe::witness::{Guise, Parcel, Witness};
use crate::summary::finding;
use crate::time::{Anchor, Nanos};
use crate::yaml::Source;

const POLICY: &str = "name: streams\nscopes: {topics: What is subscribed to.}\nclasses:\n  stream:\n    requests: [WS /stream]\n    \
                      limits: [{concurrent: 2, scope: [client_id, topics]}]\n";

/// What a server does with one stream too many.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Refuses,
    /// With another status than the documented one.
    RefusesWrongly,
    ClosesTheNew,
    ClosesTheOldest,
    TakesAll,
    /// A place is free only so long after a stream has ended.
    FreesLate,
    Bars,
}

const LATE: Nanos = Nanos::from_secs(1);

struct Server {
    manner: Manner,
    /// Who holds which stream, and those that have ended.
    open: Vec<(usize, String)>,
    freed: Vec<(Nanos, String)>,
}

impl Server {
    /// The status, and a stream that is closed at once.
    fn open(&mut self, now: Nanos, stream: usize, key: String) -> (u16, Option<usize>) {
        let late = self.freed.iter().filter(|(at, own)| *own == key && now < *at + LATE).count();
        let late = if self.manner == Manner::FreesLate { late } else { 0 };
        let held: Vec<usize> = self.open.iter().filter(|(_, own)| *own == key).map(|(stream, _)| *stream).collect();
        let (status, closes) = match self.manner {
            Manner::Bars => (401, None),
            _ if held.len() + late < 2 => (101, None),
            Manner::Refuses | Manner::FreesLate => (429, None),
            Manner::RefusesWrongly => (200, None),
            Manner::ClosesTheNew => (101, Some(stream)),
            Manner::ClosesTheOldest => (101, Some(held[0])),
            Manner::TakesAll => (101, None),
        };
        if status == 101 {
            self.open.push((stream, key));
        }
        (status, closes)
    }

    fn close(&mut self, now: Nanos, stream: usize) {
        if let Some(at) = self.open.iter().position(|(own, _)| *own == stream) {
            let (_, key) = self.open.swap_remove(at);
            self.freed.push((now, key));
        }
    }
}

fn case() -> Case {
    let policy = policy::load(&Source::built_in("streams.yaml", POLICY)).unwrap();
    let (method, path) = ("WS".to_owned(), "/stream?topics=a,b".to_owned());
    let own = Own { policy: &policy, class: ClassId(0), method: &method, path: &path };
    let mut besides = own.changed_sets();
    besides.push(own.beside("WS", "/stream?topics=c"));
    let anchor = Anchor { unix_nanos: 0 };
    Case {
        class: ClassId(0),
        besides,
        second: true,
        url: String::new(),
        anchor,
        method,
        path,
        policy: Arc::new(policy),
    }
}

/// Sets are the same in any order; the client and the set have places of their own.
fn key(case: &Case, opening: Opening) -> String {
    let path = match opening.guise {
        Guise::Beside(nth) => &case.besides[usize::from(nth)].path,
        _ => &case.path,
    };
    let mut set: Vec<&str> = path.split('=').nth(1).unwrap().split(',').collect();
    set.sort_unstable();
    set.dedup();
    format!("{} {}", opening.client, set.join(","))
}

fn surveyed(manner: Manner, budget: u32) -> (Survey, Outcome) {
    let case = case();
    let mut survey = Survey::new(case.clone(), budget, Nanos::from_secs(600));
    let mut server = Server { manner, open: Vec::new(), freed: Vec::new() };
    let mut now = Nanos::from_secs(1);
    loop {
        match survey.next(now) {
            Order::Done => break,
            Order::Wait(until) => now = until,
            Order::Close(stream) => server.close(now, stream),
            Order::Open(opening) => {
                let (status, closes) = server.open(now, opening.stream, key(&case, opening));
                let done = now + Nanos::from_millis(2);
                let view = ResponseView { status, headers: &[], body: b"", received: done, class: None };
                let parcel = Parcel { client: opening.client, guise: opening.guise, count: 1 };
                survey.opened(Witness::of(parcel, now, done, &case.policy, view));
                now = done;
                if let Some(stream) = closes {
                    server.close(now, stream);
                    survey.closed(stream, now, Some(1008));
                }
            }
        }
    }
    let outcome = outcome(&survey, now, false);
    (survey, outcome)
}

fn measured<'a>(outcome: &'a Outcome, what: &str) -> (&'a str, Verdict) {
    let found = outcome.comparisons.iter().find(|it| it.what == what).unwrap_or_else(|| panic!("{outcome:#?}"));
    (&found.measured, found.verdict)
}

#[test]
fn what_becomes_of_one_too_many_is_told() {
    let too_many = |manner| measured(&surveyed(manner, 100).1, "one stream too many").0.to_owned();
    assert_eq!(too_many(Manner::Refuses), "refused with 429; the older ones stay open");
    assert_eq!(too_many(Manner::ClosesTheNew), "opened, and closed 0s later with code 1008");
    assert_eq!(too_many(Manner::ClosesTheOldest), "opened, and an older one is closed 0s later with code 1008");
    assert_eq!(too_many(Manner::TakesAll), "opened, and all stay open");
}

#[test]
fn a_limit_is_kept_by_refusing_as_well_as_by_closing() {
    for manner in [Manner::Refuses, Manner::ClosesTheNew, Manner::ClosesTheOldest, Manner::FreesLate] {
        let (_, outcome) = surveyed(manner, 100);
        assert_eq!(measured(&outcome, "limit at the same time"), ("2", Verdict::AsDocumented));
        assert_eq!(outcome.exit, Exit::Pass, "{outcome:#?}");
    }
    let (_, outcome) = surveyed(Manner::TakesAll, 100);
    assert_eq!(measured(&outcome, "limit at the same time"), ("at least 3", Verdict::Differs));
    assert_eq!(outcome.exit, Exit::Fail);
}

#[test]
fn a_handshake_that_is_refused_in_another_form_breaks_the_contract_where_there_is_one() {
    let (_, outcome) = surveyed(Manner::RefusesWrongly, 100);
    assert_eq!((outcome.exit, outcome.checks[0].verdict), (Exit::Fail, finding::Verdict::Fail), "{outcome:#?}");
    assert!(outcome.checks[0].evidence[0].why.contains("status 200 instead of 429"), "{outcome:#?}");
}

#[test]
fn which_subscriptions_are_the_same_is_told() {
    let (_, outcome) = surveyed(Manner::Refuses, 100);
    let refused = "refused with 429; the older ones stay open";
    for same in ["the same set in another order", "the same set with one value twice"] {
        assert_eq!(measured(&outcome, &format!("place of {same}")), (refused, Verdict::Undocumented));
    }
    let own = "opened, and all stay open";
    assert_eq!(measured(&outcome, "place of a part of the set"), (own, Verdict::Undocumented));
    assert_eq!(measured(&outcome, "place of another subscription (/stream?topics=c)"), (own, Verdict::AsDocumented));
    assert_eq!(measured(&outcome, "place of another client"), (own, Verdict::AsDocumented));
}

#[test]
fn no_more_is_opened_than_the_budget_allows_and_nothing_is_left_open() {
    let (survey, outcome) = surveyed(Manner::Refuses, 8);
    assert_eq!((survey.streams().len(), outcome.exit), (8, Exit::Invalid));
    assert_eq!(survey.left_out().len(), 4, "{:?}", survey.left_out());
}

#[test]
fn a_credential_that_is_not_let_in_is_tried_once() {
    let (survey, outcome) = surveyed(Manner::Bars, 100);
    assert_eq!((survey.streams().len(), survey.ended(), outcome.exit), (1, Some(End::Barred), Exit::Invalid));
}

#[test]
fn a_place_that_is_freed_late_is_waited_for() {
    let (survey, _) = surveyed(Manner::FreesLate, 100);
    assert_eq!(survey.ended(), Some(End::Settled));
    let waited = survey.attempts()[1].waited;
    assert!(waited >= LATE.scale(0.5) && waited <= LATE * 2, "{waited}");
}
