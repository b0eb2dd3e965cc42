//! Looks for the first recovery: single requests, each a little later than the one before, and on both sides of every
//! moment at which the documents let it be expected.

use super::candidates::Documented;
use super::exchange::{Log, Sighting};
use super::prober::Brief;
use crate::time::Nanos;

pub struct Scan {
    /// When the drain was over.
    drained: Nanos,
    last: Nanos,
    shortest: Nanos,
    /// In order.
    expected: Vec<Nanos>,
}

/// Each wait is so many times the one before, until all is over that is expected. From then on it may be that every
/// request puts off what it waits for.
const GROWTH: f64 = 1.22;
const GROWTH_BEYOND: f64 = 1.6;
/// A moment that is expected is looked at so much, as a share of the wait, before and after it.
const AROUND: f64 = 0.02;

impl Scan {
    pub fn new(brief: &Brief, log: &Log, drained: Nanos) -> Scan {
        let first = log.sightings().first().map_or(drained, Sighting::middle);
        let admitted = log.sightings().iter().rev().find(|sighting| sighting.admitted);
        let emptied = admitted.map_or(drained, Sighting::middle);
        let slack = log.usual() * 2;
        let mut expected = Vec::new();
        let mut expect = |from: Nanos, wait: Nanos| {
            let margin = wait.scale(AROUND).max(slack);
            expected.extend([(from + wait).saturating_sub(margin), from + wait + margin]);
        };
        for documented in &brief.documented {
            let Documented::Rate { allow, per, .. } = *documented else { continue };
            let token = Nanos(per.0 / u64::from(allow.max(1)));
            expect(first, per);
            expect(first, token);
            expect(emptied, token);
            let clock = brief.anchor.unix_nanos.saturating_add(drained.0);
            expect(drained, Nanos(per.0 - clock % per.0.max(1)));
        }
        expected.retain(|at| *at > drained);
        expected.sort_unstable();
        Scan { drained, last: drained, shortest: slack.max(Nanos::from_millis(5)), expected }
    }

    pub fn next(&mut self, now: Nanos) -> Nanos {
        let since = self.last.max(now).saturating_sub(self.drained).max(self.shortest);
        let growth = if self.expected.last().is_some_and(|last| now > *last) { GROWTH_BEYOND } else { GROWTH };
        let regular = self.drained + since.scale(growth).max(since + self.shortest);
        let earliest = now + Nanos(self.shortest.0 / 2);
        let due = self.expected.iter().copied().find(|at| *at > self.last && *at >= earliest);
        self.last = due.map_or(regular, |due| due.min(regular));
        self.last
    }
}
