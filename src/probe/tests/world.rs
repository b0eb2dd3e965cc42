//! A server with a known limiter behind a network, in virtual time.

use super::network::{Network, Weather};
use crate::limiter::{Concurrency, LeakyQueue, Limiter};
use crate::probe::exchange::{Answer, Exchange, Volley};
use crate::probe::prober::{Brief, Move, Prober};
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
    network: Network,
    now: Nanos,
}

impl World {
    pub fn new(server: Server, seed: u64) -> World {
        World::in_weather(Weather::Even, server, seed)
    }

    pub fn in_weather(weather: Weather, server: Server, seed: u64) -> World {
        let mut network = Network::new(weather, seed);
        let now = network.begin();
        World { server, network, now }
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
                Move::Wait(until) => self.now = until + self.network.wakes_late_by(),
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

    /// All at the same time, as far as nothing stalls: then some leave late, and some of these were noted as sent before.
    fn send(&mut self, volley: Volley) -> Vec<Exchange> {
        let stall = self.network.stall(self.now);
        let of_prober = stall.filter(|stall| stall.of_prober);
        let of_server = stall.filter(|stall| !stall.of_prober);
        let mut arrivals: Vec<(Nanos, Nanos)> = (0..volley.count)
            .map(|_| {
                let leaves = of_prober.filter(|_| self.network.chance()).map_or(self.now, |stall| stall.until);
                let sent = if self.network.chance() { self.now } else { leaves };
                let arrival = leaves + self.network.way();
                (of_server.map_or(arrival, |stall| stall.after(arrival)), sent)
            })
            .collect();
        arrivals.sort_unstable();
        let mut exchanges: Vec<Exchange> =
            arrivals.into_iter().map(|(arrival, sent)| self.exchange(volley.client, sent, arrival)).collect();
        for exchange in &mut exchanges {
            exchange.done = of_prober.map_or(exchange.done, |stall| stall.after(exchange.done));
        }
        exchanges
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
        let done = served + self.network.way();
        let answer = if admitted { Answer::Admitted } else { Answer::Refused };
        Exchange { client, sent, done, answer }
    }
}
