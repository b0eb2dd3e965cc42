//! A limiter beside the known ones, in one table: how right each is, and how fast.

use std::fmt;
use std::hint::black_box;

use serde::Serialize;

use super::known::Known;
use super::{Claim, Defect, Replay, Report, Subject, Workload, examine};
use crate::limiter::Rate;
use crate::time::Nanos;

/// The workloads that are timed, by their names, and their keys where they have many.
const TIMED: [&str; 3] = ["one hot key", "uniform keys", "mostly refused"];
const KEYS: u32 = 10_000;
/// Requests that are drawn beforehand, and decisions in a round. What is told is the median of the rounds.
const DRAWN: usize = 1 << 14;
const ROUNDS: usize = 5;

/// What [`beside_known`] found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Beside {
    /// The first is the one in question.
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub name: String,
    pub claim: String,
    pub is_right: bool,
    pub defects: Vec<Defect>,
    /// Of 10,000 decisions those that an oracle would have made otherwise, over all workloads.
    pub wrong: f64,
    /// Nanoseconds for a decision of one caller, by the name of the workload.
    pub ns: Vec<(&'static str, f64)>,
}

/// Examines a limiter as [`examine`] does, and times it, and does the same with this crate's own at the same rate. `now`
/// tells the time, by any clock that goes on: `|| clock.now()`. All are asked through a pointer. For figures that are to
/// be published, benchmark with a [`Workload`] and a [`Replay`] instead.
pub fn beside_known<S: Subject>(
    name: &str,
    claim: &Claim,
    mut now: impl FnMut() -> Nanos,
    mut make: impl FnMut() -> S,
) -> Beside {
    let rate = claim.terms.rate;
    let mine = examine(name, claim, &mut make);
    let mut rows = vec![Row::new(mine, time(rate, &mut now, || Box::new(make())))];
    for known in Known::ALL.iter().filter(|known| (known.make)(rate).is_some()) {
        let make = || (known.make)(rate).expect("it was made before");
        let report = examine(known.name, &known.claim(rate), make);
        rows.push(Row::new(report, time(rate, &mut now, || Box::new(make()))));
    }
    Beside { rows }
}

fn time<'s>(
    rate: Rate,
    now: &mut impl FnMut() -> Nanos,
    mut make: impl FnMut() -> Box<dyn Subject + 's>,
) -> Vec<(&'static str, f64)> {
    let timed = Workload::ALL.into_iter().filter(|workload| TIMED.contains(&workload.name));
    let timed = timed.map(|workload| workload.with_keys(workload.population.keys().min(KEYS)));
    timed.map(|workload| (workload.name, ns_for_a_decision(workload, rate, now, &mut *make()))).collect()
}

fn ns_for_a_decision(
    workload: Workload,
    rate: Rate,
    now: &mut impl FnMut() -> Nanos,
    limiter: &mut dyn Subject,
) -> f64 {
    let mut replay = Replay::new(workload.requests(rate, 7).take(DRAWN).collect());
    let mut round = || {
        let begun = now();
        for _ in 0..DRAWN {
            let request = replay.draw();
            black_box(limiter.check(request.now, request.key, request.cost));
        }
        now().saturating_sub(begun).0 as f64 / DRAWN as f64
    };
    // Keys are met for the first time.
    round();
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

impl Row {
    fn new(report: Report, ns: Vec<(&'static str, f64)>) -> Self {
        let decisions: u64 = report.accuracy.iter().map(|it| it.decisions).sum();
        let wrong: u64 = report.accuracy.iter().map(|it| it.over + it.under).sum();
        Row {
            is_right: report.is_right(),
            defects: report.defects(),
            wrong: wrong as f64 * 10_000.0 / decisions.max(1) as f64,
            name: report.name,
            claim: report.claim,
            ns,
        }
    }

    fn verdict(&self) -> String {
        let defects: Vec<&str> = self.defects.iter().map(|defect| defect.title()).collect();
        match (self.is_right, defects.is_empty()) {
            (true, _) => "right".to_owned(),
            (false, true) => "inexact".to_owned(),
            (false, false) => defects.join(", "),
        }
    }
}

impl fmt::Display for Beside {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max("limiter".len());
        write!(out, "{:<width$}", "limiter")?;
        for workload in self.rows.first().iter().flat_map(|row| &row.ns) {
            write!(out, "  {:>18}", format!("{}, ns", workload.0))?;
        }
        writeln!(out, "  {:>15}  it is", "wrong of 10,000")?;
        for row in &self.rows {
            write!(out, "{:<width$}", row.name)?;
            row.ns.iter().try_for_each(|(_, ns)| write!(out, "  {ns:>18.1}"))?;
            writeln!(out, "  {:>15.1}  {} ({})", row.wrong, row.verdict(), row.claim)?;
        }
        Ok(())
    }
}
