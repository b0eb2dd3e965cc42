//! From a profile's document to a [`Scenario`]: what serde cannot know is checked here, one error at a time, each at its
//! place.

mod arrivals;
mod ask;
mod auth;
mod classes;
mod client;
mod event;
mod fleet;
mod gate;
mod groups;
mod identity;
mod requests;
mod script;
mod start;
mod target;
mod template;
mod texts;
mod unused;

use super::document::ProfileDocument;
use super::document::fleet::GroupDocument;
use crate::policy::model::Policy;
use crate::scenario::target::Target;
use crate::scenario::{Operations, Scenario};
use crate::time::Nanos;
use crate::yaml::{Diagnosis, Source};
use client::Scripts;
use groups::Groups;
use identity::Keys;
use requests::Requests;

const DAY: Nanos = Nanos::from_secs(86_400);

/// Checks a document against itself and its policy.
pub fn resolve(source: &Source, document: &ProfileDocument, mut policy: Policy) -> Result<Scenario, Diagnosis> {
    classes::map(source, &document.classes, &mut policy)?;
    let groups = Groups::new(source, &document.fleet)?;
    let mut target = target::target(source, document)?;
    let speaks_tellus = groups.iter().any(|(_, group)| !matches!(group, GroupDocument::Clients(_)));
    client::check_drawn(&groups, |name| script::is_scope(&policy, name))?;
    let mut scripts =
        Scripts { groups: &groups, policy: &policy, requests: Requests::new(speaks_tellus), keys: Keys::default() };
    let fleet = fleet::groups(&mut scripts, &target)?;
    let Scripts { requests, mut keys, .. } = scripts;
    let operations = requests.classified(&policy);
    classes::check_used(source, &document.classes, &operations)?;
    check_classes(source, document, &policy, &operations)?;
    let duration = document.duration.0;
    start::check_ends(&groups, duration)?;
    let identities = identity::identities(&policy, &fleet, &mut keys);
    if let Target::Embedded(server) = &mut target {
        server.common = identities.common();
    }
    Ok(Scenario {
        name: document.name.0.clone(),
        description: document.description.as_ref().map(|text| text.trim().to_owned()),
        profile_hash: source.hash(),
        seed: u64::from(document.seed.0),
        duration,
        start_of_week_offset: DAY * document.day_of_week as u64 + document.time_of_day.0,
        operations,
        identities,
        groups: fleet,
        events: event::events(&groups, &document.events, duration)?,
        gates: gate::gates(source, &document.gates, &policy)?,
        network: target::network(source, &document.network)?,
        target,
        policy,
    })
}

/// A class that no request of the fleet belongs to would be reported as never used, and a typing error in it never found.
/// A script need not use all that a provider offers: of its requests it is enough that one belongs somewhere.
fn check_classes(
    source: &Source,
    document: &ProfileDocument,
    policy: &Policy,
    operations: &Operations,
) -> Result<(), Diagnosis> {
    let used = |index| operations.iter().any(|(_, operation)| operation.class.is_some_and(|id| id.index() == index));
    let scripted = document.fleet.values().any(|group| matches!(group, GroupDocument::Clients(_)));
    let learned = policy.classes.iter().any(|class| class.learned_as.is_some());
    if scripted && (learned || (0..policy.classes.len()).any(used)) {
        return Ok(());
    }
    let Some((_, class)) = policy.classes.iter().enumerate().find(|(index, _)| !used(*index)) else { return Ok(()) };
    let (title, like) = match operations.iter().last().filter(|_| scripted) {
        None => {
            let title = format!(
                "the class `{}` of policy `{}` fits no request that the fleet can make",
                class.name, policy.name
            );
            (title, "GET /v1/operator/sites".to_owned())
        }
        Some((_, last)) => (format!("no request of the fleet fits any class of policy `{}`", policy.name), last.name()),
    };
    let requests: Vec<String> = class.requests.iter().map(|request| format!("`{request}`")).collect();
    let whose = if scripted { format!("the class `{}`", class.name) } else { "it".to_owned() };
    Err(Diagnosis::at(source, document.policy.place, title)
        .help(format!("{whose} lists {}; the fleet's are like `{like}`", requests.join(", "))))
}

#[cfg(test)]
mod tests {
    use crate::profile;
    use crate::yaml::Source;

    fn title(policy: &str, target: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p.yaml"), policy).unwrap();
        let text = format!("name: x\npolicy: p.yaml\ntarget: {target}\nfleet: {{depot: {{chargers: {{count: 1}}}}}}\n");
        let path = folder.path().join("profile.yaml");
        std::fs::write(&path, text).unwrap();
        let source = Source::read(&path).unwrap();
        profile::load_source(&source).map(drop).map_err(|diagnosis| diagnosis.to_string())
    }

    const FITTING: &str = "name: p\nclasses: {sites: {requests: [GET /v1/operator/sites]}}\n";

    #[test]
    fn a_class_that_fits_no_request_is_named_at_the_profile_s_policy() {
        assert_eq!(title(FITTING, "embedded"), Ok(()));
        let typing_error = FITTING.replace("sites: {", "typo: {").replace("/sites]", "/sitse]");
        let said = title(&typing_error, "embedded").unwrap_err();
        assert!(said.contains("the class `typo` of policy `p` fits no request that the fleet can make"), "{said}");
        assert!(said.contains("profile.yaml:2:9"), "{said}");
    }

    #[test]
    fn certificates_that_are_not_there_are_found_out_before_the_run() {
        let remote = |file| format!("{{url: \"https://127.0.0.1\", ca_file: {file}}}");
        assert_eq!(title(FITTING, &remote("p.yaml")), Ok(()));
        let said = title(FITTING, &remote("ca.pem")).unwrap_err();
        assert!(said.contains("there is no file `ca.pem`") && said.contains("profile.yaml:3:"), "{said}");
    }
}
