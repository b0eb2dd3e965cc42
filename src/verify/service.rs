//! `fleet.in-service`: chargers that asked to be let in and never were. The run shows nothing of them, so what it shows
//! holds for a smaller fleet than the profile's.

use std::collections::{BTreeMap, HashMap};

use super::exhibit::{Exhibit, Exhibits, failure_in_words};
use super::words::unseen;
use crate::device::{Failure, Outcome};
use crate::record::Record;
use crate::scenario::{DeviceId, OperationId, Scenario};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::tellus::TellusOp;
use crate::words::{count, part_of, plural};

/// What a platform answers to a serial number that it knows.
pub(super) const KNOWN: Outcome = Outcome::Rejected(409);

/// The operation of this scenario that is one of Tellus's, by whatever number it goes.
pub(super) fn find(scenario: &Scenario, wanted: TellusOp) -> Option<OperationId> {
    let mut operations = scenario.operations.iter();
    let found = operations.find(|(_, operation)| (&*operation.method, &*operation.path) == wanted.request());
    found.map(|(id, _)| id)
}

#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    register: Option<OperationId>,
    token: Option<OperationId>,
    /// By device: whether it was ever given a token.
    in_service: Vec<bool>,
    /// What last kept a charger out.
    setbacks: HashMap<DeviceId, Setback>,
}

#[derive(Clone, Copy, Debug)]
struct Setback {
    latest: Record,
    /// A registration went out and its answer was lost: the platform may have taken it.
    lost: bool,
}

impl Arrivals {
    pub fn new(scenario: &Scenario) -> Self {
        Arrivals {
            register: find(scenario, TellusOp::Register),
            token: find(scenario, TellusOp::DeviceToken),
            in_service: vec![false; scenario.device_count() as usize],
            ..Arrivals::default()
        }
    }

    pub fn done(&mut self, record: &Record) {
        let operation = Some(record.operation);
        let (registers, asks_token) = (operation == self.register, operation == self.token);
        let device = record.device.0 as usize;
        if !(registers || asks_token)
            || record.outcome == Outcome::Failed(Failure::Cancelled)
            || self.in_service[device]
        {
            return;
        }
        if record.outcome == Outcome::Served {
            self.setbacks.remove(&record.device);
            self.in_service[device] = asks_token;
            return;
        }
        let lost_now = registers && record.sent.is_some() && matches!(record.outcome, Outcome::Failed(_));
        let setback = self.setbacks.entry(record.device).or_insert(Setback { latest: *record, lost: false });
        setback.latest = *record;
        setback.lost |= lost_now;
    }

    pub fn merge(&mut self, other: Arrivals) {
        for (mine, theirs) in self.in_service.iter_mut().zip(other.in_service) {
            *mine |= theirs;
        }
        self.setbacks.extend(other.setbacks);
    }

    pub fn finding(self, scenario: &Scenario) -> Finding {
        let blank = unseen("fleet.in-service", Party::Fleet, Severity::Breach, "");
        let arrived = self.in_service.iter().filter(|&&arrived| arrived).count() as u64;
        let kept_out = self.setbacks.len() as u64;
        let looked_at = arrived + kept_out;
        if looked_at == 0 {
            let headline = match self.register {
                Some(_) => "No charger asked to be let in",
                None => "There is no charger in this fleet",
            };
            return Finding { headline: headline.to_owned(), ..blank };
        }
        if kept_out == 0 {
            let headline = format!("{} in service", plural(arrived, "charger"));
            return Finding { verdict: Verdict::Pass, headline, looked_at, ..blank };
        }
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        for setback in self.setbacks.values() {
            *reasons.entry(setback.in_words()).or_default() += 1;
        }
        let reasons: Vec<String> =
            reasons.iter().map(|(reason, chargers)| format!("{reason} {}", count(*chargers))).collect();
        Finding {
            verdict: Verdict::Inconclusive,
            headline: format!(
                "{} never came into service: {}",
                part_of(kept_out, looked_at, "charger"),
                reasons.join(", ")
            ),
            explanation: self.explanation(),
            looked_at,
            wrong: kept_out,
            evidence: self.exhibits().into_evidence(scenario),
            ..blank
        }
    }

