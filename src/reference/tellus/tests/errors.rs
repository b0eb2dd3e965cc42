//! Every documented error code, with its status and details.

use proptest::prelude::*;

use super::*;
use crate::tellus::TellusOp;

/// Status, code and details must be these; `message` is for people, and `data` is left out.
fn assert_error((status, answer): (u16, Value), expected_status: u16, code: u16, details: Value) {
    assert_eq!((status, &answer["code"]), (expected_status, &json!(code)), "{answer}");
    assert_eq!(answer["details"], details, "{answer}");
    assert!(!answer["message"].as_str().unwrap().is_empty());
    assert!(answer.get("data").is_none());
}

#[test]
fn invalid_parameters_are_1001_and_named() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    let control = "/v1/operator/devices/dvc_d-0/connectors/1";
    let mut wrong_state = telemetry(1, "parked");
    let posts = [
        (
            format!("{control}/discharge"),
            &operator,
            json!({"discharge_power": -5}),
            json!({"field": "discharge_power", "value": -5}),
        ),
        (
            format!("{control}/start"),
            &operator,
            json!({"target_soc": 101}),
            json!({"field": "target_soc", "value": 101}),
        ),
        ("/v1/device/telemetry".into(), &charger, wrong_state.clone(), json!({"field": "state", "value": "parked"})),
        (
            "/v1/operator/devices/dvc_d-0/connectors/0/start".into(),
            &operator,
            json!({}),
            json!({"field": "connector_id", "value": "0"}),
        ),
    ];
    for (path, token, body, details) in posts {
        assert_error(world.post(&path, token, body), 400, 1001, details);
    }
    wrong_state["state"] = json!("idle");
    wrong_state["soc"] = json!(55.5);
    let wrong = world.post("/v1/device/telemetry", &charger, wrong_state);
    assert_error(wrong, 400, 1001, json!({"field": "soc", "value": 55.5}));
    for (query, field, value) in [
        ("size=101", "size", "101"),
        ("size=0", "size", "0"),
        ("page=0", "page", "0"),
        ("page=x", "page", "x"),
        ("status=open", "status", "open"),
    ] {
        let answer = world.get(&format!("/v1/operator/sites?{query}"), &operator);
        assert_error(answer, 400, 1001, json!({"field": field, "value": value}));
    }
}

#[test]
fn malformed_json_is_1001() {
    let mut world = World::new();
    let charger = world.charger("d-0");
    for body in [&b"{"[..], b"", b"[]", b"\xff\xfe", b"{\"a\":1}x"] {
        let answer = read(world.raw("POST", "/v1/device/heartbeat", &charger, body));
        assert_error(answer, 400, 1001, Value::Null);
    }
}

#[test]
fn every_required_field_is_missed_by_name() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    let control = "/v1/operator/devices/dvc_d-0/connectors/1";
    let slot = json!({"start": "22:00", "end": "08:00", "action": "charge"});
    let schedule = json!({"schedule_id": "sch_001", "enabled": true, "type": "daily", "time_slots": [slot]});
    let limit = json!({"target_type": "all", "command": "set_power_limit", "params": {"power_limit_percent": 50, "duration": 1800}});
    let event = json!({"timestamp": "2025-03-15T10:36:00Z", "event_type": "plug_in", "connector_id": 1, "data": {}});
    let status = json!({"command_id": "cmd_0", "status": "accepted", "timestamp": "2025-03-15T10:36:00Z"});
    let heartbeat = json!({"timestamp": "2025-03-15T10:36:00Z", "status": "online", "fault_code": 0});
    let firmware = json!({"firmware_version": "2.2.0", "status": "downloading"});
    let token = json!({"device_id": "dvc_d-0", "device_secret": "sk_", "grant_type": "client_credentials"});
    let cases: Vec<(String, &str, Value, &[&str])> = vec![
        ("/v1/operator/oauth/token".into(), "", credentials("acme"), &["client_id", "client_secret", "grant_type"]),
        (format!("{control}/discharge"), &operator, json!({"discharge_power": 3}), &["discharge_power"]),
        (format!("{control}/schedule"), &operator, schedule, &["schedule_id", "enabled", "type", "time_slots"]),
        ("/v1/operator/control/flexibility".into(), &operator, limit, &["target_type", "command", "params"]),
        ("/v1/device/register".into(), "", registration("d-1"), &["sn", "model", "manufacturer", "firmware_version"]),
        ("/v1/device/token".into(), "", token, &["device_id", "device_secret", "grant_type"]),
        ("/v1/device/heartbeat".into(), &charger, heartbeat, &["timestamp", "status", "fault_code"]),
        (
            "/v1/device/telemetry".into(),
            &charger,
            telemetry(1, "idle"),
            &["timestamp", "connector_id", "state", "voltage", "current", "power", "energy_delivered"],
        ),
        ("/v1/device/events".into(), &charger, event, &["timestamp", "event_type", "connector_id", "data"]),
        (
            "/v1/device/charging-records".into(),
            &charger,
            record(1),
            &[
                "record_id",
                "connector_id",
                "start_time",
                "end_time",
                "energy",
                "max_power",
                "avg_power",
                "meter_start",
                "meter_end",
            ],
        ),
        ("/v1/device/command-status".into(), &charger, status, &["command_id", "status", "timestamp"]),
        ("/v1/device/firmware/status".into(), &charger, firmware, &["firmware_version", "status"]),
    ];
    for (path, token, body, required) in cases {
        for field in required {
            let mut without = body.clone();
            without.as_object_mut().unwrap().remove(*field);
            assert_error(world.post(&path, token, without), 400, 1002, json!({"field": field}));
            world.pass(Nanos::from_secs(10));
            world.heartbeat(&charger);
        }
    }
    for (target, token, field) in [
        (
            "/v1/operator/aggregated/energy?start_time=2025-03-15T00:00:00Z&end_time=2025-03-15T00:00:00Z",
            &operator,
            "granularity",
        ),
        ("/v1/operator/aggregated/energy?granularity=day&end_time=2025-03-15T00:00:00Z", &operator, "start_time"),
        ("/v1/operator/aggregated/energy?granularity=day&start_time=2025-03-15T00:00:00Z", &operator, "end_time"),
        ("/v1/device/commands", &charger, "connector_id"),
    ] {
        assert_error(world.get(target, token), 400, 1002, json!({"field": field}));
    }
    let no_devices = read(world.raw("WS", "/v1/operator/stream", &operator, b""));
    assert_error(no_devices, 400, 1002, json!({"field": "devices"}));
}

