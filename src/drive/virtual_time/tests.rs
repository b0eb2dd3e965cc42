//! Devices and driver together: what a fleet does over hours, in no time.

use std::cell::RefCell;
use std::collections::HashMap;

use super::testing::*;
use crate::device::fleet::{Fleet, FleetDevice, partition};
use crate::device::{
    Actions, Body, Cause, Device, DropReason, Event, Failure, Flow, HttpRequest, Note, Outcome, Request, ServedAnswer,
};
use crate::policy::signals::Hint;
use crate::record::Record;
use crate::scenario::event::BurstCommand;
use crate::scenario::fleet::*;
use crate::scenario::start::{Growth, Start};
use crate::scenario::target::{Fault, OverloadSpec};
use crate::scenario::{Disturbance, Scenario, ScheduledEvent};
use crate::tellus::TellusOp;
use crate::time::{Anchor, Nanos};

const ANCHOR: Anchor = Anchor { unix_nanos: 1_773_570_600_000_000_000 };

/// A device that checks the contract of its driver, and its own.
struct Checked {
    device: FleetDevice,
    last: Nanos,
    wake: Option<Nanos>,
    open: HashMap<(Flow, u32), Request>,
    http: RefCell<HttpRequest>,
}

impl Checked {
    fn new(device: FleetDevice) -> Self {
        let (last, wake, open) = (Nanos::ZERO, Some(Nanos::ZERO), HashMap::new());
        Checked { device, last, wake, open, http: RefCell::default() }
    }

    /// Every request can be rendered, as JSON where it has a body, and no two are under way on one stream.
    fn check_request(&self, now: Nanos, request: &Request) {
        assert!(request.due <= now, "{request:?} at {now}");
        let mut http = self.http.borrow_mut();
        self.device.render(now, request, ANCHOR, &mut http);
        assert!(http.path.starts_with("/v1/") && !http.path.contains('{'), "{request:?}: {}", http.path);
        if !http.body.is_empty() {
            let body: Result<serde_json::Value, _> = serde_json::from_slice(&http.body);
            assert!(body.is_ok(), "{}", String::from_utf8_lossy(&http.body));
        }
        let op = TellusOp::from_id(request.operation).unwrap();
        let open = matches!(op, TellusOp::OperatorToken | TellusOp::Register | TellusOp::DeviceToken);
        assert_eq!(http.headers.is_empty(), open, "{request:?}");
        assert_eq!(http.body.is_empty(), matches!(http.method, "GET") || op == TellusOp::Start, "{request:?}");
    }
}

impl Device for Checked {
    fn handle(&mut self, now: Nanos, event: Event<'_>, out: &mut Actions) {
        assert!(now >= self.last, "time went back");
        self.last = now;
        match &event {
            Event::Wake => assert!(self.wake.is_some_and(|wake| wake <= now), "woken at {now}, not {:?}", self.wake),
            Event::Answered { request, .. } => {
                let asked = self.open.remove(&(request.flow, request.attempt));
                assert_eq!(asked.as_ref(), Some(*request), "an answer to nothing");
            }
            _ => {}
        }
        self.device.handle(now, event, out);
        self.wake = out.wake;
        assert!(out.wake.is_none_or(|wake| wake > now), "a device that wakes at once never stops");
        for request in &out.requests {
            self.check_request(now, request);
            let twice = self.open.insert((request.flow, request.attempt), *request);
            assert!(twice.is_none(), "{request:?} twice");
        }
        assert!(self.open.len() <= 64, "{} requests under way", self.open.len());
    }

    fn render(&self, now: Nanos, request: &Request, anchor: Anchor, http: &mut HttpRequest) {
        self.device.render(now, request, anchor, http);
    }

    fn interpret(&self, request: &Request, answer: &ServedAnswer<'_>) -> Option<Body> {
        self.device.interpret(request, answer)
    }
}

/// Plays a scenario with the contract checked at every step.
fn play(scenario: &Scenario) -> Log {
    let fleet = Fleet::new(scenario);
    let ids = (0..scenario.device_count()).map(DeviceId);
    let mut log = Log::default();
    super::play(scenario, ids.map(|id| (id, Checked::new(fleet.device(id)))).collect(), &mut log);
    assert!(log.sent.len() <= log.done.len(), "a request was never answered");
    let mut answered: HashMap<(DeviceId, Flow, u32), u32> = HashMap::new();
    log.done.iter().for_each(|record| *answered.entry((record.device, record.flow, record.attempt)).or_default() += 1);
    assert!(answered.values().all(|&times| times == 1), "a request was answered twice");
    check_main_connections(&log);
    log
}

