//! `server.answers`: requests are answered, and what is asked for is served at least once. `server.overload`: not many are
//! told that the server is overloaded. Without these a dead server would keep every limit.
//!
//! Not every 4xx is the server's failure to serve. A registration that finds the charger known is answered as documented:
//! `fleet.in-service` tells of it. And a real platform need not know the device ids that operators ask about, which are
//! made up; what it answers 404 to on that account is left open, and so is what a used up quota never let through.

use std::collections::BTreeMap;

use super::exhibit::{Exhibit, Exhibits, failure_in_words};
use super::service::{self, KNOWN};
use super::words::unseen;
use crate::device::{Failure, Outcome};
use crate::policy::model::ClassId;
use crate::record::{Exchange, Record};
use crate::scenario::target::Target;
use crate::scenario::{Operation, OperationId, Scenario};
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::tellus::TellusOp;
use crate::words::{part_of, percent_of, plural};

/// More than one in so many requests may not go wrong.
const ONE_IN: u64 = 100;

/// So many requests for an operation with none served are no accident.
const NEVER_AFTER: u64 = 3;

/// The parameter of a path that names a device.
const DEVICE_ID: &str = "{device_id}";

/// Why a platform other than the reference server may answer 404.
pub(super) const MADE_UP_IDS: &str = "quotaproof makes up device ids as the reference server mints them (`dvc_` and the \
    serial number); another platform may know none of them.";

/// Why nothing is said against the server.
const STARVED: &str =
    "Each of them was refused, while other requests used up the quota: whether it would be served is not known.";

/// What became of all requests.
#[derive(Clone, Debug)]
pub struct Answers {
    operations: Vec<Asked>,
    register: Option<OperationId>,
    /// By operation: whether the server may know none of the devices that it asks about.
    of_made_up_devices: Vec<bool>,
    /// By class; the last for requests without a class.
    classes: Vec<Shown>,
}

/// What became of the requests for one operation, but for those that the device itself gave up.
#[derive(Clone, Debug, Default)]
struct Asked {
    finished: u64,
    /// Registrations of chargers that the server knew among them.
    served: u64,
    /// Told that there is no such device, where it may be that there is none.
    unknown: u64,
    refused: u64,
    /// Answered with a 4xx or 5xx that is neither the refusal nor the overload.
    errors: u64,
    overloaded: u64,
    faults: BTreeMap<Fault, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    NoAnswer(Failure),
    Status(u16),
}

#[derive(Clone, Debug, Default)]
struct Shown {
    faults: Exhibits,
    /// Whatever else was not served.
    unserved: Exhibits,
    overloads: Exhibits,
}

impl Fault {
    fn of(record: &Record) -> Option<Self> {
        match record.outcome {
            Outcome::Failed(failure) => Some(Fault::NoAnswer(failure)),
            Outcome::Broken(status) if status >= 500 => Some(Fault::Status(status)),
            _ => None,
        }
    }

    fn in_words(self) -> String {
        match self {
            Fault::NoAnswer(failure) => failure_in_words(failure).to_owned(),
            Fault::Status(status) => format!("status {status}"),
        }
    }
}

impl Asked {
    fn add(&mut self, record: &Record, is_served: bool, fault: Option<Fault>) {
        self.finished += 1;
        self.served += u64::from(is_served);
        self.refused += u64::from(record.outcome == Outcome::Refused);
        self.overloaded += u64::from(record.outcome == Outcome::Overloaded);
        self.errors += u64::from(matches!(record.outcome, Outcome::Rejected(_) | Outcome::Broken(_)));
        if let Some(fault) = fault {
            *self.faults.entry(fault).or_default() += 1;
        }
    }

    fn merge(&mut self, other: &Asked) {
        self.finished += other.finished;
        self.served += other.served;
        self.unknown += other.unknown;
        self.refused += other.refused;
        self.errors += other.errors;
        self.overloaded += other.overloaded;
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
    }

