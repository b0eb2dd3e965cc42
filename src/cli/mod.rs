//! The command line: one file per verb.

mod again;
pub mod agree;
pub mod check;
pub mod dossier;
pub mod plan;
pub mod policies;
pub mod policy;
pub mod probe;
pub mod progress;
pub mod publish;
pub mod report;
pub mod run;
pub mod schema;
pub mod serve;
pub mod usage;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::drive::live::LiveError;
use crate::exit::Exit;
use crate::report::terminal::{self, Style};
use crate::time::Nanos;
use crate::yaml::quantity;

/// Load testing and quota-compliance verification: play a fleet against an API and hold what happened against its
/// documented limits.
#[derive(Parser)]
#[command(name = "quotaproof", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 pass; 1 a gate or a check failed; 2 profile, policy or usage error; 3 target \
    unreachable; 4 invalid or inconclusive (harness late, no data); 70 internal error; 130 interrupted.";

#[derive(Subcommand)]
enum Verb {
    /// Play a profile against its target and write a compliance report
    Run(RunArgs),
    /// Play a profile in simulated time: the largest fleet, the least quota, what a remedy saves
    Plan(Box<plan::PlanArgs>),
    /// Play the profile of an earlier run in simulated time and hold both beside each other
    Agree(agree::AgreeArgs),
    /// Check profiles and policies without running anything
    Check {
        /// YAML files, or names of shipped profiles
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// List the shipped policies and where their providers publish them
    Policies,
    /// Look at one policy
    #[command(subcommand)]
    Policy(policy::PolicyVerb),
    Serve(serve::ServeOptions),
    Probe(Box<probe::ProbeArgs>),
    /// Render the reports of an earlier run, plan or probe again from what it has stored
    Report {
        /// A directory that `run`, `plan` or `probe` wrote
        dir: PathBuf,
    },
    Dossier(dossier::DossierArgs),
    /// Print the JSON Schema of a file format
    Schema {
        /// Which one
        #[arg(value_enum)]
        subject: schema::Subject,
    },
}

/// Where reports land unless the command line says where else.
const REPORTS: &str = "reports";

/// What `run` is told.
#[derive(Args)]
pub struct RunArgs {
    /// A YAML file, or the name of a shipped profile
    profile: PathBuf,
    /// Draw other random numbers than the profile's seed gives
    #[arg(long)]
    seed: Option<u64>,
    /// Run longer or shorter than the profile says, such as 30s or 5m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Nanos>,
    /// Where the report's directory is made
    #[arg(long, default_value = REPORTS, value_name = "DIR")]
    reports: PathBuf,
    /// How many threads send; one per core when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    shards: Option<u16>,
}

/// Runs the command line of this process.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; they are no error.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Pass };
        }
    };
    dispatch(cli.verb).unwrap_or_else(|error| {
        complain(format_args!("error: {error:#}"));
        Exit::Internal
    })
}

fn dispatch(verb: Verb) -> anyhow::Result<Exit> {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    match verb {
        Verb::Run(args) => run::run(&args),
        Verb::Plan(args) => plan::run(&args),
        Verb::Agree(args) => agree::run(&args),
        Verb::Check { files } => Ok(check::run(&files, err.is_terminal(), &mut out, &mut err)),
        Verb::Policies => Ok(policies::run(out.is_terminal(), &mut out)),
        Verb::Policy(verb) => Ok(policy::run(&verb, err.is_terminal(), &mut out, &mut err)),
        Verb::Serve(options) => serve::run(&options),
        Verb::Probe(args) => probe::run(&args, &mut out),
        Verb::Report { dir } => report::run(&dir, &mut out, style()),
        Verb::Dossier(args) => dossier::run(&args, &mut out),
        Verb::Schema { subject } => {
            show(&mut out, &schema::render(subject));
            Ok(Exit::Pass)
        }
    }
}

/// Says why nothing can be played over sockets; an error where that is the system's doing.
fn cannot_play(what: &str, error: LiveError) -> anyhow::Result<Exit> {
    let exit = match error {
        LiveError::System(error) => return Err(error).with_context(|| format!("the {what} cannot start or go on")),
        LiveError::Resolve { .. } => Exit::Unreachable,
        _ => Exit::Usage,
    };
    complain(format_args!("error: {error}"));
    Ok(exit)
}

/// How verdicts look on standard output.
fn style() -> Style {
    let narrow = std::io::stdout().is_terminal();
    Style { colour: terminal::wants_colour(narrow, std::env::var_os("NO_COLOR").as_deref()), narrow }
}

/// Says on standard error what is wrong.
fn complain(words: std::fmt::Arguments<'_>) {
    show(&mut std::io::stderr(), &format!("{words}\n"));
}

/// Writes what a person or a pipe may read. One that has gone, or a full disk, must not change the exit code.
fn show(out: &mut dyn Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn duration(text: &str) -> Result<Nanos, String> {
    quantity::read::<quantity::Length>(text).map(|length| length.0)
}

#[cfg(test)]
mod testing {
    use std::io::{Error, ErrorKind, Result, Write};

    /// An output that nobody reads any more.
    pub struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> Result<usize> {
            Err(Error::from(ErrorKind::BrokenPipe))
        }

        fn flush(&mut self) -> Result<()> {
            Err(Error::from(ErrorKind::BrokenPipe))
        }
    }
}
