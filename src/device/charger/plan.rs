//! What a charger is told of its group and of the run.

use super::connector::Surroundings;
use crate::scenario::fleet::{ChargerSpec, CommandDelivery};
use crate::time::Nanos;

/// What all chargers of a group have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct ChargerPlan {
    pub spec: ChargerSpec,
    /// What serial numbers begin with.
    pub serial_prefix: String,
    /// How many chargers the group has.
    pub chargers: u32,
    /// The end of the run.
    pub horizon: Nanos,
    /// Where in the week the run begins: zero means Monday, 00:00.
    pub start_of_week_offset: Nanos,
}

impl ChargerPlan {
    pub(super) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { spec: &self.spec, horizon: self.horizon, start_of_week_offset: self.start_of_week_offset }
    }

    /// How long a poll is held open.
    pub(super) fn poll_wait(&self) -> Nanos {
        match self.spec.commands {
            CommandDelivery::LongPoll { wait } => wait,
            CommandDelivery::Heartbeat => Nanos::ZERO,
        }
    }
}
