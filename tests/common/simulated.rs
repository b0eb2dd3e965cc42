//! A whole run in virtual time: from a profile's text to its summary, through everything but sockets.

use std::sync::Arc;

use quotaproof::assemble::{Recorder, RunFacts};
use quotaproof::drive::virtual_time;
use quotaproof::profile;
use quotaproof::scenario::Scenario;
use quotaproof::summary::{Driver, Summary};
use quotaproof::time::{Anchor, Nanos};
use quotaproof::yaml::Source;

/// Half past ten on some morning: limits that are counted by the clock begin with the run.
pub const ANCHOR: Anchor = Anchor { unix_nanos: 1_773_570_600_000_000_000 };

/// A profile's text, resolved.
pub fn scenario(text: &str) -> Scenario {
    profile::load_source(&Source::built_in("test.yaml", text)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Plays a scenario and concludes.
#[allow(dead_code, reason = "not every test that shares this file needs it")]
pub fn play(scenario: Scenario) -> Summary {
    let scenario = Arc::new(scenario);
    let mut recorder = Recorder::new(Arc::clone(&scenario), ANCHOR);
    let end = virtual_time::run(&scenario, &mut recorder);
    recorder.conclude(&facts(end.ended)).summary
}

/// What there is to say of a run that ended then.
pub fn facts(ended: Nanos) -> RunFacts {
    RunFacts {
        driver: Driver::Virtual,
        anchor: ANCHOR,
        ended,
        interrupted: false,
        devices_played: None,
        unreachable: false,
        gave_up: false,
        connect_error: None,
        target: "simulated".to_owned(),
        command: String::new(),
        shards: 1,
        peak_memory_bytes: None,
        connections: 0,
        version: "test".to_owned(),
    }
}
