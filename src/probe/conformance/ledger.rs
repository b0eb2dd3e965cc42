//! Tells what was sent to the verification of runs, as the record of a run, and takes its findings.

use std::sync::Arc;

use super::terms::Case;
use super::transcript::Entry;
use super::trial::Step;
use crate::device::{Cause, Detail, Failure, Flow, Outcome};
use crate::policy::signals::Hint;
use crate::policy::signals::Signal;
use crate::probe::exchange::Answer;
use crate::probe::witness::Witness;
use crate::record::{Exchange, Observation, Observer, Record, Sent};
use crate::scenario::fleet::{Credentials, OperatorSpec, Reaction, TokenHabit};
use crate::scenario::start::Start;
use crate::scenario::target::{Network, RemoteSpec, Target};
use crate::scenario::{DeviceId, Group, GroupKind, Identities, OperationId, Operations, Scenario};
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;
use crate::verify::Verifier;

/// The probe sends one kind of request.
const REQUEST: OperationId = OperationId(0);

/// What the verification of runs finds in what was sent.
pub fn findings<'a>(case: &Case, entries: impl Iterator<Item = &'a Entry>) -> Vec<Finding> {
    let entries: Vec<&Entry> = entries.collect();
    let records = records(case, &entries);
    let mut verifier = Verifier::new(Arc::new(scenario(case)), case.anchor, Nanos::from_secs(1));
    let mut moments: Vec<(Nanos, bool, usize)> = Vec::new();
    for (index, (record, _)) in records.iter().enumerate() {
        moments.push((record.due, false, index));
        moments.push((record.done, true, index));
    }
    moments.sort_unstable();
    for (at, is_done, index) in moments {
        let (record, exchange) = &records[index];
        let Record { device, operation, flow, attempt, detail, .. } = *record;
        verifier.observe(
            at,
            match is_done {
                false => Observation::Sent(Sent { device, operation, flow, attempt, detail }),
                true => Observation::Done { record, exchange: Some(exchange) },
            },
        );
    }
    let ended = records.iter().map(|(record, _)| record.done).max().unwrap_or_default();
    verifier.finish(ended.saturating_add(Nanos(1))).findings
}

/// How often more was let through among these than any reading of the limits allows: that others are left out can only hide
/// something.
pub fn over_admissions<'a>(case: &Case, entries: impl Iterator<Item = &'a Entry>) -> u64 {
    let findings = findings(case, entries);
    let over = findings.iter().filter(|it| it.check == "server.over-admission" && it.verdict == Verdict::Fail);
    over.map(|finding| finding.wrong).sum()
}

fn records(case: &Case, entries: &[&Entry]) -> Vec<(Record, Exchange)> {
    let mut records: Vec<(Record, Exchange)> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let witness = &entry.witness;
        let before =
            || records.iter().rev().find(|(it, _)| it.device == device(witness)).map(|(record, _)| record.flow);
        // What comes as it was told to is another attempt of what was refused.
        let again = (entry.step() == Some(Step::Obey)).then(before).flatten();
        let (flow, attempt) = again.map_or((Flow(index as u32), 1), |flow| (flow, 2));
        records.push(record(case, witness, flow, attempt));
    }
    records
}

fn device(witness: &Witness) -> DeviceId {
    DeviceId(witness.client as u32)
}

fn record(case: &Case, witness: &Witness, flow: Flow, attempt: u32) -> (Record, Exchange) {
    // What is told to who asks otherwise may be about other limits.
    let signal = if witness.guise.is_own() { &witness.signal } else { &Signal::default() };
    let outcome = outcome(witness);
    // What else may be a refusal, the probe tells by rules of its own.
    let hint = if matches!(outcome, Outcome::Rejected(_)) { Hint::Absent } else { signal.hint };
    let record = Record {
        device: device(witness),
        operation: REQUEST,
        flow,
        attempt,
        cause: if attempt == 1 { Cause::Schedule } else { Cause::Answer },
        detail: Detail::None,
        due: witness.sent,
        sent: Some(witness.sent),
        done: witness.done,
        outcome,
        status: witness.status,
        hint,
        told: signal.told,
        breaches: u8::try_from(signal.breaches.len()).unwrap_or(u8::MAX),
    };
    let exchange = Exchange {
        request: format!("{} {}", case.method, case.bare_path()),
        response: witness.seen.clone(),
        breaches: signal.breaches.clone(),
        header_breaches: signal.header_breaches.clone(),
    };
    (record, exchange)
}

