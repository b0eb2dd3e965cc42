//! `--find quota`: the least limits that a fleet can live with.
//!
//! Where nothing may be refused, the demand is a fact: of a window the least limit is its peak. Of a bucket, whose refill
//! depends on the limit too, it is found by judging the same demand again. Requests reach a server in another rhythm than
//! they were sent in, so what is found is played against limits that are enforced, and raised until nothing is refused.
//! Where some refusals are allowed, each limit is looked for by itself, the others open, before all are raised together.

use std::collections::HashMap;

use super::Base;
use super::base::group_counts;
use super::growth::{self, Growth};
use super::limits::{self, Line};
use super::search;
use super::sensitivity;
use super::trial::{Trials, Tried, unproven};
use crate::policy::model::Policy;
use crate::policy::reading::Reading;
use crate::scenario::Scenario;
use crate::summary::QuotaUse;
use crate::summary::plan::{Need, QuotaAnswer, QuotaCheck, Spread};
use crate::time::Nanos;
use crate::yaml::Diagnosis;

/// A limit that still refuses is raised so often before that is left to the check to tell.
const MOST_RAISES: u32 = 40;
/// By one in so many, and at least by one.
const RAISE_ONE_IN: u32 = 50;
/// Demands beyond what the counts of a limit hold are counted again with one so many times as large.
const WIDEN: u32 = 8;

/// What the limits have to be good enough for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The share of a class's requests that may be refused.
    pub refused_ratio: f64,
    /// The longest added delay.
    pub delay: Option<Nanos>,
    /// How much the fleet is to grow.
    pub growth: Vec<Growth>,
}

/// A limit by its place among [`limits::lines`], and one of its readings.
type Key = (usize, Option<Reading>);
/// The least of each limit under each of its readings, with one seed.
type Least = HashMap<Key, Found>;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    least: u32,
    is_peak: bool,
}

impl Found {
    fn raise(&mut self) {
        *self = Found { least: self.least + (self.least / RAISE_ONE_IN).max(1), is_peak: false };
    }
}

/// Whether the fleet can grow so.
///
/// # Errors
/// Those of [`growth::check`].
pub fn check(base: &Base, wanted: &Wanted) -> Result<(), Diagnosis> {
    growth::check(&wanted.growth, &group_counts(base.scenario()))
}

/// Searches for the fleet as it stands and with one thing changed.
pub fn answer(trials: &Trials<'_>, wanted: &Wanted, headroom: f64) -> Result<QuotaAnswer, Diagnosis> {
    let today = trials.base.scenario();
    let search = Search { trials, wanted, headroom };
    trials.options.meter.announce("the least quota".to_owned());
    let needs = search.needs(today);
    let variants = sensitivity::variants(trials.base, &wanted.growth)?;
    let sensitivity = variants.changed.into_iter().map(|variant| {
        trials.options.meter.announce(format!("the least quota with {}", variant.what));
        let needs = search.needs(&variant.scenario);
        variant.with_needs(needs)
    });
    Ok(QuotaAnswer {
        origin: trials.base.origin(&trials.seeds, trials.options),
        refused_ratio: wanted.refused_ratio,
        delay_s: wanted.delay.map(Nanos::as_secs_f64),
        headroom,
        sensitivity: sensitivity.collect(),
        without_effect: variants.unchanged,
        not_searched: limits::cooldowns(&today.policy),
        checks: search.checks(today, &needs),
        unproven: unproven(&trials.demand(today, trials.seeds[0], today.policy.clone())),
        needs,
    })
}

struct Search<'a> {
    trials: &'a Trials<'a>,
    wanted: &'a Wanted,
    headroom: f64,
}

