//! `server.refusal-contract`: refusals look as documented, what an overloaded server tells makes sense, and no limiter says
//! no in a form of its own.

use std::collections::BTreeMap;

use super::exhibit::{Exhibit, Exhibits};
use super::words::unseen;
use crate::device::Outcome;
use crate::record::{Exchange, Record};
use crate::scenario::Scenario;
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::time::Nanos;
use crate::words::{count, either, plural};

/// What of a run the contract is held against.
#[derive(Clone, Debug, Default)]
pub struct Contract {
    looked_at: u64,
    wrong: u64,
    /// Those of them that are no refusals.
    overloads: u64,
    exhibits: Exhibits,
    others: OtherForm,
}

impl Contract {
    /// Takes a refusal, or the hint of an overloaded server that makes no sense, or a client error that tells to wait.
    pub fn done(&mut self, record: &Record, exchange: Option<&Exchange>) {
        self.others.done(record, exchange);
        let overloaded = record.outcome == Outcome::Overloaded;
        let is_meant = record.outcome == Outcome::Refused || overloaded && record.breaches > 0;
        if !is_meant {
            return;
        }
        self.looked_at += 1;
        if record.breaches > 0 {
            self.wrong += 1;
            self.overloads += u64::from(overloaded);
            let words = || exchange.map_or_else(String::new, |exchange| exchange.breaches.join("; "));
            self.exhibits.show(|| Exhibit::done(record, exchange, words()));
        }
    }

    pub fn merge(&mut self, other: Contract) {
        self.looked_at += other.looked_at;
        self.wrong += other.wrong;
        self.overloads += other.overloads;
        self.exhibits.merge(other.exhibits);
        self.others.merge(other.others);
    }

    pub fn finding(self, scenario: &Scenario) -> Finding {
        // Beside refusals as documented, such an answer has another reason.
        if self.looked_at == 0 && self.others.is_met() {
            return self.others.finding(scenario);
        }
        let refusals = match (self.looked_at - self.overloads, self.overloads) {
            (0, 1..) => plural(self.overloads, "overload"),
            (refusals, 0) => plural(refusals, "refusal"),
            (refusals, overloads) => format!("{} and {}", plural(refusals, "refusal"), plural(overloads, "overload")),
        };
        let (verdict, headline) = match self.wrong {
            _ if self.looked_at == 0 => (Verdict::NoData, "Nothing was refused".to_owned()),
            0 => (Verdict::Pass, format!("{refusals} as documented")),
            wrong => (
                Verdict::Fail,
                format!("{} of {refusals} {} not as documented", count(wrong), either(wrong, "is", "are")),
            ),
        };
        let remedy = "Answer a refusal with the documented status, body and hint, in the documented unit";
        Finding {
            verdict,
            headline,
            remedy: if self.wrong > 0 { remedy.to_owned() } else { String::new() },
            looked_at: self.looked_at,
            wrong: self.wrong,
            evidence: self.exhibits.into_evidence(scenario),
            ..unseen("server.refusal-contract", Party::Server, Severity::Breach, "")
        }
    }
}

/// Client errors that tell to wait, as refusals do, and are documented as none. They may have another reason (RFC 9110, 15.5.14,
/// has one), so that they accuse nobody. One alone, or before anything was served, tells nothing.
#[derive(Clone, Debug, Default)]
struct OtherForm {
    has_served: bool,
    by_status: BTreeMap<u16, u64>,
    exhibits: Exhibits,
}

impl OtherForm {
    fn done(&mut self, record: &Record, exchange: Option<&Exchange>) {
        self.has_served |= record.outcome == Outcome::Served;
        if let (true, Outcome::Rejected(status), Some(wait @ Nanos(1..))) =
            (self.has_served, record.outcome, record.hint.wait())
        {
            *self.by_status.entry(status).or_default() += 1;
            self.exhibits.show(|| Exhibit::done(record, exchange, format!("tells to wait {wait}, as a refusal does")));
        }
    }

