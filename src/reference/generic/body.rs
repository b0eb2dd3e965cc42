//! Bodies of served requests.

use serde_json::{Value, json};

use super::asked::{Asked, Page};
use crate::reference::http::{HttpIn, HttpOut};
use crate::time::Nanos;

/// The length of the list that pages are taken from.
const ROWS: usize = 250;
/// How long what was created stays `pending`.
const UNDER_WAY: Nanos = Nanos::from_secs(2);
/// What ids begin with; the moment of creation, in milliseconds of the server's time, follows.
const ID: &str = "job-";

/// The answer to a request that asks for no token.
pub fn served(now: Nanos, request: &HttpIn<'_>, asked: &Asked) -> HttpOut {
    if let Some(status) = asked.status {
        return HttpOut::json(status, &json!({ "error": "as asked for" }));
    }
    let (meta, data, link) = match (asked.page, created(request.path)) {
        (Some(page), _) => listed(request.path, page),
        (None, Some(at)) => (json!({}), followed(now, at), json!({})),
        (None, None) if request.method == "POST" => (json!({}), followed(now, now), json!({})),
        (None, None) => (json!({}), json!({}), json!({})),
    };
    let next = link["next"].as_str().map(|next| ("link".to_owned(), format!("<{next}>; rel=\"next\"")));
    let mut answer = HttpOut::json(200, &json!({ "meta": meta, "data": data, "link": link }));
    answer.headers.extend(next);
    answer
}

/// A page's meta, data and link.
fn listed(path: &str, Page { from, size, by_cursor }: Page) -> (Value, Value, Value) {
    let end = from.saturating_add(size).min(ROWS);
    let rows: Vec<Value> = (from.min(end)..end).map(|row| json!({ "id": row + 1 })).collect();
    let mut meta = json!({ "total": ROWS });
    if end >= ROWS {
        return (meta, json!(rows), json!({}));
    }
    let next = if by_cursor { format!("cursor={end}") } else { format!("page={}", from / size + 2) };
    meta["next_cursor"] = json!(end.to_string());
    (meta, json!(rows), json!({ "next": format!("{path}?{next}&size={size}") }))
}

/// What was created at a moment, as it stands now.
fn followed(now: Nanos, created: Nanos) -> Value {
    let done = now >= created.saturating_add(UNDER_WAY);
    json!({ "id": format!("{ID}{}", created.0 / 1_000_000), "status": if done { "done" } else { "pending" } })
}

/// When that was created which a path names.
fn created(path: &str) -> Option<Nanos> {
    let (_, last) = path.rsplit_once('/')?;
    let millis: u64 = last.strip_prefix(ID)?.parse().ok()?;
    Some(Nanos(millis.saturating_mul(1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(now: Nanos, method: &str, path: &str, query: &str) -> Value {
        let request = HttpIn { method, path, query, ..HttpIn::default() };
        serde_json::from_slice(&served(now, &request, &Asked::of(query)).body).unwrap()
    }

    /// The ids of all rows, page by page, following `next`.
    fn rows(first: &str, next: impl Fn(&Value) -> Option<String>) -> Vec<u64> {
        let mut rows = Vec::new();
        let mut query = first.to_owned();
        loop {
            let page = body(Nanos::ZERO, "GET", "/light/things", &query);
            rows.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()));
            match next(&page) {
                Some(following) => query = following,
                None => return rows,
            }
        }
    }

    #[test]
    fn every_row_is_on_one_page_whichever_way_the_next_one_is_found() {
        let all: Vec<u64> = (1..=250).collect();
        let link = |page: &Value| Some(page["link"]["next"].as_str()?.split_once('?')?.1.to_owned());
        let cursor = |page: &Value| Some(format!("size=100&cursor={}", page["meta"]["next_cursor"].as_str()?));
        assert_eq!(rows("page=1&size=100", link), all);
        assert_eq!(rows("page=1", link), all);
        assert_eq!(rows("cursor=&size=30", link), all);
        assert_eq!(rows("cursor=", cursor), all);
        let beyond = body(Nanos::ZERO, "GET", "/light/things", "page=4&size=100");
        assert_eq!(beyond, json!({"meta": {"total": 250}, "data": [], "link": {}}));
    }

    #[test]
    fn the_next_page_is_in_a_header_too() {
        let links = |query: &str| {
            let request = HttpIn { method: "GET", path: "/light/things", query, ..HttpIn::default() };
            served(Nanos::ZERO, &request, &Asked::of(query)).headers
        };
        let next = "</light/things?page=3&size=100>; rel=\"next\"".to_owned();
        assert_eq!(links("page=2&size=100"), [("link".to_owned(), next)]);
        assert_eq!(links("page=3&size=100"), []);
    }

    #[test]
    fn what_was_created_is_pending_for_two_seconds_and_then_done() {
        let made = body(Nanos::from_millis(1500), "POST", "/heavy/exports", "");
        assert_eq!(made["data"], json!({"id": "job-1500", "status": "pending"}));
        let status = |millis| {
            let at = Nanos::from_millis(millis);
            body(at, "GET", "/heavy/exports/job-1500", "")["data"]["status"].as_str().unwrap().to_owned()
        };
        assert_eq!(status(3499), "pending");
        assert_eq!(status(3500), "done");
        assert_eq!(body(Nanos::ZERO, "GET", "/heavy/exports/other", "")["data"], json!({}));
    }

    #[test]
    fn an_error_is_answered_when_it_is_asked_for() {
        let request = HttpIn { method: "GET", path: "/", ..HttpIn::default() };
        assert_eq!(served(Nanos::ZERO, &request, &Asked::of("status=409")).status, 409);
    }
}
