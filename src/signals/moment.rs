//! Moments as headers write them: seconds from now, seconds since the epoch, dates.

use std::time::{Duration, UNIX_EPOCH};

use jiff::fmt::rfc2822;

use super::number::{Decimal, SECOND};
use crate::time::Nanos;

/// Numbers from here on are seconds since the epoch (2001 and later), not a length of 31 years.
const EPOCH_SECONDS: u64 = 1_000_000_000;
/// Numbers from here on would be an epoch after the year 5000: they count milliseconds.
const EPOCH_MILLISECONDS: u64 = 100_000_000_000;

/// A value that names a moment, told by its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Seconds from now.
    Seconds(Decimal),
    /// Since the Unix epoch.
    Epoch(Nanos),
    /// Milliseconds (or less) since the Unix epoch.
    EpochInMilliseconds,
    /// A date in one of HTTP's forms or near to one; since the Unix epoch.
    Date(Nanos, DateForm),
    /// ISO 8601 or RFC 3339; since the Unix epoch.
    Iso(Nanos),
}

/// How well a date keeps the form of RFC 9110, 5.6.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateForm {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that may be sent.
    Fixed,
    /// One of the two obsolete forms, which must still be read.
    Obsolete,
    /// None of the three, but a date all the same (another zone, other spelling).
    Loose,
}

impl Moment {
    pub fn read(text: &str) -> Option<Moment> {
        match Decimal::read(text) {
            Some(number) if number.negative || number.whole < EPOCH_SECONDS => Some(Moment::Seconds(number)),
            Some(number) if number.whole >= EPOCH_MILLISECONDS => Some(Moment::EpochInMilliseconds),
            Some(number) => number.times(SECOND).map(Moment::Epoch),
            // Every date has a digit and none is long; most garbage ends here.
            None if text.len() > 64 || !text.bytes().any(|byte| byte.is_ascii_digit()) => None,
            None => date(text).or_else(|| iso(text)),
        }
    }
}

fn date(text: &str) -> Option<Moment> {
    if let Ok(time) = httpdate::parse_http_date(text) {
        let since_epoch = Nanos::from(time.duration_since(UNIX_EPOCH).ok()?);
        let form = match text.as_bytes() {
            _ if http_date(since_epoch) == text => DateForm::Fixed,
            // The fixed form, but another day of the week.
            [_, _, _, b',', ..] => DateForm::Loose,
            _ => DateForm::Obsolete,
        };
        return Some(Moment::Date(since_epoch, form));
    }
    let parser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    since_epoch(parser.parse_timestamp(text).ok()?).map(|at| Moment::Date(at, DateForm::Loose))
}

/// A time without a zone is taken as UTC.
fn iso(text: &str) -> Option<Moment> {
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    since_epoch(zoned.or_else(|| civil().map(|zoned| zoned.timestamp()))?).map(Moment::Iso)
}

fn since_epoch(timestamp: jiff::Timestamp) -> Option<Nanos> {
    u64::try_from(timestamp.as_nanosecond()).ok().map(Nanos)
}

/// A moment since the Unix epoch as an HTTP date, rounded up to the second.
pub fn http_date(at: Nanos) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(at.0.div_ceil(SECOND)))
}

/// The moment since the Unix epoch of an HTTP date in any of its three forms.
pub fn parse_http_date(text: &str) -> Option<Nanos> {
    match Moment::read(text.trim())? {
        Moment::Date(at, DateForm::Fixed | DateForm::Obsolete) => Some(at),
        _ => None,
    }
}

/// A moment since the Unix epoch in ISO 8601, rounded up to the second.
pub fn iso_8601(at: Nanos) -> String {
    let seconds = i64::try_from(at.0.div_ceil(SECOND)).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}
