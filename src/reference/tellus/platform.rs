//! The platform as a state machine: a request goes in, its reply comes out.

use std::collections::HashMap;

use super::admission::{Admission, Place, Subject, hashed};
use super::answer::{Code, Problem, done};
use super::bearer::{Bearer, unauthenticated};
use super::charger::{Polled, device_secret};
use super::fields::Fields;
use super::fleet::ChargerId;
use super::route::{self, Route};
use super::state::{PollAnswer, State};
use crate::policy::model::Policy;
use crate::reference::http::{HttpIn, HttpOut, Reply};
use crate::reference::platform::{Platform, StreamId, Ticket};
use crate::reference::tokens::{Tokens, bearer_token};
use crate::scenario::target::{CUT_AFTER, Fault, ServerSpec};
use crate::tellus::TellusOp;
use crate::time::{Anchor, Nanos};

/// How many streams may be open, over all clients.
const MOST_STREAMS: usize = 1024;

/// The documents say: every few seconds, as the platform configures it.
/// How often a stream brings frames; the documents say "every few seconds".
pub const FRAMES_EVERY: Nanos = Nanos::from_secs(5);

/// An open stream.
struct Subscription {
    /// In order, each once.
    devices: Vec<String>,
    place: Option<Place>,
}

/// The reference implementation of the Tellus Open Platform API.
pub struct Tellus {
    state: State,
    tokens: Tokens,
    admission: Admission,
    streams: HashMap<StreamId, Subscription>,
    streams_opened: u64,
    faults: Vec<Fault>,
}

impl Tellus {
    /// `anchor` gives the wall-clock time of the zero of every `now` to come.
    pub fn new(policy: &Policy, spec: &ServerSpec, anchor: Anchor) -> Tellus {
        Tellus {
            state: State::new(anchor),
            tokens: Tokens::new(spec.token_lifetime, anchor),
            admission: Admission::new(policy, spec, anchor),
            streams: HashMap::new(),
            streams_opened: 0,
            faults: spec.faults.clone(),
        }
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
        let answer = self.tokens.issue(now, &bearer?.name());
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
        if self.streams.len() >= MOST_STREAMS {
            return Err(self.admission.busy());
        }
        let subject = Subject { device_set: Some(hashed(&devices)), ..subject };
        let place = self.admission.admit(now, TellusOp::Stream, subject)?;
        let id = StreamId(self.streams_opened);
        self.streams_opened += 1;
        self.streams.insert(id, Subscription { devices, place });
        Ok(Reply::Stream { id, headers: Vec::new() })
    }

    fn authenticate(&self, now: Nanos, token: Option<&str>) -> Result<Bearer, Problem> {
        let token = token.ok_or_else(unauthenticated)?;
        Bearer::of(self.tokens.verify(now, token))
    }
}

impl Platform for Tellus {
    fn handle(&mut self, now: Nanos, address: u64, request: &HttpIn<'_>) -> Reply {
        let address = request.seen_from(address, &self.faults);
        self.state.end_polls(now);
        let reply = match self.admission.overloaded(now) {
            Some(answer) => Err(answer),
            None => self.serve(now, address, request),
        };
        reply.unwrap_or_else(Reply::Respond)
    }

    fn advance(&mut self, now: Nanos) {
        self.state.end_polls(now);
    }

    fn take_answers(&mut self) -> Vec<(Ticket, HttpOut)> {
        let admission = &mut self.admission;
        let answer = |answered: PollAnswer| {
            admission.release(answered.place);
            (answered.ticket, answered.answer)
        };
        self.state.answers.drain(..).map(answer).collect()
    }

    fn abandon(&mut self, ticket: Ticket) {
        if let Some(held) = self.state.polls.abandon(ticket) {
            self.admission.release(held.place);
        }
    }

    fn frames_every(&self) -> Nanos {
        FRAMES_EVERY
    }

    /// One frame for each of the stream's chargers that has an active connector.
    fn frames(&self, now: Nanos, stream: StreamId) -> Vec<String> {
        if self.faults.contains(&Fault::StreamsSilent) {
            return Vec::new();
        }
        let frame = |device: &String| {
            let view = self.state.fleet.frame(now, self.state.anchor, self.state.fleet.find(device)?)?;
            serde_json::to_string(&view).ok()
        };
        self.streams.get(&stream).map_or_else(Vec::new, |stream| stream.devices.iter().filter_map(frame).collect())
    }

    fn stream_lifetime(&self) -> Option<Nanos> {
        self.faults.contains(&Fault::StreamsCut).then_some(CUT_AFTER)
    }

    fn close_stream(&mut self, stream: StreamId) {
        if let Some(subscription) = self.streams.remove(&stream) {
            self.admission.release(subscription.place);
        }
    }

    /// The documents name no code for it.
    fn too_large(&self) -> HttpOut {
        let body = r#"{"code":1001,"message":"The body is too large or incomplete"}"#;
        HttpOut { status: 400, headers: Vec::new(), body: body.into() }
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
