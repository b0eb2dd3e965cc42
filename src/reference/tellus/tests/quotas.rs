//! The documented limits, by scope and by algorithm, and every defect that can be asked for.

use super::*;
use crate::policy::model::{HintPlace, Limit};
use crate::policy::reading::Reading;
use crate::policy::signals::{self, Hint, ResponseView, Signal};
use crate::scenario::target::{Fault, OverloadSpec};

fn limited_by(limiter: Reading) -> World {
    World::with(ServerSpec { limiter, ..ServerSpec::default() })
}

fn faulty(fault: Fault) -> World {
    World::with(ServerSpec { faults: vec![fault], ..ServerSpec::default() })
}

/// How many of `count` queries at this moment are served.
fn served(world: &mut World, token: &str, count: usize) -> usize {
    (0..count).filter(|_| world.get("/v1/operator/sites", token).0 == 200).count()
}

/// The answer to one query too many, and what it signals.
fn refusal(world: &mut World) -> (HttpOut, Signal) {
    let operator = world.operator("acme");
    for _ in 0..200 {
        let answer = world.raw("GET", "/v1/operator/sites", &operator, b"");
        if answer.status != 200 {
            let response = ResponseView {
                status: answer.status,
                headers: &answer.headers,
                body: &answer.body,
                received: Nanos::ZERO,
                class: None,
            };
            let signal = signals::read(&tellus_policy(), response);
            return (answer, signal);
        }
    }
    panic!("200 queries at once were served");
}

#[test]
fn a_refusal_has_exactly_the_documented_form() {
    let (answer, signal) = refusal(&mut World::new());
    assert_eq!(answer.status, 429);
    assert!(answer.headers.is_empty());
    let documented = json!({"code": 5001, "message": "Too many requests", "details": {"retry_after_seconds": 60}});
    assert_eq!(read(answer).1, documented);
    assert_eq!(signal.hint, Hint::Wait(Nanos::from_secs(60)));
    assert!(signal.breaches.is_empty());
}

#[test]
fn sixty_queries_a_minute_by_each_algorithm() {
    // After 60 at 50 s: how many of 61 more are served at 60 s, and how many at 110 s.
    for (reading, at_60, at_110) in [
        (Reading::Rolling, 0, 60),
        (Reading::FixedFirstHit, 0, 60),
        (Reading::FixedAligned, 60, 0),
        (Reading::TokenBucket, 10, 50),
    ] {
        let mut world = limited_by(reading);
        let operator = world.operator("acme");
        world.pass(Nanos::from_secs(50));
        assert_eq!(served(&mut world, &operator, 61), 60, "{reading:?} at 50 s");
        world.pass(Nanos::from_secs(10));
        assert_eq!(served(&mut world, &operator, 61), at_60, "{reading:?} at 60 s");
        world.pass(Nanos::from_secs(50));
        assert_eq!(served(&mut world, &operator, 61), at_110, "{reading:?} at 110 s");
    }
}

#[test]
fn who_waits_as_told_is_served() {
    for reading in Reading::ALL {
        let mut world = limited_by(reading);
        let operator = world.operator("acme");
        world.pass(Nanos::from_millis(12_345));
        served(&mut world, &operator, 60);
        world.pass(Nanos::from_millis(678));
        let (status, answer) = world.get("/v1/operator/sites", &operator);
        assert_eq!(status, 429, "{reading:?}");
        world.pass(Nanos::from_secs(answer["details"]["retry_after_seconds"].as_u64().unwrap()));
        assert_eq!(world.get("/v1/operator/sites", &operator).0, 200, "{reading:?}");
    }
}

#[test]
fn a_class_is_one_budget_over_its_operations_and_clients_have_their_own() {
    let mut world = World::new();
    let (acme, again, other) = (world.operator("acme"), world.operator("acme"), world.operator("other"));
    assert_eq!(served(&mut world, &acme, 60), 60);
    assert_eq!(world.get("/v1/operator/devices/dvc_d-0", &acme).0, 429);
    assert_eq!(world.get("/v1/operator/sites", &again).0, 429, "another token of the same client");
    assert_eq!(served(&mut world, &other, 61), 60, "from the same address");
    let pause = json!({"target_type": "all", "command": "pause_charging", "params": {"duration": 60}});
    assert_eq!(world.post("/v1/operator/control/flexibility", &acme, pause).0, 200, "another class");
}

