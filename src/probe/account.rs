//! A probe from its beginning to its end, as data: what it was for, what was found, every exchange, and which of them
//! prove what. Every form of the report is a function of it.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conformance::transcript::Entry;
use super::examination::Examination;
use super::exchange::{Answer, Sighting};
use super::forecast::forecast;
use super::hypothesis::{Hypothesis, Span, Terms};
use super::outcome::{Outcome, Verdict};
use super::prober::Prober;
use super::proof::{self, Surprise, against_charging, against_document, against_others};
use super::witness::{Guise, Witness};
use crate::policy::model::{Limit, RateLimit};
use crate::summary::finding::{self, Finding};
use crate::time::Nanos;

/// The version of this form; it grows when a reader of an older one would misread it.
pub const FORMAT: u32 = 2;

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
    /// The headers of each client as they were given: `Authorization: Bearer env:TOKEN`.
    pub clients: Vec<Vec<String>>,
    /// The body of each client's requests, as it was given; empty for none.
    #[serde(default)]
    pub bodies: Vec<String>,
    /// What was asked besides.
    #[serde(default)]
    pub besides: Vec<AskTold>,
    pub budget: u32,
    pub within_s: f64,
}

/// A request as it was given: `env:TOKEN` stands in it for what comes from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskTold {
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: Vec<String>,
    pub body: String,
}

/// One request and what came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// 0 for the first client.
    pub client: usize,
    /// A header that this request had besides its client's.
    pub header: Option<String>,
    /// Where among [`Setting::besides`] it is; None for the probe's own request.
    #[serde(default)]
    pub beside: Option<u8>,
    /// Whether it went over a connection of its own.
    #[serde(default)]
    pub reconnected: bool,
    /// What it was sent for; None while the limiter was being identified.
    pub trial: Option<String>,
    /// Seconds since the probe began.
    pub sent_s: f64,
    pub done_s: f64,
    pub answer: AnswerTold,
    /// The status and the headers that speak of quotas.
    pub seen: String,
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
    /// The comparison or the check that it belongs to, such as `limit`.
    pub about: String,
    pub claim: String,
    /// Where among the exchanges the sequence begins, and the request that decides.
    pub from: usize,
    pub decisive: usize,
    /// The client whose exchanges it is made of; None for those of all.
    pub client: Option<usize>,
}

impl Account {
    pub fn of(setting: Setting, examination: &Examination, outcome: Outcome, limits: &[Limit]) -> Account {
        let prober = examination.prober();
        let mut entries: Vec<&Entry> = examination.transcript().entries().iter().collect();
        entries.sort_by_key(|entry| (entry.witness.sent, entry.witness.done));
        let mut exchanges: Vec<Told> = entries
            .iter()
            .map(|entry| Told::of(&entry.witness, entry.purpose.map(|(trial, _)| trial.title().to_owned())))
            .collect();
        let key =
            |entry: &Entry| (prober.as_seen(entry.witness.exchange()).client, entry.witness.sent, entry.witness.done);
        let places: HashMap<_, usize> = entries.iter().enumerate().map(|(at, entry)| (key(entry), at)).collect();
        let place = |sighting: &Sighting| places.get(&(sighting.client, sighting.sent, sighting.done)).copied();

        let found = best(prober, &outcome);
        let witnesses: Vec<&Witness> = entries.iter().map(|entry| &entry.witness).collect();
        let played = found.and_then(|found| forecast(found, &witnesses, prober)).unwrap_or_default();
        for (told, admits) in exchanges.iter_mut().zip(&played.admits) {
            told.forecast = Some(*admits);
        }
        let mut proofs = first_drain(&exchanges);
        for (about, surprise) in found.map(|found| against(found, prober, &outcome, limits)).unwrap_or_default() {
            let memory = found.map(memory).unwrap_or_default();
            let decisive = place(&surprise.sighting);
            proofs.extend(decisive.map(|decisive| proof(&exchanges, about, surprise.claim(), decisive, memory)));
        }
        let rest = examination.conduct().case().terms().map_or(Nanos::ZERO, |terms| terms.recovers);
        proofs.extend(outcome.checks.iter().filter_map(|check| broken(&exchanges, check, rest.as_secs_f64())));
        let left = played.left.into_iter().map(|(at, left)| (at.as_secs_f64(), left)).collect();
        Account { format: FORMAT, setting, outcome, exchanges, left, proofs }
    }
}

impl Told {
    /// Whether the same was sent by the same client in the same way.
    pub fn is_like(&self, other: &Told) -> bool {
        let kind = |told: &Told| (told.client, told.beside, told.reconnected);
        kind(self) == kind(other) && self.header == other.header
    }

