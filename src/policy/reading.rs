//! Readings: the interpretations that a limit's words allow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::Algorithm;

/// One definite interpretation of "`allow` requests per `per`".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    Rolling,
    TokenBucket,
    FixedFirstHit,
    FixedAligned,
}

impl Reading {
    /// Every reading, the strictest for a client first.
    pub const ALL: [Reading; 4] =
        [Reading::Rolling, Reading::TokenBucket, Reading::FixedFirstHit, Reading::FixedAligned];

    /// The readings that a provider's words allow.
    pub fn allowed_by(algorithm: Algorithm) -> &'static [Reading] {
        match algorithm {
            Algorithm::Unspecified => &Self::ALL,
            Algorithm::Rolling => &[Reading::Rolling],
            Algorithm::TokenBucket | Algorithm::LeakyBucket => &[Reading::TokenBucket],
            Algorithm::RollingCounter => &[Reading::Rolling],
            Algorithm::IntervalRefill => &[Reading::FixedFirstHit],
            Algorithm::FixedFirstHit => &[Reading::FixedFirstHit],
            Algorithm::FixedAligned => &[Reading::FixedAligned],
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Reading::Rolling => "rolling window",
            Reading::TokenBucket => "token bucket",
            Reading::FixedFirstHit => "fixed window from the first request",
            Reading::FixedAligned => "fixed window on the clock",
        }
    }
}