#[test]
fn token_requests_count_for_the_client_they_prove_to_be_else_for_their_address() {
    let mut world = World::new();
    let ask = |world: &mut World, body: &Value| world.post("/v1/operator/oauth/token", "", body.clone()).0;
    let mut wrong = credentials("acme");
    wrong["client_secret"] = json!("guess");
    for _ in 0..10 {
        assert_eq!(ask(&mut world, &wrong), 401);
    }
    assert_eq!(ask(&mut world, &wrong), 429);
    for _ in 0..10 {
        assert_eq!(ask(&mut world, &credentials("acme")), 200, "guesses by others cost a client nothing");
    }
    assert_eq!(ask(&mut world, &credentials("acme")), 429);
    assert_eq!(ask(&mut world, &credentials("other")), 200);
    world.address = 2;
    assert_eq!(ask(&mut world, &wrong), 401);
    assert_eq!(ask(&mut world, &credentials("acme")), 429, "its address does not matter");
}

#[test]
fn each_charger_has_ten_a_second_over_heartbeat_and_telemetry() {
    let mut world = World::new();
    let (one, two) = (world.charger("d-0"), world.charger("d-1"));
    world.pass(Nanos::from_secs(1));
    for index in 0..10 {
        let body = if index % 2 == 0 { telemetry(1, "idle") } else { telemetry(2, "charging") };
        assert_eq!(world.post("/v1/device/telemetry", &one, body).0, 200);
    }
    let heartbeat = json!({"timestamp": "2025-03-15T10:30:00Z", "status": "online", "fault_code": 0});
    let (status, answer) = world.post("/v1/device/heartbeat", &one, heartbeat.clone());
    assert_eq!((status, &answer["details"]["retry_after_seconds"]), (429, &json!(1)));
    assert_eq!(world.post("/v1/device/heartbeat", &two, heartbeat).0, 200);
    assert_eq!(world.post("/v1/device/charging-records", &one, record(1)).0, 200, "another class");
}

#[test]
fn what_no_class_names_is_unlimited() {
    let mut world = World::new();
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    for index in 0..200 {
        assert_eq!(world.post("/v1/device/register", "", registration(&format!("x-{index}"))).0, 200);
        assert_eq!(
            world.post("/v1/operator/devices/dvc_x-0/connectors/1/start", &operator, json!({})).0,
            if index < 16 { 200 } else { 409 }
        );
        let firmware = json!({"firmware_version": "2", "status": "downloading"});
        assert_eq!(world.post("/v1/device/firmware/status", &charger, firmware).0, 200);
    }
}

#[test]
fn unauthenticated_requests_use_no_quota_and_wrong_ones_do() {
    let mut world = World::new();
    let operator = world.operator("acme");
    for _ in 0..100 {
        assert_eq!(world.get("/v1/operator/sites", "made-up").0, 401);
    }
    assert_eq!(served(&mut world, &operator, 59), 59);
    assert_eq!(world.get("/v1/operator/sites?size=0", &operator).0, 400);
    assert_eq!(world.get("/v1/operator/sites", &operator).0, 429);
}

#[test]
fn a_hint_in_a_header_stands_only_there() {
    let mut policy = tellus_policy();
    if let Some(source) = &mut policy.refusal.retry_after {
        source.place = HintPlace::Header("retry-after".into());
    }
    let (answer, _) = refusal(&mut World::under(policy, ServerSpec::default()));
    assert_eq!(answer.headers, [("retry-after".to_owned(), "60".to_owned())]);
    assert_eq!(read(answer).1, json!({"code": 5001, "message": "Too many requests"}));
}

