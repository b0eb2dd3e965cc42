//! `--find fleet`: the largest fleet that stays within every limit.

use std::cell::RefCell;
use std::collections::HashMap;

use super::Base;
use super::base::group_counts;
use super::limits::{self, Line};
use super::search::{self, Border};
use super::trial::{Trials, unproven};
use crate::policy::reading::Reading;
use crate::profile::{Draft, no_such_group};
use crate::scenario::Scenario;
use crate::summary::plan::{Binding, FleetAnswer, GroupCount, LargestFleet, Spread};
use crate::summary::{QuotaUse, ReadingUse};
use crate::time::Nanos;
use crate::yaml::Diagnosis;

/// Larger fleets are not tried: where nothing binds, the largest takes most of the time of the whole search, and tells
/// nobody anything who has a hundredth of it.
fn largest_tried(today: u32) -> u32 {
    today.saturating_mul(100).clamp(10_000, 100_000).max(today)
}

const DAY: Nanos = Nanos::from_secs(86_400);

/// Which fleet is meant.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The group whose count is varied; None: all of them, in proportion.
    pub group: Option<String>,
}

/// Whether there is such a group.
pub fn check(base: &Base, wanted: &Wanted) -> Result<(), Diagnosis> {
    Sizes::new(group_counts(base.scenario()), wanted.group.as_deref()).map(drop)
}

/// Searches under each reading.
pub fn answer(trials: &Trials<'_>, wanted: &Wanted, headroom: f64) -> Result<FleetAnswer, Diagnosis> {
    let today = group_counts(trials.base.scenario());
    let sizes = Sizes::new(today.clone(), wanted.group.as_deref())?;
    let most = most(trials, &sizes);
    let search = Search { trials, sizes, headroom, most, played: RefCell::default() };
    let policy = &trials.base.scenario().policy;
    let readings = limits::readings(policy).into_iter().map(|reading| search.largest(reading));
    let readings = readings.collect::<Result<Vec<_>, _>>()?;
    Ok(FleetAnswer {
        origin: trials.base.origin(&trials.seeds, trials.options),
        group: wanted.group.clone(),
        today,
        headroom,
        readings,
        unproven: unproven(&search.uses(search.sizes.today(), trials.seeds[0])?, trials.base.scenario().duration),
    })
}

/// Fleets by size: the count of the varied group, or of the largest where all are varied in proportion.
struct Sizes {
    today: Vec<GroupCount>,
    lead: usize,
    alone: bool,
}

impl Sizes {
    fn new(today: Vec<GroupCount>, group: Option<&str>) -> Result<Self, Diagnosis> {
        let lead = match group {
            None => {
                let largest = today.iter().map(|group| group.devices).max();
                today.iter().position(|group| Some(group.devices) == largest)
            }
            Some(name) => today.iter().position(|group| group.group == name),
        };
        match (lead, group) {
            (Some(lead), group) => Ok(Sizes { today, lead, alone: group.is_some() }),
            (None, group) => {
                let name = group.unwrap_or_default();
                Err(no_such_group(name, today.iter().map(|group| group.group.as_str())))
            }
        }
    }

    fn today(&self) -> u32 {
        self.today[self.lead].devices
    }

    /// The fleet of a size; no group disappears.
    fn fleet(&self, size: u32) -> Vec<GroupCount> {
        let factor = f64::from(size) / f64::from(self.today().max(1));
        let scaled = |(index, group): (usize, &GroupCount)| GroupCount {
            group: group.group.clone(),
            devices: match (index == self.lead, self.alone) {
                (true, _) => size,
                (false, true) => group.devices,
                (false, false) => (f64::from(group.devices) * factor).round().max(1.0) as u32,
            },
        };
        self.today.iter().enumerate().map(scaled).collect()
    }

    /// How many devices a fleet of a size is counted as.
    fn devices(&self, size: u32) -> u32 {
        match (size, self.alone) {
            (0, _) => 0,
            (_, true) => size,
            (_, false) => self.fleet(size).iter().map(|group| group.devices).sum(),
        }
    }

    fn apply(&self, size: u32, draft: &mut Draft) -> Result<(), Diagnosis> {
        resize(draft, &self.fleet(size))
    }
}

