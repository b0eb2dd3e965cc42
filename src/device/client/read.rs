//! What the answers to a scripted client say, as far as its script asks.
//!
//! The body of a request without a flow is not looked at.

use serde::Deserialize;
use serde_json::Value;

use super::errand::{Errand, Step, What};
use super::machine::Client;
use crate::device::Body;
use crate::scenario::client::{Paging, Poll, RequestSpec, Then};
use crate::time::Nanos;

/// How long a token is taken to be good when its issuer does not say (RFC 6749 only recommends `expires_in`).
const USUAL_LIFETIME: Nanos = Nanos::from_secs(3_600);

/// In virtual time a listing has so many pages, and what was created is done when it was asked for so often.
const IMAGINED_PAGES: u32 = 3;
const IMAGINED_POLLS: u32 = 3;
const IMAGINED_ROWS: u32 = 10;

impl Client {
    /// None where the body lacks what the script needs.
    pub(super) fn read(&self, errand: &Errand, body: &[u8]) -> Option<Body> {
        match &errand.what {
            What::Token => token(body),
            // A handshake has no body.
            What::Stream(_) => Some(Body::None),
            What::Request { request, step } => read_step(&self.plan.spec.requests[*request], step, body),
        }
    }

    /// What a served answer plausibly says.
    pub(super) fn imagined(&self, errand: &Errand) -> Body {
        let What::Request { request, step } = &errand.what else {
            return match errand.what {
                What::Token => Body::Token { value: "virtual".into(), lifetime: USUAL_LIFETIME },
                _ => Body::None,
            };
        };
        let page = match step {
            Step::Page { number, .. } => *number,
            Step::First | Step::Poll { .. } => 1,
        };
        match (&self.plan.spec.requests[*request].then, step) {
            (Then::Nothing, _) => Body::None,
            (Then::Pages(pages), _) => match pages.how {
                Paging::Number { .. } => {
                    let rows = if page < IMAGINED_PAGES { IMAGINED_ROWS } else { 0 };
                    Body::Page { rows, total: IMAGINED_ROWS * (IMAGINED_PAGES - 1) }
                }
                Paging::Next(_) | Paging::Cursor { .. } => {
                    Body::Found((page < IMAGINED_PAGES).then(|| "/virtual".into()))
                }
            },
            (Then::Poll(_), Step::Poll { number, .. }) => Body::Followed { done: *number >= IMAGINED_POLLS },
            (Then::Poll(_), _) => Body::Found(Some("virtual".into())),
        }
    }
}

fn read_step(request: &RequestSpec, step: &Step, body: &[u8]) -> Option<Body> {
    let json = || serde_json::from_slice::<Value>(body).ok();
    match (&request.then, step) {
        (Then::Nothing, _) => Some(Body::None),
        (Then::Pages(pages), _) => page(&pages.how, &json()?),
        (Then::Poll(poll), Step::Poll { .. }) => state(poll, &json()?),
        (Then::Poll(poll), _) => text(json()?.pointer(&poll.id)?).map(|id| Body::Found(Some(id))),
    }
}

fn page(how: &Paging, json: &Value) -> Option<Body> {
    match how {
        Paging::Next(pointer) => match json.pointer(pointer) {
            None | Some(Value::Null) => Some(Body::Found(None)),
            Some(Value::String(empty)) if empty.is_empty() => Some(Body::Found(None)),
            Some(next) => address(next.as_str()?).map(|address| Body::Found(Some(address))),
        },
        Paging::Cursor { pointer, .. } => match json.pointer(pointer) {
            None | Some(Value::Null | Value::Bool(false)) => Some(Body::Found(None)),
            Some(Value::String(empty)) if empty.is_empty() => Some(Body::Found(None)),
            Some(cursor) => text(cursor).map(|cursor| Body::Found(Some(cursor))),
        },
        Paging::Number { rows, .. } => {
            let rows = u32::try_from(json.pointer(rows)?.as_array()?.len()).unwrap_or(u32::MAX);
            Some(Body::Page { rows, total: 0 })
        }
    }
}

fn state(poll: &Poll, json: &Value) -> Option<Body> {
    let state = text(json.pointer(&poll.pointer)?)?;
    Some(Body::Followed { done: poll.done.contains(&state) })
}

/// A plain value as text; none for lists, mappings and null.
fn text(value: &Value) -> Option<Box<str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(truth) => Some(truth.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The path and query of an address. Its host is left out: a client never leaves its target.
fn address(link: &str) -> Option<Box<str>> {
    let path = match link.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => link,
    };
    let path = path.split('#').next().unwrap_or(path);
    (path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic())).then(|| path.into())
}

fn token(body: &[u8]) -> Option<Body> {
    #[derive(Deserialize)]
    struct Token {
        access_token: Box<str>,
        expires_in: Option<f64>,
    }
    let Token { access_token, expires_in } = serde_json::from_slice(body).ok()?;
    // It becomes part of a header: anything but visible ASCII would break the request.
    let usable = !access_token.is_empty() && access_token.bytes().all(|byte| byte.is_ascii_graphic());
    let lifetime = expires_in.map_or(USUAL_LIFETIME, Nanos::from_secs_f64);
    usable.then_some(Body::Token { value: access_token, lifetime })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_next_page_is_on_this_host_and_safe_to_write_into_a_request() {
        let next = |link: Value| page(&Paging::Next("/next".into()), &json!({ "next": link }));
        let found = |path: &str| Some(Body::Found(Some(path.into())));
        assert_eq!(next(json!("/v1/a?page=2")), found("/v1/a?page=2"));
        assert_eq!(next(json!("https://elsewhere.example:8443/v1/a?page=2#top")), found("/v1/a?page=2"));
        assert_eq!(next(Value::Null), Some(Body::Found(None)));
        assert_eq!(next(json!("")), Some(Body::Found(None)));
        for bad in [json!("page2"), json!("/a b"), json!("/a\r\nx: y"), json!(7), json!("https://elsewhere.example")] {
            assert_eq!(next(bad.clone()), None, "{bad}");
        }
    }

    #[test]
    fn a_cursor_may_be_a_number_and_none_ends_the_listing() {
        let how = Paging::Cursor { pointer: "/meta/cursor".into(), query: "cursor".into() };
        let read = |json: Value| page(&how, &json);
        assert_eq!(read(json!({"meta": {"cursor": 17}})), Some(Body::Found(Some("17".into()))));
        assert_eq!(read(json!({"meta": {}})), Some(Body::Found(None)));
        assert_eq!(read(json!({"meta": {"cursor": []}})), None);
    }

    #[test]
    fn a_listing_by_number_needs_its_rows() {
        let how = Paging::Number { query: "page".into(), from: 1, rows: "/items".into() };
        assert_eq!(page(&how, &json!({"items": [1, 2]})), Some(Body::Page { rows: 2, total: 0 }));
        assert_eq!(page(&how, &json!({"rows": []})), None);
    }

    #[test]
    fn a_token_without_a_lifetime_is_good_for_an_hour() {
        let read = |json: Value| token(json.to_string().as_bytes());
        let lifetime = |secs| Nanos::from_secs(secs);
        let body = |lifetime| Some(Body::Token { value: "t".into(), lifetime });
        assert_eq!(read(json!({"access_token": "t"})), body(lifetime(3_600)));
        assert_eq!(read(json!({"access_token": "t", "expires_in": 60})), body(lifetime(60)));
        for bad in [json!({}), json!({"access_token": ""}), json!({"access_token": "a\nb"}), json!({"access_token": 7})]
        {
            assert_eq!(read(bad.clone()), None, "{bad}");
        }
    }
}
