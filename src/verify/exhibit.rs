//! Evidence: the first offending requests of a check.

use crate::device::{Failure, Flow, Outcome};
use crate::policy::signals::{Hint, Told};
use crate::record::{Exchange, Record, Sent};
use crate::scenario::operation::Detail;
use crate::scenario::{DeviceId, OperationId, Scenario};
use crate::summary::finding::Evidence;
use crate::time::Nanos;

/// How many requests a check shows.
pub const SHOWN: usize = 5;

/// One offending request.
#[derive(Clone, Debug)]
pub struct Exhibit {
    at: Nanos,
    device: DeviceId,
    operation: OperationId,
    flow: Flow,
    attempt: u32,
    detail: Detail,
    request: Option<String>,
    answer: Option<String>,
    why: String,
}

impl Exhibit {
    /// A request whose answer is not known yet.
    pub fn sent(at: Nanos, sent: &Sent, why: String) -> Self {
        let Sent { device, operation, flow, attempt, detail } = *sent;
        Exhibit { at, device, operation, flow, attempt, detail, request: None, answer: None, why }
    }

    /// A request with its answer.
    pub fn done(record: &Record, exchange: Option<&Exchange>, why: String) -> Self {
        let Record { device, operation, flow, attempt, detail, .. } = *record;
        let at = record.sent.unwrap_or(record.done);
        let mut exhibit = Exhibit { at, device, operation, flow, attempt, detail, request: None, answer: None, why };
        exhibit.answered(record, exchange);
        exhibit
    }

    fn answered(&mut self, record: &Record, exchange: Option<&Exchange>) {
        self.request = exchange.map(|exchange| exchange.request.clone());
        self.answer = Some(exchange.map_or_else(|| answer_in_words(record), |exchange| exchange.response.clone()));
    }

    fn is_of(&self, record: &Record) -> bool {
        (self.device, self.flow, self.attempt) == (record.device, record.flow, record.attempt)
    }

    fn into_evidence(self, scenario: &Scenario) -> Evidence {
        // What went over the wire names its resource and page itself; the operation's template does not.
        let request = self.request.unwrap_or_else(|| {
            let operation = scenario.operations.get(self.operation).name();
            match self.detail {
                Detail::None => operation,
                Detail::Resource(resource) => format!("{operation}, resource {resource}"),
                Detail::Page { number, size, .. } => format!("{operation}, page {number} of size {size}"),
            }
        });
        let attempt = if self.attempt > 1 { format!(", attempt {}", self.attempt) } else { String::new() };
        Evidence {
            at_s: self.at.as_secs_f64(),
            device: scenario.device_name(self.device),
            sent: format!("{request}{attempt}"),
            received: self.answer.unwrap_or_else(|| "nothing before the run ended".to_owned()),
            why: self.why,
        }
    }
}

fn answer_in_words(record: &Record) -> String {
    let answer = outcome_in_words(record);
    let Told { remaining, limit, window, .. } = record.told;
    let told = [remaining.map(|left| format!("{left} left")), limit.map(|limit| format!("limit {limit}"))]
        .into_iter()
        .chain([window.map(|window| format!("window {window}"))])
        .flatten();
    std::iter::once(answer).chain(told).collect::<Vec<_>>().join(", ")
}

fn outcome_in_words(record: &Record) -> String {
    match record.outcome {
        Outcome::Failed(Failure::Garbage) if record.status > 0 => {
            format!("{}, but what its body must hold is not there", record.status)
        }
        Outcome::Failed(failure) => format!("no answer: {}", failure_in_words(failure)),
        Outcome::Refused => match record.hint {
            Hint::Wait(wait) => format!("{}, come back after {wait}", record.status),
            Hint::Reset(reset) => format!("{}, more is there after {reset}", record.status),
            Hint::Malformed => format!("{}, with a malformed hint", record.status),
            Hint::Absent => format!("{}, without a hint", record.status),
        },
        _ => record.status.to_string(),
    }
}

/// `connection refused`.
pub fn failure_in_words(failure: Failure) -> &'static str {
    match failure {
        Failure::ConnectRefused => "connection refused",
        Failure::ConnectFailed => "no connection",
        Failure::TlsFailed => "no agreement on TLS",
        Failure::Reset => "connection lost",
        Failure::Timeout => "timeout",
        Failure::Garbage => "not understood",
        Failure::TooLarge => "answer too large",
        Failure::Cancelled => "cancelled by the device",
    }
}

/// Keeps the first few offending requests.
#[derive(Clone, Debug, Default)]
pub struct Exhibits(Vec<Exhibit>);

impl Exhibits {
    /// Keeps it if it is among the first; `exhibit` is only called then.
    pub fn show(&mut self, exhibit: impl FnOnce() -> Exhibit) {
        if self.0.len() < SHOWN {
            self.0.push(exhibit());
        }
    }

    /// Completes a request that was shown when it was sent.
    pub fn answered(&mut self, record: &Record, exchange: Option<&Exchange>) {
        let open = |shown: &&mut Exhibit| shown.answer.is_none() && shown.is_of(record);
        if let Some(shown) = self.0.iter_mut().find(open) {
            shown.answered(record, exchange);
        }
    }

    /// The first of both.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_by_key(|exhibit| (exhibit.at, exhibit.device));
        self.0.truncate(SHOWN);
    }

    pub fn into_evidence(mut self, scenario: &Scenario) -> Vec<Evidence> {
        self.0.sort_by_key(|exhibit| (exhibit.at, exhibit.device));
        self.0.into_iter().map(|exhibit| exhibit.into_evidence(scenario)).collect()
    }
}
