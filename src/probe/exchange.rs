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
    Refused,
    /// Nobody is let in with this credential, or not for nothing: status 401, 402, 403 or 451.
    Barred,
    /// Nothing is known of it: no answer, or one that says nothing of quotas. Whether it was counted is unknown too.
    Lost,
}

/// What an exchange proves about the server's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub client: usize,
    pub sent: Nanos,
    /// The decision fell between `sent` and this.
    pub decided_by: Nanos,
    pub done: Nanos,
    /// How far the server's clock may be off.
    pub margin: Nanos,
    pub admitted: bool,
}

impl Sighting {
    /// The decision fell between this and [`Sighting::latest`], by the server's clock.
    pub fn earliest(&self) -> Nanos {
        self.sent.saturating_sub(self.margin)
    }

    pub fn latest(&self) -> Nanos {
        self.decided_by.saturating_add(self.margin)
    }

    /// Where it is taken to have fallen for want of anything better.
    pub fn middle(&self) -> Nanos {
        self.sent + Nanos((self.decided_by - self.sent).0 / 2)
    }

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
    admitted: u32,
    /// The quickest answer to a request that was admitted.
    quickest_admitted: Nanos,
}

/// An answer that takes this much longer than the quickest one waited for something.
const SLOW_FACTOR: u64 = 4;
const SLOW_BEYOND: Nanos = Nanos::from_millis(10);
/// Servers' clocks tick in milliseconds and are slewed, and one that hands requests to threads looks at the clock and counts
/// at moments that others may come between: no moment is known better than that, nor than a part of what answers take.
pub const TICK: Nanos = Nanos::from_millis(2);
const MARGIN_PART: u64 = 6;
/// The quickest of fewer may have been held up on its way.
const FEW_ADMITTED: u32 = 4;

impl Log {
    /// Takes in a volley's answers. Where the order of the server's decisions is unknown, those that admitted are taken to
    /// have come first, which is always possible.
    pub fn add(&mut self, exchanges: &[Exchange]) {
        for exchange in exchanges {
            let latency = exchange.done.saturating_sub(exchange.sent);
            let place = self.latencies.partition_point(|known| *known <= latency);
            self.latencies.insert(place, latency);
            if exchange.answer == Answer::Admitted {
                let known = if self.admitted == 0 { latency } else { self.quickest_admitted };
                self.quickest_admitted = known.min(latency);
                self.admitted += 1;
            }
        }
        self.usual = self.longest_usual();
        let volley = exchanges.iter().filter_map(|exchange| self.sighting(exchange));
        let (admitted, refused): (Vec<Sighting>, Vec<Sighting>) = volley.partition(|sighting| sighting.admitted);
        self.volleys.push(self.sightings.len());
        self.sightings.extend(in_order(admitted));
        self.sightings.extend(in_order(refused));
    }

    pub fn sightings(&self) -> &[Sighting] {
        &self.sightings
    }

    /// When the last of them was answered.
    pub fn ended(&self) -> Nanos {
        self.sightings.last().map_or(Nanos::ZERO, |sighting| sighting.done)
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

    /// The most that one client was surely admitted within so long.
    pub fn most_admitted_within(&self, per: Nanos) -> u32 {
        let admitted: Vec<&Sighting> = self.sightings.iter().filter(|sighting| sighting.admitted).collect();
        let from = |first: &Sighting| {
            let is_within = |other: &&&Sighting| {
                other.client == first.client && other.sent >= first.sent && other.done <= first.sent.saturating_add(per)
            };
            admitted.iter().filter(is_within).count() as u32
        };
        admitted.iter().map(|first| from(first)).max().unwrap_or_default()
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

    /// How many answers took much longer than the quickest.
    pub fn held_up(&self) -> usize {
        let slow = self.slow();
        self.latencies.len() - self.latencies.partition_point(|latency| *latency <= slow)
    }

    /// How long it takes at least to serve what was admitted: the decision fell so long before the answer.
    pub fn service(&self) -> Nanos {
        match self.admitted {
            0..FEW_ADMITTED => Nanos::ZERO,
            _ => self.quickest_admitted.saturating_sub(self.usual),
        }
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
            Answer::Refused => false,
            Answer::Barred | Answer::Lost => return None,
        };
        let Exchange { client, sent, done, .. } = *exchange;
        let decided_by = if admitted { done.saturating_sub(self.service()).max(sent) } else { done };
        let margin = TICK.max(Nanos(self.usual.0 / MARGIN_PART));
        Some(Sighting { client, sent, decided_by, done, margin, admitted })
    }
}

/// The requests of a volley with the same answer, in the order of the server's decisions. Nobody knows which of them came
/// first, and it makes no difference: the n-th decision fell after n of them were sent, and before the n-th was done.
fn in_order(alike: Vec<Sighting>) -> impl Iterator<Item = Sighting> {
    let sorted = |moment: fn(&Sighting) -> Nanos| {
        let mut moments: Vec<Nanos> = alike.iter().map(moment).collect();
        moments.sort_unstable();
        moments
    };
    let decided_by = sorted(|sighting| sighting.decided_by);
    let (sent, done) = (sorted(|sighting| sighting.sent), sorted(|sighting| sighting.done));
    let moments = sent.into_iter().zip(decided_by).zip(done);
    alike.into_iter().zip(moments).map(|(sighting, ((sent, decided_by), done))| Sighting {
        sent,
        decided_by,
        done,
        ..sighting
    })
}
