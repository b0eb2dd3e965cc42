//! A server with a known limiter behind a network, in virtual time.

use rand::RngExt as _;

use crate::limiter::{Concurrency, LeakyQueue, Limiter};
use crate::probe::exchange::{Answer, Exchange, Volley};
use crate::probe::prober::{Brief, Move, Prober};
use crate::rng::{DeviceRng, device_rng};
use crate::time::{Anchor, Nanos};

/// What limits the server, of each client its own.
pub enum Server {
    Rate(Vec<Box<dyn Limiter + Send>>),
    Charging(Vec<Box<dyn Limiter + Send>>),
    Queue(Vec<LeakyQueue>),
    Concurrent { allow: usize, service: Nanos, open: Vec<Concurrency> },
}

pub struct World {
    server: Server,
    rng: DeviceRng,
    /// One way: the shortest, and what may be added.
    latency: (Nanos, Nanos),
    now: Nanos,
}

impl World {
    pub fn new(server: Server, seed: u64) -> World {
        let mut rng = device_rng(seed, "world", 0);
        let floor = Nanos::from_micros(rng.random_range(100..8_000));
        let jitter = Nanos(rng.random_range(0..floor.0));
        let now = Nanos(rng.random_range(0..10_000_000_000_000));
        World { server, rng, latency: (floor, jitter), now }
    }

    pub fn anchor() -> Anchor {
        Anchor { unix_nanos: 1_742_034_600_000_000_000 }
    }

    /// Plays a probe to its end.
    pub fn probe(mut self, brief: Brief) -> Prober {
        let mut prober = Prober::new(brief);
        loop {
            match prober.next(self.now) {
                Move::Done => return prober,
                Move::Wait(until) => self.now = until,
                Move::Send(volley) => {
                    let exchanges = self.ask(Nanos::ZERO, volley);
                    prober.answered(&exchanges);
                    self.now += Nanos::from_micros(50);
                }
            }
        }
    }

    /// Waits, and sends a volley then.
    pub fn ask(&mut self, after: Nanos, volley: Volley) -> Vec<Exchange> {
        self.now += after;
        let exchanges = self.send(volley);
        self.now = exchanges.iter().map(|exchange| exchange.done).max().unwrap_or(self.now);
        exchanges
    }

    fn way(&mut self) -> Nanos {
        self.latency.0 + Nanos(self.rng.random_range(0..=self.latency.1.0))
    }

    /// All at the same time.
    fn send(&mut self, volley: Volley) -> Vec<Exchange> {
        let sent = self.now;
        let mut arrivals: Vec<Nanos> = (0..volley.count).map(|_| sent + self.way()).collect();
        arrivals.sort_unstable();
        arrivals.into_iter().map(|arrival| self.exchange(volley.client, sent, arrival)).collect()
    }

    fn exchange(&mut self, client: usize, sent: Nanos, arrival: Nanos) -> Exchange {
        let (admitted, served) = match &mut self.server {
            Server::Rate(limiters) => (limiters[client].check(arrival, 1).admitted, arrival),
            Server::Charging(limiters) => {
                let admitted = limiters[client].peek(arrival, 1).admitted;
                limiters[client].count(arrival, 1);
                (admitted, arrival)
            }
            Server::Queue(queues) => {
                let delay = queues[client].delay(arrival);
                let admitted = queues[client].check(arrival, 1).admitted;
                (admitted, if admitted { arrival + delay } else { arrival })
            }
            Server::Concurrent { allow, service, open } => {
                let in_flight = open[client].counting(arrival, Nanos::ZERO);
                // Whoever came `service` ago has left.
                let gone = open[client].counting(arrival, *service);
                let admitted = in_flight - gone < *allow;
                if admitted {
                    open[client].open(arrival);
                }
                (admitted, if admitted { arrival + *service } else { arrival })
            }
        };
        let done = served + self.way();
        let answer = if admitted { Answer::Admitted } else { Answer::Refused { hint: None } };
        Exchange { client, sent, done, answer }
    }
}
