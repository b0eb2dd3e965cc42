//! `server.refusal-contract`, where nothing was refused as documented: a limiter that says no in a form of its own.
//!
//! What is not served, twice in a row, after something was, may be refused so. A client error that tells to wait is; an
//! error of the server may have other reasons.

use super::{Scene, finding};
use crate::probe::conformance::transcript::Transcript;
use crate::probe::witness::Witness;
use crate::summary::finding::{Finding, Verdict};
use crate::words::{either, plural};

pub const ID: &str = "server.refusal-contract";

/// What was served, and what then was answered by one status that is documented for neither.
pub struct OtherForm<'a> {
    served: usize,
    others: Vec<&'a Witness>,
}

impl OtherForm<'_> {
    /// None where something was refused as documented.
    pub fn met(transcript: &Transcript) -> Option<OtherForm<'_>> {
        let own: Vec<&Witness> = transcript.own().collect();
        if own.iter().any(|it| it.is_refused()) {
            return None;
        }
        let first_served = own.iter().position(|it| it.is_served())?;
        let is_other = |it: &Witness| it.status > 0 && !it.is_served();
        let mut pairs = own[first_served..].windows(2);
        let status = pairs.find(|pair| is_other(pair[0]) && pair[0].status == pair[1].status)?[0].status;
        let served = own.iter().filter(|it| it.is_served()).count();
        Some(OtherForm { served, others: own.into_iter().filter(|it| it.status == status).collect() })
    }

    /// `10 requests were served, and 8 answered with 403; retry-after: 2, where refusals are documented with 429`
    pub fn text(&self, documented: u16) -> String {
        let (served, others, seen) = (plural(self.served as u64, "request"), self.others.len(), &self.others[0].seen);
        let were = either(self.served as u64, "was", "were");
        format!(
            "{served} {were} served, and {others} answered with {seen}, where refusals are documented with {documented}"
        )
    }

    fn tells_to_wait(&self) -> bool {
        self.others.iter().all(|it| it.claimed.is_some())
    }
}

/// None where something was refused as documented, or everything served.
pub fn check(scene: &Scene<'_>) -> Option<Finding> {
    const REMEDY: &str = "Refuse with the documented status, or name the other one in the policy, under refusal";
    let form = OtherForm::met(scene.transcript)?;
    let text = form.text(scene.case.policy.refusal.status);
    let evidence = form.others.iter().take(3).map(|it| scene.evidence(it, "neither served nor refused as documented"));
    let (verdict, headline) = match form.tells_to_wait() {
        true => (Verdict::Fail, text),
        false => (Verdict::Inconclusive, format!("{text}; they may be refusals")),
    };
    let found = finding(ID, verdict, headline, evidence.collect()).with_remedy(REMEDY);
    Some(Finding { looked_at: form.others.len() as u64, wrong: found.wrong * form.others.len() as u64, ..found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::signals::Signal;
    use crate::probe::witness::Guise;
    use crate::time::Nanos;

    fn text(answers: &[(u16, u32)]) -> Option<String> {
        let witness = |&(status, wait): &(u16, u32)| Witness {
            client: 0,
            guise: Guise::Own,
            sent: Nanos::ZERO,
            done: Nanos(1),
            status,
            claimed: (wait > 0).then(|| Nanos::from_secs(wait.into())),
            signal: Signal { refused: status == 429, ..Signal::default() },
            seen: format!("{status}; retry-after: {wait}"),
        };
        let mut transcript = Transcript::default();
        transcript.add(None, &answers.iter().map(witness).collect::<Vec<Witness>>());
        OtherForm::met(&transcript).map(|form| format!("{}: {}", form.tells_to_wait(), form.text(429)))
    }

    #[test]
    fn what_is_not_served_after_what_is_may_be_refused() {
        let told = "true: 2 requests were served, and 2 answered with 403; retry-after: 2, where refusals are documented with 429";
        assert_eq!(text(&[(200, 0), (200, 0), (403, 2), (403, 1)]).as_deref(), Some(told));
        let silent = text(&[(200, 0), (403, 2), (403, 0)]).unwrap();
        assert!(silent.starts_with("false: 1 request was served, and 2 answered"), "{silent}");
    }

    #[test]
    fn neither_one_error_nor_what_was_never_served_is_a_refusal() {
        assert_eq!(text(&[(200, 0), (500, 0), (200, 0), (500, 0)]), None);
        assert_eq!(text(&[(200, 0), (500, 0), (502, 0)]), None);
        assert_eq!(text(&[(403, 2), (403, 2)]), None);
        assert_eq!(text(&[(200, 0), (0, 0), (0, 0)]), None, "no answer");
        assert_eq!(text(&[(200, 0), (429, 2), (403, 2), (403, 2)]), None, "it refuses as documented");
    }
}
