//! What the answers to a scripted client say, as far as its script asks.
//!
//! The body of a request without a flow is not looked at.

use serde::Deserialize;
use serde_json::Value;
use url::{Position, Url};

use super::errand::{Errand, Step, What};
use super::link;
use super::machine::Client;
use crate::device::{Body, ServedAnswer};
use crate::scenario::client::{Paging, Poll, RequestSpec, Then};
use crate::time::Nanos;

/// How long a token is taken to be good when its issuer does not say (RFC 6749 only recommends `expires_in`).
const USUAL_LIFETIME: Nanos = Nanos::from_secs(3_600);

/// In virtual time a listing has so many pages, and what was created is done when it was asked for so often.
pub const IMAGINED_PAGES: u32 = 3;
pub const IMAGINED_POLLS: u32 = 3;
const IMAGINED_ROWS: u32 = 10;

impl Client {
    /// None where the answer lacks what the script needs.
    pub(super) fn read(&self, errand: &Errand, answer: &ServedAnswer<'_>) -> Option<Body> {
        match &errand.what {
            What::Token => token(answer.body),
            // A handshake has no body.
            What::Stream(_) => Some(Body::None),
            What::Request { request, step } => read_step(&self.plan.spec.requests[*request], step, answer),
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
                Paging::Next(_) | Paging::Link | Paging::Cursor { .. } => {
                    Body::Found((page < IMAGINED_PAGES).then(|| "/virtual".into()))
                }
            },
            (Then::Poll(_), Step::Poll { number, .. }) => Body::Followed { done: *number >= IMAGINED_POLLS },
            (Then::Poll(_), _) => Body::Found(Some("virtual".into())),
        }
    }
}

fn read_step(request: &RequestSpec, step: &Step, answer: &ServedAnswer<'_>) -> Option<Body> {
    match (&request.then, step) {
        (Then::Nothing, _) => Some(Body::None),
        (Then::Pages(pages), _) => page(&pages.how, answer),
        (Then::Poll(poll), Step::Poll { .. }) => state(poll, &json(answer)?),
        (Then::Poll(poll), _) => text(json(answer)?.pointer(&poll.id)?).map(|id| Body::Found(Some(id))),
    }
}

fn json(answer: &ServedAnswer<'_>) -> Option<Value> {
    serde_json::from_slice(answer.body).ok()
}

/// What its `Link` headers say of the next page.
fn linked(answer: &ServedAnswer<'_>) -> Option<Body> {
    let links = answer.headers.iter().filter(|(name, _)| name == "link").map(|(_, value)| value.as_str());
    match link::next(links).ok()? {
        None => Some(Body::Found(None)),
        Some(link) => address(link, answer).map(|address| Body::Found(Some(address))),
    }
}

