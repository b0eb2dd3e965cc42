//! One play of a scenario in virtual time.

use std::sync::Arc;

use super::Meter;
use super::delay::Delays;
use crate::assemble::{Outcome, Recorder, RunFacts};
use crate::device::{self, Failure};
use crate::drive::virtual_time::{self, End};
use crate::record::{Observation, Observer};
use crate::scenario::Scenario;
use crate::summary::Driver;
use crate::time::{Anchor, Nanos};

/// The wall-clock time at which every play begins, for limits that are counted by the clock: the first moment of 2025. It
/// is the same on every day, so that a seed gives the same result on every day; it begins a minute, a day and a month,
/// as the simulated target's clock does.
pub const ANCHOR: Anchor = Anchor { unix_nanos: 1_735_689_600_000_000_000 };

/// Fleets below this size are played by one hand: the recorders of many would take longer than the play. It depends on
/// the scenario alone, as the result does.
const SMALL: u32 = 1_000;

/// What a play is told besides its scenario.
#[derive(Clone)]
pub struct PlayOptions {
    pub threads: usize,
    /// The command that makes the same again.
    pub command: String,
    /// When the command was started; told in the report, and nothing else depends on it.
    pub started: Anchor,
    /// What is simulated, in words.
    pub target: String,
    pub meter: Arc<Meter>,
}

/// What a play came to.
pub struct Played {
    pub outcome: Outcome,
    /// The longest added delay ([`Delays::worst`]).
    pub delay: Nanos,
    /// How many requests each limit refused ([`End::refusals`]).
    pub refusals: Vec<u64>,
}

/// Plays a scenario against its policy's limits. The result depends on the scenario alone, the options' words aside.
pub fn play(scenario: &Arc<Scenario>, options: &PlayOptions) -> Outcome {
    play_judged(scenario, scenario, options).outcome
}

/// Plays `driven` and judges what happened by the policy of `judged`, the same scenario but for its limits.
pub fn play_judged(driven: &Arc<Scenario>, judged: &Arc<Scenario>, options: &PlayOptions) -> Played {
    let progress = options.meter.begin(driven.device_count().into(), driven.duration);
    let make = || Witness::new(judged, &options.meter);
    let (witness, end) = if driven.device_count() < SMALL {
        let mut witness = make();
        let end = virtual_time::run_watched(driven, &progress, &mut witness);
        (witness, end)
    } else {
        virtual_time::run_on(driven, options.threads, &progress, make, Witness::merge)
    };
    let (facts, refusals) = (facts(driven, &end, options), end.refusals);
    if !facts.interrupted {
        options.meter.finish();
    }
    let (outcome, delay) = witness.conclude(&facts, options.started);
    Played { outcome, delay, refusals }
}

fn facts(scenario: &Scenario, end: &End, options: &PlayOptions) -> RunFacts {
    let played = (end.devices < scenario.device_count().into()).then_some(end.devices);
    RunFacts {
        driver: Driver::Virtual,
        anchor: ANCHOR,
        ended: end.ended,
        interrupted: played.is_some(),
        devices_played: played,
        unreachable: false,
        gave_up: false,
        connect_error: None,
        target: options.target.clone(),
        command: options.command.clone(),
        // What depends on the machine is left out: the same seed gives the same summary everywhere.
        shards: 1,
        peak_memory_bytes: None,
        connections: 0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Records what one shard does, and lets the meter know.
struct Witness {
    recorder: Recorder,
    delays: Delays,
    meter: Arc<Meter>,
    /// Since the meter was last told.
    requests: u64,
}

/// Requests between two words to the meter.
const TELL_EVERY: u64 = 4096;

impl Witness {
    fn new(judged: &Arc<Scenario>, meter: &Arc<Meter>) -> Self {
        Witness {
            recorder: Recorder::new(Arc::clone(judged), ANCHOR),
            delays: Delays::default(),
            meter: Arc::clone(meter),
            requests: 0,
        }
    }

    fn tell(&mut self) {
        self.meter.advance(std::mem::take(&mut self.requests));
    }

    fn merge(&mut self, mut other: Witness) {
        other.tell();
        self.recorder.merge(other.recorder);
        self.delays.merge(other.delays);
    }

    fn conclude(mut self, facts: &RunFacts, started: Anchor) -> (Outcome, Nanos) {
        self.tell();
        let delay = self.delays.worst();
        let mut outcome = self.recorder.conclude(facts);
        outcome.summary.run.started = started.iso(Nanos::ZERO);
        (outcome, delay)
    }
}

/// As figures count requests.
fn is_counted(observation: &Observation<'_>) -> bool {
    let Observation::Done { record, .. } = observation else { return false };
    record.outcome != device::Outcome::Failed(Failure::Cancelled)
}

impl Observer for Witness {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>) {
        if is_counted(&observation) {
            self.requests += 1;
            if self.requests == TELL_EVERY {
                self.tell();
            }
        }
        self.delays.observe(&observation);
        self.recorder.observe(at, observation);
    }
}
