//! The paste-ready summary: at most 2,048 characters however a form counts them, cut by leaving out whole sentences, the
//! least important first.

use std::collections::BTreeSet;

use super::super::model::{Asked, Basis, Dossier, LimitDemand, Requested};
use super::words;
use crate::report::format::{self, count};
use crate::report::text::clean;
use crate::summary::finding::Verdict;
use crate::summary::plan::{ClassChange, Comparison, Spread, Variation, largest};

/// Bytes, so that it holds for characters of any kind too, with the file's last line break.
pub const MOST: usize = 2_048;

/// A sentence on a line of its own.
struct Claim {
    /// The lower, the longer it stays.
    rank: u8,
    text: String,
    /// The references behind its figures; they are explained at the end, or the sentence is not there.
    cites: Vec<String>,
}

/// The whole text, without a line break at its end.
pub fn render(dossier: &Dossier) -> String {
    let claims = claims(dossier);
    let mut order: Vec<usize> = (0..claims.len()).collect();
    order.sort_by_key(|&index| claims[index].rank);
    let mut kept = BTreeSet::new();
    for index in order {
        kept.insert(index);
        if assemble(dossier, &claims, &kept).len() + 1 > MOST {
            kept.remove(&index);
        }
    }
    assemble(dossier, &claims, &kept)
}

fn assemble(dossier: &Dossier, claims: &[Claim], kept: &BTreeSet<usize>) -> String {
    let kept: Vec<&Claim> = kept.iter().map(|&index| &claims[index]).collect();
    let cited: BTreeSet<&str> = kept.iter().flat_map(|claim| claim.cites.iter().map(String::as_str)).collect();
    let explained = dossier.references.iter().filter(|reference| cited.contains(reference.id.as_str()));
    let explained = explained.map(|reference| {
        format!(
            "{}: {}, {} ({}), {}, profile {}.",
            reference.id,
            words::basis(reference.basis),
            reference.run,
            words::part(reference.part),
            words::seeds(&reference.seeds),
            words::short(&reference.profile_hash)
        )
    });
    let lines: Vec<String> =
        kept.iter().map(|claim| claim.text.clone()).chain(explained).map(|line| clean(&line)).collect();
    lines.join("\n")
}

/// Everything there is to say, in the order in which it is said.
fn claims(dossier: &Dossier) -> Vec<Claim> {
    let mut claims = vec![who(dossier)];
    let asked = &dossier.request.quotas;
    claims.extend(asked.iter().map(|asked| what(dossier, asked)));
    if asked.is_empty() {
        claims.push(plain(
            0,
            "No limit is shown to be too low: [which quota is to be higher is to be filled in].".to_owned(),
        ));
    }
    claims.extend(dossier.request.identity.use_case.iter().map(|text| plain(2, sentence(text))));
    claims.push(cited(1, format!("Fleet: {}", words::fleet(dossier)), &dossier.fleet.source));
    claims.extend(dossier.fleet.growth.iter().map(|text| plain(6, format!("Growth: {}", sentence(text)))));
    claims.extend(asked.iter().filter_map(|asked| demand(dossier, asked)));
    claims.extend(asked.iter().filter_map(|asked| least(dossier, asked)));
    claims.extend(refusals(dossier));
    claims.extend(dossier.least.comparisons.iter().filter_map(|it| {
        let (before, after) = (&it.before, &it.after);
        let words = saved_and_paid(&it.comparison)?;
        Some(Claim {
            // What has led to the fleet that this asks for weighs more than what might.
            rank: if dossier.is_of_this_fleet(after) { 2 } else { 3 },
            text: format!("Mitigations: {words} [simulated, {before} to {after}]."),
            cites: vec![before.clone(), after.clone()],
        })
    }));
    claims.extend(dossier.mitigations.stated.iter().map(|text| plain(7, format!("Done already: {}", sentence(text)))));
    claims.extend(manners(dossier));
    claims.extend(dossier.steps.rollback.iter().map(|text| plain(5, format!("Rollback: {}", sentence(text)))));
    claims.extend(dossier.steps.monitoring.iter().map(|text| plain(6, format!("Monitoring: {}", sentence(text)))));
    claims.extend(questions(dossier));
    if dossier.references.iter().all(|reference| reference.basis != Basis::Measured) {
        claims.push(plain(0, "No figure here was taken on the provider's systems.".to_owned()));
    }
    claims.extend(again(dossier));
    claims
}