/// All requests of a charger but its polls share one connection, one after the other.
fn check_main_connections(log: &Log) {
    let is_main = |record: &&Record| {
        TellusOp::from_id(record.operation).is_some_and(|op| op.is_chargers() && op != TellusOp::PollCommands)
    };
    let mut free: HashMap<DeviceId, Nanos> = HashMap::new();
    let mut records: Vec<(Nanos, &Record)> =
        log.done.iter().filter(is_main).filter_map(|record| record.sent.map(|sent| (sent, record))).collect();
    records.sort_by_key(|(sent, record)| (*sent, record.done));
    for (sent, record) in records {
        let free = free.entry(record.device).or_default();
        assert!(sent >= *free, "{record:?} was sent while another was under way until {free}");
        *free = record.done;
    }
}

/// Every connector charges all the time.
fn always_charging() -> ChargerSpec {
    let mut spec = charger();
    spec.sessions.initially_busy = 1.0;
    spec.sessions.duration = LogNormal { median: secs(1_000_000), p95: secs(1_000_001) };
    spec
}

/// Sessions come and go.
fn busy_depot() -> ChargerSpec {
    let mut spec = charger();
    spec.connectors = 2;
    spec.commands = CommandDelivery::LongPoll { wait: secs(30) };
    spec.sessions.initially_busy = 0.5;
    spec.sessions.arrivals_per_hour = 6.0;
    spec.sessions.duration = LogNormal { median: secs(300), p95: secs(900) };
    spec.sessions.faults = 0.2;
    spec.sessions.discharging = 0.2;
    spec
}

fn with_ask(every: u64, what: Question) -> OperatorSpec {
    OperatorSpec { asks: vec![ask(every, what)], ..operator() }
}

/// A fleet in which everything happens.
fn eventful() -> Scenario {
    let asks = vec![
        ask(60, Question::Sites { page_size: 20, cache: secs(300) }),
        ask(30, Question::DeviceDetails { group: GroupId(0), devices: 5 }),
        ask(60, Question::Harvest { page_size: 5, time_filter: true }),
        ask(60, Question::Energy),
        ask(120, Question::StartStop { group: GroupId(0), hold: secs(20), follow: secs(2) }),
        ask(60, Question::Flexibility),
        ask(10, Question::Stream { group: GroupId(0), devices: 10, per_connection: u32::MAX }),
    ];
    let clients = OperatorSpec { asks, ..operator() };
    let wasteful = OperatorSpec { token: TokenHabit::PerRequest, ..clients.clone() };
    let groups =
        vec![chargers("depot", 20, busy_depot()), operators("app", 2, clients), operators("lazy", 1, wasteful)];
    let mut scenario = scenario(secs(1800), groups);
    scenario.network.loss = 0.01;
    server(&mut scenario).token_lifetime = secs(600);
    let rollout = Disturbance::FirmwareRollout {
        version: "3.1.0".into(),
        within: secs(20),
        download: secs(60),
        report_every: secs(10),
    };
    scenario.events = vec![
        event(200, Disturbance::Blackout { outage: secs(20), back_within: secs(5) }),
        event(400, Disturbance::ColdStart { within: secs(10) }),
        event(600, rollout),
        event(900, Disturbance::TokenExpiry),
        event(1000, Disturbance::SessionSurge { within: secs(10) }),
    ];
    for group in [1, 2] {
        let start = BurstCommand::Start { group: GroupId(0) };
        for (at, what) in [
            (300, Disturbance::Blackout { outage: secs(10), back_within: secs(5) }),
            (500, Disturbance::ControlBurst { command: start, commands: 30, within: secs(10) }),
            (700, Disturbance::ControlBurst { command: BurstCommand::Flexibility, commands: 40, within: secs(10) }),
            (1100, Disturbance::ColdStart { within: secs(5) }),
        ] {
            scenario.events.push(crate::scenario::ScheduledEvent { group: GroupId(group), ..event(at, what) });
        }
    }
    scenario
}

#[test]
fn the_fleet_keeps_the_contract_through_everything_that_can_happen() {
    let log = play(&eventful());
    for op in TellusOp::ALL {
        let is_asked = !matches!(op, TellusOp::Discharge | TellusOp::Schedule);
        assert_eq!(log.count(op) > 0, is_asked, "{op:?}");
    }
    assert!(log.outcomes(Outcome::Failed(Failure::Reset)) > 0 && log.outcomes(Outcome::Failed(Failure::Cancelled)) > 0);
}

#[test]
fn a_seed_is_the_same_run_and_another_seed_another() {
    let scenario = eventful();
    let first = Log::of(&scenario);
    assert_eq!(first, Log::of(&scenario));
    assert_ne!(first, Log::of(&Scenario { seed: 8, ..scenario }));
}

