//! The observer: hands each observation to the checks, and gathers what they found.

use std::collections::HashMap;
use std::sync::Arc;

use super::answers::Answers;
use super::blame::Blame;
use super::cadence::Cadences;
use super::classes::Classes;
use super::contract::Contract;
use super::delivery::Deliveries;
use super::guidance::Guidance;
use super::hint::Hints;
use super::overload::Overloads;
use super::reaction::Refusals;
use super::refusal::Loads;
use super::service::Arrivals;
use super::told::QuotaHeaders;
use super::{quota, server};
use crate::device::{DropReason, Flow, Note, Outcome};
use crate::policy::model::ClassId;
use crate::record::{Exchange, Observation, Observer, Record, Sent};
use crate::scenario::operation::Detail;
use crate::scenario::{Asked, DeviceId, OperationId, Scenario};
use crate::summary::QuotaUse;
use crate::summary::finding::{Finding, Party, Verdict};
use crate::time::{Anchor, Nanos};

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// One per limit of each class, in the policy's order; cooldowns are not among them.
    pub quotas: Vec<QuotaUse>,
    pub findings: Vec<Finding>,
}

/// Holds what one shard did against the policy.
#[derive(Clone, Debug)]
pub struct Verifier {
    scenario: Arc<Scenario>,
    /// By operation.
    roles: Vec<Role>,
    classes: Classes,
    open_streams: HashMap<(DeviceId, Flow), OpenStream>,
    answers: Answers,
    deliveries: Deliveries,
    arrivals: Arrivals,
    hints: Hints,
    contract: Contract,
    unclassified: server::Unclassified,
    refusals: Refusals,
    overloads: Overloads,
    cadences: Cadences,
    guidance: Guidance,
    /// Where the policy documents quota headers.
    told: Option<QuotaHeaders>,
    /// Requests sent, by operation.
    operations: Vec<u64>,
    turn: u64,
}

#[derive(Clone, Copy, Debug)]
struct Role {
    class: Option<ClassId>,
    stream: bool,
}

#[derive(Clone, Copy, Debug)]
struct OpenStream {
    class: ClassId,
    asked: Asked,
    /// When its handshake was.
    sent: Nanos,
}

impl Verifier {
    /// `anchor` places windows on the clock; `step` is the length of a step of the timeline, and with it the memory for
    /// series over time.
    pub fn new(scenario: Arc<Scenario>, anchor: Anchor, step: Nanos) -> Self {
        let roles: Vec<Role> = scenario
            .operations
            .iter()
            .map(|(_, operation)| Role { class: operation.class, stream: operation.method == "WS" })
            .collect();
        Verifier {
            classes: Classes::new(&scenario, anchor, step),
            open_streams: HashMap::new(),
            answers: Answers::new(&scenario),
            deliveries: Deliveries::new(&scenario, step),
            arrivals: Arrivals::new(&scenario),
            hints: Hints::new(&scenario),
            contract: Contract::default(),
            unclassified: server::Unclassified::default(),
            refusals: Refusals::default(),
            overloads: Overloads::new(&scenario),
            cadences: Cadences::new(&scenario),
            guidance: Guidance::new(&scenario),
            told: QuotaHeaders::new(&scenario, anchor),
            operations: vec![0; roles.len()],
            turn: 0,
            roles,
            scenario,
        }
    }

    /// Takes over what another shard saw of the same run.
    pub fn merge(&mut self, other: Verifier) {
        self.classes.merge(other.classes);
        for (mine, theirs) in self.operations.iter_mut().zip(other.operations) {
            *mine += theirs;
        }
        if self.scenario.operations != other.scenario.operations {
            Arc::make_mut(&mut self.scenario).operations.learn(&other.scenario.operations);
        }
        self.open_streams.extend(other.open_streams);
        self.answers.merge(other.answers);
        self.deliveries.merge(other.deliveries);
        self.arrivals.merge(other.arrivals);
        self.hints.merge(other.hints);
        self.contract.merge(other.contract);
        self.unclassified.merge(other.unclassified);
        self.refusals.merge(&other.refusals);
        self.overloads.merge(other.overloads);
        self.cadences.merge(other.cadences);
        self.guidance.merge(other.guidance);
        if let (Some(mine), Some(theirs)) = (&mut self.told, other.told) {
            mine.merge(theirs);
        }
    }

