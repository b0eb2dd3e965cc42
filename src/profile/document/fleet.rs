//! Groups of devices as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::ask::AskDocument;
use super::client::ClientsDocument;
use crate::time::Nanos;
use crate::yaml::quantity::{Delay, Interval, Length, Name, Number, Percent, Power, Rate, Voltage, Whole};
use crate::yaml::{Located, Short, Words};

/// A group of like devices.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GroupDocument {
    /// Chargers: they register, send heartbeats and telemetry, report events and records, and take commands.
    Chargers(Box<ChargersDocument>),
    /// Clients of an operator's back end.
    Operators(Box<OperatorsDocument>),
    /// Clients of any HTTP API, with the requests that are written here.
    Clients(Box<ClientsDocument>),
}

/// A group of like chargers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargersDocument {
    /// How many.
    pub count: Whole<1, 1_000_000>,
    /// What their serial numbers begin with; the group's name when left out. A platform that remembers chargers refuses to
    /// register one twice: give every run against it another prefix.
    pub serial_prefix: Option<Located<Name>>,
    /// Connectors of each; 1 when left out.
    #[serde(default = "one")]
    pub connectors: Whole<1, 32>,
    /// The hardware; an AC charger of 22 kW when left out.
    #[serde(default)]
    pub model: ModelDocument,
    /// How they boot.
    #[serde(default)]
    pub start: StartDocument,
    /// Heartbeats; every 30s with a jitter of 10% when left out.
    #[serde(default = "heartbeat")]
    pub heartbeat: CadenceDocument,
    /// Telemetry of each connector while it charges or discharges; every 5s with a jitter of 5% when left out.
    #[serde(default = "telemetry")]
    pub telemetry: CadenceDocument,
    /// Charging sessions.
    #[serde(default)]
    pub sessions: SessionsDocument,
    /// How commands reach them: `long_poll` (when left out) or `heartbeat`.
    #[serde(default)]
    pub commands: Short<CommandsDocument>,
    /// How long before its token ends a charger asks for the next; 2m when left out.
    #[serde(default = "renew_before")]
    pub renew_before: Located<Delay>,
    /// What they do when refused: `obey` (when left out), `exponential`, `stubborn`, `give_up` or `preempt`.
    #[serde(default)]
    pub reaction: Short<ReactionDocument>,
    /// How they come back after losing the connection.
    #[serde(default)]
    pub reconnect: ReconnectDocument,
}

/// A group of like clients of operators.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorsDocument {
    /// How many.
    pub count: Whole<1, 10_000>,
    /// `own` (when left out): a made-up `client_id` for each. `shared`: instances of one `client_id`, which share its
    /// quota. `given`: instances of a client that the provider knows, with the secret from the environment.
    #[serde(default)]
    pub credentials: CredentialsDocument,
    /// How they start.
    #[serde(default)]
    pub start: StartDocument,
    /// What each of them asks for again and again; nothing when left out.
    #[serde(default)]
    pub asks: Vec<Located<AskDocument>>,
    /// What they do when refused: `obey` (when left out), `exponential`, `stubborn`, `give_up` or `preempt`.
    #[serde(default)]
    pub reaction: Short<ReactionDocument>,
    /// `keep` (when left out): one token for its whole lifetime. `per_request`: a fresh one each time, a bad habit.
    #[serde(default)]
    pub token: TokenDocument,
    /// How long before its token ends a client asks for the next; 2m when left out.
    #[serde(default = "renew_before")]
    pub renew_before: Located<Delay>,
}

/// The hardware of a charger.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelDocument {
    /// What it is called; TP-AC22 when left out.
    pub name: String,
    /// Highest power of one connector; 22kW when left out.
    pub power: Power,
    /// Line voltage; 230V when left out.
    pub voltage: Voltage,
    /// 3 when left out.
    pub phases: Whole<1, 3>,
}

