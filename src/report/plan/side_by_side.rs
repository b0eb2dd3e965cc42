//! Two profiles side by side.

use super::super::format::count;
use super::super::words;
use super::{Grid, Section, counted, fleet_text, head, origin_text};
use crate::summary::plan::{ClassChange, Comparison, QuotaChange, Side};

pub(super) fn section(comparison: &Comparison) -> Section {
    let (before, after) = (&comparison.before, &comparison.after);
    let mut sentences = vec![side_text("Before", before), side_text("After", after)];
    sentences.extend(comparison.words.iter().cloned());
    let classes = Grid {
        title: "Requests before and after",
        words: 1,
        head: head([
            "class",
            "requests before",
            "after",
            "refused before",
            "after",
            "given up before",
            "after",
            "frames before",
            "after",
        ]),
        rows: comparison.classes.iter().map(class_row).collect(),
    };
    let quotas = Grid {
        title: "Quota use before and after, strictest reading",
        words: 2,
        head: head(["class", "limit", "peak before", "after", "headroom before", "after"]),
        rows: comparison.quotas.iter().map(quota_row).collect(),
    };
    Section {
        id: "plan-comparison",
        title: "Before and after",
        sentences,
        tables: [classes, quotas].into_iter().filter(|grid| !grid.rows.is_empty()).collect(),
        figures: Vec::new(),
        origin: format!("before: {}; after: {}", origin_text(&before.origin), origin_text(&after.origin)),
        command: before.origin.command.clone(),
    }
}

fn side_text(which: &str, side: &Side) -> String {
    let mark = words::exit(side.exit);
    format!("{which}: {} ({}), {}: {}", side.origin.profile, fleet_text(&side.fleet), mark.word, side.headline)
}

fn class_row(change: &ClassChange) -> Vec<String> {
    let pairs = [change.requests, change.refused, change.given_up, change.frames];
    let numbers = pairs.iter().flat_map(|pair| [count(pair.before), count(pair.after)]);
    std::iter::once(change.class.clone()).chain(numbers).collect()
}

fn quota_row(change: &QuotaChange) -> Vec<String> {
    let peak = |peak: u32, at_least: bool| format!("{} of {}", counted(peak, at_least), count(change.allow.into()));
    vec![
        change.class.clone(),
        change.limit.clone(),
        peak(change.peak.before, change.at_least.before),
        peak(change.peak.after, change.at_least.after),
        words::headroom(change.headroom.before),
        words::headroom(change.headroom.after),
    ]
}