#[test]
fn counts_over_an_hour_are_the_documents_arithmetic() {
    for (connectors, per_minute) in [(1, 14), (2, 26)] {
        let spec = ChargerSpec { connectors, start: Start { spread: Nanos(1), growth: None }, ..always_charging() };
        let log = play(&scenario(secs(3600), vec![chargers("depot", 3, spec)]));
        let (beats, samples) = (log.count(TellusOp::Heartbeat), log.count(TellusOp::Telemetry));
        let expected = 60 * per_minute * 3;
        assert!((beats + samples).abs_diff(expected) <= 3 * (2 + usize::from(connectors)), "{beats} + {samples}");
        assert!(beats.abs_diff(3 * 120) <= 3, "{beats}");
        assert_eq!((log.count(TellusOp::Register), log.count(TellusOp::DeviceToken)), (3, 3));
        assert!(log.notes.iter().all(|(_, _, note)| !matches!(note, Note::Dropped { .. })));
    }
}

#[test]
fn scheduled_requests_are_due_at_their_place_whatever_the_answers_do() {
    let due = |latency: Nanos| {
        let mut scenario = scenario(secs(600), vec![chargers("depot", 5, always_charging())]);
        (scenario.network.latency_median, scenario.network.latency_p99) = (latency, latency * 2);
        let log = play(&scenario);
        let mut due: Vec<_> = log.done.iter().filter(|record| record.cause == Cause::Schedule).copied().collect();
        // The first ones depend on when the token came.
        due.retain(|record| record.due > secs(30) && record.due < secs(590));
        let mut due: Vec<_> = due.iter().map(|record| (record.device, record.operation, record.due)).collect();
        due.sort();
        due
    };
    let quick = due(Nanos::from_millis(1));
    assert!(quick.len() > 5 * 120);
    assert_eq!(quick, due(Nanos::from_millis(900)));
}

#[test]
fn another_group_leaves_the_first_ones_run_unchanged() {
    let depot = || chargers("depot", 4, busy_depot());
    let of_depot = |log: Log| log.done.into_iter().filter(|record| record.device.0 < 4).collect::<Vec<Record>>();
    let alone = of_depot(play(&scenario(secs(900), vec![depot()])));
    let beside = of_depot(play(&scenario(secs(900), vec![depot(), chargers("annex", 9, busy_depot())])));
    assert!(alone.len() > 400);
    let last_but = |records: &[Record]| records.iter().filter(|r| r.done <= secs(900)).copied().collect::<Vec<_>>();
    assert_eq!(last_but(&alone), last_but(&beside));
}

#[test]
fn a_tick_is_dropped_while_its_predecessor_is_unanswered() {
    let spec = ChargerSpec { heartbeat: CadenceSpec { every: secs(2), jitter: 0.0 }, ..charger() };
    let mut scenario = scenario(secs(300), vec![chargers("depot", 1, spec)]);
    (scenario.network.latency_median, scenario.network.latency_p99) = (secs(5), secs(5));
    let log = play(&scenario);
    let busy = Note::Dropped { operation: TellusOp::Heartbeat.id(), reason: DropReason::Busy };
    let dropped = log.notes.iter().filter(|(_, _, note)| *note == busy).count();
    let made = log.count(TellusOp::Heartbeat);
    assert!((45..=55).contains(&made), "{made}");
    assert!((dropped + made).abs_diff(145) <= 5, "{dropped} dropped, {made} made");
}

#[test]
fn identity_and_token_survive_a_blackout_and_the_storm_is_spread_within_its_bounds() {
    let mut scenario = scenario(secs(120), vec![chargers("depot", 200, charger())]);
    scenario.events = vec![event(60, Disturbance::Blackout { outage: secs(10), back_within: secs(5) })];
    let log = play(&scenario);
    assert_eq!((log.count(TellusOp::Register), log.count(TellusOp::DeviceToken)), (200, 200));
    assert!(log.sent.iter().all(|(at, _)| *at <= secs(60) || *at >= secs(70)), "not silent");
    let mut back: HashMap<DeviceId, Nanos> = HashMap::new();
    for (at, sent) in log.sent.iter().filter(|(at, _)| *at > secs(60)) {
        back.entry(sent.device).or_insert(*at);
    }
    assert_eq!(back.len(), 200);
    assert!(back.values().all(|at| (secs(70)..=secs(75)).contains(at)));
    let early = back.values().filter(|at| **at < Nanos::from_millis(72_500)).count();
    assert!((70..130).contains(&early), "{early} of 200 in the first half");
}

#[test]
fn a_cold_start_costs_a_token_but_no_registration() {
    let mut scenario = scenario(secs(120), vec![chargers("depot", 10, charger())]);
    scenario.events = vec![event(60, Disturbance::ColdStart { within: secs(10) })];
    let log = play(&scenario);
    assert_eq!((log.count(TellusOp::Register), log.count(TellusOp::DeviceToken)), (10, 20));
}

