//! Reads the fields of a body or a query, and says exactly what is wrong with them.
//!
//! `null` counts as missing, unknown fields are ignored, nothing is coerced except a query's text.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::{Code, PageRequest, Problem};
use super::fleet::MOST_CONNECTORS;
use crate::reference::query;

/// The longest text that is taken for an id, a name or a message.
const LONGEST_TEXT: usize = 1024;
/// The longest object that is kept as it came, as JSON.
const LONGEST_KEPT: usize = 2048;
/// The most ids in one list.
const MOST_LISTED: usize = 1000;

/// The fields of one JSON object, or of a query.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    map: Map<String, Value>,
    /// A query's values are all text, and numbers are read from it.
    textual: bool,
}

/// A field that was looked for and has the right form if it is there.
pub struct Field<'a, T> {
    name: &'a str,
    value: Option<T>,
}

impl<T> Field<'_, T> {
    pub fn required(self) -> Result<T, Problem> {
        self.value.ok_or_else(|| Problem::missing(self.name))
    }

    pub fn optional(self) -> Option<T> {
        self.value
    }
}

type Found<'a, T> = Result<Field<'a, T>, Problem>;

impl Fields {
    /// A JSON object.
    pub fn body(bytes: &[u8]) -> Result<Fields, Problem> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(map)) => Ok(Fields { map, textual: false }),
            Ok(_) => Err(Problem::new(Code::Invalid, "The body must be a JSON object")),
            Err(_) => Err(Problem::new(Code::Invalid, "The body is not valid JSON")),
        }
    }

    /// A body that may be left out as a whole.
    pub fn optional_body(bytes: &[u8]) -> Result<Fields, Problem> {
        if bytes.iter().all(u8::is_ascii_whitespace) { Ok(Fields::default()) } else { Fields::body(bytes) }
    }

    /// A URL's query; of a repeated name the last counts.
    pub fn query(text: &str) -> Fields {
        Fields { map: query::pairs(text).map(|(name, value)| (name, Value::String(value))).collect(), textual: true }
    }

    /// An object inside this one; its fields are named without their parent's name.
    pub fn object<'a>(&self, name: &'a str) -> Found<'a, Fields> {
        self.field(name, "must be an object", |value| match value {
            Value::Object(map) => Some(Fields { map: map.clone(), textual: false }),
            _ => None,
        })
    }

    /// A list of objects.
    pub fn objects<'a>(&self, name: &'a str) -> Found<'a, Vec<Fields>> {
        self.field(name, "must be an array of objects", |value| {
            let object = |value: &Value| Some(Fields { map: value.as_object()?.clone(), textual: false });
            value.as_array()?.iter().map(object).collect()
        })
    }

    /// A list of texts.
    pub fn texts<'a>(&self, name: &'a str) -> Found<'a, Vec<&str>> {
        self.field(name, "must be an array of strings", |value| value.as_array()?.iter().map(Value::as_str).collect())
    }

    /// A text that is not empty.
    pub fn text<'a>(&self, name: &'a str) -> Found<'a, &str> {
        self.field(name, "must be a string of 1 to 1024 bytes", |value| {
            value.as_str().filter(|text| !text.is_empty() && text.len() <= LONGEST_TEXT)
        })
    }

    /// Ids with commas between them, as queries list them.
    pub fn listed<'a>(&self, name: &'a str) -> Found<'a, Vec<&str>> {
        self.field(name, "must be a comma-separated list of 1 to 1000 ids", |value| {
            let ids: Vec<&str> = value.as_str()?.split(',').take(MOST_LISTED + 1).collect();
            (ids.len() <= MOST_LISTED && ids.iter().all(|id| !id.is_empty())).then_some(ids)
        })
    }

    /// A text that may be empty.
    pub fn words<'a>(&self, name: &'a str) -> Found<'a, &str> {
        self.field(name, "must be a string of at most 1024 bytes", |value| {
            value.as_str().filter(|text| text.len() <= LONGEST_TEXT)
        })
    }

    pub fn boolean<'a>(&self, name: &'a str) -> Found<'a, bool> {
        self.field(name, "must be a boolean", Value::as_bool)
    }

    pub fn number<'a>(&self, name: &'a str) -> Found<'a, f64> {
        self.field(name, "must be a number", Value::as_f64)
    }

    pub fn positive<'a>(&self, name: &'a str) -> Found<'a, f64> {
        self.field(name, "must be positive", |value| value.as_f64().filter(|number| *number > 0.0))
    }

    pub fn integer<'a>(&self, name: &'a str, range: RangeInclusive<i64>) -> Found<'a, i64> {
        let why = match (*range.start(), *range.end()) {
            (i64::MIN, _) => "must be an integer".to_owned(),
            (low, i64::MAX) => format!("must be an integer of at least {low}"),
            (low, high) => format!("must be an integer from {low} to {high}"),
        };
        self.field(name, &why, |value| {
            let integer = if self.textual { value.as_str()?.parse().ok() } else { value.as_i64() };
            integer.filter(|integer| range.contains(integer))
        })
    }

    /// A state of charge, a share: 0 to 100.
    pub fn percent<'a>(&self, name: &'a str) -> Found<'a, u8> {
        let Field { name, value } = self.integer(name, 0..=100)?;
        Ok(Field { name, value: value.map(|percent| percent as u8) })
    }

    pub fn one_of<'a>(&self, name: &'a str, allowed: &[&'static str]) -> Found<'a, &'static str> {
        let why = format!("must be one of {}", allowed.join(", "));
        self.field(name, &why, |value| {
            let given = value.as_str()?;
            allowed.iter().copied().find(|word| *word == given)
        })
    }

    /// An ISO 8601 point in time.
    pub fn time<'a>(&self, name: &'a str) -> Found<'a, Timestamp> {
        self.field(name, "must be an ISO 8601 date-time in UTC", |value| value.as_str()?.parse().ok())
    }

    /// `HH:MM`.
    pub fn clock_time<'a>(&self, name: &'a str) -> Found<'a, &str> {
        self.field(name, "must be a time of day as HH:MM", |value| {
            let text = value.as_str()?;
            let (hour, minute) = text.split_once(':').filter(|_| text.len() == 5)?;
            let fits = |part: &str, below: u8| part.len() == 2 && part.parse::<u8>().is_ok_and(|part| part < below);
            (fits(hour, 24) && fits(minute, 60)).then_some(text)
        })
    }

    /// A connector's number.
    pub fn connector<'a>(&self, name: &'a str) -> Found<'a, u8> {
        let Field { name, value } = self.integer(name, 1..=i64::from(MOST_CONNECTORS))?;
        Ok(Field { name, value: value.map(|number| number as u8) })
    }

    /// `page` and `size` with their documented defaults.
    pub fn page(&self) -> Result<PageRequest, Problem> {
        let page = self.integer("page", 1..=i64::MAX)?.optional().unwrap_or(1);
        let size = self.integer("size", 1..=100)?.optional().unwrap_or(20);
        Ok(PageRequest { page: page as usize, size: size as usize })
    }

    /// The named fields that are there, to be handed on as they are.
    pub fn only(&self, names: &[&str]) -> Map<String, Value> {
        let pick = |name: &&str| Some(((*name).to_owned(), self.present(name)?.clone()));
        names.iter().filter_map(pick).collect()
    }

    /// An object that is to be kept: not too long.
    pub fn kept_object<'a>(&self, name: &'a str) -> Found<'a, Map<String, Value>> {
        let Field { name, value } = self.object(name)?;
        let map = value.map(|fields| kept(name, fields.map)).transpose()?;
        Ok(Field { name, value: map })
    }

    fn present(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn field<'a, 's, T>(&'s self, name: &'a str, why: &str, read: impl FnOnce(&'s Value) -> Option<T>) -> Found<'a, T> {
        let Some(value) = self.present(name) else { return Ok(Field { name, value: None }) };
        match read(value) {
            Some(read) => Ok(Field { name, value: Some(read) }),
            None => Err(Problem::invalid(name, value.clone(), why)),
        }
    }
}

/// `map`, if it is short enough to be kept.
pub fn kept(name: &str, map: Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let length = serde_json::to_vec(&map).map_or(0, |json| json.len());
    if length > LONGEST_KEPT {
        return Err(Problem::invalid(name, Value::Null, "must be at most 2048 bytes of JSON"));
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Fields {
        Fields::body(text.as_bytes()).unwrap()
    }

    fn code<T>(result: Result<T, Problem>) -> Option<Code> {
        result.err().map(|problem| problem.code)
    }

    #[test]
    fn null_is_missing_and_a_wrong_form_is_invalid() {
        let body = body(r#"{"a":null,"b":"x","c":"","n":-5}"#);
        assert_eq!(code(body.text("a").and_then(Field::required)), Some(Code::Missing));
        assert_eq!(code(body.text("gone").and_then(Field::required)), Some(Code::Missing));
        assert_eq!(code(body.text("c").and_then(Field::required)), Some(Code::Invalid));
        assert_eq!(code(body.number("b")), Some(Code::Invalid));
        assert_eq!(body.text("gone").unwrap().optional(), None);
        let problem = body.positive("n").err().unwrap();
        assert_eq!(problem.message, "Parameter 'n' must be positive");
        assert_eq!(problem.details, Some(serde_json::json!({"field": "n", "value": -5})));
    }

    #[test]
    fn integers_are_read_from_text_only_in_a_query() {
        let query = Fields::query("size=100&page=2&page=3&from=2025-03-15T10%3A30%3A00Z");
        assert_eq!(query.integer("size", 1..=100).unwrap().optional(), Some(100));
        assert_eq!(query.integer("page", 1..=100).unwrap().optional(), Some(3));
        assert!(query.time("from").unwrap().optional().is_some());
        assert_eq!(code(query.integer("size", 1..=99)), Some(Code::Invalid));
        assert_eq!(code(body(r#"{"size":"100"}"#).integer("size", 1..=100)), Some(Code::Invalid));
        assert_eq!(code(body(r#"{"size":1.5}"#).integer("size", 1..=100)), Some(Code::Invalid));
    }

    #[test]
    fn times_of_day_have_two_digits_each() {
        for (text, good) in [("08:00", true), ("23:59", true), ("24:00", false), ("8:00", false), ("ab:cd", false)] {
            assert_eq!(body(&format!(r#"{{"t":"{text}"}}"#)).clock_time("t").is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_secret_never_comes_back_in_an_error() {
        let problem = body(r#"{"client_secret":12345}"#).text("client_secret").err().unwrap();
        assert!(!format!("{problem:?}").contains("12345"));
    }
}
