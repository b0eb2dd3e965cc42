//! The charger surface.

use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::answer::{Problem, done, success};
use super::commands::{PendingView, Report};
use super::fields::Fields;
use super::fleet::{ChargerId, Connector, ConnectorState, Registration};
use super::records::Record;
use super::state::State;
use crate::reference::http::HttpOut;
use crate::time::Nanos;

type Answered = Result<HttpOut, Problem>;

/// Told as the secret's validity, as in the documented example. Secrets of this server do not really end, since v1.3 has
/// no way to get another one.
const SECRET_VALIDITY_S: u64 = 86_400;

/// How long a poll is held where the charger does not say.
const USUAL_WAIT_S: i64 = 30;

/// What comes of a poll for commands.
pub enum Polled {
    Answer(HttpOut),
    /// Nothing yet: to be held for this connector until then.
    Hold {
        connector: u8,
        until: Nanos,
    },
}

impl State {
    pub fn register(&mut self, now: Nanos, body: &Fields) -> Answered {
        let said = Registration {
            sn: body.text("sn")?.required()?,
            model: body.text("model")?.required()?,
            manufacturer: body.text("manufacturer")?.required()?,
            firmware_version: body.text("firmware_version")?.required()?,
        };
        body.text("mac")?;
        let device_id = &self.fleet.register(now, &said)?.device_id;
        let device_secret = device_secret(device_id);
        Ok(success(json!({
            "device_id": device_id, "device_secret": device_secret, "expires_in": SECRET_VALIDITY_S
        })))
    }

    pub fn heartbeat(&mut self, now: Nanos, id: ChargerId, body: &Fields) -> Answered {
        body.time("timestamp")?.required()?;
        let status = body.one_of("status", &["online", "offline", "fault"])?.required()?;
        body.integer("fault_code", i64::MIN..=i64::MAX)?.required()?;
        let charger = self.fleet.charger_mut(id);
        charger.last_heartbeat = Some(now);
        charger.said_offline = status == "offline";
        let handed = self.commands.hand_out(now, id, None, usize::MAX);
        let pending = handed.into_iter().filter_map(|command| self.commands.pending_view(self.anchor, command));
        Ok(success(HeartbeatView { commands: pending.collect() }))
    }

    /// The newest telemetry by its own timestamp counts: late uploads change nothing.
    pub fn telemetry(&mut self, id: ChargerId, body: &Fields) -> Answered {
        let at = body.time("timestamp")?.required()?;
        let number = body.connector("connector_id")?.required()?;
        let state = body.one_of("state", &["idle", "charging", "discharging", "fault"])?.required()?;
        let newest = Connector {
            number,
            state: state_named(state),
            voltage: body.number("voltage")?.required()?,
            current: body.number("current")?.required()?,
            power: body.number("power")?.required()?,
            energy_delivered: body.number("energy_delivered")?.required()?,
            soc: body.percent("soc")?.optional(),
            temperature: body.number("temperature")?.optional(),
            last_telemetry: Some(at),
        };
        if let Some(phases) = body.object("phase_details")?.optional() {
            check_phases(&phases)?;
        }
        let connector = self.fleet.charger_mut(id).connector(number);
        if connector.last_telemetry.is_none_or(|known| at >= known) {
            *connector = newest;
        }
        Ok(done())
    }

    /// Faults and the end of a session show at once; the rest is told by telemetry.
    pub fn event(&mut self, id: ChargerId, body: &Fields) -> Answered {
        body.time("timestamp")?.required()?;
        let kinds = ["plug_in", "plug_out", "start", "stop", "fault", "alarm"];
        let kind = body.one_of("event_type", &kinds)?.required()?;
        let number = body.connector("connector_id")?.required()?;
        body.object("data")?.required()?;
        let connector = self.fleet.charger_mut(id).connector(number);
        match kind {
            "stop" | "plug_out" => connector.end_session(),
            "fault" => connector.state = ConnectorState::Fault,
            _ => {}
        }
        Ok(done())
    }

