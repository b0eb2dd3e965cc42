//! What is sent, what comes back, and what it proves: a server decides about a request somewhere between its first byte
//! leaving and its answer coming.

use crate::time::Nanos;

/// Requests that go out at the same time, from one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volley {
    /// Which of the clients sends: 0 for the first.
    pub client: usize,
    pub count: u32,
}

/// One request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub client: usize,
    pub sent: Nanos,
    pub done: Nanos,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Admitted,
    /// With the wait that the refusal names, if it names one.
    Refused {
        hint: Option<Nanos>,
    },
    /// Nobody is let in with this credential: status 401 or 403.
    Barred,
    /// Nothing is known of it: no answer, or one that says nothing of quotas. Whether it was counted is unknown too.
    Lost,
}

/// What an exchange proves about the server's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub client: usize,
    /// The decision fell between these two, as it looks from any other decision: what is unknown of when the others fell
    /// is in both.
    pub earliest: Nanos,
    pub latest: Nanos,
    /// Where it is taken to have fallen when it is counted.
    pub at: Nanos,
    pub sent: Nanos,
    pub done: Nanos,
    pub admitted: bool,
}

impl Sighting {
    pub fn latency(&self) -> Nanos {
        self.done - self.sent
    }
}

/// All that was seen, in volleys.
#[derive(Clone, Debug, Default)]
pub struct Log {
    sightings: Vec<Sighting>,
    /// Where each volley begins.
    volleys: Vec<usize>,
    latencies: Vec<Nanos>,
    usual: Nanos,
    /// The quickest answer to a request that was admitted.
    quickest_admitted: Option<Nanos>,
}

/// An answer that takes this much longer than the quickest one waited for something.
const SLOW_FACTOR: u64 = 4;
const SLOW_BEYOND: Nanos = Nanos::from_millis(10);
/// Servers' clocks tick in milliseconds: no moment is known better than that.
const TICK: Nanos = Nanos::from_millis(1);

impl Log {
    /// Takes in a volley's answers. Where the order of the server's decisions is unknown, those that admitted are taken to
    /// have come first, which is always possible.
    pub fn add(&mut self, exchanges: &[Exchange]) {
        for exchange in exchanges {
            let latency = exchange.done.saturating_sub(exchange.sent);
            let place = self.latencies.partition_point(|known| *known <= latency);
            self.latencies.insert(place, latency);
            if exchange.answer == Answer::Admitted {
                self.quickest_admitted = Some(self.quickest_admitted.map_or(latency, |known| known.min(latency)));
            }
        }
        self.usual = self.longest_usual();
        let mut volley: Vec<Sighting> = exchanges.iter().filter_map(|exchange| self.sighting(exchange)).collect();
        volley.sort_by_key(|sighting| (!sighting.admitted, sighting.at));
        self.volleys.push(self.sightings.len());
        self.sightings.extend(volley);
    }

    pub fn sightings(&self) -> &[Sighting] {
        &self.sightings
    }

    pub fn volleys(&self) -> impl Iterator<Item = &[Sighting]> {
        let ends = self.volleys.iter().skip(1).copied().chain([self.sightings.len()]);
        self.volleys.iter().zip(ends).map(|(begin, end)| &self.sightings[*begin..end])
    }

    /// The most that were sent at the same time.
    pub fn most_abreast(&self) -> u32 {
        self.volleys().map(<[Sighting]>::len).max().unwrap_or_default() as u32
    }

    /// The most that were sent at the same time and all admitted.
    pub fn most_admitted_abreast(&self) -> u32 {
        let admitted = self.volleys().filter(|volley| volley.iter().all(|sighting| sighting.admitted));
        admitted.map(<[Sighting]>::len).max().unwrap_or_default() as u32
    }

    pub fn last_volley(&self) -> &[Sighting] {
        &self.sightings[self.volleys.last().copied().unwrap_or_default()..]
    }

    /// The longest that an answer takes which waited for nothing: how well moments are known.
    pub fn usual(&self) -> Nanos {
        self.usual
    }

    /// The longest that any answer took.
    pub fn longest(&self) -> Nanos {
        self.latencies.last().copied().unwrap_or_default()
    }

    /// How long it takes at least to serve what was admitted: the decision fell so long before the answer.
    fn service(&self) -> Nanos {
        self.quickest_admitted.unwrap_or_default().saturating_sub(self.usual)
    }

    /// Above this, an answer waited for something.
    fn slow(&self) -> Nanos {
        let quickest = self.latencies.first().copied().unwrap_or_default();
        (quickest * SLOW_FACTOR).saturating_add(SLOW_BEYOND)
    }

    fn longest_usual(&self) -> Nanos {
        let slow = self.slow();
        let usual = self.latencies.partition_point(|latency| *latency <= slow);
        usual.checked_sub(1).map_or(slow, |last| self.latencies[last])
    }

    fn sighting(&self, exchange: &Exchange) -> Option<Sighting> {
        let admitted = match exchange.answer {
            Answer::Admitted => true,
            Answer::Refused { .. } => false,
            Answer::Barred | Answer::Lost => return None,
        };
        let half = Nanos(self.usual.max(TICK).0 / 2);
        let Exchange { client, sent, done, .. } = *exchange;
        let within = Nanos(done.saturating_sub(sent).min(self.usual).0 / 2);
        let decided_by = if admitted { done.saturating_sub(self.service()).max(sent) } else { done };
        Some(Sighting {
            client,
            earliest: sent.saturating_sub(half),
            latest: decided_by.saturating_add(half),
            at: sent.saturating_add(within),
            sent,
            done,
            admitted,
        })
    }
}