#[test]
fn what_depends_on_another_field_is_required_then() {
    let mut world = World::new();
    world.charger("d-0");
    let operator = world.operator("acme");
    let limit = json!({"target_type": "site", "command": "pause_charging", "params": {"duration": 60}});
    assert_error(
        world.post("/v1/operator/control/flexibility", &operator, limit),
        400,
        1002,
        json!({"field": "target_ids"}),
    );
    let schedule = json!({"schedule_id": "s", "enabled": true, "type": "weekly",
        "time_slots": [{"start": "22:00", "end": "08:00", "action": "charge"}]});
    let path = "/v1/operator/devices/dvc_d-0/connectors/1/schedule";
    assert_error(world.post(path, &operator, schedule), 400, 1002, json!({"field": "day_of_week"}));
}

#[test]
fn what_would_be_kept_must_be_short() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    let slot = json!({"start": "22:00", "end": "08:00", "action": "charge"});
    let schedule = json!({"schedule_id": "s", "enabled": true, "type": "daily", "time_slots": vec![slot; 100]});
    let path = "/v1/operator/devices/dvc_d-0/connectors/1/schedule";
    assert_error(world.post(path, &operator, schedule), 400, 1001, json!({"field": "time_slots", "value": null}));
    let status = json!({"command_id": "cmd_0", "status": "accepted", "timestamp": "2025-03-15T10:36:00Z",
        "details": {"note": "x".repeat(2048)}});
    let answer = world.post("/v1/device/command-status", &charger, status);
    assert_error(answer, 400, 1001, json!({"field": "details", "value": null}));
    let long = json!({"sn": "x".repeat(65), "model": "m", "manufacturer": "m", "firmware_version": "1"});
    assert_eq!(world.post("/v1/device/register", "", long).0, 400);
}

#[test]
fn without_a_good_token_it_is_2001() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    assert_error(world.get("/v1/operator/sites", ""), 401, 2001, Value::Null);
    assert_error(world.get("/v1/operator/sites", "made-up"), 401, 2001, Value::Null);
    assert_error(world.get("/v1/operator/sites", &charger), 401, 2001, Value::Null);
    assert_error(world.post("/v1/device/heartbeat", &operator, json!({})), 401, 2001, Value::Null);
    let mut wrong = credentials("acme");
    wrong["client_secret"] = json!("secret-other");
    assert_error(world.post("/v1/operator/oauth/token", "", wrong), 401, 2001, Value::Null);
    let wrong = json!({"device_id": "dvc_d-0", "device_secret": "sk_0", "grant_type": "client_credentials"});
    assert_error(world.post("/v1/device/token", "", wrong), 401, 2001, Value::Null);
}

