//! A periodic schedule: places `every` apart, each tick moved around its own place, so jitter never adds up.

use super::draws::Draws;
use crate::scenario::fleet::CadenceSpec;
use crate::time::Nanos;

/// Where a schedule stands. What it repeats is the [`CadenceSpec`] given to each call, always the same one.
#[derive(Clone, Debug)]
pub struct Cadence {
    /// The next tick's place.
    place: Nanos,
    /// The next tick: its place, moved by its jitter.
    at: Nanos,
    draws: Draws,
}

/// A tick that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    pub due: Nanos,
    /// Earlier ticks that were slept through.
    pub missed: u32,
}

impl Cadence {
    /// The first place is a random part of `every` (the phase) after `from`.
    pub fn start(spec: &CadenceSpec, from: Nanos, mut draws: Draws) -> Self {
        let place = from.saturating_add(draws.within(spec.every));
        let mut cadence = Cadence { place, at: place, draws };
        cadence.at = cadence.jittered(spec).max(from);
        cadence
    }

    /// Starts again from `from` with a new phase.
    pub fn restart(&mut self, spec: &CadenceSpec, from: Nanos) {
        *self = Self::start(spec, from, self.draws.clone());
    }

    /// Starts again with a tick at `from` itself: what a charger's heartbeat does when the charger is back.
    pub fn restart_at(&mut self, from: Nanos) {
        self.place = from;
        self.at = from;
    }

    /// When the next tick comes.
    pub fn next(&self) -> Nanos {
        self.at
    }

    /// The tick that has come by `now`, if one has. Of several only the newest is made: the others are missed.
    pub fn fire(&mut self, spec: &CadenceSpec, now: Nanos) -> Option<Tick> {
        if self.at > now {
            return None;
        }
        let missed = (now - self.at).0 / spec.every.0;
        let mut due = self.at;
        if missed > 0 {
            self.place += spec.every * missed;
            due = self.jittered(spec).clamp(due, now);
        }
        self.place += spec.every;
        self.at = self.jittered(spec).max(due);
        Some(Tick { due, missed: u32::try_from(missed).unwrap_or(u32::MAX) })
    }

    fn jittered(&mut self, spec: &CadenceSpec) -> Nanos {
        let shift = spec.every.0 as f64 * spec.jitter * self.draws.either_way();
        Nanos(self.place.0.saturating_add_signed(shift as i64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVERY_10S: CadenceSpec = CadenceSpec { every: Nanos::from_secs(10), jitter: 0.1 };

    fn started(jitter: f64, seed: u64) -> (CadenceSpec, Cadence) {
        let spec = CadenceSpec { jitter, ..EVERY_10S };
        let cadence = Cadence::start(&spec, Nanos::from_secs(100), Draws::seeded(seed));
        (spec, cadence)
    }

    proptest! {
        #[test]
        fn a_tick_stays_around_its_place_however_many_went_before(seed: u64, jitter in 0.0..=1.0f64) {
            let (spec, mut cadence) = started(jitter, seed);
            let first_place = cadence.place;
            for tick in 0..500u64 {
                let due = cadence.fire(&spec, cadence.next()).unwrap().due;
                let place = first_place + spec.every * tick;
                prop_assert!(due.0.abs_diff(place.0) as f64 <= spec.every.0 as f64 * jitter + 1.0);
            }
        }

        #[test]
        fn a_wake_up_never_makes_more_than_one_tick_due_per_interval(seed: u64, late in 0..200_000_000_000u64) {
            let (spec, mut cadence) = started(0.1, seed);
            let now = cadence.next() + Nanos(late);
            let tick = cadence.fire(&spec, now).unwrap();
            prop_assert_eq!(u64::from(tick.missed), late / spec.every.0);
            prop_assert!(tick.due <= now && now.0 - tick.due.0 <= (spec.every.0 as f64 * 1.2) as u64 + 1);
        }
    }

    #[test]
    fn nothing_fires_early() {
        let (spec, mut cadence) = started(0.1, 1);
        let next = cadence.next();
        assert_eq!(cadence.fire(&spec, Nanos(next.0 - 1)), None);
        assert_eq!(cadence.fire(&spec, next), Some(Tick { due: next, missed: 0 }));
        assert_eq!(cadence.fire(&spec, next), None);
    }

    #[test]
    fn phases_fill_the_whole_interval() {
        let first = |seed| (started(0.0, seed).1.next() - Nanos::from_secs(100)).as_secs_f64();
        let early = (0..1000).filter(|&seed| first(seed) < 5.0).count();
        assert!((430..570).contains(&early), "{early}");
        assert!((0..1000).all(|seed| first(seed) < 10.0));
    }
}
