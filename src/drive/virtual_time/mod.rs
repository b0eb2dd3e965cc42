//! The virtual driver: a discrete-event clock, the policy's limiter in process, a latency model.
//!
//! It plays the same devices as the live driver and writes the same record stream, in no time and the same on every
//! machine: a run is a function of the scenario alone.
//!
//! Devices that share nothing are not played side by side but one after the other, each from the beginning of the run to its
//! end ([`cells`]): all that a device, its limits and its checks keep then stays in the processor's nearest cache, and none of
//! it is kept longer than the device is played.
//!
//! At the end of the scenario's duration devices get no more events of their own and send nothing more. Answers to what is
//! under way are awaited for [`DRAIN`]; the rest is [`crate::device::Failure::Cancelled`], and streams are closed.

mod calls;
pub mod cells;
mod charging;
mod ended;
mod engine;
mod happening;
mod network;
mod player;
mod queue;
mod sites;
mod target;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod threads;
mod traces;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::device::Device;
use crate::device::fleet::{Fleet, FleetDevice};
use crate::record::Observer;
use crate::scenario::{DeviceId, Scenario};
use crate::time::Nanos;
use cells::Cells;
use engine::Engine;
use network::Weather;
use sites::Site;
use traces::Archive;

pub use threads::run_on;

/// How long answers are awaited after the end of the run.
pub const DRAIN: Nanos = Nanos::from_secs(5);

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// The latest that any device was played to: the duration, or when the last answer came.
    pub ended: Nanos,
    /// How many devices were played to the end; fewer than there are where somebody asked for a stop.
    pub devices: u64,
    /// How many requests each limit refused ([`Enforcer::refusals`](crate::limiter::enforcer::Enforcer::refusals)); empty
    /// where none did.
    pub refusals: Vec<u64>,
}

impl End {
    fn and(self, other: End) -> End {
        End {
            ended: self.ended.max(other.ended),
            devices: self.devices + other.devices,
            refusals: added(self.refusals, &other.refusals),
        }
    }
}

/// Either may be empty.
fn added(mut counts: Vec<u64>, others: &[u64]) -> Vec<u64> {
    counts.resize(counts.len().max(others.len()), 0);
    counts.iter_mut().zip(others).for_each(|(count, other)| *count += other);
    counts
}

/// Stops runs from outside; clones are handles on the same wish.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How far a run has come, to be read while it goes on, and whether it is to go on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Simulated time that devices have spent, added up over them, in milliseconds.
    device_millis: AtomicU64,
    stop: Stop,
}

impl Progress {
    /// Of a run that ends when a stop is asked for: the devices under way are played no further, the others not at all.
    pub fn until(stop: Stop) -> Self {
        Progress { stop, ..Progress::default() }
    }

    fn advance(&self, devices: usize, time: Nanos) {
        self.device_millis.fetch_add(devices as u64 * (time.0 / 1_000_000), Ordering::Relaxed);
    }

    /// The simulated time that is over, on the average of so many devices.
    pub fn simulated(&self, devices: u64) -> Nanos {
        Nanos::from_millis(self.device_millis.load(Ordering::Relaxed) / devices.max(1))
    }
}

/// Plays the scenario's whole fleet, one cell after the other.
pub fn run(scenario: &Scenario, observer: &mut impl Observer) -> End {
    run_watched(scenario, &Progress::default(), observer)
}

/// The same for somebody who watches how far it is.
pub fn run_watched(scenario: &Scenario, progress: &Progress, observer: &mut impl Observer) -> End {
    let fleet = Fleet::new(scenario);
    let cells = Cells::of(scenario);
    let (weather, none) = (Weather::of(&scenario.network), Archive::default());
    let mut engine = Engine::new(scenario, &weather, &none, progress, observer);
    let first = play_cells(&mut engine, &fleet, cells.first.iter());
    let archive = engine.into_traces().into_archive(|charger| Site::of(scenario, charger));
    let mut engine = Engine::new(scenario, &weather, &archive, progress, observer);
    first.and(play_cells(&mut engine, &fleet, cells.readers.iter()))
}

/// One cell after the other, as far as nobody asks for a stop.
fn play_cells<'c>(
    engine: &mut Engine<'_, FleetDevice, impl Observer>,
    fleet: &Fleet,
    cells: impl Iterator<Item = &'c Vec<DeviceId>>,
) -> End {
    let mut played = End::default();
    for cell in cells {
        if engine.is_stopped() {
            break;
        }
        played = played.and(engine.play(cell.iter().map(|&id| (id, fleet.device(id)))));
    }
    played
}

/// Plays some devices of a scenario, of any kind, as one cell.
pub fn play<D: Device>(scenario: &Scenario, devices: Vec<(DeviceId, D)>, observer: &mut impl Observer) -> End {
    let (weather, none) = (Weather::of(&scenario.network), Archive::default());
    let progress = Progress::default();
    Engine::new(scenario, &weather, &none, &progress, observer).play(devices.into_iter())
}