#[test]
fn a_token_of_yesterday_is_2002_and_the_next_one_works() {
    let mut world = World::with(ServerSpec { token_lifetime: Nanos::from_secs(30), ..ServerSpec::default() });
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    world.pass(Nanos::from_secs(30));
    assert_error(world.get("/v1/operator/sites", &operator), 401, 2002, Value::Null);
    assert_error(world.post("/v1/device/heartbeat", &charger, json!({})), 401, 2002, Value::Null);
    let renewed = world.operator("acme");
    assert_eq!(world.get("/v1/operator/sites", &renewed).0, 200);
}

#[test]
fn without_the_scope_it_is_2003() {
    let mut world = World::new();
    world.charger("d-0");
    let operator = world.operator("auditor-readonly");
    assert_eq!(world.get("/v1/operator/devices/dvc_d-0", &operator).0, 200);
    let start = world.post("/v1/operator/devices/dvc_d-0/connectors/1/start", &operator, json!({}));
    assert_error(start, 403, 2003, Value::Null);
    assert_error(world.post("/v1/operator/control/flexibility", &operator, json!({})), 403, 2003, Value::Null);
}

#[test]
fn what_is_not_there_is_3001() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    for target in [
        "/v1/operator/devices/dvc_gone",
        "/v1/operator/commands/cmd_7",
        "/v1/operator/commands/7",
        "/v1/operator/charging-records?device_id=dvc_gone",
        "/v1/operator/devices",
        "/v2/anything",
    ] {
        assert_error(world.get(target, &operator), 404, 3001, Value::Null);
    }
    for path in ["/v1/operator/devices/dvc_gone/connectors/1/stop", "/v1/operator/sites", "/v1/cp/start_charging"] {
        assert_error(world.post(path, &operator, json!({})), 404, 3001, Value::Null);
    }
    let status = json!({"command_id": "cmd_7", "status": "accepted", "timestamp": "2025-03-15T10:36:00Z"});
    assert_error(world.post("/v1/device/command-status", &charger, status), 404, 3001, Value::Null);
    let limit = json!({"target_type": "site", "target_ids": ["site_x"], "command": "pause_charging", "params": {"duration": 60}});
    assert_error(world.post("/v1/operator/control/flexibility", &operator, limit), 404, 3001, Value::Null);
}

#[test]
fn registering_twice_is_4001() {
    let mut world = World::new();
    world.charger("d-0");
    assert_error(world.post("/v1/device/register", "", registration("d-0")), 409, 4001, Value::Null);
}

#[test]
fn a_stream_without_a_handshake_is_told_so() {
    let mut world = World::new();
    let operator = world.operator("acme");
    assert_error(world.get("/v1/operator/stream?devices=dvc_d-0", &operator), 400, 1001, Value::Null);
}

/// A value of any kind, the plausible ones among them.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,9}".prop_map(Value::from),
        prop::sample::select(vec![
            "2025-03-15T09:00:00Z",
            "-009999-01-01T00:00:00Z",
            "online",
            "charging",
            "all",
            "site_d_000",
            "cmd_0"
        ])
        .prop_map(Value::from),
        Just(json!({"duration": 60, "power_limit_percent": 50})),
        Just(json!([{"start": "22:00", "end": "08:00", "action": "idle"}])),
    ]
}

proptest! {
    #[test]
    fn whatever_is_sent_the_answer_is_a_documented_one(
        op in prop::sample::select(TellusOp::ALL.to_vec()),
        (device, number) in (prop::sample::select(vec!["dvc_d-0", "%", ""]), prop::sample::select(vec!["1", "33", "-1", "x"])),
        as_charger: bool,
        fields in prop::collection::btree_map(prop::sample::select(vec![
            "timestamp", "status", "fault_code", "connector_id", "state", "voltage", "current", "power", "energy_delivered",
            "energy", "max_power", "avg_power", "meter_start", "meter_end", "start_time", "end_time", "record_id", "command_id",
            "target_type", "target_ids", "command", "params", "granularity", "page", "size", "devices", "wait", "time_slots",
        ]), any_value(), 0..28),
    ) {
        let mut world = World::new();
        let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
        let token = if as_charger { &charger } else { &operator };
        let path = op.path().replace("{device_id}", device).replace("{connector_id}", number);
        let query: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", value.as_str().map_or(value.to_string(), str::to_owned))).collect();
        let body = json!(fields).to_string();
        match world.reply(op.method(), &format!("{path}?{}", query.join("&")), token, body.as_bytes()) {
            Reply::Respond(answer) => {
                let (status, answer) = read(answer);
                let code = answer["code"].as_i64().unwrap();
                let documented = [(200, 0), (400, 1001), (400, 1002), (401, 2001), (404, 3001)];
                prop_assert!(documented.contains(&(status, code)), "{status} {answer}");
            }
            Reply::Hold { .. } => prop_assert_eq!(op, TellusOp::PollCommands),
            Reply::Stream { .. } => prop_assert_eq!(op, TellusOp::Stream),
        }
    }
}
