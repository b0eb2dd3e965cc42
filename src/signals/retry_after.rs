//! `Retry-After` (RFC 9110, 10.2.3): delta seconds or an HTTP date. What a value can mean is told apart from what makes
//! no sense: nobody waits for the sixteen hours of a `60000` that was meant as milliseconds.

use super::lint::Lint;
use super::moment::{DateForm, Moment};
use super::number::{Decimal, NOT_AN_INTEGER, SECOND, whole_seconds};
use crate::time::Nanos;

/// The longest wait that is believed where the provider's contract is not known.
pub const LONGEST_WAIT: Nanos = Nanos::from_secs(86_400);
/// No reading makes a client wait longer than one window, or than it takes to be let in again; so many times that makes no
/// sense.
const BEYOND_REASON: u64 = 10;
/// However short a window is, servers may ask for a minute's peace.
const SHORTEST_BOUND: Nanos = Nanos::from_secs(60);
/// From here on, whole thousands that are no whole hours are taken for milliseconds, unless the contract is known.
const SUSPICIOUS_SECONDS: u64 = 10_000;
/// A date is as exact as a second, and clocks differ.
const PAST_TOLERANCE: Nanos = Nanos::from_secs(2);

/// When to come back, as a response tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    #[default]
    Absent,
    /// Wait this long.
    Wait(Nanos),
    /// No wait is named, but a quota of which nothing remains has more after so long.
    Reset(Nanos),
    /// There is one, but it makes no sense.
    Malformed,
}

impl Hint {
    /// The wait that is named.
    pub fn wait(self) -> Option<Nanos> {
        match self {
            Hint::Wait(wait) => Some(wait),
            Hint::Absent | Hint::Reset(_) | Hint::Malformed => None,
        }
    }

    /// How long a client that believes the server stays away.
    pub fn stay_away(self) -> Option<Nanos> {
        match self {
            Hint::Wait(wait) | Hint::Reset(wait) => Some(wait),
            Hint::Absent | Hint::Malformed => None,
        }
    }
}

/// What is known about a response beside its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// When it came, since the Unix epoch; None where no clock is at hand, so that dates cannot be used.
    pub at: Option<Nanos>,
    /// The longest wait that the contract explains, if it does. A little more may have its reasons; see [`Receipt::believed`].
    pub longest: Option<Nanos>,
}

impl Receipt {
    /// Received at this time since the Unix epoch, under no known contract.
    pub fn at(unix: Nanos) -> Receipt {
        Receipt { at: Some(unix), longest: None }
    }

    /// The longest wait that is taken at its word; a longer one is taken for another unit.
    pub fn believed(&self) -> Nanos {
        self.longest.map_or(LONGEST_WAIT, |longest| (longest * BEYOND_REASON).max(SHORTEST_BOUND))
    }

    /// Whether a wait of so many seconds is more than the contract explains, and looks like so many milliseconds.
    fn is_milliseconds(&self, wait: Nanos) -> bool {
        self.longest.is_none_or(|longest| wait > longest) && looks_like_milliseconds(wait)
    }
}

const FIELD: &str = "retry-after";

/// The value of a `Retry-After` header.
pub fn retry_after(value: &str, receipt: Receipt) -> (Hint, Option<Lint>) {
    let value = value.trim();
    match Moment::read(value) {
        Some(Moment::Seconds(number)) => amount(FIELD, value, number, SECOND, receipt),
        Some(Moment::Date(at, form)) => until(at, value, date_lint(form, value), receipt),
        Some(Moment::Iso(at)) => until(at, value, date_lint(DateForm::Loose, value), receipt),
        Some(Moment::Epoch(_) | Moment::EpochInMilliseconds) => {
            nonsense("retry-after/epoch", FIELD, value, "a moment since the epoch, where seconds to wait belong")
        }
        None if value.is_empty() => nonsense("retry-after/malformed", FIELD, value, "empty"),
        None => nonsense("retry-after/malformed", FIELD, value, "neither a non-negative integer nor an HTTP date"),
    }
}

/// A wait written as a number of units, in whatever `field` of a response.
pub fn wait_in(unit: Nanos, field: &str, text: &str, receipt: Receipt) -> (Hint, Option<Lint>) {
    match Decimal::read(text.trim()) {
        Some(number) => amount(field, text, number, unit.0, receipt),
        None => nonsense("retry-after/malformed", field, text, NOT_AN_INTEGER),
    }
}

fn amount(field: &str, text: &str, number: Decimal, unit: u64, receipt: Receipt) -> (Hint, Option<Lint>) {
    let longest = receipt.believed();
    let Some(wait) = number.times(unit) else {
        let (rule, message) = match number.negative {
            true => ("retry-after/negative", format!("{NOT_AN_INTEGER}; not obeyed")),
            false => ("retry-after/too-long", too_long(longest)),
        };
        return nonsense(rule, field, text, message);
    };
    if wait > longest {
        return nonsense("retry-after/too-long", field, text, too_long(longest));
    }
    if unit == SECOND && receipt.is_milliseconds(wait) {
        return nonsense("retry-after/milliseconds", field, text, "probably milliseconds, where seconds belong");
    }
    if !number.plain {
        let message = format!("{NOT_AN_INTEGER}; taken as {wait}");
        return (Hint::Wait(wait), Some(Lint::new("retry-after/fraction", field, text, message)));
    }
    (Hint::Wait(wait), None)
}

fn looks_like_milliseconds(wait: Nanos) -> bool {
    let seconds = wait.as_secs();
    seconds >= SUSPICIOUS_SECONDS && seconds.is_multiple_of(1_000) && !seconds.is_multiple_of(3_600)
}

fn too_long(longest: Nanos) -> String {
    format!(
        "longer than {}, probably another unit",
        if longest == LONGEST_WAIT { "a day".into() } else { longest.to_string() }
    )
}

fn date_lint(form: DateForm, value: &str) -> Option<Lint> {
    match form {
        DateForm::Fixed => None,
        DateForm::Obsolete => Some(Lint::new(
            "retry-after/obsolete-date",
            FIELD,
            value,
            "an obsolete form of date, which must not be sent",
        )),
        DateForm::Loose => {
            Some(Lint::new("retry-after/not-http-date", FIELD, value, "a date, but not as HTTP writes it"))
        }
    }
}

/// The wait until a date.
fn until(at: Nanos, value: &str, form: Option<Lint>, receipt: Receipt) -> (Hint, Option<Lint>) {
    let Some(received) = receipt.at else {
        return nonsense("retry-after/no-clock", FIELD, value, "a date, and no time of receipt to count it from");
    };
    let (wait, past) = (at.saturating_sub(received), received.saturating_sub(at));
    let longest = receipt.believed();
    if wait > longest {
        return nonsense("retry-after/too-long", FIELD, value, format!("{wait} from now, longer than {longest}"));
    }
    if past > LONGEST_WAIT {
        return nonsense("retry-after/past", FIELD, value, format!("{past} before it was received"));
    }
    if past > PAST_TOLERANCE {
        let message = format!("{past} before it was received; taken as no wait");
        return (Hint::Wait(wait), Some(Lint::new("retry-after/past", FIELD, value, message)));
    }
    (Hint::Wait(wait), form)
}

fn nonsense(rule: &'static str, field: &str, found: &str, message: impl Into<String>) -> (Hint, Option<Lint>) {
    (Hint::Malformed, Some(Lint::new(rule, field, found, message)))
}

/// A wait as delta seconds, rounded up: the value of a `Retry-After` header.
pub fn print_wait(wait: Nanos) -> String {
    whole_seconds(wait).to_string()
}
