//! `server.false-refusal`: a request was turned away although no reading could have.
//!
//! Under every reading a refusal takes at least `allow` requests of the key in the `per` before it: a fixed window is never
//! longer, and a bucket from which fewer than `allow` were taken in `per` has run at least one token in meanwhile. So the
//! check counts all that *may* have been counted in that time, wherever in `[sent, done]` each request took effect: served
//! ones, failed ones, requests still in flight, and refused ones too unless the policy says that they cost nothing. Fewer
//! than `allow` prove a false refusal. What may have come from outside this run (requests before it began, to a server
//! that ran before it; a lost request that reaches the server late) proves nothing, and the refusal stays open.
//!
//! The other way round, a refusal is due when requests that were served use the limit up. That is sure where `allow` of them
//! took effect within `per` before it wherever in `[sent, done]` each did, and good enough where they may have done so at
//! moments that fit together: an honest server refuses at the edge of a window too, and the network hides by a hair whether
//! that was before or after. A server that only seems honest within the network's delay is not told from an honest one
//! here, as with over-admission. Requests still in flight may turn out to have been served before the refusal: it waits
//! for them. Whether what was refused and what was let through fit one and the same reading is not looked at. What is left is
//! open: such a refusal needs refused or lost requests to count, or what came before the run,
//! and of that the documents say nothing.
//!
//! The bound is sharpest for a rolling window. Where the provider promises another algorithm it is as sound, but a refusal
//! that only a rolling window would make (just after the edge of a fixed one, say) is not called false. A window that is
//! estimated from two fixed ones may remember what came up to `2 * per` before.
//!
//! A bucket refuses a request when what was taken from it and has not run in again leaves less than the request costs. At
//! most that is: everything that may count, taken as late as it can have been (at its end, or just before the refusal if it
//! was in flight), with the refusal as early as it can have been. One that is filled up at intervals may lack one filling more.
//! A server that ran before the run may have begun it with an empty bucket, and one that is used while it fills stays low
//! long after it would have been full.
//!
//! Where requests differ in cost, all this is counted in points. Where only the answer tells the cost, no refusal is called
//! false and none is called due.

use std::collections::{BTreeMap, VecDeque};

use super::keyed::Keyed;
use super::terms::Terms;
use crate::device::Outcome;
use crate::policy::model::{ClassId, Cost, CountsRefused, RateLimit};
use crate::policy::reading::Reading;
use crate::record::Record;
use crate::scenario::ScopeKey;
use crate::time::Nanos;

/// Refusals of one key that wait for the answers to what was in flight beside them.
const MOST_DOUBTFUL: usize = 256;

/// What one key may have used of one limit.
#[derive(Clone, Debug, Default)]
pub struct Load {
    in_flight: u32,
    /// What those in flight cost.
    under_way: u64,
    /// When the latest requests that may count were done and what they cost, oldest first; about as many as fill a window.
    finished: VecDeque<(Nanos, u32)>,
    finished_cost: u64,
    /// Whether the request that ended last is one of them.
    last_may_count: bool,
    /// The latest that count for sure, by the time they were sent.
    served: VecDeque<Served>,
    served_cost: u64,
    /// When a bucket from which all that may count was taken would be full again, but for how it began
    /// ([`Load::may_lack_until`]), and one from which only what counts for sure was, in units of 1/`allow` ns.
    may_be_full_at: u128,
    surely_full_at: u128,
    /// Refusals that requests still in flight may explain; at most [`MOST_DOUBTFUL`], those before stay open.
    doubtful: VecDeque<Doubtful>,
    /// When a request last ended without an answer.
    lost: Option<Nanos>,
    /// The turn of its latest request.
    latest: u64,
}

/// A refusal that too few requests are known to explain so far.
#[derive(Clone, Copy, Debug)]
struct Doubtful {
    class: ClassId,
    sent: Nanos,
    /// What was sent later had no part in it.
    done: Nanos,
    /// How much it still lacks of served requests, wherever they took effect.
    missing: u64,
    /// How much has to count in a window at one moment.
    needed: u64,
}

