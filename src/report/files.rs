//! A run's directory: its name, what is written into it, and how a run is read back.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{html, json, junit, markdown, text};
use crate::summary::plan::{self, Plan};
use crate::summary::{FORMAT, Summary};

pub const SUMMARY: &str = "summary.json";
pub const PLAN: &str = "plan.json";
pub const PAGE: &str = "report.html";
pub const JUNIT: &str = "junit.xml";
pub const MARKDOWN: &str = "summary.md";
pub const HISTOGRAMS: &str = "latency.hlog";

/// A stored summary beyond this is not one of ours.
const LARGEST: u64 = 64 << 20;
/// A run's name is cut to this many characters in its directory's name.
const LONGEST_NAME: usize = 60;

/// Why a stored run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{} holds no run: there is no {SUMMARY} in it; give the directory that a run has written", .0.display())]
    Missing(PathBuf),
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is larger than {} MiB: this is no summary of quotaproof", .0.display(), LARGEST >> 20)]
    TooLarge(PathBuf),
    #[error("{} is damaged: {source}; {again}", path.display())]
    Broken { path: PathBuf, source: serde_json::Error, again: &'static str },
    #[error(
        "{} has format {found}, this quotaproof reads formats up to {known}: render it with the version that wrote it, or a newer one",
        path.display()
    )]
    Newer { path: PathBuf, found: u64, known: u32 },
}

/// Creates `base/<name>-<UTC time>`, such as `reports/tellus-depot-20260315T103000Z`, and never takes one that exists:
/// the second run of a second gets `-2`. `started` is ISO 8601 in UTC.
///
/// # Errors
/// Those of the file system.
pub fn new_directory(base: &Path, name: &str, started: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(base)?;
    let stem = format!("{}-{}", file_name(name), time_stamp(started));
    for attempt in 1u32.. {
        let name = if attempt == 1 { stem.clone() } else { format!("{stem}-{attempt}") };
        let path = base.join(name);
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("no free name for {stem} in {}", base.display())))
}

/// Writes every output into `dir`, which is created if need be, and returns their paths: the summary first, the page
/// second, the answers of a plan last. Each file appears whole or not at all. Without `hlog` the histograms already there
/// stay.
///
/// # Errors
/// Those of the file system; nothing is written if an output cannot be rendered.
pub fn write_all(dir: &Path, summary: &Summary, plan: Option<&Plan>, hlog: Option<&[u8]>) -> io::Result<Vec<PathBuf>> {
    let summary_json = json::render(summary)?;
    let page = html::render(summary, plan).map_err(io::Error::other)?;
    let junit = junit::render(summary).map_err(io::Error::other)?;
    let markdown = markdown::render(summary, plan);
    let answers = plan.map(json::render).transpose()?;
    let texts = [(SUMMARY, &summary_json), (PAGE, &page), (JUNIT, &junit), (MARKDOWN, &markdown)];
    let texts = texts.into_iter().map(|(name, text)| (name, text.as_bytes()));
    let histograms = hlog.map(|hlog| (HISTOGRAMS, hlog));
    let files = texts.chain(histograms).chain(answers.as_ref().map(|answers| (PLAN, answers.as_bytes())));
    fs::create_dir_all(dir)?;
    files.map(|(name, content)| write_whole(dir, name, content)).collect()
}

/// Reads the summary of the run in `dir`.
///
/// # Errors
/// Says what is wrong with the directory or its summary and what to do.
pub fn load(dir: &Path) -> Result<Summary, LoadError> {
    load_json(&dir.join(SUMMARY), FORMAT, RUN_AGAIN)
}

/// Reads the answers of the plan in `dir`; None for a run, or a plan that was asked nothing.
///
/// # Errors
/// Says what is wrong with them and what to do.
pub fn load_plan(dir: &Path) -> Result<Option<Plan>, LoadError> {
    match load_json(&dir.join(PLAN), plan::FORMAT, RUN_AGAIN) {
        Err(LoadError::Missing(_)) => Ok(None),
        loaded => loaded.map(Some),
    }
}

const RUN_AGAIN: &str = "run the profile again";

/// Reads a file of a format up to `known`; `again` says how to come by another one if it is damaged.
///
/// # Errors
/// Says what is wrong with it and what to do.
pub fn load_json<T: serde::de::DeserializeOwned>(path: &Path, known: u32, again: &'static str) -> Result<T, LoadError> {
    let text = read_bounded(path)?;
    // The format first: a newer one may not have the fields that this version knows.
    let broken = |source| LoadError::Broken { path: path.to_owned(), source, again };
    let Format { format: found } = serde_json::from_slice(&text).map_err(broken)?;
    if found > u64::from(known) {
        return Err(LoadError::Newer { path: path.to_owned(), found, known });
    }
    serde_json::from_slice(&text).map_err(broken)
}

#[derive(serde::Deserialize)]
struct Format {
    format: u64,
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(LoadError::Missing(path.parent().unwrap_or(path).to_owned()));
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut text = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err(LoadError::TooLarge(path.to_owned()));
    }
    Ok(text)
}

