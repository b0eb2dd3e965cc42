//! What runs and plans do with what they came to: the report goes to a directory of its own, the verdict to the reader.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{complain, show};
use crate::assemble::Outcome;
use crate::report::terminal::{self, Style};
use crate::report::{self, files};
use crate::summary::plan::Plan;

/// Makes the directory for reports before anything is played, so that an hour's results are not lost to one that cannot be
/// written; false where that is so, and has been said.
pub fn make_room(reports: &Path) -> bool {
    let made = std::fs::create_dir_all(reports).and_then(|()| try_to_write(reports));
    if let Err(error) = &made {
        let reports = reports.display();
        complain(format_args!("error: reports cannot be written to {reports}: {error}; choose another --reports"));
    }
    made.is_ok()
}

/// Makes a directory, as a report does, and takes it away again.
fn try_to_write(reports: &Path) -> std::io::Result<()> {
    let tried = reports.join(format!(".quotaproof-{}", std::process::id()));
    std::fs::create_dir(&tried).and_then(|()| std::fs::remove_dir(&tried))
}

/// Writes the report and shows the verdict and the answers of a plan, these also where the report cannot be written: what was
/// played is not lost.
///
/// # Errors
/// The report cannot be written.
pub fn publish(
    outcome: &Outcome,
    answers: Option<&Plan>,
    reports: &Path,
    out: &mut dyn Write,
    style: Style,
) -> anyhow::Result<()> {
    let written = write(outcome, answers, reports)
        .with_context(|| format!("the report cannot be written to {}", reports.display()));
    let page = written.as_ref().ok().map(|dir| dir.join(files::PAGE));
    show(out, &terminal::render(&outcome.summary, page.as_deref(), style));
    if let Some(answers) = answers {
        show(out, &terminal::answers(answers, style));
    }
    written.map(drop)
}

/// Writes the report into a directory of its own.
fn write(outcome: &Outcome, answers: Option<&Plan>, reports: &Path) -> anyhow::Result<PathBuf> {
    let run = &outcome.summary.run;
    let dir = report::new_directory(reports, &run.name, &run.started)?;
    report::write_all(&dir, &outcome.summary, answers, Some(&outcome.hlog))?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Gone;
    use super::*;
    use crate::report::sample;

    const PLAIN: Style = Style { colour: false, narrow: true };

    fn outcome() -> Outcome {
        Outcome { summary: sample::failing(), hlog: b"histograms".to_vec() }
    }

    #[test]
    fn the_verdict_is_shown_where_the_report_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reports");
        std::fs::write(&file, "in the way").unwrap();
        let mut out = Vec::new();
        let error = publish(&outcome(), None, &file, &mut out, PLAIN).unwrap_err();
        assert!(error.to_string().contains("the report cannot be written to"), "{error}");
        assert!(String::from_utf8(out).unwrap().starts_with("✗ FAILED"));
    }

    #[test]
    fn a_reader_that_has_gone_loses_no_report() {
        let folder = tempfile::tempdir().unwrap();
        publish(&outcome(), None, folder.path(), &mut Gone, PLAIN).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