    pub fn upload_record(&mut self, id: ChargerId, body: &Fields) -> Answered {
        let record = Record {
            record_id: body.text("record_id")?.required()?.to_owned(),
            charger: id,
            connector: body.connector("connector_id")?.required()?,
            start: body.time("start_time")?.required()?,
            end: body.time("end_time")?.required()?,
            energy: body.number("energy")?.required()?,
            max_power: body.number("max_power")?.required()?,
            avg_power: body.number("avg_power")?.required()?,
            meter_start: body.number("meter_start")?.required()?,
            meter_end: body.number("meter_end")?.required()?,
            cost: body.number("cost")?.optional(),
            vehicle_info: match body.object("vehicle_info")?.optional() {
                Some(vehicle) => Some(checked_vehicle(vehicle)?),
                None => None,
            },
        };
        self.fleet.charger_mut(id).connector(record.connector);
        self.records.add(record);
        Ok(done())
    }

    pub fn poll(&mut self, now: Nanos, id: ChargerId, query: &Fields) -> Result<Polled, Problem> {
        let connector = query.connector("connector_id")?.required()?;
        let wait = query.integer("wait", 1..=60)?.optional().unwrap_or(USUAL_WAIT_S);
        self.fleet.charger_mut(id).connector(connector);
        Ok(match self.next_command(now, id, connector) {
            Some(answer) => Polled::Answer(answer),
            None => Polled::Hold { connector, until: now.saturating_add(Nanos::from_secs(wait as u64)) },
        })
    }

    pub fn command_status(&mut self, now: Nanos, id: ChargerId, body: &Fields) -> Answered {
        let command_id = body.text("command_id")?.required()?;
        let status = body.one_of("status", &["accepted", "rejected", "completed", "failed"])?.required()?;
        body.time("timestamp")?.required()?;
        let message = body.words("message")?.optional();
        let details = body.kept_object("details")?.optional();
        self.commands.report(now, id, command_id, Report { status, message, details })?;
        Ok(done())
    }

    pub fn firmware_status(&mut self, id: ChargerId, body: &Fields) -> Answered {
        let version = body.text("firmware_version")?.required()?;
        let status = body.one_of("status", &["downloading", "upgrading", "success", "failed"])?.required()?;
        body.percent("progress")?;
        body.words("message")?;
        if status == "success" {
            self.fleet.charger_mut(id).firmware_version = version.to_owned();
        }
        Ok(done())
    }
}

/// Always the same for a charger, and not to be guessed from its id without this code.
pub fn device_secret(device_id: &str) -> String {
    let digest = Sha256::new().chain_update("reference device secret ").chain_update(device_id).finalize();
    let hex: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sk_{hex}")
}

fn state_named(word: &str) -> ConnectorState {
    match word {
        "charging" => ConnectorState::Charging,
        "discharging" => ConnectorState::Discharging,
        "fault" => ConnectorState::Fault,
        _ => ConnectorState::Idle,
    }
}

fn check_phases(phases: &Fields) -> Result<(), Problem> {
    for name in ["phase_a", "phase_b", "phase_c"] {
        if let Some(phase) = phases.object(name)?.optional() {
            phase.number("voltage")?.required()?;
            phase.number("current")?.required()?;
        }
    }
    Ok(())
}

fn checked_vehicle(vehicle: Fields) -> Result<serde_json::Map<String, serde_json::Value>, Problem> {
    if let Some(vin) = vehicle.text("vin")?.optional()
        && vin.len() != 17
    {
        return Err(Problem::invalid("vin", vin.into(), "must have 17 characters"));
    }
    vehicle.percent("soc_start")?;
    vehicle.percent("soc_end")?;
    Ok(vehicle.only(&["vin", "soc_start", "soc_end"]))
}

#[derive(Serialize)]
struct HeartbeatView<'a> {
    commands: Vec<PendingView<'a>>,
}
