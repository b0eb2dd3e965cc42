//! How fast limiters decide, how right they are and what a key costs them: ours beside well-known ones.
//!
//! `cargo bench --bench limiters` measures for some minutes and writes `reports/limiters/`. `-- --quick` takes some two minutes
//! and writes to `target/tmp/limiters/`; `-- "uniform keys"` measures a part and `-- turns` what is measured in
//! turns, and both write nothing. What `cargo bench --bench limiters_redis` has measured before is in the report as well.

mod contenders;
mod duel;
mod estimates;
mod in_short;
mod measure;
mod memory;
mod report;
mod speed;

use std::fs;
use std::path::Path;

use criterion::Criterion;

use contenders::RATE;
use report::data::{Limiters, Machine};
use speed::Speeds;

fn main() -> anyhow::Result<()> {
    let quick = report::is_quick();
    let effort = duel::Effort::new(quick);
    if duel::is_one_of_several() {
        return duel::as_one_of_several(&effort);
    }
    if std::env::args().any(|argument| argument == "turns") {
        return duel::all(&effort).map(drop);
    }
    let measured = Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion/limiters");
    // Figures of an earlier run are none of this one's.
    let _ = fs::remove_dir_all(&measured);
    let contenders = contenders::all();
    let mut criterion = Criterion::default().without_plots().output_directory(&measured).configure_from_args();
    speed::bench(&mut criterion, &contenders);
    criterion.final_summary();
    let speeds = Speeds::read(&measured, &contenders);
    if !speeds.is_whole() {
        println!("Not all was measured, so no report is written.");
        return Ok(());
    }
    let figures = Limiters {
        machine: Machine::this(),
        quick,
        allow: RATE.allow,
        per: RATE.per.to_string(),
        overhead_ns: speeds.overhead(),
        clock_ns: measure::clock_ns(),
        workloads: speed::workloads().collect(),
        duels: duel::all(&effort)?,
        contenders: contenders.iter().map(|contender| measure::contender(contender, &speeds)).collect(),
    };
    report::keep("limiters", &figures)?;
    report::write()
}
