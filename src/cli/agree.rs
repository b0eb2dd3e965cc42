//! `quotaproof agree`: plays the profile of an earlier run in simulated time and holds both beside each other.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::{complain, cores, show};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::plan::agree::{self, Figure};
use crate::plan::base::Overrides;
use crate::plan::{self, Base, Meter, PlayOptions};
use crate::report;
use crate::scenario::Scenario;
use crate::summary::Summary;
use crate::time::Nanos;
use crate::words::plural;
use crate::yaml::Diagnosis;

/// What `agree` is told.
#[derive(Args)]
pub struct AgreeArgs {
    /// The profile that was run: a YAML file, or the name of a shipped one
    profile: PathBuf,
    /// The directory that `run` wrote
    dir: PathBuf,
}

/// Runs the verb; fails where a figure of the simulation is further from the run's than chance and the network explain.
///
/// # Errors
/// None: what is wrong with the profile or the run is said, and the exit code tells it.
pub fn run(args: &AgreeArgs) -> anyhow::Result<Exit> {
    let run = match report::load(&args.dir) {
        Ok(run) => run,
        Err(error) => {
            complain(format_args!("error: {error}"));
            return Ok(Exit::Usage);
        }
    };
    let (base, scenario) = match prepare(args, &run) {
        Ok(prepared) => prepared,
        Err(diagnosis) => {
            complain(format_args!("{}", diagnosis.render(std::io::stderr().is_terminal())));
            return Ok(Exit::Usage);
        }
    };
    let options = PlayOptions {
        threads: cores(),
        command: String::new(),
        started: Clock::start().anchor(),
        target: base.target_text(),
        meter: Arc::new(Meter::default()),
    };
    let scenario = Arc::new(scenario);
    let plan = plan::play(&scenario, &options).summary;
    let figures = agree::figures(&run, &plan, &scenario);
    show(&mut std::io::stdout(), &text(&figures));
    Ok(match figures.as_slice() {
        [] => Exit::Invalid,
        figures if figures.iter().all(Figure::agrees) => Exit::Pass,
        _ => Exit::Fail,
    })
}

/// The profile with what the run had: its seed, its length, and the network as it met it.
fn prepare(args: &AgreeArgs, run: &Summary) -> Result<(Base, Scenario), Diagnosis> {
    let duration = Nanos::from_secs_f64(run.run.planned_s);
    let overrides = Overrides { seed: Some(run.run.seed), duration: Some(duration), limiter: None };
    let base = Base::read(&args.profile, overrides)?;
    agree::check(run, base.scenario()).map_err(|unusable| unusable.about(args.dir.display()))?;
    let mut scenario = base.scenario().clone();
    let answers_after = scenario.target.stand_in().answers_after;
    scenario.network = agree::network(run, &scenario.network, answers_after).unwrap_or(scenario.network);
    Ok((base, scenario))
}

/// One line for each figure.
fn text(figures: &[Figure]) -> String {
    if figures.is_empty() {
        return "? neither the run nor its simulation has sent anything: there is nothing to compare\n".to_owned();
    }
    let longest = figures.iter().map(|figure| figure.what.chars().count()).max().unwrap_or(0);
    let mut text = format!("{:longest$}  {:>10} {:>10} {:>10}\n", "", "run", "simulated", "may differ");
    for Figure { what, run, plan, tolerance } in figures {
        let apart = (run - plan).abs() > *tolerance;
        let mark = if apart { "  ✗" } else { "" };
        text += &format!("{what:longest$}  {run:>10} {plan:>10} {tolerance:>10.0}{mark}\n");
    }
    let apart = figures.iter().filter(|figure| !figure.agrees()).count() as u64;
    let all = plural(figures.len() as u64, "figure");
    text + &match apart {
        0 => format!("✓ the run and its simulation agree in {all}\n"),
        apart => format!("✗ the run and its simulation disagree in {apart} of {all}: one of them is wrong\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_far_apart_is_marked() {
        let figure = |what: &str, run, plan| Figure { what: what.to_owned(), run, plan, tolerance: 10.0 };
        let text = text(&[figure("queries: requests", 100.0, 110.0), figure("stream: refused", 0.0, 11.0)]);
        let expected = "                          run  simulated may differ\n\
                        queries: requests         100        110         10\n\
                        stream: refused             0         11         10  ✗\n\
                        ✗ the run and its simulation disagree in 1 of 2 figures: one of them is wrong\n";
        assert_eq!(text, expected);
        assert!(super::text(&[]).starts_with("? neither"));
    }
}
