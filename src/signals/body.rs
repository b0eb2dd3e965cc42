//! What a body says about quotas: a hint or a code at a JSON pointer, and the problem types of
//! draft-ietf-httpapi-ratelimit-headers -09 and later (RFC 9457).

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde_json::{Map, Value, json};

use super::lint::Lint;
use super::quota::{self, Name, Quota};
use super::retry_after::{Hint, Receipt, wait_in};
use crate::time::Nanos;

/// The hint at `pointer`, in units of `unit`: a number, or a number in quotes.
pub fn hint(body: &Value, pointer: &str, unit: Nanos, receipt: Receipt) -> (Hint, Option<Lint>) {
    match body.pointer(pointer) {
        None | Some(Value::Null) => (Hint::Absent, None),
        Some(Value::String(text)) => {
            let (hint, lint) = wait_in(unit, pointer, text, receipt);
            let quoted = || Lint::new("retry-after/quoted", pointer, text, "a number in quotes");
            (hint, lint.or_else(|| Some(quoted())))
        }
        Some(other) => wait_in(unit, pointer, &other.to_string(), receipt),
    }
}

/// A code that a body carries: an integer or a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Code {
    Number(i64),
    Word(String),
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CodeVisitor)
    }
}

struct CodeVisitor;

impl Visitor<'_> for CodeVisitor {
    type Value = Code;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an integer or a word")
    }

    fn visit_i64<E: Error>(self, code: i64) -> Result<Code, E> {
        Ok(Code::Number(code))
    }

    fn visit_u64<E: Error>(self, code: u64) -> Result<Code, E> {
        i64::try_from(code).map(Code::Number).map_err(|_| E::invalid_value(Unexpected::Unsigned(code), &self))
    }

    fn visit_str<E: Error>(self, code: &str) -> Result<Code, E> {
        Ok(Code::Word(code.to_owned()))
    }
}

impl Code {
    /// Whether it stands at `pointer`. A number may be in quotes.
    pub fn stands_at(&self, body: &Value, pointer: &str) -> bool {
        match (self, body.pointer(pointer)) {
            (Code::Number(code), Some(Value::String(text))) => text.trim().parse() == Ok(*code),
            (Code::Number(code), Some(found)) => found.as_i64() == Some(*code),
            (Code::Word(code), Some(Value::String(text))) => text == code,
            (Code::Word(code), Some(found)) => found.as_i64().is_some_and(|found| code.parse() == Ok(found)),
            (_, None) => false,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Code::Number(code) => write!(out, "{code}"),
            Code::Word(code) => out.write_str(code),
        }
    }
}

impl From<Code> for Value {
    fn from(code: Code) -> Value {
        match code {
            Code::Number(code) => code.into(),
            Code::Word(code) => code.into(),
        }
    }
}

/// Puts a value at `pointer`, with the objects and the first elements of arrays that lead there; the inverse of [`hint`] and
/// [`Code::stands_at`].
pub fn put(body: &mut Value, pointer: &str, value: impl Into<Value>) {
    let mut place = body;
    for step in pointer.split('/').skip(1) {
        // A pointer escapes the two characters that mean something to it (RFC 6901, 4).
        let step = step.replace("~1", "/").replace("~0", "~");
        if step == "0" && !place.is_object() {
            if !place.is_array() {
                *place = json!([null]);
            }
            place = &mut place[0];
            continue;
        }
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[step];
    }
    *place = value.into();
}

/// Why a request was not served, by the three problem types for quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemType {
    QuotaExceeded,
    TemporaryReducedCapacity,
    AbnormalUsageDetected,
}

impl ProblemType {
    const ALL: [ProblemType; 3] =
        [ProblemType::QuotaExceeded, ProblemType::TemporaryReducedCapacity, ProblemType::AbnormalUsageDetected];

