//! Everything behind the record stream, as one observer for one shard.

use std::sync::Arc;

use super::{RunFacts, assemble};
use crate::measure::{Measure, hlog, step_for};
use crate::record::{Observation, Observer};
use crate::scenario::Scenario;
use crate::summary::Summary;
use crate::time::{Anchor, Nanos};
use crate::verify::Verifier;

/// Measures and verifies what one shard does.
pub struct Recorder {
    scenario: Arc<Scenario>,
    measure: Measure,
    verifier: Verifier,
}

/// What a run leaves behind.
pub struct Outcome {
    pub summary: Summary,
    /// The contents of `latency.hlog`.
    pub hlog: Vec<u8>,
}

impl Recorder {
    /// `anchor` is the wall-clock time at which the run began.
    pub fn new(scenario: Arc<Scenario>, anchor: Anchor) -> Self {
        let measure = Measure::new(&scenario);
        let verifier = Verifier::new(Arc::clone(&scenario), anchor, step_for(scenario.duration));
        Recorder { scenario, measure, verifier }
    }

    /// Takes over what another shard of the same run recorded.
    pub fn merge(&mut self, other: Recorder) {
        self.measure.merge(other.measure);
        self.verifier.merge(other.verifier);
    }

    /// The result of a run whose shards are all merged.
    pub fn conclude(self, facts: &RunFacts) -> Outcome {
        let mut log = Vec::new();
        hlog::write(&self.measure, facts.anchor, facts.ended, &mut log).expect("a Vec takes every write");
        let verified = self.verifier.finish(facts.ended);
        Outcome { summary: assemble(&self.scenario, facts, self.measure, verified), hlog: log }
    }
}

impl Observer for Recorder {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>) {
        self.measure.observe(at, observation);
        self.verifier.observe(at, observation);
    }
}
