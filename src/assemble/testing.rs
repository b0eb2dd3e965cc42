//! A passing run to change in tests.

use std::sync::LazyLock;

use super::{RunFacts, assemble};
use crate::device::Outcome;
use crate::measure::Measure;
use crate::scenario::Scenario;
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::summary::{Driver, GateResult, QuotaUse, Safety, Summary};
use crate::testing::{SITES, play, record, scenario};
use crate::time::{Anchor, Nanos};
use crate::verify::Verified;

/// Ten served requests, without quotas, findings and gates.
pub static SUMMARY: LazyLock<Summary> = LazyLock::new(|| {
    let scenario = scenario(1);
    assemble(&scenario, &facts(), measured(&scenario), Verified::default())
});

/// Requests of the class `queries`, one each second, served within 1, 2, … 10 ms.
pub fn measured(scenario: &Scenario) -> Measure {
    let mut measure = Measure::new(scenario);
    for number in 1..=10 {
        let served = record(SITES, Nanos::from_secs(number), Nanos::from_millis(number), Outcome::Served);
        play(&mut measure, &served);
    }
    measure
}

pub fn facts() -> RunFacts {
    RunFacts {
        driver: Driver::Live,
        anchor: Anchor { unix_nanos: 1_773_570_600_000_000_000 },
        ended: Nanos::from_millis(60_123),
        interrupted: false,
        devices_played: None,
        unreachable: false,
        gave_up: false,
        connect_error: None,
        target: "the embedded server".into(),
        command: "quotaproof run example.yaml --seed 7".into(),
        shards: 2,
        peak_memory_bytes: Some(123_456_789),
        connections: 12,
        version: "0.1.0".into(),
    }
}

pub fn finding(check: &str, subject: &str, verdict: Verdict, headline: &str) -> Finding {
    Finding {
        check: check.into(),
        party: Party::Fleet,
        severity: Severity::Breach,
        subject: subject.into(),
        verdict,
        headline: headline.into(),
        explanation: String::new(),
        remedy: String::new(),
        looked_at: 10,
        wrong: 1,
        would_save: None,
        evidence: Vec::new(),
    }
}

pub fn gate(verdict: Verdict) -> GateResult {
    GateResult { gate: "refused at most 0".into(), verdict, measured: "refused 3".into() }
}

pub fn quota(class: &str, safety: Safety, headroom: f64) -> QuotaUse {
    QuotaUse {
        class: class.into(),
        limit: "60 per 1m for each client_id".into(),
        allow: 60,
        bucket: None,
        lasting_rate: 0,
        per_s: Some(60.0),
        scope: "client_id".into(),
        keys: 1,
        busiest: Some("desk/0".into()),
        requests: 10,
        retries: 0,
        first_attempts_peak: None,
        held_back: 0,
        readings: Vec::new(),
        safety,
        headroom: Some(headroom),
        headroom_if_made: None,
        series: Vec::new(),
    }
}
