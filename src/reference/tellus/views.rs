//! Chargers and sites as operators see them.

use serde::Serialize;

use super::fleet::{ChargerId, Connector, ConnectorState, Fleet, Site, iso};
use crate::time::{Anchor, Nanos};

/// Power of a charger whose model names none, kW.
const USUAL_POWER: f64 = 7.0;

impl Fleet {
    /// A site as operators see it.
    pub fn site_view(&self, now: Nanos, anchor: Anchor, site: &Site) -> SiteView {
        let mut status_summary = StatusSummary::default();
        let mut total_connectors = 0;
        let mut power_capacity = 0.0;
        for charger in site.chargers.iter().map(|&id| self.charger(id)) {
            power_capacity += rated_power(&charger.model);
            total_connectors += charger.connectors.len();
            for connector in &charger.connectors {
                match charger.shown_state(now, connector) {
                    ConnectorState::Idle => status_summary.idle += 1,
                    ConnectorState::Charging | ConnectorState::Discharging => status_summary.charging += 1,
                    ConnectorState::Fault => status_summary.fault += 1,
                    ConnectorState::Unavailable => {}
                }
            }
        }
        SiteView {
            site_id: site.site_id.clone(),
            name: site.name.clone(),
            address: site.name.clone(),
            // Somewhere on the open sea: a place that no one mistakes for a real one.
            location: Location { lat: 0.0, lng: 0.0 },
            total_connectors,
            status_summary,
            power_capacity,
            created_at: anchor.iso(site.since),
        }
    }

    /// A charger as operators see it.
    pub fn device_view(&self, now: Nanos, anchor: Anchor, id: ChargerId) -> DeviceView<'_> {
        let charger = self.charger(id);
        let connector = |connector: &Connector| {
            let state = charger.shown_state(now, connector);
            ConnectorView {
                connector_id: connector.number,
                status: state,
                power: signed_power(connector),
                voltage: connector.voltage,
                current: connector.current,
                energy_delivered: connector.energy_delivered,
                soc: connector.soc,
                temperature: connector.temperature,
                last_telemetry_time: connector.last_telemetry.map(iso),
            }
        };
        DeviceView {
            device_id: &charger.device_id,
            sn: &charger.sn,
            model: &charger.model,
            manufacturer: &charger.manufacturer,
            firmware_version: &charger.firmware_version,
            status: if charger.is_online(now) { "online" } else { "offline" },
            connectors: charger.connectors.iter().map(connector).collect(),
            last_heartbeat: charger.last_heartbeat.map(|at| anchor.iso(at)),
            site_id: &self.sites()[charger.site].site_id,
        }
    }

    /// A charger's frame for streams; None while none of its connectors is active.
    pub fn frame(&self, now: Nanos, anchor: Anchor, id: ChargerId) -> Option<FrameView<'_>> {
        let charger = self.charger(id);
        if !charger.connectors.iter().any(|connector| charger.shown_state(now, connector).is_active()) {
            return None;
        }
        let connector = |connector: &Connector| FrameConnector {
            connector_id: connector.number,
            state: charger.shown_state(now, connector),
            power: signed_power(connector),
            energy_delivered: connector.energy_delivered,
            soc: connector.soc,
        };
        let connectors = charger.connectors.iter().map(connector).collect();
        Some(FrameView { device_id: &charger.device_id, timestamp: anchor.iso(now), connectors })
    }
}

/// Operators read power to the grid as negative, whichever sign the charger uses.
fn signed_power(connector: &Connector) -> f64 {
    if connector.state == ConnectorState::Discharging { -connector.power.abs() } else { connector.power }
}

/// The number in a model's name: 180 of `TP-DC180`, 7 of `AC-7kW-V2`.
fn rated_power(model: &str) -> f64 {
    let digits = model.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or(USUAL_POWER)
}

#[derive(Serialize)]
pub struct SiteView {
    site_id: String,
    name: String,
    address: String,
    location: Location,
    total_connectors: usize,
    status_summary: StatusSummary,
    power_capacity: f64,
    created_at: String,
}

#[derive(Serialize)]
struct Location {
    lat: f64,
    lng: f64,
}

#[derive(Default, Serialize)]
struct StatusSummary {
    idle: usize,
    charging: usize,
    fault: usize,
}

#[derive(Serialize)]
pub struct DeviceView<'a> {
    device_id: &'a str,
    sn: &'a str,
    model: &'a str,
    manufacturer: &'a str,
    firmware_version: &'a str,
    status: &'static str,
    connectors: Vec<ConnectorView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_heartbeat: Option<String>,
    site_id: &'a str,
}

#[derive(Serialize)]
struct ConnectorView {
    connector_id: u8,
    status: ConnectorState,
    power: f64,
    voltage: f64,
    current: f64,
    energy_delivered: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    soc: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_telemetry_time: Option<String>,
}

#[derive(Serialize)]
pub struct FrameView<'a> {
    device_id: &'a str,
    timestamp: String,
    connectors: Vec<FrameConnector>,
}

#[derive(Serialize)]
struct FrameConnector {
    connector_id: u8,
    state: ConnectorState,
    power: f64,
    energy_delivered: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    soc: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_read_from_the_model() {
        assert_eq!(rated_power("TP-DC180"), 180.0);
        assert_eq!(rated_power("AC-7kW-V2"), 7.0);
        assert_eq!(rated_power("Wallbox"), USUAL_POWER);
    }
}
