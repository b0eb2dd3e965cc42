//! The four ways in which `X-RateLimit-Reset` is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lint::Lint;
use super::moment::{self, Moment};
use super::number::{SECOND, whole_seconds};
use crate::time::Nanos;

/// How the reset of the two `X-` dialects is written; the others count seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetKind {
    /// Seconds until then.
    SecondsLeft,
    /// Seconds since the Unix epoch, whole or with a fraction.
    Epoch,
    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    HttpDate,
    /// `1994-11-06T08:49:37Z`.
    #[serde(rename = "iso_8601")]
    Iso8601,
}

/// A window can last a year; what is further away is no reset.
const FURTHEST: Nanos = Nanos::from_secs(400 * 86_400);
/// Clocks differ.
const PAST_TOLERANCE: Nanos = Nanos::from_secs(2);
/// What is further back makes no sense.
const FURTHEST_PAST: Nanos = Nanos::from_secs(86_400);

/// The time left until the reset. The shape of the value tells how it is meant; `declared` is what was promised.
pub fn read(
    field: &str,
    text: &str,
    declared: Option<ResetKind>,
    received: Option<Nanos>,
    lints: &mut Vec<Lint>,
) -> Option<Nanos> {
    let mut lint = |rule, message: &str| lints.push(Lint::new(rule, field, text, message));
    let (kind, point) = match Moment::read(text) {
        Some(Moment::Seconds(number)) => (ResetKind::SecondsLeft, number.times(SECOND).map(Point::In)),
        Some(Moment::Epoch(at)) => (ResetKind::Epoch, Some(Point::At(at))),
        Some(Moment::Date(at, _)) => (ResetKind::HttpDate, Some(Point::At(at))),
        Some(Moment::Iso(at)) => (ResetKind::Iso8601, Some(Point::At(at))),
        Some(Moment::EpochInMilliseconds) => {
            lint("reset/milliseconds", "milliseconds since the epoch, where seconds belong; ignored");
            return None;
        }
        None => {
            lint("reset/malformed", "neither seconds nor a date; ignored");
            return None;
        }
    };
    if let Some(declared) = declared.filter(|&declared| declared != kind) {
        lint("reset/kind", &format!("{}, where {} belong", words(kind), words(declared)));
    }
    let Some(point) = point else {
        lint("reset/negative", "negative; ignored");
        return None;
    };
    left(point, received, lint)
}

fn words(kind: ResetKind) -> &'static str {
    match kind {
        ResetKind::SecondsLeft => "seconds left",
        ResetKind::Epoch => "seconds since the epoch",
        ResetKind::HttpDate => "HTTP dates",
        ResetKind::Iso8601 => "ISO 8601 dates",
    }
}

enum Point {
    In(Nanos),
    At(Nanos),
}

/// The time from receipt until then.
fn left(point: Point, received: Option<Nanos>, mut lint: impl FnMut(&'static str, &str)) -> Option<Nanos> {
    let (left, past) = match (point, received) {
        (Point::In(left), _) => (left, Nanos::ZERO),
        (Point::At(at), Some(received)) => (at.saturating_sub(received), received.saturating_sub(at)),
        (Point::At(_), None) => {
            lint("reset/no-clock", "a moment, and no time of receipt to count it from; ignored");
            return None;
        }
    };
    if left > FURTHEST || past > FURTHEST_PAST {
        lint("reset/far", &format!("{} the time of receipt; ignored", distance(left, past)));
        return None;
    }
    if past > PAST_TOLERANCE {
        lint("reset/past", &format!("{} the time of receipt; taken as now", distance(left, past)));
    }
    Some(left)
}

fn distance(left: Nanos, past: Nanos) -> String {
    if past > Nanos::ZERO { format!("{past} before") } else { format!("{left} after") }
}

/// The reset in `left` from `now` since the Unix epoch, rounded up to the second.
pub fn print(left: Nanos, kind: ResetKind, now: Nanos) -> String {
    match kind {
        ResetKind::SecondsLeft => whole_seconds(left).to_string(),
        ResetKind::Epoch => whole_seconds(now.saturating_add(left)).to_string(),
        ResetKind::HttpDate => moment::http_date(now.saturating_add(left)),
        ResetKind::Iso8601 => moment::iso_8601(now.saturating_add(left)),
    }
}
