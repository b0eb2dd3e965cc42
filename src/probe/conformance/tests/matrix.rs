//! Every defect of the reference server against every check, and servers without any. Those that are ignored take minutes; the
//! environment variable `PROBE_SEEDS` asks for so many plays of servers without defects (a fortieth of it with each defect), and
//! `--nocapture` shows the tables of `reports/probe-matrix/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::expected::{Expected, besides, expected};
use super::testing::*;
use crate::policy::model::{Algorithm, Blocks, Cost, CountsRefused, Limit, Penalty, Policy, RateLimit};
use crate::policy::reading::Reading;
use crate::probe::conformance::list::CHECKS;
use crate::scenario::target::Fault;
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

/// So many per so many seconds; of several, all hold.
pub const TEN: &[(u32, u64)] = &[(10, 10)];
pub const TWO: &[(u32, u64)] = &[(5, 10), (12, 60)];
pub const SIXTY: &[(u32, u64)] = &[(60, 60)];
pub const FIVE: &[(u32, u64)] = &[(5, 1)];

/// What is documented, and what a server without defects does.
#[derive(Clone, Debug)]
pub struct Documents {
    pub reading: Reading,
    /// Whether the documents say so.
    pub stated: bool,
    pub limits: Vec<(u32, Nanos)>,
}

impl Documents {
    /// Each algorithm as documented, and one of which the documents say nothing.
    pub fn all(limits: &[(u32, u64)]) -> Vec<Documents> {
        let limits: Vec<_> = limits.iter().map(|&(allow, per)| (allow, Nanos::from_secs(per))).collect();
        let of = |(reading, stated)| Documents { reading, stated, limits: limits.clone() };
        let stated = READINGS.map(|reading| (reading, true));
        stated.into_iter().chain([(Reading::Rolling, false)]).map(of).collect()
    }

    fn policy(&self) -> Policy {
        let mut policy = policy(&self.limits, self.reading);
        for limit in policy.classes.iter_mut().flat_map(|class| &mut class.limits).filter(|_| !self.stated) {
            if let Limit::Rate(rate) = limit {
                (rate.algorithm, rate.burst) = (Algorithm::Unspecified, None);
            }
        }
        policy
    }

    /// In every second play refusals are told by their status alone.
    pub fn setting(&self, faults: &[Fault], seed: u64) -> Setting {
        let mut policy = self.policy();
        policy.refusal.body_code = policy.refusal.body_code.filter(|_| seed.is_multiple_of(2));
        Setting {
            policy,
            reading: self.reading,
            faults: faults.to_vec(),
            seed,
            requests: 4_000,
            within: Nanos::from_secs(6_000),
            harsh: false,
            standstill: None,
            neighbour: None,
        }
    }

    fn findings(&self, faults: &[Fault], seed: u64) -> Vec<Finding> {
        self.setting(faults, seed).probe().findings()
    }

    fn failed(&self, faults: &[Fault], seed: u64) -> BTreeSet<String> {
        let failed = |finding: Finding| (finding.verdict == Verdict::Fail).then_some(finding.check);
        self.findings(faults, seed).into_iter().filter_map(failed).collect()
    }

    pub fn title(&self) -> String {
        if self.stated { self.reading.title().to_owned() } else { format!("{}, not said", self.reading.title()) }
    }
}

pub fn seeds() -> Option<u64> {
    std::env::var("PROBE_SEEDS").ok().and_then(|seeds| seeds.parse().ok())
}

/// How the checks did on one defect under one document.
#[derive(Clone, Debug, Default)]
struct Cell {
    plays: u32,
    caught: u32,
    failed: BTreeMap<String, u32>,
    false_alarms: BTreeMap<String, u32>,
}

impl Cell {
    fn of(documents: &Documents, fault: Fault, seeds: u64) -> Cell {
        let mut cell = Cell::default();
        for seed in 0..seeds {
            let failed = documents.failed(&[fault], seed);
            let due = musts(fault, documents);
            cell.plays += 1;
            cell.caught += u32::from(due.iter().any(|check| failed.contains(*check)));
            for check in failed {
                let is_due = due.contains(&&*check) || besides(fault).contains(&&*check);
                let counts = if is_due { &mut cell.failed } else { &mut cell.false_alarms };
                *counts.entry(check).or_default() += 1;
            }
        }
        cell
    }

