//! A charger's requests as HTTP, and what their answers say.

use serde::Deserialize;

use super::machine::Charger;
use super::outbox::{CommandStatus, FirmwareStatus, Item, What};
use super::session::{Direction, Reading, Receipt, Session};
use crate::device::wire::{self, Decimal, Iso, Json, body};
use crate::device::{Body, Command, CommandKind, HttpRequest, Request};
use crate::tellus::TellusOp;
use crate::time::{Anchor, Nanos};

const MANUFACTURER: &str = "quotaproof";
const FIRMWARE: &str = "2.1.0";
/// More commands than this in one answer are ignored.
const MOST_COMMANDS: usize = 32;

/// What telemetry says besides the reading.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    connector: u8,
    state: &'static str,
    reading: Reading,
}

impl Charger {
    /// `depot-17`: unique among the fleet's chargers.
    fn serial_number(&self) -> String {
        format!("{}-{}", self.plan.serial_prefix, self.index)
    }

    pub(super) fn write_request(&self, now: Nanos, request: &Request, anchor: Anchor, http: &mut HttpRequest) {
        let Some(operation) = wire::operation(request) else { return };
        let needs_token = !matches!(operation, TellusOp::Register | TellusOp::DeviceToken);
        wire::begin(http, operation, if needs_token { self.token.token() } else { None });
        match operation {
            TellusOp::Register => self.write_registration(http),
            TellusOp::DeviceToken => self.write_token_request(http),
            TellusOp::Heartbeat => self.write_heartbeat(now, anchor, http),
            TellusOp::PollCommands => self.write_poll(request, http),
            _ => match self.outbox.first() {
                Some(item) if self.outbox.call.is_some_and(|call| call.flow == request.flow) => {
                    self.write_item(item, anchor, http);
                }
                _ => self.write_telemetry(request, anchor, http),
            },
        }
    }

    fn write_registration(&self, http: &mut HttpRequest) {
        let (sn, model) = (self.serial_number(), &self.plan.spec.model.name);
        body(
            http,
            format_args!(
                r#"{{"sn":{},"model":{},"manufacturer":"{MANUFACTURER}","firmware_version":"{FIRMWARE}"}}"#,
                Json(&sn),
                Json(model)
            ),
        );
    }

    fn write_token_request(&self, http: &mut HttpRequest) {
        if let Some(identity) = &self.identity {
            let secret = ("device_secret", &*identity.device_secret);
            wire::credentials(http, ("device_id", &identity.device_id), secret);
        }
    }

