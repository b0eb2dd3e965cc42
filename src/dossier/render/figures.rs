//! The dossier's charts.

use super::super::model::{Dossier, LimitDemand, MinuteSeries, Reference, RunEvidence};
use super::words;
use crate::report::chart::axis::Axis;
use crate::report::chart::ink::Ink;
use crate::report::chart::plot::{Line, Plot};
use crate::report::chart::{Figure, Table};
use crate::report::format::{self, count};

/// Lines in one chart.
const MOST_LINES: usize = 8;
/// With fewer whole minutes a table says more than lines do.
const FEWEST_STEPS: usize = 5;
/// Rows of a table behind a chart.
const MOST_ROWS: usize = 60;

/// Use over time of the limits that more is asked of, and of the one that binds.
pub fn quota_use(dossier: &Dossier) -> Vec<Figure> {
    let requested = |limit: &LimitDemand| {
        let asked =
            dossier.request.quotas.iter().find(|asked| asked.class == limit.class && asked.limit == limit.limit);
        asked.map(|asked| limit.at_once(asked.requested, asked.burst.map(|burst| burst.requested)))
    };
    let told = dossier.demand.limits.iter().enumerate().filter(|(_, limit)| !limit.series.is_empty());
    let told = told.filter(|(_, limit)| limit.binds || requested(limit).is_some());
    told.map(|(index, limit)| quota_figure(dossier, &format!("use-{index}"), limit, requested(limit))).collect()
}

fn quota_figure(dossier: &Dossier, id: &str, limit: &LimitDemand, requested: Option<u32>) -> Figure {
    let step_s = dossier.demand.step_s.max(1e-9);
    let end = limit.series.len() as f64 * step_s;
    let points = middles(limit.series.iter().map(|&used| f64::from(used)), step_s);
    let highest = limit.series.iter().copied().max().unwrap_or(0);
    let top = highest.max(limit.allow).max(requested.unwrap_or(0));
    let used = Line { label: format!("busiest {}", limit.scope), ink: Ink::nth(0), points };
    let requested = requested.map(|value| {
        let height = f64::from(value);
        Line {
            label: format!("requested {}", count(value.into())),
            ink: Ink::nth(2),
            points: vec![(0.0, height), (end, height)],
        }
    });
    let plot = Plot {
        x: Axis::time(end),
        y: Axis::counts(f64::from(top) * 1.05),
        lines: std::iter::once(used).chain(requested).collect(),
        limit: Some((f64::from(limit.allow), format!("limit {}", count(limit.allow.into())))),
        events: vec![],
    };
    let title = format!("{}: {}", limit.class, limit.limit);
    let step = format::seconds(step_s);
    let steps = match stretches(limit.series.len()).next() {
        Some((_, 1)) | None => format!("each step of {step}"),
        Some((from, to)) => format!("each step of {step}; in the table, in {} of them at a time", to - from),
    };
    let note = format!("Highest use of one window in {steps} {}.", words::cite(dossier, &dossier.demand.source));
    let description = format!("At most {} where {} are allowed.", count(highest.into()), count(limit.allow.into()));
    let rows = stretches(limit.series.len()).map(|(from, to)| {
        let most = limit.series[from..to].iter().copied().max().unwrap_or(0);
        vec![span(from, to, step_s), count(most.into())]
    });
    let table = Table { head: vec!["time".to_owned(), "highest use".to_owned()], rows: rows.collect() };
    Figure::drawn(id, &title, &note, &description, &plot, table)
}

/// Requests by class, and refusals where there were any.
pub fn per_minute(dossier: &Dossier, run: &RunEvidence) -> Vec<Figure> {
    let Some(reference) = dossier.reference(&run.source) else { return Vec::new() };
    let basis = words::basis(reference.basis);
    let whole = whole_steps(reference, run);
    if whole < FEWEST_STEPS {
        return Vec::new();
    }
    let figure = |what: &str, title: &str, counts: fn(&MinuteSeries) -> &[u64]| {
        let series: Vec<(&str, &[u64])> =
            run.per_minute.classes.iter().map(|class| (class.class.as_str(), counts(class))).collect();
        counts_figure(
            &format!("{what}-{}", run.source),
            &format!("{title}, {basis}"),
            &series,
            (run.per_minute.step_s, whole),
        )
    };
    let sent = figure("sent", "Requests per minute", |class| &class.sent);
    let refused = figure("refused", "Refusals (429) per minute", |class| &class.refused);
    let overloaded = figure("overloaded", "Overload answers (503) per minute", |class| &class.overloaded);
    [sent, refused, overloaded].into_iter().flatten().collect()
}

/// Steps that the run lasted to the end of.
fn whole_steps(reference: &Reference, run: &RunEvidence) -> usize {
    let step_s = run.per_minute.step_s;
    reference.duration_s.filter(|_| step_s > 0.0).map_or(0, |duration_s| (duration_s / step_s) as usize)
}

