//! A limiter beside the known ones: how right each is, and how fast.

use std::fmt;
use std::hint::black_box;

use serde::Serialize;

use super::known::{Ask, Known};
use super::{Accuracy, Answer, Claim, Replay, Report, Request, Subject, Workload, examine};
use crate::limiter::Rate;
use crate::time::Nanos;

/// Of workloads that have many.
const KEYS: u32 = 10_000;
/// Requests that are drawn beforehand, and decisions in a round. What is told is the median of the rounds.
const DRAWN: usize = 1 << 14;
const ROUNDS: usize = 5;
/// All rounds together are played within ten years: where windows are long, there are fewer requests in one.
const A_ROUND: Nanos = Nanos::from_secs(10 * 365 * 86_400 / (ROUNDS as u64 + 1));

/// What [`beside_known`] found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Beside {
    /// The first is the one in question.
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub report: Report,
    /// Nanoseconds for a decision of one caller, by the name of the workload.
    pub ns: Vec<(&'static str, f64)>,
}

/// Examines a limiter as [`examine`] does, times it with all workloads (of 10,000 keys where they have more), and does the
/// same with this crate's own by the same terms. `now` tells the time, by any clock that goes on: `|| clock.now()`. All are
/// asked through a pointer, but for those whose answers are futures, which are awaited one after the other. For figures
/// that are to be published, and for what threads cost each other, benchmark with a [`Workload`] and a [`Replay`] instead.
pub fn beside_known<S: Subject>(
    name: &str,
    claim: &Claim,
    mut now: impl FnMut() -> Nanos,
    mut make: impl FnMut() -> S,
) -> Beside {
    let terms = claim.terms;
    let drawn = drawn(terms.rate);
    let mine = examine(name, claim, &mut make);
    let mut rows = vec![Row { report: mine, ns: time(&drawn, &mut now, &mut make) }];
    for known in Known::ALL.iter().filter(|known| (known.make)(terms).is_some()) {
        let mut make = || Asked((known.make)(terms).expect("it was made before"));
        let report = examine(known.name, &known.claim(terms), &mut make);
        rows.push(Row { report, ns: time(&drawn, &mut now, make) });
    }
    Beside { rows }
}

/// One that is behind a pointer already.
struct Asked(Ask);

impl Subject for Asked {
    fn check(&mut self, now: Nanos, key: u64, cost: u32) -> Answer {
        (self.0)(now, key, cost)
    }

    fn check_each(&mut self, requests: &mut Replay, times: usize) {
        for Request { now, key, cost } in (0..times).map(|_| requests.draw()) {
            black_box((self.0)(now, key, cost));
        }
    }
}

type Drawn = [(&'static str, Replay)];

fn drawn(rate: Rate) -> Vec<(&'static str, Replay)> {
    let draw = |workload: Workload| {
        let requests = || workload.with_keys(workload.population.keys().min(KEYS)).requests(rate, 7);
        let in_time = requests().take(DRAWN).take_while(|request| request.now <= A_ROUND).count();
        (workload.name, requests().replay(in_time.max(1)))
    };
    Workload::ALL.into_iter().map(draw).collect()
}

fn time<S: Subject>(
    drawn: &Drawn,
    now: &mut impl FnMut() -> Nanos,
    mut make: impl FnMut() -> S,
) -> Vec<(&'static str, f64)> {
    drawn.iter().map(|(name, replay)| (*name, ns_for_a_decision(replay.clone(), now, make()))).collect()
}

fn ns_for_a_decision(mut replay: Replay, now: &mut impl FnMut() -> Nanos, mut limiter: impl Subject) -> f64 {
    let lap = replay.lap();
    let mut round = || {
        let begun = now();
        limiter.check_each(&mut replay, lap);
        now().saturating_sub(begun).0 as f64 / lap as f64
    };
    // Keys are met for the first time.
    round();
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

impl Row {
    /// Of 10,000 decisions those that an oracle would have made otherwise, over all workloads.
    pub fn wrong(&self) -> f64 {
        let accuracy = &self.report.accuracy;
        let decisions: u64 = accuracy.iter().map(|it| it.decisions).sum();
        let wrong: u64 = accuracy.iter().map(|it| it.over + it.under).sum();
        wrong as f64 * 10_000.0 / decisions.max(1) as f64
    }
}

impl fmt::Display for Beside {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.rows.iter().map(|row| row.report.name.chars().count());
        let width = names.max().unwrap_or(0).max("limiter".len());
        writeln!(out, "Nanoseconds for a decision of one caller, decisions that are wrong, and what each is:")?;
        write!(out, "{:<width$}", "limiter")?;
        for (workload, _) in self.rows.first().iter().flat_map(|row| &row.ns) {
            write!(out, "  {workload}")?;
        }
        writeln!(out, "  wrong of 10,000  it is")?;
        for row in &self.rows {
            write!(out, "{:<width$}", row.report.name)?;
            row.ns.iter().try_for_each(|(workload, ns)| write!(out, "  {ns:>0$.1}", workload.len()))?;
            writeln!(out, "  {:>15.1}  {} ({})", row.wrong(), row.report.verdict(), row.report.claim)?;
        }
        writeln!(out, "\nHow right, by workload:\n{:<width$}  {}", "limiter", Accuracy::head())?;
        for Report { name, accuracy, .. } in self.rows.iter().map(|row| &row.report) {
            accuracy.iter().try_for_each(|it| writeln!(out, "{name:<width$}  {it}"))?;
        }
        Ok(())
    }
}
