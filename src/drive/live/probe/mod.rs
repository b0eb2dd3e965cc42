//! Plays a probe against a target over real sockets: pooled connections, one request in flight on each, and a connection of
//! its own for each stream.

mod request;
mod streams;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::{LocalOptions, LocalRuntime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use self::request::request;
use self::streams::{Streams, Told};
use crate::clock::Clock;
use crate::drive::live::control::{Control, Stop};
use crate::drive::live::endpoint::Endpoint;
use crate::drive::live::link::{Message, Reply};
use crate::drive::live::pool;
use crate::drive::live::run::LiveError;
use crate::drive::live::standstill::Watch;
use crate::drive::live::timer::Timer;
use crate::drive::live::tls::Security;
use crate::policy::model::{ClassId, Policy};
use crate::policy::signals::ResponseView;
use crate::probe::Examination;
use crate::probe::beside::Ask;
use crate::probe::conformance::conduct::Order as Conduct;
use crate::probe::streams::{Order, Survey};
use crate::probe::witness::{Guise, Parcel, Witness};
use crate::time::Nanos;

/// What a probe asks for, and of whom.
#[derive(Clone)]
pub struct ProbeTarget {
    /// As in [`super::LiveOptions::base_url`].
    pub base_url: String,
    /// Whether its owner allows the probe; loopback needs no word.
    pub authorized: bool,
    pub ca_file: Option<PathBuf>,
    /// What each client asks for.
    pub clients: Vec<Ask>,
    /// What is asked besides, in the order of [`Case::besides`](crate::probe::conformance::Case::besides).
    pub besides: Vec<Ask>,
    /// Every request on its way reads its answer by it.
    pub policy: Arc<Policy>,
    pub class: ClassId,
}

impl ProbeTarget {
    fn ask(&self, parcel: Parcel) -> Option<&Ask> {
        match parcel.guise {
            Guise::Beside(nth) => self.besides.get(usize::from(nth)),
            Guise::Own | Guise::Reconnected | Guise::Forwarded(_) => self.clients.get(parcel.client),
        }
    }
}

/// A target that may be probed, and can be sent all that is to be asked of it.
pub struct Reached<'a> {
    target: &'a ProbeTarget,
    endpoint: Endpoint,
    tls: Security,
}

impl Reached<'_> {
    /// Looks the target up; nothing is sent.
    ///
    /// # Errors
    /// The target's address is wrong, cannot be looked up or is not allowed, or what is asked of it cannot be sent.
    pub fn of(target: &ProbeTarget) -> Result<Reached<'_>, LiveError> {
        let endpoint = Endpoint::resolve(&target.base_url, target.authorized)?;
        let tls = Security::of(&endpoint, target.ca_file.as_deref())?;
        target.clients.iter().chain(&target.besides).try_for_each(|ask| request::check(&endpoint, ask))?;
        Ok(Reached { target, endpoint, tls })
    }
}

/// How a probe went: an examination or a survey of streams.
pub struct ProbeEnd<P> {
    pub played: P,
    /// Stopped from outside, before it was done.
    pub interrupted: bool,
    pub ever_answered: bool,
    /// What went wrong with the last request that had no answer.
    pub trouble: Option<String>,
    pub took: Nanos,
}

impl<P> ProbeEnd<P> {
    fn begin(played: P) -> Self {
        ProbeEnd { played, interrupted: false, ever_answered: false, trouble: None, took: Nanos::ZERO }
    }

    /// Takes note of what went wrong with a request, or that it was answered.
    fn hear(&mut self, trouble: Option<String>) {
        self.ever_answered |= trouble.is_none();
        self.trouble = trouble.or(self.trouble.take());
    }
}

const CONNECT_TIMEOUT: Nanos = Nanos::from_secs(5);
/// A queue may hold an answer back for long.
const ANSWER_TIMEOUT: Nanos = Nanos::from_secs(120);
const MOST_BODY: usize = 1 << 20;

/// Plays the probe to its end, or until it is stopped. `now` is told to it by `clock`.
///
/// # Errors
/// The system gives no socket.
pub fn probe(
    reached: Reached<'_>,
    examination: Examination,
    clock: Clock,
    control: &Control,
) -> Result<ProbeEnd<Examination>, LiveError> {
    let Reached { target, endpoint, tls } = reached;
    let clients = Clients::new(&endpoint, &tls)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let timer = Timer::new(clock)?;
        let streams = Streams::new(&endpoint, tls.own, clock);
        let end = ProbeEnd::begin(examination);
        Ok(Driver { target, endpoint, clients, streams, clock, end }.play(timer, control).await?)
    })
}

