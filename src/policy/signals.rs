//! What a response says about the quota: refused, overloaded, and when to come back.

use super::model::{ClassId, HintPlace, HintSource, HintUnit, Policy, Presence, QuotaHeaders, Refusal};
use super::{told, waits};
use crate::signals::body::{self, Code};
use crate::signals::{self, Dialect, Receipt};
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
    /// The class of its request, where anybody knows it.
    pub class: Option<ClassId>,
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
    let body = body_of(policy, response);
    let signal = read_refusal(policy, response, body.as_ref());
    let Some(documented) = &policy.quota_headers else { return signal };
    let receipt = receipt(response, waits::longest_known(policy, response.class));
    let (mut told, mut header_breaches) = told::tell(policy, documented, response.headers, receipt);
    if let Some(body) = body.as_ref().filter(|_| documented.dialect == Dialect::Ietf10) {
        header_breaches.extend(problem_breaches(body, documented, response));
        told.present |= !header_breaches.is_empty();
        told.breaches = u8::try_from(header_breaches.len()).unwrap_or(u8::MAX);
    }
    let hint = match signal.hint {
        Hint::Absent if signal.refused => told_reset(&told, receipt),
        hint => hint,
    };
    Signal { told, header_breaches, hint, ..signal }
}

/// A served request's body can be large and holds no signal, unless the provider refuses inside a success.
fn body_of(policy: &Policy, response: ResponseView<'_>) -> Option<serde_json::Value> {
    let may_refuse = response.status >= 400 || forms(&policy.refusal).any(|form| form.status < 400);
    may_refuse.then(|| serde_json::from_slice(response.body).ok()).flatten()
}

fn read_refusal(policy: &Policy, response: ResponseView<'_>, body: Option<&serde_json::Value>) -> Signal {
    let has_code = |(pointer, code): &(String, Code)| body.is_some_and(|body| code.stands_at(body, pointer));
    let Some(form) = form_of(&policy.refusal, response.status, has_code) else {
        return match response.status {
            status if status == policy.overload.status => read_overload(response),
            400..500 => Signal { hint: other_hint(policy, response, body), ..Signal::default() },
            _ => Signal::default(),
        };
    };
    let mut breaches = Vec::new();
    if response.status != form.status {
        breaches.push(format!("status {} instead of {}", response.status, form.status));
    }
    if let Some(expected) = form.body_code
        && !has_code(expected)
    {
        let found = body.and_then(|body| body.pointer(&expected.0));
        let found = found.map_or("nothing".to_owned(), |value| value.to_string());
        breaches.push(format!("body {} is {found} instead of {}", expected.0, expected.1));
    }
    let hint = refusal_hint(policy, response, body, &mut breaches);
    Signal { refused: true, hint, breaches, ..Signal::default() }
}

fn refusal_hint(
    policy: &Policy,
    response: ResponseView<'_>,
    body: Option<&serde_json::Value>,
    breaches: &mut Vec<String>,
) -> Hint {
    let receipt = receipt(response, waits::longest_known(policy, response.class));
    match &policy.refusal.retry_after {
        None => standard_hint(response, receipt, breaches),
        Some(source) => read_hint(source, response, receipt, body, breaches),
    }
}

/// What a client error tells that is documented as no refusal, and may be one in a form of its own. No contract binds it.
fn other_hint(policy: &Policy, response: ResponseView<'_>, body: Option<&serde_json::Value>) -> Hint {
    match refusal_hint(policy, response, body, &mut Vec::new()) {
        Hint::Absent => standard_hint(response, receipt(response, None), &mut Vec::new()),
        hint => hint,
    }
}

/// How long an overload lasts, no contract bounds.
fn read_overload(response: ResponseView<'_>) -> Signal {
    let mut breaches = Vec::new();
    let hint = standard_hint(response, receipt(response, None), &mut breaches);
    Signal { overloaded: true, hint, breaches, ..Signal::default() }
}

/// What `Retry-After` says, though the provider's documents do not mention it (RFC 9110, 10.2.3).
fn standard_hint(response: ResponseView<'_>, receipt: Receipt, breaches: &mut Vec<String>) -> Hint {
    let header = response.headers.iter().find(|(header, _)| header == "retry-after");
    let (hint, lint) = header.map(|(_, value)| signals::retry_after(value, receipt)).unwrap_or_default();
    breaches.extend(lint.map(|lint| format!("header {lint}")));
    hint
}

/// Where a refusal names no wait: when more is there, as far as that can be meant.
fn told_reset(told: &Told, receipt: Receipt) -> Hint {
    let reset = told.reset.filter(|reset| *reset <= receipt.believed());
    match reset {
        Some(reset) if told.remaining == Some(0) => Hint::Reset(reset),
        _ => Hint::Absent,
    }
}

fn problem_breaches(
    body: &serde_json::Value,
    documented: &QuotaHeaders,
    response: ResponseView<'_>,
) -> impl Iterator<Item = String> {
    let media_type = response.headers.iter().find(|(header, _)| header == "content-type");
    let media_type = media_type.map_or("", |(_, value)| value);
    let quotas = signals::read(documented.format(), response.headers, Receipt::at(response.received)).quotas;
    let mut lints = Vec::new();
    body::problem(body, response.status, media_type, &quotas, &mut lints);
    lints.into_iter().map(|lint| lint.to_string())
}

/// A way to refuse: a status, and the code that goes with it.
#[derive(Clone, Copy)]
struct Form<'a> {
    status: u16,
    body_code: Option<&'a (String, Code)>,
}