#[test]
fn tokens_that_end_together_are_asked_for_together() {
    let groups = vec![operators("app", 30, OperatorSpec { credentials: Credentials::Shared, ..operator() })];
    let mut scenario = scenario(secs(600), groups);
    scenario.events = vec![event(400, Disturbance::TokenExpiry)];
    let log = play(&scenario);
    let at_once = log.records(TellusOp::OperatorToken).filter(|record| record.due == secs(400)).count();
    assert_eq!(at_once, 30);
    assert!(log.outcomes(Outcome::Refused) >= 20);
}

#[test]
fn who_obeys_is_never_back_before_the_told_time_and_gives_up_after_its_attempts() {
    let obedient = with_ask(60, Question::DeviceDetails { group: GroupId(0), devices: 80 });
    let groups = vec![chargers("depot", 80, charger()), operators("poller", 1, obedient)];
    let log = play(&scenario(secs(1200), groups));
    let mut refused: HashMap<Flow, Record> = HashMap::new();
    let mut retries = 0;
    for record in log.records(TellusOp::Device) {
        if let Some(before) = refused.remove(&record.flow) {
            let Hint::Wait(told) = before.hint else { panic!("{before:?}") };
            let waited = record.sent.unwrap() - before.done;
            assert!(waited >= told && waited <= told.scale(1.3) + Nanos(1), "{waited} after {told}");
            retries += 1;
        }
        if record.outcome == Outcome::Refused {
            refused.insert(record.flow, *record);
        }
    }
    assert!(retries > 5, "{retries}");
}

#[test]
fn a_stubborn_client_amplifies_and_one_that_gives_up_does_not() {
    let amplification = |reaction| {
        let spec =
            OperatorSpec { reaction, ..with_ask(10, Question::DeviceDetails { group: GroupId(0), devices: 50 }) };
        let log = play(&scenario(secs(300), vec![chargers("depot", 50, charger()), operators("poller", 1, spec)]));
        let attempts = |note: &Note| match note {
            Note::Finished { operation, attempts, .. } if *operation == TellusOp::Device.id() => Some(*attempts),
            _ => None,
        };
        let attempts: Vec<u32> = log.notes.iter().filter_map(|(_, _, note)| attempts(note)).collect();
        assert!(attempts.len() > 100);
        f64::from(attempts.iter().sum::<u32>()) / attempts.len() as f64
    };
    assert_eq!(amplification(Reaction::GiveUp), 1.0);
    let stubborn = amplification(Reaction::Stubborn { attempts: 5 });
    assert!(stubborn > 2.5 && stubborn <= 5.0, "{stubborn}");
}

#[test]
fn an_overloaded_server_is_waited_out() {
    let mut scenario = scenario(secs(300), vec![chargers("depot", 10, charger())]);
    server(&mut scenario).overload = Some(OverloadSpec { share: 1.0, from: secs(60), lasting: Some(secs(60)) });
    let log = play(&scenario);
    let overloaded: Vec<_> = log.done.iter().filter(|record| record.outcome == Outcome::Overloaded).collect();
    assert!(overloaded.len() > 20 && overloaded.iter().all(|record| record.status == 503));
    assert!(overloaded.iter().all(|record| (secs(59)..secs(122)).contains(&record.done)));
    assert!(log.records(TellusOp::Heartbeat).any(|record| record.attempt > 1 && record.outcome == Outcome::Served));
}

#[test]
fn a_lost_connection_is_tried_again_with_growing_waits() {
    let mut scenario = scenario(secs(600), vec![chargers("depot", 1, charger())]);
    scenario.network.loss = 1.0;
    let log = play(&scenario);
    let sent: Vec<f64> = log.records(TellusOp::Register).map(|record| record.sent.unwrap().as_secs_f64()).collect();
    let waits: Vec<f64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (wait, expected) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0]) {
        assert!(*wait >= expected && *wait <= expected * 1.3 + 1.0, "{waits:?}");
    }
    assert!(waits[5..].iter().all(|wait| (30.0..71.0).contains(wait)), "{waits:?}");
    assert_eq!(log.done.len(), log.records(TellusOp::Register).count(), "nothing else without an identity");
}

#[test]
fn a_server_that_takes_no_token_is_asked_less_and_less() {
    let mut scenario = scenario(secs(600), vec![chargers("depot", 1, charger())]);
    server(&mut scenario).token_lifetime = Nanos::ZERO;
    let log = Log::of(&scenario);
    assert!(log.count(TellusOp::DeviceToken) > 3);
    assert!(log.done.len() < 1500, "{} requests in ten minutes", log.done.len());
}

