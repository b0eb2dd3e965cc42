//! What criterion does not measure: the tail of single decisions, and how right they are.

use std::hint::black_box;
use std::time::Instant;

use hdrhistogram::Histogram;
use quotaproof::limiter::suite::{Request, Workload, examine};

use crate::contenders::{Contender, Keys};
use crate::in_short::in_short;
use crate::memory::bytes_by_keys;
use crate::report::data::{self, Rightness, Tail};
use crate::speed::{Speeds, drawn, used};

const TIMED: usize = 1_000_000;
const A_SECOND: u64 = 1_000_000_000;

pub fn contender(contender: &Contender, speeds: &Speeds) -> data::Contender {
    println!("{}: memory, tail, rightness", contender.name);
    let many = contender.keys == Keys::Many;
    data::Contender {
        name: contender.name.to_owned(),
        ours: contender.ours,
        many_keys: many,
        ns: speeds.of(contender.name),
        tail: tail(contender, &Workload::ALL[usize::from(many)]),
        bytes_by_keys: if many { bytes_by_keys(contender) } else { Vec::new() },
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
    let mut limiter = used(contender.alone(workload.population), workload);
    let mut replay = drawn(workload, 0);
    let times = timed(|| {
        let Request { now, key, cost } = replay.draw();
        black_box(limiter(now, key, cost));
    });
    Tail {
        mean_ns: times.mean(),
        p50_ns: times.value_at_quantile(0.5),
        p99_ns: times.value_at_quantile(0.99),
        p99_9_ns: times.value_at_quantile(0.999),
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
