//! What the answers themselves said.

use std::collections::BTreeSet;

use super::{Answer, Seen};
use crate::policy::signals::Hint;
use crate::probe::conformance::transcript::Entry;
use crate::probe::witness::Witness;
use crate::summary::finding::Verdict;
use crate::time::Nanos;

const NO_REFUSAL: &str = "nothing was refused";
const NO_HEADERS: &str = "no answer carried quota headers";

pub fn hints(seen: &Seen<'_>) -> Answer {
    let refused: Vec<&Witness> = seen.own().filter(|witness| witness.is_refused()).collect();
    if refused.is_empty() {
        return Err(NO_REFUSAL.to_owned());
    }
    let waits: Vec<Nanos> = refused.iter().filter_map(|witness| witness.told()).collect();
    let count = refused.len();
    let Some((least, most)) = waits.iter().min().zip(waits.iter().max()) else {
        return Ok(format!("none of {count} refusals told a wait"));
    };
    let unit = Nanos::from_secs(1).0;
    let whole = if waits.iter().all(|wait| wait.0 % unit == 0) { "whole seconds" } else { "parts of seconds" };
    let dated = refused.iter().any(|witness| dated(witness));
    let form = if dated { ", some of them as dates" } else { ", none of them as a date" };
    let told = match waits.len() == count {
        true => format!("all {count} refusals told a wait"),
        false => format!("{} of {count} refusals told a wait", waits.len()),
    };
    let held = tried(seen, "server.honest-hint").map(|headline| format!("; who waited as told: {headline}"));
    let span = if least == most { least.to_string() } else { format!("{least} to {most}") };
    Ok(format!("{told}, in {whole}, of {span}{form}{}", held.unwrap_or_default()))
}

/// What a check says that saw something.
fn tried<'a>(seen: &Seen<'a>, id: &str) -> Option<&'a str> {
    let check = seen.check(id).filter(|check| check.verdict != Verdict::NoData);
    check.map(|check| check.headline.as_str())
}

/// Whether its `Retry-After` is a date.
fn dated(witness: &Witness) -> bool {
    let value = fields(witness).find(|(name, _)| *name == "retry-after").map(|(_, value)| value);
    value.is_some_and(|value| value.contains("GMT"))
}

/// The headers that a witness kept, by name.
fn fields(witness: &Witness) -> impl Iterator<Item = (&str, &str)> {
    witness.seen.split("; ").skip(1).filter_map(|field| field.split_once(": "))
}

pub fn quota_headers(seen: &Seen<'_>) -> Answer {
    let carried = |is_meant: fn(&Witness) -> bool| {
        let own: Vec<&Witness> = seen.own().filter(|witness| is_meant(witness)).collect();
        let names: BTreeSet<&str> = own.iter().flat_map(|witness| fields(witness)).map(|(name, _)| name).collect();
        match (own.is_empty(), names.is_empty()) {
            (true, _) => None,
            (false, true) => Some("none".to_owned()),
            (false, false) => Some(names.into_iter().collect::<Vec<_>>().join(", ")),
        }
    };
    let carry = match (carried(Witness::is_served), carried(Witness::is_refused)) {
        (None, None) => return Err("nothing was served or refused".to_owned()),
        (Some(served), None) => format!("served answers carry {served}; {NO_REFUSAL}"),
        (None, Some(refused)) => format!("nothing was served; refusals carry {refused}"),
        (Some(served), Some(refused)) => format!("served answers carry {served}; refusals carry {refused}"),
    };
    let left: BTreeSet<u32> =
        seen.own().filter(|witness| witness.is_refused()).filter_map(|witness| witness.signal.told.remaining).collect();
    let left = match left.iter().min().zip(left.iter().max()) {
        None => String::new(),
        Some((low, high)) if low == high => format!("; refusals say that {low} remain"),
        Some((low, high)) => format!("; refusals say that {low} to {high} remain"),
    };
    Ok(carry + &left)
}

