//! Frames, and the one connection per client and set of devices.

use super::*;
use crate::reference::platform::StreamId;

fn open(world: &mut World, token: &str, devices: &str) -> Result<StreamId, (u16, Value)> {
    match world.reply("WS", &format!("/v1/operator/stream?devices={devices}"), token, b"") {
        Reply::Stream { id, .. } => Ok(id),
        Reply::Respond(answer) => Err(read(answer)),
        held => panic!("{held:?}"),
    }
}

#[test]
fn each_device_with_an_active_connector_has_a_frame() {
    let mut world = World::new();
    let operator = world.operator("acme");
    let charger = world.charger("d-0");
    world.charger("d-1");
    let stream = open(&mut world, &operator, "dvc_d-1,dvc_d-0,dvc_gone").unwrap();
    assert!(world.platform.frames(world.now, stream).is_empty());
    let mut running = telemetry(1, "charging");
    (running["power"], running["soc"]) = (json!(6.9), json!(58));
    world.posted("/v1/device/telemetry", &charger, running);
    world.pass(Nanos::from_secs(5));
    let frames = world.platform.frames(world.now, stream);
    let frames: Vec<Value> = frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
    assert_eq!(
        frames,
        [json!({"device_id": "dvc_d-0", "timestamp": "2025-03-15T10:30:05Z", "connectors": [
            {"connector_id": 1, "state": "charging", "power": 6.9, "energy_delivered": 12.3, "soc": 58}]})]
    );
}

#[test]
fn a_second_stream_over_the_same_devices_is_refused_until_the_first_ends() {
    let mut world = World::new();
    let (acme, other) = (world.operator("acme"), world.operator("other"));
    let first = open(&mut world, &acme, "dvc_a,dvc_b").unwrap();
    let refused = (429, json!({"code": 5001, "message": "Too many requests"}));
    for same in ["dvc_a,dvc_b", "dvc_b,dvc_a", "dvc_a,dvc_b,dvc_a"] {
        assert_eq!(open(&mut world, &acme, same).unwrap_err(), refused);
    }
    open(&mut world, &acme, "dvc_a").unwrap();
    open(&mut world, &other, "dvc_a,dvc_b").unwrap();
    world.platform.close_stream(first);
    open(&mut world, &acme, "dvc_a,dvc_b").unwrap();
}

#[test]
fn the_token_may_stand_in_the_query_of_a_stream_only() {
    let mut world = World::new();
    let operator = world.operator("acme");
    let target = format!("/v1/operator/stream?token={operator}&devices=dvc_a");
    assert!(matches!(world.reply("WS", &target, "", b""), Reply::Stream { .. }));
    assert_eq!(world.get(&format!("/v1/operator/sites?token={operator}"), "").0, 401);
    assert_eq!(open(&mut world, "", "dvc_a").unwrap_err().0, 401);
    assert_eq!(open(&mut world, &operator, "dvc_a,,dvc_b").unwrap_err().0, 400);
}

#[test]
fn streams_are_bounded_over_all_clients() {
    let mut world = World::new();
    let operator = world.operator("acme");
    let open_ones: Vec<_> =
        (0..1024).map(|index| open(&mut world, &operator, &format!("dvc_{index}")).unwrap()).collect();
    assert_eq!(open(&mut world, &operator, "dvc_x").unwrap_err().0, 503);
    for stream in open_ones {
        world.platform.close_stream(stream);
    }
    open(&mut world, &operator, "dvc_x").unwrap();
}
