//! The answers of a plan as sections of sentences, tables and charts: every output shows the same ones.

mod fleet;
mod quota;
mod side_by_side;
mod sweep;

use super::chart::Figure;
use super::format::{self, count};
use super::words;
use crate::policy::reading::Reading;
use crate::summary::plan::{GroupCount, Origin, Plan, Spread};
use crate::words::counted;

/// One answer.
pub struct Section {
    /// Unique in the page.
    pub id: &'static str,
    pub title: &'static str,
    pub sentences: Vec<String>,
    pub tables: Vec<Grid>,
    /// For pages only; their data stands in the tables.
    pub figures: Vec<Figure>,
    /// What made it.
    pub origin: String,
    pub command: String,
}

/// A table.
pub struct Grid {
    pub title: &'static str,
    /// How many columns hold words; the others hold numbers.
    pub words: usize,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// The answers that a plan has, in one order.
pub fn sections(plan: &Plan) -> Vec<Section> {
    let answers = [
        plan.fleet.as_ref().map(fleet::section),
        plan.quota.as_ref().map(quota::section),
        plan.comparison.as_ref().map(side_by_side::section),
        plan.sweep.as_ref().map(sweep::section),
    ];
    answers.into_iter().flatten().collect()
}

fn head<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).into()
}

/// `profile tellus-depot (575ed90c22067), policy tellus (ee24f6f3f1f6), seeds 7, 8, 9, 75 s each`.
fn origin_text(origin: &Origin) -> String {
    let seeds: Vec<String> = origin.seeds.iter().map(ToString::to_string).collect();
    let each = origin.duration_s.map_or(String::new(), |length| format!(", {} each", format::seconds(length)));
    format!(
        "profile {} ({}), policy {} ({}), {} {}{each}, quotaproof {}",
        origin.profile,
        short(&origin.profile_hash),
        origin.policy,
        short(&origin.policy_hash),
        if seeds.len() == 1 { "seed" } else { "seeds" },
        seeds.join(", "),
        origin.version
    )
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// How the policy is read; one that leaves nothing open is read as it is written.
fn reading_text(reading: Option<Reading>) -> &'static str {
    reading.map_or("as the policy says", |reading| words::reading(Some(reading)))
}

/// `5`, or `4 to 6` where the seeds differ.
fn range(spread: &Spread) -> String {
    if spread.min == spread.max {
        count(spread.max.into())
    } else {
        format!("{} to {}", count(spread.min.into()), count(spread.max.into()))
    }
}

/// `12 depot and 1 dashboard`.
fn fleet_text(fleet: &[GroupCount]) -> String {
    let groups: Vec<String> =
        fleet.iter().map(|group| format!("{} {}", count(group.devices.into()), group.group)).collect();
    match groups.as_slice() {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        _ => groups.concat(),
    }
}

/// Limits that a play was too short for.
fn unproven_text(unproven: &[String]) -> Option<String> {
    let limits = unproven.join("; ");
    (!unproven.is_empty()).then(|| {
        format!("No whole window was simulated of: {limits}. For these the answer holds for this length only; plan with a longer --duration.")
    })
}
