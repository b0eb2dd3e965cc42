//! What the fleet talks to, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::reading::Reading;
use crate::scenario::target::Fault;
use crate::time::Nanos;
use crate::yaml::quantity::{Delay, Length, Percent};
use crate::yaml::{Located, Words};

/// Either `embedded` or `url`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetDocument {
    /// The built-in reference server, on loopback, for the length of the run.
    pub embedded: Option<Located<ServerDocument>>,
    /// A server under test: `http` or `https` with host and port; the API's paths are appended.
    pub url: Option<Located<String>>,
    /// Set it to `true` once the server's owner allows this test. Loopback needs no word.
    #[serde(default)]
    pub authorized: bool,
    /// A PEM file with certificates to trust besides the system's, seen from this file.
    pub ca_file: Option<Located<String>>,
}

impl Words for TargetDocument {
    const WORDS: &'static [&'static str] = &["embedded"];
    const MAPPINGS: &'static str = "`{url: \"http://127.0.0.1:8080\"}`";

    fn meant(word: &str) -> Option<&'static str> {
        const ADDRESS: &str = "an address needs its key\nwrite `target: {url: \"http://127.0.0.1:8080\"}`";
        // The address itself is not repeated: it may hold credentials.
        word.contains("://").then_some(ADDRESS)
    }
}

/// How the reference server behaves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerDocument {
    /// The algorithm its limits are enforced with; `rolling`, the strictest, when left out.
    pub limiter: Reading,
    /// How long tokens are good; 24h when left out.
    pub token_lifetime: Length,
    /// How long it takes over the answer of a request that it serves, up to 50ms more: limits on requests at the same time
    /// mean nothing to a server that answers at once. 0s when left out. The Tellus API's server always answers at once.
    pub answers_after: Delay,
    /// A span in which requests are answered as overloaded.
    pub overload: Option<OverloadDocument>,
    /// Whether penalties are enforced that the policy leaves undefined (`stated: false`); not, when left out.
    pub throttle: bool,
    /// Deliberate defects, to show that the checks catch them.
    pub faults: Vec<Fault>,
}

/// A span in which a share of requests is answered as overloaded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverloadDocument {
    /// The share.
    pub share: Percent,
    /// When it begins; 0s when left out.
    pub from: Option<Located<Delay>>,
    /// How long it lasts; to the end of the run when left out.
    pub lasting: Option<Length>,
}

/// The network of simulated runs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkDocument {
    /// Round-trip time; a median of 40ms and a p99 of 300ms when left out.
    pub latency: Option<LatencyDocument>,
    /// Share of requests whose connection is lost; 0% when left out.
    pub loss: Option<Percent>,
}

/// A log-normal round trip, by two quantiles.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencyDocument {
    /// Half of them are shorter.
    pub median: Length,
    /// One in a hundred is longer.
    pub p99: Located<Length>,
}

impl Default for ServerDocument {
    fn default() -> Self {
        ServerDocument {
            limiter: Reading::Rolling,
            token_lifetime: Length(Nanos::from_secs(86_400)),
            answers_after: Delay(Nanos::ZERO),
            overload: None,
            throttle: false,
            faults: Vec::new(),
        }
    }
}
