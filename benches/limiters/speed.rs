//! How long decisions take on average, by criterion.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, SamplingMode, measurement::WallTime};
use quotaproof::limiter::suite::{Answer, Population, Replay, Request, Workload, ns_for_a_decision, threads};
use quotaproof::time::Nanos;

use crate::contenders::{Alone, Contender, Extent, Keys, Make, RATE, Together};
use crate::estimates::median;

/// Requests that are drawn beforehand, for each thread.
const DRAWN: usize = 1 << 20;
const SEED: u64 = 7;

/// Those in which algorithms in the same store differ.
const ALGORITHMS: [&str; 2] = ["uniform keys", "a mix"];
/// Takes part to show what asking costs: it admits everything.
const NOBODY: &str = "nobody";

pub fn on_threads(workload: &str) -> String {
    format!("{workload} on all threads")
}

pub fn bench(criterion: &mut Criterion, contenders: &[Contender]) {
    for workload in Workload::ALL {
        let drawn = drawn(&workload, 0);
        let mut group = group(criterion, workload.name);
        for contender in contenders.iter().filter(|it| takes_part(it, &workload)) {
            alone(&mut group, contender.name, &drawn, || used(contender.alone(workload.population), &workload));
        }
        if workload.population == Population::One {
            alone(&mut group, NOBODY, &drawn, || Box::new(|_, _, _| Answer::from(true)));
        }
        group.finish();
    }
    for workload in Workload::ALL {
        let shared = workload.shared_by(threads());
        let drawn: Vec<Replay> = (0..threads()).map(|thread| drawn(&shared, thread)).collect();
        let mut group = group(criterion, &on_threads(workload.name));
        for contender in contenders.iter().filter(|it| takes_part(it, &workload)) {
            let Make::Together(make) = contender.make else { continue };
            together(&mut group, contender.name, &drawn, || used_together(make(workload.population), &workload));
        }
        group.finish();
    }
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(20).nresamples(2_000);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(600));
    group
}

fn takes_part(contender: &Contender, workload: &Workload) -> bool {
    let knows_keys = contender.keys == Keys::Many || workload.population == Population::One;
    knows_keys && (contender.extent == Extent::All || ALGORITHMS.contains(&workload.name))
}

/// What a thread asks.
pub fn drawn(workload: &Workload, thread: usize) -> Replay {
    workload.requests(RATE, SEED + thread as u64).replay(DRAWN)
}

/// A limiter that has seen every key once.
pub fn used(mut limiter: Alone, workload: &Workload) -> Alone {
    for key in keys_to_begin_with(workload) {
        black_box(limiter(Nanos::ZERO, key, 1));
    }
    limiter
}

fn used_together(limiter: Together, workload: &Workload) -> Together {
    for key in keys_to_begin_with(workload) {
        black_box(limiter(Nanos::ZERO, key, 1));
    }
    limiter
}

pub fn keys_to_begin_with(workload: &Workload) -> std::ops::Range<u64> {
    match workload.population {
        Population::Passing(_) => 0..0,
        population => 0..u64::from(population.keys()),
    }
}

/// Made once, since criterion calls what it measures many times, and beforehand, since it counts that time in a hurry;
/// where only a part is measured, when it is first asked.
fn made<T>(make: impl FnOnce() -> T) -> Option<T> {
    let is_whole = std::env::args().skip(1).all(|argument| argument.starts_with('-'));
    is_whole.then(make)
}

fn alone(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, drawn: &Replay, make: impl Fn() -> Alone) {
    let make = || (make(), drawn.clone());
    let mut made = made(make);
    group.bench_function(name, |bencher| {
        let (limiter, replay) = made.get_or_insert_with(make);
        bencher.iter(|| {
            let Request { now, key, cost } = replay.draw();
            limiter(now, key, cost)
        });
    });
}

fn together(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, drawn: &[Replay], make: impl Fn() -> Together) {
    let make = || (make(), drawn.to_vec());
    let mut made = made(make);
    group.bench_function(name, |bencher| {
        let (limiter, replays) = made.get_or_insert_with(make);
        bencher.iter_custom(|times| {
            let each = times.div_ceil(replays.len() as u64);
            let ask = |Request { now, key, cost }: Request| {
                black_box(limiter(now, key, cost));
            };
            let ns = ns_for_a_decision(replays, each, &ask);
            Duration::from_nanos((ns * times as f64) as u64)
        });
    });
}

/// Nanoseconds for each decision: by workload, then by contender.
pub struct Speeds(BTreeMap<String, BTreeMap<String, f64>>);

impl Speeds {
    /// What criterion has written down in this run.
    pub fn read(directory: &Path, contenders: &[Contender]) -> Speeds {
        let names: Vec<&str> = contenders.iter().map(|contender| contender.name).chain([NOBODY]).collect();
        let one = |group: &str, name: &str| Some((name.to_owned(), median(directory, group, name)?));
        let of = |group: &str| names.iter().filter_map(|name| one(group, name)).collect();
        Speeds(workloads().map(|group| (group.clone(), of(&group))).collect())
    }

    /// Whether every workload was measured.
    pub fn is_whole(&self) -> bool {
        self.0.values().all(|of| of.len() > 1)
    }

    pub fn of(&self, name: &str) -> BTreeMap<String, f64> {
        let by_name = |(group, of): (&String, &BTreeMap<String, f64>)| Some((group.clone(), *of.get(name)?));
        self.0.iter().filter_map(by_name).collect()
    }

    /// What asking costs by itself.
    pub fn overhead(&self) -> f64 {
        self.of(NOBODY).into_values().next().unwrap_or(f64::NAN)
    }
}

/// In the order in which they are told.
pub fn workloads() -> impl Iterator<Item = String> {
    let names = || Workload::ALL.into_iter().map(|workload| workload.name);
    names().map(str::to_owned).chain(names().map(on_threads))
}
