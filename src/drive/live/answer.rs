//! What an answer means, and what of it is kept as evidence.

use std::borrow::Cow;

use super::link::{Reply, Trouble};
use crate::device::{HttpRequest, Outcome};
use crate::policy::model::{ClassId, Policy};
use crate::policy::signals::{self, ResponseView, Signal};
use crate::record::Exchange;
use crate::time::Nanos;

/// How much of a body evidence shows, in characters.
const SHOWN_BODY: usize = 300;
/// How much of a request's path or of a header evidence shows, in characters.
const SHOWN_LINE: usize = 200;

/// The kind of ending that a status and the policy's signals make. A WebSocket handshake is served with 101, a conditional
/// request with 304 too. `received` is since the Unix epoch.
pub fn classify(
    policy: &Policy,
    class: Option<ClassId>,
    http: &HttpRequest,
    reply: &Reply,
    handshake: bool,
    received: Nanos,
) -> (Outcome, Signal) {
    let view = ResponseView { status: reply.status, headers: &reply.headers, body: &reply.body, received, class };
    let signal = signals::read(policy, view);
    let outcome = match reply.status {
        _ if signal.refused => Outcome::Refused,
        _ if signal.overloaded => Outcome::Overloaded,
        101 if handshake => Outcome::Served,
        // Without an upgrade the handshake failed, whatever else the answer says.
        200..=299 if !handshake => Outcome::Served,
        304 if !handshake && http.is_conditional() => Outcome::Served,
        // Redirects are not followed.
        status @ 300..=499 => Outcome::Rejected(status),
        status => Outcome::Broken(status),
    };
    (outcome, signal)
}

/// Evidence of an answer that was not served, or whose headers cannot be right.
pub fn of_reply(http: &HttpRequest, reply: &Reply, signal: &Signal) -> Exchange {
    let mut response = reply.status.to_string();
    for (name, value) in reply.headers.iter().filter(|(name, _)| is_telling(name)) {
        // What follows it may be a credential for the place that a redirect leads to.
        let value = if name == "location" { value.split(['?', '#']).next().unwrap_or_default() } else { value };
        response.push_str(&format!("\n{name}: {}", printable(&without_credentials(value, http), SHOWN_LINE)));
    }
    let body = blank_secrets(&String::from_utf8_lossy(&reply.body), http);
    if !body.is_empty() {
        response.push_str("\n\n");
        response.push_str(&printable(&body, SHOWN_BODY));
    }
    let (breaches, header_breaches) = (signal.breaches.clone(), signal.header_breaches.clone());
    Exchange { request: request_line(http), response, breaches, header_breaches }
}

/// Evidence of an exchange that brought no answer.
pub fn of_trouble(http: &HttpRequest, trouble: &Trouble) -> Exchange {
    let detail = without_credentials(&trouble.detail, http);
    Exchange { request: request_line(http), response: printable(&detail, SHOWN_BODY), ..Exchange::default() }
}

fn request_line(http: &HttpRequest) -> String {
    let path = without_credentials(&http.path, http);
    let path = match path.split_once("token=") {
        Some((before, after)) => {
            let rest = after.find('&').map_or("", |end| &after[end..]);
            format!("{before}token=(hidden){rest}")
        }
        None => path.into_owned(),
    };
    format!("{} {}", http.method, printable(&path, SHOWN_LINE))
}

/// Headers that say something about quotas, or where a redirect leads.
fn is_telling(name: &str) -> bool {
    matches!(name, "retry-after" | "content-type" | "location")
        || name.contains("ratelimit")
        || name.contains("rate-limit")
}

fn printable(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(most).collect();
    if text.chars().count() > most {
        shown.push('…');
    }
    shown
}

/// Hides the request's own credentials, wherever they stand.
fn without_credentials<'a>(text: &'a str, http: &HttpRequest) -> Cow<'a, str> {
    let authorization = http.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let credentials = authorization.map(|(_, value)| value.rsplit(' ').next().unwrap_or(value));
    let secrets = credentials.chain(http.secrets.iter().flat_map(|secrets| secrets.iter()).map(|secret| &**secret));
    secrets.filter(|secret| !secret.is_empty()).fold(Cow::Borrowed(text), |text, secret| {
        if text.contains(secret) { Cow::Owned(text.replace(secret, "(hidden)")) } else { text }
    })
}

/// Hides the request's own credentials and the values of JSON members whose names end in `secret` or `token`.
fn blank_secrets(body: &str, http: &HttpRequest) -> String {
    let body = without_credentials(body, http);
    let mut shown = String::with_capacity(body.len());
    let mut rest = &*body;
    while let Some(end) = end_of_secret_name(rest) {
        shown.push_str(&rest[..end]);
        rest = &rest[end..];
        let value = rest.trim_start_matches([' ', '\t', '\r', '\n', ':']);
        if value.len() < rest.len() {
            shown.push_str(": \"(hidden)\"");
            rest = after_value(value);
        }
    }
    shown.push_str(rest);
    shown
}

