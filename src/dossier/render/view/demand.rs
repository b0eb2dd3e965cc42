//! Part 3: what the fleet asks for.

use super::super::super::model::{Dossier, LimitDemand};
use super::super::{figures, words};
use super::{Block, nothing, shown, table, titled_table};
use crate::report::format::{self, compact, count};
use crate::report::words as report_words;
use crate::summary::Safety;

pub fn demand(dossier: &Dossier) -> Vec<Block> {
    let demand = &dossier.demand;
    let used: Vec<&LimitDemand> = demand.limits.iter().filter(|limit| !limit.readings.is_empty()).collect();
    if used.is_empty() {
        return vec![nothing("Nothing was counted against any limit.")];
    }
    let cite = words::cite(dossier, &demand.source);
    let mut blocks = vec![Block::Text(binding(&used))];
    blocks.push(Block::Lead(format!(
        "What the busiest key of each limit asked for in one window, under the strictest reading of the limit's words; mean \
         and p95 over time, from the first whole window on. First attempts are the peak without what was sent again after a \
         refusal or a failure. Headroom is what its peak leaves. All of one run {cite}."
    )));
    let head = ["class", "limit", "verdict", "mean", "p95", "peak", "first attempts", "allowed", "headroom"];
    blocks.push(table("Demand by limit", 3, &head, used.iter().map(|limit| row(limit)).collect()));
    blocks.push(Block::Charts(figures::quota_use(dossier)));
    blocks.extend(together(&used));
    blocks.extend(readings(&used));
    blocks.extend(elsewhere(dossier, &used));
    let unused: Vec<String> = demand.limits.iter().filter(|limit| limit.readings.is_empty()).map(named).collect();
    if !unused.is_empty() {
        blocks.push(Block::Lead(format!("Nothing was counted against: {}.", unused.join("; "))));
    }
    blocks
}

fn named(limit: &LimitDemand) -> String {
    format!("{} ({})", limit.class, limit.limit)
}

/// Which window gives way first.
fn binding(used: &[&LimitDemand]) -> String {
    let over = used.iter().filter(|limit| limit.safety == Safety::Over).count();
    let depends = used.iter().filter(|limit| limit.safety == Safety::DependsOnReading).count();
    let Some(binding) = used.iter().find(|limit| limit.binds) else {
        return "No whole window of any limit was seen, so none is shown to bind.".to_owned();
    };
    let tightest = format!("{} binds: {}.", named(binding), words::headroom(binding));
    match (over, depends) {
        (0, 0) => tightest,
        (over, 0) => format!("{tightest} {} exceeded under every reading.", limits(over)),
        (0, depends) => format!("{tightest} {} kept under some readings only.", limits(depends)),
        (over, depends) => {
            format!("{tightest} {} exceeded under every reading, {} under some.", limits(over), count(depends as u64))
        }
    }
}

fn limits(number: usize) -> String {
    if number == 1 { "One limit is".to_owned() } else { format!("{} limits are", count(number as u64)) }
}

fn row(limit: &LimitDemand) -> Vec<String> {
    let mark = shown(report_words::safety(limit.safety));
    let strictest = &limit.readings[0];
    vec![
        if limit.binds { format!("{} (binds)", limit.class) } else { limit.class.clone() },
        limit.limit.clone(),
        mark,
        limit.mean.map_or_else(|| "–".to_owned(), compact),
        limit.p95.map_or_else(|| "–".to_owned(), |p95| count(p95.into())),
        words::peak(strictest.peak, strictest.at_least),
        limit.first_attempts_peak.map_or_else(|| "–".to_owned(), |peak| count(peak.into())),
        count(limit.allow.into()),
        words::headroom(limit),
    ]
}

/// What all keys of each limit ask for: the load that it is to the provider.
fn together(used: &[&LimitDemand]) -> Vec<Block> {
    let row = |limit: &&LimitDemand| {
        vec![limit.class.clone(), limit.limit.clone(), count(limit.keys), compact(limit.per_second)]
    };
    let head = ["class", "limit", "keys", "requests per second, all keys"];
    titled_table("All keys together", "", 2, &head, used.iter().map(row).collect())
}

/// The peaks under each reading, where the words allow several.
fn readings(used: &[&LimitDemand]) -> Vec<Block> {
    let several = used.iter().filter(|limit| limit.readings.len() > 1);
    let rows = several.flat_map(|limit| {
        limit.readings.iter().map(|used| {
            vec![
                limit.class.clone(),
                report_words::reading(used.reading).to_owned(),
                words::peak(used.peak, used.at_least),
                count(limit.allow.into()),
                count(used.over),
                format::seconds(used.peak_at_s),
            ]
        })
    });
    let lead = "The documents do not say how requests are counted. Each way that their words allow; the peak of a bucket is \
                the size that it would have needed at its refill:";
    let head = ["class", "counted as", "peak", "allowed", "requests beyond", "peak at"];
    titled_table("Under each reading", lead, 2, &head, rows.collect())
}

fn profile<'a>(dossier: &'a Dossier, source: &str) -> &'a str {
    dossier.reference(source).map_or("", |reference| reference.profile.as_str())
}

fn elsewhere(dossier: &Dossier, used: &[&LimitDemand]) -> Vec<Block> {
    let rows = used.iter().flat_map(|limit| {
        limit.elsewhere.iter().map(|other| {
            vec![
                limit.class.clone(),
                format!("{} {}", profile(dossier, &other.source), words::cite(dossier, &other.source)),
                shown(report_words::safety(other.safety)),
                words::peak(other.peak, other.at_least),
                count(limit.allow.into()),
                report_words::headroom(other.headroom),
            ]
        })
    });
    let head = ["class", "run", "verdict", "peak", "allowed", "headroom"];
    titled_table("The same limits in the other runs", "", 3, &head, rows.collect())
}
