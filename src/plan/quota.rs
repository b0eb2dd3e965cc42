//! `--find quota`: the least limits that a fleet can live with.
//!
//! Where nothing may be refused, the demand is a fact: of a window the least limit is its peak. Of a bucket, whose refill
//! depends on the limit too, it is found by judging the same demand again (`buckets.rs`). Requests reach a server in another rhythm than
//! they were sent in, so what is found is played against limits that are enforced, and raised until nothing is refused.
//! Where some refusals are allowed, each limit is looked for by itself, the others open, before all are raised together.

use std::collections::HashMap;

use super::Base;
use super::base::group_counts;
use super::buckets::{self, Bucket};
use super::growth::{self, Growth};
use super::limits::{self, Line};
use super::search;
use super::sensitivity;
use super::trial::{Trials, Tried, unproven};
use crate::policy::model::Policy;
use crate::policy::reading::Reading;
use crate::scenario::Scenario;
use crate::summary::QuotaUse;
use crate::summary::plan::{BurstNeed, Grant, Need, QuotaAnswer, QuotaCheck, Spread};
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
    least: Grant,
    is_peak: bool,
    /// Of a bucket, the rate at which nobody falls behind for good; else nothing.
    lasting: u32,
}

impl Found {
    fn raise_to(&mut self, other: &Found) {
        self.least = self.least.most_of(other.least);
        self.is_peak &= other.is_peak;
        self.lasting = self.lasting.max(other.lasting);
    }