/// Plays a survey to its end, or until it is stopped.
///
/// # Errors
/// As for [`probe`].
pub fn survey(
    reached: Reached<'_>,
    survey: Survey,
    clock: Clock,
    control: &Control,
) -> Result<ProbeEnd<Survey>, LiveError> {
    let Reached { target, endpoint, tls } = reached;
    let runtime = runtime()?;
    runtime.block_on(async {
        let mut timer = Timer::new(clock)?;
        let mut streams = Streams::new(&endpoint, tls.own, clock);
        let reader = Reader::of(target, clock);
        let mut stops = control.stops();
        let mut end = ProbeEnd::begin(survey);
        loop {
            if control.stopped() == Some(Stop::Asked) {
                end.interrupted = true;
                break;
            }
            let until = match end.played.next(clock.now()) {
                Order::Done => break,
                Order::Close(stream) => {
                    streams.close(stream as u64);
                    continue;
                }
                Order::Wait(until) => Some(until),
                Order::Open(opening) => {
                    let parcel = Parcel { client: opening.client, guise: opening.guise, count: 1 };
                    if let Some(ask) = target.ask(parcel) {
                        let left = end.played.deadline().map(|deadline| deadline.saturating_sub(clock.now()));
                        let patience = left.unwrap_or(ANSWER_TIMEOUT).clamp(Nanos::from_millis(1), ANSWER_TIMEOUT);
                        streams.open(opening.stream as u64, ask, patience);
                    }
                    None
                }
            };
            // What streams tell is taken in until then, or until the one that is being opened has its answer.
            loop {
                tokio::select! {
                    told = streams.told() => if end.take(told?, &reader) && until.is_none() { break },
                    reached = timer.reached(until) => { reached?; break }
                    _ = stops.changed() => break,
                }
            }
        }
        end.took = clock.now();
        Ok(end)
    })
}

impl ProbeEnd<Survey> {
    /// Whether it was the answer to a handshake.
    fn take(&mut self, told: Told, reader: &Reader) -> bool {
        match told {
            Told::Frame { stream } => self.played.frame(stream as usize),
            Told::Ended { stream, at, code } => self.played.closed(stream as usize, at, code),
            Told::Answered { sent, done, reply, .. } => {
                let opening = self.played.opening();
                let parcel = Parcel { client: opening.client, guise: opening.guise, count: 1 };
                let (witness, trouble) = reader.witness(parcel, sent, done, reply);
                self.hear(trouble);
                self.played.opened(witness);
                return true;
            }
        }
        false
    }
}

fn runtime() -> io::Result<LocalRuntime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())
}

/// What requests go out by.
struct Clients {
    /// Connections are kept, and the one that was used last is used next.
    keeping: reqwest::Client,
    /// Told of each that it opens.
    opened: UnboundedReceiver<Message>,
    has_opened: bool,
    reconnecting: reqwest::Client,
}

impl Clients {
    fn new(endpoint: &Endpoint, tls: &Security) -> Result<Clients, LiveError> {
        let (of_keeping, opened) = unbounded_channel();
        let (of_reconnecting, _nobody) = unbounded_channel();
        Ok(Clients {
            keeping: pool::client(endpoint, &tls.pooled, CONNECT_TIMEOUT, of_keeping)?,
            opened,
            has_opened: false,
            reconnecting: pool::reconnecting(endpoint, &tls.pooled, CONNECT_TIMEOUT, of_reconnecting)?,
        })
    }

    fn of(&self, guise: Guise) -> &reqwest::Client {
        if guise == Guise::Reconnected { &self.reconnecting } else { &self.keeping }
    }

    /// Whether more connections had to be opened since this was last asked: the first are no second ones.
    fn had_to_reopen(&mut self) -> bool {
        let mut opens = false;
        while self.opened.try_recv().is_ok() {
            opens = true;
        }
        let had_opened = self.has_opened;
        self.has_opened |= opens;
        had_opened && opens
    }
}

struct Driver<'a> {
    target: &'a ProbeTarget,
    endpoint: Endpoint,
    clients: Clients,
    streams: Streams,
    clock: Clock,
    end: ProbeEnd<Examination>,
}