/// How devices start.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StartDocument {
    /// Each starts at a random moment within this time; 10s when left out.
    pub spread: Delay,
    /// How the group grows while it is played; all are there from the beginning when left out.
    pub growth: Option<GrowthDocument>,
}

/// A group that grows while it is played.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrowthDocument {
    /// So many are there from the beginning.
    pub from: Located<Whole<0, 1_000_000>>,
    /// The others come one after the other, evenly over this time.
    pub over: Length,
}

/// A periodic schedule.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CadenceDocument {
    /// The time between two.
    pub every: Interval,
    /// How far each moves around its place, as a share of `every`; 0% when left out.
    #[serde(default = "none")]
    pub jitter: Percent,
}

/// Charging sessions of one connector.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionsDocument {
    /// Mean plug-ins for each connector; 0.5/h when left out.
    pub arrivals: Rate,
    /// How long a vehicle charges; a median of 45m and a p95 of 3h when left out.
    pub duration: SessionLengthDocument,
    /// Relative weights of the 24 hours of a day (UTC) for arrivals; all alike when left out.
    pub shape: Option<Located<Vec<Number>>>,
    /// Relative weights of the 7 days of a week for arrivals, from Monday on; all alike when left out.
    pub week: Option<Located<Vec<Number>>>,
    /// Share of sessions that discharge to the grid; 0% when left out.
    pub discharging: Percent,
    /// Share of sessions that end in a fault; 0% when left out.
    pub faults: Percent,
    /// Share of connectors in a session when the run begins; 30% when left out. A short run has sessions because of it.
    pub initially_busy: Percent,
}

/// A log-normal length, by two quantiles.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionLengthDocument {
    /// Half of them are shorter.
    pub median: Length,
    /// One in twenty is longer.
    pub p95: Located<Length>,
}

/// How commands reach a charger.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CommandsDocument {
    /// One long poll for each connector, on a connection of its own; heartbeat replies count too.
    LongPoll(LongPollDocument),
    /// Only with heartbeat replies.
    Heartbeat {},
}

/// A long poll.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LongPollDocument {
    /// How long the server may hold it open, 1s to 60s in whole seconds; 30s when left out.
    pub wait: Option<Located<Length>>,
}

/// What a client does when it is refused (429) or the server is overloaded (503).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ReactionDocument {
    /// Waits as told; without a hint `initial`, doubled each time up to `max`. Jitter is only added: never sooner.
    Obey(BackoffDocument),
    /// The same backoff, but ignores what the server says.
    Exponential(BackoffDocument),
    /// Sends again at once.
    Stubborn(StubbornDocument),
    /// Drops the operation at the first refusal.
    GiveUp {},
    /// Stops before it is refused: once an answer says that nothing of a class remains, sends nothing of that class for the
    /// window that the answer tells. For providers whose answers carry quota headers; chargers only react to refusals.
    Preempt(PreemptDocument),
}

/// `initial`, doubled with each failure up to `max`, plus up to `jitter` of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BackoffDocument {
    /// The first wait; 1s when left out.
    pub initial: Length,
    /// The longest wait; 30s when left out.
    pub max: Option<Located<Length>>,
    /// How much of the wait is added at random; 30% when left out.
    pub jitter: Percent,
    /// Attempts in all; 6 when left out.
    pub attempts: Whole<1, 1_000>,
}

/// Sends again at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StubbornDocument {
    /// Attempts in all; 6 when left out.
    pub attempts: Whole<1, 1_000>,
}

/// What a client that heeds what remains does where that is not enough. Refused, it waits as it is told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PreemptDocument {
    /// The wait after an overload, and after a refusal that tells none; 5s when left out.
    pub default_retry_time: Length,
    /// How often it tries again after an overload; 1 when left out.
    pub maximum_retries: Whole<0, 1_000>,
    /// Attempts in all at what is refused; 6 when left out.
    pub attempts: Whole<1, 1_000>,
}

