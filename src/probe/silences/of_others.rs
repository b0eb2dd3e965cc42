//! What other clients and other requests got.

use super::{Answer, Seen};
use crate::policy::matching::bare_path;
use crate::policy::silence::Silence;
use crate::probe::beside::Kind;
use crate::probe::conformance::checks::{connection, forwarded};
use crate::probe::conformance::reach::Reached;
use crate::summary::finding::Verdict;

/// What was found of the requests of a kind, each in its own words.
fn of_kind(seen: &Seen<'_>, is_meant: impl Fn(&Reached<'_>, &Kind) -> bool, why_not: &str) -> Answer {
    let meant = seen.reach.besides.iter().filter(|reached| is_meant(reached, &reached.kind(seen.case)));
    let texts: Vec<Option<String>> = meant.map(|reached| Some(told(seen, reached, reached.text()?))).collect();
    let measured: Vec<String> = texts.iter().flatten().cloned().collect();
    match (texts.is_empty(), measured.is_empty()) {
        (true, _) => Err(why_not.to_owned()),
        (false, true) => Err(NOT_TRIED.to_owned()),
        (false, false) => Ok(measured.join("; ")),
    }
}

const NOT_TRIED: &str = "it was not asked while the quota was surely used up: raise --budget or --within";

/// With the class that its answer named.
fn told(seen: &Seen<'_>, reached: &Reached<'_>, text: String) -> String {
    let first = reached.first.filter(|first| first.is_served());
    let class = first.and_then(|first| first.signal.told.class);
    let untold = first.is_some_and(|first| !first.signal.told.present) && seen.case.policy.quota_headers.is_some();
    let class = match class {
        Some(class) => format!(", told to be of {}", seen.case.policy.class(class).name),
        None if untold => ", told of no limit".to_owned(),
        None => String::new(),
    };
    format!("{}: {text}{class}", reached.beside.text())
}

pub fn endpoints(seen: &Seen<'_>) -> Answer {
    of_kind(seen, |_, kind| *kind == Kind::Endpoint, "no other request of the class was asked: name one by --beside")
}

/// Of the requests that the silence names, if it names some. Also what class each was told to be of.
pub fn other_requests(seen: &Seen<'_>, silence: &Silence) -> Answer {
    let first = seen.own().find_map(|witness| witness.signal.told.class);
    let own = first.map(|class| {
        format!("{} {}, told to be of {}", seen.case.method, seen.case.bare_path(), seen.case.policy.class(class).name)
    });
    let is_placed_by_answer = |Reached { beside, .. }: &Reached<'_>| {
        beside.kind == Kind::Unplaced && silence.is_about(&beside.method, bare_path(&beside.path))
    };
    let others = of_kind(
        seen,
        |reached, _| is_placed_by_answer(reached),
        "none of the requests that it is about was asked: name one by --beside",
    );
    match (own, others) {
        (Some(own), Ok(others)) => Ok(format!("{own}; {others}")),
        (Some(own), Err(_)) => Ok(own),
        (None, others) => others,
    }
}

pub fn classes(seen: &Seen<'_>) -> Answer {
    of_kind(
        seen,
        |_, kind| matches!(kind, Kind::Class(_)),
        "no request of another class was asked: name one by --beside",
    )
}

/// Of requests of the class alone: another one that fails may have no limit at all.
pub fn failed(seen: &Seen<'_>) -> Answer {
    let failed = |reached: &Reached<'_>, kind: &Kind| {
        let is_of_class = matches!(kind, Kind::Endpoint | Kind::Named(_) | Kind::Otherwise);
        is_of_class && reached.failed().is_some_and(|status| !matches!(status, 401 | 403))
    };
    let is_unasked = seen.reach.besides.iter().any(|reached| reached.first.is_none());
    let why_not = match is_unasked {
        true => NOT_TRIED,
        false => "no request was asked that fails: name one by --beside, such as one with a wrong parameter",
    };
    of_kind(seen, failed, why_not)
}

pub fn unauthenticated(seen: &Seen<'_>) -> Answer {
    let unknown = |reached: &Reached<'_>, kind: &Kind| {
        let is_barred = matches!(reached.failed(), Some(401 | 403));
        *kind == Kind::Nobody || is_barred && reached.beside.shows_other_credentials()
    };
    of_kind(seen, unknown, "nothing was asked without valid credentials: add --without-credentials")
}

pub fn client(seen: &Seen<'_>) -> Answer {
    let credentials = match seen.reach.is_shared_by_clients {
        Some(true) => "two clients from one address share a quota",
        Some(false) => "two clients from one address have a quota each",
        None => return Err("it takes a second client: give one by --other-header or --other-body".to_owned()),
    };
    let verdict = |id: &str| seen.check(id).map(|check| check.verdict);
    let address = match verdict(forwarded::ID) {
        Some(Verdict::Fail) => "; a made-up X-Forwarded-For brings another",
        Some(Verdict::Pass) => "; a made-up X-Forwarded-For makes no difference",
        _ => "",
    };
    let connection = match verdict(connection::ID) {
        Some(Verdict::Fail) => "; each connection has a quota of its own",
        _ => "",
    };
    Ok(format!("{credentials}{address}{connection}"))
}

pub fn stream_handshake(seen: &Seen<'_>) -> Answer {
    of_kind(
        seen,
        |reached, _| reached.beside.method == "WS",
        "no stream was opened beside requests: name one by --beside 'WS /stream', in a probe of the class that may be meant",
    )
}
