//! What a limiter can be, as far as that can be told from outside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limiters that nobody can tell apart from outside are one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    FixedAligned,
    FixedFirstHit,
    RollingLog,
    RollingCounter,
    /// The two windows begin with requests, not on the clock.
    RollingCounterFirstHit,
    /// A token bucket, the generic cell rate algorithm or a leaky bucket that measures: one behaviour.
    Bucket,
    IntervalRefill,
    LeakyQueue,
    Concurrency,
}

impl Family {
    pub fn title(self) -> &'static str {
        match self {
            Family::FixedAligned => "fixed window on the clock",
            Family::FixedFirstHit => "fixed window from the first request",
            Family::RollingLog => "rolling window",
            Family::RollingCounter => "rolling window estimated from two fixed ones",
            Family::RollingCounterFirstHit => "rolling window estimated from two fixed ones that begin with requests",
            Family::Bucket => {
                "token bucket (or GCRA, or leaky bucket as a meter: nobody can tell them apart from outside)"
            }
            Family::IntervalRefill => "bucket filled up at intervals",
            Family::LeakyQueue => "leaky bucket as a queue",
            Family::Concurrency => "limit on requests at the same time",
        }
    }

    /// Whether quota comes back one by one: its window is then that of one request.
    pub fn is_one_by_one(self) -> bool {
        matches!(self, Family::Bucket | Family::LeakyQueue)
    }

    /// Whether its windows have a place on the server's clock.
    pub fn has_phase(self) -> bool {
        matches!(self, Family::FixedAligned | Family::RollingCounter)
    }
}

/// A family, and what may be added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Shape {
    pub family: Family,
    /// Whoever is refused is shut out for a while.
    pub penalty: Option<PenaltyKind>,
    /// Refused requests use up quota as well.
    pub charges_refused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PenaltyKind {
    /// It lasts from the first refusal.
    Once,
    /// Each refusal makes it begin anew.
    Extended,
}

impl From<Family> for Shape {
    fn from(family: Family) -> Shape {
        Shape { family, penalty: None, charges_refused: false }
    }
}

impl Shape {
    pub fn title(&self) -> String {
        let mut title = self.family.title().to_owned();
        match self.penalty {
            Some(PenaltyKind::Once) => title += ", with a penalty for whoever is refused",
            Some(PenaltyKind::Extended) => title += ", with a penalty that each refusal makes begin anew",
            None => {}
        }
        if self.charges_refused {
            title += ", which charges refused requests too";
        }
        title
    }
}
