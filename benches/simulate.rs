//! What a simulated request costs: a depot of chargers that each report every 5 seconds, in virtual time, on one core.
//!
//! `cargo bench --bench simulate [-- --chargers 10000,100000,1000000 --duration 10m --sessions 100%]`; a fleet has at most
//! 1,000,000 devices.
//!
//! For each number of chargers the same scenario is played with ever more behind the record stream:
//! - *driver*: nothing but the devices, the network, the policy's limits and the queue; observations are counted;
//! - *measured*: with histograms, counts and the timeline;
//! - *verified*: with every check, as `quotaproof plan` does it.
//!
//! Costs are CPU time of this process, in nanoseconds for each request, so that what else the machine does shows less.
//! *memory* is the peak of the resident memory so far, less what the process had before the first play; sizes that go up
//! are best given in that order.

use std::sync::Arc;

use quotaproof::assemble::Recorder;
use quotaproof::cli::usage::peak_memory_bytes;
use quotaproof::drive::virtual_time::{Progress, run_on};
use quotaproof::measure::Measure;
use quotaproof::profile;
use quotaproof::record::{Observation, Observer};
use quotaproof::scenario::Scenario;
use quotaproof::time::{Anchor, Nanos};
use quotaproof::yaml::Source;
use rustix::time::{ClockId, clock_gettime};

/// The first moment of 2025.
const ANCHOR: Anchor = Anchor { unix_nanos: 1_735_689_600_000_000_000 };

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str, default: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)).map_or(default, String::as_str).to_owned()
    };
    let (duration, sessions) = (value("--duration", "10m"), value("--sessions", "100%"));
    let before = peak_memory_bytes().unwrap_or(0);
    println!(
        "{:>9} {:>12} | {:>8} {:>8} {:>8} | {:>14} | {:>8} {:>11}",
        "chargers", "requests", "driver", "measured", "verified", "verified M/s", "memory", "per charger"
    );
    for chargers in value("--chargers", "1000,10000,100000").split(',') {
        let chargers: u64 = chargers.parse().expect("--chargers takes numbers");
        let scenario = Arc::new(depot(chargers, &duration, &sessions));
        let (requests, driver) = play(&scenario, Counted::default, Counted::merge);
        let (_, measured) = play(&scenario, || Measure::new(&scenario), Measure::merge);
        let recorder = || Recorder::new(Arc::clone(&scenario), ANCHOR);
        let (_, verified) = play(&scenario, recorder, Recorder::merge);
        let each = |seconds: f64| seconds * 1e9 / requests as f64;
        let memory = peak_memory_bytes().unwrap_or(0).saturating_sub(before);
        println!(
            "{chargers:>9} {requests:>12} | {:>5.0} ns {:>5.0} ns {:>5.0} ns | {:>14.2} | {:>5.0} MB {:>9.0} B",
            each(driver),
            each(measured),
            each(verified),
            requests as f64 / verified / 1e6,
            memory as f64 / 1e6,
            memory as f64 / chargers as f64,
        );
    }
}

/// The most that a profile takes of one group.
const GROUP: u64 = 100_000;

fn depot(chargers: u64, duration: &str, sessions: &str) -> Scenario {
    let group = |number: u64| {
        let count = GROUP.min(chargers - number * GROUP);
        format!(
            "
  depot{number}:
    chargers:
      count: {count}
      start: {{spread: 20s}}
      heartbeat: {{every: 30s, jitter: 10%}}
      telemetry: {{every: 5s, jitter: 5%}}
      sessions: {{initially_busy: {sessions}, duration: {{median: 20h, p95: 30h}}}}"
        )
    };
    let groups: String = (0..chargers.div_ceil(GROUP)).map(group).collect();
    let text = format!("name: depot\npolicy: tellus\nduration: {duration}\nfleet:{groups}\n");
    profile::load_source(&Source::built_in("depot.yaml", &text)).unwrap_or_else(|error| panic!("{error}"))
}

/// The requests that were played, and the seconds of CPU time that it took; counted in a play of its own.
fn play<O: Observer + Send>(
    scenario: &Scenario,
    make: impl Fn() -> O + Sync,
    merge: impl Fn(&mut O, O) + Sync,
) -> (u64, f64) {
    let begun = cpu_seconds();
    let counted = || Beside { counted: Counted::default(), observer: make() };
    let both = |whole: &mut Beside<O>, other: Beside<O>| {
        whole.counted.merge(other.counted);
        merge(&mut whole.observer, other.observer);
    };
    let (whole, _) = run_on(scenario, 1, &Progress::default(), counted, both);
    (whole.counted.requests, cpu_seconds() - begun)
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Counts requests.
#[derive(Default)]
struct Counted {
    requests: u64,
}

impl Counted {
    fn merge(&mut self, other: Counted) {
        self.requests += other.requests;
    }
}

impl Observer for Counted {
    fn observe(&mut self, _: Nanos, observation: Observation<'_>) {
        self.requests += u64::from(matches!(observation, Observation::Sent(_)));
    }
}

/// An observer with a count beside it.
struct Beside<O> {
    counted: Counted,
    observer: O,
}

impl<O: Observer> Observer for Beside<O> {
    fn observe(&mut self, at: Nanos, observation: Observation<'_>) {
        self.counted.observe(at, observation);
        self.observer.observe(at, observation);
    }
}
