//! Numbers as servers write them: a fraction, a minus or quotes where a non-negative integer belongs.

use super::lint::Lint;
use crate::time::Nanos;

/// A decimal number without an exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub negative: bool,
    pub whole: u64,
    /// The fraction in billionths, rounded up; it is below one billion.
    pub billionths: u32,
    /// Written as digits alone.
    pub plain: bool,
}

impl Decimal {
    pub fn read(text: &str) -> Option<Decimal> {
        let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (unsigned, None),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || fraction.is_some_and(|fraction| !digits(fraction)) {
            return None;
        }
        let plain = !negative && fraction.is_none();
        let (whole, billionths) = (whole.parse().ok()?, fraction.map_or(0, billionths));
        // A fraction that rounds up to a whole one carries.
        match billionths {
            1_000_000_000 => Some(Decimal { negative, whole: u64::checked_add(whole, 1)?, billionths: 0, plain }),
            _ => Some(Decimal { negative, whole, billionths, plain }),
        }
    }

    /// So many units of `unit` nanoseconds, rounded up; None if negative or beyond what [`Nanos`] holds.
    pub fn times(self, unit: u64) -> Option<Nanos> {
        if self.negative && (self.whole, self.billionths) != (0, 0) {
            return None;
        }
        let fraction = (u64::from(self.billionths) * unit.min(1_000_000_000)).div_ceil(1_000_000_000);
        self.whole.checked_mul(unit)?.checked_add(fraction).map(Nanos)
    }
}

/// At most one billion.
fn billionths(digits: &str) -> u32 {
    let mut value = 0;
    for place in 0..9 {
        value = value * 10 + digits.as_bytes().get(place).map_or(0, |digit| u32::from(digit - b'0'));
    }
    let rest = digits.as_bytes().get(9..).unwrap_or_default();
    value + u32::from(rest.iter().any(|&digit| digit != b'0'))
}

pub const SECOND: u64 = 1_000_000_000;
pub const NOT_AN_INTEGER: &str = "not a non-negative integer";

/// A count; a fraction is rounded down.
pub fn count(field: &str, text: &str, lints: &mut Vec<Lint>) -> Option<u64> {
    let Some(number) = Decimal::read(text) else {
        lints.push(Lint::new("integer/malformed", field, text, format!("{NOT_AN_INTEGER}; ignored")));
        return None;
    };
    if number.negative {
        lints.push(Lint::new("integer/negative", field, text, NOT_AN_INTEGER));
        return None;
    }
    if !number.plain {
        lints.push(Lint::new("integer/fraction", field, text, format!("{NOT_AN_INTEGER}; rounded down")));
    }
    Some(number.whole)
}

/// A count of what is left: a negative one is nothing.
pub fn remaining(field: &str, text: &str, lints: &mut Vec<Lint>) -> Option<u64> {
    let is_negative = Decimal::read(text).is_some_and(|number| number.negative);
    count(field, text, lints).or(is_negative.then_some(0))
}

/// A length in whole seconds.
pub fn seconds(field: &str, count: u64, lints: &mut Vec<Lint>) -> Option<Nanos> {
    let length = count.checked_mul(SECOND).map(Nanos);
    if length.is_none() {
        lints.push(Lint::new("integer/too-large", field, &count.to_string(), "longer than five centuries; ignored"));
    }
    length
}

/// Whole seconds, rounded up: never earlier than meant.
pub fn whole_seconds(length: Nanos) -> u64 {
    length.0.div_ceil(SECOND)
}
