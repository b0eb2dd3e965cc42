//! Summaries of runs that did not happen, for the tests of the reports.

use std::collections::BTreeMap;

use crate::exit::Exit;
use crate::policy::reading::Reading;
use crate::summary::finding::{Evidence, Finding, Party, Severity, Verdict};
use crate::summary::*;

const SECONDS: usize = 60;

/// Every sample with the name of its directory.
pub fn all() -> Vec<(&'static str, Summary)> {
    vec![
        ("passing", passing()),
        ("failing", failing()),
        ("interrupted", interrupted()),
        ("hostile", hostile()),
        ("large", large()),
    ]
}

/// A well-behaved depot.
pub fn passing() -> Summary {
    let classes = vec![
        figures("queries", 128, 128, 0, 4.2),
        figures("token", 2, 2, 0, 9.0),
        figures("stream", 2, 2, 0, 3.1),
        figures("batch-control", 0, 0, 0, 0.0),
        figures("charger-high-frequency", 6_214, 6_214, 0, 1.3),
        figures("charger-other", 431, 431, 0, 1.9),
        figures("unclassified", 402, 402, 0, 2.4),
    ];
    let quotas = vec![
        quota("queries", "60 per 1m for each client_id", 60, Some(60.0), "client_id", &[44, 41, 38, 38]),
        quota("token", "10 per 1m for each client_id", 10, Some(60.0), "client_id", &[1, 1, 1, 1]),
        quota("stream", "1 at once for each client_id and device_set", 1, None, "client_id, device_set", &[1]),
        quota("batch-control", "30 per 1m for each client_id", 30, Some(60.0), "client_id", &[]),
        quota("charger-high-frequency", "10 per 1s for each device_id", 10, Some(1.0), "device_id", &[3, 3, 2, 2]),
        quota("charger-other", "60 per 1m for each device_id", 60, Some(60.0), "device_id", &[7, 7, 6, 6]),
    ];
    let findings = vec![
        finding(
            "fleet.quota",
            Party::Fleet,
            "queries",
            Verdict::Pass,
            "Queries stayed within 60 per minute under every reading.",
        ),
        finding(
            "fleet.quota",
            Party::Fleet,
            "charger-high-frequency",
            Verdict::Pass,
            "Chargers stayed within 10 per second.",
        ),
        finding(
            "server.over-admission",
            Party::Server,
            "queries",
            Verdict::Pass,
            "The server admitted no more than documented.",
        ),
        finding(
            "server.false-refusal",
            Party::Server,
            "queries",
            Verdict::NoData,
            "Nothing was refused, so nothing could be refused falsely.",
        ),
        finding("server.retry-after", Party::Server, "", Verdict::NoData, "No hint was given."),
        finding(
            "client.cadence",
            Party::Client,
            "depot",
            Verdict::Pass,
            "Heartbeats and telemetry kept their cadence.",
        ),
        finding("client.cache", Party::Client, "dashboard", Verdict::Pass, "Site lists were cached."),
    ];
    Summary {
        format: FORMAT,
        run: run(
            "tellus-depot",
            "A depot of 200 two-connector chargers with two operator clients that follow the documents.",
        ),
        conclusion: Conclusion {
            exit: Exit::Pass,
            exit_code: 0,
            headline: "The fleet keeps to every documented quota, whatever way the provider counts.".to_owned(),
            reasons: vec![
                "The tightest quota is queries: 44 of 60 per minute, 26.7% unused.".to_owned(),
                "All 3 gates hold.".to_owned(),
            ],
        },
        fleet: fleet(),
        policy: policy(),
        timeline: timeline(&classes, SECONDS),
        classes,
        quotas,
        findings,
        gates: vec![
            gate("refused_ratio of charger-high-frequency at most 0%", Verdict::Pass, "0%"),
            gate("headroom of queries at least 20%", Verdict::Pass, "26.7%"),
            gate("p99 latency of queries at most 250ms", Verdict::Pass, "8.4 ms"),
        ],
        harness: harness(),
    }
}

