//! Parts 5, 6, 8 and 9: mitigations, manners, offers, questions.

use super::super::super::model::{Amplification, Dossier, Habit, Ordeal, Question, Shown};
use super::super::words;
use super::{Block, least, nothing, or_open, shown, titled_table};
use crate::report::format::{self, compact, count};
use crate::report::words as report_words;
use crate::summary::finding::{Severity, Verdict};

pub fn mitigations(dossier: &Dossier) -> Vec<Block> {
    let mitigations = &dossier.mitigations;
    let mut blocks = vec![Block::Heading("What we have done".to_owned())];
    if mitigations.stated.is_empty() {
        blocks.push(Block::Text(or_open(&None)));
    } else {
        blocks.push(Block::Lead("In our words; what runs show of it follows.".to_owned()));
        blocks.push(Block::List(mitigations.stated.clone()));
    }
    blocks.extend(dossier.least.comparisons.iter().flat_map(least::compared));
    let row = |habit: &Habit| {
        let saving = habit.would_save.map_or_else(|| "–".to_owned(), count);
        vec![
            habit.check.clone(),
            words::cite(dossier, &habit.source),
            shown(habit_mark(habit)),
            habit.headline.clone(),
            saving,
        ]
    };
    let rows = mitigations.habits.iter().map(row).collect();
    let head = ["recommendation", "run", "followed", "seen", "requests it would save"];
    blocks.extend(titled_table("The provider's recommendations", "", 4, &head, rows));
    let shares: Vec<String> = mitigations
        .shares
        .iter()
        .map(|share| format!("{}: {} {}.", share.class, share.text, words::cite(dossier, &share.source)))
        .collect();
    if !shares.is_empty() {
        blocks.push(Block::Heading("Without a request".to_owned()));
        blocks.push(Block::List(shares));
    }
    blocks
}

fn habit_mark(habit: &Habit) -> report_words::Mark {
    verdict_mark(habit.verdict, Severity::Advice)
}

/// What was not followed is no breach.
fn verdict_mark(verdict: Verdict, severity: Severity) -> report_words::Mark {
    match (verdict, severity) {
        (Verdict::Fail, Severity::Advice) => {
            report_words::Mark { word: "not followed", ..report_words::gate(Verdict::Fail) }
        }
        (verdict, _) => report_words::verdict(verdict),
    }
}

pub fn client(dossier: &Dossier) -> Vec<Block> {
    let client = &dossier.client;
    let row = |check: &Shown| {
        let name =
            if check.subject.is_empty() { check.check.clone() } else { format!("{} ({})", check.check, check.subject) };
        let mark = shown(verdict_mark(check.verdict, check.severity));
        let cases = match check.verdict {
            Verdict::Fail => format!("{} of {}", count(check.wrong), count(check.looked_at)),
            _ => count(check.looked_at),
        };
        vec![name, words::cite(dossier, &check.source), mark, check.headline.clone(), cases]
    };
    let lead = "A check that saw nothing is no proof: it says so.";
    let head = ["check", "run", "verdict", "seen", "cases"];
    let mut blocks = titled_table("Manners", lead, 4, &head, client.checks.iter().map(row).collect());
    let row = |it: &Amplification| {
        vec![
            it.class.clone(),
            words::cite(dossier, &it.source),
            format!("{:.2}", it.attempts_per_operation),
            count(it.operations),
        ]
    };
    let head = ["class", "run", "requests per operation", "operations"];
    let rows = client.amplification.iter().map(row).collect();
    blocks.extend(titled_table(
        "Amplification",
        "How many requests an operation took, retries included.",
        2,
        &head,
        rows,
    ));
    blocks.extend(ordeals(dossier));
    blocks
}

fn ordeals(dossier: &Dossier) -> Vec<Block> {
    let row = |ordeal: &Ordeal| {
        vec![
            ordeal.what.clone(),
            words::cite(dossier, &ordeal.source),
            format!("{}, for {}", format::moment(ordeal.at_s), format::seconds(ordeal.span_s)),
            count(ordeal.after.sent),
            compact(ordeal.after.most_per_second),
            compact(ordeal.whole_run.most_per_second),
            count(ordeal.after.refused),
            count(ordeal.after.overloaded),
            count(ordeal.after.failed),
        ]
    };
    let rows = dossier.client.ordeals.iter().map(row).collect();
    let lead = "What followed a cold start and each event of the profile, over all classes.";
    let head = ["what", "run", "at", "requests", "most per second", "most in the run", "429", "503", "other or none"];
    titled_table("Cold starts and storms", lead, 3, &head, rows)
}

pub fn steps(dossier: &Dossier) -> Vec<Block> {
    let steps = &dossier.steps;
    let mut blocks = vec![
        Block::Heading("Rollback".to_owned()),
        Block::Text(or_open(&steps.rollback)),
        Block::Heading("Monitoring".to_owned()),
        Block::Text(or_open(&steps.monitoring)),
    ];
    let row = |(gate, verdict, measured): &(String, Verdict, String)| {
        vec![gate.clone(), shown(report_words::gate(*verdict)), measured.clone()]
    };
    let lead = format!(
        "Thresholds of the profile {}; the same command checks them again at any time, and its exit code tells.",
        words::cite(dossier, &steps.source)
    );
    let rows = steps.gates.iter().map(row).collect();
    blocks.extend(titled_table("Gates", &lead, 2, &["gate", "verdict", "seen"], rows));
    blocks
}

pub fn questions(dossier: &Dossier) -> Vec<Block> {
    if dossier.questions.is_empty() {
        return vec![nothing("The policy lists nothing that the documents leave open, and no run raised a question.")];
    }
    let text = |question: &Question| {
        let cites: Vec<String> = question.sources.iter().map(|id| words::cite(dossier, id)).collect();
        let because = if question.because.is_empty() { String::new() } else { format!(" {}", question.because) };
        let cites = if cites.is_empty() { String::new() } else { format!(" {}", cites.join(" ")) };
        format!("({}) {}{because}{cites}", words::question_kind(question.kind), question.question)
    };
    let lead =
        "What the documents leave open or contradict. What a simulated server did is no question to the provider.";
    vec![Block::Lead(lead.to_owned()), Block::Numbered(dossier.questions.iter().map(text).collect())]
}
