//! What criterion does not measure: the tail of single decisions, and how right they are.

use std::hint::black_box;
use std::time::Instant;

use hdrhistogram::Histogram;
use quotaproof::limiter::suite::{Request, Workload, examine};

use crate::contenders::{Contender, Keys};
use crate::in_short::in_short;
use crate::memory::memory;
use crate::report::data::{self, Rightness, Tail};
use crate::speed::{Speeds, drawn, used};

const TIMED: usize = 1_000_000;
/// What the machine does beside shows least in the play whose longest decision is the shortest.
const PLAYS: usize = 3;
const CHURN: Workload = Workload::ALL[6];
const A_SECOND: u64 = 1_000_000_000;

pub fn contender(contender: &Contender, speeds: &Speeds) -> data::Contender {
    println!("{}: memory, tail, rightness", contender.name);
    let many = contender.keys == Keys::Many;
    let memory = many.then(|| memory(contender));
    data::Contender {
        name: contender.name.to_owned(),
        ours: contender.ours,
        many_keys: many,
        ns: speeds.of(contender.name),
        tail: tail(contender, &Workload::ALL[usize::from(many)]),
        churn: many.then(|| tail(contender, &CHURN)),
        peak_bytes: memory.as_ref().map(|it| it.peak),
        bytes_by_keys: memory.map(|it| it.by_keys).unwrap_or_default(),
        rightness: rightness(contender),
    }
}

fn rightness(contender: &Contender) -> Option<Rightness> {
    let claim = contender.claim()?;
    let population = Workload::ALL[1].population;
    let report = examine(contender.name, &claim, || contender.for_many_keys(population));
    Some(in_short(&report))
}

fn tail(contender: &Contender, workload: &Workload) -> Tail {
    let play = |_| {
        let mut limiter = used(contender.alone(workload.population), workload);
        let mut replay = drawn(workload, 0);
        timed(|| {
            let Request { now, key, cost } = replay.draw();
            black_box(limiter(now, key, cost));
        })
    };
    let times = (0..PLAYS).map(play).min_by_key(Histogram::max).expect("more than no plays");
    Tail {
        mean_ns: times.mean(),
        p50_ns: times.value_at_quantile(0.5),
        p99_ns: times.value_at_quantile(0.99),
        p99_9_ns: times.value_at_quantile(0.999),
        longest_ns: times.max(),
    }
}

/// What timing nothing takes: a part of each figure of a tail.
pub fn clock_ns() -> u64 {
    timed(|| ()).value_at_quantile(0.5)
}

/// How long it takes, a million times.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed(mut what: impl FnMut()) -> Histogram<u64> {
    let mut times = Histogram::new_with_max(A_SECOND, 3).expect("three digits are few enough");
    for _ in 0..TIMED {
        let begun = Instant::now();
        what();
        times.saturating_record(begun.elapsed().as_nanos() as u64);
    }
    times
}
