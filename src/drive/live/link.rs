//! What a shard and its connections share: the jobs that go out, the messages that come back.
//!
//! All of it lives on one thread. Connections stamp what they report with the run's clock and report at once, so messages
//! arrive in the order of their times.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use tokio::sync::mpsc::UnboundedSender;

use super::agenda::Local;
use super::endpoint::Endpoint;
use super::tls::Tls;
use crate::clock::Clock;
use crate::device::{Failure, Flow, HttpRequest};
use crate::record::StreamEnding;
use crate::time::Nanos;

/// Buffers larger than this are given back after use: thousands of connections lie idle most of the time.
pub const KEPT_BUFFER: usize = 4 * 1024;

/// Names one request within its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A request on its way out and, when it comes back, its answer. Jobs are reused, and their buffers with them.
#[derive(Debug)]
pub struct Job {
    pub ticket: Ticket,
    pub http: HttpRequest,
    /// From sending to the whole answer.
    pub timeout: Nanos,
    pub reply: Reply,
}

impl Job {
    pub fn new(ticket: Ticket) -> Self {
        Job { ticket, http: HttpRequest::default(), timeout: Nanos::ZERO, reply: Reply::default() }
    }
}

/// An answer as it came over the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case. Left out for served answers unless the policy has its signals in those, or the device reads them.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn clear(&mut self) {
        self.status = 0;
        self.headers.clear();
        self.body.clear();
        self.body.shrink_to(KEPT_BUFFER);
    }
}

/// How an exchange ended without an answer, and what the system said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    pub failure: Failure,
    pub detail: String,
}

impl Trouble {
    pub fn new(failure: Failure, detail: impl ToString) -> Self {
        Trouble { failure, detail: detail.to_string() }
    }
}

/// What a connection tells its shard.
#[derive(Debug)]
pub enum Message {
    /// A connection was opened.
    Connected,
    /// A reused connection turned out to be dead, and the request goes out once more on a fresh one.
    Stale,
    /// A request is about to be written. `ready` is when its connection was free for it.
    Sent {
        ticket: Ticket,
        at: Nanos,
        ready: Nanos,
    },
    /// A request is over. Without trouble, `job.reply` is the answer.
    Done {
        at: Nanos,
        job: Job,
        trouble: Option<Trouble>,
    },
    /// A stream brought a frame.
    Frame {
        device: Local,
        flow: Flow,
    },
    StreamClosed {
        at: Nanos,
        device: Local,
        flow: Flow,
        ending: StreamEnding,
    },
}

/// What all connections of a shard work with.
pub struct Link {
    pub clock: Clock,
    pub endpoint: Arc<Endpoint>,
    pub tls: Option<Tls>,
    pub connect_timeout: Nanos,
    /// Longest body of an answer, and longest message of a stream, in bytes.
    pub max_body: usize,
    /// Whether served answers need their headers: a policy may tell quotas in them, or refusals.
    pub headers_of_served: bool,
    /// Nothing more may be sent.
    pub closing: Cell<bool>,
    pub messages: UnboundedSender<Message>,
    /// Where bytes are read into before they are parsed. It serves all connections: one thread reads one at a time.
    pub scratch: RefCell<Box<[u8]>>,
}

impl Link {
    pub fn tell(&self, message: Message) {
        // The receiver lives as long as the shard; when that is gone, nobody is left to be told.
        let _ = self.messages.send(message);
    }

    /// Err when the run is over, and nothing new is begun.
    pub fn still_running(&self) -> Result<(), Trouble> {
        match self.closing.get() {
            false => Ok(()),
            true => Err(Trouble::new(Failure::Cancelled, "the run ended")),
        }
    }

    /// Stamps a request as sent; the write must follow at once. Err when the run is over.
    pub fn sent(&self, ticket: Ticket, ready: Nanos) -> Result<(), Trouble> {
        self.still_running()?;
        self.tell(Message::Sent { ticket, at: self.clock.now(), ready });
        Ok(())
    }

    pub fn done(&self, job: Job, result: Result<(), Trouble>) {
        self.tell(Message::Done { at: self.clock.now(), job, trouble: result.err() });
    }

    pub fn wants_headers(&self, http: &HttpRequest, status: u16) -> bool {
        self.headers_of_served || http.reads_headers || !(200..300).contains(&status)
    }
}

/// The bounded queue of one lane.
#[derive(Clone, Debug, Default)]
pub struct Mailbox(Rc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    jobs: RefCell<VecDeque<Job>>,
    reader: RefCell<Option<Waker>>,
}

/// Longest queue of a lane. Devices bound what they have in flight far below it.
const LONGEST_QUEUE: usize = 256;

impl Mailbox {
    /// False, and the job is gone, when the queue is full.
    #[must_use]
    pub fn push(&self, job: Job) -> bool {
        let mut jobs = self.0.jobs.borrow_mut();
        if jobs.len() >= LONGEST_QUEUE {
            return false;
        }
        jobs.push_back(job);
        if let Some(reader) = self.0.reader.borrow_mut().take() {
            reader.wake();
        }
        true
    }

    /// Waits for the next job.
    pub async fn next(&self) -> Job {
        poll_fn(|context| match self.0.jobs.borrow_mut().pop_front() {
            Some(job) => Poll::Ready(job),
            None => {
                *self.0.reader.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}
