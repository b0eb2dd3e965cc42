//! A plan with something in every part.

use crate::exit::Exit;
use crate::policy::reading::Reading;
use crate::summary::Safety;
use crate::summary::finding::Verdict;
use crate::summary::plan::*;

const LIMIT: &str = "60 per 1m for each client_id";

/// Every answer, with limits that are kept, broken and not seen whole.
pub fn plan() -> Plan {
    Plan {
        unanswered: Vec::new(),
        format: FORMAT,
        caveats: vec!["All of this is simulated.".to_owned()],
        fleet: Some(fleet()),
        quota: Some(quota()),
        comparison: Some(comparison()),
        sweep: Some(sweep()),
    }
}

/// The same with texts that would be markup, escapes and the like.
pub fn hostile() -> Plan {
    const TEXT: &str = "<b>x</b> | @everyone \u{1b}[31m [link](http://x) \u{202e}";
    let mut plan = plan();
    plan.caveats.push(TEXT.to_owned());
    let fleet = plan.fleet.as_mut().expect("it has one");
    fleet.group = Some(TEXT.to_owned());
    fleet.origin.command = TEXT.to_owned();
    fleet.readings[0].binding.as_mut().expect("it binds").busiest = Some(TEXT.to_owned());
    let sweep = plan.sweep.as_mut().expect("it has one");
    (sweep.path, sweep.today) = (TEXT.to_owned(), Some(TEXT.to_owned()));
    plan
}

fn origin(seeds: &[u64]) -> Origin {
    Origin {
        profile: "tellus-polling-dashboard".to_owned(),
        profile_hash: "1d4c2b7e90f1aa55".to_owned(),
        policy: "tellus".to_owned(),
        policy_hash: "ee24f6f3f1f6c3c1".to_owned(),
        version: "0.1.0".to_owned(),
        seeds: seeds.to_vec(),
        duration_s: Some(75.0),
        command: "quotaproof plan tellus-polling-dashboard --seed 11 --find fleet=depot".to_owned(),
    }
}

fn counts(depot: u32) -> Vec<GroupCount> {
    [("depot", depot), ("dashboard", 1)].map(|(group, devices)| GroupCount { group: group.into(), devices }).into()
}

fn fleet() -> FleetAnswer {
    let binding = Binding {
        devices: 6,
        class: "queries".to_owned(),
        limit: LIMIT.to_owned(),
        allow: 48,
        peak: 72,
        lasting_rate: None,
        at_least: false,
        at_s: 58.883,
        time_of_day: "08:00:58".to_owned(),
        busiest: Some("dashboard/0".to_owned()),
        seed: 11,
    };
    let largest = LargestFleet {
        reading: Some(Reading::Rolling),
        devices: 5,
        fleet: counts(5),
        at_least: false,
        over_seeds: Spread { min: 5, median: 5, max: 6 },
        monotone: false,
        binding: Some(binding),
        enforced: Some(Enforced { requests: 674, refused: 4 }),
    };
    let open = LargestFleet {
        reading: Some(Reading::TokenBucket),
        devices: 100_000,
        fleet: counts(100_000),
        at_least: true,
        binding: None,
        enforced: Some(Enforced { requests: 1_234_567, refused: 0 }),
        ..largest.clone()
    };
    FleetAnswer {
        origin: origin(&[11, 12, 13]),
        group: Some("depot".to_owned()),
        today: counts(12),
        headroom: 0.2,
        readings: vec![largest, open],
        unproven: vec!["reports: 1000 per 24h for each client_id".to_owned()],
    }
}

fn quota() -> QuotaAnswer {
    let need = |reading, least, is_peak| Need {
        class: "queries".to_owned(),
        limit: LIMIT.to_owned(),
        allow: 60,
        reading,
        least,
        is_peak,
        burst: None,
    };
    let spread = |min, median, max| Spread { min, median, max };
    let needs = vec![
        need(Some(Reading::Rolling), spread(150, 152, 155), true),
        need(Some(Reading::TokenBucket), spread(88, 88, 88), false),
    ];
    let check = QuotaCheck {
        reading: Some(Reading::Rolling),
        enforced: Enforced { requests: 540, refused: 3 },
        refused_ratio: 0.0056,
        delay_s: 1.25,
        holds: false,
    };
    QuotaAnswer {
        not_searched: vec!["start: after status 409 a wait of 30s each time for each user".to_owned()],
        origin: origin(&[11, 12, 13]),
        refused_ratio: 0.001,
        delay_s: Some(5.0),
        headroom: 0.2,
        sensitivity: vec![Variation {
            what: "no jitter".to_owned(),
            is_growth: false,
            fleet: counts(12),
            needs: needs.clone(),
        }],
        without_effect: vec!["twice the jitter".to_owned()],
        needs,
        checks: vec![check],
        unproven: Vec::new(),
    }
}

fn comparison() -> Comparison {
    let side = |exit, headline: &str| Side {
        origin: origin(&[11]),
        description: None,
        exit,
        headline: headline.to_owned(),
        fleet: counts(12),
    };
    Comparison {
        before: side(Exit::Fail, "Fleet, queries: Over the limit."),
        after: side(Exit::Pass, "Every check passed."),
        classes: vec![ClassChange {
            class: "queries".to_owned(),
            requests: Change { before: 180, after: 1 },
            refused: Change { before: 92, after: 0 },
            given_up: Change { before: 92, after: 0 },
            frames: Change { before: 0, after: 77 },
        }],
        quotas: vec![QuotaChange {
            class: "queries".to_owned(),
            limit: LIMIT.to_owned(),
            allow: 60,
            peak: Change { before: 144, after: 1 },
            at_least: Change::default(),
            headroom: Change { before: Some(-1.4), after: None },
            safety: Change { before: Safety::Over, after: Safety::Unproven },
        }],
        words: vec!["queries: 1 request instead of 180.".to_owned()],
    }
}

fn sweep() -> Sweep {
    let point = |value: u32, safety| SweepPoint {
        value: value.to_string(),
        number: f64::from(value),
        devices: value + 1,
        requests: u64::from(value) * 15,
        refused: u64::from(value / 6),
        quotas: vec![SweptUse {
            on_a_rate: true,
            class: "queries".to_owned(),
            limit: LIMIT.to_owned(),
            allow: 60,
            peak: value * 12,
            at_least: value > 30,
            safety,
            headroom: Some(1.0 - f64::from(value) / 5.0),
            refused_ratio: Some(f64::from(value / 6) / 100.0),
        }],
        gates: vec![SweptGate {
            gate: "headroom of queries at least 20%".to_owned(),
            verdict: Some(if safety == Safety::Safe { Verdict::Pass } else { Verdict::Fail }),
        }],
    };
    Sweep {
        origin: origin(&[11]),
        path: "fleet.depot.chargers.count".to_owned(),
        today: Some("12".to_owned()),
        log: true,
        points: vec![point(1, Safety::Safe), point(5, Safety::Safe), point(40, Safety::Over)],
    }
}
