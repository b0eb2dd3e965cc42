//! What carries a secret comes from the environment alone: others can see a command line, and every form of the report repeats
//! what was given.

use super::Mistake;
use crate::policy::matching::bare_path;
use crate::probe::variable::{Part, parts};

/// How the names of headers, of a query's parameters and of a body's fields end that carry secrets, without hyphens and
/// underscores.
const SECRET: [&str; 19] = [
    "authorization",
    "cookie",
    "token",
    "apikey",
    "accesskey",
    "authkey",
    "functionskey",
    "secretkey",
    "subscriptionkey",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "assertion",
    "signature",
    "sessionid",
    "jwt",
];
/// Names that are as short, and end no others.
const SECRET_ALONE: [&str; 5] = ["auth", "xauth", "key", "sid", "sig"];
/// Tokens that only say where a listing goes on.
const PAGING: [&str; 5] = ["pagetoken", "nexttoken", "continuationtoken", "paginationtoken", "synctoken"];

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase().replace(['-', '_'], "");
    let is_paging = PAGING.iter().any(|end| name.ends_with(end));
    !is_paging && (SECRET.iter().any(|end| name.ends_with(end)) || SECRET_ALONE.contains(&name.as_str()))
}

/// What to do about a header whose value stands in the open.
pub fn in_header(name: &str, value: &str) -> Option<Mistake> {
    let is_open = parts(value).iter().all(|part| matches!(part, Part::Text(_)));
    (is_secret(name) && is_open && !value.is_empty()).then(|| {
        format!(
            "the header `{name}` carries a secret, which others can see on a command line: put it into an environment \
             variable and write `{name}: env:VARIABLE`"
        )
    })
}

/// The same of a path's query.
pub fn in_query(path: &str) -> Option<Mistake> {
    let query = path.strip_prefix(bare_path(path)).unwrap_or_default().trim_start_matches('?');
    in_form(query).map(|name| mistake("query", &name))
}

/// The same of a body, JSON or a form.
pub fn in_body(body: &str) -> Option<Mistake> {
    let found = match serde_json::from_str::<serde_json::Value>(body) {
        Ok(json) => in_json(&json),
        Err(_) => in_form(body),
    };
    found.map(|name| mistake("body", &name))
}

fn mistake(place: &str, name: &str) -> Mistake {
    format!(
        "the {place}'s `{name}` is a secret, which others can see on a command line and in the report: put it into an \
         environment variable and write `env:VARIABLE` in its place"
    )
}

fn is_open(name: &str, value: &str) -> bool {
    is_secret(name) && !value.is_empty() && !matches!(parts(value).as_slice(), [Part::Variable(_)])
}

fn in_form(form: &str) -> Option<String> {
    let mut fields = form.split(['&', ';']).filter_map(|field| field.split_once('='));
    fields.find(|(name, value)| is_open(name, value)).map(|(name, _)| name.to_owned())
}

fn in_json(json: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    match json {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| match value {
            Value::String(text) => is_open(name, text).then(|| name.clone()),
            Value::Number(number) => is_open(name, &number.to_string()).then(|| name.clone()),
            inner => in_json(inner),
        }),
        Value::Array(items) => items.iter().find_map(in_json),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_carries_secrets_is_known_by_its_name_wherever_it_stands() {
        for name in
            ["Authorization", "Cookie", "X-Auth-Token", "X-Api-Key", "PRIVATE-TOKEN", "Ocp-Apim-Subscription-Key"]
        {
            assert!(in_header(name, "abc").is_some_and(|mistake| mistake.contains("env:VARIABLE")), "{name}");
            assert_eq!(in_header(name, "Bearer env:TOKEN"), None, "{name}");
        }
        for path in ["/a?api_key=abc", "/a?page=1&access_token=abc", "/a?token=env:A.b", "/a?b=1;key=abc"] {
            assert!(in_query(path).is_some_and(|mistake| !mistake.contains("abc")), "{path}");
        }
        for body in [r#"{"client":{"client_secret":"abc"}}"#, "a=b&Password=abc", r#"[{"refresh_token":12345}]"#] {
            assert!(in_body(body).is_some_and(|mistake| mistake.contains("env:VARIABLE")), "{body}");
        }
    }

    #[test]
    fn what_carries_none_may_stand_in_the_open() {
        for (name, value) in [("X-Account", "a"), ("Idempotency-Key", "1"), ("X-Token-Kind", "a"), ("Cookie", "")] {
            assert_eq!(in_header(name, value), None, "{name}");
        }
        for path in ["/a?page_token=abc", "/token=abc", "/a", "/a?api_key=env:KEY&size=5", "/a?token="] {
            assert_eq!(in_query(path), None, "{path}");
        }
        for body in ["", "grant_type=client_credentials", r#"{"secret":"env:A","size":5}"#, "client_credentials"] {
            assert_eq!(in_body(body), None, "{body}");
        }
    }
}
