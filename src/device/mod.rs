//! Devices: pure state machines that play chargers, operator clients and scripted clients of any API.
//!
//! A device is fed one [`Event`] at a time `now` and answers through [`Actions`]: the requests it wants sent and when it
//! wants to wake next. It reads no clock, no socket and no global randomness, so a driver with real sockets and one with
//! simulated time play the same device.
//!
//! The contract, for devices and drivers alike:
//! - The first event is [`Event::Wake`] at time zero. Later wake-ups come at or after the time asked for, never before.
//! - After every event the device has one wake-up: the one it set in `Actions`, which replaces any earlier one.
//! - Every request is answered exactly once by [`Event::Answered`], also when the connection fails.
//! - A driver that speaks HTTP calls [`Device::render`] for each request right after the event that produced it, and
//!   [`Device::interpret`] for each response right before the event that delivers it.
//! - A device has a bounded number of requests in flight. What it drops it says ([`Note::Dropped`]).

pub mod arrivals;
pub mod cadence;
pub mod call;
pub mod charger;
pub mod client;
pub mod draws;
pub mod fleet;
pub mod heed;
pub mod operator;
pub mod partition;
pub mod reaction;
pub mod token;
mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use crate::policy::signals::{Hint, Told};
use crate::scenario::{Disturbance, OperationId};

pub use crate::scenario::operation::Detail;
use crate::time::{Anchor, Nanos};

/// A simulated client of the API.
pub trait Device {
    /// Takes an event and says, in `out`, what to do about it.
    fn handle(&mut self, now: Nanos, event: Event<'_>, out: &mut Actions);

    /// Writes a request that `handle` has just asked for as HTTP. `anchor` gives the wall-clock time.
    fn render(&self, now: Nanos, request: &Request, anchor: Anchor, http: &mut HttpRequest);

    /// What a served (2xx) response tells the device; None where it is not what the API documents, so that the request was
    /// not served after all.
    fn interpret(&self, request: &Request, answer: &ServedAnswer<'_>) -> Option<Body>;

    /// What a served answer plausibly says, for a driver whose target knows nothing of the API that the device speaks.
    fn imagine(&self, _request: &Request) -> Body {
        Body::None
    }

    /// What the telemetry that the device sends now says, for a driver whose target reads no bodies: whether one of its
    /// connectors charges or discharges.
    fn is_charging(&self) -> bool {
        false
    }
}

/// What happens to a device.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    Wake,
    Answered {
        request: &'a Request,
        answer: Answer,
    },
    /// An open stream, known by its handshake's flow, ended without the device having closed it.
    StreamClosed {
        flow: Flow,
    },
    Disturbed(&'a Disturbance),
}

/// Names one logical operation of one device: all attempts at it carry the same flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow(pub u32);

/// One request that a device wants sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    pub operation: OperationId,
    pub flow: Flow,
    /// 1 for the first.
    pub attempt: u32,
    /// When it should be sent: never earlier. May lie in the past (a wake-up came late) but not in the future.
    pub due: Nanos,
    pub cause: Cause,
    pub lane: Lane,
    pub detail: Detail,
    /// From sending to the whole answer.
    pub timeout: Nanos,
    /// Whether the server may hold its answer back for long, as documented: a long poll. At the end of a run such a request
    /// is abandoned and no answer is missing.
    pub held: bool,
}

/// Why a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its schedule: `due` does not depend on any answer (open loop).
    Schedule,
    /// An answer or an event: a retry, the next page, a status report (closed loop).
    Answer,
}

/// The connection that a request travels on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The device's own keep-alive connection of that number; requests on it go one after the other.
    Own(u8),
    /// A pool shared by the clients of a back end.
    Pool,
    /// A WebSocket of its own, answered when the handshake is.
    Stream,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub outcome: Outcome,
    pub hint: Hint,
    /// What its headers say of the quota.
    pub told: Told,
    /// Filled for [`Outcome::Served`] only.
    pub body: Body,
}

/// The kinds of ending, as records and reports count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// 2xx, 101 for a stream, or 304 where the request was conditional: what the client has is still right.
    Served,
    /// The quota's refusal.
    Refused,
    /// 503, or what the policy says.
    Overloaded,
    /// Another 4xx or a 3xx, with its status: redirects are not followed.
    Rejected(u16),
    /// Another 5xx (or an unexpected 1xx), with its status.
    Broken(u16),
    Failed(Failure),
}

impl Outcome {
    /// Whether the answer sent the client elsewhere, which it did not heed.
    pub fn is_redirect(self) -> bool {
        matches!(self, Outcome::Rejected(301 | 302 | 303 | 307 | 308))
    }
}

/// How an exchange failed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The connection was refused.
    ConnectRefused,
    /// Connecting took too long or failed in another way, such as for want of a route.
    ConnectFailed,
    /// There was a connection, and no agreement on TLS: a certificate that is not trusted, or no TLS on the other side.
    TlsFailed,
    /// The connection ended before the answer was whole.
    Reset,
    /// No whole answer in time.
    Timeout,
    /// What came back is not HTTP, or a success whose body is not what the API documents.
    Garbage,
    /// The body passed the limit.
    TooLarge,
    /// The device itself dropped the connection (a blackout, the end of the run).
    Cancelled,
}

