//! What the samples are put together from.

use std::collections::BTreeMap;

use crate::policy::reading::Reading;
use crate::summary::finding::{Evidence, Finding, Party, Severity, Verdict};
use crate::summary::*;

pub const SECONDS: usize = 60;

pub fn run(name: &str, description: &str) -> RunInfo {
    RunInfo {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        version: "0.1.0".to_owned(),
        driver: Driver::Live,
        started: "2026-03-15T10:30:00Z".to_owned(),
        planned_s: 60.0,
        duration_s: 60.2,
        interrupted: false,
        devices_played: None,
        starts_within_s: 0.0,
        gave_up: false,
        seed: 7,
        profile_hash: "9f2c4a7e51d83b60".repeat(4),
        policy_hash: "03be91c5d7a4f862".repeat(4),
        target: "the embedded reference server on loopback, rolling window".to_owned(),
        command: format!("quotaproof run profiles/{name}.yaml --seed 7"),
        events: vec![],
    }
}

pub fn fleet() -> Vec<GroupInfo> {
    let behaviour = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
    vec![
        GroupInfo {
            name: "depot".to_owned(),
            kind: "chargers".to_owned(),
            devices: 200,
            behaviour: behaviour(&[
                "2 connectors each, started over 20s",
                "heartbeat every 30s ±10%, telemetry every 5s ±5% while charging",
                "2 sessions per hour and connector, half of them over after 45m",
            ]),
        },
        GroupInfo {
            name: "dashboard".to_owned(),
            kind: "operators".to_owned(),
            devices: 2,
            behaviour: behaviour(&[
                "sites every 10m, charging-records harvested every 15m",
                "obeys the hint of a 429, 6 attempts",
            ]),
        },
    ]
}

pub fn policy() -> PolicyInfo {
    let class = |name: &str, title: &str, requests: &[&str], limit: &str| PolicyClassInfo {
        name: name.to_owned(),
        title: Some(title.to_owned()),
        requests: requests.iter().map(|&request| request.to_owned()).collect(),
        limits: vec![limit.to_owned()],
    };
    PolicyInfo {
        name: "tellus".to_owned(),
        title: "Tellus Open Platform API v1.3".to_owned(),
        source: Some("https://developers.telluspowergroup.com/guides/rate-limits".to_owned()),
        classes: vec![
            class(
                "queries",
                "Queries",
                &[
                    "GET /v1/operator/sites",
                    "GET /v1/operator/devices/{device_id}",
                    "GET /v1/operator/charging-records",
                    "GET /v1/operator/aggregated/energy",
                ],
                "60 per 1m for each client_id",
            ),
            class("token", "Token issuance", &["POST /v1/operator/oauth/token"], "10 per 1m for each client_id"),
            class("stream", "WebSocket", &["WS /v1/operator/stream"], "1 at once for each client_id and device_set"),
            class(
                "batch-control",
                "Batch control",
                &["POST /v1/operator/control/flexibility"],
                "30 per 1m for each client_id",
            ),
            class(
                "charger-high-frequency",
                "Charger, high frequency",
                &["POST /v1/device/heartbeat", "POST /v1/device/telemetry"],
                "10 per 1s for each device_id",
            ),
            class(
                "charger-other",
                "Other charger endpoints",
                &["POST /v1/device/events", "POST /v1/device/charging-records", "POST /v1/device/command-status"],
                "60 per 1m for each device_id",
            ),
        ],
        refusal: "429 with 5001 at /code; seconds to wait at /details/retry_after_seconds, optional".to_owned(),
        overload: "503".to_owned(),
        guidance: vec![
            "Stream live state instead of polling device details.".to_owned(),
            "Ask for pages of 100.".to_owned(),
        ],
        silences: vec![
            "How requests are counted: fixed or rolling windows, or a bucket.".to_owned(),
            "Whether a refused request uses up quota.".to_owned(),
        ],
    }
}

pub fn quota(class: &str, limit: &str, allow: u32, per_s: Option<f64>, scope: &str, peaks: &[u32]) -> QuotaUse {
    let reading = |(index, &peak): (usize, &u32)| ReadingUse {
        reading: per_s.map(|_| Reading::ALL[index]),
        peak,
        at_least: peak > 100 * allow,
        peak_at_s: 31.25 + index as f64,
        over: u64::from(peak.saturating_sub(allow)),
    };
    let readings: Vec<ReadingUse> = peaks.iter().enumerate().map(reading).collect();
    let over = readings.iter().filter(|reading| reading.over > 0).count();
    let safety = match over {
        _ if readings.is_empty() => Safety::NoData,
        0 => Safety::Safe,
        all if all == readings.len() => Safety::Over,
        _ => Safety::DependsOnReading,
    };
    let peak = peaks.first().copied();
    QuotaUse {
        class: class.to_owned(),
        limit: limit.to_owned(),
        allow,
        bucket: None,
        per_s,
        scope: scope.to_owned(),
        keys: if peak.is_none() { 0 } else { 2 },
        lasting_rate: 0,
        busiest: peak.map(|_| if scope == "device_id" { "depot/17" } else { "dashboard/0" }.to_owned()),
        requests: peaks.iter().map(|&peak| u64::from(peak)).sum(),
        retries: 0,
        first_attempts_peak: peak.filter(|_| per_s.is_some()),
        held_back: 0,
        headroom_if_made: None,
        safety,
        headroom: peak.map(|peak| 1.0 - f64::from(peak) / f64::from(allow)),
        series: peak.map_or_else(Vec::new, |peak| (0..SECONDS).map(|step| rising(step, peak)).collect()),
        readings,
    }
}

