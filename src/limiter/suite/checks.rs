//! What is tried, and what it is called if it goes wrong.
//!
//! A name says why, so whatever goes wrong is tried once more without what the check is about: a mistake that is there as
//! well has a plainer name.

use serde::Serialize;

use super::experiments::{
    Clock, Refusals, anything, bursts, clock_goes_back, edges, first_edge, in_turn, many_keys, many_refusals,
    neighbours, one_key, one_window, side_by_side, years,
};
use super::play::{Play, Seen};
use super::{Claim, Subject};
use crate::time::Nanos;

/// What is tried, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    Burst,
    Edges,
    ManyRefusals,
    ClockGoesBack,
    SideBySide,
    Neighbours,
    /// Ten thousand of them: a store that forgets only where it has more is not found.
    ManyKeys,
    Years,
    Anything,
}

/// What a limiter does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    AdmitsTooMuch,
    RefusesTooEarly,
    DoubleAtTheEdge,
    ChargedOnRefusal,
    RefilledByClockSkew,
    ReadThenWriteRace,
    OneKeyPaysForAnother,
    ForgetsKeysInUse,
    RetryAfterTooShort,
    RetryAfterTooLong,
    RemainingIsWrong,
}

/// For so many keys callers have to meet: a race that two in a hundred of them show is missed once in 20,000 times then.
const LEAST_MET: u64 = 500;

impl Defect {
    pub fn title(self) -> &'static str {
        match self {
            Defect::AdmitsTooMuch => "admits too much",
            Defect::RefusesTooEarly => "refuses too early",
            Defect::DoubleAtTheEdge => "double at the edge",
            Defect::ChargedOnRefusal => "charged on refusal",
            Defect::RefilledByClockSkew => "refilled by clock skew",
            Defect::ReadThenWriteRace => "read-then-write race",
            Defect::OneKeyPaysForAnother => "one key pays for another",
            Defect::ForgetsKeysInUse => "forgets keys in use",
            Defect::RetryAfterTooShort => "retry_after too short",
            Defect::RetryAfterTooLong => "retry_after too long",
            Defect::RemainingIsWrong => "remaining is wrong",
        }
    }
}

impl Check {
    pub const ALL: [Check; 9] = [
        Check::Burst,
        Check::Edges,
        Check::ManyRefusals,
        Check::ClockGoesBack,
        Check::SideBySide,
        Check::Neighbours,
        Check::ManyKeys,
        Check::Years,
        Check::Anything,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Check::Burst => "more than fits, also after rests",
            Check::Edges => "just before and at the edges of windows",
            Check::ManyRefusals => "many refusals, then the wait is over",
            Check::ClockGoesBack => "the clock goes back and forth",
            Check::SideBySide => "many callers side by side",
            Check::Neighbours => "keys beside one that is used up",
            Check::ManyKeys => "a key that is used up, after many others",
            Check::Years => "years pass",
            Check::Anything => "arrivals that look for edges",
        }
    }

    /// What it means where it admits what it should not, and does not without what the check is about.
    pub fn over(self) -> Defect {
        match self {
            Check::Edges => Defect::DoubleAtTheEdge,
            Check::ClockGoesBack => Defect::RefilledByClockSkew,
            Check::SideBySide => Defect::ReadThenWriteRace,
            Check::ManyKeys => Defect::ForgetsKeysInUse,
            _ => Defect::AdmitsTooMuch,
        }
    }

    /// What it means where it refuses what it should not, and does not without what the check is about.
    pub fn under(self) -> Defect {
        match self {
            Check::ManyRefusals => Defect::ChargedOnRefusal,
            Check::Neighbours | Check::ManyKeys => Defect::OneKeyPaysForAnother,
            _ => Defect::RefusesTooEarly,
        }
    }

    /// Tries it on new limiters. Nothing is seen where the claim leaves it out or the limiter has one caller only.
    pub fn run<S: Subject>(self, claim: &Claim, make: &mut impl FnMut() -> S) -> Seen {
        match self {
            Check::Anything => anything(claim, make),
            Check::ClockGoesBack if !claim.backwards => Seen::default(),
            _ => {
                let mut play = Play::new(claim, make());
                self.experiment(&mut play);
                self.judged(play.seen)
            }
        }
    }

    /// What is wrong as well without what the check is about, where it has a name for that and found something.
    pub fn control<S: Subject>(self, claim: &Claim, make: &mut impl FnMut() -> S, seen: &Seen) -> Seen {
        let is_named = seen.over.times > 0 && self.over() != Defect::AdmitsTooMuch
            || seen.under.times > 0 && self.under() != Defect::RefusesTooEarly;
        if !is_named {
            return Seen::default();
        }
        let mut play = Play::new(claim, make());
        self.control_experiment(&mut play, seen);
        play.seen
    }

    fn experiment<S: Subject>(self, play: &mut Play<'_, S>) {
        let now = first_edge(play.claim);
        match self {
            Check::Burst => bursts(play, now + Nanos(1)),
            Check::Edges => edges(play, now),
            Check::ManyRefusals => many_refusals(play, now, Refusals::Many),
            Check::ClockGoesBack => clock_goes_back(play, now, Clock::GoesBack),
            Check::SideBySide => side_by_side(play, now),
            Check::Neighbours => neighbours(play, now),
            Check::ManyKeys => many_keys(play, now),
            Check::Years => years(play, now),
            Check::Anything => {}
        }
    }

    fn control_experiment<S: Subject>(self, play: &mut Play<'_, S>, seen: &Seen) {
        let now = first_edge(play.claim);
        match self {
            Check::Edges => one_window(play, now),
            Check::ManyRefusals => many_refusals(play, now, Refusals::None),
            Check::ClockGoesBack => clock_goes_back(play, now, Clock::StandsStill),
            Check::SideBySide => in_turn(play, now, seen.decisions),
            Check::Neighbours => play.fill(now, 2),
            Check::ManyKeys => one_key(play, now),
            Check::Burst | Check::Years | Check::Anything => {}
        }
    }

    /// Whether a limiter refuses too much while the clock is behind is left open: few say what they do. Callers that hardly ever
    /// met show nothing of what they do to each other, unless something went wrong all the same.
    fn judged(self, seen: Seen) -> Seen {
        match self {
            Check::SideBySide if seen.met < LEAST_MET && seen.over.times + seen.under.times == 0 => Seen::default(),
            Check::ClockGoesBack => {
                Seen { decisions: seen.decisions, admitted: seen.admitted, over: seen.over, ..Seen::default() }
            }
            _ => seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::play::Mistakes;
    use super::*;

    #[test]
    fn callers_that_hardly_ever_met_show_nothing_unless_something_went_wrong() {
        let seen = |met| Seen { decisions: 13_000, met, ..Seen::default() };
        assert_eq!(Check::SideBySide.judged(seen(LEAST_MET - 1)).decisions, 0);
        assert_eq!(Check::SideBySide.judged(seen(LEAST_MET)).decisions, 13_000);
        let wrong = Seen { over: Mistakes { times: 1, ..Mistakes::default() }, ..seen(0) };
        assert_eq!(Check::SideBySide.judged(wrong).over.times, 1);
    }
}
