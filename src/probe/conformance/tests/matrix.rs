//! Every defect of the reference server against every check.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::world::*;
use crate::policy::reading::Reading;
use crate::scenario::target::Fault;
use crate::summary::finding::{Severity, Verdict};
use crate::time::Nanos;

fn failed(setting: &Setting) -> Vec<String> {
    let findings = setting.probe().findings();
    let failed = findings.into_iter().filter(|it| it.verdict == Verdict::Fail);
    failed.map(|it| it.check).collect()
}

#[test]
#[expect(clippy::print_stdout, reason = "a table")]
fn explore() {
    let seeds: u64 = std::env::var("PROBE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(2);
    let mut faults: Vec<Vec<Fault>> = vec![vec![]];
    faults.extend(Fault::ALL.iter().map(|fault| vec![*fault]));
    for limits in [vec![(10, Nanos::from_secs(10))], vec![(5, Nanos::from_secs(10)), (12, Nanos::from_secs(60))]] {
        for reading in Reading::ALL {
            for fault in &faults {
                let mut counts: BTreeMap<String, u64> = BTreeMap::new();
                for seed in 0..seeds {
                    let setting = Setting {
                        policy: policy(&limits, reading),
                        reading,
                        faults: fault.clone(),
                        seed,
                        requests: 2_000,
                        within: Nanos::from_secs(3_000),
                    };
                    for check in failed(&setting) {
                        *counts.entry(check).or_default() += 1;
                    }
                }
                println!("{} {reading:?} {fault:?}: {counts:?}", limits.len());
            }
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a table")]
fn show_one() {
    let Ok(which) = std::env::var("SHOW") else { return };
    let mut parts = which.split(' ');
    let reading = Reading::ALL.into_iter().find(|it| format!("{it:?}") == parts.clone().next().unwrap()).unwrap();
    parts.next();
    let fault = parts.next().and_then(|name| Fault::ALL.into_iter().find(|it| format!("{it:?}") == name));
    let setting = Setting {
        policy: policy(&[(10, Nanos::from_secs(10))], reading),
        reading,
        faults: fault.into_iter().collect(),
        seed: parts.next().map_or(0, |seed| seed.parse().unwrap()),
        requests: 2_000,
        within: Nanos::from_secs(3_000),
    };
    let examination = setting.probe();
    let mut text = String::new();
    for entry in examination.transcript().entries() {
        let it = &entry.witness;
        let _ = writeln!(
            text,
            "{:?} {} {} c{} {:?} {} {:?}",
            entry.purpose,
            it.sent,
            it.done,
            it.client,
            it.guise,
            it.seen,
            it.answer()
        );
    }
    for row in examination.findings() {
        let _ = writeln!(text, "{:<26} {:?} {} | {}", row.check, row.verdict, row.headline, row.explanation);
        assert_eq!(
            row.severity == Severity::Advice,
            row.check == "server.limit-drift" && row.severity == Severity::Advice
        );
    }
    println!(
        "{text}\n{:?} {:?} {}",
        examination.conduct().made(),
        examination.conduct().left_out(),
        examination.spent()
    );
}
