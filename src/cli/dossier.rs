//! `quotaproof dossier DIR…`: what a provider asks of those who ask for a higher quota, made from runs and plans.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::again::Again;
use super::{complain, show};
use crate::dossier::answers::{self, Answers, TEMPLATE};
use crate::dossier::model::Dossier;
use crate::dossier::render::view::open_items;
use crate::dossier::{Evidence, build, files};
use crate::exit::Exit;
use crate::report::text::clean;
use crate::words::plural;
use crate::yaml::{Diagnosis, Source};

/// Make the dossier that a provider asks for before it grants a higher quota
#[derive(Args)]
pub struct DossierArgs {
    /// Directories that `run` or `plan` wrote; the first is the fleet that the request is for
    #[arg(required_unless_present = "template", value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// What only you know (who asks, from when, rollback), as YAML; what is missing stays open
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Where the dossier is written; the first DIR when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print a commented file of answers to start from
    #[arg(long, conflicts_with_all = ["dirs", "answers", "out"])]
    template: bool,
}

/// Makes the dossier and says on `out` where it is and what it still lacks.
///
/// # Errors
/// None: what is wrong is said on standard error, and the exit code tells it.
pub fn run(args: &DossierArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    if args.template {
        show(out, TEMPLATE);
        return Ok(Exit::Pass);
    }
    let dossier = match make(args) {
        Ok(dossier) => dossier,
        Err(wrong) => {
            complain(format_args!("{wrong}"));
            return Ok(Exit::Usage);
        }
    };
    let dir = args.out.as_deref().unwrap_or_else(|| args.dirs[0].as_path());
    match files::write_all(dir, &dossier) {
        Ok(paths) => {
            show(out, &told(&dossier, &paths));
            Ok(Exit::Pass)
        }
        Err(error) => {
            let dir = dir.display();
            complain(format_args!("error: the dossier cannot be written to {dir}: {error:#}; choose another --out"));
            Ok(Exit::Usage)
        }
    }
}

/// The dossier, or what is wrong in words.
fn make(args: &DossierArgs) -> Result<Dossier, String> {
    let told = |error: &dyn std::fmt::Display| format!("error: {error}");
    let evidence: Result<Vec<Evidence>, _> = args.dirs.iter().map(|dir| files::load(dir)).collect();
    let evidence = evidence.map_err(|error| told(&error))?;
    let answers = args.answers.as_deref().map(|path| read_answers(path, &evidence)).transpose();
    let answers = answers.map_err(|diagnosis| diagnosis.render(std::io::stderr().is_terminal()))?;
    build(&evidence, &answers.unwrap_or_default(), &command(args)).map_err(|refusal| told(&refusal))
}

fn read_answers(path: &Path, evidence: &[Evidence]) -> Result<Answers, Diagnosis> {
    let source = Source::read(path)?;
    let answers = answers::read(&source)?;
    if let Some(first) = evidence.first() {
        answers::fit(&answers, &source, &first.summary.quotas)?;
    }
    Ok(answers)
}

/// The command that makes the same again.
fn command(args: &DossierArgs) -> String {
    let mut again = Again::of("dossier");
    for dir in &args.dirs {
        again.word(dir.display());
    }
    again.given("--answers", args.answers.as_ref().map(|path| path.display()));
    again.given("--out", args.out.as_ref().map(|path| path.display())).line()
}