/// The position behind the closing quote of the next member name that promises a secret. It looks no further than that, so
/// that a body full of such names is gone through once.
fn end_of_secret_name(text: &str) -> Option<usize> {
    let ends_with = |name: &[u8], word: &[u8]| {
        name.len().checked_sub(word.len()).is_some_and(|at| name[at..].eq_ignore_ascii_case(word))
    };
    let promises = |name: &[u8]| ends_with(name, b"secret") || ends_with(name, b"token");
    text.match_indices('"').map(|(at, _)| at).find(|at| promises(&text.as_bytes()[..*at])).map(|at| at + 1)
}

/// What follows a JSON value; nothing when the value has no end.
fn after_value(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('"') else {
        return text.find([',', '}']).map_or("", |end| &text[end..]);
    };
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return &inner[at + 1..],
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Failure;

    fn http(path: &str) -> HttpRequest {
        let headers = vec![("authorization".into(), "Bearer abc.def".to_owned())];
        let secrets = Some(vec![Box::from("k1&k2"), Box::from("k1%26k2")].into());
        let body = b"{}".to_vec();
        HttpRequest { method: "POST", path: path.to_owned(), headers, body, secrets, ..HttpRequest::default() }
    }

    fn shown(body: &str) -> String {
        let reply = Reply { status: 400, headers: Vec::new(), body: body.as_bytes().to_vec() };
        of_reply(&http("/x"), &reply, &Signal::default()).response
    }

    #[test]
    fn no_secret_reaches_the_evidence() {
        for body in [
            r#"{"device_secret":"hunter2","code":1}"#,
            r#"{"access_token" : "hunter2 \" hunter2", "code":1}"#,
            r#"{"Client_Secret":"hunter2"#,
            r#"{"token":"hunter2","secret":"hunter2","code":1}"#,
            r#"{"message":"bad token abc.def","code":1}"#,
            r#"{"token":hunter2,"code":1}"#,
            r#"{"message":"no key k1&k2 (k1%26k2) is known"}"#,
        ] {
            let shown = shown(body);
            let secrets = ["hunter2", "abc.def", "k1"];
            assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{shown}");
            assert!(shown.contains("hidden"), "{shown}");
        }
        assert!(shown(r#"{"token":"hunter2","code":1001}"#).ends_with(r#""token": "(hidden)","code":1001}"#));
        let trouble = Trouble::new(Failure::Reset, "gone");
        let line = of_trouble(&http("/v1/stream?devices=a&token=hunter2&x=1"), &trouble).request;
        assert_eq!(line, "POST /v1/stream?devices=a&token=(hidden)&x=1");
        let trouble = Trouble::new(Failure::Reset, "unsendable: k1&k2");
        let exchange = of_trouble(&http("/v1/sites?key=k1%26k2&x=1"), &trouble);
        assert_eq!(exchange.request, "POST /v1/sites?key=(hidden)&x=1");
        assert_eq!(exchange.response, "unsendable: (hidden)");
        let headers = vec![("x-ratelimit-bucket".to_owned(), "k1&k2".to_owned())];
        let reply = Reply { status: 429, headers, body: Vec::new() };
        assert_eq!(of_reply(&http("/x"), &reply, &Signal::default()).response, "429\nx-ratelimit-bucket: (hidden)");
    }

    /// Going through the rest of the body again for each name would take hours.
    #[test]
    fn a_body_full_of_secret_names_is_gone_through_once() {
        let names = "\"token\"\"SECRET\":1,".repeat(500_000);
        let blanked = blank_secrets(&names, &HttpRequest::default());
        assert!(blanked.starts_with(r#""token""SECRET": "(hidden)","token""#), "{}", &blanked[..60]);
        assert_eq!(blanked.matches("(hidden)").count(), 500_000);
        assert!(!blanked.contains('1'));
    }

    #[test]
    fn evidence_is_bounded_and_printable() {
        let reply = Reply {
            status: 429,
            headers: vec![
                ("retry-after".into(), "7".into()),
                ("set-cookie".into(), "session=hunter2".into()),
                ("x-ratelimit-remaining".into(), "0".into()),
            ],
            body: format!("\u{1b}[31m{}", "x".repeat(5_000)).into_bytes(),
        };
        let response = of_reply(&http("/x"), &reply, &Signal::default()).response;
        assert!(response.starts_with("429\nretry-after: 7\nx-ratelimit-remaining: 0\n\n[31mxxx"), "{response}");
        assert!(response.chars().count() < 400 && !response.contains('\u{1b}'), "{response}");
    }
}
