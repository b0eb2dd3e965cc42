//! The report of both benchmarks, limiters in memory and in Redis: a page, the same as Markdown, and the figures as data.

mod bars;
pub mod data;
mod memory_chart;
mod page;
mod sections;
mod tables;
mod wire;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use data::{Limiters, Redis};

/// Figures that are measured in a hurry are kept apart from those that are published.
pub fn is_quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}

fn directory() -> PathBuf {
    match is_quick() {
        true => Path::new(env!("CARGO_TARGET_TMPDIR")).join("limiters"),
        false => Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/limiters"),
    }
}

/// Keeps what was measured as `name.json`.
pub fn keep(name: &str, figures: &impl Serialize) -> Result<()> {
    fs::create_dir_all(directory())?;
    save(&format!("{name}.json"), &(serde_json::to_string_pretty(figures)? + "\n"))
}

/// Writes the report of all that is kept.
pub fn write() -> Result<()> {
    let limiters: Option<Limiters> = kept("limiters")?;
    let redis: Option<Redis> = kept("redis")?;
    let report = sections::all(limiters.as_ref(), redis.as_ref());
    save("limiters.html", &page::html(&report)?)?;
    save("limiters.md", &page::markdown(&report))?;
    for figure in report.figures() {
        save(&format!("{}.svg", figure.id), &page::standalone(figure))?;
    }
    println!("{}\nreport: {}", page::markdown(&report), directory().join("limiters.html").display());
    Ok(())
}

fn kept<T: DeserializeOwned>(name: &str) -> Result<Option<T>> {
    let path = directory().join(name).with_extension("json");
    match fs::read(&path) {
        Ok(bytes) => {
            let figures = serde_json::from_slice(&bytes);
            Ok(Some(figures.with_context(|| format!("{} is of another version: delete it", path.display()))?))
        }
        Err(_) => Ok(None),
    }
}

fn save(name: &str, text: &str) -> Result<()> {
    let path = directory().join(name);
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
}