#[test]
fn there_is_never_a_second_stream_and_a_lost_one_comes_back() {
    let stream = with_ask(10, Question::Stream { group: GroupId(0), devices: 5, per_connection: u32::MAX });
    let mut scenario = scenario(secs(600), vec![chargers("depot", 5, charger()), operators("app", 3, stream)]);
    scenario.events = vec![crate::scenario::ScheduledEvent {
        group: GroupId(1),
        ..event(300, Disturbance::Blackout { outage: secs(20), back_within: secs(5) })
    }];
    let log = Log::of(&scenario);
    let opened: Vec<&Record> = log.records(TellusOp::Stream).collect();
    assert_eq!((opened.len(), log.streams_closed.len()), (6, 6));
    for closed in &log.streams_closed[..3] {
        assert_eq!(closed.0, secs(300));
        assert_eq!(closed.2, 0, "nobody charges");
    }
    assert!(opened.iter().all(|record| record.outcome == Outcome::Served && record.status == 101));
    assert!(opened[3..].iter().all(|record| (secs(320)..=secs(325)).contains(&record.due)));
}

#[test]
fn a_stream_brings_a_frame_for_each_charger_that_charges() {
    let frames = |busy: f64, fault: Option<Fault>, commanding: bool| {
        let mut spec = charger();
        spec.sessions.initially_busy = busy;
        spec.sessions.duration = LogNormal { median: secs(36_000), p95: secs(36_000) };
        let mut asks = with_ask(10, Question::Stream { group: GroupId(0), devices: 40, per_connection: 20 });
        // Chargers that are commanded are played beside their operators, the others before them.
        asks.asks.extend(commanding.then(|| ask(3_600, Question::Flexibility)));
        let mut scenario = scenario(secs(600), vec![chargers("depot", 50, spec), operators("app", 1, asks)]);
        server(&mut scenario).faults.extend(fault);
        let log = Log::of(&scenario);
        assert_eq!(log.streams_closed.len(), 2);
        log.streams_closed.iter().map(|closed| closed.2).sum::<u64>()
    };
    let all = 40 * 600 / 5;
    assert!((all * 97 / 100..=all).contains(&frames(1.0, None, false)), "{} of {all}", frames(1.0, None, false));
    assert!((all / 3..all * 2 / 3).contains(&frames(0.5, None, false)), "{} of {all}", frames(0.5, None, false));
    assert_eq!(frames(0.5, None, true), frames(0.5, None, false));
    assert_eq!(frames(1.0, Some(Fault::StreamsSilent), false), 0);
}

#[test]
fn a_growing_group_joins_evenly_and_nobody_earlier() {
    let growth = Some(Growth { from: 2, over: secs(3_000) });
    let grows = Start { spread: secs(5), growth };
    let groups = vec![
        chargers("depot", 5, ChargerSpec { start: grows, ..busy_depot() }),
        operators("app", 5, OperatorSpec { start: grows, ..with_ask(60, Question::Energy) }),
    ];
    let mut scenario = scenario(secs(3_600), groups);
    let rebooting = Disturbance::ColdStart { within: secs(10) };
    let upgrading = Disturbance::FirmwareRollout {
        version: "2".into(),
        within: secs(1),
        download: secs(10),
        report_every: secs(2),
    };
    scenario.events = [rebooting, upgrading, Disturbance::SessionSurge { within: secs(1) }]
        .into_iter()
        .flat_map(|what| [0, 1].map(|group| ScheduledEvent { group: GroupId(group), ..event(500, what.clone()) }))
        .collect();
    let log = Log::of(&scenario);
    for (device, joins) in [(0, 0), (1, 0), (2, 1_000), (3, 2_000), (4, 3_000), (5, 0), (7, 1_000), (9, 3_000)] {
        let first = log.done.iter().filter(|record| record.device.0 == device).map(|record| record.due).min();
        assert!((secs(joins)..=secs(joins + 5)).contains(&first.unwrap()), "{device}: {first:?}");
    }
}

#[test]
fn a_charger_is_found_as_soon_as_it_has_registered() {
    let growth = Some(Growth { from: 0, over: secs(200) });
    let late = ChargerSpec { start: Start { spread: Nanos::ZERO, growth }, ..charger() };
    let details = with_ask(10, Question::DeviceDetails { group: GroupId(0), devices: 1 });
    let mut both = details.clone();
    both.asks.push(ask(20, Question::StartStop { group: GroupId(0), hold: secs(5), follow: secs(2) }));
    // By itself, and in one cell with the chargers that it commands.
    for asks in [details, both] {
        let log = Log::of(&scenario(secs(300), vec![chargers("depot", 2, late.clone()), operators("app", 1, asks)]));
        let (early, later): (Vec<&Record>, Vec<&Record>) =
            log.records(TellusOp::Device).partition(|record| record.done < secs(100));
        assert!(early.len() > 5 && early.iter().all(|record| record.outcome == Outcome::Rejected(404)));
        let later: Vec<_> = later.into_iter().filter(|record| record.done > secs(105)).collect();
        assert!(later.len() > 15 && later.iter().all(|record| record.outcome == Outcome::Served));
        let started = log.records(TellusOp::Start).filter(|record| record.done < secs(100));
        assert!(started.into_iter().all(|record| record.outcome == Outcome::Rejected(404)));
    }
}

