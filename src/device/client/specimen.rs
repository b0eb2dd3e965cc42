//! Each request of a script as a client would send it, for whoever wants to know what it shows before anything is sent.

use super::errand::{Draw, Step, What};
use super::machine::Client;
use crate::device::{Detail, HttpRequest};
use crate::scenario::OperationId;
use crate::scenario::client::{Auth, Then};
use crate::time::{Anchor, Nanos};

/// A request that might be sent.
#[derive(Clone, Debug)]
pub struct Specimen {
    pub operation: OperationId,
    pub detail: Detail,
    /// `WS` for a WebSocket handshake, as in policies.
    pub method: &'static str,
    pub http: HttpRequest,
}

impl Client {
    /// Each request, what follows from it by an id, each stream and the token request, once; `seed` says what is drawn. A
    /// token that a client would fetch first is its `client_id` here.
    pub fn specimens(&self, seed: u64) -> Vec<Specimen> {
        let draw = Draw { seed, counter: seed, due: Nanos::ZERO };
        self.script().map(|what| self.specimen(&what, &draw)).collect()
    }

    fn script(&self) -> impl Iterator<Item = What> {
        let spec = &self.plan.spec;
        let requests = spec.requests.iter().enumerate().flat_map(|(request, document)| {
            let first = What::Request { request, step: Step::First };
            let poll = || What::Request { request, step: Step::Poll { number: 1, id: "id".into() } };
            [Some(first), matches!(document.then, Then::Poll(_)).then(poll)].into_iter().flatten()
        });
        let token = spec.tokens().map(|_| What::Token);
        requests.chain((0..spec.streams.len()).map(What::Stream)).chain(token)
    }

    fn specimen(&self, what: &What, draw: &Draw) -> Specimen {
        let mut http = HttpRequest::default();
        self.write(what, draw, Anchor { unix_nanos: 0 }, &mut http);
        if let (Auth::OAuth2(oauth2), false) = (self.plan.auth(self.index).0, *what == What::Token) {
            http.headers.push(("authorization".into(), format!("Bearer {}", oauth2.client_id)));
        }
        Specimen {
            operation: what.operation(&self.plan),
            detail: what.detail(&self.plan, draw),
            method: if matches!(what, What::Stream(_)) { "WS" } else { http.method },
            http,
        }
    }
}