/// A dashboard that polls device details for live state.
pub fn failing() -> Summary {
    let mut summary = passing();
    summary.run.name = "tellus-polling-dashboard".to_owned();
    summary.run.description =
        Some("A dashboard that polls GET /v1/operator/devices/{device_id} for live state.".to_owned());
    summary.run.command = "quotaproof run profiles/tellus-polling-dashboard.yaml --seed 7".to_owned();
    summary.conclusion = Conclusion {
        exit: Exit::Fail,
        exit_code: 1,
        headline: "The fleet needs 4.2 times its quota of queries: polling device details for live state.".to_owned(),
        reasons: vec![
            "dashboard/0 sent 252 queries within a minute where 60 are allowed, over the limit under every reading."
                .to_owned(),
            "192 of 252 queries were refused with 429.".to_owned(),
            "1 of 3 gates failed and 1 had no data.".to_owned(),
        ],
    };
    summary.classes[0] = figures("queries", 252, 60, 192, 4.2);
    summary.classes[0].overloaded = 3;
    summary.classes[0].overloaded_ratio = Some(3.0 / 252.0);
    summary.classes[0].failed.insert("timeout".to_owned(), 2);
    summary.quotas[0] =
        quota("queries", "60 per 1m for each client_id", 60, Some(60.0), "client_id", &[252, 193, 252, 251]);
    summary.quotas[4] =
        quota("charger-high-frequency", "10 per 1s for each device_id", 10, Some(1.0), "device_id", &[11, 11, 9, 8]);
    summary.timeline = timeline(&summary.classes, SECONDS);
    summary.run.events =
        vec![EventInfo { at_s: 20.0, text: "blackout of depot: 100% of it, back within 5s".to_owned() }];
    let polling = Finding {
        explanation: "dashboard/0 asked for 21 devices every 5 s. The documents name polling of device details for live state as the single biggest cause of breaches.".to_owned(),
        remedy: "Open one stream for the devices on screen (WS /v1/operator/stream) and drop the poll.".to_owned(),
        looked_at: 252,
        wrong: 231,
        would_save: Some(231),
        severity: Severity::Advice,
        evidence: evidence(3),
        ..finding("client.prefer-stream", Party::Client, "queries", Verdict::Fail, "Live state was polled instead of streamed.")
    };
    let quota = Finding {
        explanation: "Under the strictest reading, a rolling window, the busiest minute held 252 requests; even under the loosest it held 193.".to_owned(),
        remedy: "Send at most 60 queries per minute and client_id: stream live state, cache site lists, ask for full pages.".to_owned(),
        looked_at: 252,
        wrong: 192,
        evidence: evidence(8),
        ..finding("fleet.quota", Party::Fleet, "queries", Verdict::Fail, "The fleet exceeds the quota of queries under every reading.")
    };
    let unclear = Finding {
        explanation: "A rolling window refuses 3 of these requests and a fixed one admits them; the documents do not say which one holds.".to_owned(),
        looked_at: 12_030,
        wrong: 3,
        evidence: evidence(1),
        ..finding("fleet.quota", Party::Fleet, "charger-high-frequency", Verdict::Inconclusive, "Whether the chargers keep to 10 per second depends on the reading.")
    };
    let undocumented = finding(
        "server.penalty",
        Party::Server,
        "",
        Verdict::Undocumented,
        "The documents do not say whether repeated breaches are punished.",
    );
    summary.findings.splice(0..2, [polling, quota, unclear, undocumented]);
    summary.gates = vec![
        gate("refused_ratio of queries at most 1%", Verdict::Fail, "76.2%"),
        gate("headroom of charger-other at least 20%", Verdict::Pass, "88.3%"),
        gate("p99 latency of batch-control at most 250ms", Verdict::NoData, "no request of this class was answered"),
    ];
    summary
}