    /// The verdicts on a run that ended at `ended`.
    pub fn finish(self, ended: Nanos) -> Verified {
        let scenario = &*self.scenario;
        let mut findings = Vec::new();
        let mut quotas = Vec::new();
        let mut server_findings = Vec::new();
        let mut client_findings = Vec::new();
        let mut blames_server = false;
        let first_broken = self.classes.first_broken();
        let class_of = |operation: usize| self.roles[operation].class;
        for (index, class) in self.classes.into_watches().into_iter().enumerate() {
            let id = ClassId(index as u8);
            server_findings.extend(server::class_findings(&class, scenario, id));
            if scenario.policy.class(id).of.is_empty() {
                client_findings.push(class.logical.finding(scenario, id));
            }
            let refusals = class.refusals.clone();
            let mut usages = class.finish(scenario, id, ended);
            server_findings.extend(server::stream_finding(&mut usages, scenario, id));
            let all = (0..scenario.policy.classes.len()).map(|index| ClassId(index as u8));
            let members = all.filter(|class| scenario.policy.drawn_on(*class).any(|drawn| drawn == id));
            let about = quota::About {
                scenario,
                class: id,
                operations: &self.operations,
                class_of: &class_of,
                savings: self.guidance.savings(id),
                refusals,
                hints: self.hints.counts_of(members),
                broke_first: first_broken.filter(|(_, first)| *first == id).map(|(at, _)| at),
            };
            quotas.extend(usages.iter().map(|usage| usage.quota.clone()));
            let (finding, blame) = quota::finding(about, usages);
            blames_server |= blame == Blame::Server;
            findings.push(finding);
        }
        findings.push(self.arrivals.finding(scenario));
        findings.extend(self.answers.findings(scenario));
        findings.extend(server_findings);
        findings.extend(self.unclassified.finding(scenario));
        findings.push(self.deliveries.finding(scenario));
        findings.push(self.contract.finding(scenario));
        let (honest, obeys) = server::hint_findings(self.hints, scenario);
        findings.extend([honest, obeys]);
        findings.extend(self.told.map(|told| told.findings(scenario)).unwrap_or_default());
        findings.extend(client_findings);
        findings.push(self.cadences.finding(scenario));
        findings.push(self.refusals.finding(ended));
        findings.extend(self.overloads.finding(scenario));
        findings.extend(self.guidance.findings(scenario));
        if blames_server {
            // The cause before what it led to.
            findings.sort_by_key(|finding| (finding.party, finding.verdict) != (Party::Server, Verdict::Fail));
        }
        Verified { quotas, findings }
    }

    #[cfg(test)]
    pub fn hints_waiting(&self) -> usize {
        self.hints.waiting()
    }

    fn sent(&mut self, at: Nanos, sent: &Sent) {
        let scenario = &*self.scenario;
        self.turn += 1;
        self.operations[usize::from(sent.operation.0)] += 1;
        let id = self.roles[usize::from(sent.operation.0)].class;
        let classes = &self.classes;
        let quiet_since = |turn: u64| {
            id.is_some_and(|class| {
                let quiet = |load: &Loads, key| load.was_quiet(key, turn);
                classes.each_load(scenario, class, at, sent.asked(), quiet)
            })
        };
        self.hints.sent(id, at, sent, self.turn, quiet_since);
        if let Some(class) = id {
            self.classes.sent(scenario, class, at, sent, self.turn);
        }
        if let (Some(told), Some(class)) = (&mut self.told, self.roles[usize::from(sent.operation.0)].class) {
            told.sent(scenario, at, class, sent);
        }
        self.overloads.sent(scenario, sent);
        self.cadences.sent(&self.scenario, at, sent);
        self.guidance.sent(scenario, at, sent);
    }

    fn done(&mut self, record: &Record, exchange: Option<&Exchange>) {
        let role = self.roles[usize::from(record.operation.0)];
        self.answers.done(role.class, record, exchange);
        self.deliveries.done(&self.scenario, record);
        self.arrivals.done(record);
        // What never left used nothing.
        let Some(sent) = record.sent else {
            return;
        };
        let scenario = &*self.scenario;
        let refused = record.outcome == Outcome::Refused;
        if let Some(told) = &mut self.told {
            let elsewhere = |class| (class, self.classes.elsewhere(scenario, class, sent, record));
            told.done(scenario, sent, role.class.map(elsewhere), record, exchange);
        }
        match role.class {
            Some(id) => {
                self.classes.done(scenario, id, sent, role.stream, record, exchange);
                let asked = record.asked();
                if role.stream && record.outcome == Outcome::Served {
                    self.open_streams.insert((record.device, record.flow), OpenStream { class: id, asked, sent });
                }
                let classes = &self.classes;
                let turn = if refused { classes.latest_turn(scenario, id, asked) } else { 0 };
                let alone = |turn: u64| {
                    let alone = |load: &Loads, key| load.was_alone(key, sent, turn);
                    classes.each_load(scenario, id, sent, asked, alone)
                };
                self.hints.done(Some(id), record, exchange, turn, alone);
            }
            None => {
                self.unclassified.done(record, exchange);
                self.hints.done(None, record, exchange, 0, |_| false);
            }
        }
        if !matches!(record.outcome, Outcome::Failed(_)) {
            self.refusals.done(record.done, refused);
        }
        self.overloads.done(scenario, record);
        self.contract.done(record, exchange);
        self.cadences.done(record, exchange);
        self.guidance.done(record, exchange);
    }

    /// Nothing more comes of the devices so far, whose run ended at `ended`. What is watched of quota headers goes on: it
    /// lives with what all devices share.
    fn through(&mut self, ended: Nanos) {
        self.classes.through(ended);
        self.open_streams.clear();
        self.hints.through();
        self.overloads.through();
        self.cadences.through();
        self.guidance.through();
    }

