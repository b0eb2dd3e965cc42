//! One field at several values: a table, and two charts for the page.

use super::super::chart::axis::Axis;
use super::super::chart::ink::Ink;
use super::super::chart::plot::{Line, Plot};
use super::super::chart::{Figure, Table};
use super::super::format::{count, percent};
use super::super::words;
use super::{Grid, Section, counted, head, origin_text};
use crate::summary::Safety;
use crate::summary::finding::Verdict;
use crate::summary::plan::{Origin, Sweep, SweepPoint, SweptGate, SweptUse};

/// Values that have a label of their own; of more, only some do.
const MOST_TICKS: usize = 6;

pub(super) fn section(sweep: &Sweep) -> Section {
    let today = sweep.today.as_ref().map_or(String::new(), |today| format!(", which is {today} in the profile"));
    let table = Grid {
        title: "At each value",
        words: 2,
        head: head(["value", "tightest limit", "peak", "headroom", "devices", "requests", "refused"]),
        rows: sweep.points.iter().map(row).collect(),
    };
    Section {
        id: "plan-sweep",
        title: "Over a range of values",
        sentences: [
            Some(format!("{} was varied{today}.", sweep.path)),
            Some(turning_point(sweep)),
            unproven(sweep),
            sums(&sweep.origin),
        ]
        .into_iter()
        .flatten()
        .collect(),
        tables: std::iter::once(table).chain(gates(sweep)).collect(),
        figures: figures(sweep),
        origin: origin_text(&sweep.origin),
        command: sweep.origin.command.clone(),
    }
}

/// What stands for all seeds together.
fn sums(origin: &Origin) -> Option<String> {
    let seeds = origin.seeds.len();
    (seeds > 1).then(|| format!("Requests and refusals are those of {seeds} plays together, one for each seed; all else is the worst of them."))
}

/// Where limits begin to be exceeded.
fn turning_point(sweep: &Sweep) -> String {
    let over = |point: &&SweepPoint| point.quotas.iter().any(is_over);
    let (bad, good): (Vec<&SweepPoint>, Vec<&SweepPoint>) = sweep.points.iter().partition(over);
    let values =
        |points: &[&SweepPoint]| points.iter().map(|point| point.value.as_str()).collect::<Vec<_>>().join(", ");
    match (bad.as_slice(), good.as_slice()) {
        ([], _) => "No limit was exceeded at any of these values.".to_owned(),
        (_, []) => "Some limit was exceeded at each of these values.".to_owned(),
        (bad, good) => format!("Some limit was exceeded at {}, none at {}.", values(bad), values(good)),
    }
}

/// Where nothing was seen to be exceeded because too little was seen.
fn unproven(sweep: &Sweep) -> Option<String> {
    let open = |point: &&SweepPoint| tightest(point).is_some_and(|used| used.safety == Safety::Unproven);
    let values: Vec<&str> = sweep.points.iter().filter(open).map(|point| point.value.as_str()).collect();
    (!values.is_empty())
        .then(|| format!("At {} too little was played to show that the limit is kept.", values.join(", ")))
}

/// How the profile's gates came out.
fn gates(sweep: &Sweep) -> Option<Grid> {
    let row = |point: &SweepPoint| vec![point.value.clone(), gates_text(point)];
    sweep.points.iter().any(|point| !point.gates.is_empty()).then(|| Grid {
        title: "The profile's gates at each value",
        words: 2,
        head: head(["value", "gates"]),
        rows: sweep.points.iter().map(row).collect(),
    })
}

fn gates_text(point: &SweepPoint) -> String {
    let told = |gate: &SweptGate| match gate.verdict {
        Some(Verdict::Pass) => None,
        Some(verdict) => Some(format!("{}: {}", words::gate(verdict).word, gate.gate)),
        None => Some(format!("left to a run: {}", gate.gate)),
    };
    let told: Vec<String> = point.gates.iter().filter_map(told).collect();
    match (told.is_empty(), point.gates.len() > told.len()) {
        (true, _) => "all hold".to_owned(),
        (false, true) => format!("{}; all else holds", told.join("; ")),
        (false, false) => told.join("; "),
    }
}

