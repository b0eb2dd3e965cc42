//! Requests as a service sees them: how many keys, how unevenly they are used, and how hard the limit is pressed.

use rand::{Rng as _, RngExt};

use crate::limiter::Rate;
use crate::rng::{DeviceRng, device_rng};
use crate::time::Nanos;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub now: Nanos,
    pub key: u64,
    pub cost: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workload {
    pub name: &'static str,
    pub population: Population,
    /// How often the keys ask on average, as a multiple of what the limit allows them.
    pub pressure: f64,
}

/// Which keys ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Population {
    One,
    /// So many, each as often.
    Uniform(u32),
    /// So many, of which the n-th asks an n-th as often as the first (Zipf, exponent 1).
    Zipf(u32),
    /// So many at a time; each asks about ten times and never again.
    Passing(u32),
}

const VISITS: u64 = 10;

impl Population {
    /// The keys that ask at a time.
    pub fn keys(self) -> u32 {
        match self {
            Population::One => 1,
            Population::Uniform(keys) | Population::Zipf(keys) | Population::Passing(keys) => keys,
        }
    }

    fn with_keys(self, keys: u32) -> Population {
        match self {
            Population::One => Population::One,
            Population::Uniform(_) => Population::Uniform(keys),
            Population::Zipf(_) => Population::Zipf(keys),
            Population::Passing(_) => Population::Passing(keys),
        }
    }
}

impl Workload {
    /// Those that speed is measured with.
    pub const ALL: [Workload; 7] = [
        Workload { name: "one hot key", population: Population::One, pressure: 2.0 },
        Workload { name: "uniform keys", population: Population::Uniform(1_000_000), pressure: 2.0 },
        Workload { name: "Zipf keys", population: Population::Zipf(1_000_000), pressure: 2.0 },
        Workload { name: "mostly admitted", population: Population::Uniform(1_000), pressure: 0.5 },
        Workload { name: "a mix", population: Population::Uniform(1_000), pressure: 2.0 },
        Workload { name: "mostly refused", population: Population::Uniform(1_000), pressure: 20.0 },
        Workload { name: "churn", population: Population::Passing(100_000), pressure: 2.0 },
    ];

    /// What each of so many callers asks, each by a clock of its own, for all together to press as hard.
    pub fn shared_by(self, callers: usize) -> Workload {
        Workload { pressure: self.pressure / callers.max(1) as f64, ..self }
    }

    /// The same with fewer keys.
    pub fn with_keys(self, keys: u32) -> Workload {
        Workload { population: self.population.with_keys(keys), ..self }
    }

    /// Requests without end for a limit, at random moments (Poisson); a function of the seed.
    pub fn requests(&self, rate: Rate, seed: u64) -> Requests {
        let per_key = rate.per.0 as f64 / f64::from(rate.allow);
        let zipf_sums = match self.population {
            Population::Zipf(keys) => sums((1..=keys).map(|rank| 1.0 / f64::from(rank))),
            _ => Vec::new(),
        };
        Requests {
            population: self.population,
            zipf_sums,
            gap: per_key / f64::from(self.population.keys()) / self.pressure,
            rng: device_rng(seed, self.name, 0),
            now: 0.0,
            number: 0,
        }
    }
}

fn sums(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    let add = |sum: &mut f64, weight| {
        *sum += weight;
        Some(*sum)
    };
    weights.scan(0.0, add).collect()
}

/// See [`Workload::requests`].
pub struct Requests {
    population: Population,
    /// The weights of keys, each with all before it.
    zipf_sums: Vec<f64>,
    /// On average, in nanoseconds.
    gap: f64,
    rng: DeviceRng,
    now: f64,
    number: u64,
}

impl Requests {
    /// So many of them over and over, at least one. Of keys that come and go, later laps bring the next ones.
    pub fn replay(self, drawn: usize) -> Replay {
        let moves_on = match self.population {
            Population::Passing(_) => drawn as u64 / VISITS,
            _ => 0,
        };
        Replay { moves_on, ..Replay::new(self.take(drawn).collect()) }
    }

    fn key(&mut self) -> u64 {
        let number = self.number;
        match self.population {
            Population::One => 0,
            Population::Uniform(keys) => self.rng.random_range(0..u64::from(keys)),
            Population::Zipf(_) => {
                let point = share(&mut self.rng) * self.zipf_sums.last().copied().unwrap_or_default();
                self.zipf_sums.partition_point(|sum| *sum <= point) as u64
            }
            Population::Passing(keys) => number / VISITS + self.rng.random_range(0..u64::from(keys)),
        }
    }
}