    fn is_as(&self, expected: Expected) -> bool {
        let enough = match expected {
            Expected::Caught(_) => self.caught == self.plays,
            // A few plays may all be among those in which it does not show.
            Expected::AtTimes(..) => self.plays < 5 || self.caught > 0,
            Expected::Invisible(_) => true,
        };
        enough && self.false_alarms.is_empty()
    }
}

fn musts(fault: Fault, documents: &Documents) -> &'static [&'static str] {
    match expected(fault, documents) {
        Expected::Caught(checks) | Expected::AtTimes(checks, _) => checks,
        Expected::Invisible(_) => &[],
    }
}

/// The table of one set of limits, and what is wrong in it.
#[derive(Default)]
struct Table {
    text: String,
    notes: Vec<&'static str>,
    wrong: String,
    /// The checks that failed.
    failed: BTreeSet<String>,
}

impl Table {
    fn of(limits: &[(u32, u64)], seeds: u64) -> Table {
        let mut table = Table::default();
        let all = Documents::all(limits);
        let titles: Vec<String> = all.iter().map(Documents::title).collect();
        let _ = writeln!(table.text, "| Defect | {} | Checks that failed |", titles.join(" | "));
        let _ = writeln!(table.text, "|---|{}---|", "---|".repeat(all.len()));
        for fault in Fault::ALL {
            let mut by: BTreeSet<String> = BTreeSet::new();
            let _ = write!(table.text, "| {} |", name(fault));
            for documents in &all {
                let cell = Cell::of(documents, fault, seeds);
                let expected = expected(fault, documents);
                if !cell.is_as(expected) {
                    let _ = writeln!(table.wrong, "{} {fault:?}: {expected:?}, {cell:?}", documents.title());
                }
                table.failed.extend(cell.failed.keys().cloned());
                by.extend(cell.failed.keys().map(|check| format!("`{}`", check.trim_start_matches("server."))));
                let entry = table.entry(&cell, expected);
                let _ = write!(table.text, " {entry} |");
            }
            let _ = writeln!(table.text, " {} |", by.into_iter().collect::<Vec<_>>().join(", "));
        }
        table
    }

    fn entry(&mut self, cell: &Cell, expected: Expected) -> String {
        let Cell { caught, plays, .. } = cell;
        match expected {
            Expected::Caught(_) => format!("{caught}/{plays}"),
            Expected::AtTimes(_, why) => format!("{caught}/{plays} ({})", self.note(why)),
            Expected::Invisible(why) => format!("({})", self.note(why)),
        }
    }

    fn note(&mut self, why: &'static str) -> usize {
        self.notes.iter().position(|note| *note == why).unwrap_or_else(|| {
            self.notes.push(why);
            self.notes.len() - 1
        }) + 1
    }
}

/// As the command line calls it.
pub fn name(fault: Fault) -> String {
    serde_json::to_value(fault).unwrap().as_str().unwrap().to_owned()
}

#[expect(clippy::print_stdout, reason = "the table is what a long run is made for")]
fn check_defects(limits: &[(u32, u64)]) -> BTreeSet<String> {
    let Table { text, notes, wrong, failed } = Table::of(limits, seeds().map_or(1, |seeds| (seeds / 40).max(1)));
    let notes: String = notes.iter().zip(1..).map(|(note, number)| format!("{number}. {note}\n")).collect();
    println!("\n{limits:?}\n\n{text}\n{notes}");
    assert!(wrong.is_empty(), "{wrong}");
    failed
}

