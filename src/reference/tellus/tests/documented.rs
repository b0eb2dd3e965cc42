//! What goes in comes out, field by field as documented.

use super::*;

#[test]
fn token_answers_are_bare() {
    let mut world = World::new();
    let answer = world.posted("/v1/operator/oauth/token", "", credentials("cpms_123"));
    let fields: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["access_token", "expires_in", "token_type"]);
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(86400)));
}

#[test]
fn registering_tells_the_id_the_secret_and_its_validity() {
    let mut world = World::new();
    let answer = world.posted("/v1/device/register", "", registration("a1b2c3d4e5f6"));
    assert_eq!((&answer["code"], &answer["message"]), (&json!(0), &json!("success")));
    assert_eq!(answer["data"]["device_id"], "dvc_a1b2c3d4e5f6");
    assert!(answer["data"]["device_secret"].as_str().unwrap().starts_with("sk_"));
    assert_eq!(answer["data"]["expires_in"], 86400);
}

#[test]
fn telemetry_shows_up_in_the_device() {
    let mut world = World::new();
    let charger = world.charger("a1b2c3d4e5f6");
    let done = world.posted("/v1/device/telemetry", &charger, telemetry(1, "charging"));
    assert_eq!(done, json!({"code": 0, "message": "success", "data": null}));
    let operator = world.operator("acme");
    let (status, answer) = world.get("/v1/operator/devices/dvc_a1b2c3d4e5f6", &operator);
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({"code": 0, "message": "success", "data": {
            "device_id": "dvc_a1b2c3d4e5f6", "sn": "a1b2c3d4e5f6", "model": "AC-7kW-V2",
            "manufacturer": "ChargeTech", "firmware_version": "2.1.0", "status": "online",
            "connectors": [{"connector_id": 1, "status": "charging", "power": 7.04, "current": 32.0, "voltage": 220.5,
                "energy_delivered": 12.3, "soc": 55, "temperature": 35.2,
                "last_telemetry_time": "2025-03-15T10:30:05Z"}],
            "last_heartbeat": "2025-03-15T10:30:00Z", "site_id": "site_a1b2c3d4e5f6_000"}})
    );
}

#[test]
fn late_telemetry_changes_nothing_and_discharging_reads_negative() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    world.posted("/v1/device/telemetry", &charger, telemetry(2, "discharging"));
    let mut late = telemetry(2, "idle");
    late["timestamp"] = json!("2025-03-15T10:30:04Z");
    world.posted("/v1/device/telemetry", &charger, late);
    let (_, answer) = world.get("/v1/operator/devices/dvc_d-0", &operator);
    let connector = &answer["data"]["connectors"][1];
    assert_eq!((&connector["status"], &connector["power"]), (&json!("discharging"), &json!(-7.04)));
}

#[test]
fn events_show_faults_and_end_sessions() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    let event = |kind: &str, data: Value| json!({"timestamp": "2025-03-15T10:36:00Z", "event_type": kind, "connector_id": 1, "data": data});
    let data = json!({"fault_code": 1001, "fault_message": "Overcurrent protection", "details": {"current": 40.5}});
    world.posted("/v1/device/telemetry", &charger, telemetry(1, "charging"));
    world.posted("/v1/device/events", &charger, event("fault", data));
    let (_, answer) = world.get("/v1/operator/devices/dvc_d-0", &operator);
    assert_eq!(answer["data"]["connectors"][0]["status"], "fault");
    world.posted("/v1/device/events", &charger, event("plug_out", json!({})));
    let (_, answer) = world.get("/v1/operator/devices/dvc_d-0", &operator);
    let connector = &answer["data"]["connectors"][0];
    assert_eq!((&connector["status"], &connector["energy_delivered"]), (&json!("idle"), &json!(0.0)));
}

#[test]
fn an_uploaded_record_is_found_by_device_connector_and_time() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    world.charger("d-1");
    let done = world.posted("/v1/device/charging-records", &charger, record(1));
    assert_eq!(done["data"], Value::Null);
    let (_, answer) = world.get("/v1/operator/charging-records", &operator);
    let mut expected = record(1);
    expected["device_id"] = json!("dvc_d-0");
    assert_eq!(answer["data"], json!({"total": 1, "page": 1, "size": 20, "items": [expected]}));
    for (query, total) in [
        ("device_id=dvc_d-0&connector_id=1", 1),
        ("device_id=dvc_d-1", 0),
        ("connector_id=2", 0),
        ("start_time=2025-03-15T10%3A00:00Z&end_time=2025-03-15T11:00:00Z", 1),
        ("start_time=2025-03-15T10:30:01Z", 0),
        ("end_time=2025-03-15T10:30:00Z", 0),
    ] {
        let (_, answer) = world.get(&format!("/v1/operator/charging-records?{query}"), &operator);
        assert_eq!(answer["data"]["total"], total, "{query}");
    }
}

