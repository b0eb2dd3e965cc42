//! Access tokens that carry what they grant, so that the platform stores none: any number can be issued.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::answer::{Code, Problem};
use crate::time::{Anchor, Nanos};

/// Issues and checks tokens.
pub struct Tokens {
    key: [u8; 32],
    lifetime: Nanos,
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// An operator client, by `client_id`.
    Operator(String),
    /// A charger, by `device_id`.
    Device(String),
}

/// The bare answer of both token endpoints.
#[derive(serde::Serialize)]
pub struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
}

/// Longer than any token issued: ids are bounded.
const LONGEST_TOKEN: usize = 4096;

impl Tokens {
    /// Tokens of one server are worth nothing to another: the key depends on when it began.
    pub fn new(lifetime: Nanos, anchor: Anchor) -> Tokens {
        let key = Sha256::new().chain_update("reference tokens").chain_update(anchor.unix_nanos.to_le_bytes());
        Tokens { key: key.finalize().into(), lifetime }
    }

    /// A new token, good for the configured lifetime. Earlier ones stay good.
    pub fn issue(&self, now: Nanos, bearer: &Bearer) -> TokenAnswer {
        let expires = now.saturating_add(self.lifetime).0;
        let claims = match bearer {
            Bearer::Operator(client_id) => format!("o.{expires}.{client_id}"),
            Bearer::Device(device_id) => format!("d.{expires}.{device_id}"),
        };
        let seal = URL_SAFE_NO_PAD.encode(self.seal(claims.as_bytes()));
        let access_token = format!("{}.{seal}", URL_SAFE_NO_PAD.encode(claims));
        TokenAnswer { access_token, token_type: "Bearer", expires_in: self.lifetime.as_secs() }
    }

    /// Whose token this is. Errors: 2001 for what is no token of this server, 2002 for one whose time is over.
    pub fn verify(&self, now: Nanos, token: &str) -> Result<Bearer, Problem> {
        let (expires, bearer) =
            self.open(token).ok_or_else(|| Problem::new(Code::Unauthenticated, "unauthenticated"))?;
        if expires <= now {
            return Err(Problem::new(Code::TokenExpired, "Token expired"));
        }
        Ok(bearer)
    }

    fn open(&self, token: &str) -> Option<(Nanos, Bearer)> {
        let (claims, seal) = token.split_once('.').filter(|_| token.len() <= LONGEST_TOKEN)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        if URL_SAFE_NO_PAD.decode(seal).ok()? != self.seal(&claims) {
            return None;
        }
        let claims = String::from_utf8(claims).ok()?;
        let mut parts = claims.splitn(3, '.');
        let (kind, expires, name) = (parts.next()?, parts.next()?, parts.next()?);
        let bearer = if kind == "o" { Bearer::Operator(name.to_owned()) } else { Bearer::Device(name.to_owned()) };
        Some((Nanos(expires.parse().ok()?), bearer))
    }

    /// Half of a keyed SHA-256: what is cut off keeps it from being extended.
    fn seal(&self, claims: &[u8]) -> [u8; 16] {
        let digest = Sha256::new().chain_update(self.key).chain_update(claims).finalize();
        std::array::from_fn(|index| digest[index])
    }
}

/// The token of an `Authorization: Bearer …` header.
pub fn bearer_token(authorization: Option<&str>) -> Option<&str> {
    let (scheme, token) = authorization?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANCHOR: Anchor = Anchor { unix_nanos: 1_773_570_600_000_000_000 };

    #[test]
    fn a_token_is_good_until_its_last_moment_and_then_expired() {
        let tokens = Tokens::new(Nanos::from_secs(10), ANCHOR);
        let bearer = Bearer::Operator("acme.eu".into());
        let token = tokens.issue(Nanos(5), &bearer).access_token;
        assert_eq!(tokens.verify(Nanos(10_000_000_004), &token), Ok(bearer));
        assert_eq!(tokens.verify(Nanos(10_000_000_005), &token).unwrap_err().code, Code::TokenExpired);
    }

    #[test]
    fn what_was_changed_or_comes_from_elsewhere_is_no_token() {
        let tokens = Tokens::new(Nanos::from_secs(10), ANCHOR);
        let token = tokens.issue(Nanos(5), &Bearer::Device("dvc_1".into())).access_token;
        let elsewhere = Tokens::new(Nanos::from_secs(10), Anchor { unix_nanos: 1 });
        assert_eq!(elsewhere.verify(Nanos(6), &token).unwrap_err().code, Code::Unauthenticated);
        let forged =
            format!("{}.{}", URL_SAFE_NO_PAD.encode("o.99999999999999.acme"), token.split_once('.').unwrap().1);
        for broken in [forged.as_str(), "", ".", "a.b", "no dot", &token[1..], &token[..token.len() - 2]] {
            assert_eq!(tokens.verify(Nanos(6), broken).unwrap_err().code, Code::Unauthenticated, "{broken}");
        }
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(bearer_token(Some("bearer abc")), Some("abc"));
        assert_eq!(bearer_token(Some("Basic abc")), None);
        assert_eq!(bearer_token(Some("abc")), None);
        assert_eq!(bearer_token(None), None);
    }
}