#[expect(clippy::print_stdout, reason = "the count is what a long run is made for")]
fn check_health(limits: &[(u32, u64)]) {
    let mut plays = 0;
    for documents in Documents::all(limits) {
        for seed in 0..seeds().unwrap_or(2) {
            let findings = documents.findings(&[], 1_000 + seed);
            let failed: Vec<&Finding> = findings.iter().filter(|it| it.verdict == Verdict::Fail).collect();
            assert!(failed.is_empty(), "{documents:?} seed {seed}: {failed:#?}");
            let passed = findings.iter().filter(|finding| finding.verdict == Verdict::Pass).count();
            assert!(passed >= 8, "{documents:?} seed {seed}: only {passed} pass");
            plays += 1;
        }
    }
    println!("{limits:?}: none of {plays} servers without defects accused");
}

#[test]
fn each_defect_is_found_and_nothing_else_and_each_check_finds_one() {
    let failed = check_defects(TEN);
    let idle: Vec<&str> = CHECKS.iter().map(|check| check.id).filter(|id| !failed.contains(*id)).collect();
    assert!(idle.is_empty(), "found nothing: {idle:?}");
}

#[test]
#[ignore = "takes minutes"]
fn each_defect_of_several_limits_is_found_and_nothing_else() {
    check_defects(TWO);
}

#[test]
#[ignore = "takes minutes"]
fn each_defect_of_a_long_window_is_found_and_nothing_else() {
    check_defects(SIXTY);
}

#[test]
#[ignore = "takes minutes"]
fn each_defect_of_a_short_window_is_found_and_nothing_else() {
    check_defects(FIVE);
}

#[test]
fn a_server_without_defects_is_never_accused() {
    check_health(TEN);
    check_health(TWO);
}

#[test]
#[ignore = "takes minutes"]
fn nor_is_one_with_long_or_short_windows() {
    check_health(SIXTY);
    check_health(FIVE);
}

/// What else documents may say.
const TWISTS: [fn(&mut RateLimit); 6] = [
    |_| {},
    |rate| rate.penalty = Some(penalty(None)),
    |rate| rate.penalty = Some(penalty(Some(true))),
    |rate| rate.counts_refused = CountsRefused::Yes,
    |rate| rate.counts_refused = CountsRefused::Unspecified,
    |rate| (rate.allow, rate.burst, rate.cost) = (rate.allow * 2, rate.burst.map(|burst| burst * 2), Cost::Points(2)),
];

fn penalty(extends: Option<bool>) -> Penalty {
    Penalty { lasts: Nanos::from_secs(15), stated: true, extends, blocks: Blocks::Class }
}

#[test]
fn nor_is_one_on_a_harsh_network_whatever_else_its_documents_say() {
    for documents in Documents::all(TEN) {
        for (twist, number) in TWISTS.iter().zip(0..) {
            for seed in 0..seeds().map_or(1, |seeds| (seeds / 10).max(1)) {
                let mut setting = Setting { harsh: true, ..documents.setting(&[], 5_000 + seed * 10 + number) };
                for limit in setting.policy.classes.iter_mut().flat_map(|class| &mut class.limits) {
                    if let Limit::Rate(rate) = limit {
                        twist(rate);
                    }
                }
                let findings = setting.probe().findings();
                let failed: Vec<&Finding> = findings.iter().filter(|it| it.verdict == Verdict::Fail).collect();
                assert!(failed.is_empty(), "{documents:?} twist {number} seed {seed}: {failed:#?}");
            }
        }
    }
}

/// So many per so many seconds of a bucket that holds so many.
const BUCKETS: [(u32, u64, u32); 5] = [(100, 1, 10), (100, 10, 5), (600, 60, 3), (10, 10, 25), (1, 1, 6)];

