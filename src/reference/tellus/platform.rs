//! The platform as a state machine: a request goes in, its reply comes out.

use super::admission::{Admission, Place, Subject, hashed};
use super::answer::{Code, Problem, done};
use super::charger::{Polled, device_secret};
use super::fields::Fields;
use super::fleet::ChargerId;
use super::polls::Ticket;
use super::route::{self, Route};
use super::state::{PollAnswer, State};
use super::tokens::{Bearer, Tokens, bearer_token};
use crate::policy::model::Policy;
use crate::reference::http::{HttpIn, HttpOut, Reply};
use crate::scenario::target::{CUT_AFTER, Fault, ServerSpec};
use crate::tellus::TellusOp;
use crate::time::{Anchor, Nanos};

/// How many streams may be open, over all clients.
const MOST_STREAMS: usize = 1024;

/// An open stream. Whoever holds it gives it back with [`Platform::close_stream`].
#[derive(Debug)]
pub struct Subscription {
    /// In order, each once.
    devices: Vec<String>,
    place: Option<Place>,
}

/// The reference implementation of the Tellus Open Platform API.
pub struct Platform {
    state: State,
    tokens: Tokens,
    admission: Admission,
    streams: usize,
    faults: Vec<Fault>,
}

impl Platform {
    /// `anchor` gives the wall-clock time of the zero of every `now` to come.
    pub fn new(policy: &Policy, spec: &ServerSpec, anchor: Anchor) -> Platform {
        Platform {
            state: State::new(anchor),
            tokens: Tokens::new(spec.token_lifetime, anchor),
            admission: Admission::new(policy, spec, anchor),
            streams: 0,
            faults: spec.faults.clone(),
        }
    }

    /// Handles one request of the client at `address` (any number that tells clients' addresses apart).
    pub fn handle(&mut self, now: Nanos, address: u64, request: &HttpIn<'_>) -> Reply {
        self.state.end_polls(now);
        let reply = match self.admission.overloaded(now) {
            Some(answer) => Err(answer),
            None => self.serve(now, address, request),
        };
        reply.unwrap_or_else(Reply::Respond)
    }

    /// Moves time on: held polls whose time is over are answered.
    pub fn advance(&mut self, now: Nanos) {
        self.state.end_polls(now);
    }

    /// The answers of held polls that have come up since the last call, whatever brought them.
    pub fn take_answers(&mut self) -> Vec<(Ticket, HttpOut)> {
        let admission = &mut self.admission;
        let answer = |answered: PollAnswer| {
            admission.release(answered.place);
            (answered.ticket, answered.answer)
        };
        self.state.answers.drain(..).map(answer).collect()
    }

    /// The client of a held poll has gone.
    pub fn abandon(&mut self, ticket: Ticket) {
        if let Some(held) = self.state.polls.abandon(ticket) {
            self.admission.release(held.place);
        }
    }

    /// The frames that a stream gets now: one for each of its chargers that has an active connector.
    pub fn frames(&self, now: Nanos, stream: &Subscription) -> Vec<String> {
        if self.faults.contains(&Fault::StreamsSilent) {
            return Vec::new();
        }
        let frame = |device: &String| {
            let view = self.state.fleet.frame(now, self.state.anchor, self.state.fleet.find(device)?)?;
            serde_json::to_string(&view).ok()
        };
        stream.devices.iter().filter_map(frame).collect()
    }

    /// How long a stream is kept open; None for as long as its client likes.
    pub fn stream_lifetime(&self) -> Option<Nanos> {
        self.faults.contains(&Fault::StreamsCut).then_some(CUT_AFTER)
    }

    /// Ends a stream: its place is free again.
    pub fn close_stream(&mut self, stream: Subscription) {
        self.streams -= 1;
        self.admission.release(stream.place);
    }

    fn serve(&mut self, now: Nanos, address: u64, request: &HttpIn<'_>) -> Result<Reply, HttpOut> {
        let route = find_route(request)?;
        match route.op {
            TellusOp::OperatorToken | TellusOp::DeviceToken => self.token(now, address, route.op, request.body),
            TellusOp::Register => self.once(now, route.op, Subject::unknown(address), |state| {
                state.register(now, &Fields::body(request.body)?)
            }),
            _ if route.op.path().starts_with("/v1/operator/") => self.operator(now, address, route, request),
            _ => self.charger(now, address, route.op, request),
        }
    }

