//! What became of each stream, beside what the documents say.

use super::survey::{Attempt, End, Fate, Question, Survey};
use crate::exit::Exit;
use crate::policy::model::Limit;
use crate::policy::silence::Topic;
use crate::probe::beside::Kind;
use crate::probe::conformance::list::nothing;
use crate::probe::conformance::reach::is_silent;
use crate::probe::outcome::{Comparison, Outcome, TrialOutcome, Verdict};
use crate::probe::silences::{Answer, unsaid};
use crate::probe::witness::{SWITCHED, Witness};
use crate::probe::wording::FOR_WANT;
use crate::summary::finding::{self, Evidence, Finding};
use crate::time::Nanos;

/// The comparison that says how many may be open.
pub const AT_ONCE: &str = "limit at the same time";

/// Puts what a survey found beside the documents.
pub fn outcome(survey: &Survey, took: Nanos, interrupted: bool) -> Outcome {
    let comparisons: Vec<Comparison> = survey.attempts().iter().flat_map(|attempt| compared(survey, attempt)).collect();
    let checks = vec![contract(survey)];
    let title = |question: &Question| title(survey, *question);
    let made = survey.attempts().iter().map(|attempt| (&attempt.question, true));
    let all = made.chain(survey.left_out().iter().map(|question| (question, false)));
    Outcome {
        conclusion: conclusion(survey, interrupted),
        hindrance: None,
        doubt: None,
        exit: exit(survey, &comparisons, &checks, interrupted),
        ended: ended(survey, interrupted).to_owned(),
        requests: survey.streams().len() as u32,
        took_s: took.as_secs_f64(),
        families: Vec::new(),
        measured: None,
        would_settle: None,
        experiments: survey.attempts().iter().map(|attempt| title(&attempt.question)).collect(),
        trials: all.map(|(question, made)| TrialOutcome { title: title(question), made }).collect(),
        not_tried: (!survey.left_out().is_empty()).then(|| FOR_WANT.to_owned()),
        silences: survey
            .case()
            .policy
            .silences
            .iter()
            .map(|silence| unsaid(silence, |topic| answer(survey, topic)))
            .collect(),
        comparisons,
        checks,
    }
}

/// What is opened besides as many as are documented.
pub fn title(survey: &Survey, question: Question) -> String {
    match question {
        Question::Same => "open one more of the same".to_owned(),
        Question::Client => "open the same as another client".to_owned(),
        Question::Beside(nth) => format!("open {}", beside(survey, nth)),
    }
}

fn beside(survey: &Survey, nth: u8) -> String {
    let beside = &survey.case().besides[usize::from(nth)];
    match &beside.kind {
        Kind::Set(change) => change.title().to_owned(),
        _ => format!("another subscription ({})", beside.path),
    }
}

/// What one more did, and what it did to the others, in words.
fn text(survey: &Survey, attempt: &Attempt) -> Option<String> {
    let older = older(survey, attempt).map(|fate| match fate {
        Fate::Ended { after, code } => format!("opened, and an older one is closed {after} later{}", with(code)),
        Fate::Kept | Fate::Refused { .. } => "opened, and all stay open".to_owned(),
    })?;
    Some(match survey.fate(attempt, attempt.extra?) {
        Fate::Refused { status } => {
            let told = survey.streams()[attempt.extra?].witness.told();
            let hint = told.map(|wait| format!(", told to wait {wait}")).unwrap_or_default();
            format!("refused with {status}{hint}; the older ones stay open")
        }
        Fate::Ended { after, code } => format!("opened, and closed {after} later{}", with(code)),
        Fate::Kept => older,
    })
}

fn with(code: Option<u16>) -> String {
    code.map(|code| format!(" with code {code}")).unwrap_or_default()
}

/// The worst that became of those that were open before.
fn older(survey: &Survey, attempt: &Attempt) -> Option<Fate> {
    let mut fates = attempt.base.iter().map(|stream| survey.fate(attempt, *stream));
    let first = fates.next()?;
    Some(fates.fold(first, |worst, fate| if worst == Fate::Kept { fate } else { worst }))
}

