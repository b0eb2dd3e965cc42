//! `quotaproof report DIR`: render a stored run, plan or probe again.

use std::io::Write;
use std::path::Path;

use super::{complain, show};
use crate::exit::Exit;
use crate::report::terminal::{self, Style};
use crate::report::{self, files, probe};

/// Renders every output of the run in `dir` from its `summary.json` (and `plan.json`, where there is one), or of the probe from
/// its `probe.json`, and shows the verdict on `out`.
///
/// # Errors
/// The reports cannot be written. Where `dir` holds no readable run, that is said and the exit code tells it.
pub fn run(dir: &Path, out: &mut dyn Write, style: Style) -> anyhow::Result<Exit> {
    if probe::is_stored(dir) {
        return probed(dir, out);
    }
    let (summary, answers) = match report::load(dir).and_then(|summary| Ok((summary, report::load_plan(dir)?))) {
        Ok(stored) => stored,
        Err(error) => {
            complain(format_args!("error: {error}"));
            return Ok(Exit::Usage);
        }
    };
    report::write_all(dir, &summary, answers.as_ref(), None)?;
    let page = dir.join(files::PAGE);
    show(out, &terminal::render(&summary, Some(&page), style));
    if let Some(answers) = answers {
        show(out, &terminal::answers(&answers, style));
    }
    Ok(Exit::Pass)
}

fn probed(dir: &Path, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let account = match probe::load(dir) {
        Ok(account) => account,
        Err(error) => {
            complain(format_args!("error: {error}"));
            return Ok(Exit::Usage);
        }
    };
    let page = probe::write_again(dir, &account)?;
    show(out, &(probe::text(&account.outcome) + &format!("The page is {}\n", page.display())));
    Ok(Exit::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    const PLAIN: Style = Style { colour: false, narrow: true };

    #[test]
    fn a_stored_run_is_rendered_again_from_its_summary_alone() {
        let dir = tempfile::tempdir().unwrap();
        let paths = report::write_all(dir.path(), &sample::failing(), None, Some(b"histograms")).unwrap();
        let before = std::fs::read(&paths[1]).unwrap();
        std::fs::remove_file(&paths[1]).unwrap();
        let mut out = Vec::new();
        run(dir.path(), &mut out, PLAIN).unwrap();
        assert!(std::fs::read(&paths[1]).unwrap() == before);
        assert_eq!(std::fs::read(&paths[4]).unwrap(), b"histograms");
        assert!(String::from_utf8(out).unwrap().starts_with("✗ FAILED"));
    }

    #[test]
    fn a_stored_probe_is_rendered_again_from_its_account_alone() {
        let example = Path::new("reports/example-probe");
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(example.join("probe.json"), dir.path().join("probe.json")).unwrap();
        let mut out = Vec::new();
        assert_eq!(run(dir.path(), &mut out, PLAIN).unwrap(), Exit::Pass);
        let read = |dir: &Path, name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        for name in ["index.html", "junit.xml", "probe.json"] {
            assert!(read(dir.path(), name) == read(example, name), "{name}: make the example anew");
        }
        assert!(String::from_utf8(out).unwrap().contains("Found: "));
        std::fs::write(dir.path().join("probe.json"), "{\"format\": 99}").unwrap();
        assert_eq!(run(dir.path(), &mut Vec::new(), PLAIN).unwrap(), Exit::Usage);
    }

    #[test]
    fn a_reader_that_has_gone_loses_no_report() {
        let dir = tempfile::tempdir().unwrap();
        report::write_all(dir.path(), &sample::failing(), None, None).unwrap();
        assert_eq!(run(dir.path(), &mut super::super::testing::Gone, PLAIN).unwrap(), Exit::Pass);
    }

    #[test]
    fn a_directory_without_a_run_is_the_callers_mistake() {
        let dir = tempfile::tempdir().unwrap();
        let exit = run(dir.path(), &mut Vec::new(), PLAIN).unwrap();
        assert_eq!(exit, Exit::Usage);
    }
}