/// The counts as a table, where there are too few whole minutes for charts: a row for each, refusals and overload answers of
/// all classes together.
pub fn few_minutes(dossier: &Dossier, run: &RunEvidence) -> Option<Table> {
    let minutes = &run.per_minute;
    let whole = whole_steps(dossier.reference(&run.source)?, run);
    if whole >= FEWEST_STEPS {
        return None;
    }
    let steps = told_steps(minutes.classes.iter().flat_map(all_counts), whole);
    let at = |counts: &[u64], step: usize| counts.get(step).copied().unwrap_or(0);
    let sum =
        |counts: fn(&MinuteSeries) -> &[u64], step| minutes.classes.iter().map(|class| at(counts(class), step)).sum();
    let row = |step: usize| {
        let sent = minutes.classes.iter().map(|class| count(at(&class.sent, step)));
        let others = [sum(|class| &class.refused, step), sum(|class| &class.overloaded, step)].map(count);
        std::iter::once(span(step, step + 1, minutes.step_s)).chain(sent).chain(others).collect()
    };
    let classes = minutes.classes.iter().map(|class| class.class.clone());
    let others = ["429", "503"].map(str::to_owned);
    let head = std::iter::once("time".to_owned()).chain(classes).chain(others).collect();
    Some(Table { head, rows: (0..steps).map(row).collect() })
}

fn all_counts(class: &MinuteSeries) -> [&[u64]; 3] {
    [&class.sent, &class.refused, &class.overloaded]
}

/// None where nothing was counted. The last step is in the table alone if the run ended in its middle.
fn counts_figure(id: &str, title: &str, series: &[(&str, &[u64])], (step_s, whole): (f64, usize)) -> Option<Figure> {
    let total = |counts: &[u64]| counts.iter().sum::<u64>();
    let mut shown: Vec<(usize, &(&str, &[u64]))> =
        series.iter().enumerate().filter(|(_, series)| total(series.1) > 0).collect();
    if shown.is_empty() {
        return None;
    }
    shown.sort_by_key(|(_, series)| std::cmp::Reverse(total(series.1)));
    shown.truncate(MOST_LINES);
    let steps = told_steps(shown.iter().map(|(_, series)| series.1), whole);
    let step_s = if step_s > 0.0 { step_s } else { 1.0 };
    // Where a step is longer than a minute, what came in it is told as its mean minute.
    let scale = 60.0 / step_s;
    let line = |&(index, &(class, counts)): &(usize, &(&str, &[u64]))| Line {
        label: class.to_owned(),
        ink: Ink::nth(index),
        points: middles(counts.iter().take(whole).map(|&count| count as f64 * scale), step_s),
    };
    let highest = shown.iter().flat_map(|(_, series)| series.1.iter().take(whole)).copied().max().unwrap_or(0);
    let plot = Plot {
        x: Axis::time(whole as f64 * step_s),
        y: Axis::amounts(highest as f64 * scale),
        lines: shown.iter().map(line).collect(),
        limit: None,
        events: vec![],
    };
    let all: u64 = series.iter().map(|series| total(series.1)).sum();
    let description = format!("{} in all.", count(all));
    let note = format!("In whole steps of {}.", format::seconds(step_s));
    let rows = stretches(steps).map(|(from, to)| {
        let mean = |counts: &[u64]| match counts.len() {
            0 => "–".to_owned(),
            steps => format::compact(counts.iter().sum::<u64>() as f64 / steps as f64 * scale),
        };
        let means =
            shown.iter().map(|(_, series)| mean(series.1.get(from..to.min(series.1.len())).unwrap_or_default()));
        std::iter::once(span(from, to, step_s)).chain(means).collect()
    });
    let head = std::iter::once("time".to_owned()).chain(shown.iter().map(|(_, series)| series.0.to_owned()));
    let table = Table { head: head.collect(), rows: rows.collect() };
    Some(Figure::drawn(id, title, &note, &description, &plot, table))
}

/// Points in the middle of their steps.
fn middles(values: impl Iterator<Item = f64>, step_s: f64) -> Vec<(f64, f64)> {
    values.enumerate().map(|(step, value)| ((step as f64 + 0.5) * step_s, value)).collect()
}

/// The whole steps, and those behind them in which something was counted: a run ends in the middle of a step, or in its
/// first moments.
fn told_steps<'c>(series: impl Iterator<Item = &'c [u64]>, whole: usize) -> usize {
    let told = |counts: &[u64]| {
        let last = counts.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
        last.max(whole.min(counts.len()))
    };
    series.map(told).max().unwrap_or(0)
}

/// So many steps in at most [`MOST_ROWS`] stretches of one length.
fn stretches(steps: usize) -> impl Iterator<Item = (usize, usize)> {
    let stride = steps.div_ceil(MOST_ROWS).max(1);
    (0..steps).step_by(stride).map(move |from| (from, (from + stride).min(steps)))
}

fn span(from: usize, to: usize, step_s: f64) -> String {
    format!("{} to {}", format::seconds(from as f64 * step_s), format::seconds(to as f64 * step_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_came_has_no_chart() {
        let drawn = |counts: &[u64]| counts_figure("overloaded-R1", "503", &[("queries", counts)], (60.0, 3)).is_some();
        assert!(drawn(&[0, 1, 0]) && !drawn(&[0, 0, 0]));
    }

    #[test]
    fn a_step_behind_the_whole_ones_is_told_only_where_something_came_in_it() {
        let steps = |counts: &[&[u64]], whole| told_steps(counts.iter().copied(), whole);
        assert_eq!(steps(&[&[5, 0, 0], &[1, 1, 0]], 2), 2, "the last is empty");
        assert_eq!(steps(&[&[5, 0, 0], &[1, 1, 1]], 2), 3);
        assert_eq!(steps(&[&[5, 0, 0]], 3), 3, "whole steps are told without a request in them too");
        assert_eq!(steps(&[], 3), 0);
    }
}
