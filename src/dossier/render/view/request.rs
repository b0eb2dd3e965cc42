//! Parts 1 and 2: what is asked for, and for which fleet.

use super::super::super::model::{Asked, Dossier, Term};
use super::super::words;
use super::{Block, nothing, or_open, table};
use crate::report::format::{self, percent, plural};

pub fn request(dossier: &Dossier) -> Vec<Block> {
    let identity = &dossier.request.identity;
    let provider = &dossier.provider;
    let term = match &identity.term {
        Some(Term::Permanent) => "permanent".to_owned(),
        Some(Term::Until(day)) => format!("temporary, until {day}"),
        None => or_open(&None),
    };
    let mut blocks = quotas(dossier);
    blocks.push(Block::Facts(vec![
        ("Company", or_open(&identity.company)),
        ("Contact", or_open(&identity.contact)),
        ("Account", or_open(&identity.account)),
        ("Environment", or_open(&identity.environment)),
        ("From", or_open(&identity.from)),
        ("Term", term),
        ("Provider", provider.title.clone()),
        ("Its documents", provider.source.clone().unwrap_or_else(|| "not named by the policy".to_owned())),
    ]));
    blocks.push(Block::Heading("Use case".to_owned()));
    blocks.push(Block::Text(or_open(&identity.use_case)));
    blocks
}

fn quotas(dossier: &Dossier) -> Vec<Block> {
    let asked = &dossier.request.quotas;
    if asked.is_empty() {
        return vec![Block::Text("The runs show no limit that is too low for this fleet.".to_owned())];
    }
    let row = |asked: &Asked| {
        vec![
            asked.class.clone(),
            asked.limit.clone(),
            words::because(dossier, asked),
            asked.today().to_string(),
            asked.wish().to_string(),
            change(asked),
        ]
    };
    let head = ["class", "limit", "why this value", "now", "requested", "change"];
    vec![table("Quotas asked for", 3, &head, asked.iter().map(row).collect())]
}

fn change(asked: &Asked) -> String {
    let rate = more(asked.current, asked.requested);
    match asked.burst {
        // There is no share of nothing.
        Some(burst) if burst.current == 0 && burst.requested > 0 => format!("{rate}, burst from none"),
        Some(burst) if more(burst.current, burst.requested) != rate => {
            format!("{rate}, burst {}", more(burst.current, burst.requested))
        }
        _ => rate,
    }
}

fn more(current: u32, requested: u32) -> String {
    if current == requested {
        return percent(0.0);
    }
    let more = f64::from(requested) / f64::from(current.max(1)) - 1.0;
    format!("{}{}", if more > 0.0 { "+" } else { "" }, percent(more))
}

pub fn fleet(dossier: &Dossier) -> Vec<Block> {
    let fleet = &dossier.fleet;
    let played = format!(
        "{}, played for {} {}.",
        words::fleet(dossier),
        format::seconds(fleet.duration_s),
        words::cite(dossier, &fleet.source)
    );
    let mut blocks: Vec<Block> = fleet.description.iter().map(|text| Block::Text(text.clone())).collect();
    blocks.push(Block::Text(played));
    for group in &fleet.groups {
        blocks.push(Block::Heading(format!("{}: {}", group.name, words::devices(group))));
        blocks.push(Block::List(group.behaviour.clone()));
    }
    if !fleet.events.is_empty() {
        blocks.push(Block::Heading(format!("What happens to it: {}", plural(fleet.events.len() as u64, "event"))));
        blocks.push(Block::List(fleet.events.clone()));
    }
    blocks.push(Block::Heading("Assumptions".to_owned()));
    match fleet.assumptions.as_slice() {
        [] => blocks.push(nothing("None beyond what the profile says.")),
        assumptions => blocks.push(Block::List(assumptions.to_vec())),
    }
    blocks.push(Block::Heading("Growth".to_owned()));
    blocks.push(Block::Text(or_open(&fleet.growth)));
    blocks
}
