//! Generic cell rate algorithm, as virtual scheduling: a key has one theoretical arrival time (TAT), by which all that it
//! used will have run in again. A request moves it on by `per / allow`, from now if that is later, and is refused if it
//! would lie further ahead than a full burst.
//!
//! Source: ITU-T I.371, annex A, the virtual scheduling algorithm. It decides as a [`super::TokenBucket`] does.

use std::num::NonZeroU64;

use super::{Algorithm, Decision, Rate};
use crate::time::Nanos;

/// What all keys share. Times are kept in ticks, a whole number to the nanosecond, so that the time of a request is a
/// whole number of them and nothing is rounded.
#[derive(Clone, Copy, Debug)]
pub struct Gcra {
    ticks_per_nano: NonZeroU64,
    /// How far a request moves the TAT on.
    interval: NonZeroU64,
    /// How far ahead of now the TAT may lie.
    burst: u64,
    /// How far ahead of now it may lie before a request that costs one.
    room: u64,
}

/// What a key has: one more than its ticks, so that no entry of a store is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tat(NonZeroU64);

impl Tat {
    pub const NEW: Tat = Tat(NonZeroU64::MIN);

    #[inline]
    fn at(ticks: u64) -> Option<Tat> {
        NonZeroU64::MIN.checked_add(ticks).map(Tat)
    }

    #[inline]
    fn ticks(self) -> u64 {
        self.0.get() - 1
    }
}

/// What of a request all keys have in common, in ticks.
pub(super) struct Asked {
    now: u64,
    /// What it moves the TAT on by.
    used: u64,
    /// How far ahead of now the TAT may lie before it.
    room: u64,
}

const YEAR: Nanos = Nanos::from_secs(365 * 86_400);

/// Ticks last so long at least: ten years, and a hundred windows of up to a year. Afterwards everything is refused.
pub(super) fn horizon(rate: Rate) -> Nanos {
    YEAR * 10 + rate.per.min(YEAR) * 100
}

impl Gcra {
    /// `capacity` requests may come at once. None where none ever may, and where 64 bits hold ten years and a hundred windows only in ticks too
    /// coarse to be exact, which takes a rate such as 997 a second; a [`super::TokenBucket`] has no such bound.
    ///
    /// Times count from when the process began, or thereabouts: by the time that the ticks have run out, which is ten years
    /// and a hundred windows at least, everything is refused, and the wall clock of today is beyond that at many rates.
    pub fn new(rate: Rate, capacity: u32) -> Option<Gcra> {
        let common = NonZeroU64::new(common_divisor(rate.per.0, u64::from(rate.allow)))?;
        let interval = NonZeroU64::new(rate.per.0 / common)?;
        let ticks_per_nano = NonZeroU64::new(u64::from(rate.allow) / common)?;
        let burst = interval.get().checked_mul(u64::from(capacity))?;
        let room = burst.checked_sub(interval.get())?;
        horizon(rate).0.checked_mul(ticks_per_nano.get())?.checked_add(burst)?.checked_add(1)?;
        Some(Gcra { ticks_per_nano, interval, burst, room })
    }

    /// A request in ticks, before any TAT is looked at; None where it costs more than ever fits.
    #[inline]
    pub(super) fn asked(&self, now: Nanos, cost: u32) -> Option<Asked> {
        let (used, room) = match cost {
            // What costs nothing is admitted however far ahead the TAT lies.
            0 => (0, u64::MAX),
            // By far the most: nothing is multiplied for them.
            1 => (self.interval.get(), self.room),
            cost => self.several(cost)?,
        };
        Some(Asked { now: self.ticks(now), used, room })
    }

    #[cold]
    fn several(&self, cost: u32) -> Option<(u64, u64)> {
        let used = self.interval.get().checked_mul(u64::from(cost))?;
        Some((used, self.burst.checked_sub(used)?))
    }

    /// The TAT if the request is admitted, else how long it has to wait. Nothing is divided here: threads that share a
    /// TAT are soonest done with it.
    #[inline]
    pub(super) fn admit(&self, asked: &Asked, tat: u64) -> Result<u64, Nanos> {
        let ahead = tat.saturating_sub(asked.now);
        if ahead > asked.room {
            return Err(self.nanos(ahead - asked.room));
        }
        asked.now.checked_add(ahead + asked.used).ok_or(Nanos::MAX)
    }

    /// How much more would be admitted once the TAT has moved there.
    #[inline]
    pub(super) fn remaining(&self, asked: &Asked, moved: u64) -> u32 {
        (self.burst.saturating_sub(moved - asked.now) / self.interval) as u32
    }

    /// The decision, and the TAT after it.
    #[inline]
    fn decide(&self, tat: Tat, now: Nanos, cost: u32) -> (Decision, Tat) {
        let Some(asked) = self.asked(now, cost) else { return (Decision::refuse(Nanos::MAX), tat) };
        let moved = self.admit(&asked, tat.ticks()).and_then(|moved| Tat::at(moved).ok_or(Nanos::MAX));
        match moved {
            Ok(moved) => (Decision::admit(self.remaining(&asked, moved.ticks())), moved),
            Err(wait) => (Decision::refuse(wait), tat),
        }
    }

    #[inline]
    fn ticks(&self, now: Nanos) -> u64 {
        if self.ticks_per_nano.get() == 1 { now.0 } else { self.finer_ticks(now) }
    }

    /// Out of the way of limits whose ticks are nanoseconds, as most are.
    #[cold]
    fn finer_ticks(&self, now: Nanos) -> u64 {
        now.0.saturating_mul(self.ticks_per_nano.get())
    }

    /// Rounded up.
    #[inline]
    fn nanos(&self, ticks: u64) -> Nanos {
        match self.ticks_per_nano.get() {
            1 => Nanos(ticks),
            each => Nanos(ticks.div_ceil(each)),
        }
    }
}

impl Algorithm for Gcra {
    type State = Tat;

    const IS_A_WORD: bool = true;

    #[inline]
    fn word(tat: &Tat) -> u64 {
        tat.ticks()
    }

    #[inline]
    fn refusal(&self, tat: u64, now: Nanos, cost: u32) -> Option<Decision> {
        self.admit(&self.asked(now, cost)?, tat).err().map(Decision::refuse)
    }

    #[inline]
    fn new_key(&self) -> Tat {
        Tat::NEW
    }

    #[inline]
    fn peek(&self, tat: &mut Tat, now: Nanos, cost: u32) -> Decision {
        self.decide(*tat, now, cost).0
    }

    #[inline]
    fn count(&self, tat: &mut Tat, now: Nanos, cost: u32) {
        let used = self.interval.get().saturating_mul(u64::from(cost));
        let moved = tat.ticks().max(self.ticks(now)).saturating_add(used);
        *tat = Tat::at(moved).unwrap_or(Tat(NonZeroU64::MAX));
    }

    #[inline]
    fn check(&self, tat: &mut Tat, now: Nanos, cost: u32) -> Decision {
        let (decision, moved) = self.decide(*tat, now, cost);
        *tat = moved;
        decision
    }

    #[inline]
    fn is_new(&self, tat: &mut Tat, now: Nanos) -> bool {
        tat.ticks() <= self.ticks(now)
    }
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
