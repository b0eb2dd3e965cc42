//! Experiments, each of which brings one kind of mistake to light.

use serde::Serialize;

use super::arrivals::{Range, arrivals};
use super::play::{Play, Seen};
use super::{Claim, Past, Subject};
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

/// How many plays of arrivals look for what no other check does.
const PLAYS: u64 = 60;
/// As many as may come side by side, beyond what is admitted.
const MOST_TOO_MANY: u32 = 64;
const ROUNDS: u64 = 64;
const OTHER_KEYS: u64 = 10_000;
const YEAR: Nanos = Nanos::from_secs(365 * 86_400);

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

    /// What it means where it admits what it should not.
    pub fn over(self) -> Defect {
        match self {
            Check::Edges => Defect::DoubleAtTheEdge,
            Check::ClockGoesBack => Defect::RefilledByClockSkew,
            Check::SideBySide => Defect::ReadThenWriteRace,
            Check::ManyKeys => Defect::ForgetsKeysInUse,
            _ => Defect::AdmitsTooMuch,
        }
    }

    /// What it means where it refuses what it should not.
    pub fn under(self) -> Defect {
        match self {
            Check::ManyRefusals => Defect::ChargedOnRefusal,
            Check::Neighbours | Check::ManyKeys => Defect::OneKeyPaysForAnother,
            _ => Defect::RefusesTooEarly,
        }
    }

    /// Tries it on new limiters. Nothing is seen where the claim leaves it out or the limiter has one caller only.
    pub fn run<S: Subject>(self, claim: &Claim, make: &mut impl FnMut() -> S) -> Seen {
        if self == Check::Anything {
            return anything(claim, make);
        }
        let mut play = Play::new(claim, make());
        let now = first_edge(claim);
        match self {
            Check::Burst => bursts(&mut play, now + Nanos(1)),
            Check::Edges => edges(&mut play, now),
            Check::ManyRefusals => many_refusals(&mut play, now),
            Check::ClockGoesBack if claim.backwards => return clock_goes_back(play, now),
            Check::ClockGoesBack => {}
            Check::SideBySide => side_by_side(&mut play, now),
            Check::Neighbours => neighbours(&mut play, now),
            Check::ManyKeys => many_keys(&mut play, now),
            Check::Years => years(&mut play, now),
            Check::Anything => {}
        }
        play.seen
    }
}

/// A window on the clock begins, some windows after the limiter was made.
fn first_edge(claim: &Claim) -> Nanos {
    let per = claim.terms.rate.per;
    let clock = claim.terms.anchor.unix_nanos % per.0;
    Nanos(per.0.saturating_mul(20).saturating_sub(clock))
}

/// One after the other, when a part, all and more than all of it has had the time to come back.
fn bursts<S: Subject>(play: &mut Play<'_, S>, first: Nanos) {
    let mut now = first;
    play.fill(now, 1);
    for tenths in [5, 10, 17, 30] {
        now += Nanos(play.claim.terms.rate.per.0 / 10 * tenths);
        play.fill(now, 1);
    }
}

/// Windows begin on the clock, with the first request, and anywhere between.
fn edges<S: Subject>(play: &mut Play<'_, S>, edge: Nanos) {
    let per = play.claim.terms.rate.per;
    let firsts = [edge, edge + Nanos(1), edge + Nanos(per.0 / 3), edge + per.saturating_sub(Nanos(1))];
    for (key, first) in firsts.into_iter().enumerate() {
        let key = key as u64;
        // Far enough apart that time only goes forward.
        let first = first + per * (4 * key);
        play.ask(first, key, 1);
        play.fill(first + per.saturating_sub(Nanos(1)), key);
        play.fill(first + per, key);
        play.fill(first + per + Nanos(1), key);
    }
}

fn many_refusals<S: Subject>(play: &mut Play<'_, S>, now: Nanos) {
    const REFUSALS: u64 = 100;
    play.fill(now, 1);
    let Some(wait) = play.oracle(1).wait(now, 1) else { return };
    for number in 0..REFUSALS {
        play.ask(now + Nanos(wait.0 / (REFUSALS + 1) * number), 1, 1);
    }
    play.ask(now + wait, 1, 1);
}

/// Of one key, and of one among many. Whether it then refuses too much is left open: few say what they do while the clock
/// is behind.
fn clock_goes_back<S: Subject>(mut play: Play<'_, S>, now: Nanos) -> Seen {
    let per = play.claim.terms.rate.per;
    let each = Nanos(per.0 / u64::from(play.claim.terms.rate.allow));
    play.fill(now, 1);
    for back in [Nanos(1), each, per, per * 3, per * 15] {
        play.ask(now.saturating_sub(back), 1, 1);
        play.fill(now, 1);
    }
    swings(&mut play, now);
    let seen = play.seen;
    Seen { decisions: seen.decisions, admitted: seen.admitted, over: seen.over, ..Seen::default() }
}

/// A key is used up, others come while the clock is ahead, and it goes back. They are more each time than all before, so
/// that a store that forgets has to; what came back by the latest moment may be used once, whichever moment counts.
fn swings<S: Subject>(play: &mut Play<'_, S>, early: Nanos) {
    const KEY: u64 = 2;
    let late = early + play.claim.terms.rate.per * 3;
    let mut others = KEY + 1..;
    play.fill(early, KEY);
    for crowd in [2_000, 8_000] {
        for key in others.by_ref().take(crowd) {
            play.ask(late, key, 1);
        }
        play.oracle(KEY).count(late, 0);
        play.fill(early, KEY);
    }
}

fn side_by_side<S: Subject>(play: &mut Play<'_, S>, now: Nanos) {
    let ceiling = play.claim.ceiling();
    for key in 0..ROUNDS {
        play.ask_together(now, key, ceiling.saturating_add(ceiling.clamp(8, MOST_TOO_MANY)));
    }
}

fn neighbours<S: Subject>(play: &mut Play<'_, S>, now: Nanos) {
    play.fill(now, 1);
    for key in (0..64).filter(|bit| *bit > 0).map(|bit| 1 ^ (1 << bit)).chain(2..50) {
        play.fill(now, key);
    }
}

/// All of the others come before the first has anything again.
fn many_keys<S: Subject>(play: &mut Play<'_, S>, now: Nanos) {
    play.fill(now, 0);
    let Some(wait) = play.oracle(0).wait(now, 1) else { return };
    let last = u128::from(wait.0.saturating_sub(1));
    for key in 1..OTHER_KEYS {
        play.ask(now + Nanos((last * u128::from(key) / u128::from(OTHER_KEYS)) as u64), key, 1);
    }
    play.fill(now + wait.saturating_sub(Nanos(1)), 0);
}

fn years<S: Subject>(play: &mut Play<'_, S>, now: Nanos) {
    for year in [0, 1, 2, 5, 9] {
        play.fill(now + YEAR * year, 1);
        play.fill(now + YEAR * year + Nanos(play.claim.terms.rate.per.0 / 2), 1);
    }
}

fn anything<S: Subject>(claim: &Claim, make: &mut impl FnMut() -> S) -> Seen {
    let mut seen = Seen::default();
    for seed in 0..PLAYS {
        let mut play = Play::new(claim, make());
        for arrival in arrivals(&claim.terms, Range { backwards: false, costs: claim.costs, until: YEAR * 9 }, seed) {
            play.ask(arrival.now, 1, arrival.cost);
        }
        seen.merge(play.seen);
    }
    seen
}
