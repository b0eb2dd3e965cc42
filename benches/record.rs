//! How many observations a second one shard can take in: requests as they leave and as they end, over two classes and
//! several outcomes.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quotaproof::device::{Cause, Detail, Flow, Outcome};
use quotaproof::measure::Measure;
use quotaproof::policy::model::{Class, Policy};
use quotaproof::policy::signals::Hint;
use quotaproof::record::{Observation, Observer, Record, Sent};
use quotaproof::scenario::target::{Network, ServerSpec, Target};
use quotaproof::scenario::{DeviceId, Identities, OperationId, Operations, Scenario};
use quotaproof::time::Nanos;

const REQUESTS: u64 = 10_000;

fn record(c: &mut Criterion) {
    let records: Vec<Record> = (0..REQUESTS).map(request).collect();
    let mut measure = Measure::new(&scenario());
    let mut group = c.benchmark_group("record");
    // Each request is two observations: it left, it ended.
    group.throughput(Throughput::Elements(2 * REQUESTS));
    group.bench_function("measure", |bencher| {
        bencher.iter(|| records.iter().for_each(|record| observe(&mut measure, record)));
    });
    group.finish();
}

fn observe(measure: &mut Measure, record: &Record) {
    let Record { device, operation, flow, attempt, detail, .. } = *record;
    measure.observe(record.due, Observation::Sent(Sent { device, operation, flow, attempt, detail }));
    measure.observe(record.done, Observation::Done { record, exchange: None });
}

/// Latencies over four decades, so that histograms are touched all over.
fn request(number: u64) -> Record {
    let due = Nanos::from_millis(number * 6);
    let outcome = match number % 20 {
        0 => Outcome::Refused,
        1 => Outcome::Overloaded,
        2 => Outcome::Broken(500),
        _ => Outcome::Served,
    };
    Record {
        device: DeviceId(number as u32 % 200),
        operation: OperationId((number % 2) as u16),
        flow: Flow(number as u32),
        attempt: 1,
        cause: Cause::Schedule,
        detail: Detail::None,
        due,
        sent: Some(due),
        done: due + Nanos(50_000 + number.wrapping_mul(0x9e37_79b9) % 500_000_000),
        outcome,
        status: 0,
        hint: Hint::Absent,
        told: quotaproof::policy::signals::Told::default(),
        breaches: 0,
    }
}

/// Recording depends on the classes alone: this one has no fleet.
fn scenario() -> Scenario {
    let queries = Class {
        name: "queries".into(),
        requests: vec!["GET /queries".parse().expect("a pattern")],
        ..Class::default()
    };
    let policy = Policy { name: "bench".into(), title: "Bench".into(), classes: vec![queries], ..Policy::default() };
    Scenario {
        name: "bench".into(),
        description: None,
        profile_hash: String::new(),
        seed: 1,
        duration: Nanos::from_secs(60),
        start_of_week_offset: Nanos::ZERO,
        operations: Operations::classified(&policy, [("GET", "/queries"), ("GET", "/other")]),
        policy,
        target: Target::Embedded(ServerSpec::default()),
        groups: Vec::new(),
        identities: Identities::default(),
        events: Vec::new(),
        gates: Vec::new(),
        network: Network::default(),
    }
}

criterion_group!(benches, record);
criterion_main!(benches);