pub fn rising(step: usize, peak: u32) -> u32 {
    (f64::from(peak) * (1.0 - (-(step as f64) / 12.0).exp())).round() as u32
}

pub fn figures(class: &str, requests: u64, served: u64, refused: u64, median_ms: f64) -> ClassFigures {
    let mut latency = BTreeMap::new();
    for (outcome, count, scale) in [("served", served, 1.0), ("refused", refused, 0.3)] {
        if count > 0 {
            let from_sent = quantiles(count, median_ms * scale);
            latency
                .insert(outcome.to_owned(), Latency { from_due: quantiles(count, median_ms * scale * 1.4), from_sent });
        }
    }
    let spread = |count: u64| RateSpread {
        seconds: 60,
        nonzero_seconds: count.min(48),
        mean: count as f64 / 60.0,
        p50: count / 60,
        p90: count / 30,
        p99: count / 15,
        max: count / 10,
    };
    let operation = match class {
        "unclassified" => "GET /v1/device/commands".to_owned(),
        _ => format!("operation of {class}"),
    };
    let ratio = |part: u64| (requests > 0).then(|| part as f64 / requests as f64);
    ClassFigures {
        class: class.to_owned(),
        requests,
        served,
        unchanged: 0,
        refused,
        overloaded: 0,
        other_status: BTreeMap::new(),
        failed: BTreeMap::new(),
        dropped: BTreeMap::new(),
        logical: served,
        given_up: refused / 6,
        amplification: ratio(requests).map(|_| requests as f64 / served.max(1) as f64),
        cancelled: 0,
        cache_hits: served / 8,
        streams: StreamFigures::default(),
        refused_ratio: ratio(refused),
        overloaded_ratio: ratio(0),
        latency,
        refused_per_second: spread(refused),
        overloaded_per_second: spread(0),
        operations: vec![OperationFigures { operation, requests, served, refused }],
    }
}

pub fn quantiles(count: u64, median: f64) -> Quantiles {
    // A log-normal body with a long tail, close enough to what servers do.
    let at = |q: f64| median * (1.0 / (1.0 - q.min(1.0 - 0.5 / count as f64))).ln().max(0.05).powf(0.9) / 0.72;
    let grid = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 1.0];
    Quantiles {
        count,
        min: at(0.0),
        mean: at(0.6),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: at(1.0),
        curve: grid.map(|q| (q, at(q))).to_vec(),
        saturated: 0,
    }
}

pub fn timeline(classes: &[ClassFigures], steps: usize) -> Timeline {
    let spread = |total: u64, seed: usize| -> Vec<u32> {
        (0..steps).map(|step| wave(step, 7 + seed, 2.0 * total as f64 / steps as f64) as u32).collect()
    };
    let class = |(index, class): (usize, &ClassFigures)| ClassTimeline {
        class: class.class.clone(),
        sent: spread(class.requests, index),
        served: spread(class.served, index),
        refused: spread(class.refused, index),
        overloaded: spread(class.overloaded * 20, index),
        failed: spread(class.failed.values().sum::<u64>() * 30, index),
    };
    Timeline {
        step_s: 1.0,
        steps,
        classes: classes.iter().enumerate().map(class).collect(),
        late_ms: (0..steps).map(|step| 0.05 + wave(step, 11, 0.4)).collect(),
    }
}

/// Between zero and `high`, never quite regular.
pub fn wave(step: usize, period: usize, high: f64) -> f64 {
    let swing = (step as f64 / period as f64).sin() * (step as f64 / 3.7).cos();
    high * (0.5 + 0.5 * swing)
}

pub fn finding(check: &str, party: Party, subject: &str, verdict: Verdict, headline: &str) -> Finding {
    Finding {
        check: check.to_owned(),
        party,
        severity: Severity::Breach,
        subject: subject.to_owned(),
        verdict,
        headline: headline.to_owned(),
        explanation: String::new(),
        remedy: String::new(),
        looked_at: if verdict == Verdict::NoData { 0 } else { 128 },
        wrong: 0,
        would_save: None,
        evidence: vec![],
    }
}

pub fn evidence(count: u32) -> Vec<Evidence> {
    let one = |index| Evidence {
        at_s: 12.345 + f64::from(index) * 0.25,
        device: "dashboard/0".to_owned(),
        sent: format!("GET /v1/operator/devices/dvc_{index:012x}"),
        received: "429 code 5001, retry_after_seconds 47".to_owned(),
        why: format!("request {} of this minute", 61 + index),
    };
    (0..count).map(one).collect()
}

pub fn gate(gate: &str, verdict: Verdict, measured: &str) -> GateResult {
    GateResult { gate: gate.to_owned(), verdict, measured: measured.to_owned() }
}

pub fn harness() -> HarnessInfo {
    HarnessInfo {
        valid: true,
        problems: vec![],
        lateness: quantiles(7_179, 0.08),
        missed: 0,
        shards: 2,
        peak_memory_bytes: Some(48 << 20),
        embedded_server: true,
        connections: 404,
        in_flight_peak: 34,
    }
}
