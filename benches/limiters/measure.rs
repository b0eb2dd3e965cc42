//! What criterion does not measure: bytes for each key, the tail of single decisions, and how right they are.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use hdrhistogram::Histogram;
use quotaproof::limiter::suite::{Population, Replay, Request, Subject, Workload, examine};

use crate::contenders::{About, Keys, RATE, Visitor, visit};
use crate::figures::{Contender, Figures, Tail};
use crate::speed::{Speeds, drawn, on_threads, threads, used};
use crate::{allocations, speed};

const TIMED: usize = 1_000_000;

pub fn all(speeds: Speeds) -> Figures {
    let mut measuring = Measuring { speeds, contenders: Vec::new() };
    visit(&mut measuring);
    Figures {
        limit: format!("{} per {}", RATE.allow, RATE.per),
        threads: threads(),
        clock_ns: timed(|| ()).value_at_quantile(0.5),
        contenders: measuring.contenders,
    }
}

struct Measuring {
    speeds: Speeds,
    contenders: Vec<Contender>,
}

impl Visitor for Measuring {
    fn visit<S: Subject>(&mut self, about: About, make: impl Fn() -> S) {
        println!("{}: memory, tail, rightness", about.name);
        let workload = match about.keys {
            Keys::One => Workload::ALL[0],
            Keys::Many => Workload::ALL[1],
        };
        let rightness = about.claim().map(|claim| examine(about.name, &claim, &make));
        self.contenders.push(Contender {
            name: about.name.to_owned(),
            ours: about.ours,
            ns: self.speeds_of(about.name),
            bytes_per_key: (about.keys == Keys::Many).then(|| bytes_per_key(&make, &workload)),
            tail: tail(make(), &workload),
            rightness,
        });
    }
}

impl Measuring {
    fn speeds_of(&self, name: &str) -> BTreeMap<String, f64> {
        let workloads = Workload::ALL.iter().map(|workload| workload.name.to_owned());
        let groups = workloads.chain(speed::SHARED.map(on_threads));
        groups.filter_map(|group| Some((group.clone(), self.speeds.of(&group, name)?))).collect()
    }
}

/// What a limiter that has seen every key once holds, by key.
fn bytes_per_key<S: Subject>(make: impl Fn() -> S, workload: &Workload) -> f64 {
    let Population::Uniform(keys) = workload.population else { return f64::NAN };
    // Some make a table of their own when they are first used.
    drop(used(make(), &workload.with_keys(1)));
    let before = allocations::held();
    let subject = used(make(), workload);
    let bytes = allocations::held() - before;
    drop(black_box(subject));
    bytes as f64 / f64::from(keys)
}

fn tail<S: Subject>(subject: S, workload: &Workload) -> Tail {
    let mut subject = used(subject, workload);
    let mut replay = Replay::new(drawn(workload));
    let times = timed(|| {
        let Request { now, key, cost } = replay.draw();
        black_box(subject.check(now, key, cost));
    });
    Tail { p50_ns: times.value_at_quantile(0.5), p99_9_ns: times.value_at_quantile(0.999) }
}

/// How long it takes, a million times.
fn timed(mut what: impl FnMut()) -> Histogram<u64> {
    let mut times = Histogram::new(3).expect("three digits are few enough");
    for _ in 0..TIMED {
        let begun = Instant::now();
        what();
        times.saturating_record(begun.elapsed().as_nanos() as u64);
    }
    times
}
