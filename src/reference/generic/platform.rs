//! The server as a state machine: a request goes in, its reply comes out.

use std::collections::HashMap;

use serde_json::json;

use super::asked::Asked;
use super::body;
use super::caller::{Caller, TokenRequest, asks_for_token};
use super::held::Held;
use super::quota::{Place, Quotas};
use crate::policy::model::Policy;
use crate::reference::http::{HttpIn, HttpOut, Reply};
use crate::reference::overload::Overload;
use crate::reference::platform::{Platform, StreamId, Ticket};
use crate::reference::tokens::Tokens;
use crate::scenario::target::{CUT_AFTER, Fault, ServerSpec};
use crate::time::{Anchor, Nanos};

/// How many streams may be open, over all clients.
const MOST_STREAMS: usize = 1024;
pub const FRAMES_EVERY: Nanos = Nanos::from_secs(1);

/// A server that knows of an API what its policy says.
pub struct Generic {
    quotas: Quotas,
    tokens: Tokens,
    overload: Overload,
    overload_status: u16,
    held: Held<Finished>,
    /// Answers that were held back, not fetched yet.
    answers: Vec<(Ticket, HttpOut)>,
    /// Open streams; None where no class limits them.
    streams: HashMap<StreamId, Option<Place>>,
    streams_opened: u64,
    faults: Vec<Fault>,
    answers_after: Nanos,
    /// The latest moment that there was.
    latest: Nanos,
}

/// An answer that has not left yet.
struct Finished {
    answer: HttpOut,
    /// What its request cost, where answers tell that.
    cost: Option<u32>,
    /// None where no class limits it.
    place: Option<Place>,
}

impl Finished {
    fn new(quotas: &Quotas, mut answer: HttpOut, asked_cost: Option<u32>, place: Option<Place>) -> Finished {
        let cost = place.as_ref().and_then(|place| quotas.charge(place, asked_cost, &mut answer));
        Finished { answer, cost, place }
    }

    /// With what it says of quotas at that moment.
    fn leave(mut self, now: Nanos, quotas: &mut Quotas) -> HttpOut {
        if let Some(place) = &self.place {
            quotas.settle(now, place, self.answer.status, self.cost);
            quotas.release(place);
            self.answer.headers.extend(quotas.told(now, place));
        }
        self.answer
    }
}

impl Generic {
    pub fn new(policy: &Policy, spec: &ServerSpec, anchor: Anchor) -> Generic {
        Generic {
            quotas: Quotas::new(policy, spec, anchor),
            tokens: Tokens::new(spec.token_lifetime, anchor),
            overload: Overload::new(spec.overload),
            overload_status: policy.overload.status,
            held: Held::default(),
            answers: Vec::new(),
            streams: HashMap::new(),
            streams_opened: 0,
            faults: spec.faults.clone(),
            answers_after: spec.answers_after,
            latest: Nanos::ZERO,
        }
    }

    fn serve(&mut self, now: Nanos, address: u64, request: &HttpIn<'_>) -> Result<Reply, HttpOut> {
        let token = asks_for_token(request).then(|| TokenRequest::of(request));
        let caller = match &token {
            Some(Ok(token)) => Caller::named(&token.client_id),
            _ => Caller::of(now, request, &self.tokens),
        };
        let asked = Asked::of(request.query);
        let wait = asked.wait.unwrap_or(self.answers_after);
        if wait > Nanos::ZERO && self.held.is_full() || request.method == "WS" && self.streams.len() >= MOST_STREAMS {
            return Err(self.busy());
        }
        let place = self.quotas.admit(now, request, address, caller.id)?;
        if request.method == "WS" && !caller.token_ended {
            return Ok(self.open_stream(now, place));
        }
        let answer = match token {
            Some(Ok(token)) => HttpOut::json(200, &self.tokens.issue(now, &token.client_id)),
            Some(Err(bad)) => HttpOut::json(400, &json!({ "error": bad.word() })),
            None if caller.token_ended => HttpOut::json(401, &json!({ "error": "invalid_token" })),
            None => body::served(now, request, &asked),
        };
        let answer = Finished::new(&self.quotas, answer, asked.cost, place);
        if wait == Nanos::ZERO {
            return Ok(Reply::Respond(answer.leave(now, &mut self.quotas)));
        }
        let until = now.saturating_add(wait);
        Ok(Reply::Hold { ticket: self.held.hold(until, answer), until })
    }

    fn open_stream(&mut self, now: Nanos, place: Option<Place>) -> Reply {
        let headers = place.as_ref().map_or_else(Vec::new, |place| self.quotas.told(now, place));
        let id = StreamId(self.streams_opened);
        self.streams_opened += 1;
        self.streams.insert(id, place);
        Reply::Stream { id, headers }
    }

    fn busy(&self) -> HttpOut {
        HttpOut::json(self.overload_status, &json!({ "error": "overloaded" }))
    }
}

impl Platform for Generic {
    fn handle(&mut self, now: Nanos, address: u64, request: &HttpIn<'_>) -> Reply {
        let address = request.seen_from(address, &self.faults);
        self.advance(now);
        if self.overload.hits(now) {
            return Reply::Respond(self.busy());
        }
        self.serve(now, address, request).unwrap_or_else(Reply::Respond)
    }

    fn advance(&mut self, now: Nanos) {
        // The end of all time is no moment at which a quota stands anywhere.
        if now < Nanos::MAX {
            self.latest = now;
        }
        while let Some((ticket, answer)) = self.held.due(now) {
            self.answers.push((ticket, answer.leave(self.latest, &mut self.quotas)));
        }
    }

    fn take_answers(&mut self) -> Vec<(Ticket, HttpOut)> {
        std::mem::take(&mut self.answers)
    }

    fn abandon(&mut self, ticket: Ticket) {
        if let Some(Finished { place: Some(place), .. }) = self.held.abandon(ticket) {
            self.quotas.release(&place);
        }
    }

    fn frames_every(&self) -> Nanos {
        FRAMES_EVERY
    }

    fn frames(&self, now: Nanos, _stream: StreamId) -> Vec<String> {
        if self.faults.contains(&Fault::StreamsSilent) {
            return Vec::new();
        }
        vec![json!({ "at_ms": now.0 / 1_000_000 }).to_string()]
    }

    fn stream_lifetime(&self) -> Option<Nanos> {
        self.faults.contains(&Fault::StreamsCut).then_some(CUT_AFTER)
    }

    fn close_stream(&mut self, stream: StreamId) {
        if let Some(Some(place)) = self.streams.remove(&stream) {
            self.quotas.release(&place);
        }
    }

    fn too_large(&self) -> HttpOut {
        HttpOut::json(413, &json!({ "error": "the body is too large or incomplete" }))
    }
}