#[test]
fn a_stream_that_is_spread_has_a_connection_for_each_part_of_the_group() {
    let spread = with_ask(10, Question::Stream { group: GroupId(0), devices: 9, per_connection: 4 });
    let depot = ChargerSpec { sessions: busy_depot().sessions, ..charger() };
    let log = play(&scenario(secs(60), vec![chargers("depot", 9, depot), operators("app", 1, spread)]));
    let mut details: Vec<_> = log.records(TellusOp::Stream).map(|r| (r.outcome, r.detail.resource())).collect();
    details.sort_by_key(|it| it.1);
    assert_eq!(details, [(Outcome::Served, 1), (Outcome::Served, 2), (Outcome::Served, 3)]);
    assert_eq!(log.streams_closed.len(), 3);
}

#[test]
fn equal_sets_of_devices_share_a_number_and_others_do_not() {
    let set = |devices| with_ask(10, Question::Stream { group: GroupId(0), devices, per_connection: u32::MAX });
    let groups = vec![
        chargers("depot", 9, charger()),
        operators("a", 1, set(5)),
        operators("b", 1, set(6)),
        operators("c", 1, set(5)),
        operators("d", 1, set(99)),
        operators("e", 1, set(9)),
    ];
    let log = play(&scenario(secs(60), groups));
    let mut details: Vec<_> = log.records(TellusOp::Stream).map(|r| (r.device.0, r.detail.resource())).collect();
    details.sort();
    assert_eq!(details, [(9, 1), (10, 2), (11, 1), (12, 3), (13, 3)]);
}

#[test]
fn a_second_stream_over_the_same_devices_is_refused_without_a_hint() {
    let stream = ask(30, Question::Stream { group: GroupId(0), devices: 5, per_connection: u32::MAX });
    let spec = OperatorSpec { asks: vec![stream.clone(), stream], ..operator() };
    let log = play(&scenario(secs(60), vec![chargers("depot", 5, charger()), operators("app", 1, spec)]));
    let refused = log.records(TellusOp::Stream).find(|record| record.outcome == Outcome::Refused).unwrap();
    assert_eq!((refused.status, refused.hint), (429, Hint::Absent));
    assert_eq!(log.streams_closed.len(), 1);
}

#[test]
fn a_started_command_reaches_its_charger_and_its_status_comes_back() {
    for commands in [CommandDelivery::LongPoll { wait: secs(30) }, CommandDelivery::Heartbeat] {
        let what = Question::StartStop { group: GroupId(0), hold: secs(60), follow: secs(5) };
        let depot = ChargerSpec { commands, ..charger() };
        let log =
            play(&scenario(secs(1150), vec![chargers("depot", 1, depot), operators("app", 1, with_ask(600, what))]));
        let starts = log.count(TellusOp::Start);
        assert_eq!((starts, log.count(TellusOp::Stop)), (starts, starts), "{commands:?}");
        // Plug-in, start, stop (plug-out may come later), and a record with the session's telemetry.
        assert!(log.count(TellusOp::Event) >= 3 * starts && log.count(TellusOp::UploadRecord) == starts);
        assert_eq!(log.count(TellusOp::CommandStatus), 4 * starts, "accepted and completed, twice each");
        assert!(log.count(TellusOp::Telemetry) > 8 * starts);
        let follow = log.records(TellusOp::Command).count();
        assert!(follow >= 2 * starts, "{follow}");
        if matches!(commands, CommandDelivery::LongPoll { .. }) {
            let started = log.records(TellusOp::Start).next().unwrap().done;
            let status = log.records(TellusOp::CommandStatus).next().unwrap();
            assert!(status.due.0.abs_diff(started.0) < secs(1).0, "a held poll brings it at once");
        }
    }
}

#[test]
fn polls_are_held_and_asked_again_at_once_on_lanes_of_their_own() {
    let spec = ChargerSpec { commands: CommandDelivery::LongPoll { wait: secs(30) }, connectors: 2, ..charger() };
    let log = play(&scenario(secs(3600), vec![chargers("depot", 1, spec)]));
    let polls = log.count(TellusOp::PollCommands);
    assert!((234..=240).contains(&polls), "{polls}");
    assert_eq!(log.count(TellusOp::Heartbeat), 120);
}

#[test]
fn failing_polls_back_off() {
    let spec = ChargerSpec { commands: CommandDelivery::LongPoll { wait: secs(30) }, ..charger() };
    let mut scenario = scenario(secs(600), vec![chargers("depot", 1, spec)]);
    server(&mut scenario).overload = Some(OverloadSpec { share: 1.0, from: secs(60), lasting: None });
    let log = play(&scenario);
    let polls = log.count(TellusOp::PollCommands);
    assert!((30..100).contains(&polls), "{polls} polls in ten minutes");
}

