//! Whose budget a request draws on, where its sender alone does not tell; and answers that take their time.

use super::*;

/// A GET with these headers, of a caller with this key.
fn get(world: &mut World, target: &str, headers: &[(&str, &str)]) -> u16 {
    let request = HttpIn::new("GET", target, headers, b"");
    answer(world.server.handle(world.now, world.address, &request)).status
}

/// Three a minute for each account, and three for each device.
fn policy() -> Policy {
    let reads = class("reads", &["GET /reads"], vec![rate(3, 60, &["account"])]);
    let devices = class("devices", &["GET /devices"], vec![rate(3, 60, &["device_id"])]);
    policy_of(vec![reads, devices])
}

/// How many of four requests with each of these headers are served.
fn served(world: &mut World, target: &str, headers: [(&str, &str); 2]) -> usize {
    (0..4).filter(|_| get(world, target, &headers) == 200).count()
}

#[test]
fn each_credential_is_an_account_unless_the_request_says_otherwise() {
    let mut world = World::under(&policy());
    let key = |key| ("x-api-key", key);
    assert_eq!(served(&mut world, "/reads", [key("a"), ("accept", "*/*")]), 3);
    assert_eq!(served(&mut world, "/reads", [key("b"), ("accept", "*/*")]), 3);
    assert_eq!(served(&mut world, "/reads", [key("c"), ("X-Account", "one")]), 3);
    assert_eq!(served(&mut world, "/reads", [key("d"), ("x-account", "one")]), 0, "of one account");
    assert_eq!(served(&mut world, "/reads", [key("d"), ("x-account", "two")]), 3);
    assert_eq!(served(&mut world, "/reads", [key("e"), ("x-account", "")]), 3, "nothing is said");
}

#[test]
fn a_scope_is_read_from_its_header_or_the_query() {
    let mut world = World::under(&policy());
    let key = ("authorization", "Bearer t");
    assert_eq!(served(&mut world, "/devices", [key, ("X-Device-Id", "d1")]), 3);
    assert_eq!(served(&mut world, "/devices", [key, ("X-Device-Id", "d2")]), 3);
    assert_eq!(served(&mut world, "/devices?device_id=d2", [key, ("x-device", "d3")]), 0);
    assert_eq!(served(&mut world, "/devices?device_id=d4", [key, ("x-device", "d3")]), 3);
    assert_eq!(served(&mut world, "/devices", [key, ("x-device-idle", "d5")]), 3, "the caller");
}

#[test]
fn what_is_common_to_a_fleet_is_one_whatever_requests_show() {
    let spec = ServerSpec { common: vec!["account".to_owned()], ..ServerSpec::default() };
    let mut world = World::with(&policy(), spec);
    let statuses = ["a", "b", "c", "d"].map(|key| get(&mut world, "/reads", &[("x-api-key", key)]));
    assert_eq!(statuses, [200, 200, 200, 429]);
}

#[test]
fn a_server_that_takes_its_time_has_requests_under_way_together() {
    let limit = ConcurrencyLimit { allow: 2, scope: scope_of(&["user"]), lasting: None };
    let policy = policy_of(vec![class("reads", &["GET /reads"], vec![Limit::Concurrent(limit)])]);
    let spec = ServerSpec { answers_after: Nanos::from_millis(200), ..ServerSpec::default() };
    let mut world = World::with(&policy, spec);
    let held = |world: &mut World| matches!(world.reply("GET", "/reads", "k"), Reply::Hold { .. });
    assert!(held(&mut world) && held(&mut world));
    let refused = answer(world.reply("GET", "/reads", "k"));
    assert_eq!(refused.status, 429, "a refusal does not wait");
    assert_eq!(header(&refused, "retry-after"), None, "nobody knows the time");
    world.now = Nanos::from_millis(199);
    world.server.advance(world.now);
    assert!(world.server.take_answers().is_empty());
    world.now = Nanos::from_millis(200);
    world.server.advance(world.now);
    let statuses: Vec<u16> = world.server.take_answers().iter().map(|(_, answer)| answer.status).collect();
    assert_eq!(statuses, [200, 200]);
    assert!(held(&mut world), "the places are free again");
}

#[test]
fn a_hint_that_is_promised_with_every_refusal_comes_with_those_for_want_of_a_place_too() {
    let limit = ConcurrencyLimit { allow: 1, scope: scope_of(&["user"]), lasting: None };
    let mut policy = policy_of(vec![class("reads", &["GET /reads"], vec![Limit::Concurrent(limit)])]);
    policy.refusal.retry_after.as_mut().unwrap().presence = Presence::Required;
    for (millis, expected) in [(200, "1"), (2_500, "3")] {
        let spec = ServerSpec { answers_after: Nanos::from_millis(millis), ..ServerSpec::default() };
        let mut world = World::with(&policy, spec);
        assert!(matches!(world.reply("GET", "/reads", "k"), Reply::Hold { .. }));
        assert_eq!(header(&answer(world.reply("GET", "/reads", "k")), "retry-after"), Some(expected));
    }
}