    /// What the first of them were last answered.
    fn exhibits(&self) -> Exhibits {
        let mut setbacks: Vec<&Setback> = self.setbacks.values().collect();
        setbacks.sort_by_key(|setback| (setback.latest.done, setback.latest.device));
        let mut exhibits = Exhibits::default();
        for setback in setbacks {
            exhibits.show(|| Exhibit::done(&setback.latest, None, setback.in_words()));
        }
        exhibits
    }

    fn explanation(&self) -> String {
        let mut text = "What the run shows holds for those that did.".to_owned();
        if self.setbacks.values().any(|setback| setback.latest.outcome == KNOWN) {
            text += " A platform tells a charger its secret once, and the documents name no way back for one that did \
                     not get the answer. Where an earlier run has used the serial numbers, give the group another \
                     `serial_prefix`.";
        }
        text
    }
}

impl Setback {
    fn in_words(self) -> String {
        match self.latest.outcome {
            KNOWN if self.lost => "registered already by a request whose answer was lost (409)".to_owned(),
            KNOWN => "registered already (409)".to_owned(),
            Outcome::Served => "served".to_owned(),
            Outcome::Refused => "refused".to_owned(),
            Outcome::Overloaded => "overloaded".to_owned(),
            Outcome::Rejected(status) | Outcome::Broken(status) => format!("status {status}"),
            Outcome::Failed(failure) => failure_in_words(failure).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    /// What three chargers are answered, one after the other.
    fn answered(answers: &[(u32, OperationId, Outcome)]) -> Finding {
        let mut script = Script::default();
        for (number, &(device, operation, outcome)) in answers.iter().enumerate() {
            script.ask(Ask { outcome, ..Ask::new(device, operation, 1_000 * number as u64) });
        }
        script.verify(scenario(policy(), 3)).finding("fleet.in-service", "").clone()
    }

    const LOST: Outcome = Outcome::Failed(Failure::Timeout);

    #[test]
    fn a_charger_whose_registration_was_lost_is_counted_with_the_reason() {
        let finding = answered(&[
            (0, REGISTER, Outcome::Served),
            (0, DEVICE_TOKEN, Outcome::Served),
            (1, REGISTER, LOST),
            (1, REGISTER, KNOWN),
            (2, REGISTER, KNOWN),
        ]);
        assert_eq!((finding.verdict, finding.wrong, finding.looked_at), (Verdict::Inconclusive, 2, 3));
        assert_eq!(
            finding.headline,
            "2 of 3 chargers never came into service: registered already (409) 1, \
             registered already by a request whose answer was lost (409) 1"
        );
        assert!(finding.explanation.contains("no way back") && finding.explanation.contains("serial_prefix"));
        assert_eq!(finding.evidence.len(), 2);
    }

    #[test]
    fn who_comes_in_at_last_is_in_and_stays_in() {
        let finding = answered(&[
            (0, REGISTER, Outcome::Broken(500)),
            (0, REGISTER, Outcome::Served),
            (0, DEVICE_TOKEN, Outcome::Served),
            (0, DEVICE_TOKEN, Outcome::Refused),
        ]);
        assert_eq!((finding.verdict, finding.wrong), (Verdict::Pass, 0));
        assert_eq!(finding.headline, "1 charger in service");
    }

    #[test]
    fn a_token_that_never_comes_keeps_a_registered_charger_out() {
        let finding = answered(&[(0, REGISTER, Outcome::Served), (0, DEVICE_TOKEN, Outcome::Rejected(403))]);
        assert_eq!(finding.headline, "1 of 1 charger never came into service: status 403 1");
    }

    #[test]
    fn what_the_charger_dropped_itself_is_no_setback() {
        let cancelled = Outcome::Failed(Failure::Cancelled);
        assert_eq!(answered(&[(0, REGISTER, cancelled)]).verdict, Verdict::NoData);
    }
}
