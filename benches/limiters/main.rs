//! How fast limiters decide, how right they are and what a key costs them: ours beside well-known ones.
//!
//! `cargo bench --bench limiters` measures and writes `reports/limiters/`; `-- "uniform keys"` measures a part and writes
//! nothing.

mod allocations;
mod contenders;
mod estimates;
mod figures;
mod measure;
mod render;
mod speed;

use std::fs;
use std::path::Path;

use criterion::Criterion;

fn main() {
    let measured = Path::new(env!("CARGO_TARGET_TMPDIR")).join("limiters");
    // Figures of an earlier run are none of this one's.
    let _ = fs::remove_dir_all(&measured);
    let mut criterion = Criterion::default().output_directory(&measured).configure_from_args();
    speed::bench(&mut criterion);
    criterion.final_summary();
    let speeds = speed::read(&measured);
    if !speeds.is_whole() {
        println!("Not all was measured, so no report is written.");
        return;
    }
    let figures = measure::all(speeds);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/limiters");
    render::write(&figures, &directory).expect("reports/limiters can be written");
    println!("{}", render::table(&figures));
    println!("report: {}", directory.join("limiters.md").display());
}
