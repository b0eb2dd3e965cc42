//! Access tokens that carry what they grant, so that a platform stores none: any number can be issued.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::time::{Anchor, Nanos};

/// Issues and checks tokens.
pub struct Tokens {
    key: [u8; 32],
    lifetime: Nanos,
}

/// The bare answer of a token endpoint.
#[derive(serde::Serialize)]
pub struct TokenAnswer {
    pub access_token: String,
    pub token_type: &'static str,
    pub expires_in: u64,
}

/// Why a token is good for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadToken {
    /// No token of this server.
    Unknown,
    /// Its time is over; whose it was.
    Expired(String),
}

/// Longer than any token issued: names are bounded.
const LONGEST_TOKEN: usize = 4096;

impl Tokens {
    /// Tokens of one server are worth nothing to another: the key depends on when it began.
    pub fn new(lifetime: Nanos, anchor: Anchor) -> Tokens {
        let key = Sha256::new().chain_update("reference tokens").chain_update(anchor.unix_nanos.to_le_bytes());
        Tokens { key: key.finalize().into(), lifetime }
    }

    /// A new token for whom `name` stands, good for the configured lifetime. Earlier ones stay good.
    pub fn issue(&self, now: Nanos, name: &str) -> TokenAnswer {
        let claims = format!("{}.{name}", now.saturating_add(self.lifetime).0);
        let seal = URL_SAFE_NO_PAD.encode(self.seal(claims.as_bytes()));
        let access_token = format!("{}.{seal}", URL_SAFE_NO_PAD.encode(claims));
        TokenAnswer { access_token, token_type: "Bearer", expires_in: self.lifetime.as_secs() }
    }

    /// The name that a token was issued for.
    pub fn verify(&self, now: Nanos, token: &str) -> Result<String, BadToken> {
        let (expires, name) = self.open(token).ok_or(BadToken::Unknown)?;
        if expires <= now { Err(BadToken::Expired(name)) } else { Ok(name) }
    }

    fn open(&self, token: &str) -> Option<(Nanos, String)> {
        let (claims, seal) = token.split_once('.').filter(|_| token.len() <= LONGEST_TOKEN)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        if URL_SAFE_NO_PAD.decode(seal).ok()? != self.seal(&claims) {
            return None;
        }
        let claims = String::from_utf8(claims).ok()?;
        let (expires, name) = claims.split_once('.')?;
        Some((Nanos(expires.parse().ok()?), name.to_owned()))
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
        let token = tokens.issue(Nanos(5), "acme.eu").access_token;
        assert_eq!(tokens.verify(Nanos(10_000_000_004), &token), Ok("acme.eu".into()));
        assert_eq!(tokens.verify(Nanos(10_000_000_005), &token), Err(BadToken::Expired("acme.eu".into())));
    }

    #[test]
    fn what_was_changed_or_comes_from_elsewhere_is_no_token() {
        let tokens = Tokens::new(Nanos::from_secs(10), ANCHOR);
        let token = tokens.issue(Nanos(5), "dvc_1").access_token;
        let elsewhere = Tokens::new(Nanos::from_secs(10), Anchor { unix_nanos: 1 });
        assert_eq!(elsewhere.verify(Nanos(6), &token), Err(BadToken::Unknown));
        let forged = format!("{}.{}", URL_SAFE_NO_PAD.encode("99999999999999.acme"), token.split_once('.').unwrap().1);
        for broken in [forged.as_str(), "", ".", "a.b", "no dot", &token[1..], &token[..token.len() - 2]] {
            assert_eq!(tokens.verify(Nanos(6), broken), Err(BadToken::Unknown), "{broken}");
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
