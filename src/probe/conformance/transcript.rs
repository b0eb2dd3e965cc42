//! All that was sent and came back, with what it was sent for.

use super::trial::{Step, Trial};
use crate::probe::witness::{Guise, Witness};
use crate::time::Nanos;

/// One request of a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// None while the limiter was being identified.
    pub purpose: Option<(Trial, Step)>,
    /// Which volley it went out with.
    pub volley: u32,
    pub witness: Witness,
}

impl Entry {
    pub fn is_of(&self, trial: Trial) -> bool {
        self.purpose.is_some_and(|(own, _)| own == trial)
    }

    pub fn step(&self) -> Option<Step> {
        self.purpose.map(|(_, step)| step)
    }
}

/// What a probe sent and what came back, in the order of its volleys.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    entries: Vec<Entry>,
    volleys: u32,
}

impl Transcript {
    pub fn add(&mut self, purpose: Option<(Trial, Step)>, witnesses: &[Witness]) {
        let volley = self.volleys;
        self.volleys += 1;
        self.entries.extend(witnesses.iter().map(|witness| Entry { purpose, volley, witness: witness.clone() }));
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn of(&self, trial: Trial) -> impl Iterator<Item = &Entry> + Clone {
        self.entries.iter().filter(move |entry| entry.is_of(trial))
    }

    /// What became of the probe's own requests.
    pub fn own(&self) -> impl Iterator<Item = &Witness> {
        self.entries.iter().map(|entry| &entry.witness).filter(|witness| witness.guise.is_own())
    }

    /// What became of one of the requests beside the probe's own, by its place.
    pub fn beside(&self, nth: u8) -> impl Iterator<Item = &Witness> {
        self.entries.iter().map(|entry| &entry.witness).filter(move |witness| witness.guise == Guise::Beside(nth))
    }

    /// Whether the first client was refused while the limiter was being identified, and never let in again.
    pub fn stays_refused(&self) -> bool {
        let before = self.entries.iter().filter(|entry| entry.purpose.is_none()).map(|entry| &entry.witness);
        let own = before.filter(|witness| witness.client == 0);
        let refused = own.clone().filter(|witness| witness.is_refused()).map(|witness| witness.done).min();
        refused.is_some_and(|refused| !own.clone().any(|witness| witness.is_admitted() && witness.sent > refused))
    }

    /// When the last answer of a client came; None if it has sent nothing.
    pub fn last_done(&self, client: Option<usize>) -> Option<Nanos> {
        let own = |entry: &&Entry| client.is_none_or(|client| entry.witness.client == client);
        self.entries.iter().filter(own).map(|entry| entry.witness.done).max()
    }

    /// How long an answer takes, as a rule.
    pub fn usual(&self) -> Nanos {
        let mut latencies: Vec<Nanos> =
            self.entries.iter().map(|entry| entry.witness.done - entry.witness.sent).collect();
        let middle = latencies.len() / 2;
        if latencies.is_empty() { Nanos::ZERO } else { *latencies.select_nth_unstable(middle).1 }
    }
}
