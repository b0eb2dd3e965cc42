//! Secrets come from the environment, when a run begins: neither profiles nor checks of them need them.

use crate::scenario::fleet::{Credentials, Secret};
use crate::scenario::{GroupKind, Scenario};

/// A secret that a run needs and the environment does not hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret of {whose} (group `{group}`) is not in the environment: set the variable {variable}")]
pub struct MissingSecret {
    pub group: String,
    /// Such as `the client \`acme\``.
    pub whose: String,
    pub variable: String,
}

/// Shorter ones stand in texts by chance too, where hiding them hides what is no secret.
const SHORTEST: usize = 4;

/// The variables whose secrets are so short that reports will show holes in harmless texts. Secrets must be filled in.
pub fn too_short(scenario: &mut Scenario) -> Vec<String> {
    let groups = scenario.groups.iter_mut().filter_map(|group| match &mut group.kind {
        GroupKind::Clients(spec) => Some(spec),
        GroupKind::Chargers(_) | GroupKind::Operators(_) => None,
    });
    let is_short = |secret: &Secret| !secret.0.is_empty() && secret.0.chars().count() < SHORTEST;
    let short = groups.flat_map(|spec| spec.secrets()).filter(|given| is_short(&given.secret));
    short.filter_map(|given| given.variable.clone()).collect()
}

/// Puts every secret into its place; `variable` looks one up in the environment.
pub fn fill(scenario: &mut Scenario, variable: impl Fn(&str) -> Option<String>) -> Result<(), MissingSecret> {
    for group in &mut scenario.groups {
        let find = |name: &str, whose: &dyn Fn() -> String| {
            let found = variable(name).filter(|value| !value.is_empty());
            found.map(Secret).ok_or_else(|| MissingSecret {
                group: group.name.clone(),
                whose: whose(),
                variable: name.to_owned(),
            })
        };
        match &mut group.kind {
            GroupKind::Chargers(_) => {}
            GroupKind::Operators(spec) => {
                if let Credentials::Given { client_id, secret_env, secret } = &mut spec.credentials {
                    *secret = find(secret_env, &|| format!("the client `{client_id}`"))?;
                }
            }
            GroupKind::Clients(spec) => {
                for given in spec.secrets() {
                    if let Some(name) = &given.variable {
                        given.secret = find(name, &|| "the scripted clients".to_owned())?;
                    }
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Source;

    const PROFILE: &str = "\
name: sandbox
policy: tellus
fleet:
  app:
    operators: {count: 2, credentials: {given: {client_id: cpms_123, secret_env: TELLUS_SECRET}}, asks: []}
";

    fn scenario() -> Scenario {
        crate::profile::load_source(&Source::built_in("sandbox.yaml", PROFILE)).unwrap()
    }

    fn spec(scenario: &Scenario) -> &crate::scenario::fleet::OperatorSpec {
        let GroupKind::Operators(spec) = &scenario.groups[0].kind else { panic!("operators") };
        spec
    }

    #[test]
    fn a_given_secret_is_used_and_never_shown() {
        let mut scenario = scenario();
        fill(&mut scenario, |name| (name == "TELLUS_SECRET").then(|| "hush".to_owned())).unwrap();
        assert_eq!(spec(&scenario).client_id("app", 1), "cpms_123");
        assert_eq!(spec(&scenario).client_secret("app", 1), "hush");
        assert!(!format!("{scenario:?}").contains("hush"));
    }

    #[test]
    fn a_missing_or_empty_secret_is_named_by_its_variable() {
        for found in [None, Some(String::new())] {
            let error = fill(&mut scenario(), |_| found.clone()).unwrap_err();
            assert!(error.to_string().contains("TELLUS_SECRET"), "{error}");
        }
    }

    #[test]
    fn instances_of_a_given_client_share_its_quota() {
        let scenario = scenario();
        let client = |device| scenario.identities.named(crate::scenario::DeviceId(device), "client_id");
        assert_eq!(client(0), client(1));
    }

    #[test]
    fn a_secret_that_texts_hold_by_chance_is_named() {
        let profile = "name: x\npolicy: tellus\nfleet: {a: {clients: {count: 1, identity: {client_id: own}, \
                       auth: {bearer: {env: TOKEN}}, requests: [{get: /v1/operator/sites, arrivals: {every: 5s}}]}}}\n";
        let mut scenario = crate::profile::load_source(&Source::built_in("x.yaml", profile)).unwrap();
        let short = |scenario: &mut Scenario, secret: &str| {
            fill(scenario, |_| Some(secret.to_owned())).unwrap();
            too_short(scenario)
        };
        assert_eq!(short(&mut scenario, "abc"), ["TOKEN"]);
        assert!(short(&mut scenario, "abcd").is_empty());
    }
}
