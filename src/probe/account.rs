//! A probe from its beginning to its end, as data: what it was for, what was found, every exchange, and which of them
//! prove what. Every form of the report is a function of it.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::{Answer, Sighting};
use super::family::Family;
use super::forecast::forecast;
use super::hypothesis::{Hypothesis, Span, Terms};
use super::outcome::{Outcome, Verdict};
use super::proof::{Surprise, against_document, against_others};
use super::prober::Prober;
use crate::policy::model::{Limit, RateLimit};
use crate::time::Nanos;

/// The version of this form; it grows when a reader of an older one would misread it.
pub const FORMAT: u32 = 1;

/// Everything about one probe.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    pub format: u32,
    pub setting: Setting,
    pub outcome: Outcome,
    /// Every request that had an answer or was waited for, in the order of their departures.
    pub exchanges: Vec<Told>,
    /// Seconds since the probe began, and how much the first client would have left by the limiter that was found.
    pub left: Vec<(f64, u32)>,
    pub proofs: Vec<Proof>,
}

/// What the probe was told to do.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    pub version: String,
    /// ISO 8601, UTC.
    pub started: String,
    /// The command that does it again; what comes from the environment is named, not shown.
    pub command: String,
    pub target: String,
    pub method: String,
    /// With its query.
    pub path: String,
    pub class: String,
    pub policy: String,
    pub source: Option<String>,
    /// The limits of the class, in words.
    pub documented: Vec<String>,
    /// What the provider leaves unsaid.
    pub silences: Vec<String>,
    /// The headers of each client as they were given: `Authorization: Bearer env:TOKEN`.
    pub clients: Vec<Vec<String>>,
    pub budget: u32,
    pub within_s: f64,
}

/// One request and what came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// 0 for the first client.
    pub client: usize,
    /// Seconds since the probe began.
    pub sent_s: f64,
    pub done_s: f64,
    pub answer: AnswerTold,
    /// Seconds that a refusal asked to wait.
    pub hint_s: Option<f64>,
    /// Whether the limiter that was found would have let it in.
    pub forecast: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerTold {
    Admitted,
    Refused,
    Barred,
    Lost,
}

/// What proves a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// The comparison that it belongs to, such as `limit`.
    pub about: String,
    pub claim: String,
    /// Where among the exchanges the sequence begins, and the request that decides: all of one client between them.
    pub from: usize,
    pub decisive: usize,
    pub client: usize,
}

impl Account {
    pub fn of(setting: Setting, prober: &Prober, outcome: Outcome, limits: &[Limit]) -> Account {
        let mut exchanges: Vec<_> = prober.exchanges().to_vec();
        exchanges.sort_by_key(|exchange| (exchange.sent, exchange.done));
        let mut told: Vec<Told> = exchanges
            .iter()
            .map(|exchange| {
                let (answer, hint) = match exchange.answer {
                    Answer::Admitted => (AnswerTold::Admitted, None),
                    Answer::Refused { hint } => (AnswerTold::Refused, hint),
                    Answer::Barred => (AnswerTold::Barred, None),
                    Answer::Lost => (AnswerTold::Lost, None),
                };
                Told {
                    client: exchange.client,
                    sent_s: exchange.sent.as_secs_f64(),
                    done_s: exchange.done.as_secs_f64(),
                    answer,
                    hint_s: hint.map(Nanos::as_secs_f64),
                    forecast: None,
                }
            })
            .collect();
        let places: HashMap<_, usize> =
            exchanges.iter().enumerate().map(|(at, it)| ((it.client, it.sent, it.done), at)).collect();
        let place = |sighting: &Sighting| places.get(&(sighting.client, sighting.sent, sighting.done)).copied();
        let found = best(prober, &outcome);
        let played = found.and_then(|found| forecast(found, prober.log()));
        let left = played.as_ref().map(|played| played.left.clone()).unwrap_or_default();
        for (sighting, admits) in prober.log().sightings().iter().zip(played.iter().flat_map(|it| &it.admits)) {
            if let Some(at) = place(sighting) {
                told[at].forecast = Some(*admits);
            }
        }
        let mut proofs = first_drain(&told);
        proofs.extend(found.map(|found| against(found, prober, &outcome, limits)).unwrap_or_default().into_iter().filter_map(
            |(about, surprise)| {
                let decisive = place(&surprise.sighting)?;
                Some(proof(&told, about, surprise.claim(), decisive, memory(found?)))
            },
        ));
        let left = left.into_iter().map(|(at, left)| (at.as_secs_f64(), left)).collect();
        Account { format: FORMAT, setting, outcome, exchanges: told, left, proofs }
    }
}