#[test]
fn nor_is_a_bucket_that_holds_more_or_less_than_runs_in_at_a_time() {
    for reading in [Reading::TokenBucket, Reading::LeakyBucket, Reading::IntervalRefill] {
        for (allow, per, burst) in BUCKETS {
            let documents = Documents { reading, stated: true, limits: vec![(allow, Nanos::from_secs(per))] };
            for seed in 0..seeds().map_or(4, |seeds| (seeds / 2).max(1)) {
                let mut setting = Setting { harsh: seed % 4 == 3, ..documents.setting(&[], seed) };
                for limit in setting.policy.classes.iter_mut().flat_map(|class| &mut class.limits) {
                    if let Limit::Rate(rate) = limit {
                        rate.burst = Some(burst);
                    }
                }
                let findings = setting.probe().findings();
                let failed: Vec<&Finding> = findings.iter().filter(|it| it.verdict == Verdict::Fail).collect();
                assert!(failed.is_empty(), "{documents:?} of {burst} seed {seed}: {failed:#?}");
            }
        }
    }
}

#[test]
fn of_two_defects_both_are_found_and_nothing_else() {
    let pairs = [
        (Fault::HintTooShort, Fault::RemainingJumps),
        (Fault::HintZero, Fault::KeyedByForwardedHeader),
        (Fault::CountsLate, Fault::WrongRefusalBody),
        (Fault::ForgetsOnRestart, Fault::LimitDrift),
        (Fault::StoreFailsOpen, Fault::HintFraction),
        (Fault::RefusalsCharged, Fault::RemainingStuck),
        (Fault::KeyedByAddress, Fault::WindowWrong),
        (Fault::RefusesTooEarly, Fault::HintWholeWindow),
        (Fault::WrongRefusalStatus, Fault::RemainingOffByOne),
        (Fault::AdmitsTooMuch, Fault::HeadersMissing),
        (Fault::AdmitsTooMuch, Fault::RefusalsCharged),
        (Fault::DoubleAtTheEdge, Fault::RemainingNegative),
        (Fault::ClockSkew, Fault::HintMissing),
    ];
    let readings = [Reading::Rolling, Reading::TokenBucket, Reading::FixedFirstHit];
    for documents in Documents::all(TEN).into_iter().filter(|it| it.stated && readings.contains(&it.reading)) {
        for (one, other) in pairs {
            // Refusals with a code: without status and code nothing else could be seen.
            let failed = documents.failed(&[one, other], 8);
            let mut due: Vec<&str> = Vec::new();
            for fault in [one, other] {
                let musts = musts(fault, &documents);
                assert!(
                    musts.is_empty() || musts.iter().any(|check| failed.contains(*check)),
                    "{fault:?} of {one:?} and {other:?} not found in {documents:?}: {failed:?}"
                );
                due.extend(musts.iter().chain(besides(fault)));
            }
            let others: Vec<&String> = failed.iter().filter(|check| !due.contains(&check.as_str())).collect();
            assert!(others.is_empty(), "{one:?} and {other:?} in {documents:?}: {others:?}");
        }
    }
}

/// Shows one play: `PROBE_SHOW='Rolling HintZero 3 sixty'`, an algorithm, a defect, a seed and the limit if it is not ten.
#[test]
#[ignore = "shows, and checks nothing"]
#[expect(clippy::print_stdout, reason = "asked for")]
fn show_one_play() {
    let shown = std::env::var("PROBE_SHOW").unwrap_or_default();
    let parts: Vec<&str> = shown.split(' ').collect();
    let named = [("two", TWO), ("sixty", SIXTY), ("five", FIVE)];
    let limits = named.into_iter().find(|(name, _)| parts.contains(name)).map_or(TEN, |(_, limits)| limits);
    let documents =
        Documents::all(limits).into_iter().find(|it| parts.contains(&&*format!("{:?}", it.reading))).unwrap();
    let faults: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| parts.contains(&&*format!("{fault:?}"))).collect();
    let seed = parts.iter().find_map(|part| part.parse().ok()).unwrap_or_default();
    let setting = documents.setting(&faults, seed);
    let examination = setting.probe();
    for entry in examination.transcript().entries() {
        let it = &entry.witness;
        println!("{:?} {} {} {} {:?} {}", entry.purpose, it.sent, it.done, it.client, it.guise, it.seen);
    }
    for row in examination.findings() {
        println!("{:<26} {:?} {} {:?}", row.check, row.verdict, row.headline, row.evidence);
    }
    println!("{}", setting.examine().conclusion);
}