    /// Fewer requests count only where each got an error for its answer: that is no accident of the network or the quota.
    fn was_never_served(&self) -> bool {
        self.served == 0 && self.finished > 0 && (self.finished >= NEVER_AFTER || self.errors == self.finished)
    }

    /// Whether it never got past a limit that let others of its class through.
    fn was_starved(&self, class: &Asked) -> bool {
        self.refused == self.finished && class.served > 0
    }

    fn faulty(&self) -> u64 {
        self.faults.values().sum()
    }

    /// `connection refused 148, status 500 2`.
    fn faults_in_words(&self) -> String {
        let kinds = self.faults.iter().map(|(fault, count)| format!("{} {count}", fault.in_words()));
        kinds.collect::<Vec<_>>().join(", ")
    }

    fn faults_headline(&self) -> String {
        let unanswered = |fault: &Fault| matches!(fault, Fault::NoAnswer(_));
        let got = match (self.faults.keys().any(unanswered), self.faults.keys().all(unanswered)) {
            (_, true) => "no answer",
            (true, _) => "no answer or a server error",
            (false, _) => "a server error",
        };
        format!("{} got {got}: {}", part_of(self.faulty(), self.finished, "request"), self.faults_in_words())
    }
}

impl Answers {
    pub fn new(scenario: &Scenario) -> Self {
        let is_remote = matches!(scenario.target, Target::Remote(_));
        let is_made_up = |operation: &Operation| is_remote && operation.path.contains(DEVICE_ID);
        Answers {
            operations: vec![Asked::default(); scenario.operations.iter().count()],
            register: service::find(scenario, TellusOp::Register),
            of_made_up_devices: scenario.operations.iter().map(|(_, operation)| is_made_up(operation)).collect(),
            classes: vec![Shown::default(); scenario.policy.classes.len() + 1],
        }
    }

    /// Takes the end of a request of `class`, whether it ever left or not.
    pub fn done(&mut self, class: Option<ClassId>, record: &Record, exchange: Option<&Exchange>) {
        if record.outcome == Outcome::Failed(Failure::Cancelled) {
            return;
        }
        let fault = Fault::of(record);
        let is_known = Some(record.operation) == self.register && record.outcome == KNOWN;
        let is_served = is_known || record.outcome == Outcome::Served;
        let operation = usize::from(record.operation.0);
        self.operations[operation].add(record, is_served, fault);
        let is_unknown = self.of_made_up_devices[operation] && record.outcome == Outcome::Rejected(404);
        self.operations[operation].unknown += u64::from(is_unknown);
        if is_served {
            return;
        }
        let unclassified = self.classes.len() - 1;
        let shown = &mut self.classes[class.map_or(unclassified, ClassId::index)];
        let (exhibits, why) = match (fault, record.outcome) {
            (Some(fault), _) => (&mut shown.faults, fault.in_words()),
            (None, Outcome::Overloaded) => (&mut shown.overloads, "overloaded".to_owned()),
            (None, outcome) if outcome.is_redirect() => {
                (&mut shown.unserved, "a redirect, which is not followed".to_owned())
            }
            (None, _) => (&mut shown.unserved, "not served".to_owned()),
        };
        exhibits.show(|| Exhibit::done(record, exchange, why));
    }

    pub fn merge(&mut self, other: Answers) {
        for (mine, theirs) in self.operations.iter_mut().zip(&other.operations) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.classes.iter_mut().zip(other.classes) {
            mine.faults.merge(theirs.faults);
            mine.unserved.merge(theirs.unserved);
            mine.overloads.merge(theirs.overloads);
        }
    }

