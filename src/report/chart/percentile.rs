//! Latency by percentile: one figure per class, both starting points, one colour per outcome.

use super::super::format;
use super::axis::{Axis, log_millis, nines};
use super::figure::{Figure, Table};
use super::ink::Ink;
use super::plot::{Line, Plot};
use crate::summary::{ClassFigures, Latency, Quantiles};
use crate::tellus::TellusOp;

/// Outcomes in the order of their colours; others follow.
const OUTCOMES: [&str; 5] = ["served", "refused", "overloaded", "other", "failed"];
const SOLID: u8 = 0;
const DASHED: u8 = 1;

/// The latency of one class.
pub fn figure(id: &str, class: &ClassFigures) -> Figure {
    let title = format!("Latency of {}", class.class);
    let outcomes = outcomes(class);
    let all: Vec<&Quantiles> =
        outcomes.iter().flat_map(|(_, latency)| [&latency.from_due, &latency.from_sent]).collect();
    let Some(most) = all.iter().map(|quantiles| quantiles.count).max() else {
        return Figure::sentence(id, &title, "No request of this class was answered.");
    };
    let values = all.iter().flat_map(|quantiles| curve(quantiles)).map(|(_, ms)| ms);
    let (lowest, highest) = values.fold((f64::MAX, 0f64), |(low, high), ms| (low.min(ms), high.max(ms)));
    let lines = outcomes.iter().flat_map(|&(outcome, latency)| {
        let colour = OUTCOMES.iter().position(|known| *known == outcome).unwrap_or(OUTCOMES.len()) as u8;
        [
            line(format!("{outcome}, from due"), Ink::Line { colour, dash: SOLID }, &latency.from_due),
            line(format!("{outcome}, from sent"), Ink::Line { colour, dash: DASHED }, &latency.from_sent),
        ]
    });
    let plot = Plot {
        x: Axis::quantiles(most),
        y: Axis::log_millis(lowest, highest),
        lines: lines.collect(),
        limit: None,
        events: vec![],
    };
    let mut note = "Percentile across, latency up, both on logarithmic scales.".to_owned();
    let polls = TellusOp::PollCommands.request();
    let are_polls = |name: &str| name.split_once(' ') == Some(polls);
    if class.operations.iter().any(|used| are_polls(&used.operation)) {
        note += " Long polls are among these requests, and a server holds them by design.";
    }
    Figure::drawn(id, &title, &note, &description(&outcomes), &plot, table(&outcomes))
}

/// The outcomes that have data, in the order of their colours.
pub fn outcomes(class: &ClassFigures) -> Vec<(&str, &Latency)> {
    let mut outcomes: Vec<(&str, &Latency)> =
        class.latency.iter().map(|(name, latency)| (name.as_str(), latency)).collect();
    outcomes.retain(|(_, latency)| latency.from_due.count + latency.from_sent.count > 0);
    outcomes.sort_by_key(|(name, _)| OUTCOMES.iter().position(|known| known == name).unwrap_or(OUTCOMES.len()));
    outcomes
}

fn line(label: String, ink: Ink, quantiles: &Quantiles) -> Line {
    let mut points: Vec<(f64, f64)> =
        curve(quantiles).map(|(q, ms)| (nines(q, quantiles.count), log_millis(ms))).collect();
    // Quantiles beyond the sample's size stand on one spot: the last of them is the true end.
    points.dedup_by(|next, kept| {
        let same = next.0 <= kept.0;
        if same {
            kept.1 = kept.1.max(next.1);
        }
        same
    });
    Line { label, ink, points }
}

/// The curve, or the named quantiles where a summary has no curve.
fn curve(quantiles: &Quantiles) -> impl Iterator<Item = (f64, f64)> + '_ {
    let q = quantiles;
    let named = [(0.0, q.min), (0.5, q.p50), (0.9, q.p90), (0.99, q.p99), (0.999, q.p999), (1.0, q.max)];
    let named = named.into_iter().filter(|_| q.curve.is_empty() && q.count > 0);
    q.curve.iter().copied().chain(named).filter(|(quantile, ms)| quantile.is_finite() && ms.is_finite())
}

fn description(outcomes: &[(&str, &Latency)]) -> String {
    let parts = outcomes.iter().map(|(outcome, latency)| {
        let (due, sent) = (&latency.from_due, &latency.from_sent);
        let (count, median) = (format::count(due.count), format::millis(due.p50));
        format!(
            "{count} {outcome}: half within {median}, 99% within {} from due and {} from sent.",
            format::millis(due.p99),
            format::millis(sent.p99)
        )
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// One column per line of the chart.
fn table(outcomes: &[(&str, &Latency)]) -> Table {
    let lines = outcomes.iter().flat_map(|&(outcome, latency)| {
        [(format!("{outcome}, from due"), &latency.from_due), (format!("{outcome}, from sent"), &latency.from_sent)]
    });
    let (heads, columns): (Vec<String>, Vec<Vec<String>>) =
        lines.map(|(head, quantiles)| (head, figures(quantiles))).unzip();
    let row = |(index, &name): (usize, &&str)| {
        std::iter::once(name.to_owned()).chain(columns.iter().map(|column| column[index].clone())).collect()
    };
    let head = std::iter::once("figure".to_owned()).chain(heads).collect();
    Table { head, rows: FIGURES.iter().enumerate().map(row).collect() }
}

/// What is told of a distribution, in the order of [`figures`].
pub const FIGURES: [&str; 8] = ["count", "min", "mean", "p50", "p90", "p99", "p99.9", "max"];

/// The figures of a distribution, with units.
pub fn figures(quantiles: &Quantiles) -> Vec<String> {
    let q = quantiles;
    let mut figures = vec![format::count(q.count)];
    figures.extend([q.min, q.mean, q.p50, q.p90, q.p99, q.p999].map(format::millis));
    // Values beyond the histogram's range were counted at its upper end.
    let at_least = if q.saturated > 0 { "≥ " } else { "" };
    figures.push(format!("{at_least}{}", format::millis(q.max)));
    figures
}
