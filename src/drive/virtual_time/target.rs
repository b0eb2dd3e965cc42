//! The target in virtual time: enforces the policy, issues tokens, passes commands on, and knows plausible totals.
//!
//! It keeps what decides how requests are answered, not what a platform stores: bodies are not looked at. Requests of
//! another API than Tellus belong to the classes that the generic reference server puts them in; what their answers hold
//! is up to the client ([`crate::device::Device::imagine`]), and its credentials are not looked at.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use rustc_hash::FxHashSet;

use super::charging::{self, Charging};
use super::sites::{Site, Sites};
use super::traces::{Archive, Traces};
use crate::device::draws::Draws;
use crate::device::operator::sets::{DeviceSet, device_sets};
use crate::device::{Body, Command, CommandKind, Detail, Lane, Request};
use crate::limiter::enforcer::{Answered, Enforcer, NumberedScope, Refused};
use crate::policy::model::ClassId;
use crate::reference::http::HttpOut;
use crate::reference::{generic, quota_headers, refusal, tellus};
use crate::rng::device_rng;
use crate::scenario::fleet::{CommandDelivery, Question};
use crate::scenario::identity::KeyRule;
use crate::scenario::operation::Operation;
use crate::scenario::target::{Fault, ServerSpec};
use crate::scenario::{Asked, DeviceId, Group, GroupKind, Scenario};
use crate::signals::{ResetKind, http_date};
use crate::tellus::TellusOp;
use crate::time::Nanos;

/// All clients come from one address.
const ADDRESS: u64 = 1;
/// What the target's clock shows when the run begins, since the Unix epoch: the first moment of 2025.
const CLOCK: Nanos = Nanos::from_secs(1_735_689_600);
/// Commands that wait for one charger; of more, the oldest are dropped.
const MOST_COMMANDS: usize = 16;
/// What a batch control leaves of the power.
const POWER_PERCENT: u8 = 80;
/// A poll without a charger's group to say its wait is held for the documented default.
const DEFAULT_WAIT: Nanos = Nanos::from_secs(30);

/// What the target makes of a request.
#[derive(Debug)]
pub enum Reply {
    Served(Body),
    /// Served to a scripted client after a while, of whose API the target knows nothing: the client says what the body may
    /// hold.
    Scripted {
        after: Nanos,
    },
    Turned(Box<HttpOut>),
    /// A long poll without a command: answered when one comes, at the latest then.
    Hold {
        until: Nanos,
    },
}

/// The simulated target.
pub struct Target<'a> {
    scenario: &'a Scenario,
    spec: ServerSpec,
    /// Whether the first operations are those of the Tellus API.
    speaks_tellus: bool,
    enforcer: Enforcer,
    /// As the generic reference server has it.
    usual_hint: Option<String>,
    /// By operation.
    classes: Vec<Option<ClassId>>,
    /// The scopes of the policy by their numbers, ready to make keys of.
    rules: Vec<KeyRule>,
    /// By player.
    guests: Vec<Guest>,
    /// Of the devices at hand.
    registered: FxHashSet<DeviceId>,
    sites: Sites,
    /// The chargers that streams are about, by the number of their set; none where there is no stream.
    watched: Vec<DeviceSet>,
    commands: HashMap<u32, Commands>,
    commands_given: u32,
    /// Of the devices at hand.
    records: u32,
    /// Of all devices so far.
    traces: Traces,
    /// Of devices that were played before.
    archive: &'a Archive,
}

/// What the target knows of one device.
#[derive(Debug)]
struct Guest {
    device: DeviceId,
    /// Whether it is a charger that the platform knows.
    registered: bool,
    /// Until when its newest token is good.
    token: Nanos,
    /// Each has its own luck with an overloaded target.
    overload: Draws,
    harvest: Harvest,
    charging: Charging,
}

/// One charger's commands.
#[derive(Debug, Default)]
struct Commands {
    waiting: VecDeque<Command>,
    /// Delivered, without a status so far.
    delivered: u32,
}

