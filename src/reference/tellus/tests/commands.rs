//! A command's way from the operator to the charger, and back.

use super::*;
use crate::reference::platform::Ticket;

const START: &str = "/v1/operator/devices/dvc_d-0/connectors/2/start";

/// An operator, a charger named `d-0`, and their world.
fn world() -> (World, String, String) {
    let mut world = World::new();
    let (operator, charger) = (world.operator("acme"), world.charger("d-0"));
    (world, operator, charger)
}

fn hold(world: &mut World, charger: &str, query: &str) -> (Ticket, Nanos) {
    match world.reply("GET", &format!("/v1/device/commands?{query}"), charger, b"") {
        Reply::Hold { ticket, until } => (ticket, until),
        other => panic!("not held but {other:?}"),
    }
}

fn answers(world: &mut World) -> Vec<(Ticket, Value)> {
    world.platform.advance(world.now);
    world.platform.take_answers().into_iter().map(|(ticket, answer)| (ticket, read(answer).1)).collect()
}

fn report(world: &mut World, charger: &str, id: &Value, status: &str) {
    let body = json!({"command_id": id, "status": status, "message": "Charging finished",
        "timestamp": "2025-03-15T11:05:00Z", "details": {"energy_delivered": 7, "duration": 3600}});
    world.posted("/v1/device/command-status", charger, body);
}

#[test]
fn a_start_comes_with_the_heartbeat_once_and_its_status_comes_back() {
    let (mut world, operator, charger) = world();
    let body = json!({"charge_power": 7, "duration": 3600, "target_soc": 80, "transaction_id": "txn_20250315001"});
    let sent = world.posted(START, &operator, body.clone());
    assert_eq!((&sent["message"], &sent["data"]["status"]), (&json!("Command sent"), &json!("queued")));
    let id = sent["data"]["command_id"].clone();

    let commands = world.heartbeat(&charger);
    let mut params = body;
    params["connector_id"] = json!(2);
    let expiry = "2025-03-15T10:35:00Z";
    assert_eq!(commands, [json!({"command_id": id, "command": "start_charging", "params": params, "expiry": expiry})]);
    assert!(world.heartbeat(&charger).is_empty());

    let target = format!("/v1/operator/commands/{}", id.as_str().unwrap());
    let created = json!({"command_id": id, "status": "queued", "created_at": "2025-03-15T10:30:00Z",
        "updated_at": "2025-03-15T10:30:00Z"});
    assert_eq!(world.get(&target, &operator).1["data"], created);
    world.pass(Nanos::from_secs(1));
    report(&mut world, &charger, &id, "accepted");
    assert_eq!(world.get(&target, &operator).1["data"]["status"], "accepted");
    report(&mut world, &charger, &id, "completed");
    let (_, answer) = world.get(&target, &operator);
    assert_eq!(answer["data"]["status"], "completed");
    assert_eq!(answer["data"]["updated_at"], "2025-03-15T10:30:01Z");
    assert_eq!(answer["data"]["result"], json!({"energy_delivered": 7, "duration": 3600}));
}

#[test]
fn a_rejected_command_has_failed_with_its_reason() {
    let (mut world, operator, charger) = world();
    let id = world.posted(START, &operator, json!({}))["data"]["command_id"].clone();
    report(&mut world, &charger, &id, "rejected");
    let (_, answer) = world.get(&format!("/v1/operator/commands/{}", id.as_str().unwrap()), &operator);
    assert_eq!(answer["data"]["status"], "failed");
    assert_eq!(answer["data"]["result"]["reason"], "Charging finished");
}

#[test]
fn a_held_poll_is_answered_by_a_command_for_its_connector() {
    let (mut world, operator, charger) = world();
    let (first, _) = hold(&mut world, &charger, "connector_id=1");
    let (second, until) = hold(&mut world, &charger, "connector_id=2&wait=60");
    assert_eq!(until, Nanos::from_secs(60));
    let id = world.posted(START, &operator, json!({}))["data"]["command_id"].clone();
    let answered = answers(&mut world);
    assert_eq!(answered.len(), 1);
    assert_eq!((answered[0].0, &answered[0].1["data"]["command_id"]), (second, &id));
    assert_eq!(answered[0].1["data"]["command"], "start_charging");
    assert!(world.heartbeat(&charger).is_empty(), "not handed out twice");
    world.pass(Nanos::from_secs(30));
    assert_eq!(answers(&mut world), [(first, json!({"code": 0, "message": "success", "data": null}))]);
}

