//! Time as every part of the harness sees it: nanoseconds since the run began.
//!
//! Nothing outside the live driver reads a clock. The one link to the wall clock is the run's [`Anchor`].

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::significant;

/// A point in time (nanoseconds since the run began) or a length of time (nanoseconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Nanos(pub u64);

impl Nanos {
    pub const ZERO: Nanos = Nanos(0);
    /// Later than anything that happens: "never" for a wake-up, "no bound" for a length.
    pub const MAX: Nanos = Nanos(u64::MAX);

    pub const fn from_micros(micros: u64) -> Self {
        Nanos(micros * 1_000)
    }

    pub const fn from_millis(millis: u64) -> Self {
        Nanos(millis * 1_000_000)
    }

    pub const fn from_secs(secs: u64) -> Self {
        Nanos(secs * 1_000_000_000)
    }

    /// Rounds to the nearest nanosecond; negative and non-finite values become zero.
    pub fn from_secs_f64(secs: f64) -> Self {
        Nanos((secs * 1e9).round() as u64)
    }

    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// As it stands in headers that count whole seconds: rounded up.
    pub const fn up_to_secs(self) -> Nanos {
        Nanos(self.0.div_ceil(1_000_000_000).saturating_mul(1_000_000_000))
    }

    /// This length or point, or zero where `other` is larger.
    #[inline]
    pub const fn saturating_sub(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(other.0))
    }

    #[inline]
    pub const fn saturating_add(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_add(other.0))
    }

    /// A length scaled by a non-negative factor.
    pub fn scale(self, factor: f64) -> Nanos {
        Nanos((self.0 as f64 * factor).round() as u64)
    }
}

impl Nanos {
    /// In the same units, no more exact than an estimate is: `17.8s`, `21m 9s`, `1h 2m`.
    pub fn roughly(self) -> String {
        let seconds = self.as_secs_f64();
        if seconds < 1.0 {
            return Nanos::from_millis((seconds * 1e3).round() as u64).to_string();
        }
        if seconds < 120.0 {
            return format!("{}s", significant(seconds));
        }
        let whole = seconds.round() as u64;
        let parts = [(whole / 3600, "h"), (whole / 60 % 60, "m"), (whole % 60, "s")];
        let parts = parts.iter().skip_while(|(value, _)| *value == 0).take(2).filter(|(value, _)| *value > 0);
        parts.map(|(value, unit)| format!("{value}{unit}")).collect::<Vec<_>>().join(" ")
    }
}

impl Add for Nanos {
    type Output = Nanos;
    #[inline]
    fn add(self, other: Nanos) -> Nanos {
        Nanos(self.0 + other.0)
    }
}

impl AddAssign for Nanos {
    #[inline]
    fn add_assign(&mut self, other: Nanos) {
        self.0 += other.0;
    }
}

impl Sub for Nanos {
    type Output = Nanos;
    #[inline]
    fn sub(self, other: Nanos) -> Nanos {
        Nanos(self.0 - other.0)
    }
}

impl Mul<u64> for Nanos {
    type Output = Nanos;
    #[inline]
    fn mul(self, factor: u64) -> Nanos {
        Nanos(self.0 * factor)
    }
}

impl From<std::time::Duration> for Nanos {
    fn from(duration: std::time::Duration) -> Self {
        Nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Nanos> for std::time::Duration {
    fn from(nanos: Nanos) -> Self {
        std::time::Duration::from_nanos(nanos.0)
    }
}

/// Shortest exact-enough form with a unit: `250ms`, `1.5s`, `2m`, `24h`.
impl fmt::Display for Nanos {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 6] = [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        if self.0 == 0 {
            return out.write_str("0s");
        }
        // A whole number of the largest fitting unit reads best; otherwise three digits of the next one.
        for (size, unit) in UNITS {
            if self.0 >= size && self.0.is_multiple_of(size) {
                return write!(out, "{}{unit}", self.0 / size);
            }
            if self.0 >= size && size <= 1_000_000_000 {
                let value = self.0 as f64 / size as f64;
                let text = format!("{value:.3}");
                return write!(out, "{}{unit}", text.trim_end_matches('0').trim_end_matches('.'));
            }
        }
        write!(out, "{}ns", self.0)
    }
}

/// The wall-clock time of [`Nanos::ZERO`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Anchor {
    /// Nanoseconds since the Unix epoch, UTC.
    pub unix_nanos: u64,
}

impl Anchor {
    /// The wall-clock time of `at`, in UTC.
    pub fn timestamp(self, at: Nanos) -> jiff::Timestamp {
        let nanos = i128::from(self.unix_nanos) + i128::from(at.0);
        jiff::Timestamp::from_nanosecond(nanos).unwrap_or(jiff::Timestamp::MAX)
    }

    /// `at` as ISO 8601 in UTC with whole seconds, the form both seed APIs use: `2026-03-15T10:30:00Z`.
    pub fn iso(self, at: Nanos) -> String {
        self.timestamp(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_told_in_one_style() {
        let cases = [
            (0, "0s"),
            (250, "250ms"),
            (17_833, "17.8s"),
            (90_000, "90s"),
            (120_000, "2m"),
            (279_400, "4m 39s"),
            (1_269_000, "21m 9s"),
            (3_600_000, "1h"),
            (3_720_900, "1h 2m"),
        ];
        for (millis, text) in cases {
            assert_eq!(Nanos::from_millis(millis).roughly(), text);
        }
    }

    #[test]
    fn lengths_read_with_the_unit_a_person_would_choose() {
        let cases = [
            (Nanos::ZERO, "0s"),
            (Nanos(15), "15ns"),
            (Nanos::from_micros(1500), "1.5ms"),
            (Nanos::from_millis(250), "250ms"),
            (Nanos::from_secs(90), "90s"),
            (Nanos::from_secs(120), "2m"),
            (Nanos::from_secs(86_400), "24h"),
            (Nanos::from_millis(12_345), "12.345s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(nanos.to_string(), text);
        }
    }

    #[test]
    fn the_anchor_places_a_run_on_the_calendar() {
        let anchor = Anchor { unix_nanos: 1_773_570_600_000_000_000 };
        assert_eq!(anchor.iso(Nanos::from_secs(5)), "2026-03-15T10:30:05Z");
    }
}
