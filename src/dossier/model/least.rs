//! What simulated plays answer, and what refusals cost where there were any.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::Rate;
use crate::summary::plan::{Comparison, FleetAnswer, QuotaAnswer, Sweep};

/// Part 7, and the comparisons of part 5: a plan's answers as it gave them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Least {
    pub quotas: Vec<Sourced<QuotaAnswer>>,
    pub fleets: Vec<Sourced<FleetAnswer>>,
    pub sweeps: Vec<Sourced<Sweep>>,
    pub comparisons: Vec<Compared>,
    /// Classes in which a run saw refusals.
    pub cost: Vec<CostOfRefusal>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sourced<T> {
    pub source: String,
    pub answer: T,
}

/// Two plays, each with a source of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    pub before: String,
    pub after: String,
    pub comparison: Comparison,
}

/// What became of the requests of a class that was refused some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostOfRefusal {
    pub source: String,
    pub class: String,
    pub refused: Rate,
    /// Requests that were sent again after a refusal or a failure.
    pub retries: u64,
    /// Operations that ended, and how many of them were given up.
    pub operations: u64,
    pub given_up: u64,
}