/// What a comparison saves most, and what it takes more of; None where it saves nothing. Its words begin with the largest
/// saving.
fn saved_and_paid(comparison: &Comparison) -> Option<String> {
    let falls = |change: &ClassChange| change.requests.after < change.requests.before;
    let rises = |change: &ClassChange| change.requests.after > change.requests.before;
    let saved = comparison.words.first().filter(|_| comparison.classes.iter().any(falls))?.trim_end_matches('.');
    match comparison.words.last().filter(|_| comparison.classes.iter().any(rises)) {
        Some(paid) => Some(format!("{saved}; but {}", paid.trim_end_matches('.'))),
        None => Some(saved.to_owned()),
    }
}

fn plain(rank: u8, text: String) -> Claim {
    Claim { rank, text, cites: Vec::new() }
}

/// With the reference behind it, and what may be claimed of it.
fn cited(rank: u8, text: String, source: &str) -> Claim {
    Claim { rank, text: format!("{text} [{source}]."), cites: vec![source.to_owned()] }
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

fn who(dossier: &Dossier) -> Claim {
    let identity = &dossier.request.identity;
    let or_open =
        |text: &Option<String>, what: &str| text.clone().unwrap_or_else(|| format!("[{what}: {}]", words::OPEN));
    plain(
        0,
        format!(
            "{} (account {}, {}) asks for a higher quota of {}, {}; contact: {}.",
            or_open(&identity.company, "company"),
            or_open(&identity.account, "account"),
            or_open(&identity.environment, "environment"),
            dossier.provider.title,
            words::term(identity),
            or_open(&identity.contact, "contact"),
        ),
    )
}

fn what(dossier: &Dossier, asked: &Asked) -> Claim {
    let text = format!("{} ({}): {} -> {}", asked.class, asked.limit, asked.today(), asked.wish());
    match &asked.because {
        Requested::Searched { source, .. } | Requested::Peak { source } => cited(0, text, source),
        Requested::Stated { .. } => plain(0, format!("{text}, {}.", "as chosen by us")),
    }
    .with_reference(dossier)
}

impl Claim {
    /// A claim whose reference an edited dossier does not have is made without it.
    fn with_reference(mut self, dossier: &Dossier) -> Self {
        self.cites.retain(|id| dossier.reference(id).is_some());
        self
    }
}

/// The class, and which of its limits where more is asked of several.
fn named(dossier: &Dossier, asked: &Asked) -> String {
    let is_one_of_several = dossier.request.quotas.iter().filter(|other| other.class == asked.class).count() > 1;
    if is_one_of_several { format!("{} ({})", asked.class, asked.limit) } else { asked.class.clone() }
}

fn demand(dossier: &Dossier, asked: &Asked) -> Option<Claim> {
    let limit = dossier.demand_of(asked)?;
    let source = &dossier.demand.source;
    let asked_for = match limit.not_lasting() {
        Some(rate) => format!("{} on and on, of {}", count(rate.into()), limit.today()),
        None => over_time(limit)?,
    };
    let text = format!(
        "Demand on {} by its busiest {}: {asked_for}, {}",
        named(dossier, asked),
        limit.scope,
        basis_of(dossier, source)
    );
    Some(cited(1, text, source))
}

fn over_time(limit: &LimitDemand) -> Option<String> {
    let peak = limit.peak?;
    let over_time = match (limit.mean, limit.p95) {
        (Some(mean), Some(p95)) => format!("mean {}, p95 {}, ", words::mean(mean), count(p95.into())),
        _ => String::new(),
    };
    let alone = limit.first_attempts_peak.map(|peak| format!("; {} by first attempts alone", count(peak.into())));
    Some(format!(
        "{over_time}peak {} of {} ({}{})",
        words::peak(peak, limit.readings.first().is_some_and(|strictest| strictest.at_least)),
        count(limit.allow.into()),
        words::headroom(limit),
        alone.unwrap_or_default()
    ))
}

fn basis_of(dossier: &Dossier, id: &str) -> &'static str {
    dossier.reference(id).map_or("of unknown origin", |reference| words::basis(reference.basis))
}

