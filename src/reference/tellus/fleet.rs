//! The chargers that have registered, what they last said, and the sites they stand on.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::answer::{Code, Problem};
use crate::time::Nanos;

/// Without a heartbeat for so long a charger is offline: three missed ones.
pub const OFFLINE_AFTER: Nanos = Nanos::from_secs(90);
/// Connectors are numbered from 1 to this.
pub const MOST_CONNECTORS: u8 = 32;
/// Neighbours in number stand on one site.
pub const CHARGERS_PER_SITE: u32 = 20;
const MOST_CHARGERS: usize = 100_000;
const LONGEST_SERIAL: usize = 64;

/// Index of a charger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChargerId(pub u32);

/// All chargers and sites.
#[derive(Default)]
pub struct Fleet {
    chargers: Vec<Charger>,
    by_device_id: HashMap<String, ChargerId>,
    sites: Vec<Site>,
    by_site_id: HashMap<String, usize>,
}

/// A registered charger.
pub struct Charger {
    pub device_id: String,
    pub sn: String,
    pub model: String,
    pub manufacturer: String,
    pub firmware_version: String,
    pub site: usize,
    /// In the order of their numbers; the first is there from the beginning.
    pub connectors: Vec<Connector>,
    pub last_heartbeat: Option<Nanos>,
    /// Whether its last heartbeat said so itself.
    pub said_offline: bool,
}

/// The newest that is known of a connector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connector {
    pub number: u8,
    pub state: ConnectorState,
    pub power: f64,
    pub voltage: f64,
    pub current: f64,
    pub energy_delivered: f64,
    pub soc: Option<u8>,
    pub temperature: Option<f64>,
    pub last_telemetry: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorState {
    #[default]
    Idle,
    Charging,
    Discharging,
    Fault,
    /// Never said by a charger: how the connectors of one that is offline are shown.
    Unavailable,
}

impl ConnectorState {
    pub fn is_active(self) -> bool {
        matches!(self, ConnectorState::Charging | ConnectorState::Discharging)
    }
}

/// Where chargers stand.
pub struct Site {
    pub site_id: String,
    pub name: String,
    pub since: Nanos,
    pub chargers: Vec<ChargerId>,
}

/// What a charger says of itself when it registers.
pub struct Registration<'a> {
    pub sn: &'a str,
    pub model: &'a str,
    pub manufacturer: &'a str,
    pub firmware_version: &'a str,
}

impl Fleet {
    /// Takes in a charger. Its id is `dvc_` and its serial number.
    pub fn register(&mut self, now: Nanos, said: &Registration<'_>) -> Result<&Charger, Problem> {
        if said.sn.len() > LONGEST_SERIAL {
            return Err(Problem::invalid("sn", said.sn.into(), "must be at most 64 bytes"));
        }
        let device_id = format!("dvc_{}", said.sn);
        if self.by_device_id.contains_key(&device_id) {
            return Err(Problem::new(Code::Conflict, "This sn is already registered"));
        }
        if self.chargers.len() >= MOST_CHARGERS {
            return Err(Problem::new(Code::ServerFault, "No room for another charger"));
        }
        let id = ChargerId(self.chargers.len() as u32);
        let site = self.site_for(now, said.sn);
        self.sites[site].chargers.push(id);
        self.by_device_id.insert(device_id.clone(), id);
        self.chargers.push(Charger {
            device_id,
            sn: said.sn.to_owned(),
            model: said.model.to_owned(),
            manufacturer: said.manufacturer.to_owned(),
            firmware_version: said.firmware_version.to_owned(),
            site,
            connectors: vec![Connector { number: 1, ..Connector::default() }],
            last_heartbeat: None,
            said_offline: false,
        });
        Ok(self.charger(id))
    }

    /// `<group>-<index>` stands with its neighbours of the group; other serial numbers share a site by their first part.
    fn site_for(&mut self, now: Nanos, sn: &str) -> usize {
        let (group, index) = sn.rsplit_once('-').unwrap_or((sn, ""));
        let plot = index.parse::<u64>().unwrap_or(0) / u64::from(CHARGERS_PER_SITE);
        let site_id = format!("site_{group}_{plot:03}");
        if let Some(&site) = self.by_site_id.get(&site_id) {
            return site;
        }
        self.by_site_id.insert(site_id.clone(), self.sites.len());
        let name = format!("{group}, plot {plot}");
        self.sites.push(Site { site_id, name, since: now, chargers: Vec::new() });
        self.sites.len() - 1
    }