#[test]
fn a_rollout_is_told_step_by_step_and_ends_in_a_restart() {
    let mut scenario = scenario(secs(300), vec![chargers("depot", 10, charger())]);
    let (within, download, report_every) = (secs(20), secs(40), secs(10));
    let rollout = Disturbance::FirmwareRollout { version: "3.1.0".into(), within, download, report_every };
    scenario.events = vec![event(60, rollout)];
    let log = play(&scenario);
    // Downloading at 0, 10, 20 and 30 s, upgrading, success.
    assert_eq!(log.count(TellusOp::FirmwareStatus), 60);
    assert_eq!(log.count(TellusOp::DeviceToken), 20, "a restart costs a token");
}

#[test]
fn a_surge_brings_a_vehicle_to_every_free_connector() {
    let mut scenario = scenario(secs(120), vec![chargers("depot", 10, ChargerSpec { connectors: 2, ..charger() })]);
    scenario.events = vec![event(60, Disturbance::SessionSurge { within: secs(10) })];
    let log = play(&scenario);
    assert_eq!(log.count(TellusOp::Event), 40, "a plug-in and a start each");
    assert!(log.records(TellusOp::Event).all(|record| record.due >= secs(60) && record.due < secs(80)));
}

#[test]
fn a_burst_of_commands_is_spread_evenly_over_its_time() {
    let mut scenario = scenario(secs(120), vec![operators("app", 2, operator())]);
    let burst = Disturbance::ControlBurst { command: BurstCommand::Flexibility, commands: 20, within: secs(10) };
    scenario.events = vec![event(60, burst)];
    let log = play(&scenario);
    for device in 0..2 {
        let due: Vec<Nanos> = log
            .records(TellusOp::Flexibility)
            .filter(|r| r.device.0 == device && r.attempt == 1)
            .map(|r| r.due)
            .collect();
        assert_eq!(due, (0..20).map(|k| secs(60) + Nanos::from_millis(500) * k).collect::<Vec<_>>());
    }
}

#[test]
fn sites_are_listed_in_pages_and_served_from_the_cache() {
    let sites = Question::Sites { page_size: 4, cache: secs(600) };
    // Chargers stand on eleven sites.
    let groups = vec![chargers("depot", 210, charger()), operators("app", 1, with_ask(60, sites))];
    let scenario = scenario(secs(3600), groups);
    let mut in_cells = Log::default();
    super::run(&scenario, &mut in_cells);
    for log in [play(&scenario), in_cells] {
        // Once all chargers are known.
        let late = secs(900);
        let is_hit = |note: &Note| matches!(note, Note::CacheHit { .. });
        let hits = log.notes.iter().filter(|(at, _, note)| *at > late && is_hit(note)).count();
        let sites = |record: &&Record| record.operation == TellusOp::Sites.id() && record.due > late;
        let asked = log.done.iter().filter(sites).count();
        assert_eq!(asked % 3, 0, "eleven sites are three pages");
        assert_eq!(asked / 3 + hits, 45);
        assert!((4..=5).contains(&(asked / 3)), "{asked}");
    }
}

#[test]
fn a_harvest_with_a_time_filter_fetches_each_record_once_and_one_without_again_and_again() {
    let pages = |time_filter| {
        let harvest = Question::Harvest { page_size: 5, time_filter };
        let groups = vec![chargers("depot", 20, busy_depot()), operators("app", 1, with_ask(300, harvest))];
        play(&scenario(secs(3600), groups)).count(TellusOp::Records)
    };
    let (narrow, all) = (pages(true), pages(false));
    assert!(all > 4 * narrow, "{narrow} pages with a filter, {all} without");
}

#[test]
fn a_token_per_request_doubles_the_requests() {
    let spec = OperatorSpec { token: TokenHabit::PerRequest, ..with_ask(30, Question::Energy) };
    let log = play(&scenario(secs(3600), vec![operators("app", 1, spec)]));
    assert_eq!(log.count(TellusOp::Energy), 120);
    assert_eq!(log.count(TellusOp::OperatorToken), 120);
}

#[test]
fn a_token_is_renewed_before_it_ends_and_no_request_meets_its_end() {
    let groups = vec![chargers("depot", 3, always_charging()), operators("app", 1, with_ask(30, Question::Energy))];
    let mut scenario = scenario(secs(7200), groups);
    server(&mut scenario).token_lifetime = secs(1800);
    let log = play(&scenario);
    assert_eq!(log.outcomes(Outcome::Rejected(401)), 0);
    // Every 1500 s: five in two hours.
    assert_eq!((log.count(TellusOp::DeviceToken), log.count(TellusOp::OperatorToken)), (15, 5));
}