/// Whether a request from a made-up address, or another request, counts like the probe's own is what is to be found out: until then
/// nothing is known of it.
fn outcome(witness: &Witness) -> Outcome {
    match (witness.answer(), witness.status) {
        _ if !witness.guise.is_own() => Outcome::Failed(Failure::Timeout),
        (Answer::Refused, _) => Outcome::Refused,
        (_, 0) => Outcome::Failed(Failure::Timeout),
        _ if witness.signal.overloaded => Outcome::Overloaded,
        (_, 200..300) => Outcome::Served,
        (_, status @ 500..) => Outcome::Broken(status),
        (_, status) => Outcome::Rejected(status),
    }
}

/// The probe as a run: its clients are its fleet.
fn scenario(case: &Case) -> Scenario {
    let clients = 2;
    let mut dimensions: Vec<String> = Vec::new();
    for name in case.rates().flat_map(|(rate, _)| &rate.scope.0) {
        if !dimensions.contains(name) && name != "endpoint" {
            dimensions.push(name.clone());
        }
    }
    let mut identities = Identities::new(dimensions.clone());
    for client in 0..clients {
        let own = |name: &String| if case.is_clients_own(name) { client } else { 0 };
        identities.push(&dimensions.iter().map(own).collect::<Vec<u32>>());
    }
    let mut operations = Operations::classified(&case.policy, [(case.method.as_str(), case.bare_path())]);
    operations.classify(REQUEST, Some(case.class));
    let operators = OperatorSpec {
        credentials: Credentials::Own,
        start: Start::default(),
        asks: Vec::new(),
        reaction: Reaction::GiveUp,
        token: TokenHabit::Keep,
        renew_before: Nanos::ZERO,
    };
    Scenario {
        name: "probe".to_owned(),
        description: None,
        profile_hash: String::new(),
        seed: 0,
        duration: Nanos::MAX,
        start_of_week_offset: Nanos::ZERO,
        policy: (*case.policy).clone(),
        // The quota may have been in use before.
        target: Target::Remote(RemoteSpec { url: case.url.clone(), authorized: true, ca_file: None }),
        operations,
        groups: vec![Group {
            name: "client".to_owned(),
            first: DeviceId(0),
            count: clients,
            kind: GroupKind::Operators(operators),
        }],
        identities,
        events: Vec::new(),
        gates: Vec::new(),
        network: Network::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::reading::Reading;
    use crate::probe::conformance::Transcript;
    use crate::probe::conformance::tests::case;
    use crate::probe::witness::{Guise, Parcel};

    #[test]
    fn what_a_made_up_address_is_told_is_held_against_nobody() {
        let signal =
            Signal { refused: true, breaches: vec!["header retry-after is missing".to_owned()], ..Signal::default() };
        let refused = |guise| {
            let lost = Witness::lost(Parcel { client: 0, guise, count: 1 }, Nanos::ZERO, Nanos(1));
            Witness { status: 429, signal: signal.clone(), ..lost }
        };
        let mut transcript = Transcript::default();
        transcript.add(None, &[refused(Guise::Own), refused(Guise::Forwarded(1))]);
        let case = case(&[(10, Nanos::from_secs(10))], Reading::Rolling);
        let findings = findings(&case, transcript.entries().iter());
        let contract = findings.iter().find(|finding| finding.check == "server.refusal-contract").unwrap();
        assert_eq!(contract.headline, "1 of 1 refusal is not as documented");
    }
}