/// Writes beside the final name and renames, so that a crash leaves the old file or the new one.
///
/// # Errors
/// Those of the file system, with the file's name.
pub fn write_whole(dir: &Path, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    let path = dir.join(name);
    let temporary = dir.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = write_synced(&temporary, content).and_then(|()| fs::rename(&temporary, &path));
    if let Err(error) = written {
        // The first error is the one to tell; a left-over temporary file does no harm.
        let _ = fs::remove_file(&temporary);
        return Err(io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display())));
    }
    Ok(path)
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// The name with nothing in it that a file system, a shell or a URL minds.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = text::clean(name).chars().map(plain).take(LONGEST_NAME).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "run".to_owned() } else { name.to_owned() }
}

/// `2026-03-15T10:30:00.123Z` as `20260315T103000Z`.
fn time_stamp(started: &str) -> String {
    let whole = started.split(['.', 'Z']).next().unwrap_or_default();
    let digits: String = whole.chars().filter(|c| c.is_ascii_digit() || *c == 'T').collect();
    format!("{digits}Z")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn error_of(dir: &Path) -> String {
        load(dir).unwrap_err().to_string()
    }

    #[test]
    fn every_run_reads_back_as_it_was_written_and_renders_the_same() {
        // Set to look at the samples: the directory then stays.
        let kept = std::env::var_os("QUOTAPROOF_KEEP_SAMPLES").map(PathBuf::from);
        let temporary = tempfile::tempdir().unwrap();
        let base = kept.as_deref().unwrap_or(temporary.path());
        for (name, summary) in sample::all() {
            let dir = base.join(name);
            let paths = write_all(&dir, &summary, None, Some(b"histograms")).unwrap();
            let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
            assert_eq!(names, [SUMMARY, PAGE, JUNIT, MARKDOWN, HISTOGRAMS]);
            let first: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();

            let read_back = load(&dir).unwrap();
            assert!(read_back == summary, "{name}");
            assert_eq!(write_all(&dir, &read_back, None, None).unwrap(), paths[..4], "{name}");
            let second: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
            assert!(first == second, "{name}");
            assert_eq!(fs::read_dir(&dir).unwrap().count(), 5, "{name}: a temporary file was left");
        }
    }

    #[test]
    fn the_answers_of_a_plan_read_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let answers = sample::plan::plan();
        assert!(load_plan(dir.path()).unwrap().is_none());
        let paths = write_all(dir.path(), &sample::passing(), Some(&answers), None).unwrap();
        assert_eq!(paths.last().unwrap().file_name().unwrap(), PLAN);
        assert!(load_plan(dir.path()).unwrap() == Some(answers));

        fs::write(dir.path().join(PLAN), "{\"format\": 3}").unwrap();
        let newer = load_plan(dir.path()).unwrap_err().to_string();
        assert!(newer.contains("plan.json has format 3, this quotaproof reads formats up to 2"), "{newer}");
        fs::write(dir.path().join(PLAN), "{\"format\": 2, \"fleet\": 3}").unwrap();
        assert!(load_plan(dir.path()).unwrap_err().to_string().contains("plan.json is damaged"));
    }

    #[test]
    fn a_run_never_takes_the_directory_of_another() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().join("reports");
        let name = |name: &str| {
            let path = new_directory(&base, name, "2026-03-15T10:30:00.75Z").unwrap();
            assert!(path.is_dir());
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(name("tellus-depot"), "tellus-depot-20260315T103000Z");
        assert_eq!(name("tellus-depot"), "tellus-depot-20260315T103000Z-2");
        assert_eq!(name("tellus-depot"), "tellus-depot-20260315T103000Z-3");
        assert_eq!(name("../../etc/passwd: a b"), "etc-passwd--a-b-20260315T103000Z");
        assert_eq!(name("充電"), "run-20260315T103000Z");
        assert_eq!(name(&"x".repeat(500)).len(), LONGEST_NAME + "-20260315T103000Z".len());
    }

    #[test]
    fn what_cannot_be_read_is_named_with_a_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert!(error_of(dir).contains("there is no summary.json in it"), "{}", error_of(dir));
        assert!(error_of(&dir.join("nowhere")).contains("there is no summary.json in it"));

        let path = dir.join(SUMMARY);
        fs::write(&path, "{\"format\": 1, \"run\": {}}").unwrap();
        assert!(error_of(dir).contains("is damaged: missing field `name` at line 1"), "{}", error_of(dir));
        fs::write(&path, &json::render(&sample::passing()).unwrap()[..900]).unwrap();
        assert!(error_of(dir).contains("is damaged: EOF while parsing"), "{}", error_of(dir));
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(error_of(dir).contains("is damaged"), "{}", error_of(dir));

        fs::write(&path, "{\"format\": 2, \"something\": \"else\"}").unwrap();
        assert!(error_of(dir).contains("has format 2, this quotaproof reads formats up to 1"), "{}", error_of(dir));
        fs::write(&path, vec![b' '; LARGEST as usize + 1]).unwrap();
        assert!(error_of(dir).contains("larger than 64 MiB"), "{}", error_of(dir));
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_half_done() {
        let dir = tempfile::tempdir().unwrap();
        // A directory stands where the page should go.
        fs::create_dir_all(dir.path().join(PAGE).join("inside")).unwrap();
        let error = write_all(dir.path(), &sample::passing(), None, None).unwrap_err().to_string();
        assert!(error.contains("cannot write") && error.contains(PAGE), "{error}");
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("tmp")), "{left:?}");
    }
}
