//! A seed replays a run: the same devices with the same schedules, whoever else takes part and whatever answers.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use quotaproof::device::fleet::{Fleet, partition};
use quotaproof::device::{Cause, Note};
use quotaproof::drive::{live, virtual_time};
use quotaproof::record::{Observation, Observer, Record};
use quotaproof::reference::live as reference;
use quotaproof::scenario::target::{OverloadSpec, ServerSpec};
use quotaproof::scenario::{Group, OperationId, Scenario};
use quotaproof::summary::Summary;
use quotaproof::time::Nanos;

#[path = "common/simulated.rs"]
mod simulated;

use simulated::{play, scenario};

const DEPOT: &str = "
  depot: {chargers: {count: 5, connectors: 2, start: {spread: 4s}, sessions: {arrivals: 60/h, initially_busy: 60%}}}";

const DASHBOARD: &str = "
  dashboard: {operators: {count: 2, start: {spread: 3s}, asks: [{get: device, of: depot, every: 2s, jitter: 20%},
    {harvest: charging-records, every: 7s}, {start_stop: depot, every: 9s, hold: 4s}, {stream: depot}]}}";

/// More chargers of another kind, and clients that use up budgets of their own.
const OTHERS: &str = "
  yard: {chargers: {count: 3, heartbeat: {every: 10s}}}
  crowd: {operators: {count: 3, start: {spread: 0s}, reaction: stubborn, asks: [{get: energy, every: 300ms}]}}";

fn fleet(seed: u64, groups: &[&str]) -> Scenario {
    scenario(&format!(
        "name: test\npolicy: tellus\nduration: 120s\nseed: {seed}\nfleet:{}
events: [{{at: 50s, blackout: {{group: depot, share: 60%, back_within: 3s}}}}]",
        groups.concat()
    ))
}

#[test]
fn one_seed_gives_one_summary_and_another_seed_another() {
    let [once, again, other] = [3, 3, 4].map(|seed| play(fleet(seed, &[DEPOT, DASHBOARD])));
    assert_eq!(once, again);
    assert_ne!(once.classes, other.classes);
    assert!(once.classes.iter().map(|class| class.requests).sum::<u64>() > 500, "there is something to compare");
}

/// Every request of a group, as its number in the group and what the record says of it.
struct Requests<'a> {
    group: &'a Group,
    seen: Vec<(u32, Record)>,
}

impl Observer for Requests<'_> {
    fn observe(&mut self, _: Nanos, observation: Observation<'_>) {
        if let Observation::Done { record, .. } = observation
            && self.group.index_of(record.device).is_some()
        {
            self.seen.push((record.device.0 - self.group.first.0, *record));
        }
    }
}

/// What a group asks for, when, and what comes of it. The numbers of devices are the group's own.
fn lives(scenario: &Scenario, group: &str) -> Vec<(u32, OperationId, u32, Nanos, Option<Nanos>, Nanos)> {
    let group = scenario.groups.iter().find(|it| it.name == group).unwrap();
    let mut requests = Requests { group, seen: Vec::new() };
    virtual_time::run(scenario, &mut requests);
    let mut lives: Vec<_> =
        requests.seen.iter().map(|(index, it)| (*index, it.operation, it.flow.0, it.due, it.sent, it.done)).collect();
    lives.sort_unstable();
    lives
}

#[test]
fn other_groups_do_not_change_what_a_group_does() {
    let alone = fleet(3, &[DEPOT]);
    let expected = lives(&alone, "depot");
    assert!(expected.len() > 200, "there is something to compare: {}", expected.len());
    for groups in [[DEPOT, OTHERS], [OTHERS, DEPOT]] {
        assert!(lives(&fleet(3, &groups), "depot") == expected, "{groups:?}");
    }
    let (alone, in_company) = (play(alone), play(fleet(3, &[OTHERS, DEPOT])));
    let uses = |summary: &Summary| {
        let quota = summary.quotas.iter().find(|quota| quota.class == "charger-other").unwrap();
        (quota.requests, quota.readings.clone())
    };
    assert_ne!(uses(&alone).0, 0);
    assert_eq!(uses(&alone), uses(&in_company), "only the depot reports events in this time");
}

