//! Writing and reading HTTP, shared by chargers and operator clients.

use std::fmt;
use std::io::Write;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{Body, HttpRequest, Request};
use crate::tellus::TellusOp;
use crate::time::{Anchor, Nanos};

/// A moment as the API writes it: ISO 8601, UTC, whole seconds. Displays without allocating.
pub struct Iso(pub Anchor, pub Nanos);

impl fmt::Display for Iso {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.timestamp(self.1).as_second();
        let whole = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        write!(out, "{whole}")
    }
}

/// A text as a JSON string, quotes included.
pub struct Json<'a>(pub &'a str);

impl fmt::Display for Json<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

/// A text as one part of a path or query.
pub struct Part<'a>(pub &'a str);

impl fmt::Display for Part<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => write!(out, "{}", byte as char)?,
                _ => write!(out, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

/// Starts a request: method and fixed path of the operation, and the token.
pub fn begin(http: &mut HttpRequest, operation: TellusOp, token: Option<&str>) {
    http.clear();
    http.method = match operation.method() {
        "WS" => "GET",
        method => method,
    };
    http.path.push_str(operation.path());
    if let Some(token) = token {
        http.headers.push(("authorization".into(), format!("Bearer {token}")));
    }
}

/// Appends to the body. Writing to memory cannot fail.
pub fn body(http: &mut HttpRequest, text: fmt::Arguments<'_>) {
    let written = http.body.write_fmt(text);
    debug_assert!(written.is_ok());
}

/// The body of a token request: `who` is `client_id` or `device_id`, `what` its secret's name.
pub fn credentials(http: &mut HttpRequest, who: (&str, &str), what: (&str, &str)) {
    let (who_name, who) = who;
    let (what_name, what) = what;
    body(
        http,
        format_args!(
            r#"{{"{who_name}":{},"{what_name}":{},"grant_type":"client_credentials"}}"#,
            Json(who),
            Json(what)
        ),
    );
}

/// The envelope around answers.
#[derive(Deserialize)]
struct Envelope<T> {
    code: i64,
    data: Option<T>,
}

/// What the envelope of a success holds, which may be nothing; None when it is no such envelope, or holds something else.
pub fn enveloped<T: DeserializeOwned>(body: &[u8]) -> Option<Option<T>> {
    let envelope = serde_json::from_slice::<Envelope<T>>(body).ok()?;
    (envelope.code == 0).then_some(envelope.data)
}

/// What the envelope of a success must hold.
pub fn data<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    enveloped(body)?
}

/// A success of which nothing but the envelope matters.
pub fn success(body: &[u8]) -> Option<Body> {
    enveloped::<IgnoredAny>(body).map(|_| Body::None)
}

/// Reads the bare answer of a token endpoint.
pub fn token(body: &[u8]) -> Option<Body> {
    #[derive(Deserialize)]
    struct Token {
        access_token: Box<str>,
        expires_in: u32,
    }
    match serde_json::from_slice::<Token>(body) {
        Ok(Token { access_token, expires_in }) if !access_token.is_empty() && is_header_value(&access_token) => {
            Some(Body::Token { value: access_token, lifetime: Nanos::from_secs(expires_in.into()) })
        }
        _ => None,
    }
}

/// A token becomes part of a header: anything but visible ASCII would break the request.
fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The operation of a request of a fleet that speaks Tellus.
pub fn operation(request: &Request) -> Option<TellusOp> {
    TellusOp::from_id(request.operation)
}

/// A number with up to three decimals, as short as JSON allows; never `-0` or not a number.
pub struct Decimal(pub f64);

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = (self.0 * 1000.0).round() as i64;
        let (sign, rest) = if thousandths < 0 { ("-", thousandths.unsigned_abs()) } else { ("", thousandths as u64) };
        write!(out, "{sign}{}", rest / 1000)?;
        match rest % 1000 {
            0 => Ok(()),
            part if part % 100 == 0 => write!(out, ".{}", part / 100),
            part if part % 10 == 0 => write!(out, ".{:02}", part / 10),
            part => write!(out, ".{part:03}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_decimals_and_names_are_written_as_the_api_expects() {
        let anchor = Anchor { unix_nanos: 1_773_570_600_900_000_000 };
        assert_eq!(Iso(anchor, Nanos::from_millis(5_050)).to_string(), "2026-03-15T10:30:05Z");
        let decimals =
            [(1.0, "1"), (-7.0401, "-7.04"), (0.0004, "0"), (-0.0001, "0"), (12.3456, "12.346"), (0.5, "0.5")];
        for (value, text) in decimals {
            assert_eq!(Decimal(value).to_string(), text);
        }
        assert_eq!(Part("dvc_depot-1/ä").to_string(), "dvc_depot-1%2F%C3%A4");
        assert_eq!(Json("a\"b").to_string(), r#""a\"b""#);
    }

    #[test]
    fn a_token_that_would_break_a_header_is_no_token() {
        assert_eq!(token(br#"{"access_token":"a\r\nb","token_type":"Bearer","expires_in":10}"#), None);
        assert_eq!(token(b"[]"), None);
        let good = token(br#"{"access_token":"ab","token_type":"Bearer","expires_in":7}"#);
        assert_eq!(good, Some(Body::Token { value: "ab".into(), lifetime: Nanos::from_secs(7) }));
    }
}