/// How devices come back after losing the connection: `initial`, doubled up to `max`, plus up to `jitter` of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReconnectDocument {
    /// The first wait; 1s when left out.
    pub initial: Length,
    /// The longest wait; 30s when left out.
    pub max: Option<Located<Length>>,
    /// How much of the wait is added at random; 30% when left out.
    pub jitter: Percent,
}

/// Whose credentials the clients of a group use.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsDocument {
    /// A made-up `client_id` for each client, which the embedded server takes.
    #[default]
    Own,
    /// One made-up `client_id` for the whole group.
    Shared,
    /// One `client_id` that the provider has given, for the whole group.
    Given(GivenCredentialsDocument),
}

/// Credentials that a provider has given. The secret itself never stands in a profile.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenCredentialsDocument {
    /// As the provider has named the client.
    pub client_id: Name,
    /// The environment variable that holds the secret when the run begins.
    pub secret_env: Name,
}

/// Whether a client keeps its token.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenDocument {
    /// One token for its whole lifetime.
    #[default]
    Keep,
    /// A fresh token for every request.
    PerRequest,
}

impl Words for CommandsDocument {
    const WORDS: &'static [&'static str] = &["long_poll", "heartbeat"];
}

impl Words for ReactionDocument {
    const WORDS: &'static [&'static str] = &["obey", "exponential", "stubborn", "give_up", "preempt"];
}

impl Default for ModelDocument {
    fn default() -> Self {
        ModelDocument { name: "TP-AC22".into(), power: Power(22.0), voltage: Voltage(230.0), phases: Whole(3) }
    }
}

impl Default for StartDocument {
    fn default() -> Self {
        StartDocument { spread: Delay(Nanos::from_secs(10)), growth: None }
    }
}

impl Default for SessionsDocument {
    fn default() -> Self {
        SessionsDocument {
            arrivals: Rate { per_hour: 0.5 },
            duration: SessionLengthDocument {
                median: Length(Nanos::from_secs(45 * 60)),
                p95: Located::unplaced(Length(Nanos::from_secs(3 * 3_600))),
            },
            shape: None,
            week: None,
            discharging: none(),
            faults: none(),
            initially_busy: Percent(0.3),
        }
    }
}

impl Default for Short<CommandsDocument> {
    fn default() -> Self {
        Short(CommandsDocument::LongPoll(LongPollDocument::default()))
    }
}

impl Default for Short<ReactionDocument> {
    fn default() -> Self {
        Short(ReactionDocument::Obey(BackoffDocument::default()))
    }
}

impl Default for BackoffDocument {
    fn default() -> Self {
        BackoffDocument { initial: Length(Nanos::from_secs(1)), max: None, jitter: Percent(0.3), attempts: Whole(6) }
    }
}

impl Default for StubbornDocument {
    fn default() -> Self {
        StubbornDocument { attempts: Whole(6) }
    }
}

impl Default for PreemptDocument {
    fn default() -> Self {
        PreemptDocument {
            default_retry_time: Length(Nanos::from_secs(5)),
            maximum_retries: Whole(1),
            attempts: Whole(6),
        }
    }
}

impl Default for ReconnectDocument {
    fn default() -> Self {
        ReconnectDocument { initial: Length(Nanos::from_secs(1)), max: None, jitter: Percent(0.3) }
    }
}

fn one() -> Whole<1, 32> {
    Whole(1)
}

fn none() -> Percent {
    Percent(0.0)
}

fn heartbeat() -> CadenceDocument {
    CadenceDocument { every: Interval(Nanos::from_secs(30)), jitter: Percent(0.1) }
}

fn telemetry() -> CadenceDocument {
    CadenceDocument { every: Interval(Nanos::from_secs(5)), jitter: Percent(0.05) }
}

fn renew_before() -> Located<Delay> {
    Located::unplaced(Delay(Nanos::from_secs(120)))
}
