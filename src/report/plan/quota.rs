//! The least quota, in words and as tables.

use super::super::format::{self, count, percent};
use super::{Grid, Section, head, origin_text, range, reading_text, unproven_text};
use crate::summary::plan::{Need, QuotaAnswer, QuotaCheck, Variation};

pub(super) fn section(answer: &QuotaAnswer) -> Section {
    let needs = Grid {
        title: "The least of each limit",
        words: 4,
        head: head(["class", "limit today", "reading", "found by", "allows", "least", "median", "by seed"]),
        rows: answer.needs.iter().map(need_row).collect(),
    };
    let checks = Grid {
        title: "All of them at once, enforced",
        words: 1,
        head: head(["reading", "requests", "refused", "worst class's share", "added delay (p99)", "enough"]),
        rows: answer.checks.iter().map(check_row).collect(),
    };
    let tables = [Some(needs), Some(checks), sensitivity(answer)];
    Section {
        id: "plan-quota",
        title: "The least quota",
        sentences: sentences(answer),
        tables: tables.into_iter().flatten().filter(|grid| !grid.rows.is_empty()).collect(),
        figures: Vec::new(),
        origin: origin_text(&answer.origin),
        command: answer.origin.command.clone(),
    }
}

fn sentences(answer: &QuotaAnswer) -> Vec<String> {
    let refusals = match answer.refused_ratio {
        0.0 => "nothing is refused".to_owned(),
        ratio => format!("at most {} of a class's requests are refused", percent(ratio)),
    };
    let delay = answer
        .delay_s
        .map_or(String::new(), |delay| format!(", none is more than {} late for it (p99)", format::seconds(delay)));
    let headroom = match answer.headroom {
        0.0 => String::new(),
        headroom => format!(", and {} stays unused", percent(headroom)),
    };
    let mut sentences = vec![format!(
        "The least that each limit has to allow so that {refusals}{delay}{headroom}, for this fleet with every seed."
    )];
    if answer.needs.is_empty() {
        sentences.push("The fleet uses no limit on a rate, nor on requests at the same time.".to_owned());
    }
    if !answer.not_searched.is_empty() {
        sentences
            .push(format!("Left out, since a cooldown is no number of requests: {}.", answer.not_searched.join("; ")));
    }
    let strictest: Vec<&Need> = strictest(&answer.needs);
    for need in strictest.iter().filter(|need| need.is_more()) {
        sentences.push(format!(
            "{} needs {} where {} are allowed today ({}; {}).",
            need.class,
            need.most(),
            need.today(),
            need.limit,
            reading_text_of(need)
        ));
    }
    let is_judged = |need: &Need| !answer.is_unproven(&need.class, &need.limit);
    if !strictest.iter().any(|need| need.is_more()) && strictest.iter().any(|need| is_judged(need)) {
        let all = if answer.unproven.is_empty() { "" } else { ", as far as a whole window of them was simulated" };
        sentences.push(format!("Today's limits suffice under every reading{all}."));
    }
    for (what, goes_beyond) in [("refuse", refuses as fn(&QuotaAnswer, &QuotaCheck) -> bool), ("delay", delays)] {
        if answer.checks.iter().any(|check| goes_beyond(answer, check)) {
            sentences.push(format!(
                "Enforced all at once, these limits still {what} more than was asked for under some readings: ask for more \
                 than the least."
            ));
        }
    }
    if !answer.without_effect.is_empty() {
        sentences.push(format!("Nothing in this fleet changes with {}.", answer.without_effect.join(" or ")));
    }
    if answer.needs.iter().any(|need| need.burst.is_some()) {
        sentences.push(
            "Of a limit with a burst of its own, the least is a pair: a rate that lasts if the fleet goes on as it did, and \
             the burst that this rate takes."
                .to_owned(),
        );
    }
    sentences.extend(unproven_text(&answer.unproven));
    sentences
}

/// Whether some class is refused a larger share than is allowed.
fn refuses(answer: &QuotaAnswer, check: &QuotaCheck) -> bool {
    check.refused_ratio > answer.refused_ratio
}

fn delays(answer: &QuotaAnswer, check: &QuotaCheck) -> bool {
    answer.delay_s.is_some_and(|bound| check.delay_s > bound)
}

/// Of each limit the need under the reading that takes most.
fn strictest(needs: &[Need]) -> Vec<&Need> {
    let mut most: Vec<&Need> = Vec::new();
    for need in needs {
        match most.iter_mut().find(|known| (&known.class, &known.limit) == (&need.class, &need.limit)) {
            None => most.push(need),
            Some(known) if known.most() < need.most() => *known = need,
            Some(_) => {}
        }
    }
    most
}

/// A limit on concurrency has no readings.
fn reading_text_of(need: &Need) -> &'static str {
    need.reading.map_or("at the same time", |reading| reading_text(Some(reading)))
}

fn need_row(need: &Need) -> Vec<String> {
    vec![
        need.class.clone(),
        need.limit.clone(),
        reading_text_of(need).to_owned(),
        if need.is_peak { "its peak" } else { "trying" }.to_owned(),
        need.today().to_string(),
        need.most().to_string(),
        count(need.least.median.into()),
        range(&need.least),
    ]
}

fn check_row(check: &QuotaCheck) -> Vec<String> {
    vec![
        reading_text(check.reading).to_owned(),
        count(check.enforced.requests),
        count(check.enforced.refused),
        percent(check.refused_ratio),
        format::seconds(check.delay_s),
        if check.holds { "yes" } else { "no" }.to_owned(),
    ]
}

/// One column per variation.
fn sensitivity(answer: &QuotaAnswer) -> Option<Grid> {
    let columns = answer.sensitivity.iter().map(|variation| variation.what.clone());
    let head: Vec<String> = head(["class", "limit today", "reading", "as it is"]).into_iter().chain(columns).collect();
    let row = |need: &Need| {
        let own = |variation: &Variation| {
            let found = variation.needs.iter().find(|other| is_same(other, need));
            found.map_or_else(|| "0".to_owned(), pair)
        };
        let reading = reading_text_of(need).to_owned();
        let first = [need.class.clone(), need.limit.clone(), reading, pair(need)];
        first.into_iter().chain(answer.sensitivity.iter().map(own)).collect()
    };
    let rows: Vec<Vec<String>> = answer.needs.iter().map(row).collect();
    (!answer.sensitivity.is_empty()).then_some(Grid { title: "With one thing changed", words: 3, head, rows })
}

/// The least over the seeds, with the burst that goes with it.
fn pair(need: &Need) -> String {
    let burst = need.burst.map_or_else(String::new, |burst| format!(" with a burst of {}", range(&burst.least)));
    range(&need.least) + &burst
}

fn is_same(one: &Need, other: &Need) -> bool {
    (&one.class, &one.limit, one.reading) == (&other.class, &other.limit, other.reading)
}
