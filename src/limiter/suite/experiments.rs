//! Experiments, each of which brings one kind of mistake to light, and the same without what brings it.

use super::arrivals::{Range, arrivals};
use super::play::{Play, Seen};
use super::{Claim, Past, Subject};
use crate::time::Nanos;

/// How many plays of arrivals look for what no other check does.
const PLAYS: u64 = 60;
/// As many as may come side by side, beyond what is admitted.
const MOST_TOO_MANY: u32 = 64;
/// Of threads; fewer where they take long.
const ROUNDS: u64 = 3_000;
const OTHER_KEYS: u64 = 10_000;
const YEAR: Nanos = Nanos::from_secs(365 * 86_400);

/// A window on the clock begins, some windows after the limiter was made.
pub fn first_edge(claim: &Claim) -> Nanos {
    let per = claim.terms.rate.per;
    let clock = claim.terms.anchor.unix_nanos % per.0;
    Nanos(per.0.saturating_mul(20).saturating_sub(clock))
}

/// The part of a window that one request takes.
fn each(claim: &Claim) -> Nanos {
    Nanos(claim.terms.rate.per.0 / u64::from(claim.terms.rate.allow))
}

/// One after the other, when a part, all and more than all of it has had the time to come back.
pub fn bursts<S: Subject>(play: &mut Play<'_, S>, first: Nanos) {
    let mut now = first;
    play.fill(now, 1);
    for tenths in [5, 10, 17, 30] {
        now += Nanos(play.claim.terms.rate.per.0 / 10 * tenths);
        play.fill(now, 1);
    }
}

/// Windows begin on the clock, with the first request, and anywhere between.
pub fn edges<S: Subject>(play: &mut Play<'_, S>, edge: Nanos) {
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

/// From its begin to its end: whoever counts by windows is right within one.
pub fn one_window<S: Subject>(play: &mut Play<'_, S>, edge: Nanos) {
    play.fill(edge, 0);
    play.fill(edge + play.claim.terms.rate.per.saturating_sub(Nanos(1)), 0);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusals {
    Many,
    None,
}

/// Of what comes before one fits again; and, when all has come back, of what costs more than the one that is left. One that
/// is a little late for another reason is not: it is asked when a tenth of a request more has come back.
pub fn many_refusals<S: Subject>(play: &mut Play<'_, S>, now: Nanos, refusals: Refusals) {
    let times = if refusals == Refusals::Many { 100 } else { 0 };
    play.use_up(now, 1);
    let Some(wait) = play.oracle(1).wait(now, 1) else { return };
    for number in 0..times {
        play.ask(now + Nanos(wait.0 / (times + 1) * number), 1, 1);
    }
    let spare = Nanos(each(play.claim).0 / 10);
    play.ask(now + wait + spare, 1, 1);
    if !play.claim.costs {
        return;
    }
    let later = now + wait + play.claim.terms.rate.per * 3;
    play.use_up_but(later, 1, 1);
    for _ in 0..times {
        play.ask(later, 1, 2);
    }
    play.ask(later + spare, 1, 1);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    GoesBack,
    StandsStill,
}

/// Of one key, and of one among many.
pub fn clock_goes_back<S: Subject>(play: &mut Play<'_, S>, now: Nanos, clock: Clock) {
    let per = play.claim.terms.rate.per;
    play.fill(now, 1);
    for back in [Nanos(1), each(play.claim), per, per * 3, per * 15] {
        let before = if clock == Clock::GoesBack { now.saturating_sub(back) } else { now };
        play.ask(before, 1, 1);
        play.fill(now, 1);
    }
    let late = if clock == Clock::GoesBack { now + per * 3 } else { now };
    swings(play, now, late);
}

/// A key is used up, others come while the clock is ahead, and it goes back. They are more each time than all before, so
/// that a store that forgets has to; what came back by the latest moment may be used once, whichever moment counts.
fn swings<S: Subject>(play: &mut Play<'_, S>, early: Nanos, late: Nanos) {
    const KEY: u64 = 2;
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

/// Again and again, a key each time: a race takes place in the blink between reading and writing. Once more when all has
/// come back, since keys that are known by then need no room made for them, at which threads would wait for each other.
pub fn side_by_side<S: Subject>(play: &mut Play<'_, S>, now: Nanos) {
    for now in [now, now + play.claim.terms.rate.per * 3] {
        play.ask_together(now, 0..ROUNDS, crowd(play.claim));
    }
}

/// About as many as were asked side by side.
pub fn in_turn<S: Subject>(play: &mut Play<'_, S>, now: Nanos, decisions: u64) {
    let times = crowd(play.claim);
    let keys = decisions.div_ceil(2 * u64::from(times));
    for now in [now, now + play.claim.terms.rate.per * 3] {
        play.ask_in_turn(now, 0..keys, times);
    }
}

fn crowd(claim: &Claim) -> u32 {
    let ceiling = claim.ceiling();
    ceiling.saturating_add(ceiling.clamp(8, MOST_TOO_MANY))
}

pub fn neighbours<S: Subject>(play: &mut Play<'_, S>, now: Nanos) {
    play.fill(now, 1);
    for key in (0..64).filter(|bit| *bit > 0).map(|bit| 1 ^ (1 << bit)).chain(2..50) {
        play.fill(now, key);
    }
}

/// All of the others come before the first has anything again. A store that forgets only where it has more is not found.
pub fn many_keys<S: Subject>(play: &mut Play<'_, S>, now: Nanos) {
    play.fill(now, 0);
    let Some(wait) = play.oracle(0).wait(now, 1) else { return };
    let last = u128::from(wait.0.saturating_sub(1));
    for key in 1..OTHER_KEYS {
        play.ask(now + Nanos((last * u128::from(key) / u128::from(OTHER_KEYS)) as u64), key, 1);
    }
    play.fill(now + wait.saturating_sub(Nanos(1)), 0);
}

/// Used up twice, as if no others had come between.
pub fn one_key<S: Subject>(play: &mut Play<'_, S>, now: Nanos) {
    play.fill(now, 0);
    let Some(wait) = play.oracle(0).wait(now, 1) else { return };
    play.fill(now + wait.saturating_sub(Nanos(1)), 0);
}

pub fn years<S: Subject>(play: &mut Play<'_, S>, now: Nanos) {
    for year in [0, 1, 2, 5, 9] {
        play.fill(now + YEAR * year, 1);
        play.fill(now + YEAR * year + Nanos(play.claim.terms.rate.per.0 / 2), 1);
    }
}

pub fn anything<S: Subject>(claim: &Claim, make: &mut impl FnMut() -> S) -> Seen {
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
