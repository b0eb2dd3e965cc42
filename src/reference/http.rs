//! HTTP as the pure core sees it: what a request says, and what is answered.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::platform::{StreamId, Ticket};
use crate::scenario::target::Fault;
use crate::time::Nanos;

/// The headers in which providers take API keys, in lower case.
pub const API_KEY_HEADERS: [&str; 9] = [
    "x-api-key",
    "api-key",
    "apikey",
    "x-apikey",
    "x-auth-token",
    "x-access-token",
    "private-token",
    "ocp-apim-subscription-key",
    "x-shopify-access-token",
];

/// A request, its head already parsed and its body whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct HttpIn<'a> {
    /// In upper case; `WS` for a WebSocket handshake, as in policies.
    pub method: &'a str,
    /// Without the query.
    pub path: &'a str,
    /// Without the question mark.
    pub query: &'a str,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// Without that header: the first of the headers in which API keys are sent ([`API_KEY_HEADERS`]).
    pub api_key: Option<&'a str>,
    /// All headers whose values are text, as they came.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    /// Tells the connections from one address apart.
    pub connection: u64,
}

impl<'a> HttpIn<'a> {
    /// A request with what its headers say; `target` is the path, with the query if there is one.
    pub fn new(method: &'a str, target: &'a str, headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> HttpIn<'a> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header =
            |name: &str| headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, text)| *text);
        let authorization = header("authorization");
        let api_key = || API_KEY_HEADERS.iter().find_map(|name| header(name));
        let api_key = if authorization.is_none() { api_key() } else { None };
        HttpIn { method, path, query, authorization, api_key, headers, body, connection: 0 }
    }

    /// Whose address a server sees that believes `X-Forwarded-For` if it is told to: the first one named there, else the true
    /// one, or that of the connection.
    pub fn seen_from(&self, address: u64, faults: &[Fault]) -> u64 {
        let mut headers = self.headers.iter();
        let forwarded = headers.find(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for"));
        match forwarded.filter(|_| faults.contains(&Fault::KeyedByForwardedHeader)) {
            Some((_, value)) => number_of(value.split(',').next().unwrap_or_default().trim()),
            None if faults.contains(&Fault::KeyedByConnection) => number_of((address, self.connection)),
            None => address,
        }
    }
}

/// A number for an address, so that limits can be kept per address.
pub fn number_of(address: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.hash(&mut hasher);
    hasher.finish()
}

/// A whole answer. The body is JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpOut {
    pub status: u16,
    /// Besides length and content type.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl HttpOut {
    pub fn json(status: u16, body: &impl serde::Serialize) -> HttpOut {
        // Only maps with keys that are no strings, or failing implementations, cannot be written; there are none here.
        HttpOut { status, headers: Vec::new(), body: serde_json::to_vec(body).unwrap_or_default() }
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Reply {
    Respond(HttpOut),
    /// Nothing to say yet: the answer appears among [`super::platform::Platform::take_answers`], at `until` at the latest.
    Hold {
        ticket: Ticket,
        until: Nanos,
    },
    /// The handshake is accepted; frames come from [`super::platform::Platform::frames`].
    Stream {
        id: StreamId,
        /// Besides those of the handshake.
        headers: Vec<(String, String)>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_address_is_believed_by_whom_it_is_told_to() {
        let headers = [("X-Forwarded-For", "203.0.113.7, 10.0.0.1")];
        let forwarded = HttpIn { headers: &headers, ..HttpIn::default() };
        let faults = [Fault::KeyedByForwardedHeader];
        assert_eq!(forwarded.seen_from(1, &[]), 1);
        assert_eq!(HttpIn::default().seen_from(1, &faults), 1);
        let alone = [("x-forwarded-for", "203.0.113.7")];
        let same = HttpIn { headers: &alone, ..HttpIn::default() }.seen_from(2, &faults);
        assert_eq!(forwarded.seen_from(1, &faults), same);
        assert_ne!(same, 1);
    }

    #[test]
    fn connections_differ_to_whom_they_are_told_to() {
        let over = |connection, faults: &[Fault]| HttpIn { connection, ..HttpIn::default() }.seen_from(1, faults);
        assert_eq!(over(1, &[]), over(2, &[]));
        let faults = [Fault::KeyedByConnection];
        assert_eq!(over(1, &faults), over(1, &faults));
        assert_ne!(over(1, &faults), over(2, &faults));
    }
}