fn told<T: Ord + std::fmt::Display>(seen: &Seen<'_>, value: impl Fn(&Witness) -> Option<T>) -> Answer {
    let values: BTreeSet<T> = seen.own().filter_map(value).collect();
    match values.is_empty() {
        true => Err(NO_HEADERS.to_owned()),
        false => Ok(values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

pub fn limit_told(seen: &Seen<'_>) -> Answer {
    let told = told(seen, |witness| witness.signal.told.limit)?;
    let enforced = seen.measured.map(|measured| format!("; enforced: {}", measured.text())).unwrap_or_default();
    Ok(format!("told: {told}{enforced}"))
}

pub fn window_told(seen: &Seen<'_>) -> Answer {
    let told = told(seen, |witness| witness.signal.told.window)?;
    let verdict = tried(seen, "server.late-hint").map(|headline| format!("; of waits: {headline}")).unwrap_or_default();
    Ok(format!("told on every answer alike: {told}{verdict}"))
}

/// Whether who heeds what remains is refused. Of several that are under way at once, any may take what another was promised, so
/// only those count that went out alone, one after the other.
pub fn remaining(seen: &Seen<'_>) -> Answer {
    let volleys: Vec<&[Entry]> = seen.transcript.entries().chunk_by(|one, other| one.volley == other.volley).collect();
    let told = |witness: &Witness| witness.signal.told.remaining.is_some_and(|left| left > 0);
    let is_own = |witness: &Witness| witness.guise.is_own();
    let heeded: Vec<&Witness> = volleys
        .windows(2)
        .filter_map(|two| match (two[0], two[1]) {
            ([one], [other]) => Some((&one.witness, &other.witness)),
            _ => None,
        })
        .filter(|(one, other)| one.client == other.client && is_own(one) && is_own(other) && told(one))
        .map(|(_, other)| other)
        .collect();
    let refused = heeded.iter().filter(|witness| witness.is_refused()).count();
    match heeded.len() {
        0 => Err("no request went out alone while something was said to remain".to_owned()),
        all => Ok(format!(
            "{refused} of {all} requests were refused that went out alone while something was said to remain"
        )),
    }
}

pub fn names(seen: &Seen<'_>) -> Answer {
    let names: BTreeSet<&str> =
        seen.own().flat_map(fields).filter(|(name, _)| name.ends_with("-policy")).map(|(_, value)| value).collect();
    match names.is_empty() {
        true => Err(NO_HEADERS.to_owned()),
        false => Ok(format!("called {}", names.into_iter().collect::<Vec<_>>().join(", "))),
    }
}

pub fn overload(seen: &Seen<'_>) -> Answer {
    let own: Vec<&Witness> = seen.own().collect();
    let overloaded: Vec<&&Witness> = own.iter().filter(|witness| witness.signal.overloaded).collect();
    let status = seen.case.policy.overload.status;
    if overloaded.is_empty() {
        return Err(format!("no answer of status {status} was met, and nobody overloads a server to see one"));
    }
    let waits = overloaded.iter().filter(|witness| !matches!(witness.signal.hint, Hint::Absent)).count();
    // What two answers on both sides of one say remains tells whether it was counted.
    let left = |witness: &Witness| witness.signal.told.remaining;
    let around = own.windows(3).filter(|three| three[1].signal.overloaded && three[0].client == three[2].client);
    let counted: Vec<u32> = around
        .filter_map(|three| left(three[0])?.checked_sub(left(three[2])?))
        .filter(|fell| (1..=2).contains(fell))
        .collect();
    let quota = match (counted.contains(&1), counted.contains(&2)) {
        (true, false) => "; it uses up no quota, by what remained on both sides of it",
        (false, true) => "; it uses up quota, by what remained on both sides of it",
        _ => "",
    };
    Ok(format!("{} answers of status {status}, {waits} with a wait{quota}", overloaded.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::reading::Reading;
    use crate::policy::signals::Signal;
    use crate::probe::conformance::tests::case;
    use crate::probe::conformance::{Reach, Transcript};
    use crate::probe::witness::{Guise, Parcel};

    fn witness(status: u16, refused: bool, seen: &str) -> Witness {
        let parcel = Parcel { client: 0, guise: Guise::Own, count: 1 };
        let lost = Witness::lost(parcel, Nanos::ZERO, Nanos::ZERO);
        Witness { status, signal: Signal { refused, ..Signal::default() }, seen: seen.to_owned(), ..lost }
    }

    fn told_by(witnesses: &[Witness]) -> Answer {
        let case = case(&[(10, Nanos::from_secs(10))], Reading::Rolling);
        let mut transcript = Transcript::default();
        transcript.add(None, witnesses);
        let reach = Reach::of(&case, &transcript);
        quota_headers(&Seen { case: &case, transcript: &transcript, measured: None, reach: &reach, checks: &[] })
    }

    #[test]
    fn of_answers_that_never_came_no_headers_are_told() {
        let served = || witness(200, false, "200; x-ratelimit-limit: 10");
        let refused = || witness(429, true, "429");
        let barred = witness(401, false, "401");
        assert_eq!(told_by(&[barred]), Err("nothing was served or refused".to_owned()));
        assert_eq!(told_by(&[served()]), Ok("served answers carry x-ratelimit-limit; nothing was refused".to_owned()));
        assert_eq!(told_by(&[refused()]), Ok("nothing was served; refusals carry none".to_owned()));
        let both = "served answers carry x-ratelimit-limit; refusals carry none";
        assert_eq!(told_by(&[served(), refused()]), Ok(both.to_owned()));
    }
}