#[test]
fn faults_of_the_server_are_seen_as_in_a_live_run() {
    let breaches = |fault| {
        let spec = with_ask(60, Question::DeviceDetails { group: GroupId(0), devices: 90 });
        let spec = OperatorSpec { reaction: Reaction::GiveUp, ..spec };
        let mut scenario = scenario(secs(120), vec![chargers("depot", 90, charger()), operators("app", 1, spec)]);
        server(&mut scenario).faults = Vec::from_iter(fault);
        let log = play(&scenario);
        assert!(log.outcomes(Outcome::Refused) > 0);
        let recorded: u64 = log.done.iter().map(|record| u64::from(record.breaches)).sum();
        assert_eq!(recorded, log.breaches.len() as u64);
        log.breaches.first().cloned().unwrap_or_default()
    };
    assert_eq!(breaches(None), "");
    assert_eq!(breaches(Some(Fault::WrongRefusalStatus)), "status 403 instead of 429");
    assert_eq!(breaches(Some(Fault::WrongRefusalBody)), "body /code is nothing instead of 5001");
    assert!(breaches(Some(Fault::HintFraction)).contains("not a non-negative integer"));
}

#[test]
fn limits_are_kept_per_client_however_many_come_from_one_address() {
    let spec = with_ask(60, Question::DeviceDetails { group: GroupId(0), devices: 40 });
    let groups = |credentials| {
        let spec = OperatorSpec { credentials, ..spec.clone() };
        vec![chargers("depot", 40, charger()), operators("app", 3, spec)]
    };
    assert_eq!(play(&scenario(secs(300), groups(Credentials::Own))).outcomes(Outcome::Refused), 0);
    assert!(play(&scenario(secs(300), groups(Credentials::Shared))).outcomes(Outcome::Refused) > 0);
    let mut keyed_by_address = scenario(secs(300), groups(Credentials::Own));
    server(&mut keyed_by_address).faults = vec![Fault::KeyedByAddress];
    assert!(play(&keyed_by_address).outcomes(Outcome::Refused) > 0);
}

#[test]
fn nothing_is_sent_after_the_end_and_what_is_under_way_is_awaited() {
    let mut scenario = scenario(secs(100), vec![chargers("depot", 50, busy_depot())]);
    (scenario.network.latency_median, scenario.network.latency_p99) = (secs(2), secs(4));
    let log = Log::of(&scenario);
    assert!(log.sent.iter().all(|(at, _)| *at <= secs(100)));
    assert!(log.done.iter().any(|record| record.done > secs(100) && record.outcome == Outcome::Served));
    assert!(log.done.iter().all(|record| record.done <= secs(105)));
    let cancelled = Outcome::Failed(Failure::Cancelled);
    assert!(log.done.iter().all(|record| record.outcome != cancelled || record.done >= secs(100)));
    assert!(log.outcomes(cancelled) > 0, "long polls are still held");
}

#[test]
fn shards_keep_shared_budgets_together_and_are_balanced() {
    let shared = OperatorSpec { credentials: Credentials::Shared, ..with_ask(10, Question::Energy) };
    let own = with_ask(10, Question::Energy);
    let groups = vec![chargers("depot", 100, charger()), operators("one", 8, shared), operators("many", 8, own)];
    let scenario = scenario(secs(60), groups);
    let parts = partition(&scenario, 4);
    assert_eq!(parts, partition(&scenario, 4));
    let mut all: Vec<DeviceId> = parts.concat();
    all.sort();
    assert_eq!(all, (0..116).map(DeviceId).collect::<Vec<_>>());
    let holders = parts.iter().filter(|part| part.iter().any(|device| (100..108).contains(&device.0))).count();
    assert_eq!(holders, 1, "the clients that share credentials are in one shard");
    assert!(
        parts.iter().all(|part| (15..=40).contains(&part.len())),
        "{:?}",
        parts.iter().map(Vec::len).collect::<Vec<_>>()
    );
}

#[test]
fn an_idle_charger_is_small() {
    use crate::device::charger::connector::Connector;
    // On the heap: the connector, and identity and token with ids of the lengths that servers give.
    let identity = size_of::<crate::device::charger::machine::Identity>() + 24 + 40;
    let token = 40;
    let bytes = size_of::<FleetDevice>() + size_of::<Connector>() + identity + token;
    assert!(bytes < 650, "{bytes} bytes");
}

#[test]
fn what_had_to_wait_is_not_called_scheduled() {
    let mut scenario = scenario(secs(600), vec![chargers("depot", 10, busy_depot())]);
    scenario.network.loss = 0.05;
    scenario.events = vec![event(200, Disturbance::Blackout { outage: secs(60), back_within: secs(5) })];
    let log = play(&scenario);
    let scheduled = |record: &&Record| record.cause == Cause::Schedule;
    assert!(log.done.iter().filter(scheduled).count() > 500);
    // Only a connection that carries another request may hold up what the schedule asked for.
    let late = |record: &&Record| record.sent.is_some_and(|sent| sent - record.due > secs(3));
    assert_eq!(log.done.iter().filter(scheduled).filter(late).count(), 0);
}
