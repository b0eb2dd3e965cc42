//! What the fleet talks to.

use crate::policy::reading::Reading;
use crate::time::Nanos;

#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The built-in reference server, on loopback, for the length of the run.
    Embedded(ServerSpec),
    Remote(RemoteSpec),
}

impl Target {
    /// The server that stands in for it where nothing is sent to a remote one: that becomes what its policy says.
    pub fn stand_in(&self) -> ServerSpec {
        match self {
            Target::Embedded(spec) => spec.clone(),
            Target::Remote(_) => ServerSpec::default(),
        }
    }
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

/// A deliberate defect of the reference server. The names are those of the command line and of profiles; the other name of
/// some is that under which the defect is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Admits half as much again as the policy allows.
    AdmitsTooMuch,
    /// Refuses at half of what the policy allows.
    RefusesTooEarly,
    /// The hint is a third of the true wait (at least a second too short).
    #[serde(alias = "RA-SHORT")]
    HintTooShort,
    /// The hint stands in milliseconds where the policy says seconds.
    #[serde(alias = "RA-UNIT")]
    HintWrongUnit,
    /// The hint is a fraction.
    #[serde(alias = "RA-FRACTION")]
    HintFraction,
    /// The hint is always 0.
    #[serde(alias = "RA-ZERO")]
    HintZero,
    /// The hint is negative.
    #[serde(alias = "RA-NEG")]
    HintNegative,
    /// The hint is the whole window, not what is left of it.
    #[serde(alias = "RA-WINDOW")]
    HintWholeWindow,
    /// The hint names one moment for all: the end of the window on the clock that follows the true one.
    #[serde(alias = "HERD")]
    HintSameMoment,
    /// Refusals carry no hint when to come back.
    #[serde(alias = "RA-MISSING")]
    HintMissing,
    /// Every limit is kept per address instead of per its scope.
    #[serde(alias = "KEY-IP")]
    KeyedByAddress,
    /// Every limit is kept per address, and `X-Forwarded-For` is believed to tell it.
    #[serde(alias = "KEY-SPOOF")]
    KeyedByForwardedHeader,
    /// Every limit is kept per address and port: each connection has a quota of its own.
    KeyedByConnection,
    /// Counts in windows on the clock, whatever the policy says: twice the limit passes around an edge.
    #[serde(alias = "BOUNDARY-2X")]
    DoubleAtTheEdge,
    /// Counts in windows from the first request, whatever the policy says.
    #[serde(alias = "DOC-ALIGN")]
    WindowFromFirstRequest,
    /// Counts a request only a moment after it was let in, so that many at once all are.
    #[serde(alias = "RACE")]
    CountsLate,
    /// Each second request moves the clock a second forward, and with it what has run in again.
    #[serde(alias = "SKEW")]
    ClockSkew,
    /// Admits everything for three of ten seconds, in which it has lost its store.
    #[serde(alias = "FAIL-OPEN")]
    StoreFailsOpen,
    /// Restarts every seven seconds, and forgets what it has counted.
    #[serde(alias = "RESTART-AMNESIA")]
    ForgetsOnRestart,
    /// Refused requests count, too.
    #[serde(alias = "REJECT-CHARGED")]
    RefusalsCharged,
    /// A request that one limit refuses counts against the others.
    #[serde(alias = "MULTI-POLICY")]
    DrainsWhileRefusing,
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
    /// The quota headers' remaining count is one too high.
    #[serde(alias = "REM-OFF")]
    RemainingOffByOne,
    /// The quota headers of a refusal tell that -1 remains.
    #[serde(alias = "REM-NEG")]
    RemainingNegative,
    /// The quota headers' remaining count falls by four at a time.
    #[serde(alias = "REM-JUMP")]
    RemainingJumps,
    /// The quota headers tell a limit of 1000, whatever is enforced.
    LimitDrift,
    /// The quota headers tell a window of twice its length.
    WindowWrong,
}

impl Fault {
    pub const ALL: [Fault; 33] = [
        Fault::AdmitsTooMuch,
        Fault::RefusesTooEarly,
        Fault::HintTooShort,
        Fault::HintWrongUnit,
        Fault::HintFraction,
        Fault::HintZero,
        Fault::HintNegative,
        Fault::HintWholeWindow,
        Fault::HintSameMoment,
        Fault::HintMissing,
        Fault::KeyedByAddress,
        Fault::KeyedByForwardedHeader,
        Fault::KeyedByConnection,
        Fault::DoubleAtTheEdge,
        Fault::WindowFromFirstRequest,
        Fault::CountsLate,
        Fault::ClockSkew,
        Fault::StoreFailsOpen,
        Fault::ForgetsOnRestart,
        Fault::RefusalsCharged,
        Fault::DrainsWhileRefusing,
        Fault::WrongRefusalBody,
        Fault::WrongRefusalStatus,
        Fault::StreamsUnlimited,
        Fault::StreamsSilent,
        Fault::StreamsCut,
        Fault::HeadersMissing,
        Fault::RemainingStuck,
        Fault::RemainingOffByOne,
        Fault::RemainingNegative,
        Fault::RemainingJumps,
        Fault::LimitDrift,
        Fault::WindowWrong,
    ];

    /// Whether everybody is counted by the address that a request seems to come from.
    pub fn is_of_keys(self) -> bool {
        use Fault::{KeyedByAddress, KeyedByConnection, KeyedByForwardedHeader};
        matches!(self, KeyedByAddress | KeyedByForwardedHeader | KeyedByConnection)
    }

    /// Whether it is about the hint of a refusal. Of several, the first that a server is told to have shows.
    pub fn is_of_hints(self) -> bool {
        use Fault::{
            HintFraction, HintNegative, HintSameMoment, HintTooShort, HintWholeWindow, HintWrongUnit, HintZero,
        };
        matches!(
            self,
            HintFraction | HintNegative | HintSameMoment | HintTooShort | HintWholeWindow | HintWrongUnit | HintZero
        )
    }
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
