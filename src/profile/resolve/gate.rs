//! Gates, checked against the one metric table.

use crate::gate::{METRICS, Metric, Unit, metric};
use crate::policy::load::UNCLASSIFIED;
use crate::policy::model::Policy;
use crate::profile::document::gate::{BOUNDS, GateDocument, QueryDocument};
use crate::scenario::gate::{Bound, Gate, MetricQuery};
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::{self, Delay, Number, Percent};
use crate::yaml::{Diagnosis, Located, Source, suggest};

pub(super) fn gates(
    source: &Source,
    documents: &[Located<GateDocument>],
    policy: &Policy,
) -> Result<Vec<Gate>, Diagnosis> {
    documents.iter().map(|document| gate(source, document, policy)).collect()
}

fn gate(source: &Source, document: &Located<GateDocument>, policy: &Policy) -> Result<Gate, Diagnosis> {
    let wrong = |title: &str| {
        Diagnosis::at(source, document.place, title)
            .help("write one metric and one bound, such as `{refused_ratio: {class: queries}, at_most: 0%}`")
    };
    if let Some(unknown) = &document.unknown {
        let keys = METRICS.iter().map(|metric| metric.name).chain(BOUNDS.map(|(name, _)| name));
        let title = format!("no metric or bound is called `{}`", shown(unknown));
        return Err(Diagnosis::at(source, unknown.place, title).help(suggest::advice(unknown, keys)));
    }
    let [(name, query)] = document.metrics.as_slice() else {
        return Err(wrong(if document.metrics.is_empty() { "a gate needs a metric" } else { "a gate has one metric" }));
    };
    let [(bound, threshold)] = document.bounds.as_slice() else {
        return Err(wrong(if document.bounds.is_empty() { "a gate needs a bound" } else { "a gate has one bound" }));
    };
    // The document keeps only names that the table knows.
    let metric = metric(name).ok_or_else(|| wrong("a gate needs a metric"))?;
    Ok(Gate {
        metric: metric_query(source, name, metric, query, policy)?,
        bound: *bound,
        threshold: read_threshold(source, metric, threshold)?,
        text: text(metric, query, *bound, threshold),
    })
}

fn metric_query(
    source: &Source,
    name: &Located<String>,
    metric: &Metric,
    query: &QueryDocument,
    policy: &Policy,
) -> Result<MetricQuery, Diagnosis> {
    if let Some(class) = &query.class {
        check_class(source, metric, class, policy)?;
    }
    match (&query.quantile, metric.by_quantile) {
        (Some(quantile), false) => {
            return Err(Diagnosis::at(source, quantile.place, format!("`{}` has no quantiles", metric.name))
                .help("drop `quantile`"));
        }
        (None, true) => {
            return Err(Diagnosis::at(source, name.place, format!("`{}` needs a quantile", metric.name))
                .help(format!("add it, such as `{}: {{quantile: p99}}`", metric.name)));
        }
        _ => {}
    }
    Ok(MetricQuery {
        metric: metric.name.to_owned(),
        class: query.class.as_ref().map(|class| class.value.clone()),
        quantile: query.quantile.as_ref().map(|quantile| quantile.value.0),
    })
}

fn check_class(source: &Source, metric: &Metric, class: &Located<String>, policy: &Policy) -> Result<(), Diagnosis> {
    if !metric.by_class {
        return Err(Diagnosis::at(source, class.place, format!("`{}` is not told apart by class", metric.name))
            .help("drop `class`"));
    }
    let names = policy.classes.iter().map(|class| class.name.as_str()).chain([UNCLASSIFIED]);
    if names.clone().any(|name| name == class.value) {
        return Ok(());
    }
    let title = format!("the policy `{}` has no class `{}`", policy.name, shown(class));
    Err(Diagnosis::at(source, class.place, title).help(suggest::advice(class, names)))
}

/// In the metric's base unit: a ratio, seconds, or a count.
fn read_threshold(source: &Source, metric: &Metric, threshold: &Located<String>) -> Result<f64, Diagnosis> {
    let text = threshold.value.as_str();
    let value = match metric.unit {
        Unit::Ratio => quantity::read(text).map(|Percent(share)| share),
        Unit::Time => quantity::read(text).map(|Delay(length)| length.as_secs_f64()),
        Unit::Count => quantity::read(text).map(|Number(number)| number),
    };
    value.map_err(|error| {
        let (wrong, expected) = error.split_once('\n').unwrap_or((&error, ""));
        Diagnosis::at(source, threshold.place, format!("the bound of `{}`: {wrong}", metric.name)).help(expected)
    })
}

/// `latency p99 of queries at most 250ms`.
fn text(metric: &Metric, query: &QueryDocument, bound: Bound, threshold: &str) -> String {
    let mut text = metric.name.to_owned();
    if let Some(quantile) = &query.quantile {
        text.push_str(&format!(" p{}", (quantile.value.0 * 100.0 * 1e9).round() / 1e9));
    }
    if let Some(class) = &query.class {
        text.push_str(&format!(" of {}", class.value));
    }
    let bound = match bound {
        Bound::AtMost => "at most",
        Bound::AtLeast => "at least",
    };
    format!("{text} {bound} {}", threshold.trim())
}
