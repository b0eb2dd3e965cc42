//! What became of a request, as the record has it and its device hears it.

use super::calls::{Call, Ending};
use crate::device::{Answer, Body, Failure, Lane, Outcome, Request};
use crate::policy::model::ClassId;
use crate::policy::signals::{self, Hint, ResponseView, Told};
use crate::record::{Exchange, Record};
use crate::reference::http::HttpOut;
use crate::scenario::{DeviceId, Scenario};
use crate::time::Nanos;

/// A request whose life is over.
pub struct Ended {
    pub record: Record,
    /// Kept for what was not served.
    pub exchange: Option<Exchange>,
    pub answer: Answer,
}

/// Ends a device's request now.
pub fn ended(scenario: &Scenario, device: DeviceId, call: Call, now: Nanos) -> Ended {
    let Call { request, sent, ending, quota, .. } = call;
    let (answer, status, exchange) = match ending.unwrap_or(Ending::Failed(Failure::Cancelled)) {
        Ending::Served(body) => {
            let status = if request.lane == Lane::Stream { 101 } else { 200 };
            let told = told(scenario, &request, status, &quota, now);
            (Answer { outcome: Outcome::Served, hint: Hint::Absent, told, body }, status, None)
        }
        Ending::Failed(failure) => {
            let outcome = Outcome::Failed(failure);
            let answer = Answer { outcome, hint: Hint::Absent, told: Told::default(), body: Body::None };
            (answer, 0, Some(exchange(scenario, &request, "no answer".to_owned(), Vec::new())))
        }
        Ending::Turned(response) => turned(scenario, &request, *response, now),
    };
    let record = Record {
        device,
        operation: request.operation,
        flow: request.flow,
        attempt: request.attempt,
        cause: request.cause,
        detail: request.detail,
        due: request.due,
        sent,
        done: now,
        outcome: answer.outcome,
        status,
        hint: answer.hint,
        told: answer.told,
        breaches: exchange.as_ref().map_or(0, |exchange| exchange.breaches.len() as u8),
    };
    Ended { record, exchange, answer }
}

/// A refusal or an error, read as over the wire.
fn turned(scenario: &Scenario, request: &Request, response: HttpOut, now: Nanos) -> (Answer, u16, Option<Exchange>) {
    let HttpOut { status, headers, body } = response;
    let view =
        ResponseView { status, headers: &headers, body: &body, received: now, class: class_of(scenario, request) };
    let signal = signals::read(&scenario.policy, view);
    let outcome = match status {
        _ if signal.refused => Outcome::Refused,
        _ if signal.overloaded => Outcome::Overloaded,
        400..=499 => Outcome::Rejected(status),
        _ => Outcome::Broken(status),
    };
    let mut text = status.to_string();
    headers.iter().for_each(|(name, value)| text += &format!("\n{name}: {value}"));
    text = text + "\n" + &String::from_utf8_lossy(&body);
    let exchange = exchange(scenario, request, text, signal.breaches);
    (Answer { outcome, hint: signal.hint, told: signal.told, body: Body::None }, status, Some(exchange))
}

fn class_of(scenario: &Scenario, request: &Request) -> Option<ClassId> {
    scenario.operations.get(request.operation).class
}

/// What the headers of a served answer say of quotas.
fn told(scenario: &Scenario, request: &Request, status: u16, headers: &[(String, String)], now: Nanos) -> Told {
    match scenario.policy.quota_headers {
        Some(_) => {
            signals::read(
                &scenario.policy,
                ResponseView { status, headers, body: b"", received: now, class: class_of(scenario, request) },
            )
            .told
        }
        None => Told::default(),
    }
}

fn exchange(scenario: &Scenario, request: &Request, response: String, breaches: Vec<String>) -> Exchange {
    let request = scenario.operations.get(request.operation).name();
    Exchange { request, response, breaches, ..Exchange::default() }
}
