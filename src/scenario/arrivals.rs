//! When requests of scripted clients are due.

use std::sync::Arc;

use super::fleet::CadenceSpec;
use crate::time::Nanos;

/// A process of arrivals. Its times are counted from the client's start, or, where the group deals them out among its
/// clients, from the beginning of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    pub shape: Shape,
    pub whose: Whose,
}

/// Whose arrivals a process describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Each client has such a process of its own.
    Each,
    /// It is one process for the whole group; its arrivals go to the clients in turn (Poisson: at random).
    Together,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Cadence(CadenceSpec),
    /// Evenly spaced.
    Constant {
        per_second: f64,
    },
    /// Independent arrivals: exponential gaps with this mean rate.
    Poisson {
        per_second: f64,
    },
    /// A rate that changes evenly from one to the other over that time, and then stays.
    Ramp {
        from_per_second: f64,
        to_per_second: f64,
        over: Nanos,
    },
    /// So many at once: at the start, and again every so often.
    Burst {
        size: u32,
        every: Nanos,
    },
    /// A recorded list, in order.
    Times(Arc<[Nanos]>),
}

impl Arrivals {
    /// The highest rate that one of `clients` clients comes to, per second.
    pub fn peak_per_second(&self, clients: u32) -> f64 {
        let all = match &self.shape {
            Shape::Cadence(cadence) => 1.0 / cadence.every.as_secs_f64().max(1e-9),
            Shape::Constant { per_second } | Shape::Poisson { per_second } => *per_second,
            Shape::Ramp { from_per_second, to_per_second, .. } => from_per_second.max(*to_per_second),
            Shape::Burst { size, every } => f64::from(*size) / every.as_secs_f64().max(1e-9),
            Shape::Times(times) => times.len() as f64 / times.last().map_or(1.0, |last| last.as_secs_f64().max(1.0)),
        };
        match self.whose {
            Whose::Each => all,
            Whose::Together => all / f64::from(clients.max(1)),
        }
    }

    /// How many requests of one client may be under way at once, answers taking no longer than a second.
    pub fn likely_at_once(&self, clients: u32) -> u32 {
        let steady = self.peak_per_second(clients).ceil().max(1.0) as u32;
        match (&self.shape, self.whose) {
            (Shape::Burst { size, .. }, Whose::Each) => steady.max(*size),
            (Shape::Burst { size, .. }, Whose::Together) => steady.max(size.div_ceil(clients.max(1))),
            _ => steady,
        }
    }
}
