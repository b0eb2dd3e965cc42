//! Everything behind the record stream, as one observer for one shard.

use std::sync::Arc;

use super::learning::Learning;
use super::{RunFacts, assemble};
use crate::measure::{Measure, hlog, step_for};
use crate::record::{Observation, Observer};
use crate::scenario::Scenario;
use crate::summary::Summary;
use crate::time::{Anchor, Nanos};
use crate::verify::Verifier;

/// Measures and verifies what one shard does.
pub struct Recorder {
    learning: Learning,
    checks: Checks,
}

/// What the observations of a shard come to.
struct Checks {
    /// With the classes that answers have told.
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
        Recorder { learning: Learning::new(&scenario), checks: Checks { scenario, measure, verifier } }
    }

    /// Takes over what another shard of the same run recorded.
    pub fn merge(&mut self, mut other: Recorder) {
        self.learning.flush(&mut self.checks);
        other.learning.flush(&mut other.checks);
        self.learning.merge(other.learning);
        self.checks.merge(other.checks);
    }

    /// The result of a run whose shards are all merged.
    pub fn conclude(mut self, facts: &RunFacts) -> Outcome {
        self.learning.flush(&mut self.checks);
        let Checks { scenario, measure, verifier } = self.checks;
        let learned = self.learning.finding(&scenario);
        let mut log = Vec::new();
        hlog::write(&measure, facts.anchor, facts.ended, &mut log).expect("a Vec takes every write");
        let mut verified = verifier.finish(facts.ended);
        verified.findings.extend(learned);
        Outcome { summary: assemble(&scenario, facts, measure, verified), hlog: log }
    }
}

impl Observer for Recorder {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>) {
        self.learning.observe(at, observation, &mut self.checks);
    }
}

impl Checks {
    fn merge(&mut self, other: Checks) {
        if self.scenario.operations != other.scenario.operations {
            // One shard has learned what the other had no answer for.
            Arc::make_mut(&mut self.scenario).operations.learn(&other.scenario.operations);
        }
        self.measure.merge(other.measure);
        self.verifier.merge(other.verifier);
    }
}

impl Observer for Checks {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>) {
        if let Observation::Classified { operation, class } = observation {
            Arc::make_mut(&mut self.scenario).operations.classify(operation, class);
        }
        self.measure.observe(at, observation);
        self.verifier.observe(at, observation);
    }
}
