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
    /// Each wait is so many times the one before, until all is over that is expected.
    growth: f64,
}

/// Where requests suffice for it, and where there are hardly any.
const GROWTH: f64 = 1.22;
const MOST_GROWTH: f64 = 3.0;
/// From then on it may be that every request puts off what it waits for.
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
        let shortest = slack.max(Nanos::from_millis(5));
        let requests = brief.requests.saturating_sub(log.sightings().len() as u32);
        let growth = growth(shortest, expected.last().map_or(shortest, |last| *last - drained), requests);
        Scan { drained, last: drained, shortest, expected, growth }
    }

    pub fn next(&mut self, now: Nanos) -> Nanos {
        let since = self.last.max(now).saturating_sub(self.drained).max(self.shortest);
        let growth = if self.expected.last().is_some_and(|last| now > *last) {
            GROWTH_BEYOND.max(self.growth)
        } else {
            self.growth
        };
        let regular = self.drained + since.scale(growth).max(since + self.shortest);
        let earliest = now + Nanos(self.shortest.0 / 2);
        let due = self.expected.iter().copied().find(|at| *at > self.last && *at >= earliest);
        self.last = due.map_or(regular, |due| due.min(regular));
        self.last
    }
}

/// So that all that is expected is seen before half of the requests are spent.
fn growth(shortest: Nanos, longest: Nanos, requests: u32) -> f64 {
    let times = longest.0.max(shortest.0) as f64 / shortest.0.max(1) as f64;
    times.powf(2.0 / f64::from(requests.max(1))).clamp(GROWTH, MOST_GROWTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_requests_suffice_for_long_waits_and_many_look_closely() {
        let (shortest, longest) = (Nanos::from_millis(5), Nanos::from_secs(10));
        assert_eq!(growth(shortest, longest, 1_000), GROWTH);
        let few = growth(shortest, longest, 40);
        assert!((0.005 * few.powi(20) - 10.0).abs() < 1e-6, "{few}");
        assert_eq!(growth(shortest, longest, 2), MOST_GROWTH);
    }
}