/// Under the strictest reading.
fn is_over(used: &SweptUse) -> bool {
    matches!(used.safety, Safety::Over | Safety::DependsOnReading)
}

fn row(point: &SweepPoint) -> Vec<String> {
    let tightest = tightest(point);
    let none = || "–".to_owned();
    vec![
        point.value.clone(),
        tightest.map_or_else(none, |used| format!("{} ({})", used.class, used.limit)),
        tightest
            .map_or_else(none, |used| format!("{} of {}", counted(used.peak, used.at_least), count(used.allow.into()))),
        tightest.map_or_else(none, |used| match used.safety {
            Safety::Unproven => "not shown to last".to_owned(),
            _ => words::headroom(used.headroom),
        }),
        count(point.devices.into()),
        count(point.requests),
        count(point.refused),
    ]
}

/// What is exceeded first of all; else a limit on a rate: one stream of one is as it should be, and says nothing about what
/// is to spare.
fn tightest(point: &SweepPoint) -> Option<&SweptUse> {
    let rank = |used: &SweptUse| (share(used) > 1.0, used.on_a_rate);
    let used = point.quotas.iter().filter(|used| used.peak > 0);
    used.max_by(|a, b| rank(a).cmp(&rank(b)).then(share(a).total_cmp(&share(b))))
}

/// How much of a limit was used at the busiest moment.
fn share(used: &SweptUse) -> f64 {
    f64::from(used.peak) / f64::from(used.allow.max(1))
}

fn figures(sweep: &Sweep) -> Vec<Figure> {
    let used = |used: &SweptUse| used.peak > 0;
    let refused = |used: &SweptUse| used.refused_ratio.is_some_and(|ratio| ratio > 0.0);
    let mut figures = Vec::new();
    let lines = lines(sweep, used, |used| Some(100.0 * share(used)));
    figures.push(figure(
        sweep,
        "plan-sweep-use",
        "Most of each limit that was used, in percent",
        lines,
        Some((100.0, "the limit".to_owned())),
    ));
    let lines = self::lines(sweep, refused, |used| used.refused_ratio.map(|ratio| 100.0 * ratio));
    if !lines.is_empty() {
        figures.push(figure(sweep, "plan-sweep-refused", "Requests refused, in percent", lines, None));
    }
    figures
}

/// One line per limit for which `shown` holds at some value.
fn lines(sweep: &Sweep, shown: fn(&SweptUse) -> bool, figure: fn(&SweptUse) -> Option<f64>) -> Vec<Line> {
    let limits = sweep.points.first().map_or(0, |point| point.quotas.len());
    let line = |index: usize| {
        let uses: Vec<&SweptUse> = sweep.points.iter().filter_map(|point| point.quotas.get(index)).collect();
        let label = uses.iter().find(|used| shown(used)).map(|used| format!("{}, {}", used.class, used.limit))?;
        let mut points: Vec<(f64, f64)> = sweep
            .points
            .iter()
            .zip(&uses)
            .filter_map(|(point, used)| Some((position(sweep, point.number), figure(used).filter(|y| y.is_finite())?)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some(Line { label, ink: Ink::nth(index), points })
    };
    (0..limits).filter_map(line).collect()
}

fn figure(sweep: &Sweep, id: &str, title: &str, lines: Vec<Line>, limit: Option<(f64, String)>) -> Figure {
    if lines.is_empty() {
        return Figure::sentence(id, title, "Nothing was counted against any limit.");
    }
    let highest = lines.iter().flat_map(|line| &line.points).map(|point| point.1);
    let highest = highest.chain(limit.as_ref().map(|limit| limit.0)).fold(0.0, f64::max);
    let table = table(sweep, &lines);
    let note = format!("{} across{}.", sweep.path, if sweep.log { ", evenly by factor" } else { "" });
    let last: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            Some(format!(
                "{}: {} at most.",
                line.label,
                percent(line.points.iter().map(|p| p.1).reduce(f64::max)? / 100.0)
            ))
        })
        .collect();
    let plot = Plot { x: axis(sweep), y: Axis::amounts(highest), lines, limit, events: Vec::new() };
    Figure::drawn(id, title, &note, &last.join(" "), &plot, table)
}

