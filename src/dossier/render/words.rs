//! One wording for all forms: what may be claimed of a figure, and how a request, a rate or a reference reads.

use super::super::model::{
    Asked, Basis, Dossier, Group, Identity, LimitDemand, Part, QuestionKind, Rate, Reference, Requested, Term,
};
use crate::report::format::{self, count, percent, plural};
use crate::report::words::{Mark, Tone};
use crate::summary::Safety;
use crate::summary::plan::{Grant, QuotaAnswer, Spread};

/// What stands where nobody has said anything.
pub const OPEN: &str = "to be filled in";

/// What may be claimed, in few words. Only what a provider's own answers showed is measured without a further word.
pub fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Measured => "measured",
        Basis::MeasuredOnLoopback => "measured on loopback",
        Basis::MeasuredOnStandIn => "measured on a stand-in server",
        Basis::Simulated => "simulated",
    }
}

/// The same as a badge.
pub fn basis_mark(of: Basis) -> Mark {
    match of {
        Basis::Measured => Mark { symbol: "●", word: basis(of), tone: Tone::Good },
        Basis::MeasuredOnLoopback | Basis::MeasuredOnStandIn => {
            Mark { symbol: "◐", word: basis(of), tone: Tone::Warn }
        }
        Basis::Simulated => Mark { symbol: "○", word: basis(of), tone: Tone::Muted },
    }
}

/// What it means, in a sentence.
pub fn basis_sentence(reference: &Reference) -> String {
    match reference.basis {
        Basis::Measured => format!("Real requests to {}.", reference.target),
        Basis::MeasuredOnLoopback => format!(
            "Real requests to {}, a server on the machine that sent them: whether it was the provider's software, the requester has to say.",
            reference.target
        ),
        Basis::MeasuredOnStandIn => {
            "Real requests, but to quotaproof's own reference server on loopback, which simulates \
             the provider by its documents: what it answered is no word of the provider."
                .to_owned()
        }
        Basis::Simulated => "No request was sent: devices, network and limits were simulated.".to_owned(),
    }
}

/// `the run`, `the least quota`.
pub fn part(part: Part) -> &'static str {
    match part {
        Part::Run => "run",
        Part::LargestFleet => "largest fleet",
        Part::LeastQuota => "least quota",
        Part::Before => "comparison, before",
        Part::After => "comparison, after",
        Part::Sweep => "sweep",
    }
}

/// `[simulated, R1]`, the words that stand behind a figure.
pub fn cite(dossier: &Dossier, id: &str) -> String {
    dossier.reference(id).map_or_else(|| format!("[{id}]"), |reference| format!("[{}, {id}]", basis(reference.basis)))
}

/// `another profile, depot-5000 (4cdaba1fb452)`, where a source is not of the fleet that is asked for.
pub fn whose(dossier: &Dossier, id: &str) -> Option<String> {
    let reference = dossier.reference(id).filter(|_| !dossier.is_of_this_fleet(id))?;
    Some(format!("another profile, {} ({})", reference.profile, short(&reference.profile_hash)))
}

/// `seed 7`, `seeds 7, 8 and 9`.
pub fn seeds(seeds: &[u64]) -> String {
    let all: Vec<String> = seeds.iter().map(u64::to_string).collect();
    match all.split_last() {
        Some((last, [])) => format!("seed {last}"),
        Some((last, rest)) => format!("seeds {} and {last}", rest.join(", ")),
        None => "no seed".to_owned(),
    }
}

/// `240`, `≥ 240` where more may have been asked for than was kept.
pub fn peak(peak: u32, at_least: bool) -> String {
    format!("{}{}", if at_least { "≥ " } else { "" }, count(peak.into()))
}

/// The first digits of a hash, enough to tell it from others.
pub fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// `0.12% (95% interval 0.08% to 0.2%) of 12,000`.
pub fn rate(rate: &Rate) -> String {
    match (rate.ratio, rate.low, rate.high) {
        (Some(ratio), Some(low), Some(high)) => {
            format!("{} (95% interval {} to {}) of {}", percent(ratio), percent(low), percent(high), count(rate.of))
        }
        _ => "nothing was answered".to_owned(),
    }
}

/// `permanently`, `until 2027-03-31`.
pub fn term(identity: &Identity) -> String {
    let from = identity.from.as_ref().map_or_else(|| format!("from [{OPEN}]"), |from| format!("from {from}"));
    let term = match &identity.term {
        Some(Term::Permanent) => "permanently".to_owned(),
        Some(Term::Until(day)) => format!("until {day}"),
        None => format!("until [{OPEN}]"),
    };
    format!("{from}, {term}")
}

