//! The server's thread: accepts connections, moves time on, cuts off who is too slow, and stops in good order.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, LocalSet};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::connection;
use super::patience::{Activity, Patience, Phase};
use crate::clock::Clock;
use crate::policy::model::Policy;
use crate::reference::http::{HttpIn, HttpOut, Reply};
use crate::reference::platform::{Platform, StreamId, Ticket, for_policy};
use crate::scenario::target::ServerSpec;
use crate::time::Nanos;

const MOST_CONNECTIONS: usize = 16_384;
/// A fleet that reconnects as one must fit.
const BACKLOG: i32 = 4096;
/// How often held polls and slow clients are looked at.
const BEAT: Duration = Duration::from_millis(50);
/// How many beats a stopping server gives its clients.
const LAST_BEATS: u32 = 20;

/// A server that runs until it is stopped or dropped.
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers held polls, closes streams, lets running requests end (for a second at most), and returns when all is closed.
    pub fn stop(self) {
        // Dropping does it; the name is for those who read the caller.
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic has been printed by the thread itself.
            let _ = thread.join();
        }
    }
}

/// Starts a server on a thread of its own. Its time begins now. Errors: the address cannot be had.
pub fn start(policy: Policy, spec: ServerSpec, listen: SocketAddr) -> io::Result<Running> {
    start_with(policy, spec, listen, Patience::USUAL)
}

/// Like [`start`], with another patience.
pub(super) fn start_with(
    policy: Policy,
    spec: ServerSpec,
    listen: SocketAddr,
    patience: Patience,
) -> io::Result<Running> {
    let listener = bind(listen)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let (stop, stopping) = watch::channel(false);
    let serve = move || {
        let clock = Clock::start();
        let platform = for_policy(&policy, &spec, clock.anchor());
        let server = Rc::new(Server::new(clock, patience, platform, stopping));
        if let Err(error) = LocalSet::new().block_on(&runtime, run(&server, listener)) {
            // Nobody may be listening there any more.
            let _ = writeln!(io::stderr(), "the reference server has ended: {error}");
        }
    };
    let thread = std::thread::Builder::new().name("reference-server".to_owned()).spawn(serve)?;
    Ok(Running { address, stop, thread: Some(thread) })
}

fn bind(listen: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(listen), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

async fn run(server: &Rc<Server>, listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut stopping = server.stopping();
    loop {
        tokio::select! {
            _ = stopping.changed() => break,
            _ = beat.tick() => server.beat(),
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => server.welcome(socket, peer),
                // Out of descriptors, most likely: connections that end will free some.
                Err(_) => drop(beat.tick().await),
            },
        }
    }
    drop(listener);
    server.wind_down(&mut beat).await;
    Ok(())
}

/// What all connections of a server share. Only its own thread touches it.
pub struct Server {
    pub clock: Clock,
    patience: Patience,
    platform: RefCell<Box<dyn Platform>>,
    held: RefCell<HashMap<Ticket, oneshot::Sender<HttpOut>>>,
    guests: RefCell<HashMap<u64, Guest>>,
    welcomed: Cell<u64>,
    stopping: watch::Receiver<bool>,
}

/// A connection or a stream that is served.
struct Guest {
    activity: Arc<Activity>,
    task: AbortHandle,
}

impl Server {
    fn new(clock: Clock, patience: Patience, platform: Box<dyn Platform>, stopping: watch::Receiver<bool>) -> Server {
        Server {
            clock,
            patience,
            platform: RefCell::new(platform),
            held: RefCell::default(),
            guests: RefCell::default(),
            welcomed: Cell::new(0),
            stopping,
        }
    }

    /// Changes when the server is told to stop.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }

    /// Handles one request to its end, however long it is held. An accepted stream is no answer but `Err`: the caller
    /// goes on to serve it.
    pub async fn handle(self: &Rc<Self>, address: u64, request: &HttpIn<'_>) -> Result<HttpOut, OpenStream> {
        let reply = self.platform.borrow_mut().handle(self.clock.now(), address, request);
        self.deliver();
        match reply {
            Reply::Respond(answer) => Ok(answer),
            Reply::Hold { ticket, .. } => Ok(HeldPoll::new(self, ticket).answer().await),
            Reply::Stream { id, headers } => Err(OpenStream { server: Rc::clone(self), id, headers }),
        }
    }