#[test]
fn pages_share_out_all_records_and_then_are_empty() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    for number in 0..45 {
        world.posted("/v1/device/charging-records", &charger, record(number));
    }
    let rows = |world: &mut World, query: &str| {
        let (_, answer) = world.get(&format!("/v1/operator/charging-records?{query}"), &operator);
        assert_eq!(answer["data"]["total"], 45);
        answer["data"]["items"].as_array().unwrap().iter().map(|row| row["record_id"].to_string()).collect::<Vec<_>>()
    };
    let mut all = rows(&mut world, "");
    assert_eq!(all.len(), 20, "the default size");
    all.extend(rows(&mut world, "page=2"));
    all.extend(rows(&mut world, "page=3"));
    assert_eq!(all, rows(&mut world, "size=100"));
    assert!(rows(&mut world, "page=4").is_empty());
}

#[test]
fn sites_sum_up_their_connectors() {
    let mut world = World::new();
    let operator = world.operator("acme");
    let chargers: Vec<String> = (0..25).map(|index| world.charger(&format!("depot-{index}"))).collect();
    world.posted("/v1/device/telemetry", &chargers[0], telemetry(1, "charging"));
    world.posted("/v1/device/telemetry", &chargers[0], telemetry(2, "discharging"));
    world.posted("/v1/device/telemetry", &chargers[1], telemetry(1, "fault"));
    let (_, answer) = world.get("/v1/operator/sites", &operator);
    let page = &answer["data"];
    assert_eq!((&page["total"], &page["page"], &page["size"]), (&json!(2), &json!(1), &json!(20)));
    let site = &page["items"][0];
    assert_eq!(site["site_id"], "site_depot_000");
    assert_eq!((&site["total_connectors"], &site["power_capacity"]), (&json!(21), &json!(140.0)));
    assert_eq!(site["status_summary"], json!({"idle": 18, "charging": 2, "fault": 1}));
    assert_eq!(site["created_at"], "2025-03-15T10:30:00Z");
    for field in ["name", "address", "location"] {
        assert!(!site[field].is_null(), "{field}");
    }
}

#[test]
fn a_silent_charger_goes_offline_and_its_site_inactive() {
    let mut world = World::new();
    let operator = world.operator("acme");
    world.charger("d-0");
    world.pass(Nanos::from_secs(90));
    let status = |world: &mut World| world.get("/v1/operator/devices/dvc_d-0", &operator).1["data"]["status"].clone();
    assert_eq!(status(&mut world), "online");
    world.pass(Nanos(1));
    assert_eq!(status(&mut world), "offline");
    let (_, answer) = world.get("/v1/operator/devices/dvc_d-0", &operator);
    assert_eq!(answer["data"]["connectors"][0]["status"], "unavailable");
    let count = |world: &mut World, status: &str| {
        world.get(&format!("/v1/operator/sites?status={status}"), &operator).1["data"]["total"].clone()
    };
    assert_eq!((count(&mut world, "active"), count(&mut world, "inactive")), (json!(0), json!(1)));
}

#[test]
fn energy_is_added_up_from_records() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    world.posted("/v1/device/charging-records", &charger, record(1));
    let target =
        "/v1/operator/aggregated/energy?granularity=day&start_time=2025-03-15T00:00:00Z&end_time=2025-03-16T00:00:00Z";
    let (_, answer) = world.get(target, &operator);
    let data = &answer["data"];
    assert_eq!((&data["granularity"], &data["start_time"]), (&json!("day"), &json!("2025-03-15T00:00:00Z")));
    assert_eq!(data["total"], json!({"charge_energy": 15.2, "discharge_energy": 0.0, "max_power": 7.2}));
    assert_eq!(data["series"][0]["time"], "2025-03-15");
    assert_eq!(data["series"][0]["charge_energy"], 15.2);
    let (_, elsewhere) = world.get(&format!("{target}&group_by=site&site_ids=site_x_000,site_y_000"), &operator);
    assert_eq!(elsewhere["data"]["series"], json!([]));
    let (_, here) = world.get(&format!("{target}&site_ids=site_d_000"), &operator);
    assert_eq!(here["data"]["total"]["charge_energy"], 15.2);
}

#[test]
fn new_firmware_shows_in_the_device_once_it_runs() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    for (status, shown) in [("downloading", "2.1.0"), ("failed", "2.1.0"), ("success", "2.2.0")] {
        let body = json!({"firmware_version": "2.2.0", "status": status, "progress": 45, "message": "…"});
        world.posted("/v1/device/firmware/status", &charger, body);
        let (_, answer) = world.get("/v1/operator/devices/dvc_d-0", &operator);
        assert_eq!(answer["data"]["firmware_version"], shown);
    }
}
