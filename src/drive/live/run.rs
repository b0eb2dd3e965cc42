//! A whole run: the target is looked up, the shards are started together, their results are gathered.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::runtime::{LocalOptions, LocalRuntime};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::spawn_local;

use super::control::{Control, Stop};
use super::endpoint::Endpoint;
use super::link::Link;
use super::pool;
use super::shard::{Shard, ShardEnd};
use super::timer::Timer;
use super::tls::Security;
use crate::clock::Clock;
use crate::device::Device;
use crate::policy::model::Policy;
use crate::record::Observer;
use crate::scenario::target::Target;
use crate::scenario::{DeviceId, Scenario};
use crate::time::{Anchor, Nanos};

/// What a run needs besides its scenario.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// `http` or `https`, with host, port and maybe a path; the API's paths are appended.
    pub base_url: String,
    pub control: Control,
    /// For a connection to be opened, TLS included.
    pub connect_timeout: Nanos,
    /// How long answers are awaited after the end.
    pub drain: Nanos,
    /// Longest body of an answer, in bytes.
    pub max_body: usize,
}

impl LiveOptions {
    pub fn new(base_url: impl Into<String>) -> Self {
        LiveOptions {
            base_url: base_url.into(),
            control: Control::default(),
            connect_timeout: Nanos::from_secs(5),
            drain: Nanos::from_secs(5),
            max_body: 1 << 20,
        }
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct LiveEnd<O> {
    /// In the order of the partition.
    pub observers: Vec<O>,
    /// When the last shard stopped sending; answers may have come for a while after it.
    pub ended: Nanos,
    /// Why it was stopped before its time.
    pub stopped: Option<Stop>,
    /// Whether any connection to the target was ever opened.
    pub ever_connected: bool,
    /// Whether anything ever answered in HTTP.
    pub ever_answered: bool,
    pub connections: u64,
    /// What the system said of the last attempt to connect, where none ever succeeded.
    pub connect_error: Option<String>,
    /// Requests written a second time because the server had just closed the connection that was kept alive.
    pub stale_retries: u64,
    pub peak_in_flight: u64,
    pub anchor: Anchor,
}

/// Why a run could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error("`{url}` is no address of a target: {why}; write http://HOST:PORT or https://HOST")]
    InvalidUrl { url: String, why: String },
    #[error("the target `{host}` cannot be looked up: {why}; check the name and this machine's network")]
    Resolve { host: String, why: String },
    #[error(
        "the target `{host}` is another machine ({address}), and the profile does not say that its owner allows this \
         test; if so, add `authorized: true` to its target"
    )]
    NotAuthorized { host: String, address: IpAddr },
    #[error("the certificates in {} cannot be used: {why}; `ca_file` names a PEM file", file.display())]
    CaFile { file: PathBuf, why: String },
    #[error(
        "the target speaks http, so that nobody looks at the certificates in {}: name the target as https://…, or leave \
         them out", .0.display()
    )]
    NeedlessCaFile(PathBuf),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    #[error("the live driver cannot start or go on: {0}")]
    System(#[from] io::Error),
}

/// Plays a scenario's devices against a target. `partition` says which shard plays which devices; each shard is a
/// thread, which makes its own devices and, told when the run began, its observer. Returns when all shards have come to their end.
pub fn run<D, O>(
    scenario: &Scenario,
    options: &LiveOptions,
    partition: Vec<Vec<DeviceId>>,
    make_device: impl Fn(DeviceId) -> D + Sync,
    make_observer: impl Fn(Anchor) -> O + Sync,
) -> Result<LiveEnd<O>, LiveError>
where
    D: Device + 'static,
    O: Observer + Send + 'static,
{
    let target = Connections::to(scenario, options)?;
    let scenario = &Arc::new(scenario.clone());
    let (ready, all_ready) = mpsc::channel();
    let results = thread::scope(|scope| {
        let mut shards = Vec::new();
        for (index, ids) in partition.into_iter().enumerate() {
            let (start, started) = mpsc::channel::<Clock>();
            let (ready, target, make_device, make_observer) = (ready.clone(), &target, &make_device, &make_observer);
            let body = move || {
                let runtime = runtime()?;
                let devices = ids.into_iter().map(|id| (id, make_device(id))).collect();
                let _ = ready.send(());
                // Kept until now only: a shard that fails before it is ready must not be waited for.
                drop(ready);
                let Ok(clock) = started.recv() else { return Ok(None) };
                let observer = make_observer(clock.anchor());
                play(&runtime, clock, scenario, options, target, observer, devices).map(Some)
            };
            shards.push((start, thread::Builder::new().name(format!("shard-{index}")).spawn_scoped(scope, body)?));
        }
        drop(ready);
        // The clock starts when every shard has made its devices, so that making them makes none of them late.
        let all = all_ready.iter().count() == shards.len();
        let clock = Clock::start();
        let (starts, threads): (Vec<_>, Vec<_>) = shards.into_iter().unzip();
        for start in starts.into_iter().filter(|_| all) {
            let _ = start.send(clock);
        }
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        let ends = threads.into_iter().map(join).collect::<Result<Vec<Option<(O, ShardEnd)>>, LiveError>>()?;
        Ok::<_, LiveError>((clock, ends))
    });
    let (clock, ends) = results?;
    Ok(gather(clock, &options.control, ends.into_iter().flatten()))
}

