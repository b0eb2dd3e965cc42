//! Numbers, with or without a unit.

use super::word::{Quantity, quantity_impls, word_schema};
use crate::yaml::diagnosis::shown;

/// A share of a whole, `0.0..=1.0`, written as a percentage.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

/// A quantile, `0.0..1.0`, written `p99` or `p99.9`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile(pub f64);

/// A whole number within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole<const MIN: u32, const MAX: u32>(pub u32);

/// Electric power in kW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power(pub f64);

/// Voltage in V.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voltage(pub f64);

/// A plain non-negative number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

quantity_impls!(Percent);
quantity_impls!(Quantile);
quantity_impls!({const MIN: u32, const MAX: u32} Whole<MIN, MAX>);
quantity_impls!(Power);
quantity_impls!(Voltage);
quantity_impls!(Number);

impl Quantity for Percent {
    const NAME: &'static str = "Percent";
    const EXPECTED: &'static str = "a percentage from `0%` to `100%`, such as `10%`";

    fn read(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').ok_or_else(|| format!("`{}` has no `%`", shown(text)))?;
        match decimal(number.trim())? {
            percent if percent <= 100.0 => Ok(Percent(percent / 100.0)),
            _ => Err(format!("`{}` is more than all of it", shown(text))),
        }
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^(100|[0-9]{1,2}(\.[0-9]+)?)%$", ["10%", "100%"])
    }
}

impl Quantity for Quantile {
    const NAME: &'static str = "Quantile";
    const EXPECTED: &'static str = "a quantile between `p0` and `p100`, such as `p99` or `p99.9`";

    fn read(text: &str) -> Result<Self, String> {
        let number = text.strip_prefix('p').ok_or_else(|| format!("`{}` is no quantile", shown(text)))?;
        match decimal(number)? {
            percent if percent > 0.0 && percent < 100.0 => Ok(Quantile(percent / 100.0)),
            _ => Err(format!("`{}` is out of range", shown(text))),
        }
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^p[0-9]{1,2}(\.[0-9]+)?$", ["p50", "p99", "p99.9"])
    }
}

impl<const MIN: u32, const MAX: u32> Quantity for Whole<MIN, MAX> {
    const NAME: &'static str = "Whole";
    const EXPECTED: &'static str = "a whole number in that range, without a unit";

    fn read(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`{}` is no whole number; {MIN} to {MAX} is allowed here", shown(text)));
        }
        match text.parse() {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Whole(number)),
            _ => Err(format!("`{}` is out of range; {MIN} to {MAX} is allowed here", shown(text))),
        }
    }

    fn schema() -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

impl Quantity for Power {
    const NAME: &'static str = "Power";
    const EXPECTED: &'static str = "a power above zero in kW, such as `7.4kW`";

    fn read(text: &str) -> Result<Self, String> {
        positive_with_unit(text, "kW").map(Power)
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^[0-9]+(\.[0-9]+)?kW$", ["7.4kW", "180kW"])
    }
}

impl Quantity for Voltage {
    const NAME: &'static str = "Voltage";
    const EXPECTED: &'static str = "a voltage above zero in V, such as `230V`";

    fn read(text: &str) -> Result<Self, String> {
        positive_with_unit(text, "V").map(Voltage)
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^[0-9]+(\.[0-9]+)?V$", ["230V", "800V"])
    }
}

impl Quantity for Number {
    const NAME: &'static str = "Number";
    const EXPECTED: &'static str = "a plain number, such as `10` or `1.5`";

    fn read(text: &str) -> Result<Self, String> {
        decimal(text).map(Number)
    }

    fn schema() -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0 })
    }
}

fn positive_with_unit(text: &str, unit: &str) -> Result<f64, String> {
    let (number, found) = split_unit(text);
    match found {
        "" => Err(format!("`{}` has no unit", shown(text))),
        found if found != unit => Err(format!("`{}` is not the unit `{unit}`", shown(found))),
        _ => match decimal(number)? {
            0.0 => Err(format!("`{}` is nothing", shown(text))),
            value => Ok(value),
        },
    }
}

/// The number and the unit behind it, with or without a space between.
pub(super) fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-'))).unwrap_or(text.len());
    (text[..end].trim(), text[end..].trim())
}

/// A non-negative decimal number in plain digits.
pub(super) fn decimal(text: &str) -> Result<f64, String> {
    if let Some(rest) = text.strip_prefix('-')
        && decimal(rest).is_ok()
    {
        return Err(format!("`{}` is negative", shown(text)));
    }
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.parse::<f64>() {
        Ok(number) if plain && number.is_finite() => Ok(number),
        _ => Err(format!("`{}` is no number", shown(text))),
    }
}