/// Where a value stands across. A stored plan may have been edited: what is no number stands at zero.
fn position(sweep: &Sweep, number: f64) -> f64 {
    let number = if number.is_finite() { number } else { 0.0 };
    if sweep.log { number.max(1e-9).log10() } else { number }
}

/// From the smallest to the largest value, labelled by values themselves.
fn axis(sweep: &Sweep) -> Axis {
    let at = |point: &SweepPoint| position(sweep, point.number);
    let every = sweep.points.len().div_ceil(MOST_TICKS).max(1);
    let mut ticks: Vec<(f64, String)> =
        sweep.points.iter().step_by(every).map(|point| (at(point), point.value.clone())).collect();
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (from, to) = sweep.points.iter().map(at).fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    // One value alone stands in the middle.
    let (from, to) = if to > from { (from, to) } else { (from - 1.0, from + 1.0) };
    Axis { from, to, ticks: apart(ticks, (to - from) / MOST_TICKS as f64 / 1.5) }
}

/// Labels that do not run into each other.
fn apart(ticks: Vec<(f64, String)>, least: f64) -> Vec<(f64, String)> {
    let mut kept: Vec<(f64, String)> = Vec::new();
    for tick in ticks {
        if kept.last().is_none_or(|last| tick.0 - last.0 >= least) {
            kept.push(tick);
        }
    }
    kept
}

/// The numbers behind a chart, one row per value.
fn table(sweep: &Sweep, lines: &[Line]) -> Table {
    let row = |point: &SweepPoint| {
        let at = position(sweep, point.number);
        let value = |line: &Line| {
            let found = line.points.iter().find(|(x, _)| *x == at);
            found.map_or_else(|| "–".to_owned(), |(_, y)| percent(y / 100.0))
        };
        std::iter::once(point.value.clone()).chain(lines.iter().map(value)).collect()
    };
    let labels = lines.iter().map(|line| line.label.clone());
    Table {
        head: std::iter::once("value".to_owned()).chain(labels).collect(),
        rows: sweep.points.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_value_at_which_too_little_was_seen_is_not_told_as_kept() {
        let mut sweep = sample::plan::plan().sweep.unwrap();
        sweep.points.truncate(2);
        let used = &mut sweep.points[0].quotas[0];
        (used.safety, used.headroom) = (Safety::Unproven, None);
        let section = section(&sweep);
        let told = "At 1 too little was played to show that the limit is kept.";
        assert!(section.sentences.iter().any(|sentence| sentence == told), "{:?}", section.sentences);
        assert_eq!(section.tables[0].rows[0][3], "not shown to last");
        assert_eq!(section.tables[0].rows[1][3], "0% unused");
    }

    #[test]
    fn gates_that_do_not_hold_are_named_beside_those_that_do() {
        let gate = |gate: &str, verdict| SweptGate { gate: gate.to_owned(), verdict };
        let mut point = sample::plan::plan().sweep.unwrap().points.remove(0);
        let mut told = |gates: Vec<SweptGate>| {
            point.gates = gates;
            gates_text(&point)
        };
        let (holds, fails, left) = (gate("a", Some(Verdict::Pass)), gate("b", Some(Verdict::Fail)), gate("c", None));
        assert_eq!(told(vec![holds.clone()]), "all hold");
        assert_eq!(told(vec![holds, fails.clone(), left.clone()]), "fail: b; left to a run: c; all else holds");
        assert_eq!(told(vec![left, fails]), "left to a run: c; fail: b");
    }
}
