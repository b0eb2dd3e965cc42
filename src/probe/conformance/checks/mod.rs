//! The checks that only a probe can make: pure functions of what it sent and what came back. One file for each.

pub mod clock;
pub mod edge;
pub mod forwarded;
pub mod herd;
pub mod lapse;
pub mod late;
pub mod other;
pub mod race;
pub mod refused;
pub mod remaining;

use super::ledger;
use super::list::nothing;
use super::terms::{Case, Terms};
use super::transcript::{Entry, Transcript};
use super::trial::{Step, Trial};
use crate::probe::witness::{Guise, Witness};
use crate::summary::finding::{Evidence, Finding, Verdict};

/// What the checks look at.
pub struct Scene<'a> {
    pub case: &'a Case,
    pub terms: Option<Terms>,
    pub transcript: &'a Transcript,
    /// How often more than any reading allows was let through to who sends one after the other after a rest: what is wrong
    /// then has nothing to do with races, edges or lapses.
    pub plainly_over: bool,
}

/// The verdicts of all.
pub fn all(scene: &Scene<'_>) -> Vec<Finding> {
    let lapse = lapse::check(scene);
    let lapsed = lapse.verdict == Verdict::Fail;
    let found = [
        late::check(scene),
        herd::check(scene),
        remaining::check(scene),
        race::check(scene),
        edge::check(scene),
        refused::check(scene),
        forwarded::check(scene),
        other::check(scene),
        clock::check(scene),
    ];
    let explained = [late::ID, race::ID, edge::ID, clock::ID];
    let mut all: Vec<Finding> = found
        .into_iter()
        .map(|finding| match lapsed && finding.verdict == Verdict::Fail && explained.contains(&&*finding.check) {
            true => Finding {
                verdict: Verdict::Inconclusive,
                explanation: "What was counted is forgotten at times, which may be the reason.".to_owned(),
                remedy: String::new(),
                wrong: 0,
                ..finding
            },
            false => finding,
        })
        .collect();
    all.push(lapse);
    all
}

impl<'a> Scene<'a> {
    pub fn new(case: &'a Case, transcript: &'a Transcript) -> Scene<'a> {
        let after_rest = |trial: Trial| {
            move |entry: &&Entry| entry.is_of(trial) && matches!(entry.step(), Some(Step::Fill(0)))
        };
        let over = |trial: Trial| ledger::over_admissions(case, transcript.entries().iter().filter(after_rest(trial))) > 0;
        let plainly_over = over(Trial::ComeBackAsTold) || over(Trial::HammerWhileRefused);
        Scene { case, terms: case.terms(), transcript, plainly_over }
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
