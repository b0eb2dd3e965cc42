//! What a limiter says of itself: what the suite holds it to.

use std::fmt;

use super::Wrong;
use crate::limiter::{Rate, Terms};
use crate::policy::reading::Reading;
use crate::time::{Anchor, Nanos};

/// Everything is judged to the nanosecond. One that rounds up what it tells to wait says so with
/// [`Claim::waits_rounded_up_to`]. One whose clock is coarser makes its claim in its own units, and takes each nanosecond
/// for one: by the millisecond, ten in a second are `Claim::new(reading, 10, Nanos(1_000))`, asked with
/// `limiter.check(now.0, key)` and told to wait `Nanos(millis)`. What is printed in nanoseconds then is in that unit.
///
/// A rolling counter is known as one that rounds its estimate up, in windows on the clock; one that rounds it down admits
/// more, and is said to.
///
/// Some tens of requests in a window show everything; with thousands the oracle, which looks through all of them at
/// every decision, takes its time: a minute and a half for a rolling window of 3,000 where nothing is optimized.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub reading: Reading,
    pub terms: Terms,
    /// Requests may cost other than one.
    pub costs: bool,
    /// The clock may go back, and lets nothing through twice.
    pub backwards: bool,
    /// What it tells to wait may be longer than it takes by less than this.
    pub wait_unit: Nanos,
}

impl Claim {
    /// `allow` per `per`. A leaky bucket holds one beside what may wait ([`Claim::burst`]).
    ///
    /// # Panics
    ///
    /// Where `allow` or `per` is zero, or `per` is longer than a year.
    pub fn new(reading: Reading, allow: u32, per: Nanos) -> Claim {
        assert!(allow > 0, "a limit of nothing cannot be examined");
        assert!(per > Nanos::ZERO && per <= YEAR, "a window of {per} cannot be examined: up to a year can");
        Claim { reading, terms: Terms::from(Rate { allow, per }), costs: true, backwards: true, wait_unit: Nanos(1) }
    }

    /// The size of a bucket, where it is not `allow`; what may wait in a leaky one, where it is not zero.
    pub fn burst(mut self, burst: u32) -> Claim {
        self.terms.burst = Some(burst);
        self
    }

    /// The wall clock at [`Nanos::ZERO`], for windows on the clock; else it shows zero.
    pub fn anchored(mut self, anchor: Anchor) -> Claim {
        self.terms.anchor = anchor;
        self
    }

    /// The limiter cannot be asked for a request that costs more or less than one.
    pub fn every_request_costs_one(mut self) -> Claim {
        self.costs = false;
        self
    }

    /// The limiter's clock cannot be set back.
    pub fn clock_only_goes_forward(mut self) -> Claim {
        self.backwards = false;
        self
    }

    /// What it tells to wait is in whole milliseconds, seconds or another unit, as a header's is. Rounded down it is too
    /// short all the same.
    ///
    /// # Panics
    ///
    /// Where the unit is zero.
    pub fn waits_rounded_up_to(mut self, unit: Nanos) -> Claim {
        assert!(unit > Nanos::ZERO, "a wait cannot be rounded to nothing");
        self.wait_unit = unit;
        self
    }

    /// Whether what is wrong to the nanosecond is what it claims.
    pub(super) fn allows(&self, wrong: Wrong) -> bool {
        matches!(wrong, Wrong::LongWait(by) if by < self.wait_unit)
    }

    /// The most that may come at once.
    pub fn ceiling(&self) -> u32 {
        self.reading.ceiling(self.terms.rate.allow, self.terms.burst)
    }
}

const YEAR: Nanos = Nanos::from_secs(365 * 86_400);

/// `token bucket, 5 per 1s, burst 8`
impl fmt::Display for Claim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rate { allow, per } = self.terms.rate;
        write!(out, "{}, {allow} per {per}", self.reading.title())?;
        if let Some(burst) = self.terms.burst {
            write!(out, ", burst {burst}")?;
        }
        if self.wait_unit > Nanos(1) {
            write!(out, ", waits in whole {}", self.wait_unit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a limit of nothing cannot be examined")]
    fn a_limit_of_nothing_is_no_claim() {
        Claim::new(Reading::Rolling, 0, Nanos(1));
    }

    #[test]
    #[should_panic(expected = "a window of 0s cannot be examined")]
    fn a_window_without_length_is_no_claim() {
        Claim::new(Reading::Rolling, 1, Nanos::ZERO);
    }

    #[test]
    #[should_panic(expected = "up to a year can")]
    fn a_window_longer_than_a_year_is_no_claim() {
        Claim::new(Reading::Rolling, 1, YEAR + Nanos(1));
    }

    #[test]
    #[should_panic(expected = "a wait cannot be rounded to nothing")]
    fn waits_in_units_of_nothing_are_no_claim() {
        let _ = Claim::new(Reading::Rolling, 1, YEAR).waits_rounded_up_to(Nanos::ZERO);
    }

    #[test]
    fn a_wait_is_rounded_up_by_less_than_a_unit() {
        let claim = Claim::new(Reading::Rolling, 1, YEAR).waits_rounded_up_to(Nanos(1_000));
        assert!(claim.allows(Wrong::LongWait(Nanos(999))));
        assert!(!claim.allows(Wrong::LongWait(Nanos(1_000))) && !claim.allows(Wrong::ShortWait(Some(Nanos(1)))));
        assert_eq!(claim.to_string(), "rolling window, 1 per 8760h, waits in whole 1us");
    }

    #[test]
    fn one_in_a_nanosecond_and_one_in_a_year_are_claims() {
        for per in [Nanos(1), YEAR] {
            assert_eq!(Claim::new(Reading::Rolling, 1, per).terms.rate, Rate { allow: 1, per });
        }
    }
}