    /// Both token endpoints. A request with the right secret counts for whom it names, any other for its address.
    fn token(&mut self, now: Nanos, address: u64, op: TellusOp, body: &[u8]) -> Result<Reply, HttpOut> {
        let bearer = Fields::body(body).and_then(|body| match op {
            TellusOp::OperatorToken => operator_credentials(&body),
            _ => self.device_credentials(&body),
        });
        let subject = bearer.as_ref().map_or(Subject::unknown(address), |bearer| subject_of(bearer, address));
        let place = self.admission.admit(now, op, subject)?;
        self.admission.release(place);
        let answer = self.tokens.issue(now, &bearer?);
        Ok(Reply::Respond(HttpOut::json(200, &answer)))
    }

    fn device_credentials(&self, body: &Fields) -> Result<Bearer, Problem> {
        let device_id = body.text("device_id")?.required()?;
        let secret = body.text("device_secret")?.required()?;
        body.one_of("grant_type", &["client_credentials"])?.required()?;
        if self.state.fleet.find(device_id).is_none() || secret != device_secret(device_id) {
            return Err(wrong_credentials());
        }
        Ok(Bearer::Device(device_id.to_owned()))
    }

    fn operator(&mut self, now: Nanos, address: u64, route: Route<'_>, request: &HttpIn<'_>) -> Result<Reply, HttpOut> {
        let Route { op, parameters: [first, second] } = route;
        let query = Fields::query(request.query);
        let in_query = if op == TellusOp::Stream { query.words("token")?.optional() } else { None };
        let bearer = self.authenticate(now, bearer_token(request.authorization).or(in_query))?;
        let Bearer::Operator(client_id) = &bearer else {
            return Err(Problem::new(Code::Unauthenticated, "This token is no operator's").into());
        };
        if needs_write(op) && !may_write(client_id) {
            return Err(Problem::new(Code::ScopeMissing, "The scope 'write' is missing").into());
        }
        let subject = subject_of(&bearer, address);
        if op == TellusOp::Stream {
            return self.open_stream(now, subject, &query);
        }
        self.once(now, op, subject, |state| match op {
            TellusOp::Sites => state.sites(now, &query),
            TellusOp::Device => state.device(now, first),
            TellusOp::Records => state.query_records(&query),
            TellusOp::Energy => state.energy(&query),
            TellusOp::Command => state.command_state(now, first),
            TellusOp::Flexibility => state.flexibility(now, &Fields::body(request.body)?),
            TellusOp::Start => state.start(now, state.plug(first, second)?, &Fields::optional_body(request.body)?),
            TellusOp::Stop => state.stop(now, state.plug(first, second)?, &Fields::optional_body(request.body)?),
            TellusOp::Discharge => state.discharge(now, state.plug(first, second)?, &Fields::body(request.body)?),
            TellusOp::Schedule => state.schedule(now, state.plug(first, second)?, Fields::body(request.body)?),
            _ => Err(no_operation()),
        })
    }

    fn charger(&mut self, now: Nanos, address: u64, op: TellusOp, request: &HttpIn<'_>) -> Result<Reply, HttpOut> {
        let bearer = self.authenticate(now, bearer_token(request.authorization))?;
        let id = match &bearer {
            Bearer::Device(device_id) => self.state.fleet.find(device_id),
            Bearer::Operator(_) => None,
        };
        let id = id.ok_or_else(|| Problem::new(Code::Unauthenticated, "This token is no charger's"))?;
        let subject = subject_of(&bearer, address);
        if op == TellusOp::PollCommands {
            return self.poll(now, subject, id, request.query);
        }
        self.once(now, op, subject, |state| {
            let body = Fields::body(request.body)?;
            match op {
                TellusOp::Heartbeat => state.heartbeat(now, id, &body),
                TellusOp::Telemetry => state.telemetry(id, &body),
                TellusOp::Event => state.event(id, &body),
                TellusOp::UploadRecord => state.upload_record(id, &body),
                TellusOp::CommandStatus => state.command_status(now, id, &body),
                TellusOp::FirmwareStatus => state.firmware_status(id, &body),
                _ => Err(no_operation()),
            }
        })
    }