    fn classified(&mut self, operation: OperationId, class: Option<ClassId>) {
        self.roles[usize::from(operation.0)].class = class;
        self.guidance.classified(operation, class);
        Arc::make_mut(&mut self.scenario).operations.classify(operation, class);
    }

    fn noted(&mut self, at: Nanos, device: DeviceId, note: Note) {
        if let Note::Dropped { operation, reason: DropReason::Busy } = note
            && let Some(class) = self.roles[usize::from(operation.0)].class
        {
            self.classes.held_back(&self.scenario, class, at, Asked { device, operation, detail: Detail::None });
        }
        let Note::Finished { operation, flow, attempts, served } = note else {
            return;
        };
        self.hints.finished(device, flow);
        self.overloads.finished(&self.scenario, device, flow, served);
        if let Some(class) = self.roles[usize::from(operation.0)].class {
            let advice = self.scenario.policy.guidance.backoff.as_ref();
            self.classes.logical(class).finished(attempts, served, advice);
        }
    }
}

impl Observer for Verifier {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>) {
        match observation {
            Observation::Sent(sent) => self.sent(at, &sent),
            Observation::Done { record, exchange } => self.done(record, exchange),
            Observation::StreamClosed { device, flow, frames, ending, .. } => {
                self.deliveries.closed(at, (device, flow), frames, ending);
                if let Some(OpenStream { class, asked, sent }) = self.open_streams.remove(&(device, flow)) {
                    self.classes.closed(&self.scenario, class, at, sent, asked);
                }
            }
            Observation::Classified { operation, class } => self.classified(operation, class),
            Observation::Noted { device, note } => self.noted(at, device, note),
            Observation::Late { .. } => {}
            Observation::Through { ended } => self.through(ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::*;
    use super::*;
    use crate::device::{Cause, Failure};
    use crate::policy::signals::{Hint, Told};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// All but `server.scope`, which looks across keys and sees less in a shard.
        #[test]
        fn shards_merge_into_what_one_verifier_finds(
            asks in prop::collection::vec((0..6u32, 0..6u16, 0..4u32, 1..600u64, any::<bool>()), 1..120),
        ) {
            let mut script = Script::default();
            let mut at = 0;
            for (device, operation, resource, gap, served) in asks {
                at += gap;
                let ask = Ask::new(device, OperationId(operation), at).about(resource);
                let flow = script.ask(if served { ask } else { ask.told(1) });
                if !served {
                    script.ask(Ask::new(device, OperationId(operation), at + 1_300).retry(flow, 2));
                }
                script.finish(device, OperationId(operation), flow, 1, served, at + 2_000);
            }
            let whole = script.verify(scenario(policy(), 6)).0;
            let mut merged = verifier(scenario(policy(), 6));
            let mut other = verifier(scenario(policy(), 6));
            script.play(&mut merged, |device| device.0 % 2 == 0);
            script.play(&mut other, |device| device.0 % 2 == 1);
            merged.merge(other);
            let merged = merged.finish(Nanos::from_secs(60));
            prop_assert_eq!(whole.quotas, merged.quotas);
            for finding in whole.findings.iter().filter(|finding| finding.check != "server.scope") {
                prop_assert!(merged.findings.contains(finding), "{:?}", finding);
            }
        }
    }

    #[test]
    fn every_check_answers_for_an_empty_run_and_none_of_them_passes() {
        let outcomes = Script::default().verify(scenario(policy(), 1));
        for finding in &outcomes.0.findings {
            assert_eq!(finding.verdict, Verdict::NoData, "{}", finding.check);
            assert!(!finding.headline.is_empty(), "{} says nothing", finding.check);
        }
        assert_eq!(outcomes.0.quotas.len(), 4);
    }

    #[test]
    fn a_verifier_can_be_handed_from_its_shards_thread() {
        fn sendable<T: Send + 'static>(_: &T) {}
        sendable(&verifier(scenario(policy(), 1)));
    }

    #[test]
    fn what_never_left_uses_no_limit() {
        let mut verifier = verifier(scenario(policy(), 1));
        let record = Record {
            device: DeviceId(0),
            operation: SITES,
            flow: Flow(1),
            attempt: 1,
            cause: Cause::Schedule,
            detail: Detail::None,
            due: Nanos(0),
            sent: None,
            done: Nanos(5),
            outcome: Outcome::Failed(Failure::ConnectRefused),
            status: 0,
            hint: Hint::Absent,
            told: Told::default(),
            breaches: 0,
        };
        let observation = Observation::Done { record: &record, exchange: None };
        Observer::observe(&mut verifier, record.done, observation);
        let verified = verifier.finish(Nanos::from_secs(60));
        let judged = |finding: &&Finding| {
            finding.verdict != Verdict::NoData && !matches!(&*finding.check, "server.answers" | "server.overload")
        };
        assert_eq!(verified.findings.iter().find(judged), None);
    }
}
