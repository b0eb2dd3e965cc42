//! A limiter that is played with, and what was seen of it.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustc_hash::FxHashMap;

use super::judge::{Wrong, judge};
use super::{Answer, Claim, Oracle, Past, Subject, Together};
use crate::time::Nanos;

/// A new limiter with an oracle for each of its keys. The oracle counts what the limiter admits, rightly or not, so that
/// one mistake is counted once.
pub struct Play<'a, S> {
    pub claim: &'a Claim,
    subject: S,
    oracles: FxHashMap<u64, Oracle>,
    /// When it was last asked.
    latest: Nanos,
    pub seen: Seen,
}

/// How many decisions were seen, and what was wrong with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub decisions: u64,
    pub admitted: u64,
    pub told_remaining: u64,
    pub told_waits: u64,
    pub over: Mistakes,
    pub under: Mistakes,
    pub short_waits: Mistakes,
    pub long_waits: Mistakes,
    pub wrong_remaining: Mistakes,
    /// By how much a wait was too short in the worst case.
    pub short_by: Nanos,
    /// For how many keys callers came at the same time.
    pub met: u64,
}

/// How often, and the first one in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mistakes {
    pub times: u64,
    pub example: Option<String>,
}

impl Mistakes {
    fn add(&mut self, times: u64, example: impl FnOnce() -> String) {
        self.times += times;
        self.example.get_or_insert_with(example);
    }

    fn merge(&mut self, other: Mistakes) {
        self.times += other.times;
        self.example = self.example.take().or(other.example);
    }
}

impl Seen {
    pub fn merge(&mut self, other: Seen) {
        self.decisions += other.decisions;
        self.admitted += other.admitted;
        self.told_remaining += other.told_remaining;
        self.told_waits += other.told_waits;
        self.over.merge(other.over);
        self.under.merge(other.under);
        self.short_waits.merge(other.short_waits);
        self.long_waits.merge(other.long_waits);
        self.wrong_remaining.merge(other.wrong_remaining);
        self.short_by = self.short_by.max(other.short_by);
        self.met += other.met;
    }
}

impl<'a, S: Subject> Play<'a, S> {
    pub fn new(claim: &'a Claim, subject: S) -> Self {
        Play { claim, subject, oracles: FxHashMap::default(), latest: Nanos::ZERO, seen: Seen::default() }
    }

    /// What is known of a key.
    pub fn oracle(&mut self, key: u64) -> &mut Oracle {
        self.oracles.entry(key).or_insert_with(|| Oracle::new(self.claim.reading, self.claim.terms))
    }

    /// Asks for one request; whether it was admitted.
    pub fn ask(&mut self, now: Nanos, key: u64, cost: u32) -> bool {
        let answer = self.answer(now, key, cost);
        self.latest = now;
        let oracle = self.oracle(key);
        let left = oracle.left(now);
        let wrong = judge(oracle, now, cost, answer);
        if answer.admitted && cost > 0 {
            oracle.count(now, cost);
        }
        self.note(answer);
        if let Some(wrong) = wrong.filter(|wrong| !self.claim.allows(*wrong)) {
            let example =
                || format!("at {}ns, {cost} of {left} left for key {key}: {}", now.0, in_words(answer, wrong));
            match wrong {
                Wrong::Admitted => self.seen.over.add(1, example),
                Wrong::Refused => self.seen.under.add(1, example),
                Wrong::ShortWait(by) => {
                    self.seen.short_by = self.seen.short_by.max(by.unwrap_or(Nanos::MAX));
                    self.seen.short_waits.add(1, example);
                }
                Wrong::LongWait(_) => self.seen.long_waits.add(1, example),
                Wrong::Remaining => self.seen.wrong_remaining.add(1, example),
            }
        }
        answer.admitted
    }