    fn uri(self) -> &'static str {
        match self {
            ProblemType::QuotaExceeded => "https://iana.org/assignments/http-problem-types#quota-exceeded",
            ProblemType::TemporaryReducedCapacity => {
                "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
            }
            ProblemType::AbnormalUsageDetected => {
                "https://iana.org/assignments/http-problem-types#abnormal-usage-detected"
            }
        }
    }

    /// The status that the registration recommends.
    pub fn status(self) -> u16 {
        match self {
            ProblemType::QuotaExceeded | ProblemType::AbnormalUsageDetected => 429,
            ProblemType::TemporaryReducedCapacity => 503,
        }
    }

    fn title(self) -> &'static str {
        match self {
            ProblemType::QuotaExceeded => "Quota Exceeded",
            ProblemType::TemporaryReducedCapacity => "Temporary Reduced Capacity",
            ProblemType::AbnormalUsageDetected => "Abnormal Usage Detected",
        }
    }
}

/// A problem document about quotas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemType,
    /// The names of the policies whose quota was exceeded.
    pub violated: Vec<Name>,
}

/// The media type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";
const VIOLATED: &str = "/violated-policies";
/// More violated policies than this are not read.
const MOST_VIOLATED: usize = quota::MOST_QUOTAS;

/// A problem document of one of the three types; `status` and `media_type` are the response's, `quotas` what its headers
/// said.
pub fn problem(
    body: &Value,
    status: u16,
    media_type: &str,
    quotas: &[Quota],
    lints: &mut Vec<Lint>,
) -> Option<Problem> {
    let uri = body.get("type")?.as_str()?;
    // The fragment alone tells; hosts and schemes were written differently in drafts and by servers.
    let name = uri.rsplit(['#', '/', ':']).next().unwrap_or_default();
    let kind = ProblemType::ALL.into_iter().find(|kind| kind.uri().ends_with(&format!("#{name}")))?;
    if uri != kind.uri() {
        lints.push(Lint::new("problem/type", "/type", uri, format!("registered as {}", kind.uri())));
    }
    if status != kind.status() {
        let message = format!("the type recommends {}", kind.status());
        lints.push(Lint::new("problem/status", "status", &status.to_string(), message));
    }
    if !media_type.trim().to_ascii_lowercase().starts_with(PROBLEM_JSON) {
        let message = format!("a problem document is {PROBLEM_JSON}");
        lints.push(Lint::new("problem/media-type", "content-type", media_type, message));
    }
    Some(Problem { kind, violated: violated(body, quotas, lints) })
}

fn violated(body: &Value, quotas: &[Quota], lints: &mut Vec<Lint>) -> Vec<Name> {
    let value = body.pointer(VIOLATED);
    let names = value.and_then(Value::as_array).filter(|names| names.iter().all(Value::is_string));
    let Some(names) = names else {
        let found = value.map_or(String::new(), Value::to_string);
        lints.push(Lint::new("problem/violated-policies", VIOLATED, &found, "not an array of policies' names"));
        return Vec::new();
    };
    let names = names.iter().take(MOST_VIOLATED).filter_map(Value::as_str);
    let names: Vec<Name> = names.map(|name| quota::name(VIOLATED, name, lints)).collect();
    let stated = |name: &Name| quotas.iter().any(|quota| quota.policy.as_ref() == Some(name));
    if quotas.iter().any(|quota| quota.policy.is_some()) {
        for name in names.iter().filter(|name| !stated(name)) {
            lints.push(Lint::new("policy/unknown", VIOLATED, name, "no policy of this name in the headers"));
        }
    }
    names
}

/// The document that [`problem`] reads.
pub fn print_problem(problem: &Problem) -> Value {
    let violated: Vec<&str> = problem.violated.iter().map(|name| name.as_str()).collect();
    json!({
        "type": problem.kind.uri(),
        "title": problem.kind.title(),
        "status": problem.kind.status(),
        "violated-policies": violated,
    })
}