/// What the schedules asked for: device, operation, due time. Only first attempts that were made as their time came: what
/// had to wait for a connection or a token is due when that wait ends, and the record says so.
#[derive(Default)]
struct Schedule {
    asked: BTreeSet<(u32, OperationId, Nanos)>,
    dropped: bool,
}

impl Observer for Schedule {
    fn observe(&mut self, _: Nanos, observation: Observation<'_>) {
        match observation {
            Observation::Done { record, .. } if is_scheduled(record) => {
                self.asked.insert((record.device.0, record.operation, record.due));
            }
            Observation::Noted { note: Note::Dropped { .. }, .. } => self.dropped = true,
            _ => {}
        }
    }
}

/// Leaves out the first second and a half, in which devices boot, and the last half: what is due in the instant in which
/// a run ends is recorded or not.
fn is_scheduled(record: &Record) -> bool {
    let settled = Nanos::from_millis(1_500)..Nanos::from_millis(3_500);
    record.cause == Cause::Schedule && record.attempt == 1 && settled.contains(&record.due)
}

fn over_sockets(scenario: &Scenario, server: ServerSpec) -> Schedule {
    let server = reference::start(scenario.policy.clone(), server, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let options = live::LiveOptions::new(format!("http://{}", server.addr()));
    let fleet = Fleet::new(scenario);
    let device = |id| fleet.device(id);
    let end = live::run(scenario, &options, partition(scenario, 2), device, |_| Schedule::default()).unwrap();
    let mut whole = Schedule::default();
    for shard in end.observers {
        whole.asked.extend(shard.asked);
        whole.dropped |= shard.dropped;
    }
    whole
}

/// One whose every request is served, with nothing dropped because this machine stood still.
fn undisturbed(scenario: &Scenario) -> Schedule {
    let mut runs = (0..5).map(|_| over_sockets(scenario, ServerSpec::default()));
    runs.find(|run| !run.dropped).expect("five runs and each had to drop requests: is this machine overloaded?")
}

#[test]
fn over_sockets_a_seed_gives_the_same_schedule_to_the_nanosecond_and_that_of_virtual_time() {
    // No `start_stop`: a round of it lasts as long as its answers take, and the next one waits for it.
    let scenario = scenario(
        "name: test
policy: tellus
duration: 4s
seed: 3
network: {latency: {median: 1ms, p99: 2ms}}
fleet:
  depot:
    chargers:
      count: 8
      connectors: 2
      start: {spread: 1s}
      heartbeat: {every: 900ms, jitter: 10%}
      telemetry: {every: 600ms, jitter: 5%}
      sessions: {arrivals: 500/h, initially_busy: 60%}
      commands: heartbeat
  dashboard:
    operators:
      count: 2
      start: {spread: 1s}
      asks:
        - {get: device, of: depot, every: 900ms, jitter: 20%}
        - {get: energy, every: 700ms}
        - {harvest: charging-records, every: 800ms}
        - {control: flexibility, every: 900ms}",
    );
    let overloaded = ServerSpec {
        overload: Some(OverloadSpec { share: 0.3, from: Nanos::ZERO, lasting: None }),
        ..ServerSpec::default()
    };
    let (once, again, refused) = std::thread::scope(|scope| {
        let once = scope.spawn(|| undisturbed(&scenario));
        let again = scope.spawn(|| undisturbed(&scenario));
        let refused = scope.spawn(|| over_sockets(&scenario, overloaded));
        (once.join().unwrap(), again.join().unwrap(), refused.join().unwrap())
    });
    assert!(once.asked.len() > 60, "there is something to compare: {}", once.asked.len());
    assert_eq!(once.asked, again.asked);

    let mut simulated = Schedule::default();
    virtual_time::run(&scenario, &mut simulated);
    assert_eq!(once.asked, simulated.asked);

    // Answers decide whether a request is made, never for when.
    assert!(refused.asked.len() > 5 && refused.asked.len() < once.asked.len());
    let moved: Vec<_> = refused.asked.difference(&once.asked).collect();
    assert!(moved.is_empty(), "{moved:?}");
}
