//! What a response says about the quota: refused, overloaded, and when to come back.

use super::model::{HintPlace, HintSource, HintUnit, Policy, Presence, Refusal};
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
    /// When it came, since the Unix epoch: what moments in it are counted from where it has no date of its own.
    pub received: Nanos,
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
            let (told, header_breaches) = told::tell(policy, documented, response.headers, receipt(response));
            Signal { told, header_breaches, ..signal }
        }
        None => signal,
    }
}

fn read_refusal(policy: &Policy, response: ResponseView<'_>) -> Signal {
    let refusal = &policy.refusal;
    // A served request's body can be large and holds no signal, unless the provider refuses inside a success.
    let may_refuse = response.status >= 400 || forms(refusal).any(|form| form.status < 400);
    let body: Option<serde_json::Value> = may_refuse.then(|| serde_json::from_slice(response.body).ok()).flatten();
    let code = |pointer: &str| body.as_ref().and_then(|body| body.pointer(pointer)).cloned();
    let has_code = |code_of: &(String, i64)| {
        body.as_ref().and_then(|body| signals::body::code(body, &code_of.0)) == Some(code_of.1)
    };

    let Some(form) = form_of(refusal, response.status, has_code) else {
        return Signal { overloaded: response.status == policy.overload.status, ..Signal::default() };
    };
    let mut breaches = Vec::new();
    if response.status != form.status {
        breaches.push(format!("status {} instead of {}", response.status, form.status));
    }
    if let Some(expected) = form.body_code
        && !has_code(expected)
    {
        let found = code(&expected.0).map_or("nothing".to_owned(), |value| value.to_string());
        breaches.push(format!("body {} is {found} instead of {}", expected.0, expected.1));
    }
    let hint = match &refusal.retry_after {
        None => Hint::Absent,
        Some(source) => read_hint(source, response, body.as_ref(), &mut breaches),
    };
    Signal { refused: true, hint, breaches, ..Signal::default() }
}

/// A way to refuse: a status, and the code that goes with it.
#[derive(Clone, Copy)]
struct Form<'a> {
    status: u16,
    body_code: Option<&'a (String, i64)>,
}

fn forms(refusal: &Refusal) -> impl Iterator<Item = Form<'_>> + Clone {
    let main = Form { status: refusal.status, body_code: refusal.body_code.as_ref() };
    let others =
        refusal.other_forms.iter().map(|form| Form { status: form.status, body_code: form.body_code.as_ref() });
    std::iter::once(main).chain(others)
}

/// The form that a response is meant to have: one that it has in full, else one whose code it has, else one whose
/// status it has, if that is an error's. None: it is no refusal.
fn form_of(refusal: &Refusal, status: u16, has_code: impl Fn(&(String, i64)) -> bool) -> Option<Form<'_>> {
    let code = |form: &Form<'_>| form.body_code.is_some_and(&has_code);
    let full = |form: &Form<'_>| form.status == status && (form.body_code.is_none() || code(form));
    let error = |form: &Form<'_>| form.status == status && status >= 400;
    forms(refusal).find(full).or_else(|| forms(refusal).find(code)).or_else(|| forms(refusal).find(error))
}

fn read_hint(
    source: &HintSource,
    response: ResponseView<'_>,
    body: Option<&serde_json::Value>,
    breaches: &mut Vec<String>,
) -> Hint {
    let receipt = receipt(response);
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

fn receipt(response: ResponseView<'_>) -> Receipt {
    Receipt { at: served_at(response.headers).or(Some(response.received)), longest: Some(LONGEST_WAIT) }
}

/// By the server's own clock, so that a date it names is as far away as it meant.
fn served_at(headers: &[(String, String)]) -> Option<Nanos> {
    let (_, date) = headers.iter().find(|(header, _)| header == "date")?;
    signals::parse_http_date(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_in_quotes_refuses_as_the_bare_one_does() {
        let policy = crate::policy::builtin("evnnovator").unwrap();
        let refused = |body: &str| {
            let body = body.as_bytes();
            read(&policy, ResponseView { status: 200, headers: &[], body, received: Nanos::ZERO }).refused
        };
        assert!(refused(r#"{"status_code": 2004}"#));
        assert!(refused(r#"{"status_code": "2004"}"#));
        assert!(!refused(r#"{"status_code": "1000"}"#));
        assert!(!refused(r#"{"status_code": "a2004"}"#));
    }
}
