//! Where what was found goes to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

use super::ProbeArgs;
use crate::cli::publish::make_room;
use crate::cli::{complain, show};
use crate::probe::account::Account;
use crate::probe::outcome::Outcome;
use crate::report::probe as report;

/// Whether all that is asked for can be written, before anything is sent: else a probe would be lost at its end. What cannot is
/// said.
pub fn have_room(args: &ProbeArgs) -> bool {
    let files = [("--json", &args.json), ("--junit", &args.junit)];
    files.iter().all(|(option, file)| file.as_ref().is_none_or(|file| is_writable(option, file)))
        && args.reports.as_deref().is_none_or(make_room)
}

fn is_writable(option: &str, file: &Path) -> bool {
    let tried = try_to_write(file);
    if let Err(error) = &tried {
        complain(format_args!("error: {} cannot be written: {error}; choose another {option}", file.display()));
    }
    tried.is_ok()
}

/// Leaves everything as it is. Whoever reads a pipe would take this for all.
fn try_to_write(file: &Path) -> io::Result<()> {
    let before = fs::metadata(file);
    if before.as_ref().is_ok_and(|before| !before.is_file() && !before.is_dir()) {
        return Ok(());
    }
    OpenOptions::new().append(true).create(true).open(file)?;
    if before.is_err() { fs::remove_file(file) } else { Ok(()) }
}

/// Shows what was found, and writes it where that is asked for.
pub fn tell(args: &ProbeArgs, class: &str, found: &Outcome, out: &mut dyn Write) -> anyhow::Result<()> {
    show(out, &report::text(found));
    if let Some(file) = &args.json {
        write(file, report::json(found).as_bytes())?;
    }
    if let Some(file) = &args.junit {
        write(file, report::junit(found, class)?.as_bytes())?;
    }
    Ok(())
}

pub fn publish(reports: &Path, account: &Account, out: &mut dyn Write) -> anyhow::Result<()> {
    let dir = report::write_all(reports, account).context("the report cannot be written")?;
    show(out, &format!("The report is in {}\n", dir.display()));
    Ok(())
}

fn write(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    fs::write(file, content).with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_tried_without_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new.json"), folder.path().join("old.json"));
        fs::write(&old, "before").unwrap();
        try_to_write(&new).unwrap();
        try_to_write(&old).unwrap();
        assert!(!new.exists());
        assert_eq!(fs::read_to_string(&old).unwrap(), "before");
        for lost in [folder.path().join("missing/new.json"), folder.path().to_owned(), old.join("new.json")] {
            assert!(try_to_write(&lost).is_err(), "{}", lost.display());
        }
    }
}
