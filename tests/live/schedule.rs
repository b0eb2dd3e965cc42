//! Requests leave when they are due, events come when they should, shards add up.

use std::sync::Mutex;

use quotaproof::device::{Lane, Outcome};
use quotaproof::drive::live::{LiveError, run};
use quotaproof::scenario::event::{Disturbance, ScheduledEvent};
use quotaproof::scenario::fleet::{Credentials, OperatorSpec, Reaction, TokenHabit};
use quotaproof::scenario::start::Start;
use quotaproof::scenario::{DeviceId, Group, GroupId, GroupKind};
use quotaproof::time::Nanos;

use crate::stage::*;

#[test]
fn a_request_made_ahead_of_its_time_is_held_until_it_is_due() {
    let url = server(|stream, _| answer_all(stream, &ok("")));
    let due = |flow, due| quotaproof::device::Request { due, ..request(flow, Lane::Own(flow as u8)) };
    let steps = vec![at(Nanos::ZERO, [due(1, ms(60)), due(2, ms(20)), due(3, ms(40)), due(4, ms(0))])];
    let (end, _) = play(&url, steps);
    let flows: Vec<u32> = end.observers[0].sent.iter().map(|(_, sent)| sent.flow.0).collect();
    assert_eq!(flows, [4, 2, 3, 1]);
    for (record, _) in &end.observers[0].records {
        assert!(record.sent.unwrap() >= record.due);
    }
    assert_eq!(end.observers[0].late.len(), 4);
}

#[test]
fn events_reach_the_devices_they_are_meant_for_and_never_early() {
    let url = server(|stream, _| answer_all(stream, &ok("")));
    let mut scenario = scenario(ms(150));
    let spec = OperatorSpec {
        credentials: Credentials::Own,
        start: Start::default(),
        asks: Vec::new(),
        reaction: Reaction::GiveUp,
        token: TokenHabit::Keep,
        renew_before: Nanos::ZERO,
    };
    let group = |name: &str, first| Group {
        name: name.into(),
        first: DeviceId(first),
        count: 2,
        kind: GroupKind::Operators(spec.clone()),
    };
    scenario.groups = vec![group("hit", 0), group("spared", 2)];
    let event = |at, what| ScheduledEvent { at, group: GroupId(0), share: 1.0, what };
    scenario.events = vec![
        event(ms(60), Disturbance::TokenExpiry),
        event(ms(30), Disturbance::SessionSurge { within: ms(1) }),
        event(ms(900), Disturbance::TokenExpiry),
    ];
    let heard: Vec<Heard> = (0..4).map(|_| Heard::default()).collect();
    let device = |id: DeviceId| Scripted::new(Vec::new(), heard[id.0 as usize].clone(), None);
    let partition = vec![vec![DeviceId(0), DeviceId(2)], vec![DeviceId(1), DeviceId(3)]];
    let started = std::sync::atomic::AtomicUsize::new(0);
    let observer = |_| {
        started.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Log::default()
    };
    run(&scenario, &options(&url), partition, device, observer).unwrap();
    for (index, heard) in heard.iter().enumerate() {
        let told = heard.lock().unwrap()[1..].join(", ");
        let expected = if index < 2 { "SessionSurge { within: Nanos(1000000) }, TokenExpiry" } else { "" };
        assert_eq!(told, expected, "device {index}");
    }
    assert_eq!(started.into_inner(), 2);
}

#[test]
fn shards_play_their_own_devices_and_their_counts_add_up() {
    let url = server(|stream, _| answer_all(stream, &ok("")));
    let options = options(&url);
    let device = |id: DeviceId| {
        let requests = (0..=id.0).map(|flow| request(flow, Lane::Own(0)));
        Scripted::new(in_turn(requests), Heard::default(), None)
    };
    let partition = vec![vec![DeviceId(0), DeviceId(1)], vec![], vec![DeviceId(2), DeviceId(3), DeviceId(4)]];
    let anchors = Mutex::new(Vec::new());
    let observer = |anchor| {
        anchors.lock().unwrap().push(anchor);
        Log::default()
    };
    let end = run(&scenario(ms(400)), &options, partition, device, observer).unwrap();
    let counts: Vec<usize> = end.observers.iter().map(|log| log.records.len()).collect();
    assert_eq!(counts, [3, 0, 12]);
    let counts = options.control.counts();
    assert_eq!((counts.requests, counts.served, counts.failed, counts.in_flight), (15, 15, 0, 0));
    assert!((1..=5).contains(&counts.peak_in_flight), "{counts:?}");
    assert_eq!(end.connections, 5);
    assert!(end.stopped.is_none() && end.ended >= ms(400));
    assert!(end.observers.iter().all(|log| log.outcomes().iter().all(|outcome| *outcome == Outcome::Served)));
    assert_eq!(anchors.into_inner().unwrap(), [end.anchor; 3], "one clock for all shards");
}

#[test]
fn another_machine_is_not_spoken_to_without_its_owners_word() {
    let device = |_| -> Scripted { panic!("no device is made") };
    let result =
        run(&scenario(ms(10)), &options("http://192.0.2.1:9"), vec![vec![DeviceId(0)]], device, |_| Log::default());
    let error = result.unwrap_err();
    assert!(matches!(error, LiveError::NotAuthorized { .. }));
    assert!(error.to_string().contains("authorized: true"), "{error}");
}

#[test]
#[should_panic(expected = "a defect")]
fn a_panic_in_a_shard_is_passed_on_and_leaves_no_other_waiting() {
    let device = |id: DeviceId| match id.0 {
        1 => panic!("a defect"),
        _ => Scripted::new(Vec::new(), Heard::default(), None),
    };
    let partition = vec![vec![DeviceId(0)], vec![DeviceId(1)]];
    let _ = run(&scenario(ms(10)), &options("http://127.0.0.1:9"), partition, device, |_| Log::default());
}
