//! The values of a sweep: a range or a list, in whatever unit the field has.

use crate::words::trimmed;
use crate::yaml::Node;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::{self, Delay};

/// How many values a range has unless it says so.
const STEPS: u32 = 7;
const MOST: u32 = 100;

/// Which field, and what it is set to.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub path: String,
    pub values: Vec<Value>,
    pub log: bool,
    /// As it was given.
    text: String,
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

/// One value of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// As it is written: `10`, `30s`.
    pub text: String,
    /// As a number; lengths of time in seconds.
    pub number: f64,
}

impl Value {
    /// As it stands in a document.
    pub fn node(&self) -> Node {
        match self.text.parse::<u32>() {
            Ok(count) => count.into(),
            Err(_) => self.text.as_str().into(),
        }
    }
}

/// A number and the unit behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Amount<'a> {
    number: f64,
    unit: &'a str,
    /// Written without a fraction.
    whole: bool,
}

/// Reads `PATH=FROM..TO`, with `:log` for even factors and `/STEPS` for so many values, or `PATH=A,B,C`.
///
/// # Errors
/// What is wrong, a line break, what to write.
pub fn read(text: &str) -> Result<Wanted, String> {
    let Some((path, range)) = text.split_once('=') else {
        return Err(wrong(format!("`{}` names no values", shown(text))));
    };
    let (values, log) = match range.split_once("..") {
        None => (range.split(',').map(listed).collect::<Result<Vec<_>, _>>()?, false),
        Some((from, rest)) => {
            let (rest, steps) = match rest.rsplit_once('/') {
                Some((rest, steps)) if steps.bytes().all(|byte| byte.is_ascii_digit()) => {
                    let count = steps.parse().ok().filter(|count| (2..=MOST).contains(count));
                    (
                        rest,
                        count.ok_or_else(|| {
                            wrong(format!("`{}` values are not possible; 2 to {MOST} are", shown(steps)))
                        })?,
                    )
                }
                _ => (rest, STEPS),
            };
            let (to, log) = rest.strip_suffix(":log").map_or((rest, false), |to| (to, true));
            (ranged(from, to, log, steps)?, log)
        }
    };
    if values.len() > MOST as usize {
        return Err(wrong(format!("{} values are more than the {MOST} that are tried", values.len())));
    }
    Ok(Wanted { path: path.trim().to_owned(), values, log, text: text.to_owned() })
}

fn wrong(title: String) -> String {
    format!(
        "{title}\nwrite `PATH=FROM..TO`, `PATH=FROM..TO:log/STEPS` or `PATH=A,B,C`, such as `fleet.depot.chargers.count=100..10000:log`"
    )
}

fn listed(text: &str) -> Result<Value, String> {
    let amount = amount(text)?;
    Ok(Value { text: text.trim().to_owned(), number: seconds_or(amount) })
}