impl Driver<'_> {
    async fn play(mut self, mut timer: Timer, control: &Control) -> io::Result<ProbeEnd<Examination>> {
        let mut stops = control.stops();
        let standstills = Watch::begin(self.clock);
        loop {
            if control.stopped() == Some(Stop::Asked) {
                self.end.interrupted = true;
                break;
            }
            match self.end.played.next(self.clock.now()) {
                Conduct::Done => break,
                Conduct::Wait(until) => tokio::select! {
                    reached = timer.reached(Some(until)) => reached?,
                    _ = stops.changed() => {}
                },
                Conduct::Send(parcel) => {
                    let sent = self.clock.now();
                    let deadline = self.end.played.deadline();
                    let answers = tokio::select! {
                        answers = send(self.target, &self.endpoint, &mut self.clients, &mut self.streams, self.clock, parcel) => answers,
                        reached = timer.reached(deadline) => reached.map(|()| unanswered(parcel, sent, self.clock.now()))?,
                        _ = stops.changed() => unanswered(parcel, sent, self.clock.now()),
                    };
                    self.take(answers);
                }
            }
        }
        self.end.played.stands_still(standstills.longest());
        self.end.took = self.clock.now();
        Ok(self.end)
    }

    fn take(&mut self, answers: Vec<(Witness, Option<String>)>) {
        let mut witnesses = Vec::with_capacity(answers.len());
        for (witness, trouble) in answers {
            self.end.hear(trouble);
            witnesses.push(witness);
        }
        self.end.played.answered(&witnesses);
    }
}

/// Sends a parcel and waits for all its answers, with what went wrong where there is none.
async fn send(
    target: &ProbeTarget,
    endpoint: &Endpoint,
    clients: &mut Clients,
    streams: &mut Streams,
    clock: Clock,
    parcel: Parcel,
) -> Vec<(Witness, Option<String>)> {
    let reader = Reader::of(target, clock);
    if let Some(ask) = target.ask(parcel).filter(|ask| ask.method == "WS") {
        let sent = clock.now();
        let reply = streams.knock(ask).await;
        return vec![reader.witness(parcel, sent, clock.now(), reply)];
    }
    clients.had_to_reopen();
    let client = clients.of(parcel.guise);
    let mut in_flight = JoinSet::new();
    for _ in 0..parcel.count {
        let request = request(target, endpoint, client, parcel);
        let (client, reader) = (client.clone(), reader.clone());
        in_flight.spawn_local(async move {
            let sent = clock.now();
            let answer = tokio::time::timeout(ANSWER_TIMEOUT.into(), async { ask(&client, request?).await }).await;
            let reply = answer.unwrap_or_else(|_elapsed| Err(format!("no whole answer within {ANSWER_TIMEOUT}")));
            reader.witness(parcel, sent, clock.now(), reply)
        });
    }
    let mut answers = in_flight.join_all().await;
    // A request alone says by that whether the server had kept its connection.
    if parcel.count == 1 && parcel.guise == Guise::Own && clients.had_to_reopen() {
        answers.iter_mut().for_each(|(witness, _)| witness.guise = Guise::Reconnected);
    }
    answers
}

/// They were sent, and nobody waits for their answers any more.
fn unanswered(parcel: Parcel, sent: Nanos, now: Nanos) -> Vec<(Witness, Option<String>)> {
    let one = || (Witness::lost(parcel, sent, now), Some("no answer came in time".to_owned()));
    (0..parcel.count).map(|_| one()).collect()
}

/// Reads answers by the policy.
#[derive(Clone)]
struct Reader {
    policy: Arc<Policy>,
    class: ClassId,
    clock: Clock,
}

impl Reader {
    fn of(target: &ProbeTarget, clock: Clock) -> Reader {
        Reader { policy: Arc::clone(&target.policy), class: target.class, clock }
    }

    /// What an answer says, or why there is none.
    fn witness(
        &self,
        parcel: Parcel,
        sent: Nanos,
        done: Nanos,
        reply: Result<Reply, String>,
    ) -> (Witness, Option<String>) {
        match reply {
            Ok(Reply { status, headers, body }) => {
                let received = Nanos(self.clock.anchor().unix_nanos).saturating_add(done);
                let (headers, body) = (&headers[..], &body[..]);
                let view = ResponseView { status, headers, body, received, class: Some(self.class) };
                (Witness::of(parcel, sent, done, &self.policy, view), None)
            }
            Err(trouble) => (Witness::lost(parcel, sent, done), Some(trouble)),
        }
    }
}

async fn ask(client: &reqwest::Client, request: reqwest::Request) -> Result<Reply, String> {
    let mut reply = Reply::default();
    let response = client.execute(request).await.map_err(|error| pool::trouble(error).detail)?;
    pool::read(response, &mut reply, true, MOST_BODY).await.map_err(|trouble| trouble.detail)?;
    Ok(reply)
}
