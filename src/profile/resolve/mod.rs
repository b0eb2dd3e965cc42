//! From a profile's document to a [`Scenario`]: what serde cannot know is checked here, one error at a time, each at its
//! place.

mod ask;
mod event;
mod fleet;
mod gate;
mod groups;
mod identity;
mod target;

use super::document::ProfileDocument;
use crate::policy::model::Policy;
use crate::scenario::{Operations, Scenario};
use crate::tellus::TellusOp;
use crate::time::Nanos;
use crate::yaml::{Diagnosis, Source};
use groups::Groups;

/// Checks a document against itself and its policy.
pub fn resolve(source: &Source, document: &ProfileDocument, policy: Policy) -> Result<Scenario, Diagnosis> {
    let groups = Groups::new(source, &document.fleet)?;
    let target = target::target(source, document)?;
    let fleet = fleet::groups(&groups, &target)?;
    let duration = document.duration.0;
    Ok(Scenario {
        name: document.name.0.clone(),
        description: document.description.as_ref().map(|text| text.trim().to_owned()),
        profile_hash: source.hash(),
        seed: u64::from(document.seed.0),
        duration,
        start_of_day_offset: Nanos::ZERO,
        operations: Operations::classified(&policy, TellusOp::ALL.map(TellusOp::request)),
        identities: identity::identities(&policy, &fleet),
        groups: fleet,
        events: event::events(&groups, &document.events, duration)?,
        gates: gate::gates(source, &document.gates, &policy)?,
        network: target::network(source, &document.network)?,
        target,
        policy,
    })
}
