//! Quantities as people write them: `30s`, `2/h`, `10%`, `7.4kW`. Each says in its error what was found and what is
//! expected.

use super::diagnosis::shown;
use crate::time::Nanos;

/// A value written as one word.
pub trait Quantity: Sized {
    /// The name in JSON Schemas.
    const NAME: &'static str;
    /// What is expected, with an example: ends the sentence "write …".
    const EXPECTED: &'static str;

    /// The error says what is wrong with `text`, without what is expected instead.
    fn read(text: &str) -> Result<Self, String>;

    /// What a JSON Schema says of it besides its description.
    fn schema() -> schemars::Schema;
}

/// Reads a quantity; the error is `what is wrong`, a line break, `what to do`.
pub fn read<Q: Quantity>(text: &str) -> Result<Q, String> {
    Q::read(text.trim()).map_err(|wrong| format!("{wrong}\nwrite {}", Q::EXPECTED))
}

/// Makes quantities readable by serde and known to schemars.
#[macro_export]
#[doc(hidden)]
macro_rules! quantity_impls {
    ($({$($params:tt)*})? $type:ty) => {
        impl<'de, $($($params)*)?> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                $crate::yaml::quantity::read(&text).map_err(serde::de::Error::custom)
            }
        }

        impl<$($($params)*)?> schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$type as $crate::yaml::quantity::Quantity>::NAME.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$type as $crate::yaml::quantity::Quantity>::schema()
            }
        }
    };
}
pub use quantity_impls;

/// A positive length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub Nanos);

/// A length of time that may be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delay(pub Nanos);

/// The time between two of something repeated: at least a millisecond, since less would be a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(pub Nanos);

/// How often something happens, per hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_hour: f64,
}

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

/// A name that may stand in a path and in a report: letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(pub String);

quantity_impls!(Length);
quantity_impls!(Delay);
quantity_impls!(Interval);
quantity_impls!(Rate);
quantity_impls!(Percent);
quantity_impls!(Quantile);
quantity_impls!({const MIN: u32, const MAX: u32} Whole<MIN, MAX>);
quantity_impls!(Power);
quantity_impls!(Voltage);
quantity_impls!(Number);
quantity_impls!(Name);

const TIME_UNITS: [(&str, u64); 6] = [
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];
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
        time_schema(["30s", "45m", "24h"])
    }
}

impl Quantity for Delay {
    const NAME: &'static str = "Delay";
    const EXPECTED: &'static str = "a length of time with its unit (us, ms, s, m, h, d), such as `20s`, or `0s`";

    fn read(text: &str) -> Result<Self, String> {
        time(text).map(Delay)
    }

    fn schema() -> schemars::Schema {
        time_schema(["0s", "20s", "10m"])
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
        time_schema(["5s", "250ms", "15m"])
    }
}

impl Quantity for Rate {
    const NAME: &'static str = "Rate";
    const EXPECTED: &'static str = "a count per unit of time (s, m, h, d), at most `1/s`, such as `2/h`";

    fn read(text: &str) -> Result<Self, String> {
        let (count, unit) = text.split_once('/').ok_or_else(|| format!("`{}` does not say per what", shown(text)))?;
        let per_hour = match unit.trim() {
            "s" => 3_600.0,
            "m" => 60.0,
            "h" => 1.0,
            "d" => 1.0 / 24.0,
            other => return Err(format!("`{}` is no unit of time", shown(other))),
        };
        match decimal(count.trim())? * per_hour {
            per_hour if per_hour <= 3_600.0 => Ok(Rate { per_hour }),
            _ => Err(format!("`{}` is more than one a second", shown(text))),
        }
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^[0-9]+(\.[0-9]+)?/[smhd]$", ["2/h", "48/d"])
    }
}

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

impl Quantity for Name {
    const NAME: &'static str = "Name";
    const EXPECTED: &'static str = "1 to 64 letters, digits, `-`, `_` or `.`, the first a letter or digit";

    fn read(text: &str) -> Result<Self, String> {
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = text.len() <= 64 && text.chars().all(inner);
        if fits && text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            Ok(Name(text.to_owned()))
        } else {
            Err(format!("`{}` cannot be a name", shown(text)))
        }
    }

    fn schema() -> schemars::Schema {
        word_schema(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", ["depot"])
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn word_schema<const N: usize>(pattern: &str, examples: [&str; N]) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "pattern": pattern, "examples": examples.as_slice() })
}

fn time_schema(examples: [&str; 3]) -> schemars::Schema {
    word_schema(r"^[0-9]+(\.[0-9]+)?(us|ms|s|m|h|d)$", examples)
}

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
        _ => format!("`{}` is no unit of time", shown(unit)),
    })?;
    let value = decimal(number)?;
    // Whole numbers stay exact.
    let length = match number.parse::<u64>() {
        Ok(whole) => Nanos(whole.saturating_mul(size)),
        Err(_) => Nanos((value * size as f64).round() as u64),
    };
    if length > LONGEST { Err(format!("`{}` is longer than a year", shown(text))) } else { Ok(length) }
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
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-'))).unwrap_or(text.len());
    (text[..end].trim(), text[end..].trim())
}

