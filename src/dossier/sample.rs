//! Runs and plans that did not happen, for the tests of the dossier.

use super::admit::Evidence;
use super::answers::{self, Answers, TEMPLATE};
use crate::policy::reading::Reading;
use crate::report::sample;
use crate::summary::plan::*;
use crate::summary::{Driver, Safety, Summary};
use crate::yaml::Source;

/// A dashboard that polls, played in simulated time, with a plan of the same.
pub fn planned() -> Evidence {
    let mut summary = sample::failing();
    simulate(&mut summary);
    Evidence { dir: "tellus-polling-dashboard-20260315T103000Z".to_owned(), plan: Some(plan(&summary)), summary }
}

/// The same, live against the reference server.
pub fn on_stand_in() -> Evidence {
    let mut summary = sample::failing();
    summary.run.started = "2026-03-15T11:00:00Z".to_owned();
    Evidence { dir: "tellus-polling-dashboard-20260315T110000Z".to_owned(), plan: None, summary }
}

/// Another profile, live against the provider's test environment.
pub fn measured() -> Evidence {
    let mut summary = sample::passing();
    summary.run.started = "2026-03-15T12:00:00Z".to_owned();
    summary.run.target = "https://api-test.example.com".to_owned();
    summary.run.profile_hash = "5d1b".repeat(16);
    summary.harness.embedded_server = false;
    Evidence { dir: "tellus-depot-20260315T120000Z".to_owned(), plan: None, summary }
}

pub fn all() -> Vec<Evidence> {
    vec![planned(), on_stand_in(), measured()]
}

fn simulate(summary: &mut Summary) {
    summary.run.driver = Driver::Virtual;
    summary.run.target = "simulated".to_owned();
    summary.harness.embedded_server = false;
    summary.run.command = "quotaproof plan profiles/tellus-polling-dashboard.yaml --seed 7".to_owned();
}

/// Every answer, filled in as the template suggests.
pub fn answered() -> Answers {
    let filled: String =
        TEMPLATE.lines().filter_map(|line| line.strip_prefix("#: ")).map(|line| format!("{line}\n")).collect();
    let mut answers = answers::read(&Source::built_in("answers.yaml", &filled)).unwrap();
    answers.quotas.clear();
    answers
}

fn origin(summary: &Summary, seeds: &[u64]) -> Origin {
    let run = &summary.run;
    Origin {
        profile: run.name.clone(),
        profile_hash: run.profile_hash.clone(),
        policy: summary.policy.name.clone(),
        policy_hash: run.policy_hash.clone(),
        version: run.version.clone(),
        seeds: seeds.to_vec(),
        duration_s: Some(86_400.0),
        command: "quotaproof plan profiles/tellus-polling-dashboard.yaml --find quota".to_owned(),
    }
}

fn need(reading: Reading, min: u32, max: u32) -> Need {
    Need {
        class: "queries".to_owned(),
        limit: "60 per 1m for each client_id".to_owned(),
        allow: 60,
        reading: Some(reading),
        least: Spread { min, median: max, max },
        is_peak: true,
        burst: None,
    }
}

fn groups(chargers: u32) -> Vec<GroupCount> {
    let group = |group: &str, devices| GroupCount { group: group.to_owned(), devices };
    vec![group("depot", chargers), group("dashboard", 2)]
}

fn plan(summary: &Summary) -> Plan {
    let quota = QuotaAnswer {
        without_effect: Vec::new(),
        not_searched: Vec::new(),
        origin: origin(summary, &[7, 8, 9]),
        refused_ratio: 0.0,
        delay_s: Some(2.0),
        headroom: 0.1,
        needs: vec![need(Reading::Rolling, 260, 268), need(Reading::FixedAligned, 241, 250)],
        sensitivity: vec![Variation {
            what: "10% more devices".to_owned(),
            is_growth: false,
            fleet: groups(220),
            needs: vec![need(Reading::Rolling, 281, 295), need(Reading::FixedAligned, 270, 281)],
        }],
        checks: vec![QuotaCheck {
            reading: Some(Reading::Rolling),
            enforced: Enforced { requests: 12_000, refused: 0 },
            refused_ratio: 0.0,
            delay_s: 0.0,
            holds: true,
        }],
        unproven: vec![],
    };
    Plan {
        unanswered: Vec::new(),
        format: FORMAT,
        caveats: vec!["Simulated: no request was sent.".to_owned()],
        quota: Some(quota),
        fleet: Some(fleet(summary)),
        comparison: Some(comparison(summary)),
        sweep: Some(sweep(summary)),
    }
}

fn fleet(summary: &Summary) -> FleetAnswer {
    let binding = Binding {
        devices: 51,
        class: "queries".to_owned(),
        limit: "60 per 1m for each client_id".to_owned(),
        allow: 60,
        peak: 61,
        lasting_rate: None,
        at_least: false,
        at_s: 120.0,
        time_of_day: "00:02:00".to_owned(),
        busiest: Some("dashboard/0".to_owned()),
        seed: 7,
    };
    let largest = LargestFleet {
        reading: Some(Reading::Rolling),
        devices: 50,
        fleet: groups(50),
        at_least: false,
        over_seeds: Spread { min: 50, median: 50, max: 52 },
        monotone: true,
        binding: Some(binding),
        enforced: None,
    };
    let origin = origin(summary, &[7, 8, 9]);
    FleetAnswer { origin, group: None, today: groups(200), headroom: 0.0, readings: vec![largest], unproven: vec![] }
}

fn comparison(summary: &Summary) -> Comparison {
    let side = |profile_hash: &str, headline: &str| Side {
        origin: Origin { profile_hash: profile_hash.to_owned(), ..origin(summary, &[7]) },
        description: None,
        exit: crate::exit::Exit::Pass,
        headline: headline.to_owned(),
        fleet: groups(200),
    };
    let change = |before, after| Change { before, after };
    Comparison {
        before: side(&summary.run.profile_hash, "It polls."),
        after: side(&"77aa".repeat(16), "It streams."),
        classes: vec![ClassChange {
            class: "queries".to_owned(),
            requests: change(36_000, 1_440),
            refused: change(21_600, 0),
            given_up: change(21_600, 0),
            frames: change(0, 90_000),
        }],
        quotas: vec![QuotaChange {
            class: "queries".to_owned(),
            limit: "60 per 1m for each client_id".to_owned(),
            allow: 60,
            peak: Change { before: 252, after: 3 },
            at_least: Change::default(),
            headroom: Change { before: Some(-3.2), after: Some(0.95) },
            safety: Change { before: Safety::Over, after: Safety::Safe },
        }],
        words: vec!["queries: 36,000 requests become 1,440.".to_owned()],
    }
}

fn sweep(summary: &Summary) -> Sweep {
    let point = |devices: u32| SweepPoint {
        value: devices.to_string(),
        number: devices.into(),
        devices,
        requests: u64::from(devices) * 100,
        refused: 0,
        quotas: vec![SweptUse {
            on_a_rate: true,
            class: "queries".to_owned(),
            limit: "60 per 1m for each client_id".to_owned(),
            allow: 60,
            peak: devices,
            at_least: false,
            safety: Safety::Safe,
            headroom: Some(1.0 - f64::from(devices) / 60.0),
            refused_ratio: Some(0.0),
        }],
        gates: Vec::new(),
    };
    Sweep {
        origin: origin(summary, &[7]),
        path: "fleet.depot.chargers.count".to_owned(),
        today: Some("200".to_owned()),
        log: true,
        points: [10, 30, 100, 300].map(point).to_vec(),
    }
}