    pub fn find(&self, device_id: &str) -> Option<ChargerId> {
        self.by_device_id.get(device_id).copied()
    }

    /// Error: 3001.
    pub fn known(&self, device_id: &str) -> Result<ChargerId, Problem> {
        self.find(device_id).ok_or_else(|| Problem::not_found("Device"))
    }

    pub fn charger(&self, id: ChargerId) -> &Charger {
        &self.chargers[id.0 as usize]
    }

    pub fn charger_mut(&mut self, id: ChargerId) -> &mut Charger {
        &mut self.chargers[id.0 as usize]
    }

    pub fn ids(&self) -> impl Iterator<Item = ChargerId> + use<> {
        (0..self.chargers.len() as u32).map(ChargerId)
    }

    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// Error: 3001.
    pub fn site_named(&self, site_id: &str) -> Result<&Site, Problem> {
        self.by_site_id.get(site_id).map(|&site| &self.sites[site]).ok_or_else(|| Problem::not_found("Site"))
    }

    /// Whether any of a site's chargers is online.
    pub fn is_active(&self, now: Nanos, site: &Site) -> bool {
        site.chargers.iter().any(|&id| self.charger(id).is_online(now))
    }
}

impl Charger {
    pub fn is_online(&self, now: Nanos) -> bool {
        let alive = self.last_heartbeat.is_some_and(|at| now <= at.saturating_add(OFFLINE_AFTER));
        alive && !self.said_offline
    }

    /// The connector of that number; it is known from now on.
    pub fn connector(&mut self, number: u8) -> &mut Connector {
        let index = match self.connectors.binary_search_by_key(&number, |connector| connector.number) {
            Ok(index) => index,
            Err(index) => {
                self.connectors.insert(index, Connector { number, ..Connector::default() });
                index
            }
        };
        &mut self.connectors[index]
    }

    /// The state that operators see.
    pub fn shown_state(&self, now: Nanos, connector: &Connector) -> ConnectorState {
        if self.is_online(now) { connector.state } else { ConnectorState::Unavailable }
    }
}

impl Connector {
    /// The session is over; what was measured last stays, except what flows.
    pub fn end_session(&mut self) {
        self.state = ConnectorState::Idle;
        self.power = 0.0;
        self.current = 0.0;
        self.energy_delivered = 0.0;
    }
}

/// ISO 8601 in UTC with whole seconds.
pub fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register<'a>(fleet: &'a mut Fleet, sn: &str) -> Result<&'a Charger, Problem> {
        fleet.register(Nanos(1), &Registration { sn, model: "TP-AC22", manufacturer: "T", firmware_version: "1" })
    }

    #[test]
    fn neighbours_share_a_site_and_groups_do_not() {
        let mut fleet = Fleet::default();
        for sn in ["depot-0", "depot-19", "depot-20", "annex-0", "SN1"] {
            register(&mut fleet, sn).unwrap();
        }
        let sites: Vec<&str> = fleet.ids().map(|id| fleet.sites()[fleet.charger(id).site].site_id.as_str()).collect();
        assert_eq!(sites, ["site_depot_000", "site_depot_000", "site_depot_001", "site_annex_000", "site_SN1_000"]);
    }

    #[test]
    fn a_charger_is_offline_after_its_grace_and_when_it_says_so() {
        let mut fleet = Fleet::default();
        register(&mut fleet, "depot-0").unwrap();
        let charger = fleet.charger_mut(ChargerId(0));
        assert!(!charger.is_online(Nanos(1)), "before its first heartbeat");
        charger.last_heartbeat = Some(Nanos::from_secs(10));
        assert!(charger.is_online(Nanos::from_secs(100)));
        assert!(!charger.is_online(Nanos(100_000_000_001)));
        charger.said_offline = true;
        assert!(!charger.is_online(Nanos::from_secs(10)));
    }
}
