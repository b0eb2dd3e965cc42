//! Whose quota it is, by experiment: what another client, another address and other requests get while the client has used
//! its own up, and what they leave of it.

use super::checks::{self, Scene};
use super::terms::Case;
use super::transcript::{Entry, Transcript};
use super::trial::{Step, Trial};
use crate::policy::model::{ClassId, Limit};
use crate::policy::silence::Topic;
use crate::policy::words::scope_text;
use crate::probe::beside::{Beside, Kind};
use crate::probe::outcome::{Comparison, Verdict};
use crate::probe::witness::{Guise, Witness};
use crate::time::Nanos;

/// All that was found of how far the limit reaches.
pub struct Reach<'a> {
    /// Whether another credential draws on the same quota; None where that was not seen.
    pub is_shared_by_clients: Option<bool>,
    pub besides: Vec<Reached<'a>>,
}

/// What was found of one request beside the probe's own.
pub struct Reached<'a> {
    pub beside: &'a Beside,
    /// The first answer that it had, before anything was refused.
    pub first: Option<&'a Witness>,
    pub meanwhile: Meanwhile,
    /// Whether it uses up the client's quota, where that was seen by itself.
    pub takes: Option<bool>,
}

/// What became of it while the client was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    Refused,
    Served,
    /// Neither: answered with another status.
    Fails(u16),
    /// It was not asked, or the client was not refused before and after.
    Unknown,
}

impl<'a> Reach<'a> {
    pub fn of(case: &'a Case, transcript: &'a Transcript) -> Reach<'a> {
        let scene = Scene::new(case, transcript);
        let besides = (0..).zip(&case.besides).map(|(nth, beside)| Reached {
            beside,
            first: transcript.beside(nth).next(),
            meanwhile: meanwhile(case, transcript, nth),
            takes: takes(transcript, nth),
        });
        Reach { is_shared_by_clients: checks::other::is_shared(&scene), besides: besides.collect() }
    }

    /// What was found beside what is documented. What was not seen is left out.
    pub fn compared(&self, case: &Case) -> Vec<Comparison> {
        let own = self.is_shared_by_clients.map(|shared| clients_compared(case, shared));
        own.into_iter().chain(self.besides.iter().filter_map(|reached| reached.compared(case))).collect()
    }
}

impl Reached<'_> {
    /// What differs: an answer that names its class knows better than patterns.
    pub fn kind(&self, case: &Case) -> Kind {
        match self.first.and_then(|first| first.signal.told.class) {
            Some(class) if class == case.class && self.beside.kind == Kind::Unplaced => Kind::Endpoint,
            Some(class) if class != case.class => Kind::Class(class),
            _ => self.beside.kind.clone(),
        }
    }

    /// The status with which it failed at first, if it did.
    pub fn failed(&self) -> Option<u16> {
        let first = self.first.filter(|first| !first.is_served() && !first.is_refused())?;
        (first.status > 0).then_some(first.status)
    }

    /// Whether it draws on the client's quota; None where nothing shows it.
    pub fn is_shared(&self) -> Option<bool> {
        match (self.meanwhile, self.takes) {
            (_, Some(takes)) => Some(takes),
            (Meanwhile::Refused, _) => Some(true),
            (Meanwhile::Served, _) => Some(false),
            (Meanwhile::Fails(_) | Meanwhile::Unknown, _) => None,
        }
    }

    /// What was measured, in words; None where it was not asked while the client was refused.
    pub fn text(&self) -> Option<String> {
        let meanwhile = match self.meanwhile {
            Meanwhile::Refused => "refused while the quota is used up".to_owned(),
            Meanwhile::Served => "served while the quota is used up".to_owned(),
            Meanwhile::Fails(status) => format!("answered {status} while the quota is used up"),
            Meanwhile::Unknown => return self.takes.map(|takes| uses_up(takes).to_owned()),
        };
        let fails = match (self.failed(), self.meanwhile) {
            (Some(status), Meanwhile::Refused) => format!(", answered {status} before"),
            (Some(status), Meanwhile::Fails(now)) if status == now => " as before".to_owned(),
            _ => String::new(),
        };
        let takes = self.takes.map(|takes| format!("; {}", uses_up(takes))).unwrap_or_default();
        Some(format!("{meanwhile}{fails}{takes}"))
    }

    fn compared(&self, case: &Case) -> Option<Comparison> {
        let measured = self.text()?;
        let documented = documented(case, &self.kind(case));
        if documented.is_some() && self.is_shared().is_none() {
            // What fails shows nothing by that; whether it uses quota up was not tried, or the client is not let in there.
            return None;
        }
        let said = match documented {
            None => "not said",
            Some(true) => "the same quota",
            Some(false) => "a quota of its own",
        };
        let verdict = match (documented, self.is_shared()) {
            (None, _) | (_, None) => Verdict::Undocumented,
            (Some(documented), Some(shared)) if documented == shared => Verdict::AsDocumented,
            // A limit of which no number is published may be the reason.
            (Some(false), Some(true)) if case.policy.more_limits => Verdict::Undocumented,
            (Some(_), Some(_)) => Verdict::Differs,
        };
        Some(Comparison {
            what: format!("quota of {}", self.beside.text()),
            documented: said.to_owned(),
            measured,
            verdict,
        })
    }
}

fn uses_up(takes: bool) -> &'static str {
    if takes { "uses it up" } else { "uses up none of it" }
}

