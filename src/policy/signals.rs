//! What a response says about the quota: refused, overloaded, and when to come back.

use super::model::{HintPlace, HintSource, HintUnit, Policy, Presence};
use super::told;
use crate::signals::{self, LONGEST_WAIT, Receipt};
use crate::time::Nanos;

pub use super::told::Told;
pub use crate::signals::Hint;

/// The parts of a response that carry signals.
#[derive(Clone, Copy, Debug)]
pub struct ResponseView<'a> {
    pub status: u16,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

/// What a response says about the quota.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// By status or by the body's code.
    pub refused: bool,
    pub overloaded: bool,
    pub hint: Hint,
    pub told: Told,
    /// Where a refusal breaks the documented contract, in words; empty when it keeps it.
    pub breaches: Vec<String>,
    /// Where the quota headers break their dialect, in words.
    pub header_breaches: Vec<String>,
}

/// Reads the signals of a response: lenient in what counts as a refusal, strict in what keeps the contract.
pub fn read(policy: &Policy, response: ResponseView<'_>) -> Signal {
    let signal = read_refusal(policy, response);
    match &policy.quota_headers {
        Some(documented) => {
            let (told, header_breaches) = told::tell(policy, documented, response.headers, receipt(response.headers));
            Signal { told, header_breaches, ..signal }
        }
        None => signal,
    }
}

fn read_refusal(policy: &Policy, response: ResponseView<'_>) -> Signal {
    let refusal = &policy.refusal;
    let by_status = response.status == refusal.status;
    // A served request's body can be large and holds no signal, unless the provider refuses inside a 200.
    let may_refuse = by_status || response.status >= 400 || refusal.status < 400;
    let body: Option<serde_json::Value> = may_refuse.then(|| serde_json::from_slice(response.body).ok()).flatten();
    let code = |pointer: &str| body.as_ref().and_then(|body| body.pointer(pointer)).cloned();

    let by_code = refusal
        .body_code
        .as_ref()
        .is_some_and(|(pointer, expected)| code(pointer).and_then(|value| value.as_i64()) == Some(*expected));
    if !(by_code || by_status && refusal.status >= 400) {
        return Signal { overloaded: response.status == policy.overload.status, ..Signal::default() };
    }

    let mut breaches = Vec::new();
    if !by_status {
        breaches.push(format!("status {} instead of {}", response.status, refusal.status));
    }
    if let Some((pointer, expected)) = &refusal.body_code
        && !by_code
    {
        let found = code(pointer).map_or("nothing".to_owned(), |value| value.to_string());
        breaches.push(format!("body {pointer} is {found} instead of {expected}"));
    }
    let hint = match &refusal.retry_after {
        None => Hint::Absent,
        Some(source) => read_hint(source, response, body.as_ref(), &mut breaches),
    };
    Signal { refused: true, hint, breaches, ..Signal::default() }
}

fn read_hint(
    source: &HintSource,
    response: ResponseView<'_>,
    body: Option<&serde_json::Value>,
    breaches: &mut Vec<String>,
) -> Hint {
    let receipt = receipt(response.headers);
    let unit = match source.unit {
        HintUnit::Seconds => Nanos::from_secs(1),
        HintUnit::Milliseconds => Nanos::from_millis(1),
    };
    let (kind, name, (hint, lint)) = match &source.place {
        HintPlace::Body(pointer) => {
            let told = body.map(|body| signals::body::hint(body, pointer, unit, receipt));
            ("body", pointer, told.unwrap_or_default())
        }
        HintPlace::Header(name) => {
            let header = response.headers.iter().find(|(header, _)| header == name);
            let told = header.map(|(_, value)| match name.as_str() {
                "retry-after" if source.unit == HintUnit::Seconds => signals::retry_after(value, receipt),
                _ => signals::wait_in(unit, name, value, receipt),
            });
            ("header", name, told.unwrap_or_default())
        }
    };
    if hint == Hint::Absent && source.presence == Presence::Required {
        breaches.push(format!("{kind} {name} is missing"));
    }
    breaches.extend(lint.map(|lint| format!("{kind} {lint}")));
    hint
}

fn receipt(headers: &[(String, String)]) -> Receipt {
    Receipt { at: served_at(headers), longest: Some(LONGEST_WAIT) }
}

/// By the server's own clock, so that a date it names is as far away as it meant.
fn served_at(headers: &[(String, String)]) -> Option<Nanos> {
    let (_, date) = headers.iter().find(|(header, _)| header == "date")?;
    signals::parse_http_date(date)
}