/// A request that counts for sure.
#[derive(Clone, Copy, Debug)]
struct Served {
    sent: Nanos,
    done: Nanos,
    cost: u32,
}

/// What a limit has to say about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// No reading of the limit could have refused.
    Impossible,
    /// Some reading could have, if requests are counted that need not count.
    Possible,
    /// What was served may have used the limit up at the moment of the refusal.
    Due,
    /// What was served alone surely used the limit up.
    Explained,
}

/// A refusal to be judged, or to wait for others.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    pub class: ClassId,
    /// It was decided at `sent` or later, and before `done`.
    pub sent: Nanos,
    pub done: Nanos,
    pub cost: u32,
}

/// What the readings of a limit need to refuse, put as loosely as the loosest of them.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    rate: crate::limiter::Rate,
    /// More than so much in so long.
    window: Option<(Nanos, u32)>,
    /// Taken from a bucket of this size.
    bucket: Option<u32>,
    /// What the bucket may have lacked when the run began.
    lacking: u32,
    memory: Nanos,
}

impl Bounds {
    fn of(terms: &Terms, prior_traffic: bool) -> Self {
        let allow = terms.rate.allow;
        let interval = terms.ceiling(Reading::IntervalRefill);
        let window = |reading: &Reading| match reading {
            Reading::Rolling | Reading::FixedFirstHit => Some((terms.rate.per, allow)),
            // A month may be longer than `per`, and an estimated window looks back over two.
            Reading::FixedAligned => Some((terms.memory.max(terms.rate.per), allow)),
            Reading::RollingCounter => Some((terms.rate.per * 2, allow)),
            Reading::IntervalRefill if interval <= allow => Some((terms.rate.per, interval)),
            Reading::IntervalRefill | Reading::TokenBucket | Reading::LeakyBucket => None,
        };
        let bucket = |reading: &Reading| match reading {
            Reading::TokenBucket | Reading::LeakyBucket => Some(terms.ceiling(*reading)),
            Reading::IntervalRefill => interval.checked_sub(allow).filter(|rest| *rest > 0),
            _ => None,
        };
        let holds = |reading: &Reading| match reading {
            Reading::TokenBucket | Reading::LeakyBucket | Reading::IntervalRefill => Some(terms.ceiling(*reading)),
            _ => None,
        };
        let deepest = terms.readings.iter().filter_map(holds).max().unwrap_or(0);
        Bounds {
            rate: terms.rate,
            lacking: if prior_traffic { deepest } else { 0 },
            window: terms.readings.iter().filter_map(window).max_by_key(|(length, _)| *length),
            bucket: terms.readings.iter().filter_map(bucket).min(),
            memory: terms.memory,
        }
    }

    fn scaled(&self, at: Nanos) -> u128 {
        u128::from(at.0) * u128::from(self.rate.allow)
    }

    fn volume(&self, cost: u64) -> u128 {
        u128::from(self.rate.per.0) * u128::from(cost)
    }
}

/// The load on one rate limit.
#[derive(Clone, Debug)]
pub struct Loads {
    bounds: Bounds,
    counts_refused: CountsRefused,
    /// Only answers with these count; empty: all do.
    counts_statuses: Vec<u16>,
    /// Answers with these give back what was taken, at a moment that nobody knows.
    free_statuses: Vec<u16>,
    cost_is_told: bool,
    /// Whether the server may have seen other requests before the run began.
    prior_traffic: bool,
    keys: Keyed<ScopeKey, Load>,
    /// Refusals that stood as possible and turned out to be due, by their class.
    cleared: BTreeMap<ClassId, u64>,
}

impl Loads {
    pub fn new(limit: &RateLimit, terms: &Terms, prior_traffic: bool) -> Self {
        Loads {
            bounds: Bounds::of(terms, prior_traffic),
            counts_refused: limit.counts_refused,
            counts_statuses: limit.counts_statuses.clone(),
            free_statuses: limit.free_statuses.clone(),
            cost_is_told: matches!(limit.cost, Cost::Told { .. }),
            prior_traffic,
            keys: Keyed::default(),
            cleared: BTreeMap::new(),
        }
    }

