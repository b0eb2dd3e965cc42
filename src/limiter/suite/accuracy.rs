//! How far off a limiter is on a workload, in figures.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::limiter::gcra::horizon;

use super::play::Play;
use super::{Claim, Oracle, Past, Subject, Workload};
use crate::time::Nanos;

/// The keys that ask in a play, and its requests.
const KEYS: u32 = 50;
const REQUESTS: usize = 2_000;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    pub workload: &'static str,
    pub decisions: u64,
    /// Requests that would have come later than limiters have to last, and were not made: where few are allowed in most
    /// of a year.
    pub left_out: u64,
    pub admitted: u64,
    /// Admitted where an oracle that knows what was admitted before would have refused.
    pub over: u64,
    /// Refused where it would have admitted.
    pub under: u64,
    /// The most that a key was admitted in any span of one window's length, and what the oracle by itself would have
    /// admitted to a key at most.
    pub worst_window: u32,
    pub worst_window_allowed: u32,
    /// How many refusals told a wait; by how many of them one would have been refused again, and in the worst case by how
    /// much; how many could have been shorter.
    pub waits: u64,
    pub short_waits: u64,
    pub short_by: Nanos,
    pub long_waits: u64,
    /// How many admissions told that another number remains than does.
    pub wrong_remaining: u64,
    /// Jain's index of what keys were admitted, as a share of what the oracle by itself admits each: 1 where all get the
    /// same share, 1/n where one of n gets everything.
    pub fairness: f64,
}

/// The admitted requests of one key.
#[derive(Default)]
struct Admitted(Vec<Nanos>);

impl Admitted {
    /// The most within any span of `per`.
    fn worst_window(&self, per: Nanos) -> u32 {
        let times = &self.0;
        let within = |(first, begin): (usize, &Nanos)| times[first..].partition_point(|at| *at - *begin < per);
        times.iter().enumerate().map(within).max().unwrap_or(0) as u32
    }
}

/// Plays a workload with a few keys only, each of which then has a past. It goes on for ten years and a hundred windows
/// at most.
pub fn measure<S: Subject>(claim: &Claim, workload: Workload, subject: S) -> Accuracy {
    let mut play = Play::new(claim, subject);
    let mut keys: BTreeMap<u64, (Admitted, Owed)> = BTreeMap::new();
    let requests = workload.with_keys(KEYS).requests(claim.terms.rate, 1).take(REQUESTS);
    for request in requests.take_while(|request| request.now <= horizon(claim.terms.rate)) {
        let (admitted, owed) = keys.entry(request.key).or_insert_with(|| (Admitted::default(), Owed::new(claim)));
        if play.ask(request.now, request.key, request.cost) {
            admitted.0.push(request.now);
        }
        owed.ask(request.now, request.cost);
    }
    let per = claim.terms.rate.per;
    let worst = |of: fn(&(Admitted, Owed)) -> &Admitted| keys.values().map(|key| of(key).worst_window(per)).max();
    let seen = &play.seen;
    Accuracy {
        workload: workload.name,
        decisions: seen.decisions,
        left_out: REQUESTS as u64 - seen.decisions,
        admitted: seen.admitted,
        over: seen.over.times,
        under: seen.under.times,
        worst_window: worst(|(admitted, _)| admitted).unwrap_or(0),
        worst_window_allowed: worst(|(_, owed)| &owed.admitted).unwrap_or(0),
        waits: seen.told_waits,
        short_waits: seen.short_waits.times,
        short_by: seen.short_by,
        long_waits: seen.long_waits.times,
        wrong_remaining: seen.wrong_remaining.times,
        fairness: fairness(keys.values()),
    }
}

/// What the oracle admits to a key by itself.
struct Owed {
    oracle: Oracle,
    admitted: Admitted,
}

impl Owed {
    fn new(claim: &Claim) -> Self {
        Owed { oracle: Oracle::new(claim.reading, claim.terms), admitted: Admitted::default() }
    }

    fn ask(&mut self, now: Nanos, cost: u32) {
        if self.oracle.fits(now, cost) {
            self.oracle.count(now, cost);
            self.admitted.0.push(now);
        }
    }
}

fn fairness<'a>(keys: impl Iterator<Item = &'a (Admitted, Owed)>) -> f64 {
    let share = |(got, owed): &(Admitted, Owed)| got.0.len() as f64 / owed.admitted.0.len().max(1) as f64;
    let shares: Vec<f64> = keys.map(share).collect();
    let (sum, squares) = (shares.iter().sum::<f64>(), shares.iter().map(|share| share * share).sum::<f64>());
    if squares == 0.0 { 0.0 } else { sum * sum / (shares.len() as f64 * squares) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jains_index_is_one_for_equal_shares_and_a_half_where_one_of_two_has_all() {
        let key = |got: usize, owed: usize| {
            let claim = Claim::new(crate::policy::reading::Reading::Rolling, 1, Nanos(1));
            let admitted = |count: usize| Admitted(vec![Nanos::ZERO; count]);
            (admitted(got), Owed { admitted: admitted(owed), ..Owed::new(&claim) })
        };
        assert_eq!(fairness([key(2, 4), key(3, 6)].iter()), 1.0);
        assert_eq!(fairness([key(4, 4), key(0, 4)].iter()), 0.5);
    }

    #[test]
    fn the_worst_window_is_any_span_of_its_length() {
        let admitted = Admitted([0, 900, 950, 1_000, 1_899, 1_900].map(Nanos).to_vec());
        assert_eq!(admitted.worst_window(Nanos(1_000)), 4);
    }
}
