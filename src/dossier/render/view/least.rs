//! Part 7: the least that suffices, and what refusals cost.

use super::super::super::model::{CostOfRefusal, Dossier, Sourced};
use super::super::{figures, words};
use super::{Block, nothing, titled_table};
use crate::report::format::{self, count, percent};
use crate::report::words as report_words;
use crate::summary::plan::{FleetAnswer, LargestFleet, Need, QuotaAnswer, QuotaCheck, Sweep};

pub fn least(dossier: &Dossier) -> Vec<Block> {
    let least = &dossier.least;
    let mut blocks: Vec<Block> = Vec::new();
    blocks.extend(least.quotas.iter().flat_map(|search| quota(dossier, search)));
    if least.quotas.is_empty() {
        blocks
            .push(nothing("No search for the least quota was made: `quotaproof plan PROFILE --find quota` makes one."));
    }
    blocks.extend(least.fleets.iter().flat_map(|search| fleet(dossier, search)));
    blocks.extend(least.sweeps.iter().flat_map(|sweep| swept(dossier, sweep)));
    blocks.extend(cost(dossier));
    blocks
}

fn quota(dossier: &Dossier, search: &Sourced<QuotaAnswer>) -> Vec<Block> {
    let answer = &search.answer;
    let delay = answer.delay_s.map_or_else(String::new, |delay| {
        format!(", none later than {} because of refusals (99th percentile)", format::seconds(delay))
    });
    let headroom =
        if answer.headroom > 0.0 { format!(", {} to stay unused", percent(answer.headroom)) } else { String::new() };
    let lead = format!(
        "Simulated {} with {}, {} of each: at most {} of a class's requests refused{delay}{headroom}. Several numbers are \
         the span over the seeds; the largest suffices with each of them.",
        words::cite(dossier, &search.source),
        words::seeds(&answer.origin.seeds),
        format::seconds(answer.origin.duration_s),
        percent(answer.refused_ratio),
    );
    let head = ["class", "limit", "counted as", "found", "now", "least"];
    let mut blocks = titled_table("Least quota", &lead, 4, &head, answer.needs.iter().map(need_row).collect());
    blocks.extend(sensitivity(answer));
    let head = ["counted as", "verdict", "requests", "refused", "highest share of a class", "added delay, p99"];
    let rows = answer.checks.iter().map(check_row).collect();
    let lead = "All the least limits at once, enforced in simulation:";
    blocks.extend(titled_table("Held against themselves", lead, 2, &head, rows));
    if !answer.unproven.is_empty() {
        blocks
            .push(Block::Lead(format!("Not judged, since no whole window was seen: {}.", answer.unproven.join("; "))));
    }
    blocks
}

fn need_row(need: &Need) -> Vec<String> {
    vec![
        need.class.clone(),
        need.limit.clone(),
        report_words::reading(need.reading).to_owned(),
        if need.is_peak { "as the busiest moment" } else { "by trying" }.to_owned(),
        count(need.allow.into()),
        words::spread(need.least),
    ]
}

/// One row per change, one column per limit: the largest need over the readings.
fn sensitivity(answer: &QuotaAnswer) -> Vec<Block> {
    let mut limits: Vec<(&str, &str)> = Vec::new();
    for need in &answer.needs {
        if !limits.contains(&(&need.class, &need.limit)) {
            limits.push((&need.class, &need.limit));
        }
    }
    let row = |what: &str, fleet: String, needs: &[Need]| {
        let least = limits.iter().map(|(class, limit)| {
            words::largest(needs, class, limit).map_or_else(|| "–".to_owned(), |need| words::spread(need.least))
        });
        [what.to_owned(), fleet].into_iter().chain(least).collect::<Vec<_>>()
    };
    if answer.sensitivity.is_empty() {
        return Vec::new();
    }
    let as_it_is = row("as it is", String::new(), &answer.needs);
    let varied = answer.sensitivity.iter().map(|it| row(&it.what, words::group_counts(&it.fleet), &it.needs));
    let rows = std::iter::once(as_it_is).chain(varied).collect();
    let head: Vec<&str> = ["what is changed", "fleet"].into_iter().chain(limits.iter().map(|limit| limit.0)).collect();
    titled_table("How sure is that?", "The least quota when one thing is otherwise:", 2, &head, rows)
}

fn check_row(check: &QuotaCheck) -> Vec<String> {
    let holds = if check.holds { "✓ holds" } else { "✗ does not hold" };
    vec![
        report_words::reading(check.reading).to_owned(),
        holds.to_owned(),
        count(check.enforced.requests),
        count(check.enforced.refused),
        percent(check.refused_ratio),
        format::seconds(check.delay_s),
    ]
}

fn fleet(dossier: &Dossier, search: &Sourced<FleetAnswer>) -> Vec<Block> {
    let answer = &search.answer;
    let lead = format!(
        "The largest fleet that stays within today's limits, simulated {} with {}. Today: {}.",
        words::cite(dossier, &search.source),
        words::seeds(&answer.origin.seeds),
        words::group_counts(&answer.today),
    );
    let head = ["counted as", "what breaks first", "largest fleet", "over the seeds"];
    titled_table("What fits today", &lead, 2, &head, answer.readings.iter().map(fleet_row).collect())
}

fn fleet_row(largest: &LargestFleet) -> Vec<String> {
    let at_least = if largest.at_least { "at least " } else { "" };
    let binding = largest.binding.as_ref().map_or_else(
        || "nothing up to that size".to_owned(),
        |binding| format!("{} ({}) at {}", binding.class, binding.limit, binding.time_of_day),
    );
    let fleet = if largest.fleet.is_empty() {
        "none".to_owned()
    } else {
        format!("{at_least}{}", words::group_counts(&largest.fleet))
    };
    vec![report_words::reading(largest.reading).to_owned(), binding, fleet, words::spread(largest.over_seeds)]
}

fn swept(dossier: &Dossier, sweep: &Sourced<Sweep>) -> Vec<Block> {
    let answer = &sweep.answer;
    let heading = Block::Heading(format!("With another {}", answer.path));
    let today = answer.today.as_ref().map(|today| format!(" Today it is {today}.")).unwrap_or_default();
    let lead = Block::Lead(format!("Simulated {}.{today}", words::cite(dossier, &sweep.source)));
    vec![heading, lead, Block::Charts(vec![figures::sweep(&sweep.source, answer)])]
}

fn cost(dossier: &Dossier) -> Vec<Block> {
    let row = |cost: &CostOfRefusal| {
        vec![
            cost.class.clone(),
            words::cite(dossier, &cost.source),
            words::rate(&cost.refused),
            count(cost.retries),
            format!("{} of {}", count(cost.given_up), count(cost.operations)),
        ]
    };
    let rows: Vec<Vec<String>> = dossier.least.cost.iter().map(row).collect();
    if rows.is_empty() {
        return vec![
            Block::Heading("What refusals cost".to_owned()),
            nothing("No run saw a refusal, so none of them shows what refusals cost."),
        ];
    }
    let lead = "Requests that were sent again, and operations that were given up, where a run saw refusals.";
    let head = ["class", "run", "refused (429)", "sent again", "operations given up"];
    titled_table("What refusals cost", lead, 3, &head, rows)
}