/// A non-negative decimal number in plain digits.
fn decimal(text: &str) -> Result<f64, String> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantities_mean_what_they_say() {
        assert_eq!(read::<Length>("45m"), Ok(Length(Nanos::from_secs(2_700))));
        assert_eq!(read::<Length>("1.5h"), Ok(Length(Nanos::from_secs(5_400))));
        assert_eq!(read::<Length>("250 ms"), Ok(Length(Nanos::from_millis(250))));
        assert_eq!(read::<Delay>("0s"), Ok(Delay(Nanos::ZERO)));
        assert_eq!(read::<Rate>("2/h"), Ok(Rate { per_hour: 2.0 }));
        assert_eq!(read::<Rate>("48/d"), Ok(Rate { per_hour: 2.0 }));
        assert_eq!(read::<Percent>("10%"), Ok(Percent(0.1)));
        assert_eq!(read::<Quantile>("p99.9").map(|q| (q.0 * 1e6).round()), Ok(999_000.0));
        assert_eq!(read::<Whole<1, 9>>("9"), Ok(Whole(9)));
        assert_eq!(read::<Power>("7.4kW"), Ok(Power(7.4)));
        assert_eq!(read::<Voltage>("230V"), Ok(Voltage(230.0)));
    }

    #[test]
    fn each_error_says_what_was_found_and_what_is_expected() {
        fn wrong<Q: Quantity + std::fmt::Debug>(text: &str) -> String {
            read::<Q>(text).unwrap_err().split('\n').next().unwrap().to_owned()
        }
        assert_eq!(wrong::<Length>("30"), "`30` has no unit");
        assert_eq!(wrong::<Length>("30 parsecs"), "`parsecs` is no unit of time");
        assert_eq!(wrong::<Length>("soon"), "`soon` is no length of time");
        assert_eq!(wrong::<Length>("0s"), "`0s` is no time at all");
        assert_eq!(wrong::<Length>("-3s"), "`-3` is negative");
        assert_eq!(wrong::<Length>("99999999999999999999d"), "`99999999999999999999d` is longer than a year");
        assert_eq!(wrong::<Interval>("0ms"), "an interval of `0ms` would be a flood");
        assert_eq!(wrong::<Interval>("10us"), "an interval of `10us` would be a flood");
        assert_eq!(wrong::<Rate>("2/s"), "`2/s` is more than one a second");
        assert_eq!(wrong::<Rate>("2"), "`2` does not say per what");
        assert_eq!(wrong::<Rate>("2/week"), "`week` is no unit of time");
        assert_eq!(wrong::<Percent>("0.5"), "`0.5` has no `%`");
        assert_eq!(wrong::<Percent>("101%"), "`101%` is more than all of it");
        assert_eq!(wrong::<Quantile>("p100"), "`p100` is out of range");
        assert_eq!(wrong::<Whole<1, 9>>("0"), "`0` is out of range; 1 to 9 is allowed here");
        assert_eq!(wrong::<Whole<1, 9>>("-2"), "`-2` is out of range; 1 to 9 is allowed here");
        assert_eq!(wrong::<Whole<1, 9>>("1.5"), "`1.5` is no whole number; 1 to 9 is allowed here");
        assert_eq!(wrong::<Power>("7"), "`7` has no unit");
        assert_eq!(wrong::<Power>("7W"), "`W` is not the unit `kW`");
        assert_eq!(wrong::<Name>("a/b"), "`a/b` cannot be a name");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_quantity_panic(text in r"\PC{0,12}|-?[0-9]{0,30}\.?[0-9]{0,9} ?(us|ms|s|m|h|d|kW|V|%|/h)?") {
            let _ = (read::<Length>(&text), read::<Delay>(&text), read::<Interval>(&text), read::<Rate>(&text));
            let _ = (read::<Percent>(&text), read::<Quantile>(&text), read::<Whole<1, 100>>(&text));
            let _ = (read::<Power>(&text), read::<Voltage>(&text), read::<Number>(&text), read::<Name>(&text));
        }

        #[test]
        fn a_length_reads_back_as_it_is_displayed(millis in 1u64..100_000_000) {
            let length = Length(Nanos::from_millis(millis));
            prop_assert_eq!(read::<Length>(&length.0.to_string()), Ok(length));
        }

        #[test]
        fn a_share_is_never_more_than_all(text in "[0-9]{1,4}(\\.[0-9]{1,3})?%") {
            if let Ok(Percent(share)) = read(&text) {
                prop_assert!((0.0..=1.0).contains(&share));
            }
        }
    }
}
