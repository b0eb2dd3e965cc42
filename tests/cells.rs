//! In virtual time, devices that share nothing are played one after the other and on several threads. Neither may show.

use std::sync::Arc;

use quotaproof::assemble::{Outcome, Recorder};
use quotaproof::device::fleet::Fleet;
use quotaproof::drive::virtual_time::{self, Progress, Stop};
use quotaproof::record::{Observation, Observer, Record};
use quotaproof::scenario::{DeviceId, Scenario};
use quotaproof::summary::Summary;
use quotaproof::time::Nanos;

#[path = "common/simulated.rs"]
mod simulated;

use simulated::{ANCHOR, facts, scenario};

/// Chargers that take commands, chargers that nobody talks to, clients that share a budget and clients that do not, some of
/// them over their limits; on a network that loses requests.
const FLEET: &str = "
name: test
policy: tellus
duration: 180s
seed: 11
network: {latency: {median: 80ms, p99: 900ms}, loss: 1%}
fleet:
  depot: {chargers: {count: 12, connectors: 2, start: {spread: 4s}, sessions: {arrivals: 60/h, initially_busy: 60%}}}
  yard: {chargers: {count: 90, start: {spread: 9s}, telemetry: {every: 90ms}, sessions: {arrivals: 9/h, initially_busy: 70%, duration: {median: 40s, p95: 2m}}}}
  control: {operators: {count: 2, start: {spread: 3s}, asks: [{start_stop: depot, every: 9s, hold: 4s}, {stream: depot}]}}
  crowd: {operators: {count: 6, start: {spread: 0s}, reaction: stubborn, asks: [{get: energy, every: 700ms}]}}
  team: {operators: {count: 3, credentials: shared, asks: [{get: device, of: yard, every: 40s}]}}
events: [{at: 70s, blackout: {group: yard, share: 60%, back_within: 3s}}]";

const HARVEST: &str = "
  archive: {operators: {count: 2, asks: [{harvest: charging-records, every: 15s, page_size: 20}]}}
events:";

fn with_harvest() -> String {
    FLEET.replace("\nevents:", HARVEST)
}

/// Everything that was seen of requests, in the order of time.
#[derive(Default)]
struct Requests(Vec<Record>);

impl Observer for Requests {
    fn observe(&mut self, _: Nanos, observation: Observation<'_>) {
        if let Observation::Done { record, .. } = observation {
            self.0.push(*record);
        }
    }
}

impl Requests {
    fn sorted(mut self) -> Vec<Record> {
        self.0.sort_by_key(|record| (record.device, record.flow, record.attempt, record.done));
        self.0
    }
}

/// All devices side by side.
fn play_together(scenario: &Scenario, observer: &mut impl Observer) -> Nanos {
    let fleet = Fleet::new(scenario);
    let devices = (0..scenario.device_count()).map(|id| (DeviceId(id), fleet.device(DeviceId(id)))).collect();
    virtual_time::play(scenario, devices, observer).ended
}

#[test]
fn a_device_lives_the_same_life_alone_and_beside_others() {
    let scenario = scenario(FLEET);
    let (mut apart, mut together) = (Requests::default(), Requests::default());
    virtual_time::run(&scenario, &mut apart);
    play_together(&scenario, &mut together);
    let (apart, together) = (apart.sorted(), together.sorted());
    assert!(apart.len() > 10_000, "there is something to compare: {}", apart.len());
    let differs = apart.iter().zip(&together).find(|(apart, together)| apart != together);
    assert_eq!((apart.len(), differs), (together.len(), None));
}

/// What does not depend on which of several requests at fault is shown.
fn judged(summary: &Summary) -> Vec<String> {
    let quotas = summary.quotas.iter().map(|quota| format!("{quota:?}"));
    let findings = summary.findings.iter().map(|it| {
        format!("{} {} {:?} {} {} of {}", it.check, it.subject, it.verdict, it.headline, it.wrong, it.looked_at)
    });
    let classes = summary.classes.iter().map(|class| format!("{class:?}"));
    quotas.chain(findings).chain(classes).chain([format!("{:?}", summary.timeline)]).collect()
}