impl Iterator for Requests {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        self.now -= libm::log(1.0 - share(&mut self.rng)) * self.gap;
        let key = self.key();
        self.number += 1;
        Some(Request { now: Nanos(self.now as u64), key, cost: 1 })
    }
}

/// In `0.0..1.0`.
fn share(rng: &mut DeviceRng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A stretch of requests over and over, each lap later than the last: what a benchmark asks without measuring how
/// requests are drawn.
#[derive(Clone, Debug)]
pub struct Replay {
    requests: Vec<Request>,
    next: usize,
    begun: Nanos,
    /// What a lap adds to the keys, and what earlier laps have added.
    moves_on: u64,
    moved_on: u64,
}

impl Replay {
    /// At least one. Every lap asks for the same keys; [`Requests::replay`] lets them pass.
    pub fn new(requests: Vec<Request>) -> Self {
        Replay { requests, next: 0, begun: Nanos::ZERO, moves_on: 0, moved_on: 0 }
    }

    /// How many requests a lap has.
    pub fn lap(&self) -> usize {
        self.requests.len()
    }

    /// The next request.
    #[inline]
    pub fn draw(&mut self) -> Request {
        let request = self.requests[self.next];
        let (now, key) = (self.begun + request.now, self.moved_on + request.key);
        self.next += 1;
        if self.next == self.requests.len() {
            (self.next, self.begun) = (0, now);
            self.moved_on += self.moves_on;
        }
        Request { now, key, ..request }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::{Gcra, Keyed};

    const RATE: Rate = Rate { allow: 10, per: Nanos::from_secs(1) };

    #[test]
    fn keys_ask_as_often_as_their_population_says() {
        for workload in Workload::ALL.map(|workload| workload.with_keys(100)) {
            let requests: Vec<Request> = workload.requests(RATE, 7).take(100_000).collect();
            let seconds = requests.last().unwrap().now.as_secs_f64();
            let keys = f64::from(workload.population.keys());
            let pressure = requests.len() as f64 / seconds / keys / 10.0;
            assert!((pressure / workload.pressure - 1.0).abs() < 0.05, "{}: {pressure}", workload.name);
            let of = |key: u64| requests.iter().filter(|request| request.key == key).count();
            match workload.population {
                Population::One => assert_eq!(of(0), 100_000),
                Population::Uniform(_) => assert!((800..1_200).contains(&of(17)), "{}", of(17)),
                Population::Zipf(_) => assert!((9..12).contains(&(of(0) / of(9))), "{} and {}", of(0), of(9)),
                Population::Passing(_) => {
                    let last = requests.iter().rposition(|request| request.key == 500).unwrap();
                    assert!(last < 6_000 && of(500) < 30, "key 500 comes back at {last}");
                }
            }
        }
    }

    #[test]
    fn callers_together_press_as_hard_as_one() {
        let lasts = |workload: Workload| workload.requests(RATE, 7).nth(20_000).unwrap().now.as_secs_f64();
        for workload in Workload::ALL.map(|workload| workload.with_keys(100)) {
            let ratio = lasts(workload.shared_by(4)) / lasts(workload);
            assert!((3.8..4.2).contains(&ratio), "{}: {ratio}", workload.name);
        }
    }

    /// Else nothing would ever be idle, and no store would forget anything.
    #[test]
    fn keys_that_have_passed_do_not_come_back_in_a_later_lap() {
        let churn = Workload::ALL[6].with_keys(100);
        let mut replay = churn.requests(RATE, 7).replay(10_000);
        let mut store = Keyed::new(Gcra::new(RATE, 10).unwrap());
        for number in 0..100_000 {
            let Request { now, key, cost } = replay.draw();
            store.check(now, key, cost);
            assert!((number / VISITS..=number / VISITS + 100).contains(&key), "key {key} in request {number}");
        }
        assert!(store.len() < 1_000, "{} of 10,000 keys are remembered", store.len());
    }

    #[test]
    fn a_replay_goes_on_where_a_lap_ends() {
        let requests: Vec<Request> = Workload::ALL[3].requests(RATE, 7).take(5).collect();
        let mut replay = Replay::new(requests.clone());
        let drawn: Vec<Request> = (0..12).map(|_| replay.draw()).collect();
        assert_eq!(drawn[..5], requests);
        assert!(drawn.windows(2).all(|pair| pair[0].now <= pair[1].now));
        assert_eq!(drawn[9].now, requests[4].now + requests[4].now);
    }
}
