//! `dossier.json`: the canonical dossier. Every other form of it is made from this.
//!
//! Times are seconds since a run began, ratios `0..1`, unless a name says otherwise. A `source` is the id of one of the
//! [`Dossier::references`].

mod demand;
mod evidence;
mod least;
mod proof;
mod request;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use demand::{Demand, LimitDemand, PeakElsewhere};
pub use evidence::{Basis, ClassEvidence, ClockError, MinuteSeries, Part, PerMinute, Rate, Reference, RunEvidence};
pub use least::{Compared, CostOfRefusal, Least, Sourced};
pub use proof::{
    Amplification, ClientProof, Habit, Mitigations, Ordeal, Question, QuestionKind, Share, Shown, Steps, Traffic,
};
pub use request::{Asked, AskedBurst, FleetModel, Group, Identity, OpenItem, Provider, Request, Requested, Term};

/// Raised when a reader of the old form could misunderstand the new one.
pub const FORMAT: u32 = 1;

/// What is handed to a provider: ten parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dossier {
    pub format: u32,
    /// Version of quotaproof that made it.
    pub version: String,
    /// The command that makes it again.
    pub command: String,
    pub provider: Provider,
    /// Part 1: who asks for what, for how long.
    pub request: Request,
    /// Part 2: the fleet, with what was assumed.
    pub fleet: FleetModel,
    /// Part 3: what the fleet asks for, limit by limit.
    pub demand: Demand,
    /// Part 4: what each run saw.
    pub evidence: Vec<RunEvidence>,
    /// Part 5: what the requester has done to need less.
    pub mitigations: Mitigations,
    /// Part 6: how the clients behave when they are refused.
    pub client: ClientProof,
    /// Part 7: the least that suffices by simulation, and what refusals cost.
    pub least: Least,
    /// Part 8: what the requester offers.
    pub steps: Steps,
    /// Part 9: what the provider's contract leaves open or contradicts.
    pub questions: Vec<Question>,
    /// Part 10: where each figure comes from, and how to make it again.
    pub references: Vec<Reference>,
    /// What a person still has to fill in before this is sent.
    pub open: Vec<OpenItem>,
    /// Part 10: to be pasted into a form, at most 2,048 characters.
    pub summary: String,
}

impl Dossier {
    /// The reference with this id; None for an id that this dossier does not have, which only an edited one refers to.
    pub fn reference(&self, id: &str) -> Option<&Reference> {
        self.references.iter().find(|reference| reference.id == id)
    }

    /// Whether these figures are of the very profile that this asks for. Another profile's may be of a calmer or a smaller
    /// fleet: they are named, or left out.
    pub fn is_of_this_fleet(&self, id: &str) -> bool {
        let profile = |id: &str| self.reference(id).map(|reference| reference.profile_hash.as_str());
        profile(id).is_some_and(|hash| profile(&self.fleet.source) == Some(hash))
    }

    /// What the fleet asks of the limit that is to be higher.
    pub fn demand_of(&self, asked: &Asked) -> Option<&LimitDemand> {
        self.demand.limits.iter().find(|limit| limit.class == asked.class && limit.limit == asked.limit)
    }
}
