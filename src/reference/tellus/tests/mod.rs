//! The platform in virtual time.

mod commands;
mod documented;
mod errors;
mod quotas;
mod stream;

use serde_json::{Value, json};

use super::Tellus;
use crate::policy::model::Policy;
use crate::reference::http::{HttpIn, HttpOut, Reply};
use crate::reference::platform::Platform;
use crate::reference::testing::tellus_policy;
use crate::scenario::target::ServerSpec;
use crate::time::{Anchor, Nanos};

/// 2025-03-15T10:30:00Z, when the documents' examples happen.
const ANCHOR: Anchor = Anchor { unix_nanos: 1_742_034_600_000_000_000 };

/// A platform, the time it is told, and who talks to it.
struct World {
    platform: Tellus,
    now: Nanos,
    address: u64,
}

impl World {
    fn new() -> World {
        World::with(ServerSpec::default())
    }

    fn with(spec: ServerSpec) -> World {
        World::under(tellus_policy(), spec)
    }

    fn under(policy: Policy, spec: ServerSpec) -> World {
        World { platform: Tellus::new(&policy, &spec, ANCHOR), now: Nanos::ZERO, address: 1 }
    }

    fn pass(&mut self, time: Nanos) {
        self.now += time;
    }

    /// `target` is a path with its query.
    fn reply(&mut self, method: &str, target: &str, token: &str, body: &[u8]) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let bearer = format!("Bearer {token}");
        let authorization = (!token.is_empty()).then_some(bearer.as_str());
        self.platform.handle(
            self.now,
            self.address,
            &HttpIn { method, path, query, authorization, body, ..HttpIn::default() },
        )
    }

    fn raw(&mut self, method: &str, target: &str, token: &str, body: &[u8]) -> HttpOut {
        match self.reply(method, target, token, body) {
            Reply::Respond(answer) => answer,
            other => panic!("no answer but {other:?}"),
        }
    }

    fn get(&mut self, target: &str, token: &str) -> (u16, Value) {
        read(self.raw("GET", target, token, b""))
    }

    fn post(&mut self, path: &str, token: &str, body: Value) -> (u16, Value) {
        read(self.raw("POST", path, token, body.to_string().as_bytes()))
    }

    /// Like `post`; it must succeed.
    fn posted(&mut self, path: &str, token: &str, body: Value) -> Value {
        let (status, answer) = self.post(path, token, body);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    fn operator(&mut self, client_id: &str) -> String {
        let body = credentials(client_id);
        let answer = self.posted("/v1/operator/oauth/token", "", body);
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Registers a charger, has it say hello, and returns its token.
    fn charger(&mut self, sn: &str) -> String {
        let answer = self.posted("/v1/device/register", "", registration(sn));
        let (device_id, device_secret) = (&answer["data"]["device_id"], &answer["data"]["device_secret"]);
        let body = json!({"device_id": device_id, "device_secret": device_secret, "grant_type": "client_credentials"});
        let token = self.posted("/v1/device/token", "", body)["access_token"].as_str().unwrap().to_owned();
        self.heartbeat(&token);
        token
    }

    /// Returns the commands that came with it.
    fn heartbeat(&mut self, token: &str) -> Vec<Value> {
        let body = json!({"timestamp": "2025-03-15T10:30:00Z", "status": "online", "fault_code": 0});
        self.posted("/v1/device/heartbeat", token, body)["data"]["commands"].as_array().unwrap().clone()
    }
}

fn read(answer: HttpOut) -> (u16, Value) {
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn credentials(client_id: &str) -> Value {
    let secret = format!("secret-{client_id}");
    json!({"client_id": client_id, "client_secret": secret, "grant_type": "client_credentials"})
}

fn registration(sn: &str) -> Value {
    json!({"sn": sn, "model": "AC-7kW-V2", "manufacturer": "ChargeTech", "firmware_version": "2.1.0",
           "mac": "00:1A:2B:3C:4D:5E"})
}

fn telemetry(connector: u8, state: &str) -> Value {
    json!({"timestamp": "2025-03-15T10:30:05Z", "connector_id": connector, "state": state, "voltage": 220.5,
           "current": 32, "power": 7.04, "energy_delivered": 12.3, "soc": 55, "temperature": 35.2})
}

fn record(number: u32) -> Value {
    json!({"record_id": format!("rec_{number}"), "connector_id": 1, "start_time": "2025-03-15T09:00:00Z",
           "end_time": "2025-03-15T10:30:00Z", "energy": 15.2, "max_power": 7.2, "avg_power": 6.8, "cost": 12.16,
           "meter_start": 12345.6, "meter_end": 12360.8,
           "vehicle_info": {"vin": "LVXFA394XJ1234567", "soc_start": 20, "soc_end": 90}})
}