#[test]
fn judgements_are_the_same_whether_devices_are_played_apart_or_together() {
    let scenario = Arc::new(scenario(FLEET));
    let conclude = |recorder: Recorder, ended| judged(&recorder.conclude(&facts(ended)).summary);
    let mut apart = Recorder::new(Arc::clone(&scenario), ANCHOR);
    let ended = virtual_time::run(&scenario, &mut apart).ended;
    let mut together = Recorder::new(Arc::clone(&scenario), ANCHOR);
    assert_eq!(play_together(&scenario, &mut together), ended);
    let (apart, together) = (conclude(apart, ended), conclude(together, ended));
    for (apart, together) in apart.iter().zip(&together) {
        assert_eq!(apart, together);
    }
    assert!(apart.len() == together.len() && apart.len() > 30, "{}", apart.len());
}

fn on_threads(scenario: &Arc<Scenario>, threads: usize) -> Outcome {
    let make = || Recorder::new(Arc::clone(scenario), ANCHOR);
    let (whole, end) = virtual_time::run_on(scenario, threads, &Progress::default(), make, Recorder::merge);
    whole.conclude(&facts(end.ended))
}

/// Asks for a stop when so many requests are over.
struct Impatient {
    recorder: Recorder,
    left: usize,
    stop: Stop,
}

impl Observer for Impatient {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>) {
        if matches!(observation, Observation::Done { .. }) {
            self.left = self.left.saturating_sub(1);
        }
        if self.left == 0 {
            self.stop.ask();
        }
        self.recorder.observe(at, observation);
    }
}

#[test]
fn a_play_that_is_stopped_ends_with_what_it_has() {
    let scenario = Arc::new(scenario(FLEET));
    let whole = on_threads(&scenario, 1).summary;
    let requests = |summary: &Summary| summary.classes.iter().map(|class| class.requests).sum::<u64>();
    let stopped = |threads, left| {
        let stop = Stop::default();
        let make = || Impatient { recorder: Recorder::new(Arc::clone(&scenario), ANCHOR), left, stop: stop.clone() };
        let merge = |all: &mut Impatient, other: Impatient| all.recorder.merge(other.recorder);
        let (all, end) = virtual_time::run_on(&scenario, threads, &Progress::until(stop.clone()), make, merge);
        (all.recorder.conclude(&facts(end.ended)).summary, end)
    };
    for threads in [1, 3] {
        let (summary, end) = stopped(threads, 500);
        let devices = u64::from(scenario.device_count());
        assert!((1..devices).contains(&end.devices), "{threads}: {end:?} of {devices}");
        assert!((500..requests(&whole)).contains(&requests(&summary)), "{threads}: {}", requests(&summary));
        let (_, end) = stopped(threads, 0);
        assert!(end.devices < devices / 4, "{threads}: {end:?}");
    }
}

#[test]
fn one_thread_and_several_write_the_same_summary_byte_for_byte() {
    let scenario = Arc::new(scenario(&with_harvest()));
    let [one, two, five] = [1, 2, 5].map(|threads| on_threads(&scenario, threads));
    let text = |outcome: &Outcome| serde_json::to_string(&outcome.summary).unwrap();
    assert_eq!(text(&one), text(&two));
    assert_eq!(text(&one), text(&five));
    assert!(one.hlog == two.hlog && one.hlog == five.hlog);
    let harvests = one.summary.classes.iter().flat_map(|class| &class.operations);
    let pages =
        harvests.filter(|used| used.operation.contains("charging-records") && used.operation.starts_with("GET"));
    assert!(
        pages.map(|used| used.requests).sum::<u64>() > 24,
        "records of other cells are found, on more than one page"
    );
}
