//! The record stream: everything that measurement and verification know about a run. Both drivers write it.

use crate::device::{Cause, Detail, Flow, Note, Outcome};
use crate::policy::model::ClassId;
use crate::policy::signals::{Hint, Told};
use crate::scenario::{Asked, DeviceId, OperationId};
use crate::time::Nanos;

/// Takes the observations of one shard, in the order of their time; after [`Observation::Through`] that begins anew.
pub trait Observer {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>);
}

/// One thing that a driver saw.
#[derive(Clone, Copy, Debug)]
pub enum Observation<'a> {
    /// A request is on its way; a [`Observation::Done`] follows for it.
    Sent(Sent),
    /// A request's life is over. Requests that never left (no connection) have no `Sent` before.
    Done { record: &'a Record, exchange: Option<&'a Exchange> },
    /// A stream that was opened is closed again; `operation` is its handshake's, `frames` how many it brought.
    StreamClosed { device: DeviceId, operation: OperationId, flow: Flow, frames: u64, ending: StreamEnding },
    /// Requests of an operation belong to a class (None: to none, they are not limited), as answers have told; comes before
    /// the first [`Observation::Sent`] of it. Operations whose class the policy or the profile names need no word.
    Classified { operation: OperationId, class: Option<ClassId> },
    /// A device said something.
    Noted { device: DeviceId, note: Note },
    /// The harness itself was this late with something (live driver only).
    Late { by: Nanos },
    /// The devices observed so far are through with the run, which ended for them at this moment. Those that come next share
    /// no budget with them, and their time begins at zero again (virtual driver only).
    Through { ended: Nanos },
}

/// Who ended a stream, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamEnding {
    /// The device itself: it had seen enough, lost its power, or the run was over.
    Device,
    /// The server took its leave, maybe with a code (RFC 6455, section 7.4).
    Server { code: Option<u16> },
    /// Without a word: the connection was lost, or what came over it was no stream.
    Lost,
}

impl StreamEnding {
    /// The key in the summary: `device`, `lost`, `server_1001`; `server` without a code.
    pub fn key(self) -> String {
        match self {
            StreamEnding::Device => "device".to_owned(),
            StreamEnding::Server { code: Some(code) } => format!("server_{code}"),
            StreamEnding::Server { code: None } => "server".to_owned(),
            StreamEnding::Lost => "lost".to_owned(),
        }
    }

    /// `closed with code 1001`.
    pub fn in_words(self) -> String {
        match self {
            StreamEnding::Device => "closed by the device".to_owned(),
            StreamEnding::Server { code: Some(code) } => format!("closed with code {code}"),
            StreamEnding::Server { code: None } => "closed without a code".to_owned(),
            StreamEnding::Lost => "connection lost".to_owned(),
        }
    }
}

/// A request at the moment it is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sent {
    pub device: DeviceId,
    pub operation: OperationId,
    pub flow: Flow,
    pub attempt: u32,
    pub detail: Detail,
}

impl Sent {
    pub fn asked(&self) -> Asked {
        Asked { device: self.device, operation: self.operation, detail: self.detail }
    }
}

impl Record {
    pub fn asked(&self) -> Asked {
        Asked { device: self.device, operation: self.operation, detail: self.detail }
    }

    /// Whether the answer was that nothing has changed. Some providers let it use up no quota, most do not say.
    pub fn is_unchanged(&self) -> bool {
        self.outcome == Outcome::Served && self.status == 304
    }
}

/// One request's life. Always `due <= sent <= done`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    pub device: DeviceId,
    pub operation: OperationId,
    pub flow: Flow,
    pub attempt: u32,
    pub cause: Cause,
    pub detail: Detail,
    /// When it should have been sent.
    pub due: Nanos,
    /// When it was written to a connection; None if it never was.
    pub sent: Option<Nanos>,
    /// When its answer was whole, or it failed.
    pub done: Nanos,
    pub outcome: Outcome,
    /// 0 without an answer.
    pub status: u16,
    pub hint: Hint,
    /// What the answer's headers say of the quota.
    pub told: Told,
    /// How many ways a refusal breaks the documented contract; [`Exchange::breaches`] has the words.
    pub breaches: u8,
}

/// What went over the wire, for evidence: kept only for answers that were not served or whose headers cannot be right, and bounded in length. It never
/// holds a secret: authorisation headers and secrets in bodies are blanked out before it is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exchange {
    /// `POST /v1/device/heartbeat`.
    pub request: String,
    /// The status line's code, chosen headers and the start of the body.
    pub response: String,
    pub breaches: Vec<String>,
    /// Where its quota headers break their dialect.
    pub header_breaches: Vec<String>,
}
