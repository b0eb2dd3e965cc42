//! Lengths of time, and how often.

use super::number::{decimal, split_unit};
use super::word::{Quantity, quantity_impls, word_schema};
use crate::time::Nanos;
use crate::yaml::diagnosis::shown;

/// A positive length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub Nanos);

/// A length of time that may be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delay(pub Nanos);

/// A moment of a day, as the time since midnight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(pub Nanos);

/// The time between two of something repeated: at least a millisecond, since less would be a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(pub Nanos);

/// How often something happens, per hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_hour: f64,
}

/// How often requests come, per second.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Pace {
    pub per_second: f64,
}

quantity_impls!(Length);
quantity_impls!(Delay);
quantity_impls!(TimeOfDay);
quantity_impls!(Interval);
quantity_impls!(Rate);
quantity_impls!(Pace);

const TIME_UNITS: [(&str, u64); 6] = [
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];
const DAY: Nanos = Nanos::from_secs(86_400);
const LONGEST: Nanos = Nanos(366 * 86_400_000_000_000);

impl Quantity for Length {
    const NAME: &'static str = "Length";
    const EXPECTED: &'static str = "a length of time above zero with its unit (us, ms, s, m, h, d), such as `30s`";

    fn read(text: &str) -> Result<Self, String> {
        match time(text)? {
            Nanos::ZERO => Err(format!("`{}` is no time at all", shown(text))),
            length => Ok(Length(length)),
        }
    }

    fn schema() -> schemars::Schema {
        word_schema(ABOVE_ZERO, ["30s", "45m", "24h"])
    }
}

impl Quantity for Delay {
    const NAME: &'static str = "Delay";
    const EXPECTED: &'static str = "a length of time with its unit (us, ms, s, m, h, d), such as `20s`, or `0s`";

    fn read(text: &str) -> Result<Self, String> {
        time(text).map(Delay)
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^[0-9]+(\.[0-9]+)?(us|ms|s|m|h|d)$", ["0s", "20s", "10m"])
    }
}

impl Quantity for TimeOfDay {
    const NAME: &'static str = "TimeOfDay";
    const EXPECTED: &'static str = "a time since midnight with its unit (s, m, h), below 24h, such as `6h` or `7.5h`";

    fn read(text: &str) -> Result<Self, String> {
        match time(text)? {
            at if at >= DAY => Err(format!("`{}` is no time of a day", shown(text))),
            at => Ok(TimeOfDay(at)),
        }
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^[0-9]+(\.[0-9]+)?(us|ms|s|m|h)$", ["0h", "6h", "7.5h"])
    }
}

impl Quantity for Interval {
    const NAME: &'static str = "Interval";
    const EXPECTED: &'static str = "an interval of at least 1ms with its unit (ms, s, m, h, d), such as `30s`";

    fn read(text: &str) -> Result<Self, String> {
        match time(text)? {
            every if every < Nanos::from_millis(1) => Err(format!("an interval of `{}` would be a flood", shown(text))),
            every => Ok(Interval(every)),
        }
    }

    fn schema() -> schemars::Schema {
        word_schema(A_MILLISECOND, ["5s", "250ms", "15m"])
    }
}

impl Quantity for Rate {
    const NAME: &'static str = "Rate";
    const EXPECTED: &'static str = "a count per unit of time (s, m, h, d), at most `1/s`, such as `2/h`";

    fn read(text: &str) -> Result<Self, String> {
        match per_hour(text)? {
            per_hour if per_hour <= 3_600.0 => Ok(Rate { per_hour }),
            _ => Err(format!("`{}` is more than one a second", shown(text))),
        }
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^[0-9]+(\.[0-9]+)?/[smhd]$", ["2/h", "48/d"])
    }
}

impl Quantity for Pace {
    const NAME: &'static str = "Pace";
    const EXPECTED: &'static str = "a count per unit of time (s, m, h, d), at most `100000/s`, such as `20/s`";

    fn read(text: &str) -> Result<Self, String> {
        match per_hour(text)? / 3_600.0 {
            per_second if per_second <= 100_000.0 => Ok(Pace { per_second }),
            _ => Err(format!("`{}` is more than 100000 a second", shown(text))),
        }
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^[0-9]+(\.[0-9]+)?/[smhd]$", ["20/s", "600/m"])
    }
}

/// A count per unit of time, as one per hour.
fn per_hour(text: &str) -> Result<f64, String> {
    let (count, unit) = text.split_once('/').ok_or_else(|| format!("`{}` does not say per what", shown(text)))?;
    let in_an_hour = match unit.trim() {
        "s" => 3_600.0,
        "m" => 60.0,
        "h" => 1.0,
        "d" => 1.0 / 24.0,
        other => return Err(no_unit(other, "/")),
    };
    Ok(decimal(count.trim())? * in_an_hour)
}

/// Says that a unit is none, and of the usual long names what is meant; `before` stands before it.
fn no_unit(unit: &str, before: &str) -> String {
    let short = match unit.trim_end_matches('s') {
        "sec" | "second" => "s",
        "min" | "minute" => "m",
        "hr" | "hour" => "h",
        "day" => "d",
        _ => return format!("`{}` is no unit of time", shown(unit)),
    };
    format!("`{}` is written `{}{short}`", shown(&format!("{before}{unit}")), shown(before))
}

/// A digit that is not zero, before or behind the point. No lookahead: not every validator knows it.
const ABOVE_ZERO: &str = r"^([0-9]*[1-9][0-9]*(\.[0-9]+)?|[0-9]+\.[0-9]*[1-9][0-9]*)(us|ms|s|m|h|d)$";

/// At least 1000us, 1ms or 0.001s; above zero in the longer units, of which a millisecond is no round part.
const A_MILLISECOND: &str = concat!(
    r"^([0-9]*[1-9][0-9]{3,}(\.[0-9]+)?us|[0-9]*[1-9][0-9]*(\.[0-9]+)?(ms|s|m|h|d)",
    r"|[0-9]+\.[0-9]{0,2}[1-9][0-9]*s|[0-9]+\.[0-9]*[1-9][0-9]*(m|h|d))$"
);

/// A length of time, zero included.
fn time(text: &str) -> Result<Nanos, String> {
    let (number, unit) = split_unit(text);
    if unit.is_empty() {
        decimal(number)?;
        return Err(format!("`{}` has no unit", shown(text)));
    }
    let size = TIME_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
    let size = size.ok_or_else(|| match number {
        "" | "-" => format!("`{}` is no length of time", shown(text)),
        _ => no_unit(unit, number),
    })?;
    let value = decimal(number)?;
    // Whole numbers stay exact.
    let length = match number.parse::<u64>() {
        Ok(whole) => Nanos(whole.saturating_mul(size)),
        Err(_) => Nanos((value * size as f64).round() as u64),
    };
    if length > LONGEST { Err(format!("`{}` is longer than a year", shown(text))) } else { Ok(length) }
}