impl Failure {
    /// Whether there was no connection to send anything on.
    pub fn is_of_connecting(self) -> bool {
        matches!(self, Failure::ConnectRefused | Failure::ConnectFailed | Failure::TlsFailed)
    }
}

/// A served answer as it came, for [`Device::interpret`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ServedAnswer<'a> {
    /// What the target's address puts before every path; mostly empty.
    pub prefix: &'a str,
    /// The path that was asked for, with its query.
    pub path: &'a str,
    /// Names in lower case. Sure to be here only where the request said that they are read.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

/// What a served answer tells a device, beyond having been served.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// Nothing, or nothing that devices use.
    #[default]
    None,
    Registered {
        device_id: Box<str>,
        device_secret: Box<str>,
    },
    Token {
        value: Box<str>,
        lifetime: Nanos,
    },
    /// Commands waiting for a charger.
    Commands(Vec<Command>),
    /// A page: how many rows it holds, and how many match in all.
    Page {
        rows: u32,
        total: u32,
    },
    /// A control request was queued under this id.
    CommandQueued {
        command_id: Box<str>,
    },
    /// A command's state, as an operator sees it.
    CommandState {
        done: bool,
    },
    /// What a script looked for, as text: an id, the next page's address; None where there is nothing more.
    Found(Option<Box<str>>),
    /// How far something is that a script follows.
    Followed {
        done: bool,
    },
}

/// A command for a charger.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub command_id: Box<str>,
    pub kind: CommandKind,
    /// 0 where it names none.
    pub connector: u8,
    /// The limit that a [`CommandKind::SetPowerLimit`] brings, in percent of the connector's power.
    pub power_percent: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    StartCharging,
    StopCharging,
    Discharge,
    SetPowerLimit,
    SetSchedule,
    FirmwareUpgrade,
    /// A command word that v1.3 does not name.
    Other,
}

/// An HTTP request without its host. Buffers are reused.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequest {
    /// `GET` for a WebSocket handshake.
    pub method: &'static str,
    /// With the query.
    pub path: String,
    /// Besides host, length and content type, which drivers add.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// For a WebSocket: its first message, empty for none.
    pub body: Vec<u8>,
    /// What the body is; None where a header says it.
    pub content_type: Option<ContentType>,
    /// Credentials that this request carries besides its `authorization` header: evidence shows none of them.
    pub secrets: Option<Arc<[Box<str>]>>,
    /// Whether the device reads the headers of a served answer: they are kept for nobody else.
    pub reads_headers: bool,
}

/// What a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    Json,
    Form,
    Text,
}

impl ContentType {
    pub fn name(self) -> &'static str {
        match self {
            ContentType::Json => "application/json",
            ContentType::Form => "application/x-www-form-urlencoded",
            ContentType::Text => "text/plain; charset=utf-8",
        }
    }
}

impl Default for HttpRequest {
    fn default() -> Self {
        HttpRequest {
            method: "GET",
            path: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            content_type: Some(ContentType::Json),
            secrets: None,
            reads_headers: false,
        }
    }
}

impl HttpRequest {
    /// Whether it asks for an answer only if what the client has is no longer right (RFC 9110, section 13.1).
    pub fn is_conditional(&self) -> bool {
        let asks =
            |name: &str| ["if-none-match", "if-modified-since"].iter().any(|asked| name.eq_ignore_ascii_case(asked));
        self.headers.iter().any(|(name, _)| asks(name))
    }

    pub fn clear(&mut self) {
        self.method = "GET";
        self.path.clear();
        self.headers.clear();
        self.body.clear();
        self.content_type = Some(ContentType::Json);
        self.secrets = None;
        self.reads_headers = false;
    }
}

/// What a device answers to an event. The driver clears it before each event and reuses it.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    pub requests: Vec<Request>,
    /// When to wake the device next; None for never.
    pub wake: Option<Nanos>,
    pub disconnect: Vec<Disconnect>,
    pub notes: Vec<Note>,
}

/// Connections that a device drops. Requests in flight on them are answered [`Failure::Cancelled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// Every connection of the device.
    All,
    /// The stream of this handshake.
    Stream(Flow),
}

/// What a device tells the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// A logical operation ended after so many attempts.
    Finished { operation: OperationId, flow: Flow, attempts: u32, served: bool },
    /// A scheduled request was not made.
    Dropped { operation: OperationId, reason: DropReason },
    /// A cached answer served instead of a request.
    CacheHit { operation: OperationId },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// The one before it was still in flight or waiting to be retried.
    Busy,
    /// The wake-up came more than a whole interval late: missed ticks are not caught up.
    Missed,
    /// The device's own queue was full.
    QueueFull,
}

impl Actions {
    pub fn clear(&mut self) {
        self.requests.clear();
        self.wake = None;
        self.disconnect.clear();
        self.notes.clear();
    }
}
