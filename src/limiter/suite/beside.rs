//! A limiter beside the known ones: how right each is, and how fast.

use std::fmt;
use std::hint::black_box;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::known::{Ask, Known};
use super::{Accuracy, Answer, Claim, Replay, Report, Request, Subject, Threads, Workload, examine, threads};
use crate::limiter::{Decision, Gcra, Rate, Sharded};
use crate::time::Nanos;

/// Of workloads that have many.
const KEYS: u32 = 10_000;
/// Requests that are drawn beforehand, and decisions in a round. What is told is the median of the rounds.
const DRAWN: usize = 1 << 14;
const ROUNDS: usize = 5;
/// The workload by whose tail one is told.
const UNIFORM: usize = 1;
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
    /// Of each thousand decisions one took as many nanoseconds or more: uniform keys, each timed by itself, which tells the time twice
    /// and, of futures, enters the runtime.
    pub tail_ns: u64,
    /// Nanoseconds for a decision of those that all threads make at a time; empty where it has one caller only.
    pub together_ns: Vec<(&'static str, f64)>,
}

/// Examines a limiter as [`examine`] does, times it with all workloads (of 10,000 keys where they have more), by one caller and,
/// where it is for [`Threads`], by all threads at a time, and does the same with this crate's own by the same terms. `now`
/// tells the time, by any clock that goes on: `|| clock.now()`. One caller asks through a pointer, but for those whose
/// answers are futures, which are awaited one after the other. For figures that are to be published benchmark with a
/// [`Workload`] and a [`Replay`] instead.
pub fn beside_known<S: Subject>(
    name: &str,
    claim: &Claim,
    mut now: impl FnMut() -> Nanos,
    mut make: impl FnMut() -> S,
) -> Beside {
    let terms = claim.terms;
    let mut stopwatch = Stopwatch { rate: terms.rate, now: &mut now };
    let mut rows = vec![stopwatch.row(name, claim, &mut make)];
    for known in Known::ALL.iter().filter(|known| (known.make)(terms).is_some()) {
        let make = || Asked((known.make)(terms).expect("it was made before"));
        rows.push(stopwatch.row(known.name, &known.claim(terms), make));
    }
    let gcra = Gcra::new(terms.rate, terms.capacity()).filter(|_| !rows[0].together_ns.is_empty());
    rows.extend(gcra.map(|gcra| stopwatch.row("GCRA, for threads", &Known::ALL[0].claim(terms), || for_threads(gcra))));
    Beside { rows }
}

fn for_threads(gcra: Gcra) -> Threads<impl Fn(Nanos, u64, u32) -> Decision + Sync> {
    let limiter = Sharded::new(gcra);
    Threads(move |now, key, cost| limiter.check(now, key, cost))
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

/// What each caller asks.
fn drawn(workload: Workload, rate: Rate, callers: usize) -> Vec<Replay> {
    let workload = workload.with_keys(workload.population.keys().min(KEYS)).shared_by(callers);
    let of_caller = |caller: usize| {
        let requests = || workload.requests(rate, 7 + caller as u64);
        let in_time = requests().take(DRAWN).take_while(|request| request.now <= A_ROUND).count();
        requests().replay(in_time.max(1))
    };
    (0..callers).map(of_caller).collect()
}

/// How fast a limiter is.
struct Stopwatch<'a, N> {
    rate: Rate,
    now: &'a mut N,
}

impl<N: FnMut() -> Nanos> Stopwatch<'_, N> {
    fn row<S: Subject>(&mut self, name: &str, claim: &Claim, mut make: impl FnMut() -> S) -> Row {
        let report = examine(name, claim, &mut make);
        let (rate, now) = (self.rate, &mut *self.now);
        let alone = |workload| drawn(workload, rate, 1).remove(0);
        let ns = Workload::ALL.map(|workload| (workload.name, one_caller(alone(workload), now, make()))).to_vec();
        let tail_ns = tail(alone(Workload::ALL[UNIFORM]), now, make());
        let all = |workload: Workload| Some((workload.name, all_callers(drawn(workload, rate, threads()), make())?));
        let together_ns = Workload::ALL.into_iter().map(all).collect::<Option<_>>().unwrap_or_default();
        Row { report, ns, tail_ns, together_ns }
    }
}

