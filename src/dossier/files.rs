//! What a dossier is read from and written to.

use std::io;
use std::path::{Path, PathBuf};

use super::admit::Evidence;
use super::model::Dossier;
use super::render;
use crate::report::files::{self, LoadError};
pub const DOSSIER: &str = "dossier.json";
pub const PAGE: &str = "dossier.html";
pub const MARKDOWN: &str = "dossier.md";
pub const SUMMARY: &str = "summary.txt";

/// Reads what `run` or `plan` wrote into a directory.
///
/// # Errors
/// Says what is wrong with it and what to do.
pub fn load(dir: &Path) -> Result<Evidence, LoadError> {
    Ok(Evidence { dir: name(dir), summary: files::load(dir)?, plan: files::load_plan(dir)? })
}

/// The directory's own name: where it lies is nobody else's business.
fn name(dir: &Path) -> String {
    let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    whole.file_name().map_or_else(|| dir.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Writes every form of the dossier into `dir`, which is created if need be, and returns their paths, the page first. Each
/// file appears whole or not at all.
///
/// # Errors
/// Those of the file system; nothing is written if a form cannot be rendered.
pub fn write_all(dir: &Path, dossier: &Dossier) -> io::Result<Vec<PathBuf>> {
    let forms = [
        (PAGE, render::html::render(dossier).map_err(io::Error::other)?),
        (MARKDOWN, render::markdown::render(dossier)),
        (DOSSIER, render::json(dossier)?),
        (SUMMARY, format!("{}\n", dossier.summary)),
    ];
    std::fs::create_dir_all(dir)?;
    forms.iter().map(|(name, text)| files::write_whole(dir, name, text.as_bytes())).collect()
}