/// How many records one client's harvest began at and found.
#[derive(Clone, Copy, Debug, Default)]
struct Harvest {
    from: u32,
    to: u32,
}

impl<'a> Target<'a> {
    pub fn new(scenario: &'a Scenario, archive: &'a Archive) -> Self {
        let spec = scenario.target.stand_in();
        let enforcer = Enforcer::new(&scenario.policy, &spec);
        let class = |operation: &Operation| {
            operation.class.or_else(|| generic::class_of(&scenario.policy, &operation.method, &operation.path))
        };
        let streams = scenario.groups.iter().any(has_streams);
        Target {
            classes: scenario.operations.iter().map(|(_, operation)| class(operation)).collect(),
            rules: enforcer.scopes().into_iter().map(|scope| scenario.identities.rule(scope)).collect(),
            enforcer,
            usual_hint: generic::usual_hint(&scenario.policy, &spec).filter(|_| !scenario.speaks_tellus()),
            spec,
            speaks_tellus: scenario.speaks_tellus(),
            guests: Vec::new(),
            registered: FxHashSet::default(),
            sites: Sites::default(),
            watched: if streams { device_sets(scenario).into_iter().collect() } else { Vec::new() },
            commands: HashMap::new(),
            commands_given: 0,
            records: 0,
            traces: Traces::default(),
            archive,
            scenario,
        }
    }

    /// Forgets everybody; the next guests are these, by player.
    pub fn expect(&mut self, devices: impl Iterator<Item = DeviceId>) {
        let seed = self.scenario.seed;
        let guest = |device: DeviceId| Guest {
            device,
            registered: false,
            token: Nanos::ZERO,
            overload: Draws::fork(&mut device_rng(seed, "overload", device.0)),
            harvest: Harvest::default(),
            charging: Charging::default(),
        };
        self.leave();
        self.guests.extend(devices.map(guest));
        self.enforcer.clear();
        self.registered.clear();
        self.sites.clear();
        self.commands.clear();
        self.commands_given = 0;
        self.records = 0;
    }

    /// How many of the guests' requests each limit refused; empty where none did.
    pub fn refusals(&self) -> Vec<u64> {
        let counts = self.enforcer.refusals();
        if counts.iter().any(|&count| count > 0) { counts.to_vec() } else { Vec::new() }
    }

    /// What all devices so far have left behind.
    pub fn into_traces(mut self) -> Traces {
        self.leave();
        self.traces
    }

    /// The guests go; what others read of them stays.
    fn leave(&mut self) {
        for Guest { device, charging, .. } in self.guests.drain(..) {
            self.traces.charged(device, charging.into_spans(Nanos::MAX));
        }
    }

    fn overloaded(&self) -> HttpOut {
        let status = self.scenario.policy.overload.status;
        match self.speaks_tellus {
            true => error(status, 9001, "Overloaded"),
            false => HttpOut::json(status, &serde_json::json!({ "error": "overloaded" })),
        }
    }

    /// Decides a request at the moment it reaches the server.
    pub fn receive(&mut self, now: Nanos, player: usize, device: DeviceId, request: &Request) -> Reply {
        let policy = &self.scenario.policy;
        if self.is_overloaded(now, player) {
            return Reply::Turned(Box::new(self.overloaded()));
        }
        let operation = self.operation(request);
        if operation.is_some_and(needs_token) && now >= self.guests[player].token {
            return Reply::Turned(Box::new(error(401, 2002, "Token expired")));
        }
        if let Some(class) = self.class(request) {
            let key = keys(self.scenario, &self.rules, device, request);
            if let Err(refused) = self.enforcer.check(now, class, self.address(device), key) {
                let mut response = refusal::refused(
                    policy,
                    &self.spec.faults,
                    refused.hint.as_ref().or(self.usual_hint.as_ref()).map(String::as_str),
                );
                response.headers.extend(self.quota_headers(now, class, device, request, Some(&refused)));
                return Reply::Turned(Box::new(response));
            }
        }
        match operation {
            Some(operation) => self.serve(now, player, device, operation, request),
            None => Reply::Scripted { after: self.spec.answers_after },
        }
    }