/// Whether one more took no place of those that were open.
fn is_apart(survey: &Survey, attempt: &Attempt) -> Option<bool> {
    let extra = survey.fate(attempt, attempt.extra?);
    Some(extra == Fate::Kept && older(survey, attempt)? == Fate::Kept)
}

pub fn compared(survey: &Survey, attempt: &Attempt) -> Vec<Comparison> {
    let (Some(text), Some(apart)) = (text(survey, attempt), is_apart(survey, attempt)) else { return Vec::new() };
    match attempt.question {
        Question::Same => vec![limit(survey, attempt, apart), excess(survey, text, apart)],
        question => vec![place(survey, question, text, apart)],
    }
}

fn limit(survey: &Survey, attempt: &Attempt, apart: bool) -> Comparison {
    let open = attempt.base.len() as u32;
    let measured = if apart { format!("at least {}", open + 1) } else { open.to_string() };
    let (documented, verdict) = match survey.documented() {
        None => ("not said".to_owned(), Verdict::Undocumented),
        Some(allow) if allow > open => (allow.to_string(), Verdict::NotSettled),
        Some(allow) => (allow.to_string(), if apart { Verdict::Differs } else { Verdict::AsDocumented }),
    };
    Comparison { what: AT_ONCE.to_owned(), documented, measured, verdict }
}

fn excess(survey: &Survey, measured: String, apart: bool) -> Comparison {
    let silent = is_silent(survey.case(), Topic::StreamExcess) || survey.documented().is_none();
    let (documented, verdict) = match silent {
        true => ("not said", Verdict::Undocumented),
        false => ("refused", if apart { Verdict::Differs } else { Verdict::AsDocumented }),
    };
    Comparison { what: "one stream too many".to_owned(), documented: documented.to_owned(), measured, verdict }
}

fn place(survey: &Survey, question: Question, measured: String, apart: bool) -> Comparison {
    let (documented, verdict) = match documented_apart(survey, question) {
        None => ("not said", Verdict::Undocumented),
        Some(own) => {
            let verdict = if own == apart { Verdict::AsDocumented } else { Verdict::Differs };
            (if own { "a place of its own" } else { "the same place" }, verdict)
        }
    };
    let what = match question {
        Question::Beside(nth) => format!("place of {}", beside(survey, nth)),
        _ => "place of another client".to_owned(),
    };
    Comparison { what, documented: documented.to_owned(), measured, verdict }
}

/// Whether the documents give one more a place of its own; None where they do not say.
fn documented_apart(survey: &Survey, question: Question) -> Option<bool> {
    let case = survey.case();
    let mut limits = case.policy.drawn_on(case.class).flat_map(|class| &case.policy.class(class).limits);
    let scope = limits.find(|limit| matches!(limit, Limit::Concurrent(_)))?.scope();
    match question {
        Question::Same => Some(false),
        Question::Client => Some(scope.0.iter().any(|name| case.is_clients_own(name))),
        Question::Beside(nth) => match case.besides[usize::from(nth)].kind {
            // Of a scope of several names, one is the client's and another what is subscribed to.
            Kind::Otherwise => Some(scope.0.len() > 1),
            _ => None,
        },
    }
}

