//! Part 4, what each run saw, and part 10, where every figure comes from.

use super::super::super::model::{ClassEvidence, Dossier, Reference, RunEvidence};
use super::super::{figures, words};
use super::{Block, REFERENCES, table};
use crate::report::format::{self, count, plural};

pub fn evidence(dossier: &Dossier) -> Vec<Block> {
    let mut blocks = vec![Block::Lead(
        "Shares are of the requests that were answered, with the 95% interval of Wilson. It takes answers for independent; \
         refusals come in rows, so the true uncertainty is larger."
            .to_owned(),
    )];
    let many = dossier.evidence.len() > 1;
    blocks.extend(dossier.evidence.iter().flat_map(|run| of_run(dossier, run, many)));
    blocks
}

fn of_run(dossier: &Dossier, run: &RunEvidence, many: bool) -> Vec<Block> {
    let Some(reference) = dossier.reference(&run.source) else { return Vec::new() };
    let mut blocks = vec![
        Block::Heading(format!("{}: {}", run.source, reference.profile)),
        Block::Note { mark: words::basis_mark(reference.basis), text: words::basis_sentence(reference) },
    ];
    if many && !run.same_fleet {
        blocks.push(Block::Text("This run played another profile than the one that the request is for.".to_owned()));
    }
    blocks.push(Block::Text(format!("Its conclusion: {}", run.result)));
    if !reference.reservations.is_empty() {
        blocks.push(Block::List(reference.reservations.clone()));
    }
    blocks.push(Block::Facts(facts(reference, run)));
    let head = ["class", "429", "503", "requests", "served", "unanswered"];
    blocks.push(table(&format!("Answers in {}", run.source), 3, &head, run.classes.iter().map(class_row).collect()));
    blocks.push(Block::Charts(figures::per_minute(dossier, run)));
    blocks.extend(figures::few_minutes(dossier, run).map(|minutes| {
        let title = format!("Requests per minute in {}", run.source);
        Block::Table(super::Table { title, words: 1, head: minutes.head, rows: minutes.rows })
    }));
    blocks
}

fn facts(reference: &Reference, run: &RunEvidence) -> Vec<(&'static str, String)> {
    let clock = match &run.clock {
        None => "none: simulated time has no clock".to_owned(),
        Some(clock) => format!(
            "p50 {}, p99 {}, max {} over {}",
            format::millis(clock.p50_ms),
            format::millis(clock.p99_ms),
            format::millis(clock.max_ms),
            plural(clock.departures, "departure")
        ),
    };
    vec![
        ("Run", reference.run.clone()),
        ("Started", started(reference)),
        ("Took", reference.duration_s.map_or("differs".to_owned(), format::seconds)),
        ("Seed", words::seeds(&reference.seeds)),
        ("Profile (SHA-256)", words::short(&reference.profile_hash)),
        ("Devices", count(run.devices)),
        ("Requests", count(run.requests)),
        ("Clock error: how late requests left", clock),
    ]
}

/// In simulated time the moment says when the play was made, nothing of the day that it played.
fn started(reference: &Reference) -> String {
    reference.started.clone().unwrap_or_else(|| "–".to_owned())
}

fn class_row(class: &ClassEvidence) -> Vec<String> {
    vec![
        class.class.clone(),
        words::rate(&class.refused),
        words::rate(&class.overloaded),
        count(class.requests),
        count(class.served),
        count(class.failed),
    ]
}

pub fn references(dossier: &Dossier) -> Vec<Block> {
    let mut blocks = vec![
        Block::Heading("To paste into a form".to_owned()),
        Block::Code(dossier.summary.clone()),
        Block::Heading("Where the figures come from".to_owned()),
    ];
    let row = |reference: &Reference| {
        vec![
            reference.id.clone(),
            words::basis(reference.basis).to_owned(),
            format!("{} ({})", reference.run, words::part(reference.part)),
            started(reference),
            words::seeds(&reference.seeds),
            reference.profile_hash.clone(),
            reference.policy_hash.clone(),
            reference.command.clone(),
        ]
    };
    let head = ["id", "basis", "run", "started", "seeds", "profile (SHA-256)", "policy (SHA-256)", "command"];
    blocks.push(table(REFERENCES, 8, &head, dossier.references.iter().map(row).collect()));
    blocks.extend(caveats(dossier));
    blocks.push(Block::Heading("This dossier again".to_owned()));
    blocks.push(Block::Code(dossier.command.clone()));
    blocks
}

/// Of the plans' answers; those of the runs stand with their evidence.
fn caveats(dossier: &Dossier) -> Vec<Block> {
    let of_runs = |reference: &&Reference| dossier.evidence.iter().any(|run| run.source == reference.id);
    let mut caveats: Vec<(&String, Vec<&str>)> = Vec::new();
    for reference in dossier.references.iter().filter(|reference| !of_runs(reference)) {
        for caveat in &reference.reservations {
            match caveats.iter_mut().find(|(known, _)| *known == caveat) {
                Some((_, ids)) => ids.push(&reference.id),
                None => caveats.push((caveat, vec![&reference.id])),
            }
        }
    }
    if caveats.is_empty() {
        return Vec::new();
    }
    let heading = Block::Heading("What the simulations leave out".to_owned());
    let line = |(caveat, ids): (&String, Vec<&str>)| format!("{caveat} [{}]", ids.join(", "));
    vec![heading, Block::List(caveats.into_iter().map(line).collect())]
}
