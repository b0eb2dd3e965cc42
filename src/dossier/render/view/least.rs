//! Part 7, the least that suffices and what refusals cost, and the plans' answers in all parts.

use super::super::super::model::{Compared, CostOfRefusal, Dossier};
use super::super::words;
use super::{Block, Table, nothing, titled_table};
use crate::report::format::count;
use crate::report::plan::{self, Grid};
use crate::summary::plan::Plan;

pub fn least(dossier: &Dossier) -> Vec<Block> {
    let least = &dossier.least;
    let mut blocks: Vec<Block> = Vec::new();
    if least.quotas.is_empty() {
        blocks
            .push(nothing("No search for the least quota was made: `quotaproof plan PROFILE --find quota` makes one."));
    }
    for search in &least.quotas {
        let plan = Plan { quota: Some(search.answer.clone()), ..Plan::default() };
        blocks.extend(answer(&plan, &of_fleet(dossier, &search.source), false));
    }
    for search in &least.fleets {
        let plan = Plan { fleet: Some(search.answer.clone()), ..Plan::default() };
        blocks.extend(answer(&plan, &of_fleet(dossier, &search.source), false));
    }
    for (index, sweep) in least.sweeps.iter().enumerate() {
        let plan = Plan { sweep: Some(sweep.answer.clone()), ..Plan::default() };
        // A chart's name is its kind's: the page holds each once, and the tables have all that it shows.
        blocks.extend(answer(&plan, &of_fleet(dossier, &sweep.source), index == 0));
    }
    blocks.extend(cost(dossier));
    blocks
}

/// The source, and whose fleet it was about where that is not the one of part 2: a plan speaks of its own as this fleet.
fn of_fleet(dossier: &Dossier, source: &str) -> String {
    let cite = words::cite(dossier, source);
    match words::whose(dossier, source) {
        Some(whose) => format!("{cite} This fleet is that of {whose}, not the one of part 2."),
        None => cite,
    }
}

/// Before and after.
pub fn compared(it: &Compared) -> Vec<Block> {
    let plan = Plan { comparison: Some(it.comparison.clone()), ..Plan::default() };
    answer(&plan, &format!("[simulated, {} to {}]", it.before, it.after), false)
}

/// A plan's one answer, as its own report words it.
fn answer(plan: &Plan, cite: &str, with_charts: bool) -> Vec<Block> {
    let mut blocks = Vec::new();
    for section in plan::sections(plan) {
        blocks.push(Block::Heading(section.title.to_owned()));
        blocks.push(Block::Text(format!("{} {cite}", section.sentences.join(" "))));
        if with_charts {
            blocks.push(Block::Charts(section.figures));
        }
        blocks.extend(section.tables.into_iter().flat_map(grid));
    }
    blocks
}

fn grid(grid: Grid) -> Vec<Block> {
    let Grid { title, words, head, rows } = grid;
    vec![Block::Lead(format!("{title}:")), Block::Table(Table { title: title.to_owned(), words, head, rows })]
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
