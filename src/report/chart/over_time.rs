//! Figures over the run's time: traffic, answers, use of a quota, lateness.

use super::super::{format, words};
use super::axis::Axis;
use super::figure::{Figure, Table};
use super::ink::Ink;
use super::plot::{Line, Plot};
use crate::summary::{ClassTimeline, EventInfo, QuotaUse, ReadingUse, Summary};

/// Lines in one chart; what is left is drawn as one sum.
const MOST_LINES: usize = 8;
/// Rows of a table behind a chart.
const MOST_ROWS: usize = 60;

/// One line's values, one per step of the timeline.
struct Series {
    label: String,
    /// Fixed before lines without data are left out: a class looks the same in every chart.
    ink: Ink,
    values: Vec<f64>,
}

/// One kind of count of a class, one per step.
type Counts = fn(&ClassTimeline) -> &[u32];

/// How steps are brought together to a row of the table.
#[derive(Clone, Copy)]
enum Together {
    Sum,
    Highest,
}

/// What the time figures share: the run's steps, its length and its events.
struct Clock<'a> {
    step_s: f64,
    duration_s: f64,
    events: &'a [EventInfo],
}

impl<'a> Clock<'a> {
    fn of(summary: &'a Summary) -> Self {
        let timeline = &summary.timeline;
        let step_s = if timeline.step_s > 0.0 { timeline.step_s } else { 1.0 };
        let duration_s = summary.run.duration_s.max(step_s * timeline.steps as f64);
        Clock { step_s, duration_s, events: &summary.run.events }
    }

    /// Points in the middle of their steps, and at both ends of what was recorded: the first and the last step are as long
    /// as the others.
    fn points(&self, values: &[f64], scale: f64) -> Vec<(f64, f64)> {
        let middle = |(step, value): (usize, &f64)| ((step as f64 + 0.5) * self.step_s, *value);
        let end = (values.len() as f64 * self.step_s).min(self.duration_s);
        let begin = values.first().map(|first| (0.0, *first));
        let end = values.last().map(|last| (end, *last));
        let points = begin.into_iter().chain(values.iter().enumerate().map(middle)).chain(end);
        points.filter(|(_, value)| value.is_finite()).map(|(at, value)| (at, value * scale)).collect()
    }

    fn plot(&self, series: &[Series], scale: f64, y: Axis) -> Plot {
        let line = |series: &Series| Line {
            label: series.label.clone(),
            ink: series.ink,
            points: self.points(&series.values, scale),
        };
        let events = self.events.iter().map(|event| event.at_s).filter(|at| (0.0..=self.duration_s).contains(at));
        Plot {
            x: Axis::time(self.duration_s),
            y,
            lines: series.iter().map(line).collect(),
            limit: None,
            events: events.collect(),
        }
    }

    fn table(&self, series: &[Series], together: Together, show: fn(f64) -> String) -> Table {
        let steps = series.iter().map(|series| series.values.len()).max().unwrap_or(0);
        let stride = steps.div_ceil(MOST_ROWS).max(1);
        let row = |from: usize| {
            let to = (from + stride).min(steps);
            let span = format!(
                "{} to {}",
                format::seconds(from as f64 * self.step_s),
                format::seconds(to as f64 * self.step_s)
            );
            let values = series.iter().map(|series| {
                let values = series.values.get(from..to.min(series.values.len())).unwrap_or_default().iter().copied();
                show(match together {
                    Together::Sum => values.sum(),
                    Together::Highest => values.fold(0.0, f64::max),
                })
            });
            std::iter::once(span).chain(values).collect()
        };
        let head = std::iter::once("time".to_owned()).chain(series.iter().map(|series| series.label.clone())).collect();
        Table { head, rows: (0..steps).step_by(stride).map(row).collect() }
    }
}

/// Requests sent, what came back, refusals and overload answers by class.
pub fn traffic(summary: &Summary) -> Vec<Figure> {
    let by_class = |values: Counts| -> Vec<Series> {
        let classes = summary.timeline.classes.iter();
        numbered(classes.map(|class| (class.class.clone(), floats(values(class)))))
    };
    vec![
        rates(summary, "sent", "Throughput by class", "requests sent", by_class(|class| &class.sent)),
        rates(summary, "answers", "What came back", "answers", answers(&summary.timeline.classes)),
        rates(summary, "refused", "Refusals (429) by class", "refusals", by_class(|class| &class.refused)),
        rates(
            summary,
            "overloaded",
            "Overload answers (503) by class",
            "overload answers",
            by_class(|class| &class.overloaded),
        ),
    ]
}

/// Use of each limit by its busiest key, the limit drawn as a line; limits that nothing was counted against are left out.
pub fn quota_use(summary: &Summary) -> Vec<Figure> {
    let used = summary.quotas.iter().enumerate().filter(|(_, quota)| !quota.readings.is_empty());
    used.map(|(index, quota)| quota_figure(summary, &format!("quota-{index}"), quota, &quota.readings[0])).collect()
}

