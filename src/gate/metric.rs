//! The metric table. A profile's gates are checked against it when they are read, and evaluated by it after the run.

use crate::scenario::gate::MetricQuery;
use crate::summary::{ClassFigures, QuotaUse, Summary};

/// A figure that a gate can bound.
#[derive(Clone, Copy)]
pub struct Metric {
    /// The key in a profile.
    pub name: &'static str,
    pub unit: Unit,
    /// Whether a gate may narrow it to one class.
    pub by_class: bool,
    /// Whether a gate must name a quantile.
    pub by_quantile: bool,
    /// Whether simulated time tells nothing of it but what its model was given: how quick a target or the harness is.
    pub only_in_a_run: bool,
    /// For people, and for the JSON Schema.
    pub meaning: &'static str,
    /// The figure, or None where the run has no data for it.
    pub evaluate: fn(&Summary, &MetricQuery) -> Option<f64>,
    /// Where the fleet held requests back because a slow target kept it waiting: the figure that is sure all the same.
    pub sure: Option<fn(&Summary, &MetricQuery) -> Option<f64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `0..=1`, written as a percentage.
    Ratio,
    /// Seconds, written with a time unit.
    Time,
    /// A plain number.
    Count,
}

/// Every metric.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "refused_ratio",
        unit: Unit::Ratio,
        by_class: true,
        by_quantile: false,
        only_in_a_run: false,
        meaning: "refused requests (429) among all that were answered",
        evaluate: |summary, query| answered_ratio(summary, query, |class| class.refused),
        sure: None,
    },
    Metric {
        name: "overloaded_ratio",
        unit: Unit::Ratio,
        by_class: true,
        by_quantile: false,
        only_in_a_run: false,
        meaning: "overload answers (503) among all requests that were answered",
        evaluate: |summary, query| answered_ratio(summary, query, |class| class.overloaded),
        sure: None,
    },
    Metric {
        name: "failed_ratio",
        unit: Unit::Ratio,
        by_class: true,
        by_quantile: false,
        only_in_a_run: false,
        meaning: "requests without an answer, or with an error status other than 429 and 503, among all requests",
        evaluate: |summary, query| {
            let requests = sum(summary, query, |class| class.requests)?;
            let failed =
                |class: &ClassFigures| class.failed.values().sum::<u64>() + class.other_status.values().sum::<u64>();
            Some(sum(summary, query, failed)? as f64 / requests as f64)
        },
        sure: None,
    },
    Metric {
        name: "refused",
        unit: Unit::Count,
        by_class: true,
        by_quantile: false,
        only_in_a_run: false,
        meaning: "refused requests (429)",
        evaluate: |summary, query| Some(sum(summary, query, |class| class.refused)? as f64),
        sure: None,
    },
    Metric {
        name: "headroom",
        unit: Unit::Ratio,
        by_class: true,
        by_quantile: false,
        only_in_a_run: false,
        meaning: "unused share of the tightest limit at its busiest moment, under the strictest reading",
        evaluate: |summary, query| {
            chosen_quotas(summary, query).filter_map(|quota| quota.headroom).min_by(f64::total_cmp)
        },
        sure: Some(|summary, query| {
            chosen_quotas(summary, query).filter_map(QuotaUse::sure_headroom).min_by(f64::total_cmp)
        }),
    },
    Metric {
        name: "latency",
        unit: Unit::Time,
        by_class: true,
        by_quantile: true,
        only_in_a_run: true,
        meaning: "latency of served requests from the moment they were due, at a quantile; the worst class decides",
        evaluate: |summary, query| {
            let quantile = query.quantile?;
            let of_class = |class: &ClassFigures| {
                let served = &class.latency.get("served")?.from_due;
                served.at(quantile).map(|millis| millis / 1_000.0)
            };
            chosen_classes(summary, query).filter_map(of_class).max_by(f64::total_cmp)
        },
        sure: None,
    },
    Metric {
        name: "amplification",
        unit: Unit::Count,
        by_class: true,
        by_quantile: false,
        only_in_a_run: false,
        meaning: "attempts per logical operation that ended; the worst class decides",
        evaluate: |summary, query| {
            chosen_classes(summary, query).filter_map(|class| class.amplification).max_by(f64::total_cmp)
        },
        sure: None,
    },
    Metric {
        name: "requests",
        unit: Unit::Count,
        by_class: true,
        by_quantile: false,
        only_in_a_run: false,
        meaning: "requests that were answered or failed",
        evaluate: |summary, query| Some(sum(summary, query, |class| class.requests)? as f64),
        sure: None,
    },
    Metric {
        name: "dropped",
        unit: Unit::Count,
        by_class: true,
        by_quantile: false,
        only_in_a_run: false,
        meaning: "scheduled requests that were not sent",
        evaluate: |summary, query| Some(sum(summary, query, |class| class.dropped.values().sum())? as f64),
        sure: None,
    },
    Metric {
        name: "lateness",
        unit: Unit::Time,
        by_class: false,
        by_quantile: true,
        only_in_a_run: true,
        meaning: "how late requests left through the harness's own doing, at a quantile",
        evaluate: |summary, query| summary.harness.lateness.at(query.quantile?).map(|millis| millis / 1_000.0),
        sure: None,
    },
];

/// The metric of that name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

fn chosen_classes<'a>(summary: &'a Summary, query: &'a MetricQuery) -> impl Iterator<Item = &'a ClassFigures> {
    summary.classes.iter().filter(|class| query.class.as_ref().is_none_or(|name| *name == class.class))
}

fn chosen_quotas<'a>(summary: &'a Summary, query: &'a MetricQuery) -> impl Iterator<Item = &'a QuotaUse> {
    summary.quotas.iter().filter(|quota| query.class.as_ref().is_none_or(|name| *name == quota.class))
}

/// Scheduled requests of the chosen classes that were not made because the one before was still under way.
pub fn held_back(summary: &Summary, query: &MetricQuery) -> u64 {
    let busy = |class: &ClassFigures| class.dropped.get("busy").copied().unwrap_or(0);
    chosen_classes(summary, query).map(busy).sum()
}

/// A count over the chosen classes; None where they saw no request at all.
fn sum(summary: &Summary, query: &MetricQuery, count: impl Fn(&ClassFigures) -> u64) -> Option<u64> {
    let requests: u64 = chosen_classes(summary, query).map(|class| class.requests).sum();
    (requests > 0).then(|| chosen_classes(summary, query).map(count).sum())
}

fn answered_ratio(summary: &Summary, query: &MetricQuery, count: impl Fn(&ClassFigures) -> u64) -> Option<f64> {
    let answered = sum(summary, query, |class| class.requests - class.failed.values().sum::<u64>())?;
    (answered > 0).then_some(sum(summary, query, count)? as f64 / answered as f64)
}
