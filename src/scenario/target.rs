//! What the fleet talks to.

use crate::policy::reading::Reading;
use crate::time::Nanos;

#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The built-in reference server, on loopback, for the length of the run.
    Embedded(ServerSpec),
    Remote(RemoteSpec),
}

/// A server under test.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteSpec {
    /// `http` or `https`, with host and port; the API's paths are appended.
    pub url: String,
    /// Whether its owner allows this test; loopback needs no word.
    pub authorized: bool,
    /// A PEM file with certificates to trust besides the system's.
    pub ca_file: Option<std::path::PathBuf>,
}

/// How the reference server behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSpec {
    /// The algorithm its limits are enforced with.
    pub limiter: Reading,
    pub token_lifetime: Nanos,
    /// How long it takes over an answer; as quick as it can where that is zero. In virtual time it is always zero.
    pub answers_after: Nanos,
    /// The scopes of which its clients have one value in all: no request needs to show it.
    pub common: Vec<String>,
    pub overload: Option<OverloadSpec>,
    /// Whether penalties are enforced of which the provider names a length but not what it is for.
    pub throttle: bool,
    /// Deliberate defects, to show that the checks catch them.
    pub faults: Vec<Fault>,
}

impl Default for ServerSpec {
    fn default() -> Self {
        ServerSpec {
            limiter: Reading::Rolling,
            token_lifetime: Nanos::from_secs(86_400),
            answers_after: Nanos::ZERO,
            common: Vec::new(),
            overload: None,
            throttle: false,
            faults: Vec::new(),
        }
    }
}

/// A share of requests is answered 503 while it lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverloadSpec {
    /// `0.0..=1.0`.
    pub share: f64,
    pub from: Nanos,
    /// None: to the end.
    pub lasting: Option<Nanos>,
}

/// A deliberate defect of the reference server. The names are those of the command line and of profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Admits half as much again as the policy allows.
    AdmitsTooMuch,
    /// Refuses at half of what the policy allows.
    RefusesTooEarly,
    /// The hint is a third of the true wait (at least a second too short).
    HintTooShort,
    /// The hint stands in milliseconds where the policy says seconds.
    HintWrongUnit,
    /// The hint is a fraction.
    HintFraction,
    /// Every limit is kept per address instead of per its scope.
    KeyedByAddress,
    /// Refuses with the right status and another body.
    WrongRefusalBody,
    /// Refuses with status 403 and the right body.
    WrongRefusalStatus,
    /// Lets any number of streams through.
    StreamsUnlimited,
    /// Opens streams and sends nothing over them.
    StreamsSilent,
    /// Closes each stream after [`CUT_AFTER`].
    StreamsCut,
    /// Answers carry no quota headers.
    HeadersMissing,
    /// The quota headers' remaining count never falls.
    RemainingStuck,
    /// The quota headers tell a limit of 1000, whatever is enforced.
    LimitDrift,
    /// The quota headers tell a window of twice its length.
    WindowWrong,
    /// Refusals carry no hint when to come back.
    HintMissing,
}

impl Fault {
    pub const ALL: [Fault; 16] = [
        Fault::AdmitsTooMuch,
        Fault::RefusesTooEarly,
        Fault::HintTooShort,
        Fault::HintWrongUnit,
        Fault::HintFraction,
        Fault::KeyedByAddress,
        Fault::WrongRefusalBody,
        Fault::WrongRefusalStatus,
        Fault::StreamsUnlimited,
        Fault::StreamsSilent,
        Fault::StreamsCut,
        Fault::HeadersMissing,
        Fault::RemainingStuck,
        Fault::LimitDrift,
        Fault::WindowWrong,
        Fault::HintMissing,
    ];
}

/// When [`Fault::StreamsCut`] closes a stream, and with which code: going away (RFC 6455, section 7.4.1).
pub const CUT_AFTER: Nanos = Nanos::from_secs(10);
pub const CUT_CODE: u16 = 1001;

/// The network between fleet and target in virtual time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Round trip, log-normal.
    pub latency_median: Nanos,
    pub latency_p99: Nanos,
    /// Share of requests whose connection is lost, `0.0..=1.0`.
    pub loss: f64,
}

impl Default for Network {
    fn default() -> Self {
        Network { latency_median: Nanos::from_millis(40), latency_p99: Nanos::from_millis(300), loss: 0.0 }
    }
}