/// By the search for this fleet; where there is none, by another's, which is named.
fn least(dossier: &Dossier, asked: &Asked) -> Option<Claim> {
    let of_limit = dossier
        .least
        .quotas
        .iter()
        .filter_map(|search| Some((search, largest(&search.answer.needs, &asked.class, &asked.limit)?)));
    let (search, need) = of_limit.min_by_key(|(search, _)| !dossier.is_of_this_fleet(&search.source))?;
    let whose = words::whose(dossier, &search.source).map_or(String::new(), |whose| format!(" for {whose}"));
    // What a shorter play never met, it says nothing of.
    let briefly = search.answer.origin.duration_s.filter(|played| *played < dossier.fleet.duration_s);
    let briefly = briefly.map_or_else(String::new, |played| format!(" in {} of play", format::seconds(played)));
    let varied = varied(&search.answer.sensitivity, asked);
    let refuses = if search.answer.holds() { "" } else { "; enforced, it still refused or delayed more than that" };
    let burst = need.burst.map_or_else(String::new, |burst| format!(" with a burst of {}", words::spread(burst.least)));
    let text = format!(
        "Least limit of {} that suffices{whose}{briefly}{}{}: {}{burst}{varied}, simulated{refuses}",
        named(dossier, asked),
        words::allowed_refusals(&search.answer),
        words::spared(&search.answer),
        words::spread(need.least)
    );
    Some(cited(2, text, &search.source))
}

/// What suffices where one thing is otherwise: the growth by its name, all else together.
fn varied(variations: &[Variation], asked: &Asked) -> String {
    let least = |variation: &Variation| Some(largest(&variation.needs, &asked.class, &asked.limit)?.least);
    let (growths, others): (Vec<&Variation>, Vec<&Variation>) =
        variations.iter().partition(|variation| variation.is_growth);
    let hull = others.into_iter().filter_map(least).reduce(Spread::hull);
    let others = hull.map(|least| format!("{} with one thing changed", words::spread(least)));
    let growths = growths
        .into_iter()
        .filter_map(|growth| Some(format!("{} after {}", words::spread(least(growth)?), growth.what)));
    let varied: Vec<String> = growths.chain(others).collect();
    if varied.is_empty() { String::new() } else { format!(" ({})", varied.join("; ")) }
}

/// Of the classes that more is asked of, run by run.
fn refusals(dossier: &Dossier) -> Vec<Claim> {
    let asked = |class: &str| dossier.request.quotas.iter().any(|asked| asked.class == class);
    let of_run = |run: &super::super::model::RunEvidence| {
        let classes: Vec<Claim> = run
            .classes
            .iter()
            .filter(|class| asked(&class.class))
            .map(|class| {
                let basis = basis_of(dossier, &run.source);
                let text = format!("429 on {}: {}, {basis}", class.class, words::rate(&class.refused));
                cited(3, text, &run.source)
            })
            .collect();
        classes
    };
    dossier.evidence.iter().filter(|run| run.same_fleet).flat_map(of_run).collect()
}

/// Only what runs of this fleet have shown: a check that saw nothing is no proof.
fn manners(dossier: &Dossier) -> Vec<Claim> {
    let same = |source: &str| dossier.evidence.iter().any(|run| run.same_fleet && run.source == source);
    let checks = dossier.client.checks.iter().filter(|shown| shown.check == "client.obeys-hint" && same(&shown.source));
    let obeyed = checks.filter(|shown| matches!(shown.verdict, Verdict::Pass | Verdict::Fail)).map(|shown| {
        let text = match shown.verdict {
            Verdict::Pass => format!("Clients waited as told in all {} cases looked at", count(shown.looked_at)),
            _ => format!("Clients came too early in {} of {} cases", count(shown.wrong), count(shown.looked_at)),
        };
        cited(4, format!("{text}, {}", basis_of(dossier, &shown.source)), &shown.source)
    });
    let most = dossier
        .client
        .amplification
        .iter()
        .filter(|it| same(&it.source))
        .max_by(|a, b| a.attempts_per_operation.total_cmp(&b.attempts_per_operation));
    let most = most.map(|most| {
        let text = format!("At most {:.2} requests per operation ({})", most.attempts_per_operation, most.class);
        cited(5, format!("{text}, {}", basis_of(dossier, &most.source)), &most.source)
    });
    obeyed.take(1).chain(most).collect()
}

fn questions(dossier: &Dossier) -> Option<Claim> {
    let first = dossier.questions.first()?;
    Some(plain(
        4,
        format!("{} about the contract in the dossier; the first: {}", words::questions(dossier), first.question),
    ))
}

