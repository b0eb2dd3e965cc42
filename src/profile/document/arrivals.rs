//! When requests come, as it is written.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::yaml::Located;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::{Delay, Interval, Length, Pace, Percent, Whole};

/// When requests come: exactly one of these. None waits for answers, and none is made up for after a stall.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrivalsDocument {
    /// Each client, again and again: the time between two.
    pub every: Option<Interval>,
    /// With `every`: how far each moves around its place, as a share of it; 0% when left out.
    pub jitter: Option<Located<Percent>>,
    /// Evenly spaced, at this rate.
    pub constant: Option<Located<WhoseDocument<Pace>>>,
    /// Independent of each other, at this mean rate: a Poisson process.
    pub poisson: Option<Located<WhoseDocument<Pace>>>,
    /// At a rate that changes evenly and then stays.
    pub ramp: Option<Located<WhoseDocument<RampDocument>>>,
    /// Many at once: at the start, and again every so often.
    pub burst: Option<Located<WhoseDocument<BurstsDocument>>>,
    /// At these times, counted from the start.
    pub times: Option<Located<WhoseDocument<Vec<Located<Delay>>>>>,
    /// At the times in this file, seen from this one: one on each line, in seconds or with a unit. What stands behind a comma
    /// is ignored, so are empty lines and those that begin with `#`.
    pub times_file: Option<Located<WhoseDocument<Located<String>>>>,
}

/// Whose arrivals are meant.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum WhoseDocument<T> {
    /// Each client has them: twice the clients, twice the requests.
    Each(T),
    /// The clients of the group have them together, in turn.
    Together(T),
}

/// A rate that changes evenly.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RampDocument {
    /// The rate at the start.
    pub from: Pace,
    /// The rate at the end, and from then on.
    pub to: Pace,
    /// How long it takes.
    pub over: Length,
}

/// Many at once.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurstsDocument {
    /// How many.
    pub of: Whole<1, 1_000_000>,
    /// The time from one burst to the next.
    pub every: Interval,
}

impl ArrivalsDocument {
    /// How many of the shapes are given.
    pub fn shapes(&self) -> usize {
        [
            self.every.is_some(),
            self.constant.is_some(),
            self.poisson.is_some(),
            self.ramp.is_some(),
            self.burst.is_some(),
            self.times.is_some(),
            self.times_file.is_some(),
        ]
        .into_iter()
        .filter(|given| *given)
        .count()
    }
}

/// By hand, for the sake of its messages: that somebody has to be named is forgotten easily.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for WhoseDocument<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WhoseVisitor(PhantomData))
    }
}

struct WhoseVisitor<T>(PhantomData<T>);

const WHOSE: &str = "this does not say whose arrivals are meant";

impl<'de, T: Deserialize<'de>> Visitor<'de> for WhoseVisitor<T> {
    type Value = WhoseDocument<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("`each` or `together`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let text = shown(text);
        Err(E::custom(format!(
            "{WHOSE}\nwrite `{{each: {text}}}` for each client's, or `{{together: {text}}}` for the group's"
        )))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(A::Error::custom(format!(
            "{WHOSE}\nwrite the list behind `each: ` or `together: `, such as `{{each: [1s, 5s]}}`"
        )))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let whose = match map.next_key::<String>()?.as_deref() {
            Some("each") => WhoseDocument::Each(map.next_value()?),
            Some("together") => WhoseDocument::Together(map.next_value()?),
            other => {
                let found = other.map_or_else(String::new, |key| format!(", but `{}`", shown(key)));
                let help = "write all of it behind `each` or `together`, such as `{each: {of: 10, every: 1m}}`";
                return Err(A::Error::custom(format!("{WHOSE}{found}\n{help}")));
            }
        };
        match map.next_key::<String>()? {
            None => Ok(whose),
            Some(_) => Err(A::Error::custom("only one of these can be chosen\nkeep either `each` or `together`")),
        }
    }
}