/// How late the harness itself was.
pub fn lateness(summary: &Summary) -> Figure {
    const TITLE: &str = "Lateness of the harness";
    let clock = Clock::of(summary);
    let series = numbered([("latest departure".to_owned(), summary.timeline.late_ms.clone())]);
    let Some(highest) = highest(&series) else {
        return Figure::sentence("lateness-chart", TITLE, "No lateness was recorded.");
    };
    let plot = clock.plot(&series, 1.0, Axis::millis_from_zero(highest));
    let description = format!("At worst a request left {} late.", format::millis(highest));
    let note = "Highest lateness of a departure in each step of the run.";
    let table = clock.table(&series, Together::Highest, format::millis);
    Figure::drawn("lateness-chart", TITLE, note, &description, &plot, table)
}

fn rates(summary: &Summary, id: &str, title: &str, what: &str, series: Vec<Series>) -> Figure {
    let clock = Clock::of(summary);
    let series = busiest(series);
    let Some(highest) = highest(&series) else {
        return Figure::sentence(id, title, &format!("There were no {what} in this run."));
    };
    let scale = 1.0 / clock.step_s;
    let total: f64 = series.iter().flat_map(|series| &series.values).sum();
    let peak = format::compact(highest * scale);
    let description = format!("{} {what} in all, at most {peak} per second in one line.", format::count(total as u64));
    let note = format!("Per second, averaged over steps of {}.", format::seconds(clock.step_s));
    let table = clock.table(&series, Together::Sum, |value| format::count(value as u64));
    let plot = clock.plot(&series, scale, Axis::amounts(highest * scale));
    Figure::drawn(id, title, &note, &description, &plot, table)
}

fn quota_figure(summary: &Summary, id: &str, quota: &QuotaUse, strictest: &ReadingUse) -> Figure {
    let clock = Clock::of(summary);
    let title = format!("{}: {}", quota.class, quota.limit);
    let busiest = quota.busiest.clone().unwrap_or_else(|| "busiest key".to_owned());
    let series = numbered([(busiest, floats(&quota.series))]);
    let Some(highest) = highest(&series) else {
        return Figure::sentence(id, &title, "How its use went over time was not recorded.");
    };
    let limit = f64::from(quota.allow);
    let mut plot = clock.plot(&series, 1.0, Axis::counts(highest.max(limit) * 1.05));
    plot.limit = Some((limit, format!("limit {}", format::count(quota.allow.into()))));
    let reading = words::reading(strictest.reading);
    let note = format!("The busiest {}, {reading}.", quota.scope);
    let description =
        format!("At most {} where {} are allowed.", format::compact(highest), format::count(quota.allow.into()));
    let table = clock.table(&series, Together::Highest, |value| format::count(value as u64));
    Figure::drawn(id, &title, &note, &description, &plot, table)
}

/// What came back, over all classes.
fn answers(classes: &[ClassTimeline]) -> Vec<Series> {
    let kinds: [(&str, Counts); 4] = [
        ("served", |class| &class.served),
        ("refused (429)", |class| &class.refused),
        ("overloaded (503)", |class| &class.overloaded),
        ("other status or failed", |class| &class.failed),
    ];
    let sum = |values: Counts| classes.iter().map(|class| floats(values(class))).reduce(add).unwrap_or_default();
    numbered(kinds.into_iter().map(|(label, values)| (label.to_owned(), sum(values))))
}

/// Lines with inks in their order.
fn numbered(lines: impl IntoIterator<Item = (String, Vec<f64>)>) -> Vec<Series> {
    let line = |(index, (label, values))| Series { label, ink: Ink::nth(index), values };
    lines.into_iter().enumerate().map(line).collect()
}

/// The lines worth drawing: without those that are zero throughout, the least busy brought together if there are many.
fn busiest(mut series: Vec<Series>) -> Vec<Series> {
    let total = |series: &Series| series.values.iter().sum::<f64>();
    series.retain(|series| total(series) > 0.0);
    if series.len() <= MOST_LINES {
        return series;
    }
    series.sort_by(|a, b| total(b).total_cmp(&total(a)));
    let rest = series.split_off(MOST_LINES - 1);
    let (label, ink) = (format!("{} others", rest.len()), rest[0].ink);
    let values = rest.into_iter().map(|series| series.values).reduce(add).unwrap_or_default();
    series.push(Series { label, ink, values });
    series
}

/// The highest value of all; None if nothing rises above zero.
fn highest(series: &[Series]) -> Option<f64> {
    let values = series.iter().flat_map(|series| &series.values).copied().filter(|value| value.is_finite());
    values.reduce(f64::max).filter(|&highest| highest > 0.0)
}

fn add(mut sum: Vec<f64>, other: Vec<f64>) -> Vec<f64> {
    sum.resize(sum.len().max(other.len()), 0.0);
    sum.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
    sum
}

fn floats(counts: &[u32]) -> Vec<f64> {
    counts.iter().copied().map(f64::from).collect()
}