    /// Takes a request on its way; `turn` numbers the requests of the shard.
    pub fn sent(&mut self, at: Nanos, key: ScopeKey, turn: u64, cost: u32) {
        let bounds = &self.bounds;
        let state = self.keys.entry(key, |state| state.is_idle(bounds, at));
        state.in_flight += 1;
        state.under_way += u64::from(cost);
        state.latest = turn;
    }

    /// Takes an answered or lost request of a class that took effect at `sent` or later; judges it if it was refused.
    pub fn done(&mut self, key: ScopeKey, sent: Nanos, record: &Record, class: ClassId, cost: u32) -> Option<Cause> {
        let (may_count, surely) = (self.may_count(record), self.surely_counts(record));
        let Loads { bounds, cost_is_told, prior_traffic, .. } = self;
        let state = self.keys.entry(key, |_| false);
        state.in_flight = state.in_flight.saturating_sub(1);
        state.under_way = state.under_way.saturating_sub(u64::from(cost));
        let refused = Refused { class, sent, done: record.done, cost };
        let cause = (record.outcome == Outcome::Refused).then(|| match *cost_is_told {
            true => Cause::Possible,
            false => state.cause(bounds, *prior_traffic && sent < bounds.memory, &refused),
        });
        if matches!(record.outcome, Outcome::Failed(_)) {
            state.lost = Some(record.done);
        }
        if surely {
            for class in state.serve(bounds, Served { sent, done: record.done, cost }) {
                *self.cleared.entry(class).or_default() += 1;
            }
        }
        state.last_may_count = may_count;
        if may_count {
            state.finish(bounds, record.done, cost);
        }
        if state.in_flight == 0 {
            state.doubtful.clear();
        }
        cause
    }

    fn may_count(&self, record: &Record) -> bool {
        let refused = record.outcome == Outcome::Refused;
        match record.outcome {
            Outcome::Failed(_) => true,
            _ if !self.counts_statuses.is_empty() => self.counts_statuses.contains(&record.status),
            _ => !refused || self.counts_refused != CountsRefused::No,
        }
    }

    fn surely_counts(&self, record: &Record) -> bool {
        match record.outcome {
            Outcome::Failed(_) => false,
            _ if !self.counts_statuses.is_empty() => self.counts_statuses.contains(&record.status),
            _ if self.free_statuses.contains(&record.status) => false,
            Outcome::Refused => self.counts_refused == CountsRefused::Yes,
            outcome => outcome == Outcome::Served && !record.is_unchanged(),
        }
    }

    /// Whether refusals may wait here for what is in flight.
    pub fn can_clear(&self) -> bool {
        !self.cost_is_told
    }

    /// Lets a refusal that is merely possible wait for what is in flight. To be asked of one limit only.
    pub fn wait_for_others(&mut self, key: ScopeKey, refused: &Refused) {
        let bounds = &self.bounds;
        if let Some(state) = self.keys.get_mut(&key).filter(|state| state.in_flight > 0) {
            if state.doubtful.len() >= MOST_DOUBTFUL {
                state.doubtful.pop_front();
            }
            state.doubtful.push_back(state.doubt(bounds, refused));
        }
    }

    /// Refusals of a class that stood as possible and turned out to be due.
    pub fn cleared(&self, class: ClassId) -> u64 {
        self.cleared.get(&class).copied().unwrap_or(0)
    }

    /// Whether the key had nothing else under way between the sending of a request that is just done and now.
    pub fn was_alone(&self, key: ScopeKey, sent: Nanos, turn: u64) -> bool {
        self.keys.get(&key).is_some_and(|state| {
            // The request itself is the last of `finished` when it counts.
            let mut others = state.finished.iter().rev().skip(usize::from(state.last_may_count));
            state.in_flight == 0 && state.latest == turn && others.next().is_none_or(|&(done, _)| done <= sent)
        })
    }