fn one_caller(mut replay: Replay, now: &mut impl FnMut() -> Nanos, mut limiter: impl Subject) -> f64 {
    let lap = replay.lap();
    let mut round = || {
        let begun = now();
        limiter.check_each(&mut replay, lap);
        now().saturating_sub(begun).0 as f64 / lap as f64
    };
    // Keys are met for the first time.
    round();
    median((0..ROUNDS).map(|_| round()).collect())
}

fn all_callers(mut replays: Vec<Replay>, mut limiter: impl Subject) -> Option<f64> {
    let lap = replays.iter().map(Replay::lap).min()? as u64;
    let mut round = || limiter.time_together(&mut replays, lap);
    round()?;
    (0..ROUNDS).map(|_| round()).collect::<Option<_>>().map(median)
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

/// Each decision is timed by itself.
fn tail(mut replay: Replay, now: &mut impl FnMut() -> Nanos, mut limiter: impl Subject) -> u64 {
    const LONGEST: u64 = 1_000_000_000;
    let lap = replay.lap();
    limiter.check_each(&mut replay, lap);
    let mut times = Histogram::<u64>::new_with_max(LONGEST, 3).expect("three digits are few enough");
    for _ in 0..lap * ROUNDS {
        let begun = now();
        limiter.check_each(&mut replay, 1);
        times.saturating_record(now().saturating_sub(begun).0);
    }
    times.value_at_quantile(0.999)
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

const TAIL: &str = "uniform keys p99.9";
const WRONG: &str = "wrong of 10,000";

fn write_heads(out: &mut fmt::Formatter<'_>, width: usize) -> fmt::Result {
    write!(out, "{:<width$}", "limiter")?;
    Workload::ALL.iter().try_for_each(|workload| write!(out, "  {}", workload.name))
}

/// Below heads of the same width.
fn write_times(out: &mut fmt::Formatter<'_>, width: usize, name: &str, ns: &[(&str, f64)]) -> fmt::Result {
    write!(out, "{name:<width$}")?;
    ns.iter().try_for_each(|(workload, ns)| write!(out, "  {ns:>0$.1}", workload.len()))
}

impl fmt::Display for Beside {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.rows.iter().map(|row| row.report.name.chars().count());
        let width = names.max().unwrap_or(0).max("limiter".len());
        writeln!(out, "Nanoseconds for a decision of one caller, decisions that are wrong, and what each is:")?;
        write_heads(out, width)?;
        writeln!(out, "  {TAIL}  {WRONG}  it is")?;
        for row in &self.rows {
            write_times(out, width, &row.report.name, &row.ns)?;
            write!(out, "  {:>1$}", row.tail_ns, TAIL.len())?;
            writeln!(out, "  {:>3$.1}  {} ({})", row.wrong(), row.report.verdict(), row.report.claim, WRONG.len())?;
        }
        if self.rows.iter().any(|row| !row.together_ns.is_empty()) {
            writeln!(out, "\nNanoseconds for a decision of those that {} threads make at a time:", threads())?;
            write_heads(out, width)?;
            writeln!(out)?;
            for row in self.rows.iter().filter(|row| !row.together_ns.is_empty()) {
                write_times(out, width, &row.report.name, &row.together_ns)?;
                writeln!(out)?;
            }
        }
        writeln!(out, "\nHow right, by workload:\n{:<width$}  {}", "limiter", Accuracy::head())?;
        for Report { name, accuracy, .. } in self.rows.iter().map(|row| &row.report) {
            accuracy.iter().try_for_each(|it| writeln!(out, "{name:<width$}  {it}"))?;
        }
        Ok(())
    }
}