fn again(dossier: &Dossier) -> Option<Claim> {
    let first = dossier.references.first()?;
    Some(plain(
        2,
        format!("Again: {}; policy {}, quotaproof {}.", first.command, words::short(&first.policy_hash), first.version),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::{all, answered};
    use super::super::super::{Answers, answers, build};
    use super::*;
    use crate::yaml::Source;
    use proptest::prelude::*;

    /// The lines of the text are whole claims and whole explanations, in their order.
    fn defect(dossier: &Dossier) -> Option<String> {
        let text = &dossier.summary;
        if text.len() + 1 > MOST {
            return Some(format!("{} bytes", text.len() + 1));
        }
        let claims: Vec<Claim> = claims(dossier);
        let said: Vec<String> = claims.iter().map(|claim| clean(&claim.text)).collect();
        let mut lines = text.lines().peekable();
        for claim in &said {
            if lines.peek() == Some(&claim.as_str()) {
                lines.next();
            }
        }
        for line in lines {
            let (id, _) = line.split_once(": ")?;
            if dossier.reference(id).is_none() || !line.ends_with('.') {
                return Some(format!("no whole sentence: {line}"));
            }
        }
        // What is cited is explained.
        let cited = claims.iter().filter(|claim| text.lines().any(|line| line == clean(&claim.text)));
        let missing = cited.flat_map(|claim| &claim.cites).find(|id| !text.contains(&format!("\n{id}: ")));
        missing.map(|id| format!("{id} is not explained in {text}"))
    }

    #[test]
    fn the_longest_answers_are_left_out_as_whole_sentences_the_essential_stays() {
        let long = |words: &str, count: usize| words.repeat(count);
        let text = format!(
            "company: {}\ncontact: {}\nuse_case: {}\ngrowth: {}\nrollback: {}\nmonitoring: {}\nmitigations: [{}]\n",
            long("Überlandwerk ", 12),
            long("Jörg ", 30),
            long("chargers ", 66),
            long("growing ", 70),
            long("back ", 110),
            long("watching ", 66),
            (0..9).map(|index| format!("{index} {}", long("saved ", 90))).collect::<Vec<_>>().join(", "),
        );
        let answers = answers::read(&Source::built_in("a.yaml", &text)).unwrap();
        let dossier = build(&all(), &answers, "quotaproof dossier reports/a").unwrap();
        assert_eq!(defect(&dossier), None);
        assert!(
            dossier.summary.contains("Überlandwerk") && dossier.summary.contains("60 -> 268 [R4]"),
            "{}",
            dossier.summary
        );
        assert!(dossier.summary.contains("\nR4: simulated"), "{}", dossier.summary);
        assert!(!dossier.summary.contains("8 saved"), "{}", dossier.summary);
        assert!(dossier.summary.len() > MOST / 2, "room is used: {} bytes", dossier.summary.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn whatever_is_said_fits_in_whole_sentences(
            company in "\\PC{0,400}",
            use_case in "\\PC{0,900}",
            silences in prop::collection::vec("\\PC{0,300}", 0..20),
            command in "\\PC{0,3000}",
            directory in "\\PC{0,2500}",
        ) {
            let mut evidence = all();
            evidence[0].dir = directory;
            evidence[0].summary.run.command = command;
            evidence[0].summary.policy.silences = silences;
            let mut answers = answered();
            answers.company = Some(answers::Line(company));
            answers.use_case = Some(answers::Paragraph(use_case));
            let dossier = build(&evidence, &answers, "quotaproof dossier").unwrap();
            prop_assert_eq!(defect(&dossier), None);
        }
    }

    #[test]
    fn two_limits_of_a_class_are_told_apart() {
        let mut dossier = build(&all(), &Answers::default(), "").unwrap();
        let one = dossier.request.quotas[0].clone();
        assert!(!dossier.summary.contains(&format!("Demand on {} (", one.class)), "{}", dossier.summary);
        let mut demand = dossier.demand_of(&one).unwrap().clone();
        demand.limit = "9 per 1s for each client_id".to_owned();
        dossier.request.quotas.push(Asked { limit: demand.limit.clone(), ..one.clone() });
        dossier.demand.limits.push(demand);
        let texts: Vec<String> = claims(&dossier).into_iter().map(|claim| claim.text).collect();
        for limit in [&one.limit, "9 per 1s for each client_id"] {
            let begin = format!("Demand on {} ({limit}) by its busiest", one.class);
            assert_eq!(texts.iter().filter(|text| text.starts_with(&begin)).count(), 1, "{texts:#?}");
        }
    }

    #[test]
    fn a_form_without_answers_still_says_what_is_asked_for() {
        let dossier = build(&all(), &Answers::default(), "").unwrap();
        assert_eq!(defect(&dossier), None);
        assert!(dossier.summary.starts_with("[company: to be filled in]"), "{}", dossier.summary);
    }
}
