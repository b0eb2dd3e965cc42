//! The way between a probe and a server, in virtual time, and how long either of the two is kept from its work.

use rand::RngExt as _;

use crate::rng::{DeviceRng, device_rng};
use crate::time::Nanos;

/// What a network and the machines at its ends are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Each way takes a shortest time and a bit more.
    Even,
    /// A tenth of a millisecond, now and then up to 6 ms.
    Uneven,
    /// As uneven, and one of the two is kept from its work for 50 to 300 ms now and then, as on a busy machine.
    Harsh,
}

/// So many of a hundred ways take long, and so many of a hundred volleys meet a stall.
const SLOW: u32 = 8;
const STALLED: u32 = 6;

/// A time in which somebody does nothing.
#[derive(Clone, Copy, Debug)]
pub struct Stall {
    pub of_prober: bool,
    pub from: Nanos,
    pub until: Nanos,
}

impl Stall {
    /// When something happens that was to happen at this moment, if it needs the one that stalls.
    pub fn after(self, at: Nanos) -> Nanos {
        if (self.from..self.until).contains(&at) { self.until } else { at }
    }
}

pub struct Network {
    rng: DeviceRng,
    weather: Weather,
    /// One way: the shortest, and what may be added.
    floor: Nanos,
    jitter: Nanos,
}

impl Network {
    pub fn new(weather: Weather, seed: u64) -> Network {
        let mut rng = device_rng(seed, "world", 0);
        let floor = Nanos::from_micros(rng.random_range(100..8_000));
        let jitter = Nanos(rng.random_range(0..floor.0));
        match weather {
            Weather::Even => Network { rng, weather, floor, jitter },
            _ => Network { rng, weather, floor: Nanos::from_micros(25), jitter: Nanos::from_micros(25) },
        }
    }

    /// When a world begins.
    pub fn begin(&mut self) -> Nanos {
        Nanos(self.rng.random_range(0..10_000_000_000_000))
    }

    pub fn way(&mut self) -> Nanos {
        let way = self.floor + Nanos(self.rng.random_range(0..=self.jitter.0));
        match self.weather {
            Weather::Even => way,
            _ if self.rng.random_range(0..100) >= SLOW => way,
            _ => way + Nanos(self.rng.random_range(0..6_000_000)),
        }
    }

    /// How late somebody wakes who waited.
    pub fn wakes_late_by(&mut self) -> Nanos {
        match self.weather {
            Weather::Even => Nanos::ZERO,
            _ => self.stall(Nanos::ZERO).map_or_else(|| self.way(), |stall| stall.until),
        }
    }

    /// A stall that begins about this moment.
    pub fn stall(&mut self, at: Nanos) -> Option<Stall> {
        let meets = self.weather == Weather::Harsh && self.rng.random_range(0..100) < STALLED;
        meets.then(|| {
            let from = at + Nanos(self.rng.random_range(0..200_000));
            let until = from + Nanos(self.rng.random_range(50_000_000..300_000_000));
            Stall { of_prober: self.chance(), from, until }
        })
    }

    pub fn chance(&mut self) -> bool {
        self.rng.random_range(0..2) == 0
    }
}