/// Gives groups other sizes.
pub fn resize(draft: &mut Draft, fleet: &[GroupCount]) -> Result<(), Diagnosis> {
    fleet.iter().try_for_each(|group| draft.resize(&group.group, group.devices))
}

/// The largest size that a profile may have, up to [`largest_tried`].
fn most(trials: &Trials<'_>, sizes: &Sizes) -> u32 {
    let may_be = |size: u32| trials.base.vary(|draft| sizes.apply(size, draft)).is_ok();
    let (mut low, mut high) = (sizes.today(), largest_tried(sizes.today()));
    if may_be(high) {
        return high;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if may_be(middle) { low = middle } else { high = middle }
    }
    low
}

struct Search<'a> {
    trials: &'a Trials<'a>,
    sizes: Sizes,
    headroom: f64,
    most: u32,
    /// What fleets of a size ask for with a seed: each is judged under every reading at once.
    played: RefCell<HashMap<(u32, u64), Vec<QuotaUse>>>,
}

impl Search<'_> {
    fn scenario(&self, size: u32) -> Result<Scenario, Diagnosis> {
        self.trials.base.vary(|draft| self.sizes.apply(size, draft))
    }

    fn lines(&self) -> Vec<Line> {
        limits::lines(&self.trials.base.scenario().policy)
    }

    /// What a fleet of a size asks for, judged by limits of which the headroom is set aside.
    fn uses(&self, size: u32, seed: u64) -> Result<Vec<QuotaUse>, Diagnosis> {
        if let Some(known) = self.played.borrow().get(&(size, seed)) {
            return Ok(known.clone());
        }
        let scenario = self.scenario(size)?;
        self.trials.options.meter.announce(format!("a fleet of {}, seed {seed}", self.sizes.devices(size)));
        let judged = limits::with_headroom(&scenario.policy, self.headroom);
        let uses = self.trials.demand(&scenario, seed, judged);
        self.played.borrow_mut().insert((size, seed), uses.clone());
        Ok(uses)
    }

    fn fits(&self, size: u32, seed: u64, reading: Option<Reading>) -> Result<bool, Diagnosis> {
        let uses = self.uses(size, seed)?;
        Ok(self.lines().iter().zip(&uses).all(|(line, quota)| over(line, quota, reading).is_none()))
    }

    fn border(&self, seeds: &[u64], reading: Option<Reading>) -> Result<Border, Diagnosis> {
        search::largest(self.sizes.today(), self.most, |size| {
            for &seed in seeds {
                if !self.fits(size, seed, reading)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    fn largest(&self, reading: Option<Reading>) -> Result<LargestFleet, Diagnosis> {
        let border = self.border(&self.trials.seeds, reading)?;
        let alone = self.trials.seeds.iter().map(|seed| self.border(&[*seed], reading));
        let alone = alone.collect::<Result<Vec<_>, _>>()?;
        let sizes = alone.iter().map(|border| self.sizes.devices(border.fits)).collect();
        // A size that is too large for one of the seeds alone does not fit.
        let fits = alone.iter().map(|border| border.fits).fold(border.fits, u32::min);
        let enforced = match fits {
            0 => None,
            size => {
                let scenario = self.scenario(size)?;
                Some(self.trials.enforced_over_seeds(&scenario, reading, &scenario.policy).enforced)
            }
        };
        Ok(LargestFleet {
            reading,
            devices: self.sizes.devices(fits),
            fleet: if fits == 0 { Vec::new() } else { self.sizes.fleet(fits) },
            at_least: border.at_least && fits == border.fits,
            over_seeds: Spread::of(sizes).unwrap_or_default(),
            monotone: border.monotone && alone.iter().all(|border| border.monotone),
            binding: if border.at_least && fits == border.fits { None } else { self.binding(fits + 1, reading)? },
            enforced,
        })
    }

    /// What breaks first in a fleet that is one size too large: of all seeds, the limit that is exceeded most.
    fn binding(&self, size: u32, reading: Option<Reading>) -> Result<Option<Binding>, Diagnosis> {
        let mut worst: Option<(f64, Binding)> = None;
        let texts: Vec<String> = self.lines().into_iter().map(|line| line.text).collect();
        let left = limits::lines(&limits::with_headroom(&self.trials.base.scenario().policy, self.headroom));
        for &seed in &self.trials.seeds {
            for ((text, line), quota) in texts.iter().zip(&left).zip(self.uses(size, seed)?) {
                let Some(used) = over(line, &quota, reading) else { continue };
                let lasting_rate = (used.over == 0).then_some(quota.lasting_rate);
                let share = match lasting_rate {
                    Some(lasting) => f64::from(lasting) / f64::from(quota.grant().rate.max(1)),
                    None => f64::from(used.peak) / f64::from(quota.allow.max(1)),
                };
                if worst.as_ref().is_some_and(|(most, _)| *most >= share) {
                    continue;
                }
                let binding = Binding {
                    devices: self.sizes.devices(size),
                    class: line.class.clone(),
                    limit: text.clone(),
                    allow: match lasting_rate {
                        Some(_) => quota.grant().rate,
                        None => line.at_once(used.reading),
                    },
                    peak: used.peak,
                    lasting_rate,
                    at_least: used.at_least,
                    at_s: used.peak_at_s,
                    time_of_day: self.time_of_day(used.peak_at_s),
                    busiest: quota.busiest.clone(),
                    seed,
                };
                worst = Some((share, binding));
            }
        }
        Ok(worst.map(|(_, binding)| binding))
    }

    fn time_of_day(&self, at_s: f64) -> String {
        let scenario = self.trials.base.scenario();
        let at = scenario.start_of_week_offset.saturating_add(Nanos::from_secs_f64(at_s));
        clock_text(at, scenario.duration > DAY)
    }
}

/// The use of a limit under a reading of the whole policy, if it is over, or a bucket whose rate does not last.
fn over<'q>(line: &Line, quota: &'q QuotaUse, reading: Option<Reading>) -> Option<&'q ReadingUse> {
    let read = line.read_as(reading);
    let lasts = read.is_none_or(|read| !read.is_bucket()) || quota.rate_lasts();
    quota.readings.iter().find(|used| used.reading == read && (used.over > 0 || !lasts))
}

/// `08:31:05`, or `Tuesday, 08:31:05` where a play has more than one day. Counted from Monday, 00:00.
fn clock_text(since_monday: Nanos, with_day: bool) -> String {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let (day, seconds) = (since_monday.0 / DAY.0 % 7, since_monday.0 % DAY.0 / 1_000_000_000);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if with_day { format!("{}, {clock}", DAYS[day as usize]) } else { clock }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(group: Option<&str>) -> Result<Sizes, Diagnosis> {
        let count = |group: &str, devices| GroupCount { group: group.into(), devices };
        Sizes::new(vec![count("dashboard", 2), count("depot", 200)], group)
    }

    fn counts(sizes: &Sizes, size: u32) -> Vec<u32> {
        sizes.fleet(size).iter().map(|group| group.devices).collect()
    }

    #[test]
    fn all_groups_grow_in_proportion_and_none_disappears() {
        let sizes = sizes(None).unwrap();
        assert_eq!((sizes.today(), sizes.devices(200), sizes.devices(0)), (200, 202, 0));
        assert_eq!(counts(&sizes, 1_000), [10, 1_000]);
        assert_eq!(counts(&sizes, 7), [1, 7]);
    }

    #[test]
    fn a_group_grows_alone() {
        let sizes = sizes(Some("dashboard")).unwrap();
        assert_eq!((sizes.today(), sizes.devices(40)), (2, 40));
        assert_eq!(counts(&sizes, 40), [40, 200]);
        let said = super::Sizes::new(sizes.today, Some("dashbord")).err().unwrap().to_string();
        assert!(said.contains("no group is called `dashbord`") && said.contains("did you mean `dashboard`?"), "{said}");
    }

    #[test]
    fn fleets_are_tried_up_to_a_hundred_times_today_s() {
        assert_eq!([1, 200, 5_000, 400_000].map(largest_tried), [10_000, 20_000, 100_000, 400_000]);
    }

    #[test]
    fn moments_are_told_on_the_clock() {
        assert_eq!(clock_text(Nanos::from_secs(8 * 3600 + 65), false), "08:01:05");
        assert_eq!(clock_text(Nanos::from_secs(25 * 3600), true), "Tuesday, 01:00:00");
        assert_eq!(clock_text(DAY * 7, true), "Monday, 00:00:00");
    }
}
