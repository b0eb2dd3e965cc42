//! HTTP as the pure core sees it: what a request says, and what is answered.

use super::tellus::{Subscription, Ticket};
use crate::time::Nanos;

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
    pub body: &'a [u8],
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
    /// Nothing to say yet: the answer appears among [`super::tellus::Platform::take_answers`], at `until` at the latest.
    Hold {
        ticket: Ticket,
        until: Nanos,
    },
    /// The handshake is accepted; frames come from [`super::tellus::Platform::frames`].
    Stream(Subscription),
}