#[test]
fn a_place_under_a_concurrency_limit_is_given_back_with_the_answer() {
    let mut policy = tellus_policy();
    let stream_limit = policy.classes[3].limits[0].clone();
    assert!(matches!(stream_limit, Limit::Concurrent(_)));
    policy.classes[0].limits = vec![stream_limit];
    policy.classes[3].requests = vec!["GET /v1/device/commands".parse().unwrap()];
    if let Limit::Concurrent(limit) = &mut policy.classes[3].limits[0] {
        limit.scope.0 = vec!["device_id".into()];
    }
    let mut world = World::under(policy, ServerSpec::default());
    let (charger, operator) = (world.charger("d-0"), world.operator("acme"));
    assert_eq!(served(&mut world, &operator, 5), 5, "one after the other");
    let poll = |world: &mut World, connector: u8| {
        world.reply("GET", &format!("/v1/device/commands?connector_id={connector}&wait=1"), &charger, b"")
    };
    let Reply::Hold { ticket, .. } = poll(&mut world, 1) else { panic!("not held") };
    assert!(matches!(poll(&mut world, 2), Reply::Respond(HttpOut { status: 429, .. })), "while one is held");
    world.platform.abandon(ticket);
    assert!(matches!(poll(&mut world, 2), Reply::Hold { .. }), "after it was given up");
    world.pass(Nanos::from_secs(1));
    world.platform.advance(world.now);
    assert_eq!(world.platform.take_answers().len(), 1);
    assert!(matches!(poll(&mut world, 2), Reply::Hold { .. }), "after it was answered");
}

#[test]
fn overload_lasts_as_long_as_told_and_hits_its_share() {
    let overload = OverloadSpec { share: 0.3, from: Nanos::from_secs(10), lasting: Some(Nanos::from_secs(5)) };
    let mut world = World::with(ServerSpec { overload: Some(overload), ..ServerSpec::default() });
    let busy = |world: &mut World| (0..1000).filter(|_| world.get("/nowhere", "").0 == 503).count();
    world.pass(Nanos(9_999_999_999));
    assert_eq!(busy(&mut world), 0);
    world.pass(Nanos(1));
    let hit = busy(&mut world);
    assert!((250..350).contains(&hit), "{hit} of 1000");
    world.pass(Nanos::from_secs(5));
    assert_eq!(busy(&mut world), 0);
}

#[test]
fn overload_of_everything_leaves_nothing() {
    let overload = OverloadSpec { share: 1.0, from: Nanos::ZERO, lasting: None };
    let mut world = World::with(ServerSpec { overload: Some(overload), ..ServerSpec::default() });
    for _ in 0..100 {
        let (status, answer) = world.post("/v1/device/register", "", registration("d-0"));
        assert_eq!((status, &answer["code"]), (503, &json!(9001)));
    }
}

#[test]
fn too_much_or_too_little_is_admitted_when_asked_for() {
    for (fault, expected) in [(Fault::AdmitsTooMuch, 90), (Fault::RefusesTooEarly, 30)] {
        let mut world = faulty(fault);
        let operator = world.operator("acme");
        assert_eq!(served(&mut world, &operator, 200), expected, "{fault:?}");
    }
}

#[test]
fn lies_about_the_wait_show_in_the_signal() {
    let hint = |fault| refusal(&mut faulty(fault)).1.hint;
    assert_eq!(hint(Fault::HintTooShort), Hint::Wait(Nanos::from_secs(20)));
    // Nobody waits for the sixteen hours of a minute in milliseconds.
    assert_eq!(hint(Fault::HintWrongUnit), Hint::Malformed);
    // It can be obeyed, and it is a breach all the same.
    assert_eq!(hint(Fault::HintFraction), Hint::Wait(Nanos::from_millis(60_500)));
}

#[test]
fn wrong_refusals_break_the_documented_form() {
    let (answer, signal) = refusal(&mut faulty(Fault::WrongRefusalBody));
    assert_eq!((answer.status, signal.refused, signal.breaches.len()), (429, true, 1));
    let (answer, signal) = refusal(&mut faulty(Fault::WrongRefusalStatus));
    assert_eq!((answer.status, signal.refused, signal.breaches.len()), (403, true, 1));
    assert_eq!(signal.hint, Hint::Wait(Nanos::from_secs(60)));
}

#[test]
fn a_server_that_keys_by_address_lets_clients_starve_each_other() {
    let mut world = faulty(Fault::KeyedByAddress);
    let (acme, other) = (world.operator("acme"), world.operator("other"));
    served(&mut world, &acme, 60);
    assert_eq!(served(&mut world, &other, 10), 0);
    world.address = 2;
    assert_eq!(served(&mut world, &acme, 61), 60);
}

#[test]
fn a_server_that_counts_no_streams_opens_any_number() {
    let mut world = faulty(Fault::StreamsUnlimited);
    let operator = world.operator("acme");
    for _ in 0..5 {
        let reply = world.reply("WS", "/v1/operator/stream?devices=dvc_a", &operator, b"");
        assert!(matches!(reply, Reply::Stream { .. }));
    }
}