    fn write_heartbeat(&self, now: Nanos, anchor: Anchor, http: &mut HttpRequest) {
        let timestamp = Iso(anchor, now);
        body(http, format_args!(r#"{{"timestamp":"{timestamp}","status":"online","fault_code":0}}"#));
    }

    fn write_poll(&self, request: &Request, http: &mut HttpRequest) {
        use std::fmt::Write;
        let (connector, wait) = (request.detail.resource(), self.plan.poll_wait().as_secs().clamp(1, 60));
        let written = write!(http.path, "?connector_id={connector}&wait={wait}");
        debug_assert!(written.is_ok());
    }

    /// What the connector measured when the sample was due.
    fn write_telemetry(&self, request: &Request, anchor: Anchor, http: &mut HttpRequest) {
        let number = request.detail.resource() as u8;
        let connector = self.connectors.iter().find(|connector| connector.number == number);
        let session = connector.and_then(|connector| connector.session());
        let idle = Reading { power_kw: 0.0, energy_kwh: 0.0, soc: 0 };
        let sample = Sample {
            connector: number,
            state: session.map_or("idle", state),
            reading: session.map_or(idle, |session| session.reading(request.due)),
        };
        self.write_sample(sample, request.due, anchor, http);
    }

    fn write_sample(&self, sample: Sample, at: Nanos, anchor: Anchor, http: &mut HttpRequest) {
        let model = &self.plan.spec.model;
        let Reading { power_kw, energy_kwh, soc } = sample.reading;
        // Power is voltage times current, over all phases.
        let current = power_kw * 1000.0 / (model.voltage * f64::from(model.phases.max(1)));
        let temperature = 25.0 + 20.0 * (power_kw.abs() / model.max_power_kw);
        let (timestamp, connector, state) = (Iso(anchor, at), sample.connector, sample.state);
        body(
            http,
            format_args!(
                r#"{{"timestamp":"{timestamp}","connector_id":{connector},"state":"{state}","voltage":{},"current":{},"power":{},"energy_delivered":{},"soc":{soc},"temperature":{}"#,
                Decimal(model.voltage),
                Decimal(current),
                Decimal(power_kw),
                Decimal(energy_kwh),
                Decimal(temperature)
            ),
        );
        if model.phases == 3 {
            let (voltage, current) = (Decimal(model.voltage), Decimal(current));
            body(
                http,
                format_args!(
                    r#","phase_details":{{"phase_a":{{"voltage":{voltage},"current":{current}}},"phase_b":{{"voltage":{voltage},"current":{current}}},"phase_c":{{"voltage":{voltage},"current":{current}}}}}"#
                ),
            );
        }
        body(http, format_args!("}}"));
    }

    fn write_item(&self, item: &Item, anchor: Anchor, http: &mut HttpRequest) {
        let (at, connector) = (Iso(anchor, item.at), item.connector);
        let mut event = |word: &str, data: std::fmt::Arguments<'_>| {
            let text = r#"{"timestamp":""#;
            body(http, format_args!(r#"{text}{at}","event_type":"{word}","connector_id":{connector},"data":{data}}}"#));
        };
        match &item.what {
            What::PlugIn => event("plug_in", format_args!(r#"{{"vehicle_connected":true}}"#)),
            What::PlugOut => event("plug_out", format_args!(r#"{{"vehicle_connected":false}}"#)),
            What::Start { remote } => {
                let reason = if *remote { "remote" } else { "local" };
                event("start", format_args!(r#"{{"reason":"{reason}"}}"#));
            }
            What::Stop { reason } => event("stop", format_args!(r#"{{"reason":"{reason}"}}"#)),
            What::Fault(fault) => {
                let (code, message) = (fault.code, fault.message);
                event("fault", format_args!(r#"{{"fault_code":{code},"fault_message":"{message}","details":{{}}}}"#));
            }
            What::LastReading { reading, faulted } => {
                let state = if *faulted { "fault" } else { "idle" };
                let reading = Reading { power_kw: 0.0, ..*reading };
                self.write_sample(Sample { connector, state, reading }, item.at, anchor, http);
            }
            What::Record { number, receipt } => self.write_record(connector, *number, receipt, anchor, http),
            What::CommandStatus { command_id, status, message } => {
                let (command_id, status) = (Json(command_id), command_status(*status));
                body(
                    http,
                    format_args!(
                        r#"{{"command_id":{command_id},"status":"{status}","message":"{message}","timestamp":"{at}"}}"#
                    ),
                );
            }
            What::Firmware { version, status, progress } => {
                let (version, status) = (Json(version), firmware_status(*status));
                body(
                    http,
                    format_args!(r#"{{"firmware_version":{version},"status":"{status}","progress":{progress}}}"#),
                );
            }
        }
    }

    fn write_record(&self, connector: u8, number: u32, receipt: &Receipt, anchor: Anchor, http: &mut HttpRequest) {
        // The true begin may lie before the run.
        let unix_nanos = anchor.unix_nanos.saturating_sub(receipt.head_start.0);
        let start = Iso(Anchor { unix_nanos }, receipt.started);
        let record_id = format!("rec_{}-{connector}-{number}", self.serial_number());
        let (end, record_id) = (Iso(anchor, receipt.ended), Json(&record_id));
        let Receipt { soc_start, soc_end, .. } = receipt;
        body(
            http,
            format_args!(
                r#"{{"record_id":{record_id},"connector_id":{connector},"start_time":"{start}","end_time":"{end}","energy":{},"max_power":{},"avg_power":{},"meter_start":{},"meter_end":{},"vehicle_info":{{"soc_start":{soc_start},"soc_end":{soc_end}}}}}"#,
                Decimal(receipt.energy_kwh),
                Decimal(receipt.max_power_kw),
                Decimal(receipt.avg_power_kw),
                Decimal(receipt.meter_start),
                Decimal(receipt.meter_end)
            ),
        );
    }
}

fn state(session: &Session) -> &'static str {
    match session.direction {
        Direction::Charging => "charging",
        Direction::Discharging => "discharging",
    }
}

fn command_status(status: CommandStatus) -> &'static str {
    match status {
        CommandStatus::Accepted => "accepted",
        CommandStatus::Rejected => "rejected",
        CommandStatus::Completed => "completed",
        CommandStatus::Failed => "failed",
    }
}

fn firmware_status(status: FirmwareStatus) -> &'static str {
    match status {
        FirmwareStatus::Downloading => "downloading",
        FirmwareStatus::Upgrading => "upgrading",
        FirmwareStatus::Success => "success",
    }
}

/// What the body of a served answer says to a charger; None where it is not as documented.
pub fn read_body(request: &Request, body: &[u8]) -> Option<Body> {
    #[derive(Deserialize)]
    struct Registered {
        device_id: Box<str>,
        device_secret: Box<str>,
    }
    #[derive(Default, Deserialize)]
    struct Beat {
        #[serde(default)]
        commands: Vec<Pending>,
    }
    match wire::operation(request) {
        Some(TellusOp::Register) => wire::data(body)
            .map(|Registered { device_id, device_secret }| Body::Registered { device_id, device_secret }),
        Some(TellusOp::DeviceToken) => wire::token(body),
        Some(TellusOp::Heartbeat) => {
            wire::enveloped::<Beat>(body).map(|beat| commands(beat.unwrap_or_default().commands))
        }
        Some(TellusOp::PollCommands) => {
            wire::enveloped::<Pending>(body).map(|pending| commands(pending.into_iter().collect()))
        }
        _ => wire::success(body),
    }
}

/// A command as it is sent. What `params` holds is not documented beyond being an object: the names read here are those
/// of the operator's side.
#[derive(Deserialize)]
struct Pending {
    command_id: Box<str>,
    command: Box<str>,
    #[serde(default)]
    params: serde_json::Value,
}

fn commands(pending: Vec<Pending>) -> Body {
    if pending.is_empty() {
        return Body::None;
    }
    Body::Commands(pending.into_iter().take(MOST_COMMANDS).map(command).collect())
}

fn command(pending: Pending) -> Command {
    let small =
        |name: &str| pending.params.get(name).and_then(|value| value.as_u64()).and_then(|n| u8::try_from(n).ok());
    let kind = match &*pending.command {
        "start_charging" => CommandKind::StartCharging,
        "stop_charging" => CommandKind::StopCharging,
        "discharge" => CommandKind::Discharge,
        "set_power_limit" => CommandKind::SetPowerLimit,
        "set_schedule" => CommandKind::SetSchedule,
        "firmware_upgrade" => CommandKind::FirmwareUpgrade,
        _ => CommandKind::Other,
    };
    let (connector, power_percent) = (small("connector_id").unwrap_or(0), small("power_limit_percent"));
    Command { command_id: pending.command_id, kind, connector, power_percent }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::device::charger::tests_support::{Served, spec};
    use crate::device::{Cause, Detail, Flow, Lane};

    fn request(operation: TellusOp) -> Request {
        Request {
            operation: operation.id(),
            flow: Flow(1),
            attempt: 1,
            due: Nanos::ZERO,
            cause: Cause::Schedule,
            lane: Lane::Own(0),
            detail: Detail::None,
            timeout: Nanos::from_secs(10),
            held: false,
        }
    }

    fn names(body: &Value) -> Vec<&str> {
        body.as_object().unwrap().keys().map(String::as_str).collect()
    }

    fn whole_sessions() -> Served {
        let mut spec = spec();
        spec.sessions.arrivals_per_hour = 6.0;
        spec.sessions.duration =
            crate::scenario::fleet::LogNormal { median: Nanos::from_secs(300), p95: Nanos::from_secs(600) };
        spec.sessions.faults = 0.5;
        let mut served = Served::new(spec);
        served.run_until(Nanos::from_secs(4 * 3600));
        served
    }

    #[test]
    fn every_body_has_the_documented_fields_and_types() {
        let served = whole_sessions();
        let first = |op| served.bodies(op)[0];
        let registration = json!({
            "sn": "depot-3", "model": "TP-AC22", "manufacturer": "quotaproof", "firmware_version": "2.1.0",
        });
        assert_eq!(*first(TellusOp::Register), registration);
        let token = json!({"device_id": "dvc_x", "device_secret": "sk", "grant_type": "client_credentials"});
        assert_eq!(*first(TellusOp::DeviceToken), token);
        assert_eq!(names(first(TellusOp::Heartbeat)), ["fault_code", "status", "timestamp"]);
        assert!(first(TellusOp::Heartbeat)["fault_code"].is_i64());
        let telemetry = [
            "connector_id",
            "current",
            "energy_delivered",
            "phase_details",
            "power",
            "soc",
            "state",
            "temperature",
            "timestamp",
            "voltage",
        ];
        assert_eq!(names(first(TellusOp::Telemetry)), telemetry);
        assert_eq!(names(first(TellusOp::Event)), ["connector_id", "data", "event_type", "timestamp"]);
        let record = [
            "avg_power",
            "connector_id",
            "end_time",
            "energy",
            "max_power",
            "meter_end",
            "meter_start",
            "record_id",
            "start_time",
            "vehicle_info",
        ];
        assert_eq!(names(first(TellusOp::UploadRecord)), record);
        let events = served.bodies(TellusOp::Event);
        let fault = events.iter().find(|event| event["event_type"] == "fault").unwrap();
        assert!(fault["data"]["fault_code"].as_i64().unwrap() > 0);
    }

    #[test]
    fn a_record_tells_what_the_last_telemetry_of_its_session_told() {
        let served = whole_sessions();
        let mut energy = None;
        let mut records = 0;
        for (op, body) in &served.sent {
            match op {
                TellusOp::Telemetry => {
                    let (power, voltage, current) = (
                        body["power"].as_f64().unwrap(),
                        body["voltage"].as_f64().unwrap(),
                        body["current"].as_f64().unwrap(),
                    );
                    assert!((power * 1000.0 - 3.0 * voltage * current).abs() < 2.0, "{body}");
                    energy = body["energy_delivered"].as_f64();
                }
                TellusOp::UploadRecord => {
                    records += 1;
                    assert_eq!(body["energy"].as_f64(), energy);
                    let metered = body["meter_end"].as_f64().unwrap() - body["meter_start"].as_f64().unwrap();
                    assert!((metered - energy.unwrap()).abs() < 1e-6);
                }
                _ => {}
            }
        }
        assert!(records >= 5, "{records}");
    }

    #[test]
    fn commands_are_read_from_heartbeats_and_polls() {
        let heartbeat = br#"{"code":0,"message":"x","data":{"commands":[
            {"command_id":"c1","command":"set_power_limit","params":{"power_limit_percent":50,"connector_id":2}},
            {"command_id":"c2","command":"dance","params":{},"expiry":"2025-03-15T10:30:00Z"}]}}"#;
        let limit = Command {
            command_id: "c1".into(),
            kind: CommandKind::SetPowerLimit,
            connector: 2,
            power_percent: Some(50),
        };
        let other = Command { command_id: "c2".into(), kind: CommandKind::Other, connector: 0, power_percent: None };
        assert_eq!(read_body(&request(TellusOp::Heartbeat), heartbeat), Some(Body::Commands(vec![limit, other])));
        let poll = br#"{"code":0,"message":"x","data":{"command_id":"c3","command":"stop_charging","params":{}}}"#;
        let stop =
            Command { command_id: "c3".into(), kind: CommandKind::StopCharging, connector: 0, power_percent: None };
        assert_eq!(read_body(&request(TellusOp::PollCommands), poll), Some(Body::Commands(vec![stop])));
        let null = br#"{"code":0,"message":"x","data":null}"#;
        assert_eq!(read_body(&request(TellusOp::PollCommands), null), Some(Body::None));
    }

    #[test]
    fn a_success_that_is_not_as_documented_is_none() {
        for op in [TellusOp::Register, TellusOp::DeviceToken, TellusOp::Heartbeat, TellusOp::Telemetry] {
            for body in ["", "<html>hi</html>", "[[[[", "{}", r#"{"code":9001,"message":"no","data":null}"#] {
                assert_eq!(read_body(&request(op), body.as_bytes()), None, "{op:?} {body}");
            }
        }
        let empty = br#"{"code":0,"message":"success"}"#;
        assert_eq!(read_body(&request(TellusOp::Telemetry), empty), Some(Body::None));
        assert_eq!(read_body(&request(TellusOp::Register), empty), None, "there is no identity in it");
    }

    proptest! {
        #[test]
        fn no_body_makes_a_charger_panic(
            op in 0..21u16,
            text in r#"\{"data":(null|\{"commands":(\[\]|5|\[\{"command_id":"a","command":"b","params":[0-9"]{0,3}\}\])\}|\[1)\}?"#,
            bytes: Vec<u8>,
        ) {
            let request = request(TellusOp::from_id(crate::scenario::OperationId(op)).unwrap());
            read_body(&request, text.as_bytes());
            read_body(&request, &bytes);
        }
    }
}