    /// A request that is answered at once, if its quota allows.
    fn once(
        &mut self,
        now: Nanos,
        op: TellusOp,
        subject: Subject,
        answer: impl FnOnce(&mut State) -> Result<HttpOut, Problem>,
    ) -> Result<Reply, HttpOut> {
        let place = self.admission.admit(now, op, subject)?;
        let answer = answer(&mut self.state);
        self.admission.release(place);
        Ok(Reply::Respond(answer?))
    }

    fn poll(&mut self, now: Nanos, subject: Subject, id: ChargerId, query: &str) -> Result<Reply, HttpOut> {
        let place = self.admission.admit(now, TellusOp::PollCommands, subject)?;
        match self.state.poll(now, id, &Fields::query(query)) {
            Ok(Polled::Hold { connector, until }) => {
                let (ticket, earlier) = self.state.polls.hold(id, connector, until, place);
                if let Some(earlier) = earlier {
                    self.state.answer_poll(earlier, done());
                }
                Ok(Reply::Hold { ticket, until })
            }
            Ok(Polled::Answer(answer)) => {
                self.admission.release(place);
                Ok(Reply::Respond(answer))
            }
            Err(problem) => {
                self.admission.release(place);
                Err(problem.into())
            }
        }
    }

    /// The handshake of a stream. Its set of devices is the same in any order and with any repetition.
    fn open_stream(&mut self, now: Nanos, subject: Subject, query: &Fields) -> Result<Reply, HttpOut> {
        let mut devices: Vec<String> = query.listed("devices")?.required()?.into_iter().map(str::to_owned).collect();
        devices.sort_unstable();
        devices.dedup();
        if self.streams >= MOST_STREAMS {
            return Err(self.admission.busy());
        }
        let subject = Subject { device_set: Some(hashed(&devices)), ..subject };
        let place = self.admission.admit(now, TellusOp::Stream, subject)?;
        self.streams += 1;
        Ok(Reply::Stream(Subscription { devices, place }))
    }

    fn authenticate(&self, now: Nanos, token: Option<&str>) -> Result<Bearer, Problem> {
        let token = token.ok_or_else(|| Problem::new(Code::Unauthenticated, "unauthenticated"))?;
        self.tokens.verify(now, token)
    }
}

fn find_route<'a>(request: &HttpIn<'a>) -> Result<Route<'a>, Problem> {
    route::find(request.method, request.path).ok_or_else(|| {
        let stream = request.method == "GET" && request.path == TellusOp::Stream.path();
        if stream { Problem::new(Code::Invalid, "A WebSocket handshake is needed here") } else { no_operation() }
    })
}

fn no_operation() -> Problem {
    Problem::not_found("Operation")
}

/// Any client is known; its secret is `secret-` and its id.
fn operator_credentials(body: &Fields) -> Result<Bearer, Problem> {
    let client_id = body.text("client_id")?.required()?;
    let secret = body.text("client_secret")?.required()?;
    body.one_of("grant_type", &["client_credentials"])?.required()?;
    if secret.strip_prefix("secret-") != Some(client_id) {
        return Err(wrong_credentials());
    }
    Ok(Bearer::Operator(client_id.to_owned()))
}

fn wrong_credentials() -> Problem {
    Problem::new(Code::Unauthenticated, "Wrong credentials")
}

/// What changes something needs `write`; the rest, and the stream, needs `read`, which every client has.
fn needs_write(op: TellusOp) -> bool {
    op.method() == "POST"
}

/// Clients named `…-readonly` have the scope `read` alone.
fn may_write(client_id: &str) -> bool {
    !client_id.ends_with("-readonly")
}

fn subject_of(bearer: &Bearer, address: u64) -> Subject {
    match bearer {
        Bearer::Operator(client_id) => Subject { client_id: Some(hashed(client_id)), ..Subject::unknown(address) },
        Bearer::Device(device_id) => Subject { device_id: Some(hashed(device_id)), ..Subject::unknown(address) },
    }
}