    pub(super) fn of(witness: &Witness, trial: Option<String>) -> Told {
        let answer = match witness.answer() {
            Answer::Admitted => AnswerTold::Admitted,
            Answer::Refused => AnswerTold::Refused,
            Answer::Barred => AnswerTold::Barred,
            Answer::Lost => AnswerTold::Lost,
        };
        Told {
            client: witness.client,
            header: witness.guise.header().map(|(name, value)| format!("{name}: {value}")),
            beside: match witness.guise {
                Guise::Beside(nth) => Some(nth),
                Guise::Own | Guise::Reconnected | Guise::Forwarded(_) => None,
            },
            reconnected: witness.guise == Guise::Reconnected,
            trial,
            sent_s: witness.sent.as_secs_f64(),
            done_s: witness.done.as_secs_f64(),
            answer,
            seen: witness.seen.clone(),
            hint_s: witness.told().filter(|_| witness.is_refused()).map(Nanos::as_secs_f64),
            forecast: None,
        }
    }
}

/// The sequence of a broken promise: from where its trial began to the first request that breaks it, with the trials before
/// that left it no rest of so many seconds.
fn broken(exchanges: &[Told], check: &Finding, rest: f64) -> Option<Proof> {
    let evidence = check.evidence.first().filter(|_| check.verdict == finding::Verdict::Fail)?;
    let decisive = exchanges.iter().position(|told| (told.sent_s - evidence.at_s).abs() < 1e-6)?;
    let same = |told: &&Told| told.trial == exchanges[decisive].trial;
    let mut from = decisive + 1 - exchanges[..=decisive].iter().rev().take_while(same).count();
    let goes_on = |at: usize| {
        let (before, after) = (&exchanges[at - 1], &exchanges[at]);
        before.trial.is_some() && after.trial.is_some() && after.sent_s - before.done_s < rest
    };
    while from > 0 && goes_on(from) {
        from -= 1;
    }
    Some(Proof {
        about: check.check.clone(),
        claim: "All that was sent to find this out, and commands that send it again".to_owned(),
        from,
        decisive,
        client: None,
    })
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
    let windows = if found.shape.family.is_one_by_one() { f64::from(found.terms.limit) } else { 2.0 };
    window * windows + found.terms.penalty.high.as_secs_f64()
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
        let with_limit = Terms { limit: super::compare::at_once(rate, outcome.measured.as_ref()), ..terms };
        let with_window =
            Terms { window: Span::exactly(proof::window(found.shape.family, rate.allow, rate.per)), ..terms };
        for (what, documented) in [("limit", with_limit), ("window", with_window), ("one token", with_window)] {
            let surprise = differs(what).then(|| against_document(found, documented, log)).flatten();
            all.extend(surprise.map(|surprise| (what, surprise)));
        }
    }
    if differs("refused requests") {
        let surprise = against_charging(found, log);
        all.extend(surprise.map(|surprise| ("refused requests", surprise)));
    }
    if outcome.measured.as_ref().is_some_and(|measured| measured.family_is_settled) {
        let per = whole_window(found, rate, differs("window") || differs("one token"));
        let others = against_others(found, per, log, prober.anchor());
        all.extend(others.into_iter().map(|surprise| ("algorithm", surprise)));
    }
    all
}

/// The window in which all of the limit comes back, as documented where that is what was found.
fn whole_window(found: &Hypothesis, rate: Option<&RateLimit>, differs: bool) -> Nanos {
    let is_documented = !differs && !found.shape.family.is_one_by_one();
    rate.filter(|_| is_documented).map_or(found.whole_window(), |rate| rate.per)
}

/// What was admitted from rest before the first refusal, and when the first was admitted again.
fn first_drain(exchanges: &[Told]) -> Vec<Proof> {
    let of_first = || exchanges.iter().enumerate().filter(|(_, told)| told.client == 0 && told.trial.is_none());
    let Some((refused, _)) = of_first().find(|(_, told)| told.answer == AnswerTold::Refused) else { return Vec::new() };
    let volley_ends = exchanges[refused].done_s;
    let let_in = |told: &Told| told.answer == AnswerTold::Admitted;
    let admitted = of_first().filter(|(_, told)| let_in(told) && told.sent_s <= volley_ends).count();
    let claim = format!("From rest, {admitted} requests were admitted before or beside the first that was refused");
    let mut proofs = vec![Proof { about: "limit".to_owned(), claim, from: 0, decisive: refused, client: Some(0) }];
    let back = of_first().find(|(_, told)| let_in(told) && told.sent_s > volley_ends);
    if let Some((back, told)) = back {
        let last =
            of_first().take_while(|(at, _)| *at < back).filter(|(_, told)| told.answer == AnswerTold::Refused).last();
        let last = last.map_or(0.0, |(_, told)| told.sent_s);
        let first = exchanges.first().map_or(0.0, |told| told.sent_s);
        let claim = format!(
            "The first request was let in again {:.3} s after the first of all; {:.3} s after it, one was still refused",
            told.sent_s - first,
            last - first
        );
        proofs.push(Proof { about: "window".to_owned(), claim, from: 0, decisive: back, client: Some(0) });
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
    Proof { about: about.to_owned(), claim, from, decisive, client: Some(client) }
}