impl Search<'_> {
    /// What a fleet needs of each limit that it uses, over all seeds.
    fn needs(&self, scenario: &Scenario) -> Vec<Need> {
        let by_seed: Vec<Least> = self.trials.seeds.iter().map(|&seed| self.least(scenario, seed)).collect();
        let lines = limits::lines(&scenario.policy);
        let mut needs = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            for reading in by_seed.iter().find_map(|least| readings_of(least, index)).unwrap_or_default() {
                let found: Vec<Found> =
                    by_seed.iter().filter_map(|least| least.get(&(index, reading))).copied().collect();
                let around = found.iter().map(|found| limits::around(found.least, self.headroom));
                let least = Spread::of(around.collect()).unwrap_or_default();
                needs.push(Need {
                    class: line.class.clone(),
                    limit: line.text.clone(),
                    allow: line.allow,
                    reading,
                    least,
                    is_peak: found.iter().all(|found| found.is_peak),
                    burst: line.burst_need(least),
                });
            }
        }
        needs
    }

    fn least(&self, scenario: &Scenario, seed: u64) -> Least {
        let mut least = self.without_refusals(scenario, seed);
        if self.wanted.refused_ratio > 0.0 {
            self.with_refusals(scenario, seed, &mut least);
        }
        self.settle(scenario, seed, &mut least);
        least
    }

    /// What holds all of the demand.
    fn without_refusals(&self, scenario: &Scenario, seed: u64) -> Least {
        let (allowed, uses) = self.whole_demand(scenario, seed);
        let mut least = Least::new();
        let mut buckets: HashMap<Reading, Vec<Bucket>> = HashMap::new();
        for (index, quota) in uses.iter().enumerate() {
            for used in &quota.readings {
                match used.reading.filter(|reading| !is_window(*reading)) {
                    None => drop(least.insert((index, used.reading), Found { least: used.peak.max(1), is_peak: true })),
                    Some(reading) => {
                        let bucket = Bucket::tried(index, allowed[index], used.over == 0);
                        buckets.entry(reading).or_default().push(bucket);
                    }
                }
            }
        }
        for (reading, mut buckets) in buckets {
            self.narrow(scenario, seed, reading, &mut buckets);
            let found = buckets.into_iter().map(|bucket| (bucket, reading));
            least.extend(found.map(|(bucket, reading)| {
                ((bucket.line, Some(reading)), Found { least: bucket.high.unwrap_or(1), is_peak: false })
            }));
        }
        least
    }

    /// The demand, and the limits under which nothing of it was too much to be counted.
    fn whole_demand(&self, scenario: &Scenario, seed: u64) -> (Vec<u32>, Vec<QuotaUse>) {
        let mut allowed: Vec<u32> = limits::lines(&scenario.policy).iter().map(|line| line.allow).collect();
        loop {
            let uses = self.judged(scenario, seed, &allowed);
            let mut widened = false;
            for (allow, quota) in allowed.iter_mut().zip(&uses) {
                if quota.readings.iter().any(|used| used.at_least) {
                    *allow = allow.saturating_mul(WIDEN);
                    widened = true;
                }
            }
            if !widened {
                return (allowed, uses);
            }
        }
    }

    fn judged(&self, scenario: &Scenario, seed: u64, allowed: &[u32]) -> Vec<QuotaUse> {
        let allowed: Vec<Option<u32>> = allowed.iter().copied().map(Some).collect();
        self.trials.demand(scenario, seed, limits::with_allowed(&scenario.policy, &allowed))
    }

    /// Bisects all buckets at once: what one is judged by changes nothing for the others.
    fn narrow(&self, scenario: &Scenario, seed: u64, reading: Reading, buckets: &mut [Bucket]) {
        let mut allowed: Vec<u32> = limits::lines(&scenario.policy).iter().map(|line| line.allow).collect();
        while buckets.iter().any(|bucket| bucket.next().is_some()) {
            for bucket in buckets.iter() {
                allowed[bucket.line] = bucket.next().unwrap_or(allowed[bucket.line]);
            }
            let uses = self.judged(scenario, seed, &allowed);
            for bucket in buckets.iter_mut().filter(|bucket| bucket.next().is_some()) {
                let used = uses[bucket.line].readings.iter().find(|used| used.reading == Some(reading));
                bucket.learn(allowed[bucket.line], used.is_none_or(|used| used.over == 0));
            }
        }
    }

    /// Raises what still refuses with all limits enforced, until it is enough: the network brings requests closer together
    /// than they were sent, and refusals of one limit come on top of another's. What was raised too far comes down again.
    fn settle(&self, scenario: &Scenario, seed: u64, least: &mut Least) {
        let play = Enforcement { search: self, scenario, seed, lines: limits::lines(&scenario.policy) };
        let before = least.clone();
        for reading in limits::readings(&scenario.policy) {
            play.raise(reading, least);
        }
        play.lower(&before, least);
    }

    /// Lowers each limit by itself as far as the refusals and delays that it causes are allowed.
    fn with_refusals(&self, scenario: &Scenario, seed: u64, least: &mut Least) {
        let count = limits::lines(&scenario.policy).len();
        for ((index, reading), found) in least.iter_mut() {
            let least = search::least(0, found.least, |allow| {
                let mut allowed = vec![None; count];
                allowed[*index] = Some(allow);
                let policy = limits::with_allowed(&scenario.policy, &allowed);
                self.is_enough(&self.trials.enforced(scenario, seed, *reading, policy))
            });
            *found = Found { least, is_peak: found.is_peak && least == found.least };
        }
    }

    fn is_enough(&self, tried: &Tried) -> bool {
        tried.refused_ratio <= self.wanted.refused_ratio && self.wanted.delay.is_none_or(|delay| tried.delay <= delay)
    }

    /// All needs at once, enforced under each reading of the policy.
    fn checks(&self, scenario: &Scenario, needs: &[Need]) -> Vec<QuotaCheck> {
        let lines = limits::lines(&scenario.policy);
        let check = |reading| {
            let policy = allowing(&scenario.policy, &lines, reading, |(index, read)| {
                let line = &lines[*index];
                let own = |need: &&Need| need.class == line.class && need.limit == line.text && need.reading == *read;
                needs.iter().find(own).map(|need| need.least.max)
            });
            let tried = self.trials.enforced_over_seeds(scenario, reading, &policy);
            QuotaCheck {
                reading,
                enforced: tried.enforced,
                refused_ratio: tried.refused_ratio,
                delay_s: tried.delay.as_secs_f64(),
                holds: self.is_enough(&tried),
            }
        };
        limits::readings(&scenario.policy).into_iter().map(check).collect()
    }
}

