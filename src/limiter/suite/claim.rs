//! What a limiter says of itself: what the suite holds it to.

use std::fmt;

use crate::limiter::{Rate, Terms};
use crate::policy::reading::Reading;
use crate::time::{Anchor, Nanos};

/// Everything is judged to the nanosecond: a limiter whose clock is coarser, or that rounds up what it tells to wait, is
/// asked in the unit that it knows. What it is told and tells can be put into that in the closure around it; a wait that it
/// rounds is left out there (`retry_after: None`), and is then not looked at.
///
/// Some tens of requests in a window show everything; with thousands the oracle, which looks through all of them at
/// every decision, takes its time.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub reading: Reading,
    pub terms: Terms,
    /// Requests may cost other than one.
    pub costs: bool,
    /// The clock may go back, and lets nothing through twice.
    pub backwards: bool,
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
        Claim { reading, terms: Terms::from(Rate { allow, per }), costs: true, backwards: true }
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
        match self.terms.burst {
            Some(burst) => write!(out, ", burst {burst}"),
            None => Ok(()),
        }
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
    fn one_in_a_nanosecond_and_one_in_a_year_are_claims() {
        for per in [Nanos(1), YEAR] {
            assert_eq!(Claim::new(Reading::Rolling, 1, per).terms.rate, Rate { allow: 1, per });
        }
    }
}
