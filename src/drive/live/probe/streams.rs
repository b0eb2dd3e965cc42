//! Streams that a probe opens, each on a connection of its own.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, MOST_BODY};
use crate::clock::Clock;
use crate::device::{Flow, HttpRequest};
use crate::drive::live::endpoint::Endpoint;
use crate::drive::live::link::{Job, Link, Message, Reply, Ticket};
use crate::drive::live::stream;
use crate::drive::live::tls::Tls;
use crate::probe::beside::Ask;
use crate::record::StreamEnding;
use crate::time::Nanos;

/// Open streams, and what comes over them.
pub struct Streams {
    link: Rc<Link>,
    inbox: UnboundedReceiver<Message>,
    /// When each handshake was sent.
    sent: HashMap<u64, Nanos>,
    /// Dropping one closes its stream.
    closers: HashMap<u64, oneshot::Sender<()>>,
}

/// What a stream tells.
pub enum Told {
    /// Its handshake is answered, or has failed.
    Answered {
        stream: u64,
        sent: Nanos,
        done: Nanos,
        reply: Result<Reply, String>,
    },
    Frame {
        stream: u64,
    },
    Ended {
        stream: u64,
        at: Nanos,
        code: Option<u16>,
    },
}

impl Streams {
    pub fn new(endpoint: &Endpoint, tls: Option<Tls>, clock: Clock) -> Streams {
        let (messages, inbox) = unbounded_channel();
        let link = Link {
            clock,
            endpoint: Arc::new(endpoint.clone()),
            tls,
            connect_timeout: CONNECT_TIMEOUT,
            max_body: MOST_BODY,
            headers_of_served: true,
            closing: Cell::new(false),
            messages,
            scratch: RefCell::new(vec![0; 16 * 1024].into_boxed_slice()),
        };
        Streams { link: Rc::new(link), inbox, sent: HashMap::new(), closers: HashMap::new() }
    }

    /// Sends a handshake; its answer, or that none came in time, is [told](Streams::told).
    pub fn open(&mut self, stream: u64, ask: &Ask, patience: Nanos) {
        let mut job = Job::new(Ticket(stream));
        let headers = ask.headers.iter().map(|(name, value)| (name.clone().into(), value.clone())).collect();
        job.http = HttpRequest { method: "GET", path: ask.path.clone(), headers, ..HttpRequest::default() };
        job.timeout = patience;
        let (closer, close) = oneshot::channel();
        self.closers.insert(stream, closer);
        self.sent.insert(stream, self.link.clock.now());
        spawn_local(stream::run(self.link.clone(), job, 0, Flow(stream as u32), close));
    }

    pub fn close(&mut self, stream: u64) {
        self.closers.remove(&stream);
    }

    /// The next that any of them tells.
    pub async fn told(&mut self) -> io::Result<Told> {
        loop {
            match self.inbox.recv().await.ok_or(io::ErrorKind::BrokenPipe)? {
                Message::Sent { ticket, at, .. } => drop(self.sent.insert(ticket.0, at)),
                Message::Done { at, job, trouble } => {
                    let (stream, reply) = (job.ticket.0, trouble.map_or(Ok(job.reply), |trouble| Err(trouble.detail)));
                    let sent = self.sent.remove(&stream).unwrap_or(at);
                    return Ok(Told::Answered { stream, sent, done: at, reply });
                }
                Message::Frame { flow, .. } => return Ok(Told::Frame { stream: u64::from(flow.0) }),
                Message::StreamClosed { at, flow, ending, .. } => {
                    let code = match ending {
                        StreamEnding::Server { code } => code,
                        StreamEnding::Device | StreamEnding::Lost => None,
                    };
                    return Ok(Told::Ended { stream: u64::from(flow.0), at, code });
                }
                Message::Connected | Message::Stale => {}
            }
        }
    }

    /// Opens a stream for its answer alone.
    pub async fn knock(&mut self, ask: &Ask) -> Result<Reply, String> {
        const KNOCK: u64 = u32::MAX as u64;
        self.open(KNOCK, ask, ANSWER_TIMEOUT);
        let reply = loop {
            let told = self.told().await.map_err(|error| error.to_string())?;
            if let Told::Answered { stream: KNOCK, reply, .. } = told {
                break reply;
            }
        };
        self.close(KNOCK);
        reply
    }
}