    fn merge(&mut self, other: OtherForm) {
        self.has_served |= other.has_served;
        for (status, count) in other.by_status {
            *self.by_status.entry(status).or_default() += count;
        }
        self.exhibits.merge(other.exhibits);
    }

    fn is_met(&self) -> bool {
        self.by_status.values().any(|count| *count > 1)
    }

    fn finding(self, scenario: &Scenario) -> Finding {
        let answers = self.by_status.values().sum();
        let statuses: Vec<String> = self.by_status.keys().map(u16::to_string).collect();
        Finding {
            verdict: Verdict::Inconclusive,
            headline: format!(
                "Nothing was refused as documented, but {} with {} tell to wait and may be refusals",
                plural(answers, "answer"),
                statuses.join(" or ")
            ),
            remedy: "Refuse with the documented status, or name the other one in the policy, under refusal".to_owned(),
            looked_at: answers,
            evidence: self.exhibits.into_evidence(scenario),
            ..unseen("server.refusal-contract", Party::Server, Severity::Breach, "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::device::Failure;

    fn contract(asks: Vec<Ask>) -> Finding {
        let mut script = Script::default();
        asks.into_iter().for_each(|ask| {
            script.ask(ask);
        });
        script.verify(scenario(policy(), 1)).finding("server.refusal-contract", "").clone()
    }

    #[test]
    fn refusals_are_held_to_the_documented_form() {
        assert_eq!(contract(vec![]).verdict, Verdict::NoData);
        assert_eq!(contract(vec![Ask::new(0, SITES, 0).refused()]).verdict, Verdict::Pass);
        let breaches = vec!["status 403 instead of 429".to_owned(), "no hint".to_owned()];
        let wrong = Ask { breaches, ..Ask::new(0, SITES, 100).refused() };
        let finding = contract(vec![Ask::new(0, SITES, 0).refused(), wrong]);
        assert_eq!((finding.verdict, finding.looked_at, finding.wrong), (Verdict::Fail, 2, 1));
        assert_eq!(finding.evidence[0].why, "status 403 instead of 429; no hint");

        let odd = |outcome| Ask {
            outcome,
            breaches: vec!["header retry-after: no number".to_owned()],
            ..Ask::new(0, SITES, 0)
        };
        assert_eq!(contract(vec![odd(Outcome::Overloaded)]).headline, "1 of 1 overload is not as documented");
        assert_eq!(contract(vec![odd(Outcome::Failed(Failure::Timeout))]).verdict, Verdict::NoData);
    }

    #[test]
    fn client_errors_that_tell_to_wait_are_refusals_in_another_form_unless_it_refuses_as_documented() {
        let barred = |secs| Ask { outcome: Outcome::Rejected(403), ..Ask::new(0, SITES, 100).told(secs) };
        let served = || Ask::new(0, SITES, 0);
        let found = contract(vec![served(), barred(2), barred(1)]);
        assert_eq!((found.verdict, found.looked_at, found.wrong), (Verdict::Inconclusive, 2, 0));
        let expected = "Nothing was refused as documented, but 2 answers with 403 tell to wait and may be refusals";
        assert_eq!(found.headline, expected);
        assert_eq!(found.evidence[0].why, "tells to wait 2s, as a refusal does");
        for (other, asks) in [
            ("refused as documented", vec![served(), served().refused(), barred(2), barred(2)]),
            ("one alone", vec![served(), barred(2)]),
            ("nothing was served before", vec![barred(2), barred(2)]),
            ("no wait", vec![served(), barred(0), barred(0)]),
        ] {
            assert_ne!(contract(asks).verdict, Verdict::Inconclusive, "{other}");
        }
        let mad = || Ask { outcome: Outcome::Overloaded, breaches: vec!["odd".to_owned()], ..Ask::new(0, SITES, 50) };
        assert_eq!(
            contract(vec![served(), mad(), barred(2), barred(2)]).verdict,
            Verdict::Fail,
            "the overload's is told"
        );
    }
}
