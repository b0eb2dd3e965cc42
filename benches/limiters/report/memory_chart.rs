//! How much stores take for each key as keys grow more.

use quotaproof::report::chart::axis::Axis;
use quotaproof::report::chart::ink::Ink;
use quotaproof::report::chart::plot::{Line, Plot};
use quotaproof::report::chart::{Figure, Table};
use quotaproof::report::format;

use super::data::Contender;
use super::sections::shown;
use super::tables::tenths;

/// Those that differ by their store and not by their algorithm.
const STORES: [&str; 5] = ["GCRA", "GCRA, for threads", "governor, dashmap", "governor, hashmap", "throttlecrab"];

pub fn figure(contenders: &[Contender]) -> Figure {
    let stores: Vec<&Contender> = contenders.iter().filter(|it| STORES.contains(&it.name.as_str())).collect();
    let lines: Vec<Line> = stores.iter().enumerate().map(|(index, it)| line(index, it)).collect();
    let highest = lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
    let last = lines.iter().flat_map(|line| line.points.last()).map(|point| point.0).fold(0.0, f64::max);
    let plot = Plot { x: Axis::amounts(last), y: Axis::amounts(highest), lines, limit: None, events: vec![] };
    let description = "Bytes for each key, by the number of keys that a store holds.";
    let note = "Bytes for each key (vertical) by the number of keys (horizontal). Stores grow by leaps.";
    Figure::drawn("bytes-by-keys", "Memory as keys grow more", note, description, &plot, table(&stores))
}

fn line(index: usize, contender: &Contender) -> Line {
    let points = contender.bytes_by_keys.iter().map(|&(keys, bytes)| (f64::from(keys), bytes)).collect();
    Line { label: shown(contender), ink: Ink::nth(index), points }
}

/// Not every step of the chart.
pub fn table(stores: &[&Contender]) -> Table {
    const EVERY: usize = 5;
    let head = std::iter::once("Keys".to_owned()).chain(stores.iter().map(|it| shown(it))).collect();
    let steps = stores.first().map_or(&[][..], |it| &it.bytes_by_keys).iter().skip(EVERY - 1).step_by(EVERY);
    let row = |keys: u32| {
        let bytes = |it: &&Contender| it.bytes(keys).map_or("-".to_owned(), tenths);
        std::iter::once(format::count(keys.into())).chain(stores.iter().map(bytes)).collect()
    };
    Table { head, rows: steps.map(|(keys, _)| row(*keys)).collect() }
}