#[test]
fn a_second_poll_for_a_connector_ends_the_first() {
    let (mut world, operator, charger) = world();
    let (first, _) = hold(&mut world, &charger, "connector_id=2");
    let (second, _) = hold(&mut world, &charger, "connector_id=2");
    let ended = answers(&mut world);
    assert_eq!((ended.len(), ended[0].0, &ended[0].1["data"]), (1, first, &Value::Null));
    world.posted(START, &operator, json!({}));
    assert_eq!(answers(&mut world)[0].0, second);
}

#[test]
fn a_poll_is_held_for_30_seconds_unless_told_otherwise() {
    let (mut world, _, charger) = world();
    assert_eq!(hold(&mut world, &charger, "connector_id=1").1, Nanos::from_secs(30));
    world.pass(Nanos(29_999_999_999));
    assert!(answers(&mut world).is_empty());
    world.pass(Nanos(1));
    assert_eq!(answers(&mut world).len(), 1);
    for wait in ["0", "61", "x"] {
        assert_eq!(world.get(&format!("/v1/device/commands?connector_id=1&wait={wait}"), &charger).0, 400);
    }
}

#[test]
fn a_waiting_command_answers_a_poll_at_once() {
    let (mut world, operator, charger) = world();
    world.posted(START, &operator, json!({}));
    let (status, answer) = world.get("/v1/device/commands?connector_id=2", &charger);
    assert_eq!((status, &answer["data"]["command"]), (200, &json!("start_charging")));
}

#[test]
fn an_abandoned_poll_takes_no_command_with_it() {
    let (mut world, operator, charger) = world();
    let (ticket, _) = hold(&mut world, &charger, "connector_id=2");
    world.platform.abandon(ticket);
    world.posted(START, &operator, json!({}));
    assert!(answers(&mut world).is_empty());
    assert_eq!(world.heartbeat(&charger).len(), 1);
}

#[test]
fn every_control_has_its_command_word() {
    let (mut world, operator, charger) = world();
    let slot =
        json!({"start": "22:00", "end": "08:00", "action": "charge", "day_of_week": ["mon"], "power_limit": 3.5});
    let schedule = json!({"schedule_id": "sch_001", "enabled": true, "type": "weekly", "time_slots": [slot]});
    let site = json!({"target_type": "site", "target_ids": ["site_d_000"], "command": "set_power_limit",
        "params": {"power_limit_percent": 50, "duration": 1800, "reason": "grid_overload"}});
    let pause = json!({"target_type": "all", "command": "pause_charging", "params": {"duration": 60}});
    let plug = |verb: &str| format!("/v1/operator/devices/dvc_d-0/connectors/1/{verb}");
    world.posted(&plug("stop"), &operator, json!({"reason": "user_request"}));
    world.posted(&plug("discharge"), &operator, json!({"discharge_power": 3, "duration": 1800, "min_soc": 20}));
    assert_eq!(world.posted(&plug("schedule"), &operator, schedule.clone())["data"], Value::Null);
    let control = world.posted("/v1/operator/control/flexibility", &operator, site);
    assert_eq!(control["data"], json!({"control_id": "ctl_1", "status": "executing"}));
    world.posted("/v1/operator/control/flexibility", &operator, pause);

    let commands = world.heartbeat(&charger);
    let words: Vec<&Value> = commands.iter().map(|command| &command["command"]).collect();
    assert_eq!(words, ["stop_charging", "discharge", "set_schedule", "set_power_limit", "set_power_limit"]);
    assert_eq!(commands[1]["params"]["discharge_power"], 3);
    assert_eq!(commands[2]["params"]["time_slots"], schedule["time_slots"]);
    assert_eq!(commands[3]["params"], json!({"power_limit_percent": 50, "duration": 1800, "reason": "grid_overload"}));
    assert_eq!(commands[4]["params"]["power_limit_percent"], 0);
}

#[test]
fn start_and_stop_need_no_body() {
    let (mut world, operator, _) = world();
    assert_eq!(world.raw("POST", START, &operator, b"").status, 200);
    assert_eq!(world.raw("POST", "/v1/operator/devices/dvc_d-0/connectors/1/discharge", &operator, b"").status, 400);
}
