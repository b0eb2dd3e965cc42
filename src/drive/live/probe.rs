//! Plays a probe against a target over real sockets: pooled connections, one request in flight on each.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::{LocalOptions, LocalRuntime};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use super::control::{Control, Stop};
use super::endpoint::Endpoint;
use super::link::Reply;
use super::run::LiveError;
use super::timer::Timer;
use super::{pool, tls};
use crate::clock::Clock;
use crate::policy::model::{ClassId, Policy};
use crate::policy::signals::ResponseView;
use crate::probe::Examination;
use crate::probe::conformance::conduct::Order;
use crate::probe::witness::{Parcel, Witness};
use crate::time::Nanos;

/// What a probe asks for, and of whom.
#[derive(Clone, Debug)]
pub struct ProbeTarget {
    /// As in [`super::LiveOptions::base_url`].
    pub base_url: String,
    /// Whether its owner allows the probe; loopback needs no word.
    pub authorized: bool,
    pub ca_file: Option<PathBuf>,
    pub method: String,
    /// With its query, if it has one.
    pub path: String,
    /// The headers of each client.
    pub clients: Vec<Vec<(String, String)>>,
    /// Every request on its way reads its answer by it.
    pub policy: Arc<Policy>,
    pub class: ClassId,
}

/// How a probe went.
pub struct ProbeEnd {
    pub examination: Examination,
    /// Stopped from outside, before it was done.
    pub interrupted: bool,
    pub ever_answered: bool,
    /// What went wrong with the last request that had no answer.
    pub trouble: Option<String>,
    pub took: Nanos,
}

const CONNECT_TIMEOUT: Nanos = Nanos::from_secs(5);
/// A queue may hold an answer back for long.
const ANSWER_TIMEOUT: Nanos = Nanos::from_secs(120);
const MOST_BODY: usize = 1 << 20;

/// Plays the probe to its end, or until it is stopped. `now` is told to it by `clock`.
///
/// # Errors
/// The target's address is wrong, cannot be looked up or is not allowed; the system gives no socket.
pub fn probe(
    target: &ProbeTarget,
    examination: Examination,
    clock: Clock,
    control: &Control,
) -> Result<ProbeEnd, LiveError> {
    let endpoint = Endpoint::resolve(&target.base_url, target.authorized)?;
    let tls = if endpoint.https { tls::verifying(target.ca_file.as_deref())? } else { tls::unused()? };
    // Nobody counts connections here.
    let (messages, _nobody) = unbounded_channel();
    let client = pool::client(&endpoint, &tls, CONNECT_TIMEOUT, messages)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let timer = Timer::new(clock)?;
        let end = ProbeEnd { examination, interrupted: false, ever_answered: false, trouble: None, took: Nanos::ZERO };
        Ok(Driver { target, endpoint, client, clock, end }.play(timer, control).await?)
    })
}

fn runtime() -> io::Result<LocalRuntime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())
}

struct Driver<'a> {
    target: &'a ProbeTarget,
    endpoint: Endpoint,
    client: reqwest::Client,
    clock: Clock,
    end: ProbeEnd,
}

impl Driver<'_> {
    async fn play(mut self, mut timer: Timer, control: &Control) -> io::Result<ProbeEnd> {
        let mut stops = control.stops();
        loop {
            if control.stopped() == Some(Stop::Asked) {
                self.end.interrupted = true;
                break;
            }
            match self.end.examination.next(self.clock.now()) {
                Order::Done => break,
                Order::Wait(until) => tokio::select! {
                    reached = timer.reached(Some(until)) => reached?,
                    _ = stops.changed() => {}
                },
                Order::Send(parcel) => tokio::select! {
                    answers = send(self.target, &self.endpoint, &self.client, self.clock, parcel) => self.take(answers),
                    _ = stops.changed() => {}
                },
            }
        }
        self.end.took = self.clock.now();
        Ok(self.end)
    }

    fn take(&mut self, answers: Vec<(Witness, Option<String>)>) {
        for (_, trouble) in &answers {
            self.end.ever_answered |= trouble.is_none();
            self.end.trouble = trouble.clone().or(self.end.trouble.take());
        }
        let witnesses: Vec<Witness> = answers.into_iter().map(|(witness, _)| witness).collect();
        self.end.examination.answered(&witnesses);
    }
}

/// Sends a parcel and waits for all its answers, with what went wrong where there is none.
async fn send(
    target: &ProbeTarget,
    endpoint: &Endpoint,
    client: &reqwest::Client,
    clock: Clock,
    parcel: Parcel,
) -> Vec<(Witness, Option<String>)> {
    let mut in_flight = JoinSet::new();
    for _ in 0..parcel.count {
        let request = request(target, endpoint, client, parcel);
        let (client, policy, class) = (client.clone(), Arc::clone(&target.policy), target.class);
        in_flight.spawn_local(async move {
            let sent = clock.now();
            let answer = tokio::time::timeout(ANSWER_TIMEOUT.into(), async { ask(&client, request?).await }).await;
            let done = clock.now();
            let trouble = match answer {
                Ok(Ok(Reply { status, headers, body })) => {
                    let received = Nanos(clock.anchor().unix_nanos).saturating_add(done);
                    let (headers, body) = (&headers[..], &body[..]);
                    let view = ResponseView { status, headers, body, received, class: Some(class) };
                    return (Witness::of(parcel, sent, done, &policy, view), None);
                }
                Ok(Err(trouble)) => trouble,
                Err(_elapsed) => format!("no whole answer within {ANSWER_TIMEOUT}"),
            };
            (Witness::lost(parcel, sent, done), Some(trouble))
        });
    }
    in_flight.join_all().await
}

fn request(
    target: &ProbeTarget,
    endpoint: &Endpoint,
    client: &reqwest::Client,
    parcel: Parcel,
) -> Result<reqwest::Request, String> {
    let method = reqwest::Method::from_bytes(target.method.as_bytes()).map_err(|error| error.to_string())?;
    let mut request = client.request(method, endpoint.url(&target.path));
    for (name, value) in target.clients.get(parcel.client).into_iter().flatten() {
        request = request.header(name, value);
    }
    if let Some((name, value)) = parcel.guise.header() {
        request = request.header(name, value);
    }
    // Not the error's own words: they may repeat a header's value.
    request.build().map_err(|_error| "the request cannot be built from these headers".to_owned())
}

async fn ask(client: &reqwest::Client, request: reqwest::Request) -> Result<Reply, String> {
    let mut reply = Reply::default();
    let response = client.execute(request).await.map_err(|error| pool::trouble(error).detail)?;
    pool::read(response, &mut reply, true, MOST_BODY).await.map_err(|trouble| trouble.detail)?;
    Ok(reply)
}
