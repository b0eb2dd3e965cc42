//! Sites as the reference server lays them out: neighbours in number stand together.

use rustc_hash::FxHashSet;

use super::traces::Archive;
use crate::reference::tellus::CHARGERS_PER_SITE;
use crate::scenario::{DeviceId, Scenario};
use crate::time::Nanos;

/// A site, by the first charger that has its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    pub first: DeviceId,
}

impl Site {
    pub fn of(scenario: &Scenario, charger: DeviceId) -> Self {
        let group = scenario.group_of(charger);
        let index = charger.0 - group.first.0;
        Site { first: DeviceId(group.first.0 + index - index % CHARGERS_PER_SITE) }
    }
}

/// The sites that the devices at hand have made known.
#[derive(Debug, Default)]
pub struct Sites(FxHashSet<Site>);

impl Sites {
    pub fn insert(&mut self, site: Site) {
        self.0.insert(site);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many there are, with those that others had made known by then.
    pub fn count(&self, archive: &Archive, now: Nanos) -> u32 {
        let own = self.0.iter().filter(|&&site| !archive.has_site(site, now)).count();
        archive.sites(now) + own as u32
    }
}
