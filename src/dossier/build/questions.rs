//! Part 9: what the provider's contract leaves open or contradicts, as numbered questions.
//!
//! What a stand-in for the provider did says nothing about the provider: findings about the server are asked only where a
//! run met the provider itself.

use std::collections::BTreeMap;

use super::super::model::{Basis, Demand, LimitDemand, Question, QuestionKind, Reference};
use super::Run;
use crate::policy::reading::Reading;
use crate::summary::finding::{Finding, Party, Verdict};
use crate::summary::{QuotaUse, ReadingUse, Safety};
use crate::words::{count, counted};

pub fn questions(runs: &[Run<'_>], references: &[Reference], demand: &Demand) -> Vec<Question> {
    let met = runs.iter().filter(|run| references.iter().any(|it| it.id == run.id && it.basis == Basis::Measured));
    let readings = demand.limits.iter().filter_map(|limit| reading_question(limit, runs));
    let mut asked: Vec<Question> = readings.collect();
    asked.extend(server_questions(met));
    let silences = runs[0].summary.policy.silences.iter();
    asked.extend(silences.map(|silence| question(QuestionKind::Silence, silence.clone(), String::new(), Vec::new())));
    asked.iter_mut().zip(1..).for_each(|(question, number)| question.number = number);
    asked
}

fn question(kind: QuestionKind, question: String, because: String, sources: Vec<String>) -> Question {
    Question { number: 0, kind, question, because, sources }
}

/// Where it depends on the reading in any of the runs.
fn reading_question(limit: &LimitDemand, runs: &[Run<'_>]) -> Option<Question> {
    let same = |quota: &&QuotaUse| quota.class == limit.class && quota.limit == limit.limit;
    let depending = runs.iter().filter_map(|run| {
        let quota = run.summary.quotas.iter().find(same)?;
        (quota.safety == Safety::DependsOnReading).then_some((run, quota))
    });
    let depending: Vec<(&Run<'_>, &QuotaUse)> = depending.collect();
    let (first, quota) = depending.first()?;
    let because = format!(
        "Against {} allowed, {} counts the fleet's busiest moment as {} ({}).",
        count(quota.allow.into()),
        first.id,
        counts(&quota.readings, quota.allow),
        if quota.readings.iter().any(|used| used.over == 0) {
            "within it only under some of these"
        } else {
            "over it under all"
        },
    );
    let sources = depending.iter().map(|(run, _)| run.id.to_owned()).collect();
    let text = format!("How are requests of {} counted: {}?", limit.class, titles(&quota.readings));
    Some(question(QuestionKind::Reading, format!("{text} The documents say: {}.", limit.limit), because, sources))
}

fn titles(readings: &[ReadingUse]) -> String {
    let titles: Vec<&str> = readings.iter().map(|used| used.reading.map_or("open at once", Reading::title)).collect();
    match titles.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn counts(readings: &[ReadingUse], allow: u32) -> String {
    let one = |used: &ReadingUse| {
        let over = if used.peak > allow { ", over" } else { "" };
        let title = used.reading.map_or("open at once", Reading::title);
        format!("{} ({title}{over})", counted(used.peak, used.at_least))
    };
    readings.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What the provider did otherwise than it says, or beyond what it says; the same from several runs is asked once.
fn server_questions<'a>(met: impl Iterator<Item = &'a Run<'a>>) -> Vec<Question> {
    let mut asked: BTreeMap<(QuestionKind, String, String), Question> = BTreeMap::new();
    for run in met {
        for finding in run.summary.findings.iter().filter(|finding| finding.party == Party::Server) {
            let kind = match finding.verdict {
                Verdict::Fail => QuestionKind::Contradiction,
                Verdict::Inconclusive | Verdict::Undocumented => QuestionKind::Unclear,
                Verdict::Pass | Verdict::NoData => continue,
            };
            let entry = asked.entry((kind, finding.check.clone(), finding.subject.clone()));
            let entry = entry.or_insert_with(|| server_question(kind, finding));
            entry.sources.push(run.id.to_owned());
        }
    }
    asked.into_values().collect()
}

fn server_question(kind: QuestionKind, finding: &Finding) -> Question {
    let subject = if finding.subject.is_empty() { String::new() } else { format!(" ({})", finding.subject) };
    let headline = finding.headline.trim_end_matches('.');
    let text = match kind {
        QuestionKind::Contradiction => {
            format!("We saw otherwise than documented{subject}: {headline}. Is this intended?")
        }
        _ => format!("We saw what the documents do not settle{subject}: {headline}. What is promised here?"),
    };
    question(kind, text, finding.explanation.clone(), Vec::new())
}
