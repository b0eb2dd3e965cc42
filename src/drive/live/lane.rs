//! A device's own connection: one request after the other over HTTP/1.1 with keep-alive.
//!
//! The connection is opened for the first request and again for the next one after it was lost.

use std::rc::Rc;

use tokio::io::AsyncWriteExt;

use super::deadline::Deadline;
use super::http1::{ResponseParser, write_request};
use super::link::{Job, KEPT_BUFFER, Link, Mailbox, Message, Trouble};
use super::socket::{Socket, lost, read};
use crate::device::Failure;
use crate::time::Nanos;

pub struct Lane {
    link: Rc<Link>,
    mailbox: Mailbox,
    socket: Option<Socket>,
    parser: ResponseParser,
    wire: Vec<u8>,
    /// Since when the connection has been free for the next request.
    ready: Nanos,
}

impl Lane {
    pub fn new(link: Rc<Link>, mailbox: Mailbox) -> Self {
        let parser = ResponseParser::new(link.max_body);
        Lane { link, mailbox, socket: None, parser, wire: Vec::new(), ready: Nanos::ZERO }
    }

    /// Serves jobs until it is aborted.
    pub async fn run(mut self) {
        let mut deadline = Deadline::new();
        loop {
            let mut job = self.mailbox.next().await;
            let result = self.serve(&mut job, &mut deadline).await;
            self.link.done(job, result);
            self.ready = self.link.clock.now();
            self.wire.clear();
            self.wire.shrink_to(KEPT_BUFFER);
        }
    }

    async fn serve(&mut self, job: &mut Job, deadline: &mut Deadline) -> Result<(), Trouble> {
        write_request(&job.http, &self.link.endpoint, &mut self.wire);
        let reused = self.reuse().await;
        if !reused {
            self.connect().await?;
        }
        // A fresh connection's time is the target's, so the request's own time begins only now.
        self.link.sent(job.ticket, self.ready)?;
        let timeout = job.timeout;
        let late = || Err(Trouble::new(Failure::Timeout, format!("no whole answer within {timeout}")));
        let result = deadline.within(timeout, self.exchange_on(job, reused)).await;
        result.unwrap_or_else(late).inspect_err(|_| self.socket = None)
    }

    /// Whether the connection is still good. Many servers close what lies idle.
    async fn reuse(&mut self) -> bool {
        let Some(socket) = &mut self.socket else { return false };
        let alive = socket.is_quiet().await;
        if !alive {
            self.socket = None;
        }
        alive
    }

    async fn connect(&mut self) -> Result<(), Trouble> {
        self.socket = Some(Socket::open(&self.link).await?);
        self.ready = self.link.clock.now();
        Ok(())
    }

    async fn exchange_on(&mut self, job: &mut Job, reused: bool) -> Result<(), Trouble> {
        let result = self.exchange(job).await;
        match result {
            // The server closed the connection as the request was on its way. It did not answer, so most likely it did not
            // read either: clients send such a request again.
            Err(trouble) if reused && trouble.failure == Failure::Reset && !self.parser.has_begun() => {
                self.link.tell(Message::Stale);
                self.connect().await?;
                self.exchange(job).await
            }
            other => other,
        }
    }

    /// Writes the request that is in `wire` and reads the answer into the job.
    async fn exchange(&mut self, job: &mut Job) -> Result<(), Trouble> {
        let Some(socket) = &mut self.socket else { return Err(Trouble::new(Failure::Reset, "no connection")) };
        self.parser.reset(job.http.method);
        job.reply.clear();
        socket.write_all(&self.wire).await.map_err(lost)?;
        socket.flush().await.map_err(lost)?;
        while !read(&self.link, socket, &mut self.parser, &mut job.reply.body).await? {}
        job.reply.status = self.parser.status();
        if self.link.wants_headers(&job.http, job.reply.status) {
            job.reply.headers = self.parser.headers();
        }
        if !self.parser.keep_alive() {
            self.socket = None;
        }
        Ok(())
    }
}