    /// Two per class; on requests without a class only where there were some.
    pub fn findings(self, scenario: &Scenario) -> Vec<Finding> {
        let mut findings = Vec::new();
        let classes = scenario.policy.classes.len();
        for (index, shown) in self.classes.into_iter().enumerate() {
            let class = (index < classes).then_some(ClassId(index as u8));
            let asked: Vec<_> = scenario
                .operations
                .iter()
                .map(|(_, operation)| operation)
                .zip(&self.operations)
                .filter(|(operation, asked)| operation.class == class && asked.finished > 0)
                .collect();
            if class.is_some() || !asked.is_empty() {
                let name = class.map_or("unclassified", |class| &scenario.policy.class(class).name);
                findings.extend(shown.findings(scenario, name, &asked));
            }
        }
        findings
    }
}

impl Shown {
    fn findings(self, scenario: &Scenario, name: &str, asked: &[(&Operation, &Asked)]) -> [Finding; 2] {
        let answers = unseen("server.answers", Party::Server, Severity::Breach, name);
        let overload = unseen("server.overload", Party::Server, Severity::Advice, name);
        let mut all = Asked::default();
        asked.iter().for_each(|(_, asked)| all.merge(asked));
        if all.finished == 0 {
            let headline = || "Nothing was asked".to_owned();
            return [Finding { headline: headline(), ..answers }, Finding { headline: headline(), ..overload }];
        }
        let overloads = self.overloads.clone();
        [self.answers(scenario, &all, asked, answers), overload_finding(scenario, &all, overloads, overload)]
    }

    fn answers(self, scenario: &Scenario, all: &Asked, asked: &[(&Operation, &Asked)], blank: Finding) -> Finding {
        let never = asked.iter().filter(|(_, asked)| asked.was_never_served());
        // Without a device to ask about nothing is served, whatever else was answered.
        let of_unknown = |(_, asked): &&(&Operation, &Asked)| asked.unknown > 0;
        let (open, never): (Vec<_>, Vec<_>) = never.partition(|it| of_unknown(it) || it.1.was_starved(all));
        let is_unknown = open.iter().any(of_unknown);
        let too_many = all.faulty() * ONE_IN > all.finished;
        let failed = too_many || !never.is_empty();
        let named = if failed { &never } else { &open };
        let mut evidence = self.faults;
        if is_unknown || !never.is_empty() {
            evidence.merge(self.unserved);
            evidence.merge(self.overloads);
        }
        Finding {
            verdict: match (failed, open.is_empty()) {
                (true, _) => Verdict::Fail,
                (false, false) => Verdict::Inconclusive,
                (false, true) => Verdict::Pass,
            },
            headline: answers_headline(all, too_many, named),
            explanation: match (open.is_empty(), is_unknown) {
                (true, _) => String::new(),
                (false, true) => MADE_UP_IDS.to_owned(),
                (false, false) => STARVED.to_owned(),
            },
            remedy: match failed {
                true => "Check that the server is up, that the target is right and that it knows these requests".into(),
                false => String::new(),
            },
            looked_at: all.finished,
            wrong: all.faulty(),
            evidence: evidence.into_evidence(scenario),
            ..blank
        }
    }
}

fn answers_headline(all: &Asked, too_many: bool, never: &[&(&Operation, &Asked)]) -> String {
    let asked = |asked: &Asked| plural(asked.finished, "time");
    let never: Vec<_> = never.iter().map(|(name, it)| format!("{} (asked {})", name.name(), asked(it))).collect();
    let never_text = format!("never served: {}", never.join(", "));
    match (too_many, never.is_empty()) {
        (true, true) => all.faults_headline(),
        (true, false) => format!("{}; {never_text}", all.faults_headline()),
        (false, false) => format!("Asked for and {never_text}"),
        (false, true) if all.faulty() > 0 => all.faults_headline(),
        (false, true) => format!("{}, each with an answer", plural(all.finished, "request")),
    }
}