/// The hypothesis that stands for what was found.
fn best<'a>(prober: &'a Prober, outcome: &Outcome) -> Option<&'a Hypothesis> {
    let shape = outcome.measured.as_ref()?.shape;
    let all = prober.belief().of(shape);
    all.into_iter().max_by(|one, other| one.likelihood().total_cmp(&other.likelihood()))
}

/// How long what was counted can matter, in seconds.
fn memory(found: &Hypothesis) -> f64 {
    let window = found.terms.window.high.as_secs_f64();
    let whole = match found.shape.family {
        Family::Bucket | Family::LeakyQueue => window * f64::from(found.terms.limit),
        _ => window * 2.0,
    };
    whole + found.terms.penalty.high.as_secs_f64()
}

/// What disproves the other families, and the documented numbers where they differ.
fn against(found: &Hypothesis, prober: &Prober, outcome: &Outcome, limits: &[Limit]) -> Vec<(&'static str, Surprise)> {
    let differs = |what: &str| outcome.comparisons.iter().any(|it| it.what == what && it.verdict == Verdict::Differs);
    let rate = limits.iter().find_map(|limit| match limit {
        Limit::Rate(rate) => Some(rate),
        _ => None,
    });
    let (terms, log) = (found.terms, prober.log());
    let mut all = Vec::new();
    if let Some(rate) = rate {
        let with_limit = Terms { limit: super::outcome::at_once(rate, outcome.measured.as_ref()), ..terms };
        let with_window = Terms { window: Span::exactly(documented_window(found.shape.family, rate)), ..terms };
        for (what, documented) in [("limit", with_limit), ("window", with_window), ("one token", with_window)] {
            let surprise = differs(what).then(|| against_document(found, documented, log)).flatten();
            all.extend(surprise.map(|surprise| (what, surprise)));
        }
    }
    if outcome.measured.as_ref().is_some_and(|measured| measured.family_is_settled) {
        let per = whole_window(found, rate, differs("window") || differs("one token"));
        let others = against_others(found, per, log, prober.anchor());
        all.extend(others.into_iter().map(|surprise| ("algorithm", surprise)));
    }
    all
}

fn documented_window(family: Family, rate: &RateLimit) -> Nanos {
    match family {
        Family::Bucket | Family::LeakyQueue => Nanos((rate.per.0 / u64::from(rate.allow.max(1))).max(1)),
        _ => rate.per,
    }
}

/// The window in which all of the limit comes back, as documented where that is what was found.
fn whole_window(found: &Hypothesis, rate: Option<&RateLimit>, differs: bool) -> Nanos {
    let middle = found.terms.window.middle();
    match (rate, found.shape.family) {
        (Some(rate), family) if !differs && !matches!(family, Family::Bucket | Family::LeakyQueue) => rate.per,
        (_, Family::Bucket | Family::LeakyQueue) => middle * u64::from(found.terms.limit),
        _ => middle,
    }
}

/// What was admitted from rest before the first refusal, and when the first was admitted again.
fn first_drain(exchanges: &[Told]) -> Vec<Proof> {
    let of_first = || exchanges.iter().enumerate().filter(|(_, told)| told.client == 0);
    let Some((refused, _)) = of_first().find(|(_, told)| told.answer == AnswerTold::Refused) else { return Vec::new() };
    let volley_ends = exchanges[refused].done_s;
    let let_in = |told: &Told| told.answer == AnswerTold::Admitted;
    let admitted = of_first().filter(|(_, told)| let_in(told) && told.sent_s <= volley_ends).count();
    let claim = format!("From rest, {admitted} requests were admitted before or beside the first that was refused");
    let mut proofs = vec![Proof { about: "limit".to_owned(), claim, from: 0, decisive: refused, client: 0 }];
    let back = of_first().find(|(_, told)| let_in(told) && told.sent_s > volley_ends);
    if let Some((back, told)) = back {
        let last = of_first().take_while(|(at, _)| *at < back).filter(|(_, told)| told.answer == AnswerTold::Refused).last();
        let last = last.map_or(0.0, |(_, told)| told.sent_s);
        let first = exchanges.first().map_or(0.0, |told| told.sent_s);
        let claim = format!(
            "The first request was let in again {:.3} s after the first of all; {:.3} s after it, one was still refused",
            told.sent_s - first,
            last - first
        );
        proofs.push(Proof { about: "window".to_owned(), claim, from: 0, decisive: back, client: 0 });
    }
    proofs
}

/// The sequence begins where the client had rested for as long as anything is remembered.
fn proof(exchanges: &[Told], about: &str, claim: String, decisive: usize, memory: f64) -> Proof {
    let client = exchanges[decisive].client;
    let mut from = decisive;
    for at in (0..decisive).rev().filter(|at| exchanges[*at].client == client) {
        if exchanges[from].sent_s - exchanges[at].done_s >= memory {
            break;
        }
        from = at;
    }
    Proof { about: about.to_owned(), claim, from, decisive, client }
}