    /// The answer to a request whose body is too large or ends early.
    pub fn too_large(&self) -> HttpOut {
        self.platform.borrow().too_large()
    }

    /// Serves something as a task that the beat cuts off when its client is too slow.
    pub fn attend(self: &Rc<Self>, activity: Arc<Activity>, serve: impl Future<Output = ()> + 'static) {
        let number = self.welcomed.get();
        self.welcomed.set(number + 1);
        let farewell = Farewell { server: Rc::clone(self), number };
        let task = tokio::task::spawn_local(async move {
            let _farewell = farewell;
            serve.await;
        });
        self.guests.borrow_mut().insert(number, Guest { activity, task: task.abort_handle() });
    }

    fn welcome(self: &Rc<Self>, socket: TcpStream, peer: SocketAddr) {
        if self.guests.borrow().len() >= MOST_CONNECTIONS || socket.set_nodelay(true).is_err() {
            return;
        }
        let activity = Activity::new(self.clock.now(), Phase::Idle);
        self.attend(Arc::clone(&activity), connection::serve(Rc::clone(self), socket, peer, activity));
    }

    fn beat(&self) {
        let now = self.clock.now();
        self.platform.borrow_mut().advance(now);
        self.deliver();
        for guest in self.guests.borrow().values().filter(|guest| guest.activity.is_overdue(now, self.patience)) {
            guest.task.abort();
        }
    }

    /// Hands the answers of held polls to the tasks that wait for them.
    fn deliver(&self) {
        let answers = self.platform.borrow_mut().take_answers();
        let mut held = self.held.borrow_mut();
        for (ticket, answer) in answers {
            if let Some(waiting) = held.remove(&ticket) {
                // Whoever is gone needs no answer; a command it was to get will be handed out again.
                let _ = waiting.send(answer);
            }
        }
    }

    async fn wind_down(&self, beat: &mut Interval) {
        self.platform.borrow_mut().advance(Nanos::MAX);
        self.deliver();
        for _ in 0..LAST_BEATS {
            if self.guests.borrow().is_empty() {
                return;
            }
            beat.tick().await;
        }
    }
}

/// Takes a guest off the list when its task ends, however it ends.
struct Farewell {
    server: Rc<Server>,
    number: u64,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.server.guests.borrow_mut().remove(&self.number);
    }
}

/// A poll that waits for its answer; dropped before that, its client has gone.
struct HeldPoll {
    server: Rc<Server>,
    ticket: Ticket,
    answer: oneshot::Receiver<HttpOut>,
}

impl HeldPoll {
    fn new(server: &Rc<Server>, ticket: Ticket) -> HeldPoll {
        let (sender, answer) = oneshot::channel();
        server.held.borrow_mut().insert(ticket, sender);
        HeldPoll { server: Rc::clone(server), ticket, answer }
    }

    async fn answer(mut self) -> HttpOut {
        // The sender is only ever dropped unused together with the whole server.
        (&mut self.answer).await.unwrap_or_else(|_| HttpOut { status: 503, headers: Vec::new(), body: Vec::new() })
    }
}

impl Drop for HeldPoll {
    fn drop(&mut self) {
        self.server.held.borrow_mut().remove(&self.ticket);
        self.server.platform.borrow_mut().abandon(self.ticket);
    }
}

/// A stream whose handshake was accepted; its place is free again when it is dropped.
pub struct OpenStream {
    server: Rc<Server>,
    id: StreamId,
    /// What the handshake's answer carries besides.
    pub headers: Vec<(String, String)>,
}

impl OpenStream {
    /// The frames to send now.
    pub fn frames(&self) -> Vec<String> {
        let now = self.server.clock.now();
        self.server.platform.borrow().frames(now, self.id)
    }

    /// How often to send them.
    pub fn frames_every(&self) -> Duration {
        self.server.platform.borrow().frames_every().into()
    }

    /// How long it may stay open; None for as long as its client likes.
    pub fn lifetime(&self) -> Option<Nanos> {
        self.server.platform.borrow().stream_lifetime()
    }

    pub fn server(&self) -> &Rc<Server> {
        &self.server
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.server.platform.borrow_mut().close_stream(self.id);
    }
}
