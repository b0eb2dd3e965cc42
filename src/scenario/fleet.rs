//! The fleet: groups of like devices, and what each kind of device is told to do.

use std::fmt;

use super::client::ClientSpec;
use super::start::Start;
use crate::time::Nanos;

/// A device's number, counted over all groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u32);

/// Index of a group in the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u16);

impl GroupId {
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Devices `first .. first + count`, all alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: String,
    pub first: DeviceId,
    pub count: u32,
    pub kind: GroupKind,
}

impl Group {
    /// When its devices begin.
    pub fn start(&self) -> Start {
        match &self.kind {
            GroupKind::Chargers(spec) => spec.start,
            GroupKind::Operators(spec) => spec.start,
            GroupKind::Clients(spec) => spec.start,
        }
    }

    /// What the serial numbers of its chargers begin with.
    pub fn serial_prefix(&self) -> &str {
        match &self.kind {
            GroupKind::Chargers(spec) => spec.serial_prefix.as_deref().unwrap_or(&self.name),
            GroupKind::Operators(_) | GroupKind::Clients(_) => &self.name,
        }
    }

    /// A device's number within the group; None for another group's.
    pub fn index_of(&self, device: DeviceId) -> Option<u32> {
        device.0.checked_sub(self.first.0).filter(|&index| index < self.count)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum GroupKind {
    Chargers(Box<ChargerSpec>),
    Operators(OperatorSpec),
    /// Scripted clients of any API.
    Clients(Box<ClientSpec>),
}

impl GroupKind {
    /// Whether its devices speak the Tellus API.
    pub fn speaks_tellus(&self) -> bool {
        !matches!(self, GroupKind::Clients(_))
    }
}

/// A periodic schedule. The first tick comes after a random part of `every` (its phase); each tick then moves by up to
/// `jitter` of `every` in either direction around its place, so jitter never adds up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CadenceSpec {
    pub every: Nanos,
    /// Share of `every`, `0.0..=1.0`.
    pub jitter: f64,
}

/// What a charger does.
#[derive(Clone, Debug, PartialEq)]
pub struct ChargerSpec {
    /// What serial numbers begin with: the group's name where none is given.
    pub serial_prefix: Option<String>,
    pub connectors: u8,
    pub model: ChargerModel,
    pub start: Start,
    pub heartbeat: CadenceSpec,
    /// Per connector, while charging or discharging.
    pub telemetry: CadenceSpec,
    pub sessions: SessionSpec,
    pub commands: CommandDelivery,
    /// How long before its token ends a charger asks for the next.
    pub renew_before: Nanos,
    pub reaction: Reaction,
    /// After the connection is lost.
    pub reconnect: Backoff,
}

/// The hardware: sets power and voltage of sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct ChargerModel {
    pub name: String,
    /// Of one connector, kW.
    pub max_power_kw: f64,
    /// Line voltage, V.
    pub voltage: f64,
    pub phases: u8,
}

/// Charging sessions of one connector.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionSpec {
    /// Mean plug-ins per hour and connector, over a day.
    pub arrivals_per_hour: f64,
    /// Relative weight of each hour of the day (UTC); their mean is 1.
    pub shape: [f64; 24],
    /// Relative weight of each day of the week from Monday on; their mean is 1.
    pub week: [f64; 7],
    /// Length of a session: log-normal.
    pub duration: LogNormal,
    /// Share of sessions that discharge to the grid, `0.0..=1.0`.
    pub discharging: f64,
    /// Share of sessions that end in a fault, `0.0..=1.0`.
    pub faults: f64,
    /// Share of connectors already in a session when the run begins, `0.0..=1.0`; a run of a minute sees sessions at
    /// all only because of these.
    pub initially_busy: f64,
}

/// A log-normal length of time, given by two quantiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    pub median: Nanos,
    pub p95: Nanos,
}

/// How commands reach a charger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CommandDelivery {
    /// One poll per connector, each on a connection of its own, held open for up to `wait`; heartbeat replies count too.
    LongPoll { wait: Nanos },
    /// Only with heartbeat replies.
    Heartbeat,
}

/// What an operator's client does.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorSpec {
    pub credentials: Credentials,
    pub start: Start,
    pub asks: Vec<Ask>,
    pub reaction: Reaction,
    pub token: TokenHabit,
    /// How long before its token ends a client asks for the next.
    pub renew_before: Nanos,
}

/// Whose credentials the clients of a group use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A made-up `client_id` for each; the reference server takes them.
    Own,
    /// One made-up `client_id` for the whole group.
    Shared,
    /// One that the provider has given.
    Given { client_id: String, secret_env: String, secret: Secret },
}

