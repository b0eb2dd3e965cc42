//! The checks that only a probe can make: pure functions of what it sent and what came back. One file for each.

pub mod begin;
pub mod connection;
pub mod edge;
pub mod form;
pub mod forwarded;
pub mod full;
pub mod herd;
pub mod lapse;
pub mod late;
pub mod other;
pub mod race;
pub mod refused;
pub mod remaining;
mod turns;

use super::list::nothing;
use super::terms::{Case, Terms};
use super::transcript::Transcript;
use super::trial::{Step, Trial};
use crate::probe::beside::Beside;
use crate::probe::witness::{Guise, Witness};
use crate::summary::finding::{Evidence, Finding, Verdict};

/// What the checks look at.
pub struct Scene<'a> {
    pub case: &'a Case,
    pub terms: Option<Terms>,
    pub transcript: &'a Transcript,
    /// Whether too much is let through even to who sends one after the other after a rest: what is wrong then has nothing to
    /// do with edges or lapses.
    pub plainly_over: bool,
}

/// The verdicts of all. What lapses explain is not held against anything else.
pub fn all(scene: &Scene<'_>) -> Vec<Finding> {
    let lapse = lapse::check(scene);
    let lapsed = lapse.verdict == Verdict::Fail;
    let unless_lapsed = |finding: Finding| match lapsed && finding.verdict == Verdict::Fail {
        true => opened(finding, "What was counted is forgotten at times, which may be the reason."),
        false => finding,
    };
    let connection = unless_lapsed(connection::check(scene));
    // What comes at the same moment comes over several connections.
    let may_be_apart = connection::may_explain(scene, &connection);
    let unless_apart = |finding: Finding| match may_be_apart && finding.verdict == Verdict::Fail {
        true => opened(finding, "Connections may have quotas of their own, which would be another reason."),
        false => finding,
    };
    vec![
        herd::check(scene, unless_lapsed(late::while_polling(scene)).verdict),
        unless_lapsed(late::check(scene)),
        remaining::check(scene),
        unless_lapsed(full::check(scene)),
        unless_apart(unless_lapsed(race::check(scene))),
        unless_lapsed(edge::check(scene)),
        lapse,
        refused::check(scene),
        unless_lapsed(forwarded::check(scene)),
        other::check(scene),
        connection,
        unless_lapsed(begin::check(scene)),
    ]
}

/// A failure that something else may be the reason of.
fn opened(finding: Finding, why: &str) -> Finding {
    Finding { verdict: Verdict::Inconclusive, explanation: why.to_owned(), remedy: String::new(), wrong: 0, ..finding }
}

/// Who rests first begins to fill with all of the quota.
pub fn rests_first(trial: Trial) -> bool {
    matches!(trial, Trial::ComeBackAsTold | Trial::HammerWhileRefused | Trial::TwoAtDifferentTimes)
}

impl<'a> Scene<'a> {
    pub fn new(case: &'a Case, transcript: &'a Transcript) -> Scene<'a> {
        let scene = Scene { case, terms: case.terms(), transcript, plainly_over: false };
        Scene { plainly_over: full::is_over(&scene), ..scene }
    }

    /// What was sent in a step of a trial.
    pub fn step(&self, trial: Trial, is_meant: impl Fn(Step) -> bool) -> Vec<&'a Witness> {
        let entries = self.transcript.of(trial).filter(|entry| entry.step().is_some_and(&is_meant));
        entries.map(|entry| &entry.witness).collect()
    }

    pub fn evidence(&self, witness: &Witness, why: impl Into<String>) -> Evidence {
        let request = format!("{} {}", self.case.method, self.case.bare_path());
        let sent = match witness.guise {
            Guise::Own => request,
            Guise::Reconnected => format!("{request}, over a new connection"),
            Guise::Beside(nth) => self.case.besides.get(usize::from(nth)).map_or(request, Beside::text),
            guise @ Guise::Forwarded(_) => {
                let (name, value) = guise.header().unwrap_or_default();
                format!("{request}; {name}: {value}")
            }
        };
        Evidence {
            at_s: witness.sent.as_secs_f64(),
            device: format!("client/{}", witness.client),
            sent,
            received: witness.seen.clone(),
            why: why.into(),
        }
    }
}

/// What a check says: a verdict, a headline and what it rests on.
fn finding(id: &str, verdict: Verdict, headline: impl Into<String>, evidence: Vec<Evidence>) -> Finding {
    Finding {
        verdict,
        headline: headline.into(),
        looked_at: evidence.len() as u64,
        wrong: u64::from(verdict == Verdict::Fail),
        evidence,
        ..nothing(id, "")
    }
}

impl Finding {
    fn with_remedy(self, remedy: &str) -> Finding {
        match self.verdict {
            Verdict::Fail => Finding { remedy: remedy.to_owned(), ..self },
            _ => self,
        }
    }
}
