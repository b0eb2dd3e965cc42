//! The words of the policy language: requests, pointers, periods, statuses.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::matching::{PatternError, RequestPattern};
use crate::policy::model::Calendar;
use crate::time::Nanos;
use crate::yaml::Located;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::{Length, Quantity, Whole, quantity_impls};

/// A JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq)]
pub struct Pointer(pub String);

/// A place in an answer: in the `body` or in a `header`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PointerPlace {
    /// A JSON pointer into the body, such as `/extensions/cost/actual`.
    pub body: Option<Located<Pointer>>,
    /// A response header's name.
    pub header: Option<Located<String>>,
}

/// The time that a rate is per.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Length(Nanos),
    Calendar(Calendar),
}

/// A status, or all of a hundred: `409`, `5xx`. The bounds are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statuses {
    pub first: u16,
    pub last: u16,
}

impl Statuses {
    /// As few as cover exactly these.
    pub fn covering(statuses: &[u16]) -> Vec<Statuses> {
        let mut found = Vec::new();
        for &status in statuses {
            let hundred = status / 100 * 100;
            let whole = (hundred..hundred + 100).all(|other| statuses.contains(&other));
            let next = match whole {
                true => Statuses { first: hundred, last: hundred + 99 },
                false => Statuses { first: status, last: status },
            };
            if !found.contains(&next) {
                found.push(next);
            }
        }
        found
    }
}

impl std::fmt::Display for Statuses {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.first == self.last {
            true => write!(out, "{}", self.first),
            false => write!(out, "{}xx", self.first / 100),
        }
    }
}

quantity_impls!(RequestPattern);
quantity_impls!(Pointer);
quantity_impls!(Period);
quantity_impls!(Statuses);

impl Quantity for Period {
    const NAME: &'static str = "Period";
    const EXPECTED: &'static str =
        "a length of time above zero with its unit (us, ms, s, m, h, d), such as `30s`, or `day` or `month`";

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "day" => Ok(Period::Calendar(Calendar::Day)),
            "month" => Ok(Period::Calendar(Calendar::Month)),
            _ => Length::read(text).map(|length| Period::Length(length.0)),
        }
    }

    fn schema() -> schemars::Schema {
        let length = Length::schema();
        schemars::json_schema!({ "anyOf": [length, { "type": "string", "enum": ["day", "month"] }] })
    }
}

impl Quantity for Statuses {
    const NAME: &'static str = "Statuses";
    const EXPECTED: &'static str = "a status from 100 to 599, or all of a hundred, such as `5xx`";

    fn read(text: &str) -> Result<Self, String> {
        if let Some(hundred) = text.strip_suffix("xx") {
            return match hundred.parse::<u16>() {
                Ok(hundred @ 1..=5) => Ok(Statuses { first: hundred * 100, last: hundred * 100 + 99 }),
                _ => Err(format!("`{}` is no hundred of statuses", shown(text))),
            };
        }
        let status = <Whole<100, 599> as Quantity>::read(text)?.0 as u16;
        Ok(Statuses { first: status, last: status })
    }

    fn schema() -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^[1-5]xx$" },
        ] })
    }
}

impl Quantity for RequestPattern {
    const NAME: &'static str = "Request";
    const EXPECTED: &'static str =
        "METHOD /path (WS for a WebSocket handshake), such as `GET /v1/sites` or `\"GET /v1/devices/{device_id}\"`";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: PatternError| match error {
            PatternError::Shape => format!("`{}` is no request", shown(text)),
            other => other.to_string(),
        })
    }

    fn schema() -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|WS) +/",
            "examples": ["GET /v1/sites", "GET /v1/devices/{device_id}", "WS /v1/stream"],
        })
    }
}

impl Quantity for Pointer {
    const NAME: &'static str = "Pointer";
    const EXPECTED: &'static str = "a JSON pointer, such as `/details/retry_after_seconds`";

    fn read(text: &str) -> Result<Self, String> {
        if text.len() > 1 && text.starts_with('/') {
            Ok(Pointer(text.to_owned()))
        } else {
            Err(format!("`{}` is no JSON pointer", shown(text)))
        }
    }

    fn schema() -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^/.+", "examples": ["/details/retry_after_seconds"] })
    }
}
