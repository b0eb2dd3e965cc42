//! The requests of one key in the last window of one limit, as bounds on what a server may or must have counted.

use std::collections::VecDeque;

use crate::device::Outcome;
use crate::policy::model::{CountsRefused, RateLimit};
use crate::policy::reading::Reading;
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
    debt: Debt,
}

/// What a bucket may be short of. Where refusals count, it may owe more than it holds, for longer than a window.
#[derive(Clone, Copy, Debug, Default)]
struct Debt {
    most: f64,
    /// What runs in afterwards is not taken off so far.
    at: Nanos,
    /// Whether refusals are in it.
    refused: bool,
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

    /// Takes the end of a request, and whether it counts for sure; true if no other request of the key was under way at the
    /// same time.
    pub fn done(&mut self, sent: Nanos, record: &Record, limit: &RateLimit, counts: bool) -> bool {
        let per = limit.per;
        let alone = self.alone && self.in_flight == 1;
        self.in_flight = self.in_flight.saturating_sub(1);
        let horizon = sent.saturating_sub(per * 2);
        while self.past.front().is_some_and(|past| past.done < horizon) {
            self.past.pop_front();
        }
        if self.past.len() >= MOST_FOLLOWED as usize {
            self.forgotten = self.past.pop_front().map(|past| past.done);
        }
        self.debt.take(sent, record, limit);
        self.past.push_back(Past { sent, done: record.done, served: record.outcome == Outcome::Served, counts });
        alone
    }

    /// How many requests, this one (just taken by [`Recent::done`]) included, may count in the window of its decision;
    /// None if not all are known.
    pub fn may_count(&self, sent: Nanos, limit: &RateLimit) -> Option<u64> {
        let reaches_back = |done: Nanos| done + limit.per > sent;
        if self.forgotten.is_some_and(reaches_back) {
            return None;
        }
        let past = self.past.iter().filter(|past| reaches_back(past.done)).count() as u64;
        Some(past.max(self.debt.owed(limit)) + u64::from(self.in_flight))
    }

    /// How many requests, this one (just taken) included, must count in a rolling window when it is answered.
    pub fn must_count(&self, sent: Nanos, done: Nanos, per: Nanos) -> u64 {
        let before = |past: &&Past| past.counts && past.done <= sent && past.sent + per > done;
        self.past.iter().rev().skip(1).filter(before).count() as u64 + u64::from(sent + per > done)
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
    pub fn is_idle(&self, at: Nanos, limit: &RateLimit) -> bool {
        let is_over = |past: &Past| past.done + limit.per * 2 < at;
        self.in_flight == 0 && self.past.back().is_none_or(is_over) && self.debt.left(at, limit) <= 0.0
    }
}

impl Debt {
    fn left(&self, at: Nanos, limit: &RateLimit) -> f64 {
        self.most - at.saturating_sub(self.at).as_secs_f64() * f64::from(limit.allow) / limit.per.as_secs_f64()
    }

    /// Takes a request that has ended. It may have counted as late as it was done, and nothing has surely run in but between
    /// the last one that was done and this one's sending.
    fn take(&mut self, sent: Nanos, record: &Record, limit: &RateLimit) {
        let left = self.left(sent, limit).max(0.0);
        self.refused = (self.refused && left > 0.0) || record.outcome == Outcome::Refused;
        self.most = left + 1.0;
        self.at = self.at.max(record.done);
    }

    fn owed(&self, limit: &RateLimit) -> u64 {
        let may_owe = limit.counts_refused != CountsRefused::No && limit.readings().contains(&Reading::TokenBucket);
        if self.refused && may_owe { self.most.ceil() as u64 } else { 0 }
    }
}
