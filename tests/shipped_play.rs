//! The shipped profiles, played in virtual time against a rolling limiter: each does what its description says.

use std::collections::BTreeMap;
use std::path::Path;

use quotaproof::device::Outcome;
use quotaproof::drive::virtual_time;
use quotaproof::profile;
use quotaproof::record::{Observation, Observer};
use quotaproof::scenario::Scenario;
use quotaproof::time::Nanos;

/// Requests and refusals by class.
struct Counts<'a> {
    scenario: &'a Scenario,
    by_class: BTreeMap<&'a str, (u64, u64)>,
}

impl Observer for Counts<'_> {
    fn observe(&mut self, _: Nanos, observation: Observation<'_>) {
        if let Observation::Done { record, .. } = observation {
            let class = self.scenario.operations.get(record.operation).class;
            let name = class.map_or("unclassified", |class| &self.scenario.policy.class(class).name);
            let counts = self.by_class.entry(name).or_default();
            counts.0 += 1;
            counts.1 += u64::from(record.outcome == Outcome::Refused);
        }
    }
}

fn refused_classes(name: &str) -> Vec<String> {
    let scenario = profile::load(Path::new(name)).unwrap();
    let mut counts = Counts { scenario: &scenario, by_class: BTreeMap::new() };
    virtual_time::run(&scenario, &mut counts);
    println!("{name}: {:?}", counts.by_class);
    let high_frequency = counts.by_class.get("charger-high-frequency").map_or(0, |counts| counts.0);
    let chargers = scenario.groups.iter().any(|group| group.name == "depot");
    assert_eq!(chargers, high_frequency > 0, "{name}: chargers send heartbeats and telemetry");
    let refused = counts.by_class.iter().filter(|(_, counts)| counts.1 > 0);
    refused.map(|(class, _)| (*class).to_owned()).collect()
}

#[test]
fn the_well_behaved_profiles_are_never_refused() {
    for name in [
        "tellus-depot",
        "tellus-reconnect-storm",
        "tellus-firmware-rollout",
        "tellus-many-tenants",
        "tellus-stream-dashboard",
    ] {
        assert_eq!(refused_classes(name), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_polling_dashboard_is_refused_its_queries() {
    assert_eq!(refused_classes("tellus-polling-dashboard"), ["queries"]);
}

#[test]
fn the_token_cliff_is_refused_its_tokens_and_nothing_else() {
    assert_eq!(refused_classes("tellus-token-cliff"), ["tokens"]);
}