/// Values from one end to the other, both included. Counts stay whole; with a unit, values are as the steps give them, to three
/// decimals.
fn ranged(from: &str, to: &str, log: bool, steps: u32) -> Result<Vec<Value>, String> {
    let (from, to) = (amount(from)?, amount(to)?);
    let (from, to) = same_unit(from, to)?;
    if log && (from.number <= 0.0 || to.number <= 0.0) {
        return Err(wrong("even factors need both ends above zero".to_owned()));
    }
    let whole = from.whole && to.whole && from.unit.is_empty();
    let at = |index: u32| {
        let share = f64::from(index) / f64::from(steps - 1);
        match index {
            0 => from.number,
            _ if index == steps - 1 => to.number,
            _ if log => from.number * (to.number / from.number).powf(share),
            _ => from.number + (to.number - from.number) * share,
        }
    };
    let mut values: Vec<Value> = Vec::new();
    for number in (0..steps).map(at) {
        let text = if whole { format!("{number:.0}") } else { trimmed(format!("{number:.3}")) };
        let value = Value {
            number: seconds_or(Amount { number: text.parse().unwrap_or(number), ..from }),
            text: text + from.unit,
        };
        // Of whole numbers there may be fewer than steps.
        if values.last() != Some(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

/// Both ends in one unit; lengths of time may be written in two.
fn same_unit<'a>(from: Amount<'a>, to: Amount<'a>) -> Result<(Amount<'a>, Amount<'a>), String> {
    if from.unit == to.unit {
        return Ok((from, to));
    }
    // `5..60s` means seconds at both ends.
    if from.unit.is_empty() && from.whole {
        return Ok((Amount { unit: to.unit, ..from }, to));
    }
    match (time(from), time(to)) {
        (Some(a), Some(b)) => {
            let in_seconds = |seconds: f64| Amount { number: seconds, unit: "s", whole: seconds.fract() == 0.0 };
            Ok((in_seconds(a), in_seconds(b)))
        }
        _ => Err(wrong(format!("`{}` and `{}` are different units", shown(from.unit), shown(to.unit)))),
    }
}

fn amount(text: &str) -> Result<Amount<'_>, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    match number.parse() {
        Ok(parsed) => Ok(Amount { number: parsed, unit, whole: !number.contains('.') }),
        Err(_) => Err(wrong(format!("`{}` is no number with an optional unit", shown(text)))),
    }
}

/// A length of time in seconds.
fn time(amount: Amount<'_>) -> Option<f64> {
    let text = format!("{}{}", trimmed(format!("{:.9}", amount.number)), amount.unit);
    quantity::read::<Delay>(&text).ok().map(|delay| delay.0.as_secs_f64())
}

/// A length of time in seconds, anything else as its own number.
fn seconds_or(amount: Amount<'_>) -> f64 {
    time(amount).unwrap_or(amount.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(range: &str) -> Vec<String> {
        read(&format!("a.b={range}")).unwrap().values.into_iter().map(|value| value.text).collect()
    }

    #[test]
    fn ranges_are_even_by_difference_or_by_factor() {
        assert_eq!(texts("10..70"), ["10", "20", "30", "40", "50", "60", "70"]);
        assert_eq!(texts("100..10000:log/3"), ["100", "1000", "10000"]);
        assert_eq!(texts("5s..20s/4"), ["5s", "10s", "15s", "20s"]);
        assert_eq!(texts("30s..2m/4"), ["30s", "60s", "90s", "120s"]);
        assert_eq!(texts("0%..1%/5"), ["0%", "0.25%", "0.5%", "0.75%", "1%"]);
        assert_eq!(texts("0%..5%/3"), ["0%", "2.5%", "5%"]);
        assert_eq!(texts("3..1/3"), ["3", "2", "1"]);
        assert_eq!(texts("1..3"), ["1", "2", "3"], "whole counts stay whole");
        assert_eq!(texts("1/h..4/h/4"), ["1/h", "2/h", "3/h", "4/h"]);
    }

    #[test]
    fn lists_stand_as_they_are_written() {
        assert_eq!(texts("10,20, 50"), ["10", "20", "50"]);
        let wanted = read("duration=90s,2m").unwrap();
        assert_eq!(wanted.values[1], Value { text: "2m".into(), number: 120.0 });
        assert_eq!((wanted.path.as_str(), wanted.log), ("duration", false));
        assert_eq!(wanted.values[0].node(), Node::from("90s"));
        assert_eq!(read("a=7").unwrap().values[0].node(), Node::from(7));
    }

    #[test]
    fn what_is_no_range_says_what_to_write() {
        let cases = [
            ("fleet.depot", "names no values"),
            ("a=x..y", "`x` is no number"),
            ("a=1s..5%", "`s` and `%` are different units"),
            ("a=0..5:log", "above zero"),
            ("a=1..5/1", "`1` values are not possible"),
            ("a=1..5/1000", "2 to 100 are"),
            ("a=", "`` is no number"),
        ];
        for (text, title) in cases {
            let said = read(text).unwrap_err();
            assert!(said.contains(title) && said.contains("\nwrite `PATH=FROM..TO`"), "{text}: {said}");
        }
    }
}
