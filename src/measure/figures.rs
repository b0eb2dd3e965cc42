//! From what was measured to the figures of the summary.

use std::collections::BTreeMap;

use serde::Serialize;

use super::class::{ClassMeasure, DROP_REASONS, Ending, FAILURES};
use super::observer::Measure;
use crate::scenario::Scenario;
use crate::summary::{ClassFigures, Latency, OperationFigures, Quantiles, StreamFigures, Timeline};
use crate::time::Nanos;

impl Measure {
    /// One per class in the policy's order, then `unclassified`. The scenario is the one that was measured, `ended` when
    /// its last answer was in.
    pub fn figures(&self, scenario: &Scenario, ended: Nanos) -> Vec<ClassFigures> {
        let mut operations = self.operation_figures(scenario);
        let names = self.class_names().iter().zip(&self.classes).zip(&mut operations);
        names.map(|((name, class), operations)| class.figures(name, ended, std::mem::take(operations))).collect()
    }

    pub fn timeline_until(&self, ended: Nanos) -> Timeline {
        self.timeline.timeline(ended, self.class_names())
    }

    /// How late requests left through the harness's own doing.
    pub fn lateness(&self) -> Quantiles {
        self.lateness.quantiles()
    }

    /// The operations of each class that were used, in the order of the scenario's table.
    fn operation_figures(&self, scenario: &Scenario) -> Vec<Vec<OperationFigures>> {
        let mut by_class = vec![Vec::new(); self.classes.len()];
        let used = scenario.operations.iter().zip(&self.operations).filter(|(_, counts)| counts.requests > 0);
        for ((_, operation), counts) in used {
            let class = operation.class.map_or(self.classes.len() - 1, |class| class.index());
            by_class[class].push(OperationFigures {
                operation: operation.name(),
                requests: counts.requests,
                served: counts.served,
                refused: counts.refused,
            });
        }
        by_class
    }
}

impl ClassMeasure {
    fn figures(&self, name: &str, ended: Nanos, operations: Vec<OperationFigures>) -> ClassFigures {
        let count = |ending: Ending| self.ended[ending as usize];
        let answered = self.requests() - count(Ending::Failed);
        ClassFigures {
            class: name.to_owned(),
            requests: self.requests(),
            served: count(Ending::Served),
            unchanged: self.unchanged,
            refused: count(Ending::Refused),
            overloaded: count(Ending::Overloaded),
            other_status: self.other_status.clone(),
            cancelled: self.cancelled,
            failed: named_counts(&FAILURES, &self.failed),
            dropped: named_counts(&DROP_REASONS, &self.dropped),
            logical: self.logical,
            given_up: self.given_up,
            amplification: ratio(self.attempts, self.logical),
            cache_hits: self.cache_hits,
            streams: StreamFigures {
                frames: self.frames,
                ended: self.streams_ended.iter().map(|(ending, count)| (ending.key(), *count)).collect(),
            },
            refused_ratio: ratio(count(Ending::Refused), answered),
            overloaded_ratio: ratio(count(Ending::Overloaded), answered),
            latency: self.latencies(),
            refused_per_second: self.refused_per_second.spread(ended),
            overloaded_per_second: self.overloaded_per_second.spread(ended),
            operations,
        }
    }

    fn latencies(&self) -> BTreeMap<String, Latency> {
        let latency = |ending: Ending| {
            let pair = self.latency(ending)?;
            let quantiles = Latency { from_due: pair.from_due().quantiles(), from_sent: pair.from_sent().quantiles() };
            Some((ending.name().to_owned(), quantiles))
        };
        Ending::ALL.into_iter().filter_map(latency).collect()
    }
}

/// What was counted at all, by the kinds' names.
fn named_counts<K: Serialize>(kinds: &[K], counts: &[u64]) -> BTreeMap<String, u64> {
    let counted = kinds.iter().zip(counts).filter(|(_, count)| **count > 0);
    counted.map(|(kind, count)| (name_of(kind), *count)).collect()
}

/// The name that a kind is serialized by: records and reports use the same words.
fn name_of<K: Serialize>(kind: &K) -> String {
    let name = serde_json::to_value(kind).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().to_owned()
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