    /// Whether a key was left alone since the request of that turn.
    pub fn was_quiet(&self, key: ScopeKey, turn: u64) -> bool {
        self.keys.get(&key).is_some_and(|state| state.in_flight == 0 && state.latest == turn)
    }

    /// The turn of a key's latest request.
    pub fn latest(&self, key: ScopeKey) -> u64 {
        self.keys.get(&key).map_or(0, |state| state.latest)
    }

    /// Nothing more comes of the keys so far.
    pub fn through(&mut self) {
        self.keys.clear();
    }

    pub fn merge(&mut self, other: Loads) {
        self.keys.merge(other.keys);
        for (class, cleared) in other.cleared {
            *self.cleared.entry(class).or_default() += cleared;
        }
    }
}

impl Load {
    /// Takes a request that counts for sure; the classes of the doubtful refusals that it shows to be due.
    fn serve(&mut self, bounds: &Bounds, served: Served) -> Vec<ClassId> {
        if let Some((_, limit)) = bounds.window {
            self.remember(served, u64::from(limit));
        }
        self.surely_full_at =
            self.surely_full_at.max(bounds.scaled(served.done)) + bounds.volume(u64::from(served.cost));
        let mut due = Vec::new();
        if self.doubtful.is_empty() {
            return due;
        }
        let Load { doubtful, served: all, .. } = self;
        doubtful.retain_mut(|doubtful| {
            doubtful.count(&served);
            let is_due = doubtful.is_due(bounds, all);
            if is_due {
                due.push(doubtful.class);
            }
            !is_due
        });
        due
    }

    /// Keeps as many as fill the window twice: while a refusal was on its way, another window may have been filled.
    fn remember(&mut self, served: Served, limit: u64) {
        let comes_last = self.served.back().is_none_or(|newest| newest.sent <= served.sent);
        let place = match comes_last {
            true => self.served.len(),
            false => self.served.partition_point(|other| other.sent <= served.sent),
        };
        self.served.insert(place, served);
        self.served_cost += u64::from(served.cost);
        while let Some(oldest) = self.served.front()
            && self.served_cost - u64::from(oldest.cost) >= 2 * limit
        {
            self.served_cost -= u64::from(oldest.cost);
            self.served.pop_front();
        }
    }

    /// A refusal, with all served requests that may count at the moment of its sending or later.
    fn doubt(&self, bounds: &Bounds, refused: &Refused) -> Doubtful {
        let &Refused { class, sent, done, cost } = refused;
        let doubtful = |missing, needed| Doubtful { class, sent, done, missing, needed };
        let Some((length, limit)) = bounds.window else {
            let holds = bounds.volume(u64::from(bounds.bucket.unwrap_or(0)));
            let taken = self.surely_full_at.saturating_sub(bounds.scaled(sent)) + bounds.volume(u64::from(cost));
            let missing = holds.checked_sub(taken).map_or(0, |left| left / bounds.volume(1) + 1);
            return doubtful(missing as u64, 0);
        };
        let needed = (u64::from(limit) + 1).saturating_sub(u64::from(cost));
        let mut doubtful = doubtful(needed, needed);
        let recent = self.served.iter().filter(|served| served.done.saturating_add(length) > sent);
        recent.for_each(|served| doubtful.count(served));
        doubtful
    }

    fn finish(&mut self, bounds: &Bounds, done: Nanos, cost: u32) {
        // Ends that are told out of order count as later, which only keeps more refusals open.
        let done = self.finished.back().map_or(done, |&(latest, _)| latest.max(done));
        self.may_be_full_at = self.may_lack_until(bounds).max(bounds.scaled(done)) + bounds.volume(u64::from(cost));
        self.finished.push_back((done, cost));
        self.finished_cost += u64::from(cost);
        let enough = bounds.window.map_or(0, |(_, limit)| u64::from(limit));
        // Two at least: whether a request was alone is told by the one before it.
        while self.finished.len() > 2
            && let Some(&(_, oldest)) = self.finished.front()
            && self.finished_cost - u64::from(oldest) >= enough
        {
            self.finished.pop_front();
            self.finished_cost -= u64::from(oldest);
        }
    }

