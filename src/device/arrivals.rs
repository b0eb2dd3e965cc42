//! Processes of arrivals: open loop, never early, and without catching up after a stall.

use super::cadence::Cadence;
use super::draws::Draws;
use crate::scenario::arrivals::{Arrivals, Shape, Whose};
use crate::time::Nanos;

/// An arrival that is this late is given up when a newer one has come as well. What is less late is made, all of it:
/// independent arrivals may lie closer together than any timer can tell apart.
pub const PATIENCE: Nanos = Nanos::from_millis(100);

/// Where a process of arrivals stands. What it follows is the [`Arrivals`] given to each call, always the same.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its times are counted from here.
    origin: Nanos,
    next: Nanos,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Cadence(Cadence),
    /// The next arrival's number, every `stride`-th of which is this client's. `phase` moves all of them by a part of the
    /// gap between two, so that clients with equal processes do not march in step.
    Numbered {
        number: u64,
        stride: u64,
        phase: f64,
    },
    Random {
        draws: Draws,
        per_second: f64,
    },
}

impl Process {
    /// The process of the client of that index among `clients`, which starts at `start`.
    pub fn new(arrivals: &Arrivals, start: Nanos, index: u32, clients: u32, mut draws: Draws) -> Self {
        let together = arrivals.whose == Whose::Together;
        let origin = if together { Nanos::ZERO } else { start };
        let clients = f64::from(clients.max(1));
        let state = match &arrivals.shape {
            Shape::Cadence(cadence) => State::Cadence(Cadence::start(cadence, origin, draws)),
            Shape::Poisson { per_second } => {
                let per_second = if together { per_second / clients } else { *per_second };
                State::Random { draws, per_second }
            }
            _ if together => State::Numbered { number: index.into(), stride: clients as u64, phase: 0.0 },
            _ => State::Numbered { number: 0, stride: 1, phase: draws.share() },
        };
        let mut process = Process { origin, next: origin, state };
        process.next = process.after(arrivals, origin);
        process
    }

    /// When the next arrival comes; never: [`Nanos::MAX`].
    pub fn next(&self) -> Nanos {
        self.next
    }

    /// Calls `arrive` with the due time of each arrival that has come by `now`, and tells how many were given up.
    pub fn fire(&mut self, arrivals: &Arrivals, now: Nanos, mut arrive: impl FnMut(Nanos)) -> u32 {
        let (State::Cadence(cadence), Shape::Cadence(spec)) = (&mut self.state, &arrivals.shape) else {
            return self.fire_all(arrivals, now, arrive);
        };
        let tick = cadence.fire(spec, now);
        self.next = cadence.next();
        tick.map_or(0, |tick| {
            arrive(tick.due);
            tick.missed
        })
    }

    fn fire_all(&mut self, arrivals: &Arrivals, now: Nanos, mut arrive: impl FnMut(Nanos)) -> u32 {
        let stale = now.saturating_sub(PATIENCE);
        let mut missed = 0u32;
        while self.next <= now {
            let due = self.next;
            let mut together = 0u32;
            while self.next == due {
                together = together.saturating_add(1);
                self.next = self.after(arrivals, due);
            }
            if due < stale && self.next <= now {
                missed = missed.saturating_add(together);
            } else {
                (0..together).for_each(|_| arrive(due));
            }
        }
        missed
    }

    /// Gives up, unseen, what comes before `until`: the client is not there.
    pub fn skip(&mut self, arrivals: &Arrivals, until: Nanos) {
        match (&mut self.state, &arrivals.shape) {
            (State::Cadence(cadence), Shape::Cadence(spec)) => {
                cadence.restart(spec, until);
                self.next = cadence.next();
            }
            _ => {
                while self.next < until {
                    self.next = self.after(arrivals, self.next);
                }
            }
        }
    }

    /// The arrival behind the one at `last`.
    fn after(&mut self, arrivals: &Arrivals, last: Nanos) -> Nanos {
        match &mut self.state {
            State::Cadence(cadence) => cadence.next(),
            State::Random { draws, per_second } => {
                last.saturating_add(Nanos::from_secs_f64(draws.exponential() / *per_second))
            }
            State::Numbered { number, stride, phase } => {
                let at = place(&arrivals.shape, *number, *phase);
                *number = number.saturating_add(*stride);
                at.map_or(Nanos::MAX, |at| self.origin.saturating_add(at))
            }
        }
    }
}

/// When the arrival of that number comes, counted from 0; None when there is no such arrival.
fn place(shape: &Shape, number: u64, phase: f64) -> Option<Nanos> {
    let count = number as f64 + phase;
    match shape {
        Shape::Constant { per_second } => Some(Nanos::from_secs_f64(count / per_second)),
        Shape::Ramp { from_per_second, to_per_second, over } => {
            ramp(*from_per_second, *to_per_second, over.as_secs_f64(), count)
        }
        Shape::Burst { size, every } => Some(Nanos(every.0.saturating_mul(number / u64::from((*size).max(1))))),
        Shape::Times(times) => times.get(usize::try_from(number).ok()?).copied(),
        // These are not counted.
        Shape::Cadence(_) | Shape::Poisson { .. } => None,
    }
}

/// When `count` arrivals have come, at a rate that goes evenly from `from` to `to` within `over` seconds and stays there:
/// the inverse of the area under the rate.
fn ramp(from: f64, to: f64, over: f64, count: f64) -> Option<Nanos> {
    let in_ramp = (from + to) / 2.0 * over;
    let seconds = if count <= 0.0 {
        0.0
    } else if count <= in_ramp {
        // The root of slope/2 t² + from t = count, in the form that loses no digits.
        let slope = (to - from) / over;
        2.0 * count / (from + (from * from + 2.0 * slope * count).max(0.0).sqrt())
    } else if to > 0.0 {
        over + (count - in_ramp) / to
    } else {
        return None;
    };
    Some(Nanos::from_secs_f64(seconds))
}
