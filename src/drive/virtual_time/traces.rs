//! What devices leave behind for those who read it later: the records that chargers upload, that they and their sites are
//! known, and when they charge.

use std::hash::Hash;
use std::ops::Range;

use rustc_hash::FxHashMap;

use super::sites::Site;
use crate::scenario::DeviceId;
use crate::time::Nanos;

/// Gathered while devices are played.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// How many records were uploaded in each second of the run.
    records: Vec<u32>,
    registered: Vec<(DeviceId, Nanos)>,
    charged: Vec<(DeviceId, Vec<Range<Nanos>>)>,
}

impl Traces {
    pub fn record(&mut self, at: Nanos) {
        let second = second(at);
        if self.records.len() <= second {
            self.records.resize(second + 1, 0);
        }
        self.records[second] += 1;
    }

    pub fn registered(&mut self, device: DeviceId, at: Nanos) {
        self.registered.push((device, at));
    }

    pub fn charged(&mut self, device: DeviceId, spans: Vec<Range<Nanos>>) {
        if !spans.is_empty() {
            self.charged.push((device, spans));
        }
    }

    pub fn merge(&mut self, other: Traces) {
        self.records.resize(self.records.len().max(other.records.len()), 0);
        self.records.iter_mut().zip(&other.records).for_each(|(mine, theirs)| *mine += theirs);
        self.registered.extend(other.registered);
        self.charged.extend(other.charged);
    }

    /// What had been left by each moment. `site` says where a charger stands.
    pub fn into_archive(mut self, site: impl Fn(DeviceId) -> Site) -> Archive {
        let mut total = 0u32;
        for count in &mut self.records {
            total = total.saturating_add(*count);
            *count = total;
        }
        let registered = first(self.registered);
        let sites = first(registered.iter().map(|(&charger, &at)| (site(charger), at)));
        let mut sites_since: Vec<Nanos> = sites.values().copied().collect();
        sites_since.sort_unstable();
        Archive { records: self.records, registered, sites, sites_since, charged: self.charged.into_iter().collect() }
    }
}

/// Each once, with the earliest of its moments.
fn first<T: Eq + Hash>(moments: impl IntoIterator<Item = (T, Nanos)>) -> FxHashMap<T, Nanos> {
    let mut first = FxHashMap::default();
    for (what, at) in moments {
        let known = first.entry(what).or_insert(at);
        *known = at.min(*known);
    }
    first
}

/// What devices of other cells have left.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    /// By the end of each second.
    records: Vec<u32>,
    registered: FxHashMap<DeviceId, Nanos>,
    /// Each from its first charger's registration on.
    sites: FxHashMap<Site, Nanos>,
    /// Of each site, in order.
    sites_since: Vec<Nanos>,
    charged: FxHashMap<DeviceId, Vec<Range<Nanos>>>,
}

impl Archive {
    /// The records of all whole seconds before `at`.
    pub fn records(&self, at: Nanos) -> u32 {
        let Some(before) = second(at).checked_sub(1) else { return 0 };
        self.records.get(before).or(self.records.last()).copied().unwrap_or(0)
    }

    pub fn knows(&self, device: DeviceId, at: Nanos) -> bool {
        self.registered.get(&device).is_some_and(|&since| since <= at)
    }

    /// How many sites there were.
    pub fn sites(&self, at: Nanos) -> u32 {
        self.sites_since.partition_point(|&since| since <= at) as u32
    }

    pub fn has_site(&self, site: Site, at: Nanos) -> bool {
        self.sites.get(&site).is_some_and(|&since| since <= at)
    }

    /// When a charger was charging.
    pub fn charging(&self, device: DeviceId) -> &[Range<Nanos>] {
        self.charged.get(&device).map_or(&[], Vec::as_slice)
    }
}

fn second(at: Nanos) -> usize {
    (at.0 / 1_000_000_000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harvest_finds_what_came_in_the_seconds_before() {
        let mut traces = Traces::default();
        let mut others = Traces::default();
        [100, 1_900, 1_950].into_iter().for_each(|millis| traces.record(Nanos::from_millis(millis)));
        others.record(Nanos::from_millis(3_000));
        traces.merge(others);
        let archive = traces.into_archive(|first| Site { first });
        let found =
            [0, 999, 1_000, 1_999, 2_000, 3_500, 4_000, 9_000].map(|ms| archive.records(Nanos::from_millis(ms)));
        assert_eq!(found, [0, 0, 1, 1, 3, 3, 4, 4]);
        assert_eq!(Archive::default().records(Nanos::from_secs(5)), 0);
    }

    #[test]
    fn a_site_is_there_from_its_first_charger_on() {
        let site = |first| Site { first: DeviceId(first) };
        let mut traces = Traces::default();
        [(0, 20), (7, 10), (20, 30)].into_iter().for_each(|(id, at)| traces.registered(DeviceId(id), Nanos(at)));
        let archive = traces.into_archive(|charger| site(charger.0 / 20 * 20));
        assert_eq!([9, 10, 29, 30].map(|at| archive.sites(Nanos(at))), [0, 1, 1, 2]);
        assert!(archive.has_site(site(0), Nanos(10)) && !archive.has_site(site(20), Nanos(29)));
    }

    #[test]
    fn a_charger_is_known_from_its_first_registration_on() {
        let mut traces = Traces::default();
        [(1, 20), (1, 10), (2, 30)].into_iter().for_each(|(id, at)| traces.registered(DeviceId(id), Nanos(at)));
        let archive = traces.into_archive(|first| Site { first });
        let knows = [(1, 9), (1, 10), (2, 29), (2, 30), (3, 99)].map(|(id, at)| archive.knows(DeviceId(id), Nanos(at)));
        assert_eq!(knows, [false, true, false, true, false]);
    }
}