/// A secret: no output shows it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl OperatorSpec {
    /// How the client of that index is known to the provider.
    pub fn client_id(&self, group: &str, index: u32) -> String {
        match &self.credentials {
            Credentials::Own => format!("{group}-{index}"),
            Credentials::Shared => group.to_owned(),
            Credentials::Given { client_id, .. } => client_id.clone(),
        }
    }

    /// What that client proves itself with. Of made-up clients the reference server expects this rule.
    pub fn client_secret(&self, group: &str, index: u32) -> String {
        match &self.credentials {
            Credentials::Given { secret, .. } => secret.0.clone(),
            Credentials::Own | Credentials::Shared => format!("secret-{}", self.client_id(group, index)),
        }
    }
}

/// Whether a client keeps its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHabit {
    Keep,
    /// A bad habit: a fresh token for every request.
    PerRequest,
}

/// One thing an operator's client does again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub what: Question,
    pub cadence: CadenceSpec,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// All pages of the site list; kept for `cache`, so that ticks within it send nothing (zero: never cached).
    Sites { page_size: u32, cache: Nanos },
    /// The details of each of the first `devices` chargers of a group, once per tick: polling, when the cadence is short.
    DeviceDetails { group: GroupId, devices: u32 },
    /// All pages of the charging records since the last harvest (with `time_filter`) or of all time.
    Harvest { page_size: u32, time_filter: bool },
    /// Aggregated energy of the last day.
    Energy,
    /// Starts and, a while later, stops a session on one charger of a group, each followed until its status is final
    /// (asked for every `follow`).
    StartStop { group: GroupId, hold: Nanos, follow: Nanos },
    /// One batch control over all sites.
    Flexibility,
    /// Keeps streams open over the first `devices` chargers of a group, each over at most `per_connection` of them; the
    /// cadence says how soon a lost one is opened again.
    Stream { group: GroupId, devices: u32, per_connection: u32 },
}

/// What a client does when it is refused (429) or the server is overloaded (503, 500).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reaction {
    /// As documented: wait as told, else `min(initial * 2^i, max)`, plus jitter; never sooner.
    Obey(Backoff),
    /// Exponential backoff that ignores what the server says.
    Exponential(Backoff),
    /// Sends again at once, up to so many attempts in all.
    Stubborn { attempts: u32 },
    /// Drops the operation at the first refusal.
    GiveUp,
    /// Stops before it is refused: when an answer says that nothing remains of a class, it sends nothing of that class for
    /// the window that the answer tells.
    Preempt(Preempt),
}

/// What a client that heeds what remains does where that is not enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preempt {
    /// The wait after an overload, and after a refusal that tells none.
    pub default_retry_time: Nanos,
    /// How often it tries again after an overload.
    pub maximum_retries: u32,
    /// Attempts in all at what is refused.
    pub attempts: u32,
}

impl Preempt {
    /// A wait that is always the same, for what is lost otherwise.
    pub fn backoff(&self) -> Backoff {
        let wait = self.default_retry_time;
        Backoff { initial: wait, max: wait, jitter: 0.0, attempts: self.attempts }
    }
}

impl Reaction {
    /// How lost connections and refused tokens are waited out: as refusals are, or as documented where the reaction to
    /// those knows no wait.
    pub fn backoff(&self) -> Backoff {
        match *self {
            Reaction::Obey(backoff) | Reaction::Exponential(backoff) => backoff,
            Reaction::Stubborn { attempts } => Backoff { attempts, ..Backoff::DOCUMENTED },
            Reaction::GiveUp => Backoff { attempts: 1, ..Backoff::DOCUMENTED },
            Reaction::Preempt(preempt) => preempt.backoff(),
        }
    }
}

/// `min(initial * 2^i, max)` plus up to `jitter` of it, for at most `attempts` attempts in all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    pub initial: Nanos,
    pub max: Nanos,
    /// Share of the wait that may be added, `0.0..=1.0`.
    pub jitter: f64,
    pub attempts: u32,
}

impl Backoff {
    /// The Tellus rate-limit guide's sample client: `min(2^i, 30)` s, up to 30 % added, six attempts.
    pub const DOCUMENTED: Backoff =
        Backoff { initial: Nanos::from_secs(1), max: Nanos::from_secs(30), jitter: 0.3, attempts: 6 };

    /// The wait before attempt `failed + 1`, without jitter; `failed` counts from 1.
    pub fn wait(&self, failed: u32) -> Nanos {
        let doubled = 1u64.checked_shl(failed.saturating_sub(1)).unwrap_or(u64::MAX);
        Nanos(self.initial.0.saturating_mul(doubled)).min(self.max)
    }
}