/// Stopped before anything happened.
pub fn interrupted() -> Summary {
    let mut summary = passing();
    summary.run.name = "tellus-depot".to_owned();
    summary.run.description = None;
    summary.run.duration_s = 0.4;
    summary.run.interrupted = true;
    summary.conclusion = Conclusion {
        exit: Exit::Interrupted,
        exit_code: 130,
        headline: "Stopped after 0.4 s of 60 s; the report covers what ran.".to_owned(),
        reasons: vec![],
    };
    summary.classes.iter_mut().for_each(|class| *class = figures(&class.class, 0, 0, 0, 0.0));
    summary
        .quotas
        .iter_mut()
        .for_each(|used| *used = quota(&used.class, &used.limit, used.allow, used.per_s, &used.scope, &[]));
    summary.timeline = Timeline { step_s: 1.0, ..Timeline::default() };
    summary.findings = vec![];
    summary.gates.iter_mut().for_each(|gate| *gate = self::gate(&gate.gate, Verdict::NoData, "no data"));
    summary.fleet = vec![];
    summary.harness =
        HarnessInfo { valid: false, problems: vec!["nothing was sent".to_owned()], ..HarnessInfo::default() };
    summary
}

/// Every text is an attack on its output, or just hard to lay out.
pub fn hostile() -> Summary {
    const SCRIPT: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";
    let long = "an-extraordinarily-long-name-without-any-place-to-break-it-".repeat(4);
    let mut summary = failing();
    summary.run.name = SCRIPT.to_owned();
    summary.run.description = Some(format!("]]> \u{1b}[31mred\u{1b}[0m \u{7} {long}"));
    summary.run.command = "quotaproof run ``` '; rm -rf / #' <b>".to_owned();
    summary.run.target = format!("https://example.test/{SCRIPT}");
    summary.conclusion.headline =
        format!("שלום עולם \u{202e}txt.exe 🔋⚡ | @everyone [link](javascript:alert(1)) {SCRIPT}");
    summary.conclusion.reasons = vec![SCRIPT.to_owned(), "a | b | c\nsecond line".to_owned(), long.clone()];
    summary.policy.source = Some("javascript:alert(1)".to_owned());
    summary.policy.title = SCRIPT.to_owned();
    summary.policy.silences.push(format!("{SCRIPT} {long}"));
    summary.fleet[0].name = long.clone();
    for name in [&mut summary.classes[0].class, &mut summary.quotas[0].class, &mut summary.timeline.classes[0].class] {
        *name = SCRIPT.to_owned();
    }
    summary.classes[1].class = long.clone();
    summary.quotas[1].class = long.clone();
    summary.quotas[1].busiest = Some(long.clone());
    summary.gates[0].gate = format!("{SCRIPT} | {long}");
    for finding in &mut summary.findings {
        finding.subject = SCRIPT.to_owned();
        finding.headline = format!("充電器 🔌 | {SCRIPT}");
        finding.remedy = format!("`tick` *star* _under_ {long}");
        for evidence in &mut finding.evidence {
            evidence.device = "מטען/17".to_owned();
            evidence.sent = format!("GET /{long}");
            evidence.received = format!("500 \u{0} {SCRIPT}");
        }
    }
    summary.run.events = vec![EventInfo { at_s: 20.0, text: SCRIPT.to_owned() }];
    summary
}

/// A simulated day: long series, more classes than colours, more evidence than fits, huge and tiny values.
pub fn large() -> Summary {
    let mut summary = failing();
    summary.run.name = "simulated-day".to_owned();
    summary.run.driver = Driver::Virtual;
    summary.run.planned_s = 86_400.0;
    summary.run.duration_s = 86_400.0;
    summary.run.events = vec![];
    summary.classes.extend(
        (0..9).map(|index| figures(&format!("extra-{index}"), 5_000_000 >> index, 4_000_000 >> index, 7, 0.002)),
    );
    summary.classes[4] = figures("charger-high-frequency", 4_200_000_000, 4_199_999_999, 1, 3_500.0);
    summary.timeline = timeline(&summary.classes, 8_640);
    summary.timeline.step_s = 10.0;
    for quota in &mut summary.quotas {
        quota.series = (0..8_640).map(|step| wave(step, 977, f64::from(quota.allow) * 0.9) as u32).collect();
    }
    summary.quotas[0].readings[0].peak = 48_000;
    summary.quotas[0].headroom = Some(-799.0);
    summary.findings[1].evidence = evidence(200);
    summary
}