fn page(how: &Paging, answer: &ServedAnswer<'_>) -> Option<Body> {
    match how {
        Paging::Link => linked(answer),
        Paging::Next(pointer) => match json(answer)?.pointer(pointer) {
            None | Some(Value::Null) => Some(Body::Found(None)),
            Some(Value::String(empty)) if empty.is_empty() => Some(Body::Found(None)),
            Some(next) => address(next.as_str()?, answer).map(|address| Body::Found(Some(address))),
        },
        Paging::Cursor { pointer, .. } => match json(answer)?.pointer(pointer) {
            None | Some(Value::Null | Value::Bool(false)) => Some(Body::Found(None)),
            Some(Value::String(empty)) if empty.is_empty() => Some(Body::Found(None)),
            Some(cursor) => text(cursor).map(|cursor| Body::Found(Some(cursor))),
        },
        Paging::Number { rows, .. } => {
            let rows = u32::try_from(json(answer)?.pointer(rows)?.as_array()?.len()).unwrap_or(u32::MAX);
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

/// The path and query of an address, which may be relative to the one that was asked for. Its host is left out: a client
/// never leaves its target.
fn address(link: &str, answer: &ServedAnswer<'_>) -> Option<Box<str>> {
    // A reader of URLs mends what no request may hold.
    if link.is_empty() || !link.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let asked_for = Url::parse(&format!("http://target{}{}", answer.prefix, answer.path)).ok()?;
    let found = asked_for.join(link).ok().filter(|found| matches!(found.scheme(), "http" | "https"))?;
    let path = &found[Position::BeforePath..Position::AfterQuery];
    // An address outside the target's prefix is taken for one behind it: some APIs write theirs so.
    Some(path.strip_prefix(answer.prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path).into())
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

    const ASKED: ServedAnswer<'_> = ServedAnswer { prefix: "", path: "/v1/a?page=1", headers: &[], body: &[] };

    fn said(how: &Paging, json: Value) -> Option<Body> {
        page(how, &ServedAnswer { body: json.to_string().as_bytes(), ..ASKED })
    }

    fn found(path: &str) -> Option<Body> {
        Some(Body::Found(Some(path.into())))
    }

    #[test]
    fn the_next_page_is_on_this_host_and_safe_to_write_into_a_request() {
        let next = |link: Value| said(&Paging::Next("/next".into()), json!({ "next": link }));
        for same in
            ["/v1/a?page=2", "https://elsewhere.example:8443/v1/a?page=2#top", "//elsewhere.example/v1/a?page=2"]
        {
            assert_eq!(next(json!(same)), found("/v1/a?page=2"), "{same}");
        }
        assert_eq!(next(json!("?page=2")), found("/v1/a?page=2"));
        assert_eq!(next(json!("b/../c?page=2")), found("/v1/c?page=2"));
        assert_eq!(next(Value::Null), Some(Body::Found(None)));
        assert_eq!(next(json!("")), Some(Body::Found(None)));
        for bad in [json!("/a b"), json!("/a\r\nx: y"), json!(7), json!("mailto:a@b.c"), json!("http://[")] {
            assert_eq!(next(bad.clone()), None, "{bad}");
        }
    }

    #[test]
    fn an_address_is_found_behind_the_targets_prefix() {
        let asked = ServedAnswer { prefix: "/api", ..ASKED };
        for same in ["https://h.example/api/v1/b", "/api/v1/b", "b", "/v1/b"] {
            assert_eq!(address(same, &asked).as_deref(), Some("/v1/b"), "{same}");
        }
        assert_eq!(address("/apis/b", &asked).as_deref(), Some("/apis/b"));
    }

    #[test]
    fn a_link_header_names_the_next_page_or_none_and_nonsense_is_no_page() {
        let read = |links: &[&str]| {
            let field = |value: &&str| ("link".to_owned(), (*value).to_owned());
            let headers: Vec<(String, String)> = links.iter().map(field).collect();
            linked(&ServedAnswer { headers: &headers, ..ASKED })
        };
        assert_eq!(
            read(&["</v1/a?page=1>; rel=prev", "<https://h.example/v1/a?page=3>; rel=\"next\""]),
            found("/v1/a?page=3")
        );
        assert_eq!(read(&["</v1/a?page=1>; rel=prev"]), Some(Body::Found(None)));
        assert_eq!(read(&[]), Some(Body::Found(None)));
        assert_eq!(read(&["page 2"]), None);
        assert_eq!(read(&["<>; rel=next"]), None);
    }

    #[test]
    fn a_cursor_may_be_a_number_and_none_ends_the_listing() {
        let how = Paging::Cursor { pointer: "/meta/cursor".into(), query: "cursor".into() };
        let read = |json: Value| said(&how, json);
        assert_eq!(read(json!({"meta": {"cursor": 17}})), Some(Body::Found(Some("17".into()))));
        assert_eq!(read(json!({"meta": {}})), Some(Body::Found(None)));
        assert_eq!(read(json!({"meta": {"cursor": []}})), None);
    }

    #[test]
    fn a_listing_by_number_needs_its_rows() {
        let how = Paging::Number { query: "page".into(), from: 1, rows: "/items".into() };
        assert_eq!(said(&how, json!({"items": [1, 2]})), Some(Body::Page { rows: 2, total: 0 }));
        assert_eq!(said(&how, json!({"rows": []})), None);
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