fn forms(refusal: &Refusal) -> impl Iterator<Item = Form<'_>> + Clone {
    let main = Form { status: refusal.status, body_code: refusal.body_code.as_ref() };
    let others =
        refusal.other_forms.iter().map(|form| Form { status: form.status, body_code: form.body_code.as_ref() });
    std::iter::once(main).chain(others)
}

/// The form that a response is meant to have: one that it has in full, else one whose code it has, else one whose
/// status it has, if that alone tells a refusal. None: it is no refusal.
fn form_of(refusal: &Refusal, status: u16, has_code: impl Fn(&(String, Code)) -> bool) -> Option<Form<'_>> {
    let code = |form: &Form<'_>| form.body_code.is_some_and(&has_code);
    let full = |form: &Form<'_>| form.status == status && (form.body_code.is_none() || code(form));
    // Too many requests (RFC 6585, 4), whatever the body; other statuses may have other reasons.
    let tells = |form: &Form<'_>| form.status == status && status == 429;
    forms(refusal).find(full).or_else(|| forms(refusal).find(code)).or_else(|| forms(refusal).find(tells))
}

fn read_hint(
    source: &HintSource,
    response: ResponseView<'_>,
    receipt: Receipt,
    body: Option<&serde_json::Value>,
    breaches: &mut Vec<String>,
) -> Hint {
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

fn receipt(response: ResponseView<'_>, longest: Option<Nanos>) -> Receipt {
    Receipt { at: served_at(response.headers).or(Some(response.received)), longest }
}

/// By the server's own clock, so that a date it names is as far away as it meant.
fn served_at(headers: &[(String, String)]) -> Option<Nanos> {
    let (_, date) = headers.iter().find(|(header, _)| header == "date")?;
    signals::parse_http_date(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `retry-after` tells of a request of a class, or of nobody knows which.
    fn told(policy: &Policy, class: Option<&str>, wait: &str) -> Signal {
        let headers = [("retry-after".to_owned(), wait.to_owned())];
        let class = class.map(|name| policy.class_named(name).unwrap());
        read(policy, ResponseView { status: 429, headers: &headers, body: b"", received: Nanos::ZERO, class })
    }

    #[test]
    fn a_hint_of_many_windows_is_taken_for_another_unit_and_one_of_a_few_is_not() {
        let text = "name: test\nrefusal: {retry_after: {header: retry-after}}\nclasses:\n  \
                    short: {requests: [GET /a], limits: [{allow: 3, per: 10s, scope: user}]}\n  \
                    hour: {requests: [GET /b], limits: [{allow: 3, per: 1h, scope: user}]}\n";
        let policy = crate::policy::load(&crate::yaml::Source::built_in("x.yaml", text));
        let policy = policy.unwrap();
        let hint = |class, wait| told(&policy, class, wait).hint.wait().map(Nanos::as_secs);
        assert_eq!((hint(Some("short"), "100"), hint(Some("short"), "101")), (Some(100), None));
        assert_eq!(hint(Some("hour"), "36000"), Some(36_000));
        assert_eq!(hint(Some("hour"), "30000"), None, "more than the window, and half a minute in milliseconds");
        assert_eq!(hint(Some("short"), "3000"), None, "whatever other classes know");
        assert_eq!(hint(None, "3000"), Some(3_000), "it may have been the hour");
        assert_eq!(told(&policy, Some("short"), "101").breaches.len(), 1);
    }

    #[test]
    fn a_client_error_may_tell_to_wait_and_breaks_no_contract() {
        let policy = crate::policy::builtin("telair").unwrap();
        let hint = |status: u16, wait: &str| {
            let headers = [("retry-after".to_owned(), wait.to_owned())];
            let view = ResponseView { status, headers: &headers, body: b"", received: Nanos::ZERO, class: None };
            let signal = read(&policy, view);
            assert_eq!((signal.refused, signal.overloaded), (false, status == 503));
            (signal.hint.wait().map(Nanos::as_secs), signal.breaches.len())
        };
        assert_eq!((hint(403, "2"), hint(404, "2")), ((Some(2), 0), (Some(2), 0)));
        assert_eq!(hint(403, "soon"), (None, 0));
        assert_eq!((hint(302, "2"), hint(500, "2"), hint(503, "2")), ((None, 0), (None, 0), (Some(2), 0)));
    }

    #[test]
    fn limits_that_are_not_named_may_ask_for_any_wait_that_makes_sense() {
        let policy = crate::policy::builtin("ampeco").unwrap();
        assert!(policy.more_limits);
        assert_eq!(told(&policy, None, "3600").hint.wait(), Some(Nanos::from_secs(3_600)));
        assert_eq!(told(&policy, None, "60000").hint, Hint::Malformed);
    }

    #[test]
    fn a_code_in_quotes_refuses_as_the_bare_one_does() {
        let policy = crate::policy::builtin("evnnovator").unwrap();
        let refused = |body: &str| {
            let body = body.as_bytes();
            read(&policy, ResponseView { status: 200, headers: &[], body, received: Nanos::ZERO, class: None }).refused
        };
        assert!(refused(r#"{"status_code": 2004}"#));
        assert!(refused(r#"{"status_code": "2004"}"#));
        assert!(!refused(r#"{"status_code": "1000"}"#));
        assert!(!refused(r#"{"status_code": "a2004"}"#));
    }
}