    /// Each device keeps to a connection of its own.
    fn address(&self, device: DeviceId) -> u64 {
        if self.has(Fault::KeyedByConnection) { device.0.into() } else { ADDRESS }
    }

    /// None for a request of a scripted client.
    pub fn operation(&self, request: &Request) -> Option<TellusOp> {
        TellusOp::from_id(request.operation).filter(|_| self.speaks_tellus)
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.spec.faults.contains(&fault)
    }

    /// Notes what a request that was served says of its sender to those who watch it over a stream. `charges` is asked what
    /// its telemetry says, which is not read.
    pub fn watch(&mut self, now: Nanos, player: usize, request: &Request, charges: impl FnOnce() -> bool) {
        if self.watched.is_empty() {
            return;
        }
        let operation = self.operation(request);
        let charging = &mut self.guests[player].charging;
        match operation {
            Some(TellusOp::Heartbeat) => charging.alive(now),
            Some(TellusOp::Telemetry) => charging.told(now, charges()),
            _ => {}
        }
    }

    /// What a stream brought that was open at these times.
    pub fn frames(&self, request: &Request, open: Range<Nanos>) -> u64 {
        if self.has(Fault::StreamsSilent) {
            return 0;
        }
        if self.operation(request).is_none() {
            return charging::frames(std::slice::from_ref(&open), &open, generic::FRAMES_EVERY);
        }
        let set = (request.detail.resource() as usize).checked_sub(1).and_then(|index| self.watched.get(index));
        let chargers = set.map_or(0..0, |set| set.first.0..set.first.0 + set.devices);
        chargers.map(|charger| self.frames_about(DeviceId(charger), &open)).sum()
    }

    /// A charger is a guest, or was one before.
    fn frames_about(&self, charger: DeviceId, open: &Range<Nanos>) -> u64 {
        match self.guests.binary_search_by_key(&charger, |guest| guest.device) {
            Ok(guest) => self.guests[guest].charging.frames(open, tellus::FRAMES_EVERY),
            Err(_) => charging::frames(self.archive.charging(charger), open, tellus::FRAMES_EVERY),
        }
    }

    /// Ends a request that was admitted at `since` and is served now, but for a stream, which goes on. What its answer
    /// says of quotas.
    pub fn answer(&mut self, now: Nanos, since: Nanos, device: DeviceId, request: &Request) -> Vec<(String, String)> {
        let Some(class) = self.class(request) else { return Vec::new() };
        let answered = Answered { since, status: 200, charged: None };
        let key = keys(self.scenario, &self.rules, device, request);
        self.enforcer.settle(now, class, self.address(device), key, &answered);
        if request.lane != Lane::Stream {
            self.release(device, request, since);
        }
        self.quota_headers(now, class, device, request, None)
    }

    /// What was admitted at `since` is over.
    pub fn release(&mut self, device: DeviceId, request: &Request, since: Nanos) {
        if let Some(class) = self.class(request) {
            let key = keys(self.scenario, &self.rules, device, request);
            self.enforcer.release(class, since, self.address(device), key);
        }
    }

    fn quota_headers(
        &mut self,
        now: Nanos,
        class: ClassId,
        device: DeviceId,
        request: &Request,
        refused: Option<&Refused>,
    ) -> Vec<(String, String)> {
        let policy = &self.scenario.policy;
        let Some(documented) = &policy.quota_headers else { return Vec::new() };
        let key = keys(self.scenario, &self.rules, device, request);
        let Some(binding) = self.enforcer.standing(now, class, self.address(device), key) else { return Vec::new() };
        let now = CLOCK.saturating_add(now);
        let mut headers = quota_headers::printed(policy, &self.spec.faults, class, &binding, refused, now);
        // A moment is read by the clock of whoever named it, which shows the second that has begun.
        if documented.reset.is_some_and(|kind| kind != ResetKind::SecondsLeft) {
            headers.push(("date".to_owned(), http_date(Nanos::from_secs(now.as_secs()))));
        }
        headers
    }

