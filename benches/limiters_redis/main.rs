//! What a limiter costs whose state is in Redis, and what a naive one admits too many: with a real server on loopback,
//! which this starts and stops.
//!
//! `cargo bench --bench limiters_redis` writes `reports/limiters/redis.md`. It needs `redis-server` (Debian's package has
//! that name).

#[path = "../limiters/estimates.rs"]
mod estimates;
mod limiters;
mod server;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use criterion::{Criterion, SamplingMode};
use quotaproof::limiter::suite::{Claim, Defect, Replay, Report, Request, Threads, Workload, examine};
use quotaproof::policy::reading::Reading;
use quotaproof::time::Nanos;

use limiters::{Decision, Pool, RATE, gcra_by_script, gcra_in_two_steps, rolling_log_by_script};
use server::Server;

fn main() -> Result<()> {
    let server = Server::start()?;
    let pool = Pool::new(&server);
    let measured = Path::new(env!("CARGO_TARGET_TMPDIR")).join("limiters_redis");
    // Figures of an earlier run are none of this one's.
    let _ = fs::remove_dir_all(&measured);
    let criterion = Criterion::default().output_directory(&measured).configure_from_args();
    let mut trial = Trial { criterion, pool: &pool, reports: Vec::new() };
    trial.of("GCRA, by a script", Reading::TokenBucket, || gcra_by_script(&pool));
    trial.of("rolling log, by a script", Reading::Rolling, || rolling_log_by_script(&pool));
    trial.of("GCRA, read and then written", Reading::TokenBucket, || gcra_in_two_steps(&pool));
    trial.criterion.final_summary();
    let page = page(&trial.reports, &measured);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/limiters");
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("redis.md"), &page).context("reports/limiters/redis.md cannot be written")?;
    println!("{page}");
    Ok(())
}

const GROUP: &str = "a mix, in Redis";

const PREFACE: &str = "# Limiters in Redis\n\nA real server on loopback (`cargo bench --bench limiters_redis`), one caller at a time where it is \
                       timed, several side by side where the suite looks for what is wrong. Times are told in nanoseconds, which \
                       Redis's scripts count exactly for some hundred days.\n\n| limiter | microseconds for a decision | found |\n|---|---:|---|\n";

fn page(reports: &[Report], measured: &Path) -> String {
    let row = |report: &Report| {
        let micros = estimates::median(measured, GROUP, &report.name).map(|ns| format!("{:.1}", ns / 1_000.0));
        let defects: Vec<&str> = report.defects().into_iter().map(Defect::title).collect();
        let found = if defects.is_empty() { "nothing".to_owned() } else { defects.join(", ") };
        format!("| {} | {} | {found} |\n", report.name, micros.unwrap_or_else(|| "-".to_owned()))
    };
    let rows: String = reports.iter().map(row).collect();
    let whole: String = reports.iter().map(|report| format!("\n```text\n{report}```\n")).collect();
    format!("{PREFACE}{rows}{whole}")
}

struct Trial<'a> {
    criterion: Criterion,
    pool: &'a Pool<'a>,
    reports: Vec<Report>,
}

impl Trial<'_> {
    fn of<F: Fn(Nanos, u64) -> Decision + Sync>(&mut self, name: &str, reading: Reading, make: impl Fn() -> F) {
        self.time(name, &make);
        let report = self.examine(name, reading, &make);
        self.reports.push(report);
    }

    fn time<F: Fn(Nanos, u64) -> Decision>(&mut self, name: &str, make: impl Fn() -> F) {
        let mut group = self.criterion.benchmark_group(GROUP);
        group.sampling_mode(SamplingMode::Flat).sample_size(20).measurement_time(Duration::from_secs(3));
        group.bench_function(name, |bencher| {
            self.pool.clear();
            let limiter = make();
            let mix = Workload::ALL.into_iter().find(|workload| workload.name == "a mix").expect("it is one of them");
            let mut replay = Replay::new(mix.requests(RATE, 7).take(100_000).collect());
            bencher.iter(|| {
                let Request { now, key, .. } = replay.draw();
                limiter(now, key)
            });
        });
        group.finish();
    }

    fn examine<F: Fn(Nanos, u64) -> Decision + Sync>(
        &self,
        name: &str,
        reading: Reading,
        make: impl Fn() -> F,
    ) -> Report {
        let claim = Claim::new(reading, RATE.allow, RATE.per).every_request_costs_one().clock_only_goes_forward();
        examine(name, &claim, || {
            self.pool.clear();
            let limiter = make();
            Threads(move |now, key, _| limiter(now, key))
        })
    }
}
