//! The requests of one key in the last window of one limit, as bounds on what a server may or must have counted.

use std::collections::VecDeque;

use crate::device::Outcome;
use crate::record::Record;
use crate::time::Nanos;

/// More requests of one key are not followed; the bounds then leave everything open.
pub const MOST_FOLLOWED: u32 = 1024;

/// One key's latest requests.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    in_flight: u32,
    /// Whether the request in flight has had the key to itself.
    alone: bool,
    past: VecDeque<Past>,
    /// When the last one that was forgotten for want of room was done.
    forgotten: Option<Nanos>,
}

#[derive(Clone, Copy, Debug)]
struct Past {
    sent: Nanos,
    done: Nanos,
    served: bool,
    /// Whether it counts for sure.
    counts: bool,
}

impl Recent {
    pub fn sent(&mut self) {
        self.alone = self.in_flight == 0;
        self.in_flight += 1;
    }

    /// Takes the end of a request, and whether it counts for sure; true if no other request of the key was under way at the same time.
    pub fn done(&mut self, sent: Nanos, record: &Record, per: Nanos, counts: bool) -> bool {
        let alone = self.alone && self.in_flight == 1;
        self.in_flight = self.in_flight.saturating_sub(1);
        let horizon = sent.saturating_sub(per * 2);
        while self.past.front().is_some_and(|past| past.done < horizon) {
            self.past.pop_front();
        }
        if self.past.len() >= MOST_FOLLOWED as usize {
            self.forgotten = self.past.pop_front().map(|past| past.done);
        }
        self.past.push_back(Past { sent, done: record.done, served: record.outcome == Outcome::Served, counts });
        alone
    }

    /// How many requests, this one (just taken by [`Recent::done`]) included, may count in the window of its decision;
    /// None if not all are known.
    pub fn may_count(&self, sent: Nanos, per: Nanos) -> Option<u64> {
        let reaches_back = |done: Nanos| done + per > sent;
        if self.forgotten.is_some_and(reaches_back) {
            return None;
        }
        let past = self.past.iter().filter(|past| reaches_back(past.done)).count() as u64;
        Some(past + u64::from(self.in_flight))
    }

    /// How many requests, this one (just taken) included, must count in a rolling window at its decision.
    pub fn must_count(&self, sent: Nanos, done: Nanos, per: Nanos) -> u64 {
        let before = |past: &&Past| past.counts && past.done <= sent && past.sent + per > done;
        self.past.iter().rev().skip(1).filter(before).count() as u64 + 1
    }

    /// When the oldest of the latest `count` served requests was sent and done; None if fewer are known.
    pub fn oldest_of(&self, count: u32) -> Option<(Nanos, Nanos)> {
        let mut served = self.past.iter().rev().filter(|past| past.counts);
        served.nth((count as usize).checked_sub(1)?).map(|past| (past.sent, past.done))
    }

    /// Whether every request that has ended since then was served.
    pub fn all_served_since(&self, at: Nanos) -> bool {
        self.past.iter().all(|past| past.served || past.done < at)
    }

    /// Whether it is as good as new.
    pub fn is_idle(&self, at: Nanos, per: Nanos) -> bool {
        self.in_flight == 0 && self.past.back().is_none_or(|past| past.done + per * 2 < at)
    }
}
