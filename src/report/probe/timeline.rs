//! What came back over time, beside what the limiter that was found would have done.

use crate::probe::account::{Account, AnswerTold, Told};
use crate::report::chart::axis::Axis;
use crate::report::chart::ink::Ink;
use crate::report::chart::plot::{Line, Plot};
use crate::report::chart::{Figure, Table};
use crate::report::format;

/// Rows of a table behind a chart.
const MOST_ROWS: usize = 60;

/// A line's name, and which requests it counts.
type Kind = (&'static str, fn(&Told) -> bool);

pub fn figures(account: &Account) -> Vec<Figure> {
    std::iter::once(answers(account)).chain((!account.is_of_streams()).then(|| left(account))).collect()
}

/// How many were admitted and refused so far, and how many the limiter that was found would have admitted.
fn answers(account: &Account) -> Figure {
    const TITLE: &str = "Admitted and refused so far";
    if account.exchanges.is_empty() {
        return Figure::sentence("answers", TITLE, "Nothing was sent.");
    }
    let duration = duration(account);
    let kinds: [Kind; 3] = [
        ("admitted", |told| told.answer == AnswerTold::Admitted),
        ("refused", |told| told.answer == AnswerTold::Refused),
        ("admitted by the limiter that was found", |told| told.forecast == Some(true)),
    ];
    let counted = |(index, (label, counts)): (usize, Kind)| {
        let count = account.exchanges.iter().filter(|told| counts(told)).count();
        (count > 0).then(|| Line {
            label: label.to_owned(),
            ink: Ink::nth(index),
            points: steps(&account.exchanges, duration, counts),
        })
    };
    let lines: Vec<Line> = kinds.into_iter().enumerate().filter_map(counted).collect();
    let highest = lines.iter().flat_map(|line| line.points.last()).map(|(_, count)| *count).fold(0.0, f64::max);
    let total = |counts: fn(&Told) -> bool| account.exchanges.iter().filter(|told| counts(told)).count();
    let description = format!("{} admitted and {} refused in all.", total(kinds[0].1), total(kinds[1].1));
    let note = "Where the third line covers the first, the limiter that was found explains what was admitted.";
    let plot = Plot { x: Axis::time(duration), y: Axis::counts(highest), lines, limit: None, events: Vec::new() };
    Figure::drawn("answers", TITLE, note, &description, &plot, table(account, kinds))
}

/// A line that rises by one with each request that counts.
fn steps(exchanges: &[Told], duration: f64, counts: fn(&Told) -> bool) -> Vec<(f64, f64)> {
    let mut points = vec![(0.0, 0.0)];
    let mut count = 0.0;
    for told in exchanges.iter().filter(|told| counts(told)) {
        points.push((told.sent_s, count));
        count += 1.0;
        points.push((told.sent_s, count));
    }
    points.push((duration, count));
    points
}

fn table(account: &Account, kinds: [Kind; 3]) -> Table {
    let stride = account.exchanges.len().div_ceil(MOST_ROWS).max(1);
    let head = std::iter::once("until").chain(kinds.iter().map(|(label, _)| *label)).map(str::to_owned).collect();
    let row = |end: usize| {
        let so_far = &account.exchanges[..end];
        let counted =
            kinds.iter().map(|(_, counts)| format::count(so_far.iter().filter(|told| counts(told)).count() as u64));
        std::iter::once(format::moment(so_far[end - 1].sent_s)).chain(counted).collect()
    };
    let ends = (1..=account.exchanges.len()).filter(|end| end % stride == 0 || *end == account.exchanges.len());
    Table { head, rows: ends.map(row).collect() }
}

/// How much the first client had left by the limiter that was found.
fn left(account: &Account) -> Figure {
    const TITLE: &str = "What was left of the quota";
    let highest = account.left.iter().map(|(_, left)| *left).max().unwrap_or_default();
    if highest == 0 {
        let why = "No limiter was settled whose quota could be followed over time.";
        return Figure::sentence("left", TITLE, why);
    }
    let limit = account.outcome.measured.as_ref().map(|measured| f64::from(measured.limit.1));
    let points: Vec<(f64, f64)> = account.left.iter().map(|(at, left)| (*at, f64::from(*left))).collect();
    let line = Line { label: "left of the first client".to_owned(), ink: Ink::nth(0), points };
    let stride = account.left.len().div_ceil(MOST_ROWS).max(1);
    let rows = account.left.iter().step_by(stride);
    let table = Table {
        head: vec!["at".to_owned(), "left".to_owned()],
        rows: rows.map(|(at, left)| vec![format::moment(*at), left.to_string()]).collect(),
    };
    let plot = Plot {
        x: Axis::time(duration(account)),
        y: Axis::counts(limit.unwrap_or_default().max(f64::from(highest))),
        lines: vec![line],
        limit: limit.map(|limit| (limit, format!("limit {limit}"))),
        events: Vec::new(),
    };
    let note = "By the limiter that was found: how it was used up by each experiment, and came back.";
    Figure::drawn("left", TITLE, note, "It falls with each request that is let in.", &plot, table)
}

fn duration(account: &Account) -> f64 {
    account.exchanges.iter().map(|told| told.done_s).fold(account.outcome.took_s, f64::max)
}
