//! Envelopes, pages and errors.

use serde::Serialize;
use serde_json::{Value, json};

use crate::reference::http::HttpOut;

/// The documented error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Invalid = 1001,
    Missing = 1002,
    Unauthenticated = 2001,
    TokenExpired = 2002,
    ScopeMissing = 2003,
    NotFound = 3001,
    Conflict = 4001,
    ServerFault = 9001,
}

impl Code {
    pub const fn status(self) -> u16 {
        match self {
            Code::Invalid | Code::Missing => 400,
            Code::Unauthenticated | Code::TokenExpired => 401,
            Code::ScopeMissing => 403,
            Code::NotFound => 404,
            Code::Conflict => 409,
            Code::ServerFault => 500,
        }
    }
}

/// Why a request fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub code: Code,
    pub message: String,
    pub details: Option<Value>,
}

impl Problem {
    pub fn new(code: Code, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into(), details: None }
    }

    /// A parameter of the wrong form or out of range.
    pub fn invalid(field: &str, value: Value, why: &str) -> Problem {
        let message = format!("Parameter '{field}' {why}");
        // Secrets must not come back in an error, whatever else is wrong with them.
        let details = match field.ends_with("secret") || field.ends_with("token") {
            true => json!({ "field": field }),
            false => json!({ "field": field, "value": shortened(value) }),
        };
        Problem { code: Code::Invalid, message, details: Some(details) }
    }

    /// A required parameter that is not there.
    pub fn missing(field: &str) -> Problem {
        let message = format!("Parameter '{field}' is required");
        Problem { code: Code::Missing, message, details: Some(json!({ "field": field })) }
    }

    pub fn not_found(what: &str) -> Problem {
        Problem::new(Code::NotFound, format!("{what} not found"))
    }
}

/// An error never sends back more than a glimpse of what it was sent.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.chars().take(64).collect()),
        Value::Array(_) | Value::Object(_) => Value::Null,
        scalar => scalar,
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: i64,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: &'a Option<Value>,
}

impl From<Problem> for HttpOut {
    fn from(problem: Problem) -> HttpOut {
        let Problem { code, message, details } = problem;
        let body = ErrorBody { code: code as i64, message: &message, details: &details };
        HttpOut::json(code.status(), &body)
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    code: i64,
    message: &'a str,
    data: T,
}

/// A success in its envelope.
pub fn success(data: impl Serialize) -> HttpOut {
    enveloped("success", data)
}

/// A success that says something else than `success`.
pub fn enveloped(message: &str, data: impl Serialize) -> HttpOut {
    HttpOut::json(200, &Envelope { code: 0, message, data })
}

/// A success without data.
pub fn done() -> HttpOut {
    success(Value::Null)
}

/// One page of rows, with the count of all that match.
#[derive(Serialize)]
pub struct Page<T> {
    pub total: usize,
    pub page: usize,
    pub size: usize,
    pub items: Vec<T>,
}

/// Which page is asked for; both are checked to be in range.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// 1 for the first.
    pub page: usize,
    /// 1 to 100.
    pub size: usize,
}

impl PageRequest {
    /// The page's rows among all that match. Past the end it is empty.
    pub fn of<T>(self, all: impl Iterator<Item = T>) -> Page<T> {
        let begin = (self.page - 1).saturating_mul(self.size);
        let end = begin.saturating_add(self.size);
        let mut items = Vec::new();
        let mut total = 0;
        for row in all {
            if (begin..end).contains(&total) {
                items.push(row);
            }
            total += 1;
        }
        Page { total, page: self.page, size: self.size, items }
    }
}

impl<T> Page<T> {
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        let Page { total, page, size, items } = self;
        Page { total, page, size, items: items.into_iter().map(view).collect() }
    }
}