/// All that was found, enforced on one fleet with one seed.
struct Enforcement<'a> {
    search: &'a Search<'a>,
    scenario: &'a Scenario,
    seed: u64,
    lines: Vec<Line>,
}

impl Enforcement<'_> {
    fn tried(&self, reading: Option<Reading>, least: &Least) -> Tried {
        let found = |key: &_| least.get(key).map(|found| found.least);
        let policy = allowing(&self.scenario.policy, &self.lines, reading, found);
        self.search.trials.enforced(self.scenario, self.seed, reading, policy)
    }

    /// Raises the limits that refuse.
    fn raise(&self, reading: Option<Reading>, least: &mut Least) {
        for _ in 0..MOST_RAISES {
            let tried = self.tried(reading, least);
            if self.search.is_enough(&tried) {
                return;
            }
            let refusing = self.lines.iter().enumerate().filter(|(index, _)| tried.refusing[*index]);
            let keys: Vec<Key> = refusing.map(|(index, line)| (index, line.read_as(reading))).collect();
            if !keys.iter().any(|key| least.contains_key(key)) {
                return;
            }
            for key in keys {
                least.entry(key).and_modify(Found::raise);
            }
        }
    }

    /// Brings each limit that was raised down again, one after the other, as far as all of them together stay enough.
    fn lower(&self, before: &Least, least: &mut Least) {
        let mut raised: Vec<_> = least.keys().copied().filter(|key| least[key] != before[key]).collect();
        raised.sort_unstable();
        for key in raised {
            let (start, raised) = (before[&key], least[&key].least);
            let lowest = search::least(start.least.saturating_sub(1), raised, |allow| {
                least.insert(key, Found { least: allow, is_peak: false });
                self.is_enough_as_read(key, least)
            });
            let found = if lowest == start.least { start } else { Found { least: lowest, is_peak: false } };
            least.insert(key, found);
        }
    }

    /// Under every reading of the policy that reads the limit so.
    fn is_enough_as_read(&self, (index, read): Key, least: &Least) -> bool {
        let line = &self.lines[index];
        let readings =
            limits::readings(&self.scenario.policy).into_iter().filter(|&reading| line.read_as(reading) == read);
        readings.into_iter().all(|reading| self.search.is_enough(&self.tried(reading, least)))
    }
}

/// A policy that allows what was found for each limit as it is read; the others stay as they are.
fn allowing(policy: &Policy, lines: &[Line], reading: Option<Reading>, found: impl Fn(&Key) -> Option<u32>) -> Policy {
    let allow = |(index, line): (usize, &Line)| Some(found(&(index, line.read_as(reading))).unwrap_or(line.allow));
    limits::with_allowed(policy, &lines.iter().enumerate().map(allow).collect::<Vec<_>>())
}

/// The readings of a limit for which something was found, the strictest first.
fn readings_of(least: &Least, index: usize) -> Option<Vec<Option<Reading>>> {
    let mut readings: Vec<Option<Reading>> =
        least.keys().filter(|(line, _)| *line == index).map(|(_, reading)| *reading).collect();
    readings.sort_unstable();
    (!readings.is_empty()).then_some(readings)
}

/// Whether the most that was used is the same whatever is allowed.
fn is_window(reading: Reading) -> bool {
    matches!(reading, Reading::Rolling | Reading::FixedFirstHit | Reading::FixedAligned)
}

/// The least size of one limit under one reading, as far as it is known.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    line: usize,
    /// Not enough.
    low: u32,
    /// Enough.
    high: Option<u32>,
}

impl Bucket {
    fn tried(line: usize, allow: u32, enough: bool) -> Self {
        let mut bucket = Bucket { line, low: 0, high: None };
        bucket.learn(allow, enough);
        bucket
    }

    fn learn(&mut self, allow: u32, enough: bool) {
        if enough { self.high = Some(allow) } else { self.low = allow }
    }

    /// What to try next; None when the least is known.
    fn next(&self) -> Option<u32> {
        match self.high {
            None => Some(self.low.saturating_mul(2).max(1)),
            Some(high) if high - self.low > 1 => Some(self.low + (high - self.low) / 2),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_narrowed_down_from_either_side() {
        for (start, least) in [(60, 1), (60, 59), (60, 60), (60, 61), (10, 1_000), (1, 1)] {
            let mut bucket = Bucket::tried(0, start, start >= least);
            let mut tries = 0;
            while let Some(next) = bucket.next() {
                bucket.learn(next, next >= least);
                tries += 1;
            }
            assert_eq!(bucket.high, Some(least));
            assert!(tries < 25, "{tries}");
        }
    }
}
