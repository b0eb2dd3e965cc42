//! What reading a response's quota headers costs: most responses have none.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use quotaproof::signals::{Dialect, Receipt, detect, read};
use quotaproof::time::Nanos;

const COMMON: [(&str, &str); 6] = [
    ("content-type", "application/json; charset=UTF-8"),
    ("content-length", "31"),
    ("date", "Sun, 15 Mar 2026 10:30:00 GMT"),
    ("server", "nginx"),
    ("cache-control", "no-store"),
    ("x-request-id", "5f0c1d2e-77aa-4c0e-9d7e-0e6c2f1b8a11"),
];
const TELAIR: [(&str, &str); 4] = [
    ("x-rate-limit-policy", "light"),
    ("x-rate-limit-limit", "50"),
    ("x-rate-limit-remaining", "49"),
    ("x-rate-limit-window", "60"),
];
const IETF_10: [(&str, &str); 2] =
    [("ratelimit-policy", "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400"), ("ratelimit", "\"burst\";r=50;t=30")];

fn signals(c: &mut Criterion) {
    let receipt = Receipt::at(Nanos::from_secs(1_773_570_600));
    let mut group = c.benchmark_group("signals");
    let cases = [
        ("none", Dialect::XRateLimit, headers(&[])),
        ("telair", Dialect::XRateLimit, headers(&TELAIR)),
        ("ietf-10", Dialect::Ietf10, headers(&IETF_10)),
    ];
    for (name, dialect, headers) in &cases {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| read((*dialect).into(), black_box(headers), receipt));
        });
    }
    group.bench_function("detect none", |bencher| bencher.iter(|| detect(black_box(&cases[0].2))));
    group.finish();
}

/// What every response carries, and these.
fn headers(own: &[(&str, &str)]) -> Vec<(String, String)> {
    COMMON.iter().chain(own).map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

criterion_group!(benches, signals);
criterion_main!(benches);