/// What clients are told apart by, beside whom the documents name.
fn clients_compared(case: &Case, shared: bool) -> Comparison {
    let scopes: Vec<String> = case.rates().map(|(rate, _)| scope_text(&rate.scope)).collect();
    let measured = if shared { "both clients share one" } else { "each client has its own" };
    let verdict = match case.is_apart() {
        _ if is_silent(case, Topic::Client) => Verdict::Undocumented,
        None => Verdict::Undocumented,
        Some(apart) if apart != shared => Verdict::AsDocumented,
        Some(_) => Verdict::Differs,
    };
    let documented = format!("for each {}", scopes.first().map_or("client", String::as_str));
    Comparison { what: "whose quota".to_owned(), documented, measured: measured.to_owned(), verdict }
}

pub fn is_silent(case: &Case, topic: Topic) -> bool {
    case.policy.silences.iter().any(|silence| silence.about.contains(&topic))
}

/// Whether the documents have such a request draw on the probe's own quota; None where they do not say.
fn documented(case: &Case, kind: &Kind) -> Option<bool> {
    let counts_by = |name: &str| {
        let mut by = case.rates().map(|(rate, _)| rate.scope.0.iter().any(|own| own == name));
        let first = by.next()?;
        by.all(|other| other == first).then_some(first)
    };
    match kind {
        Kind::Endpoint if is_silent(case, Topic::Endpoints) => None,
        Kind::Endpoint => counts_by("endpoint").map(|own| !own),
        Kind::Named(name) => counts_by(name).map(|own| !own),
        Kind::Class(_) if is_silent(case, Topic::Classes) => None,
        // What is limited at the same time only is no matter of a quota that is used up.
        Kind::Class(class) => has_rate(case, *class).then(|| has_common_limit(case, *class)),
        Kind::Otherwise | Kind::Unplaced | Kind::Nobody | Kind::Set(_) => None,
    }
}

fn has_rate(case: &Case, class: ClassId) -> bool {
    let mut limits = case.policy.drawn_on(class).flat_map(|class| &case.policy.class(class).limits);
    limits.any(|limit| matches!(limit, Limit::Rate(_)))
}

fn has_common_limit(case: &Case, class: ClassId) -> bool {
    let policy = &case.policy;
    policy
        .drawn_on(class)
        .any(|one| policy.drawn_on(case.class).any(|other| one == other && !policy.class(one).limits.is_empty()))
}

/// The client was refused right before and right after, so that nothing had run in.
fn meanwhile(case: &Case, transcript: &Transcript, nth: u8) -> Meanwhile {
    let entries: Vec<&Entry> = transcript.of(Trial::Besides).collect();
    let is_it = |entry: &Entry| matches!(entry.step(), Some(Step::Beside(own, _)) if own == nth);
    let three = entries.windows(3).find(|three| {
        is_it(three[1]) && matches!(three[0].step(), Some(Step::Fill(_))) && three[2].step() == Some(Step::Ask)
    });
    let Some([before, asked, after]) = three.and_then(|three| <[&Entry; 3]>::try_from(three).ok()) else {
        return Meanwhile::Unknown;
    };
    let asked = &asked.witness;
    // Of those that left together, any may have been the last.
    let was_refused = entries.iter().any(|entry| entry.volley == before.volley && entry.witness.is_refused());
    match was_refused && after.witness.is_refused() {
        false => Meanwhile::Unknown,
        true if asked.is_refused() && may_be_its_own(case, transcript, asked, nth) => Meanwhile::Unknown,
        true if asked.is_refused() => Meanwhile::Refused,
        true if asked.is_served() => Meanwhile::Served,
        true if asked.status > 0 && asked.status < 500 => Meanwhile::Fails(asked.status),
        true => Meanwhile::Unknown,
    }
}

/// Whether requests of another class may have used up that class's own limit before this one.
fn may_be_its_own(case: &Case, transcript: &Transcript, asked: &Witness, nth: u8) -> bool {
    let kind = |nth: u8| &case.besides[usize::from(nth)].kind;
    let Kind::Class(class) = kind(nth) else { return false };
    let is_of_class = |witness: &Witness| matches!(witness.guise, Guise::Beside(other) if kind(other) == kind(nth));
    let sent_within = |per: Nanos| {
        let before = transcript.entries().iter().map(|entry| &entry.witness).filter(|it| it.sent < asked.sent);
        before.filter(|it| is_of_class(it) && it.done.saturating_add(per) > asked.sent).count()
    };
    let own = case.policy.class(*class).limits.iter();
    own.filter_map(|limit| if let Limit::Rate(rate) = limit { Some(rate) } else { None }).any(|rate| {
        let at_once = rate.burst.map_or(rate.allow, |burst| burst.min(rate.allow)).max(1);
        sent_within(rate.per) >= at_once as usize
    })
}

/// Whether as many fewer were let in behind so many of it as there were of them. One more or less may have run in.
fn takes(transcript: &Transcript, nth: u8) -> Option<bool> {
    let trial = Trial::TakenBy(nth);
    let full = filled(transcript, Trial::ComeBackAsTold)?;
    let left = filled(transcript, trial)?;
    let asked = transcript.of(trial).filter(|entry| matches!(entry.step(), Some(Step::Beside(..))));
    let asked = asked.filter(|entry| !entry.witness.is_refused()).count() as u32;
    let missing = full.saturating_sub(left);
    let slack = u32::from(asked > 3);
    match missing {
        _ if asked == 0 => None,
        missing if missing <= slack => Some(false),
        missing if missing.abs_diff(asked) <= slack => Some(true),
        _ => None,
    }
}

/// How many were let in until one was refused.
fn filled(transcript: &Transcript, trial: Trial) -> Option<u32> {
    let fill: Vec<&Witness> =
        transcript.of(trial).filter(|entry| entry.step() == Some(Step::Fill(0))).map(|entry| &entry.witness).collect();
    let refused = fill.iter().any(|witness| witness.is_refused());
    refused.then(|| fill.iter().filter(|witness| witness.is_admitted()).count() as u32)
}