fn overload_finding(scenario: &Scenario, all: &Asked, exhibits: Exhibits, blank: Finding) -> Finding {
    let failed = all.overloaded * ONE_IN > all.finished;
    Finding {
        verdict: if failed { Verdict::Fail } else { Verdict::Pass },
        headline: match all.overloaded {
            0 => "Never said that it is overloaded".to_owned(),
            overloaded => format!(
                "Overloaded for {} ({})",
                part_of(overloaded, all.finished, "request"),
                percent_of(overloaded, all.finished)
            ),
        },
        remedy: if failed { "Give the server more room, or ask for less".to_owned() } else { String::new() },
        looked_at: all.finished,
        wrong: all.overloaded,
        evidence: exhibits.into_evidence(scenario),
        ..blank
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::scenario::target::RemoteSpec;

    /// `count` heartbeats, the first of which come to each of `outcomes`.
    fn heartbeats(count: u64, outcomes: &[Outcome]) -> Outcomes {
        let mut script = Script::default();
        for number in 0..count {
            let outcome = outcomes.get(number as usize).copied().unwrap_or(Outcome::Served);
            script.ask(Ask { outcome, ..Ask::new(0, HEARTBEAT, number * 1_000) });
        }
        script.verify(scenario(policy(), 1))
    }

    fn answers(count: u64, outcomes: &[Outcome]) -> Finding {
        heartbeats(count, outcomes).finding("server.answers", "charger").clone()
    }

    #[test]
    fn more_than_one_percent_without_an_answer_or_with_a_server_error_fails() {
        let timeout = Outcome::Failed(Failure::Timeout);
        assert_eq!(answers(100, &[]).verdict, Verdict::Pass);
        assert_eq!(answers(100, &[timeout]).verdict, Verdict::Pass);
        let finding = answers(100, &[timeout, timeout]);
        assert_eq!((finding.verdict, finding.wrong), (Verdict::Fail, 2));
        assert_eq!(finding.headline, "2 of 100 requests got no answer: timeout 2");
        assert_eq!((finding.evidence.len(), &*finding.evidence[0].why), (2, "timeout"));
        let finding = answers(100, &[timeout, Outcome::Broken(500)]);
        assert_eq!(finding.headline, "2 of 100 requests got no answer or a server error: timeout 1, status 500 1");
        let finding = answers(100, &[Outcome::Broken(502); 7]);
        assert_eq!(finding.headline, "7 of 100 requests got a server error: status 502 7");
        assert_eq!(finding.evidence.len(), 5);
    }

    #[test]
    fn what_the_device_gave_up_is_not_held_against_the_server() {
        assert_eq!(answers(10, &[Outcome::Failed(Failure::Cancelled); 5]).verdict, Verdict::Pass);
        assert_eq!(answers(10, &[Outcome::Failed(Failure::Cancelled); 10]).verdict, Verdict::NoData);
    }

    #[test]
    fn an_operation_that_is_never_served_fails() {
        assert_eq!(answers(3, &[Outcome::Refused; 3]).verdict, Verdict::Fail);
        assert_eq!(answers(2, &[Outcome::Refused; 2]).verdict, Verdict::Pass);
        assert_eq!(answers(4, &[Outcome::Refused; 3]).verdict, Verdict::Pass);
        let finding = answers(1, &[Outcome::Rejected(404)]);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(finding.headline, "Asked for and never served: POST /heartbeat (asked 1 time)");
        assert_eq!(finding.evidence[0].received, "404 as it came");
    }

    #[test]
    fn what_a_used_up_quota_never_let_through_is_left_open() {
        let sites_refused = |served: u64| {
            let mut script = Script::default();
            let ask = |operation, outcome, at| Ask { outcome, ..Ask::new(0, operation, at) };
            (0..served).for_each(|number| {
                script.ask(ask(DEVICE, Outcome::Served, number * 1_000));
            });
            (0..3).for_each(|number| {
                script.ask(ask(SITES, Outcome::Refused, 10_000 + number));
            });
            script.verify(scenario(policy(), 1)).finding("server.answers", "queries").clone()
        };
        let finding = sites_refused(3);
        assert_eq!(
            (finding.verdict, &*finding.explanation, finding.evidence.len()),
            (Verdict::Inconclusive, STARVED, 0)
        );
        assert_eq!(finding.headline, "Asked for and never served: GET /sites (asked 3 times)");
        assert_eq!(sites_refused(0).verdict, Verdict::Fail, "nothing at all got through");
    }

    #[test]
    fn a_charger_that_is_known_is_answered_as_documented() {
        let registered = |outcomes: &[Outcome]| {
            let mut script = Script::default();
            for (device, &outcome) in (0..).zip(outcomes) {
                script.ask(Ask { outcome, ..Ask::new(device, REGISTER, u64::from(device) * 1_000) });
            }
            script.verify(scenario(policy(), 3)).finding("server.answers", "unclassified").clone()
        };
        let finding = registered(&[KNOWN; 3]);
        assert_eq!((finding.verdict, finding.evidence.len()), (Verdict::Pass, 0));
        assert_eq!(finding.headline, "3 requests, each with an answer");
        assert_eq!(registered(&[Outcome::Rejected(403); 3]).verdict, Verdict::Fail);
        assert_eq!(answers(3, &[KNOWN; 3]).verdict, Verdict::Fail, "it means nothing to other requests");
    }

    #[test]
    fn a_platform_need_not_know_device_ids_that_are_made_up() {
        let asked = |operation, outcome, target: Option<Target>| {
            let mut script = Script::default();
            (0..3).for_each(|number| {
                script.ask(Ask { outcome, ..Ask::new(0, operation, number * 5_000) });
            });
            let mut scenario = scenario(policy(), 1);
            scenario.target = target.unwrap_or(scenario.target);
            script.verify(scenario).finding("server.answers", "queries").clone()
        };
        let remote = || {
            let spec = RemoteSpec { url: "http://127.0.0.1:1".into(), authorized: false, ca_file: None };
            Some(Target::Remote(spec))
        };
        let missing = Outcome::Rejected(404);
        let finding = asked(DEVICE, missing, remote());
        assert_eq!(finding.verdict, Verdict::Inconclusive);
        assert_eq!(finding.headline, "Asked for and never served: GET /devices/{device_id} (asked 3 times)");
        assert_eq!((&*finding.explanation, finding.evidence.len()), (MADE_UP_IDS, 3));
        assert_eq!(asked(DEVICE, missing, None).verdict, Verdict::Fail, "the reference server mints these ids");
        assert_eq!(asked(SITES, missing, remote()).verdict, Verdict::Fail, "no device is asked about");
        assert_eq!(asked(DEVICE, Outcome::Rejected(403), remote()).verdict, Verdict::Fail);
        assert_eq!(asked(DEVICE, Outcome::Broken(500), remote()).verdict, Verdict::Fail);
    }

    #[test]
    fn requests_without_a_class_are_looked_at_too() {
        let mut script = Script::default();
        (0..3).for_each(|number| {
            script.ask(Ask { outcome: Outcome::Broken(500), ..Ask::new(0, UNNAMED, number * 100) });
        });
        let outcomes = script.verify(scenario(policy(), 1));
        assert_eq!(outcomes.finding("server.answers", "unclassified").verdict, Verdict::Fail);
        assert_eq!(outcomes.finding("server.answers", "queries").verdict, Verdict::NoData);
    }

    #[test]
    fn overload_is_advice_and_no_failure_to_answer() {
        let outcomes = heartbeats(100, &[Outcome::Overloaded; 2]);
        assert_eq!(outcomes.finding("server.answers", "charger").verdict, Verdict::Pass);
        let finding = outcomes.finding("server.overload", "charger");
        assert_eq!((finding.verdict, finding.severity), (Verdict::Fail, Severity::Advice));
        assert_eq!(finding.headline, "Overloaded for 2 of 100 requests (2%)");
        assert_eq!(
            heartbeats(100, &[Outcome::Overloaded]).finding("server.overload", "charger").verdict,
            Verdict::Pass
        );
    }
}