fn gather<O>(clock: Clock, control: &Control, ends: impl Iterator<Item = (O, ShardEnd)>) -> LiveEnd<O> {
    let mut whole = LiveEnd {
        observers: Vec::new(),
        ended: Nanos::ZERO,
        stopped: control.stopped(),
        ever_connected: control.ever_connected(),
        ever_answered: false,
        connections: 0,
        connect_error: None,
        stale_retries: 0,
        peak_in_flight: control.counts().peak_in_flight,
        anchor: clock.anchor(),
    };
    for (observer, end) in ends {
        whole.observers.push(observer);
        whole.ended = whole.ended.max(end.ended);
        whole.ever_answered |= end.answered;
        whole.connections += end.connections;
        whole.stale_retries += end.stale_retries;
        whole.connect_error = whole.connect_error.or(end.connect_error);
    }
    whole.connect_error = whole.connect_error.filter(|_| !whole.ever_connected);
    whole
}

/// What all shards need to open connections.
struct Connections {
    endpoint: Arc<Endpoint>,
    tls: Security,
}

impl Connections {
    fn to(scenario: &Scenario, options: &LiveOptions) -> Result<Self, LiveError> {
        let (authorized, ca_file) = match &scenario.target {
            Target::Embedded(_) => (false, None),
            Target::Remote(remote) => (remote.authorized, remote.ca_file.as_deref()),
        };
        let endpoint = Arc::new(Endpoint::resolve(&options.base_url, authorized)?);
        let tls = Security::of(&endpoint, ca_file)?;
        Ok(Connections { endpoint, tls })
    }
}

fn runtime() -> io::Result<LocalRuntime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())
}

/// One shard's run, on its own thread.
fn play<D: Device + 'static, O: Observer + 'static>(
    runtime: &LocalRuntime,
    clock: Clock,
    scenario: &Arc<Scenario>,
    options: &LiveOptions,
    target: &Connections,
    observer: O,
    devices: Vec<(DeviceId, D)>,
) -> Result<(O, ShardEnd), LiveError> {
    let (messages, inbox) = unbounded_channel();
    let of_pool = messages.clone();
    let link = Rc::new(Link {
        clock,
        endpoint: target.endpoint.clone(),
        tls: target.tls.own.clone(),
        connect_timeout: options.connect_timeout,
        max_body: options.max_body,
        headers_of_served: served_answers_tell(&scenario.policy),
        closing: Cell::new(false),
        messages,
        scratch: RefCell::new(vec![0; 16 * 1024].into_boxed_slice()),
    });
    runtime.block_on(async {
        let client = pool::client(&target.endpoint, &target.tls.pooled, options.connect_timeout, of_pool)?;
        let timer = Timer::new(clock)?;
        let (scenario, control) = (scenario.clone(), options.control.clone());
        let shard = Shard::new(scenario, control, link, inbox, client, observer, devices, options.drain);
        // A task among its connections' tasks: what they tell it then needs no system call to wake it.
        let end = spawn_local(shard.run(timer)).await;
        Ok(end.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?)
    })
}

/// Whether the headers of a served answer can say something: of quotas, or that it is a refusal after all.
fn served_answers_tell(policy: &Policy) -> bool {
    let refusal = &policy.refusal;
    let statuses = std::iter::once(refusal.status).chain(refusal.other_forms.iter().map(|form| form.status));
    policy.quota_headers.is_some() || statuses.min().is_some_and(|status| status < 400)
}