fn run(name: &str, description: &str) -> RunInfo {
    RunInfo {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        version: "0.1.0".to_owned(),
        driver: Driver::Live,
        started: "2026-03-15T10:30:00Z".to_owned(),
        planned_s: 60.0,
        duration_s: 60.2,
        interrupted: false,
        seed: 7,
        profile_hash: "9f2c4a7e51d83b60".repeat(4),
        policy_hash: "03be91c5d7a4f862".repeat(4),
        target: "the embedded reference server on loopback, rolling window".to_owned(),
        command: format!("quotaproof run profiles/{name}.yaml --seed 7"),
        events: vec![],
    }
}

fn fleet() -> Vec<GroupInfo> {
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

fn policy() -> PolicyInfo {
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

fn quota(class: &str, limit: &str, allow: u32, per_s: Option<f64>, scope: &str, peaks: &[u32]) -> QuotaUse {
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
        per_s,
        scope: scope.to_owned(),
        keys: if peak.is_none() { 0 } else { 2 },
        busiest: peak.map(|_| if scope == "device_id" { "depot/17" } else { "dashboard/0" }.to_owned()),
        requests: peaks.iter().map(|&peak| u64::from(peak)).sum(),
        safety,
        headroom: peak.map(|peak| 1.0 - f64::from(peak) / f64::from(allow)),
        series: peak.map_or_else(Vec::new, |peak| (0..SECONDS).map(|step| rising(step, peak)).collect()),
        readings,
    }
}

fn rising(step: usize, peak: u32) -> u32 {
    (f64::from(peak) * (1.0 - (-(step as f64) / 12.0).exp())).round() as u32
}

fn figures(class: &str, requests: u64, served: u64, refused: u64, median_ms: f64) -> ClassFigures {
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
    let ratio = |part: u64| (requests > 0).then(|| part as f64 / requests as f64);
    ClassFigures {
        class: class.to_owned(),
        requests,
        served,
        refused,
        overloaded: 0,
        other_status: BTreeMap::new(),
        failed: BTreeMap::new(),
        dropped: BTreeMap::new(),
        logical: served,
        given_up: refused / 6,
        amplification: ratio(requests).map(|_| requests as f64 / served.max(1) as f64),
        cache_hits: served / 8,
        refused_ratio: ratio(refused),
        overloaded_ratio: ratio(0),
        latency,
        refused_per_second: spread(refused),
        overloaded_per_second: spread(0),
        operations: vec![OperationFigures { operation: format!("operation of {class}"), requests, served, refused }],
    }
}

fn quantiles(count: u64, median: f64) -> Quantiles {
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

fn timeline(classes: &[ClassFigures], steps: usize) -> Timeline {
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
fn wave(step: usize, period: usize, high: f64) -> f64 {
    let swing = (step as f64 / period as f64).sin() * (step as f64 / 3.7).cos();
    high * (0.5 + 0.5 * swing)
}

fn finding(check: &str, party: Party, subject: &str, verdict: Verdict, headline: &str) -> Finding {
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

fn evidence(count: u32) -> Vec<Evidence> {
    let one = |index| Evidence {
        at_s: 12.345 + f64::from(index) * 0.25,
        device: "dashboard/0".to_owned(),
        sent: format!("GET /v1/operator/devices/dvc_{index:012x}"),
        received: "429 code 5001, retry_after_seconds 47".to_owned(),
        why: format!("request {} of this minute", 61 + index),
    };
    (0..count).map(one).collect()
}

fn gate(gate: &str, verdict: Verdict, measured: &str) -> GateResult {
    GateResult { gate: gate.to_owned(), verdict, measured: measured.to_owned() }
}

fn harness() -> HarnessInfo {
    HarnessInfo {
        valid: true,
        problems: vec![],
        lateness: quantiles(7_179, 0.08),
        missed: 0,
        shards: 2,
        peak_memory_bytes: Some(48 << 20),
        connections: 404,
    }
}