fn told(dossier: &Dossier, paths: &[PathBuf]) -> String {
    let mut lines: Vec<String> = paths.iter().map(|path| clean(&path.display().to_string())).collect();
    let open = open_items(dossier);
    if open.is_empty() {
        lines.push("Nothing is left open.".to_owned());
    } else {
        lines.push(format!("{} left open:", plural(open.len() as u64, "item")));
        lines.extend(open.iter().map(|item| format!("  - {}", clean(item))));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::sample;
    use crate::report;

    /// A directory with a run of that name in it.
    fn stored(base: &Path, evidence: &Evidence) -> PathBuf {
        let dir = base.join(&evidence.dir);
        report::write_all(&dir, &evidence.summary, evidence.plan.as_ref(), None).unwrap();
        dir
    }

    fn args(dirs: Vec<PathBuf>, answers: Option<PathBuf>, out: Option<PathBuf>) -> DossierArgs {
        DossierArgs { dirs, answers, out, template: false }
    }

    #[test]
    fn runs_and_plans_become_four_files_and_a_list_of_what_is_open() {
        let base = tempfile::tempdir().unwrap();
        let dirs: Vec<PathBuf> = sample::all().iter().map(|evidence| stored(base.path(), evidence)).collect();
        let out_dir = base.path().join("dossier");
        let mut out = Vec::new();
        assert_eq!(run(&args(dirs, None, Some(out_dir.clone())), &mut out).unwrap(), Exit::Pass);
        let told = String::from_utf8(out).unwrap();
        for name in [files::DOSSIER, files::PAGE, files::MARKDOWN, files::SUMMARY] {
            assert!(out_dir.join(name).is_file() && told.contains(name), "{name}: {told}");
        }
        assert!(told.contains("12 items left open:"), "{told}");
        let json = std::fs::read_to_string(out_dir.join(files::DOSSIER)).unwrap();
        let dossier: Dossier = serde_json::from_str(&json).unwrap();
        assert_eq!(dossier.evidence.len(), 3);
        assert_eq!(dossier.references[0].run, sample::planned().dir, "no path of this machine is told");
        assert_eq!(dossier.least.quotas.len(), 1, "the plan was read");
    }

    #[test]
    fn the_template_as_it_is_printed_leaves_everything_open() {
        let base = tempfile::tempdir().unwrap();
        let dir = stored(base.path(), &sample::on_stand_in());
        let answers = base.path().join("answers.yaml");
        std::fs::write(&answers, TEMPLATE).unwrap();
        assert_eq!(run(&args(vec![dir], Some(answers), None), &mut Vec::new()).unwrap(), Exit::Pass);
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_the_callers_mistake() {
        let base = tempfile::tempdir().unwrap();
        let dir = stored(base.path(), &sample::on_stand_in());
        let file = base.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(run(&args(vec![dir], None, Some(file.join("below"))), &mut Vec::new()).unwrap(), Exit::Usage);
    }

    #[test]
    fn without_a_place_to_write_to_it_stands_beside_the_first_run() {
        let base = tempfile::tempdir().unwrap();
        let dir = stored(base.path(), &sample::on_stand_in());
        assert_eq!(run(&args(vec![dir.clone()], None, None), &mut Vec::new()).unwrap(), Exit::Pass);
        assert!(dir.join(files::PAGE).is_file() && dir.join("report.html").is_file());
    }

    #[test]
    fn wrong_answers_and_runs_that_cannot_stand_together_are_the_callers_mistake() {
        let base = tempfile::tempdir().unwrap();
        let dir = stored(base.path(), &sample::on_stand_in());
        let answers = base.path().join("answers.yaml");
        for (text, exit) in [
            ("company: Depot Ltd", Exit::Pass),
            ("compani: x", Exit::Usage),
            ("quotas: [{class: x, requested: 9}]", Exit::Usage),
        ] {
            std::fs::write(&answers, text).unwrap();
            assert_eq!(
                run(&args(vec![dir.clone()], Some(answers.clone()), None), &mut Vec::new()).unwrap(),
                exit,
                "{text}"
            );
        }
        let twice = args(vec![dir.clone(), dir], None, None);
        assert_eq!(run(&twice, &mut Vec::new()).unwrap(), Exit::Usage);
        let nowhere = args(vec![base.path().join("nowhere")], None, None);
        assert_eq!(run(&nowhere, &mut Vec::new()).unwrap(), Exit::Usage);
    }
}