/// Why this value, in a sentence.
pub fn because(dossier: &Dossier, asked: &Asked) -> String {
    match &asked.because {
        Requested::Searched { source, growth } => searched(dossier, source, growth.as_deref()),
        Requested::Peak { source } => peaked(dossier, asked, source),
        Requested::Stated { least: Some((least, source)), least_burst } => {
            let need = Grant { rate: *least, burst: *least_burst };
            format!("Chosen by the requester; the computed need is {need} {}.", cite(dossier, source))
        }
        Requested::Stated { least: None, .. } => "Chosen by the requester; no need was computed.".to_owned(),
    }
}

/// What was sent again is no demand, and still it was sent: both are told where they differ.
fn peaked(dossier: &Dossier, asked: &Asked, source: &str) -> String {
    let at_once = match (asked.burst, asked.per_s) {
        (Some(_), _) => "beyond what today's rate let through meanwhile",
        (None, Some(_)) => "in one window",
        (None, None) => "at the same time",
    };
    let limit = dossier.demand_of(asked).filter(|limit| limit.first_attempts_peak.is_some());
    let most = match limit.and_then(|limit| Some((limit, limit.peak?))) {
        Some((limit, whole)) => format!(
            "The most first attempts of the fleet {at_once}; {} with what was sent again after a refusal or a failure",
            peak(whole, limit.readings.first().is_some_and(|strictest| strictest.at_least))
        ),
        None => format!("The most that the fleet asked for {at_once}"),
    };
    format!("{most} {}; no search for the least of this fleet was made.", cite(dossier, source))
}

fn searched(dossier: &Dossier, source: &str, growth: Option<&str>) -> String {
    let search = dossier.least.quotas.iter().find(|search| search.source == source).map(|search| &search.answer);
    let headroom = search.map_or_else(String::new, spared);
    let refuses = match search.is_none_or(QuotaAnswer::holds) {
        true => "",
        false => " Enforced, it still refused or delayed more than was asked for under some reading.",
    };
    let cite = cite(dossier, source);
    let growth = growth.map_or_else(String::new, |growth| format!(" after {growth}"));
    let allowed = search.map_or_else(String::new, allowed_refusals);
    format!(
        "The least that suffices with every seed and under every reading{growth}{allowed}{headroom} {cite}.{refuses}"
    )
}

/// `61.9`, `23,529`.
pub fn mean(mean: f64) -> String {
    if mean < 1000.0 { format!("{mean:.1}") } else { count(mean.round() as u64) }
}

/// What a search set aside, if anything: `, 10% of it to stay unused`.
pub fn spared(answer: &QuotaAnswer) -> String {
    match answer.headroom {
        0.0 => String::new(),
        headroom => format!(", {} of it to stay unused", percent(headroom)),
    }
}

/// What a search let happen, if it let anything: `, where at most 10% of a class's requests are refused`.
pub fn allowed_refusals(answer: &QuotaAnswer) -> String {
    let refused = match answer.refused_ratio {
        0.0 => return String::new(),
        ratio => format!(", where at most {} of a class's requests are refused", percent(ratio)),
    };
    let delay =
        answer.delay_s.map(|delay| format!(" and none is more than {} late for it (p99)", format::seconds(delay)));
    refused + &delay.unwrap_or_default()
}

/// `73.3% over`, `12% unused`; the way of quotas that are not known.
pub fn headroom(limit: &LimitDemand) -> String {
    match limit.safety {
        Safety::NoData => "not used".to_owned(),
        _ if limit.not_lasting().is_some() => {
            format!("{} on and on, of {}", count(limit.lasting_rate.into()), count(limit.rate().into()))
        }
        Safety::Unproven => "no whole window seen".to_owned(),
        _ => {
            let at_least = limit.readings.first().is_some_and(|strictest| strictest.at_least);
            format!("{}{}", if at_least { "at least " } else { "" }, crate::report::words::headroom(limit.headroom))
        }
    }
}

/// `5,000 chargers (depot), 40 operators (dashboards)`.
pub fn fleet(dossier: &Dossier) -> String {
    let groups = dossier.fleet.groups.iter();
    let text: Vec<String> = groups.map(|group| format!("{} ({})", devices(group), group.name)).collect();
    text.join(", ")
}

/// `1 operator`, `5,000 chargers`.
pub fn devices(group: &Group) -> String {
    plural(group.devices.into(), group.kind.strip_suffix('s').unwrap_or(&group.kind))
}

/// `118`, or `112 to 118` where seeds differ.
pub fn spread(spread: Spread) -> String {
    match (spread.min, spread.max) {
        (min, max) if min == max => count(max.into()),
        (min, max) => format!("{} to {}", count(min.into()), count(max.into())),
    }
}

pub fn question_kind(kind: QuestionKind) -> &'static str {
    match kind {
        QuestionKind::Reading => "which reading holds",
        QuestionKind::Contradiction => "otherwise than documented",
        QuestionKind::Unclear => "not settled by the documents",
        QuestionKind::Silence => "not stated",
    }
}

/// `1 question`, `13 questions`.
pub fn questions(dossier: &Dossier) -> String {
    plural(dossier.questions.len() as u64, "question")
}
