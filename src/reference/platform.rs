//! What the sockets' side asks of a platform, whichever API it speaks.

use super::generic;
use super::http::{HttpIn, HttpOut, Reply};
use super::tellus;
use crate::policy::model::Policy;
use crate::scenario::target::ServerSpec;
use crate::time::{Anchor, Nanos};

/// Names a held request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Names an open stream. Whoever was given it gives it back with [`Platform::close_stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(pub u64);

/// An API as a pure state machine: told the time and the requests, it reads no clock and no socket.
pub trait Platform {
    /// Handles one request of the client at `address` (any number that tells clients' addresses apart).
    fn handle(&mut self, now: Nanos, address: u64, request: &HttpIn<'_>) -> Reply;

    /// Moves time on: held requests whose time is over are answered; at [`Nanos::MAX`], all of them.
    fn advance(&mut self, now: Nanos);

    /// The answers of held requests that have come up since the last call, whatever brought them.
    fn take_answers(&mut self) -> Vec<(Ticket, HttpOut)>;

    /// The client of a held request has gone.
    fn abandon(&mut self, ticket: Ticket);

    /// How often a stream brings frames.
    fn frames_every(&self) -> Nanos;

    /// The frames that a stream brings now.
    fn frames(&self, now: Nanos, stream: StreamId) -> Vec<String>;

    /// How long a stream is kept open; None for as long as its client likes.
    fn stream_lifetime(&self) -> Option<Nanos>;

    /// Ends a stream: its place is free again.
    fn close_stream(&mut self, stream: StreamId);

    /// The answer to a request whose body is too large or ends early.
    fn too_large(&self) -> HttpOut;
}

/// The platform for a policy: Tellus where it limits operations of the Tellus API by their own paths, else the generic one.
///
/// `anchor` gives the wall-clock time of the zero of every `now` to come.
pub fn for_policy(policy: &Policy, spec: &ServerSpec, anchor: Anchor) -> Box<dyn Platform> {
    if tellus::is_meant_by(policy) {
        Box::new(tellus::Tellus::new(policy, spec, anchor))
    } else {
        Box::new(generic::Generic::new(policy, spec, anchor))
    }
}