/// Whether refusals of streams have the documented form. Of one too many that is answered otherwise, that is known only
/// where the documents say what becomes of it.
fn contract(survey: &Survey) -> Finding {
    const ID: &str = "server.refusal-contract";
    let too_many = survey.attempts().iter().filter(|attempt| attempt.question == Question::Same);
    let too_many: Vec<usize> = too_many.filter_map(|attempt| attempt.extra).collect();
    let said = !is_silent(survey.case(), Topic::StreamExcess);
    let refused: Vec<(&Witness, String)> = survey
        .streams()
        .iter()
        .enumerate()
        .filter_map(|(at, stream)| {
            let (witness, status) = (&stream.witness, survey.case().policy.refusal.status);
            let is_otherwise = said && too_many.contains(&at) && ![SWITCHED, 0].contains(&witness.status);
            match witness.is_refused() {
                true => Some((witness, witness.signal.breaches.join("; "))),
                false if is_otherwise => Some((witness, format!("status {} instead of {status}", witness.status))),
                false => None,
            }
        })
        .collect();
    let broken: Vec<&(&Witness, String)> = refused.iter().filter(|(_, why)| !why.is_empty()).collect();
    let evidence = |(witness, why): &&(&Witness, String)| Evidence {
        at_s: witness.sent.as_secs_f64(),
        device: format!("client/{}", witness.client),
        sent: format!("WS {}", survey.case().bare_path()),
        received: witness.seen.clone(),
        why: why.clone(),
    };
    let (verdict, headline) = match (refused.len(), broken.len()) {
        (0, _) => return nothing(ID, "No stream was refused"),
        (all, 0) => (finding::Verdict::Pass, format!("{all} refused handshakes as documented")),
        (all, broken) => (finding::Verdict::Fail, format!("{broken} of {all} refused handshakes not as documented")),
    };
    Finding {
        verdict,
        headline,
        remedy: if broken.is_empty() { String::new() } else { "Refuse a handshake as any other request".to_owned() },
        looked_at: refused.len() as u64,
        wrong: broken.len() as u64,
        evidence: broken.iter().take(3).map(evidence).collect(),
        ..nothing(ID, "")
    }
}

/// What the silences about streams are answered by; the others are about requests.
fn answer(survey: &Survey, topic: Topic) -> Answer {
    let of = |is_meant: &dyn Fn(Question) -> bool| {
        let meant = survey.attempts().iter().filter(|attempt| is_meant(attempt.question));
        let texts = meant
            .filter_map(|attempt| Some(format!("{}: {}", title(survey, attempt.question), text(survey, attempt)?)));
        texts.collect::<Vec<_>>().join("; ")
    };
    let answer = match topic {
        Topic::StreamExcess => of(&|question| question == Question::Same),
        Topic::StreamSet => of(&|question| matches!(question, Question::Beside(_))),
        Topic::Client => of(&|question| question == Question::Client),
        Topic::StreamHandshake => {
            return Err(
                "it takes a probe of those requests, with this stream beside them (--beside 'WS /…')".to_owned()
            );
        }
        Topic::Deployments | Topic::ClientRules => return Err("no probe of this server shows it".to_owned()),
        _ => return Err("it takes requests, not streams: probe a class of requests".to_owned()),
    };
    match (answer.is_empty(), topic) {
        (false, _) => Ok(answer),
        (true, Topic::StreamSet) => {
            Err("no other subscription was opened: name several values in the query, or one by --beside".to_owned())
        }
        (true, Topic::Client) => Err("it takes a second client: give one by --other-header".to_owned()),
        (true, _) => Err("no stream was opened".to_owned()),
    }
}

fn conclusion(survey: &Survey, interrupted: bool) -> String {
    let same = survey.attempts().iter().find(|attempt| attempt.question == Question::Same);
    let found = same.and_then(|attempt| Some((attempt.base.len(), text(survey, attempt)?)));
    match found {
        Some((open, text)) => format!("beside {open} open, one more is {text}"),
        None if interrupted => "stopped before anything was settled".to_owned(),
        None => "not settled".to_owned(),
    }
}

fn ended(survey: &Survey, interrupted: bool) -> &'static str {
    match survey.ended() {
        _ if interrupted => "it was stopped",
        None => "it was not over",
        Some(End::Settled) => "every question was asked",
        Some(End::BudgetSpent) => "the next question costs more than the budget",
        Some(End::NeverOpened) => "no stream could be opened",
        Some(End::Barred) => {
            "the credential is not let in, or not for nothing (status 401, 402, 403 or 451): nothing more was sent"
        }
    }
}

fn exit(survey: &Survey, comparisons: &[Comparison], checks: &[Finding], interrupted: bool) -> Exit {
    let any = |verdict: Verdict| comparisons.iter().any(|comparison| comparison.verdict == verdict);
    if interrupted {
        Exit::Interrupted
    } else if any(Verdict::Differs) || checks.iter().any(|check| check.verdict == finding::Verdict::Fail) {
        Exit::Fail
    } else if any(Verdict::NotSettled) || survey.ended() != Some(End::Settled) {
        Exit::Invalid
    } else {
        Exit::Pass
    }
}