    /// The next command for a charger, as an answer to a poll.
    pub fn next_command(&mut self, device: DeviceId) -> Option<Body> {
        let commands = self.commands.get_mut(&device.0)?;
        let command = commands.waiting.pop_front()?;
        commands.delivered += 1;
        Some(Body::Commands(vec![command]))
    }

    fn class(&self, request: &Request) -> Option<ClassId> {
        self.classes[usize::from(request.operation.0)]
    }

    fn is_overloaded(&mut self, now: Nanos, player: usize) -> bool {
        let Some(overload) = self.spec.overload else { return false };
        let end = overload.lasting.map_or(Nanos::MAX, |lasting| overload.from.saturating_add(lasting));
        (overload.from..end).contains(&now) && self.guests[player].overload.chance(overload.share)
    }

    fn serve(&mut self, now: Nanos, player: usize, device: DeviceId, operation: TellusOp, request: &Request) -> Reply {
        let body = match operation {
            TellusOp::Register => {
                self.register(now, player, device);
                Body::Registered {
                    device_id: format!("dvc_{}", device.0).into(),
                    device_secret: format!("sk_{}", device.0).into(),
                }
            }
            TellusOp::OperatorToken | TellusOp::DeviceToken => {
                self.guests[player].token = now.saturating_add(self.spec.token_lifetime);
                Body::Token { value: "virtual".into(), lifetime: self.spec.token_lifetime }
            }
            TellusOp::Heartbeat => self.all_commands(device),
            TellusOp::PollCommands => match self.next_command(device) {
                Some(body) => body,
                None => return Reply::Hold { until: now.saturating_add(self.poll_wait(device)) },
            },
            TellusOp::Device | TellusOp::Start | TellusOp::Stop | TellusOp::Discharge | TellusOp::Schedule
                if !self.knows(now, DeviceId(request.detail.resource())) =>
            {
                return Reply::Turned(Box::new(error(404, 3001, "Device not found")));
            }
            TellusOp::Start => self.command(request, CommandKind::StartCharging),
            TellusOp::Stop => self.command(request, CommandKind::StopCharging),
            TellusOp::Discharge => self.command(request, CommandKind::Discharge),
            TellusOp::Schedule => self.command(request, CommandKind::SetSchedule),
            TellusOp::Flexibility => self.limit_everyone(),
            TellusOp::Command => Body::CommandState { done: self.is_settled(request) },
            TellusOp::CommandStatus => {
                if let Some(commands) = self.commands.get_mut(&device.0) {
                    commands.delivered = 0;
                }
                Body::None
            }
            TellusOp::UploadRecord => {
                self.records = self.records.saturating_add(1);
                self.traces.record(now);
                Body::None
            }
            TellusOp::Sites => page(request.detail, self.sites.count(self.archive, now)),
            TellusOp::Records => self.harvest(now, player, request.detail),
            TellusOp::Device
            | TellusOp::Energy
            | TellusOp::Stream
            | TellusOp::Telemetry
            | TellusOp::Event
            | TellusOp::FirmwareStatus => Body::None,
        };
        Reply::Served(body)
    }

    fn register(&mut self, now: Nanos, player: usize, device: DeviceId) {
        self.guests[player].registered = true;
        self.registered.insert(device);
        self.traces.registered(device, now);
        self.sites.insert(Site::of(self.scenario, device));
    }

    fn knows(&self, now: Nanos, charger: DeviceId) -> bool {
        self.registered.contains(&charger) || self.archive.knows(charger, now)
    }

    fn all_commands(&mut self, device: DeviceId) -> Body {
        match self.commands.get_mut(&device.0) {
            Some(commands) if !commands.waiting.is_empty() => {
                commands.delivered += commands.waiting.len() as u32;
                Body::Commands(commands.waiting.drain(..).collect())
            }
            _ => Body::None,
        }
    }

