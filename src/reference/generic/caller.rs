//! Who is asking.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::reference::http::HttpIn;
use crate::reference::query;
use crate::reference::tokens::{BadToken, Tokens, bearer_token};
use crate::time::Nanos;

/// The longest `client_id` for which a token is issued, in bytes.
const LONGEST_NAME: usize = 1024;
/// Where a key stands in a query.
const KEYS_IN_QUERIES: [&str; 3] = ["api_key", "apikey", "access_token"];

/// What a request shows of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Equal for equal names; None for somebody of whom nothing but the address is known.
    pub id: Option<u64>,
    /// A token of this server was shown whose time is over.
    pub token_ended: bool,
}

/// A request for an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    pub client_id: String,
}

/// An error of RFC 6749, section 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTokenRequest {
    InvalidRequest,
    UnsupportedGrantType,
}

impl BadTokenRequest {
    pub fn word(self) -> &'static str {
        match self {
            BadTokenRequest::InvalidRequest => "invalid_request",
            BadTokenRequest::UnsupportedGrantType => "unsupported_grant_type",
        }
    }
}

impl Caller {
    /// The sender of a request that asks for no token.
    pub fn of(now: Nanos, request: &HttpIn<'_>, tokens: &Tokens) -> Caller {
        match shown(request) {
            None => Caller { id: None, token_ended: false },
            Some(credential) => match tokens.verify(now, &credential) {
                Ok(name) => Caller { id: Some(hashed(&name)), token_ended: false },
                Err(BadToken::Expired(name)) => Caller { id: Some(hashed(&name)), token_ended: true },
                Err(BadToken::Unknown) => Caller { id: Some(hashed(&credential)), token_ended: false },
            },
        }
    }

    /// The client that asks for a token.
    pub fn named(client_id: &str) -> Caller {
        Caller { id: Some(hashed(client_id)), token_ended: false }
    }
}

/// Equal for equal texts.
pub fn hashed(text: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Whether a request asks for an access token.
pub fn asks_for_token(request: &HttpIn<'_>) -> bool {
    request.method == "POST" && request.path.ends_with("/token")
}

impl TokenRequest {
    /// The client credentials grant: in a form, in a JSON object, or with the client in the Basic header.
    pub fn of(request: &HttpIn<'_>) -> Result<TokenRequest, BadTokenRequest> {
        let field = fields(request.body);
        let client_id = field("client_id").or_else(|| basic_user(request.authorization));
        let client_id = client_id.filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME);
        match field("grant_type").as_deref() {
            None => Err(BadTokenRequest::InvalidRequest),
            Some("client_credentials") => {
                client_id.map(|client_id| TokenRequest { client_id }).ok_or(BadTokenRequest::InvalidRequest)
            }
            Some(_) => Err(BadTokenRequest::UnsupportedGrantType),
        }
    }
}

/// Looks a field up in a JSON object or a form.
fn fields(body: &[u8]) -> impl Fn(&str) -> Option<String> {
    let json = serde_json::from_slice::<Value>(body).ok().filter(Value::is_object);
    let form: Vec<(String, String)> = match (&json, std::str::from_utf8(body)) {
        (None, Ok(text)) => query::pairs(text).collect(),
        _ => Vec::new(),
    };
    move |name| match &json {
        Some(object) => object.get(name)?.as_str().map(str::to_owned),
        None => form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()),
    }
}

/// The credential that a request shows, of Basic the user alone.
fn shown(request: &HttpIn<'_>) -> Option<String> {
    let in_query = || query::pairs(request.query).find(|(name, _)| KEYS_IN_QUERIES.contains(&name.as_str()));
    basic_user(request.authorization)
        .or_else(|| bearer_token(request.authorization).or(request.authorization).map(str::to_owned))
        .or_else(|| request.api_key.map(str::to_owned))
        .or_else(|| in_query().map(|(_, key)| key))
        .filter(|credential| !credential.is_empty())
}

fn basic_user(authorization: Option<&str>) -> Option<String> {
    let (scheme, credentials) = authorization?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    Some(decoded.split_once(':').map_or(decoded.as_str(), |(user, _)| user).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Anchor;

    fn tokens() -> Tokens {
        Tokens::new(Nanos::from_secs(10), Anchor { unix_nanos: 0 })
    }

    fn caller(authorization: Option<&str>, api_key: Option<&str>, query: &str) -> Option<u64> {
        let request = HttpIn { method: "GET", path: "/", query, authorization, api_key, ..HttpIn::default() };
        Caller::of(Nanos::ZERO, &request, &tokens()).id
    }

    fn token(authorization: Option<&str>, body: &str) -> Result<String, BadTokenRequest> {
        let body = body.as_bytes();
        let request = HttpIn { method: "POST", path: "/oauth/token", authorization, body, ..HttpIn::default() };
        TokenRequest::of(&request).map(|request| request.client_id)
    }

    #[test]
    fn each_credential_is_somebody_and_the_same_one_is_the_same() {
        assert_eq!(caller(None, None, "a=b"), None);
        assert_eq!(caller(Some("Bearer t"), None, ""), Some(hashed("t")));
        assert_ne!(caller(Some("Bearer t"), None, ""), caller(Some("Bearer u"), None, ""));
        assert_eq!(caller(Some("Secret t"), None, ""), Some(hashed("Secret t")));
        assert_eq!(caller(None, Some("k"), ""), Some(hashed("k")));
        assert_eq!(caller(None, None, "x=1&api_key=k"), Some(hashed("k")));
        // acme:one, acme:two
        assert_eq!(caller(Some("Basic YWNtZTpvbmU="), None, ""), Some(hashed("acme")));
        assert_eq!(caller(Some("basic YWNtZTp0d28="), None, ""), Some(hashed("acme")));
        assert_eq!(caller(Some("Basic %"), None, ""), Some(hashed("Basic %")));
    }

    #[test]
    fn a_token_of_this_server_stands_for_its_client_even_when_it_has_ended() {
        let issued = format!("Bearer {}", tokens().issue(Nanos::ZERO, "acme").access_token);
        let request = HttpIn { authorization: Some(&issued), ..HttpIn::default() };
        let at = |secs| Caller::of(Nanos::from_secs(secs), &request, &tokens());
        assert_eq!(at(9), Caller { id: Some(hashed("acme")), token_ended: false });
        assert_eq!(at(10), Caller { id: Some(hashed("acme")), token_ended: true });
    }

    #[test]
    fn a_token_is_asked_for_in_any_of_the_three_forms() {
        assert_eq!(token(None, "grant_type=client_credentials&client_id=a%20b&client_secret=s"), Ok("a b".into()));
        assert_eq!(token(None, r#"{"grant_type":"client_credentials","client_id":"a"}"#), Ok("a".into()));
        assert_eq!(token(Some("Basic YWNtZTpvbmU="), "grant_type=client_credentials"), Ok("acme".into()));
        assert_eq!(token(None, "grant_type=client_credentials"), Err(BadTokenRequest::InvalidRequest));
        assert_eq!(token(None, "client_id=a"), Err(BadTokenRequest::InvalidRequest));
        assert_eq!(token(None, "grant_type=password&client_id=a"), Err(BadTokenRequest::UnsupportedGrantType));
        let long = format!("grant_type=client_credentials&client_id={}", "x".repeat(1025));
        assert_eq!(token(None, &long), Err(BadTokenRequest::InvalidRequest));
    }
}
