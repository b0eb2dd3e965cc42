//! How long decisions take on average, by criterion.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use quotaproof::limiter::suite::{Population, Replay, Request, Subject, Workload};
use quotaproof::time::Nanos;

use crate::contenders::{About, Keys, RATE, SharedVisitor, Visitor, visit, visit_shared};
use crate::estimates::median;

/// Requests that are drawn beforehand.
const DRAWN: usize = 1 << 20;
const SEED: u64 = 7;

/// Nanoseconds for each decision: by what was measured, then by contender.
#[derive(Default)]
pub struct Speeds(pub BTreeMap<String, BTreeMap<String, f64>>);

impl Speeds {
    pub fn of(&self, group: &str, name: &str) -> Option<f64> {
        self.0.get(group)?.get(name).copied()
    }

    /// Whether each workload was measured, with one thread and with all.
    pub fn is_whole(&self) -> bool {
        let all = Workload::ALL.iter().map(|workload| workload.name.to_owned());
        all.chain(SHARED.map(on_threads)).all(|group| self.0.contains_key(&group))
    }
}

/// The workloads that are measured with all threads.
pub const SHARED: [&str; 2] = ["one hot key", "uniform keys"];

pub fn on_threads(workload: &str) -> String {
    format!("{workload} on all threads")
}

pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

pub fn bench(criterion: &mut Criterion) {
    for workload in Workload::ALL {
        let requests = drawn(&workload);
        visit(&mut OneThread { criterion, workload, requests: &requests });
        if SHARED.contains(&workload.name) {
            visit_shared(&mut AllThreads { criterion, workload, requests: &requests });
        }
    }
}

pub fn drawn(workload: &Workload) -> Vec<Request> {
    workload.requests(RATE, SEED).take(DRAWN).collect()
}

/// Whether a contender can be asked so.
pub fn takes_part(about: &About, workload: &Workload) -> bool {
    about.keys == Keys::Many || workload.population == Population::One
}

/// A limiter that has seen every key once.
pub fn used<S: Subject>(mut subject: S, workload: &Workload) -> S {
    if !matches!(workload.population, Population::Passing(_)) {
        (0..u64::from(workload.population.keys())).for_each(|key| {
            black_box(subject.check(Nanos::ZERO, key, 1));
        });
    }
    subject
}

struct OneThread<'a> {
    criterion: &'a mut Criterion,
    workload: Workload,
    requests: &'a [Request],
}

impl Visitor for OneThread<'_> {
    fn visit<S: Subject>(&mut self, about: About, make: impl Fn() -> S) {
        if !takes_part(&about, &self.workload) {
            return;
        }
        let mut group = self.criterion.benchmark_group(self.workload.name);
        group.sampling_mode(SamplingMode::Flat).sample_size(20);
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        group.bench_function(about.name, |bencher| {
            let mut subject = used(make(), &self.workload);
            let mut replay = Replay::new(self.requests.to_vec());
            bencher.iter(|| {
                let Request { now, key, cost } = replay.draw();
                subject.check(now, key, cost)
            });
        });
        group.finish();
    }
}

struct AllThreads<'a> {
    criterion: &'a mut Criterion,
    workload: Workload,
    requests: &'a [Request],
}

impl SharedVisitor for AllThreads<'_> {
    fn visit<F: Fn(Nanos, u64) -> bool + Sync>(&mut self, about: About, make: impl Fn() -> F) {
        if !takes_part(&about, &self.workload) {
            return;
        }
        let mut group = self.criterion.benchmark_group(on_threads(self.workload.name));
        group.sampling_mode(SamplingMode::Flat).sample_size(20);
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        group.bench_function(about.name, |bencher| {
            let limiter = make();
            let keys = u64::from(self.workload.population.keys());
            (0..keys).for_each(|key| {
                black_box(limiter(Nanos::ZERO, key));
            });
            // Time goes on from one sample to the next.
            let mut replays: Vec<Replay> = (0..threads()).map(|_| Replay::new(self.requests.to_vec())).collect();
            bencher.iter_custom(|times| together(&limiter, &mut replays, times));
        });
        group.finish();
    }
}

/// The time that `times` decisions take when threads share them.
fn together(limiter: &(impl Fn(Nanos, u64) -> bool + Sync), replays: &mut [Replay], times: u64) -> Duration {
    let share = times.div_ceil(replays.len() as u64);
    let begun = Instant::now();
    thread::scope(|scope| {
        for replay in replays {
            scope.spawn(move || {
                for _ in 0..share {
                    let Request { now, key, .. } = replay.draw();
                    black_box(limiter(now, key));
                }
            });
        }
    });
    begun.elapsed()
}

/// What criterion has written down in this run.
pub fn read(directory: &Path) -> Speeds {
    let mut speeds = Speeds::default();
    let named = Workload::ALL.iter().map(|workload| workload.name.to_owned());
    for group in named.chain(SHARED.map(on_threads)) {
        let mut names = Names { directory, group: &group, found: BTreeMap::new() };
        visit(&mut names);
        visit_shared(&mut names);
        let found = names.found;
        if !found.is_empty() {
            speeds.0.insert(group, found);
        }
    }
    speeds
}

struct Names<'a> {
    directory: &'a Path,
    group: &'a str,
    found: BTreeMap<String, f64>,
}

impl Names<'_> {
    fn look(&mut self, name: &str) {
        if let Some(median) = median(self.directory, self.group, name) {
            self.found.insert(name.to_owned(), median);
        }
    }
}

impl Visitor for Names<'_> {
    fn visit<S: Subject>(&mut self, about: About, _: impl Fn() -> S) {
        self.look(about.name);
    }
}

impl SharedVisitor for Names<'_> {
    fn visit<F: Fn(Nanos, u64) -> bool + Sync>(&mut self, about: About, _: impl Fn() -> F) {
        self.look(about.name);
    }
}