    /// When a bucket from which all that may count was taken is full again, if it began with the least.
    fn may_lack_until(&self, bounds: &Bounds) -> u128 {
        self.may_be_full_at.max(bounds.volume(u64::from(bounds.lacking)))
    }

    fn cause(&self, bounds: &Bounds, before_run: bool, refused: &Refused) -> Cause {
        if self.is_explained(bounds, refused) {
            return Cause::Explained;
        }
        if self.doubt(bounds, refused).is_due(bounds, &self.served) {
            return Cause::Due;
        }
        let lost_lately = self.lost.is_some_and(|lost| refused.sent <= lost.saturating_add(bounds.memory * 2));
        let possible = self.may_fill_window(bounds, refused) || self.may_drain_bucket(bounds, refused);
        if possible || lost_lately || before_run { Cause::Possible } else { Cause::Impossible }
    }

    /// Whether what was served fills the window wherever it began.
    fn is_explained(&self, bounds: &Bounds, refused: &Refused) -> bool {
        let Some((length, limit)) = bounds.window else { return false };
        let mut needed = (u64::from(limit) + 1).saturating_sub(u64::from(refused.cost));
        let newest_first = self.served.iter().rev();
        let mut within = newest_first.take_while(|served| refused.done.saturating_sub(served.sent) < length);
        within.any(|served| {
            needed = needed.saturating_sub(u64::from(served.cost));
            needed == 0
        })
    }

    fn may_fill_window(&self, bounds: &Bounds, refused: &Refused) -> bool {
        let Some((length, limit)) = bounds.window else { return false };
        let recent = self.finished.iter().rev().take_while(|(at, _)| at.saturating_add(length) >= refused.sent);
        let finished: u64 = recent.map(|(_, cost)| u64::from(*cost)).sum();
        self.under_way + finished + u64::from(refused.cost) > u64::from(limit)
    }

    fn may_drain_bucket(&self, bounds: &Bounds, refused: &Refused) -> bool {
        let Some(capacity) = bounds.bucket else { return false };
        let taken = self.may_lack_until(bounds).saturating_sub(bounds.scaled(refused.sent));
        taken + bounds.volume(self.under_way + u64::from(refused.cost)) > bounds.volume(u64::from(capacity))
    }

    fn is_idle(&self, bounds: &Bounds, now: Nanos) -> bool {
        let over = |at: Nanos| at.saturating_add(bounds.memory * 2) < now;
        self.in_flight == 0
            && self.finished.back().is_none_or(|&(done, _)| over(done))
            && self.lost.is_none_or(over)
            && self.may_lack_until(bounds) < bounds.scaled(now)
    }
}

impl Doubtful {
    /// Counts a served request that may have taken effect before the refusal was decided.
    fn count(&mut self, served: &Served) {
        if served.sent <= self.done {
            self.missing = self.missing.saturating_sub(u64::from(served.cost));
        }
    }

    /// Whether enough were served, and for a window: whether there is a moment, between its sending and its answer, at
    /// which enough of them may count together.
    fn is_due(&self, bounds: &Bounds, served: &VecDeque<Served>) -> bool {
        if self.missing > 0 {
            return false;
        }
        let Some((length, _)) = bounds.window else { return true };
        let counting = |at: Nanos| {
            let may_count = served.iter().filter(|other| other.sent <= at && other.done.saturating_add(length) > at);
            may_count.map(|other| u64::from(other.cost)).sum::<u64>()
        };
        // More of them count only from a moment on at which one was sent.
        let meanwhile = served.iter().map(|other| other.sent).filter(|sent| (self.sent..=self.done).contains(sent));
        std::iter::once(self.sent).chain(meanwhile).any(|at| counting(at) >= self.needed)
    }
}

#[cfg(test)]
mod tests;