    /// Queues a command for the charger that the request names.
    fn command(&mut self, request: &Request, kind: CommandKind) -> Body {
        // Requests do not say here which connector they mean: the charger takes one that fits.
        let command = Command { command_id: self.next_id(), kind, connector: 0, power_percent: None };
        let command_id = command.command_id.clone();
        self.queue(request.detail.resource(), command);
        Body::CommandQueued { command_id }
    }

    /// A batch control over all sites has a command for each charger.
    fn limit_everyone(&mut self) -> Body {
        let known = self.guests.iter().filter(|guest| guest.registered);
        let chargers: Vec<u32> = known.map(|guest| guest.device.0).collect();
        for charger in chargers {
            let (kind, power_percent) = (CommandKind::SetPowerLimit, Some(POWER_PERCENT));
            let command = Command { command_id: self.next_id(), kind, connector: 0, power_percent };
            self.queue(charger, command);
        }
        Body::None
    }

    fn next_id(&mut self) -> Box<str> {
        self.commands_given += 1;
        format!("cmd_{}", self.commands_given).into()
    }

    fn queue(&mut self, charger: u32, command: Command) {
        let waiting = &mut self.commands.entry(charger).or_default().waiting;
        if waiting.len() >= MOST_COMMANDS {
            waiting.pop_front();
        }
        waiting.push_back(command);
    }

    /// Whether the charger that the request names has reported on all its commands.
    fn is_settled(&self, request: &Request) -> bool {
        let commands = self.commands.get(&request.detail.resource());
        commands.is_none_or(|commands| commands.waiting.is_empty() && commands.delivered == 0)
    }

    /// With a time filter, only what has come since the client's last harvest.
    fn harvest(&mut self, now: Nanos, player: usize, detail: Detail) -> Body {
        let harvest = &mut self.guests[player].harvest;
        if let Detail::Page { number: 1, time_filter, .. } = detail {
            let to = self.records.saturating_add(self.archive.records(now));
            *harvest = Harvest { from: if time_filter { harvest.to } else { 0 }, to };
        }
        page(detail, harvest.to - harvest.from)
    }

    fn poll_wait(&self, device: DeviceId) -> Nanos {
        match &self.scenario.group_of(device).kind {
            GroupKind::Chargers(spec) => match spec.commands {
                CommandDelivery::LongPoll { wait } => wait,
                CommandDelivery::Heartbeat => DEFAULT_WAIT,
            },
            GroupKind::Operators(_) | GroupKind::Clients(_) => DEFAULT_WAIT,
        }
    }
}

fn has_streams(group: &Group) -> bool {
    let GroupKind::Operators(spec) = &group.kind else { return false };
    spec.asks.iter().any(|ask| matches!(ask.what, Question::Stream { .. }))
}

fn error(status: u16, code: u32, message: &str) -> HttpOut {
    HttpOut::json(status, &serde_json::json!({ "code": code, "message": message }))
}

/// The documents ask for a token everywhere but where devices become known.
fn needs_token(operation: TellusOp) -> bool {
    !matches!(operation, TellusOp::OperatorToken | TellusOp::Register | TellusOp::DeviceToken)
}

/// Whose budget a request draws on, under each scope.
fn keys<'a>(
    scenario: &'a Scenario,
    rules: &'a [KeyRule],
    device: DeviceId,
    request: &'a Request,
) -> impl Fn(&NumberedScope) -> u64 + 'a {
    let asked = Asked { device, operation: request.operation, detail: request.detail };
    move |scope| scenario.key(&rules[scope.number], asked).0
}

/// One page of so many rows in all.
fn page(detail: Detail, total: u32) -> Body {
    let Detail::Page { number, size, .. } = detail else { return Body::Page { rows: total, total } };
    let before = size.saturating_mul(number.saturating_sub(1));
    Body::Page { rows: total.saturating_sub(before).min(size), total }
}
