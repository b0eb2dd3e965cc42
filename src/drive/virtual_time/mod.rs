//! The virtual driver: a discrete-event clock, the policy's limiter in process, a latency model.
//!
//! It plays the same devices as the live driver and writes the same record stream, in no time and the same on every
//! machine: a run is a function of the scenario alone.
//!
//! At the end of the scenario's duration devices get no more events of their own and send nothing more. Answers to what is
//! under way are awaited for [`DRAIN`]; the rest is [`crate::device::Failure::Cancelled`], and streams are closed.

mod calls;
mod engine;
mod network;
mod queue;
mod target;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use crate::device::Device;
use crate::device::fleet::Fleet;
use crate::record::Observer;
use crate::scenario::{DeviceId, Scenario};
use crate::time::Nanos;

/// How long answers are awaited after the end of the run.
pub const DRAIN: Nanos = Nanos::from_secs(5);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The duration, or when the last answer came.
    pub ended: Nanos,
}

/// Plays the scenario's whole fleet.
pub fn run(scenario: &Scenario, observer: &mut impl Observer) -> End {
    let fleet = Fleet::new(scenario);
    let ids = (0..scenario.device_count()).map(DeviceId);
    play(scenario, ids.map(|id| (id, fleet.device(id))).collect(), observer)
}

/// Plays some devices of a scenario, of any kind.
pub fn play<D: Device>(scenario: &Scenario, devices: Vec<(DeviceId, D)>, observer: &mut impl Observer) -> End {
    engine::Engine::new(scenario, devices, observer).run()
}
