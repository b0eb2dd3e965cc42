//! What a limiter costs whose state is in Redis.

use std::collections::{BTreeMap, BTreeSet};

use quotaproof::report::format::count;

use super::bars::{self, Bar};
use super::data::{OverTheWire, Redis, Waited};
use super::sections::{Block, NOT_LOOKED_AT, Section, Table, WORST_WINDOW};
use super::tables::{RIGHTNESS_WORDS, by_workload, judged, rightness_head};

const TITLE: &str = "Over the wire: limiters in Redis";

pub fn not_measured() -> Section {
    let text =
        "Not measured yet: `cargo bench --bench limiters_redis` does, with a redis-server that it starts and stops.";
    Section { id: "redis", short: "Redis", title: TITLE.to_owned(), blocks: vec![Block::Text(text.to_owned())] }
}

pub fn in_short(figures: &Redis) -> Vec<String> {
    let worst = figures.limiters.iter().max_by_key(|it| it.race.admitted);
    let over = worst.filter(|it| it.race.admitted > it.race.allowed);
    let over = over.map(|it| {
        let (admitted, allowed) = (count(it.race.admitted), count(it.race.allowed));
        format!("{}: {admitted} admitted where {allowed} are allowed, when several callers ask at a time.", it.name)
    });
    medians(figures).into_iter().chain(over).collect()
}

/// Of the quickest and of the slowest.
fn medians(figures: &Redis) -> Option<String> {
    let median = |it: &'_ OverTheWire| it.us.first_key_value().map(|(_, waited)| waited.p50_us);
    let of = |it| median(it).map(|us| (us, &it.name));
    let mut all: Vec<(f64, &String)> = figures.limiters.iter().filter_map(of).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let [(least, quick), .., (most, slow)] = all[..] else { return None };
    Some(format!(
        "In Redis on the same machine, a decision takes one caller {least:.0} µs ({quick}) to {most:.0} µs ({slow}) in the median."
    ))
}

pub fn section(figures: &Redis) -> Section {
    let intro = format!(
        "A real Redis {} on loopback, without persistence or pipelining; {} per {} for each key. The time is what a caller waits for one decision. In a race, \
         several callers ask for one key at one moment.",
        figures.version, figures.allow, figures.per
    );
    let limiters = figures.limiters.iter().map(|it| bar(&it.name, &it.us, true));
    let bars: Vec<Bar> = limiters.chain([bar("nothing (PING)", &figures.ping, false)]).collect();
    let chart = bars::figure("redis", "A decision over the wire", "Median of one caller's waits.", "Time", &bars);
    let found = Table {
        title: "What the suite found over the wire",
        head: rightness_head(),
        words: RIGHTNESS_WORDS,
        rows: figures.limiters.iter().map(|it| judged(&it.name, &it.rightness)).collect(),
    };
    Section {
        id: "redis",
        short: "Redis",
        title: TITLE.to_owned(),
        blocks: vec![
            Block::Text(intro),
            Block::Table(costs(figures)),
            Block::Charts(vec![chart]),
            Block::Table(races(figures)),
            Block::Table(found),
            Block::Text(NOT_LOOKED_AT.to_owned()),
            Block::Text(WORST_WINDOW.to_owned()),
            Block::Table(by_workload(figures.limiters.iter().map(|it| (it.name.clone(), &it.rightness)))),
        ],
    }
}

fn bar(name: &str, waits: &BTreeMap<usize, Waited>, ours: bool) -> Bar {
    let value = waits.first_key_value().map(|(_, waited)| waited.p50_us);
    Bar { name: name.to_owned(), value, text: value.map_or("not known".to_owned(), |us| format!("{us:.0} µs")), ours }
}

fn costs(figures: &Redis) -> Table {
    let connections: BTreeSet<usize> = figures.limiters.iter().flat_map(|it| it.us.keys().copied()).collect();
    let mut head = vec!["Limiter".to_owned(), "Round trips".to_owned()];
    for count in &connections {
        let who = if *count == 1 { "1 connection".to_owned() } else { format!("{count} connections") };
        head.extend([format!("{who}: p50, µs"), "p99, µs".to_owned(), "a second".to_owned()]);
    }
    let row = |name: &str, round_trips: &str, waits: &BTreeMap<usize, Waited>| {
        let mut row = vec![name.to_owned(), round_trips.to_owned()];
        for callers in &connections {
            row.extend(match waits.get(callers) {
                Some(waited) => [
                    count(waited.p50_us.round() as u64),
                    count(waited.p99_us.round() as u64),
                    count(waited.decisions_a_second as u64),
                ],
                None => ["-", "-", "-"].map(str::to_owned),
            });
        }
        row
    };
    let limiters = figures.limiters.iter().map(|it| row(&it.name, &it.round_trips, &it.us));
    Table {
        title: "A decision over the wire",
        head,
        words: 2,
        rows: limiters.chain([row("nothing (PING)", "1", &figures.ping)]).collect(),
    }
}

fn races(figures: &Redis) -> Table {
    let names = ["Limiter", "Callers", "Rounds", "Allowed", "Admitted", "Most in a round"];
    let row = |it: &OverTheWire| {
        let race = it.race;
        let figures = [race.callers as u64, race.rounds, race.allowed, race.admitted, race.most].map(count);
        std::iter::once(it.name.clone()).chain(figures).collect()
    };
    Table {
        title: "Callers that race for one key",
        head: names.map(str::to_owned).to_vec(),
        words: 1,
        rows: figures.limiters.iter().map(row).collect(),
    }
}