    /// Where the limiter panics, it is said what it was asked: nothing else tells.
    fn answer(&mut self, now: Nanos, key: u64, cost: u32) -> Answer {
        catch_unwind(AssertUnwindSafe(|| self.subject.check(now, key, cost))).unwrap_or_else(|_| {
            panic!("the limiter panicked when it was asked for {cost} of key {key} at {}ns{}", now.0, self.hint(now))
        })
    }

    /// What a claim may leave out.
    fn hint(&self, now: Nanos) -> &'static str {
        if now < self.latest { ", before the request before it: see Claim::clock_only_goes_forward" } else { "" }
    }

    /// Asks for so many requests of each key side by side, where the limiter can be asked so.
    pub fn ask_together(&mut self, now: Nanos, keys: Range<u64>, times: u32) {
        let together = AssertUnwindSafe(|| self.subject.check_together(now, keys.clone(), times));
        let together = catch_unwind(together).unwrap_or_else(|_| {
            panic!("the limiter panicked when it was asked {times} times side by side at {}ns", now.0)
        });
        let Some(Together { admitted, met }) = together else { return };
        self.seen.met += met;
        for (key, admitted) in keys.zip(admitted) {
            self.note_crowd(now, key, admitted, times, "side by side");
        }
    }

    /// Asks for as many one after the other.
    pub fn ask_in_turn(&mut self, now: Nanos, keys: Range<u64>, times: u32) {
        for key in keys {
            let admitted = (0..times).filter(|_| self.subject.check(now, key, 1).admitted).count() as u32;
            self.note_crowd(now, key, admitted, times, "in turn");
        }
    }

    fn note_crowd(&mut self, now: Nanos, key: u64, admitted: u32, times: u32, how: &str) {
        let left = self.oracle(key).left(now);
        self.oracle(key).count(now, admitted);
        self.seen.decisions += u64::from(times);
        self.seen.admitted += u64::from(admitted);
        let example = || format!("{admitted} of {times} admitted {how} where {left} were left");
        if admitted > left {
            self.seen.over.add(u64::from(admitted - left), example);
        } else if admitted < left.min(times) {
            self.seen.under.add(u64::from(left.min(times) - admitted), example);
        }
    }

    /// Uses up what may come at once, and asks for some more.
    pub fn fill(&mut self, now: Nanos, key: u64) {
        self.use_up(now, key);
        for _ in 0..3 {
            self.ask(now, key, 1);
        }
    }

    /// Asks for what may come at once and no more.
    pub fn use_up(&mut self, now: Nanos, key: u64) {
        self.use_up_but(now, key, 0);
    }

    /// Asks for all but so much of what may come at once.
    pub fn use_up_but(&mut self, now: Nanos, key: u64, spared: u32) {
        const MOST: u32 = 50;
        let wanted = self.claim.ceiling().saturating_sub(spared);
        let each = if self.claim.costs { wanted.div_ceil(MOST).max(1) } else { 1 };
        for _ in 0..wanted / each {
            self.ask(now, key, each);
        }
        for _ in 0..wanted % each {
            self.ask(now, key, 1);
        }
    }

    fn note(&mut self, answer: Answer) {
        self.seen.decisions += 1;
        self.seen.admitted += u64::from(answer.admitted);
        self.seen.told_remaining += u64::from(answer.admitted && answer.remaining.is_some());
        self.seen.told_waits += u64::from(!answer.admitted && answer.retry_after.is_some());
    }
}

/// To the nanosecond, which may be all that it is about.
fn in_words(answer: Answer, wrong: Wrong) -> String {
    let wait = answer.retry_after.unwrap_or_default().0;
    match wrong {
        Wrong::Admitted => "admitted".to_owned(),
        Wrong::Refused => "refused".to_owned(),
        Wrong::ShortWait(Some(by)) => format!("told to wait {wait}ns, which is {}ns too short", by.0),
        Wrong::ShortWait(None) => format!("told to wait {wait}ns, and no wait is enough"),
        Wrong::LongWait(by) => format!("told to wait {wait}ns, which is {}ns too long", by.0),
        Wrong::Remaining => format!("told that {} remain after it", answer.remaining.unwrap_or_default()),
    }
}