    fn raise(&mut self) {
        // What still refuses where the rate lasts comes closer together than it was sent: that takes a larger burst.
        let step = |number: u32, least: u32| number.saturating_add((number / RAISE_ONE_IN).max(least));
        let Grant { rate, burst } = self.least;
        let least = Grant { rate: step(rate, u32::from(burst.is_none())), burst: burst.map(|burst| step(burst, 1)) };
        *self = Found { least, is_peak: false, ..*self };
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
        unproven: unproven(&trials.demand(today, trials.seeds[0], today.policy.clone()), today.duration),
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
        let together = self.together(scenario, &by_seed);
        let lines = limits::lines(&scenario.policy);
        let mut needs = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            for reading in by_seed.iter().find_map(|least| readings_of(least, index)).unwrap_or_default() {
                let key = (index, reading);
                let found: Vec<Found> = by_seed.iter().filter_map(|least| least.get(&key)).copied().collect();
                let around = |found: &Found| found.least.map(|number| limits::around(number, self.headroom));
                let most = together.get(&key).map(around);
                let over_seeds = |number: fn(Grant) -> Option<u32>| {
                    let spread = Spread::of(found.iter().map(around).filter_map(number).collect())?;
                    Some(Spread {
                        max: most.and_then(number).map_or(spread.max, |most| most.max(spread.max)),
                        ..spread
                    })
                };
                let bursts = over_seeds(|grant| grant.burst);
                needs.push(Need {
                    class: line.class.clone(),
                    limit: line.text.clone(),
                    allow: line.allow,
                    reading,
                    least: over_seeds(|grant| Some(grant.rate)).unwrap_or_default(),
                    is_peak: found.iter().chain(together.get(&key)).all(|found| found.is_peak),
                    burst: line.bucket().zip(bursts).map(|(bucket, least)| BurstNeed { allow: bucket.burst, least }),
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
        self.settle(scenario, &[seed], &mut least);
        least
    }

    /// Enough with each of the seeds. Where some refusals are allowed that may be more than the most that any of them takes:
    /// clients that heed answers do other things under limits of which some are larger.
    fn together(&self, scenario: &Scenario, by_seed: &[Least]) -> Least {
        let mut most = Least::new();
        if self.wanted.refused_ratio > 0.0 {
            for (key, found) in by_seed.iter().flatten() {
                most.entry(*key).and_modify(|known| known.raise_to(found)).or_insert(*found);
            }
            self.settle(scenario, &self.trials.seeds, &mut most);
        }
        most
    }

    /// What holds all of the demand.
    fn without_refusals(&self, scenario: &Scenario, seed: u64) -> Least {
        let (granted, uses) = self.whole_demand(scenario, seed);
        let lines = limits::lines(&scenario.policy);
        let mut least = Least::new();
        let mut buckets: HashMap<Reading, Vec<Bucket>> = HashMap::new();
        for (index, quota) in uses.iter().enumerate() {
            for used in &quota.readings {
                match used.reading.filter(|reading| !is_window(*reading)) {
                    None => {
                        let found = Found { least: Grant::of(used.peak.max(1)), is_peak: true, lasting: 0 };
                        least.insert((index, used.reading), found);
                    }
                    Some(reading) => {
                        let bucket = match lines[index].bucket() {
                            Some(today) => Bucket::of_pair(index, today),
                            None => Bucket::of_size(index, granted[index].rate, used.over == 0 && quota.rate_lasts()),
                        };
                        buckets.entry(reading).or_default().push(bucket);
                    }
                }
            }
        }
        for (reading, buckets) in buckets {
            let found = buckets::least(&lines, reading, buckets, |granted| self.judged(scenario, seed, granted));
            least.extend(found.into_iter().map(|(line, least)| {
                let lasting = uses[line].lasting_rate.min(least.rate);
                ((line, Some(reading)), Found { least, is_peak: false, lasting })
            }));
        }
        least
    }

    /// The demand, and the limits under which nothing of it was too much to be counted.
    fn whole_demand(&self, scenario: &Scenario, seed: u64) -> (Vec<Grant>, Vec<QuotaUse>) {
        let mut granted: Vec<Grant> = limits::lines(&scenario.policy).iter().map(Line::grant).collect();
        loop {
            let uses = self.judged(scenario, seed, &granted);
            let mut widened = false;
            for (grant, quota) in granted.iter_mut().zip(&uses) {
                if quota.readings.iter().any(|used| used.at_least) {
                    *grant = grant.map(|number| number.saturating_mul(WIDEN));
                    widened = true;
                }
            }
            if !widened {
                return (granted, uses);
            }
        }
    }

    fn judged(&self, scenario: &Scenario, seed: u64, granted: &[Grant]) -> Vec<QuotaUse> {
        let granted: Vec<Option<Grant>> = granted.iter().copied().map(Some).collect();
        self.trials.demand(scenario, seed, limits::with_granted(&scenario.policy, &granted))
    }

    /// Raises what still refuses with all limits enforced, until it is enough: the network brings requests closer together
    /// than they were sent, and refusals of one limit come on top of another's. What was raised too far comes down again.
    fn settle(&self, scenario: &Scenario, seeds: &[u64], least: &mut Least) {
        let play = Enforcement { search: self, scenario, seeds, lines: limits::lines(&scenario.policy) };
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
            // A full bucket lets through for a while what falls behind for good.
            let lasting = f64::from(found.lasting) * (1.0 - self.wanted.refused_ratio);
            let too_slow = (lasting.ceil() as u32).saturating_sub(1).min(found.least.rate - 1);
            let rate = search::least(too_slow, found.least.rate, |rate| {
                let mut granted = vec![None; count];
                granted[*index] = Some(found.least.at(rate));
                let policy = limits::with_granted(&scenario.policy, &granted);
                self.is_enough(&self.trials.enforced(scenario, seed, *reading, policy))
            });
            *found =
                Found { least: found.least.at(rate), is_peak: found.is_peak && rate == found.least.rate, ..*found };
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
                needs.iter().find(own).map(Need::most)
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

/// All that was found, enforced on one fleet.
struct Enforcement<'a> {
    search: &'a Search<'a>,
    scenario: &'a Scenario,
    seeds: &'a [u64],
    lines: Vec<Line>,
}

impl Enforcement<'_> {
    fn tried(&self, reading: Option<Reading>, least: &Least) -> Tried {
        let found = |key: &_| least.get(key).map(|found| found.least);
        let policy = allowing(&self.scenario.policy, &self.lines, reading, found);
        self.search.trials.enforced_with_each(self.seeds, self.scenario, reading, &policy)
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
            let way = Way { from: start.least, to: raised };
            // One more than the step: what lies before the first one is not enough.
            let lowest = search::least(0, way.steps() + 1, |next| {
                least.insert(key, Found { least: way.at(next - 1), is_peak: false, ..start });
                self.is_enough_as_read(key, least)
            });
            let found = if lowest == 1 { start } else { Found { least: way.at(lowest - 1), is_peak: false, ..start } };
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

/// From one grant to a larger one, number by number, in so many steps as the number takes that changes most.
struct Way {
    from: Grant,
    to: Grant,
}

impl Way {
    fn steps(&self) -> u32 {
        let burst = self.to.burst.zip(self.from.burst).map_or(0, |(to, from)| to.saturating_sub(from));
        self.to.rate.saturating_sub(self.from.rate).max(burst)
    }

    fn at(&self, step: u32) -> Grant {
        let steps = u64::from(self.steps().max(1));
        let between =
            |from: u32, to: u32| from + (u64::from(to.saturating_sub(from)) * u64::from(step)).div_ceil(steps) as u32;
        let burst = self.from.burst.zip(self.to.burst).map(|(from, to)| between(from, to));
        Grant { rate: between(self.from.rate, self.to.rate), burst }
    }
}

/// A policy that grants what was found for each limit as it is read; the others stay as they are.
fn allowing(
    policy: &Policy,
    lines: &[Line],
    reading: Option<Reading>,
    found: impl Fn(&Key) -> Option<Grant>,
) -> Policy {
    let grant = |(index, line): (usize, &Line)| Some(found(&(index, line.read_as(reading))).unwrap_or(line.grant()));
    limits::with_granted(policy, &lines.iter().enumerate().map(grant).collect::<Vec<_>>())
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
