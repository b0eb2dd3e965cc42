//! What was found, as data: `limiters.json`.

use std::collections::BTreeMap;

use quotaproof::limiter::suite::{Defect, Report};
use serde::Serialize;

#[derive(Serialize)]
pub struct Figures {
    /// The limit that all enforce, in words.
    pub limit: String,
    pub threads: usize,
    /// What timing nothing costs: part of each figure of a tail.
    pub clock_ns: u64,
    pub contenders: Vec<Contender>,
}

#[derive(Serialize)]
pub struct Contender {
    pub name: String,
    pub ours: bool,
    /// Nanoseconds for a decision: the median of what criterion has measured, by workload.
    pub ns: BTreeMap<String, f64>,
    /// Of single decisions over uniform keys, or the one key.
    pub tail: Tail,
    /// With a million keys.
    pub bytes_per_key: Option<f64>,
    /// None where it has a clock of its own.
    pub rightness: Option<Report>,
}

#[derive(Clone, Copy, Serialize)]
pub struct Tail {
    pub p50_ns: u64,
    pub p99_9_ns: u64,
}

impl Contender {
    /// What is wrong with it, or that nothing was found.
    pub fn verdict(&self) -> String {
        match &self.rightness {
            None => "not measured: own clock".to_owned(),
            Some(report) if report.is_right() => "exact".to_owned(),
            Some(report) if report.defects().is_empty() => "inexact".to_owned(),
            Some(report) => report.defects().into_iter().map(Defect::title).collect::<Vec<_>>().join(", "),
        }
    }

    /// Admitted too many and too few, over all workloads.
    pub fn off(&self) -> Option<(u64, u64)> {
        let accuracy = &self.rightness.as_ref()?.accuracy;
        Some((accuracy.iter().map(|it| it.over).sum(), accuracy.iter().map(|it| it.under).sum()))
    }
}
