//! `quotaproof run`: plays a profile against its target over real sockets and writes the report.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;

use super::again::Again;
use super::progress::Progress;
use super::publish::{make_room, publish};
use super::usage::peak_memory_bytes;
use super::{RunArgs, cannot_play, complain, cores, style};
use crate::assemble::{Outcome, Recorder, RunFacts};
use crate::device::fleet::{Fleet, partition};
use crate::drive::live::{self, Control, LiveEnd, LiveError, LiveOptions, Stop};
use crate::exit::Exit;
use crate::limiter::enforcer;
use crate::profile::warnings::warnings;
use crate::profile::{self, descriptors, secrets};
use crate::reference;
use crate::reference::live::Running;
use crate::scenario::Scenario;
use crate::scenario::target::Target;
use crate::summary::Driver;
use crate::yaml::Diagnosis;

/// Runs the verb and shows the verdict on standard output.
///
/// # Errors
/// What is neither the user's nor the target's doing: a thread cannot be started, the report cannot be written.
pub fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let mut scenario = match load(args) {
        Ok(scenario) => scenario,
        Err(diagnosis) => {
            complain(format_args!("{}", diagnosis.render(std::io::stderr().is_terminal())));
            return Ok(Exit::Usage);
        }
    };
    if let Err(error) = secrets::fill(&mut scenario, |name| std::env::var(name).ok()) {
        complain(format_args!("error: {error}"));
        return Ok(Exit::Usage);
    }
    for variable in secrets::too_short(&mut scenario) {
        complain(format_args!(
            "warning: the secret in {variable} is so short that hiding it hides parts of other texts too"
        ));
    }
    for warning in warnings(&scenario) {
        complain(format_args!("warning: {warning}"));
    }
    if let Err(diagnosis) = reference::check(&scenario) {
        complain(format_args!("{}", diagnosis.render(std::io::stderr().is_terminal())));
        return Ok(Exit::Usage);
    }
    if let Err(error) = descriptors::ensure(&scenario) {
        complain(format_args!("error: {error}"));
        return Ok(Exit::Usage);
    }
    let scenario = Arc::new(scenario);
    if !make_room(&args.reports) {
        return Ok(Exit::Usage);
    }
    let place = Place::of(&scenario)?;
    let end = match play(&scenario, &place, args) {
        Ok(end) => end,
        Err(error) => return cannot_play("run", error),
    };
    let outcome = conclude(end, &place, args, &scenario);
    publish(&outcome, None, &args.reports, &mut std::io::stdout(), style())?;
    Ok(outcome.summary.conclusion.exit)
}

/// The profile, with what the command line overrides.
fn load(args: &RunArgs) -> Result<Scenario, Diagnosis> {
    let mut scenario = profile::load(&args.profile)?;
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    if let Some(duration) = args.duration {
        profile::last(&mut scenario, duration)?;
    }
    Ok(scenario)
}

/// Where the target is, and the embedded server while it runs.
struct Place {
    url: String,
    description: String,
    /// Stops when it is dropped.
    _server: Option<Running>,
}

impl Place {
    fn of(scenario: &Scenario) -> anyhow::Result<Self> {
        match &scenario.target {
            Target::Remote(remote) => {
                Ok(Place { url: remote.url.clone(), description: remote.url.clone(), _server: None })
            }
            Target::Embedded(spec) => {
                let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let server = reference::live::start(scenario.policy.clone(), spec.clone(), any_port)
                    .context("the reference server cannot start")?;
                let description =
                    format!("the built-in reference server ({})", enforcer::in_words(&scenario.policy, spec));
                Ok(Place { url: format!("http://{}", server.addr()), description, _server: Some(server) })
            }
        }
    }
}

fn play(scenario: &Arc<Scenario>, place: &Place, args: &RunArgs) -> Result<LiveEnd<Recorder>, LiveError> {
    let options = LiveOptions { control: Control::default(), ..LiveOptions::new(&place.url) };
    let control = options.control.clone();
    live::signals::watch(move || control.stop())?;
    let _progress = Progress::start(scenario.duration, options.control.clone());
    let shards = args.shards.map_or_else(cores, usize::from);
    let fleet = Fleet::new(scenario);
    live::run(
        scenario,
        &options,
        partition(scenario, shards),
        |device| fleet.device(device),
        |anchor| Recorder::new(Arc::clone(scenario), anchor),
    )
}

fn conclude(end: LiveEnd<Recorder>, place: &Place, args: &RunArgs, scenario: &Scenario) -> Outcome {
    let facts = RunFacts {
        driver: Driver::Live,
        anchor: end.anchor,
        ended: end.ended,
        interrupted: end.stopped == Some(Stop::Asked),
        devices_played: None,
        gave_up: end.stopped == Some(Stop::Unreachable),
        // Where nothing was tried, nothing is known of the target.
        unreachable: !end.ever_connected && end.peak_in_flight > 0,
        connect_error: end.connect_error,
        target: place.description.clone(),
        command: command(args, scenario),
        shards: end.observers.len() as u32,
        peak_memory_bytes: peak_memory_bytes(),
        connections: end.connections,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let mut shards = end.observers.into_iter();
    let mut whole = shards.next().expect("a run has at least one shard");
    shards.for_each(|shard| whole.merge(shard));
    whole.conclude(&facts)
}

/// The command that runs the same again.
fn command(args: &RunArgs, scenario: &Scenario) -> String {
    let mut again = Again::of("run");
    again.word(args.profile.display()).option("--seed", scenario.seed);
    again.given("--duration", args.duration).given("--shards", args.shards);
    again.line()
}
