//! Summaries and plans of runs that did not happen, for the tests of the reports.

mod builders;
pub mod plan;

use crate::exit::Exit;
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::summary::*;
use builders::*;

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
        finding("server.honest-hint", Party::Server, "", Verdict::NoData, "No hint was given."),
        finding(
            "client.cadence",
            Party::Client,
            "depot",
            Verdict::Pass,
            "Heartbeats and telemetry kept their cadence.",
        ),
        finding("guidance.cache", Party::Client, "", Verdict::Pass, "Site lists were cached."),
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
        gates_left_to_a_run: Vec::new(),
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
        vec![EventInfo { at_s: 20.0, lasts_s: 0.0, text: "blackout of depot: 100% of it, back within 5s".to_owned() }];
    let polling = Finding {
        explanation: "dashboard/0 asked for 21 devices every 5 s. The documents name polling of device details for live state as the single biggest cause of breaches.".to_owned(),
        remedy: "Open one stream for the devices on screen (WS /v1/operator/stream) and drop the poll.".to_owned(),
        looked_at: 252,
        wrong: 231,
        would_save: Some(231),
        severity: Severity::Advice,
        evidence: evidence(3),
        ..finding("guidance.stream", Party::Client, "", Verdict::Fail, "Live state was polled instead of streamed.")
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
        "server.stream-delivery",
        Party::Server,
        "",
        Verdict::Undocumented,
        "The server ended 1 of 2 streams: closed with code 1001 1",
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
    summary.run.events = vec![EventInfo { at_s: 20.0, lasts_s: 0.0, text: SCRIPT.to_owned() }];
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
