//! Which requests belong to which class, where the provider does not publish it and the profile's author knows.

use crate::policy::model::Policy;
use crate::profile::document::ClassesDocument;
use crate::scenario::Operations;
use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Source, suggest};

/// Gives the policy's learned classes the requests that the profile names for them.
pub(super) fn map(source: &Source, document: &ClassesDocument, policy: &mut Policy) -> Result<(), Diagnosis> {
    for (name, requests) in document {
        let Some(id) = policy.class_named(&name.0) else {
            let advice = suggest::advice(&name.0, policy.classes.iter().map(|class| class.name.as_str()));
            let title = format!("policy `{}` has no class `{}`", policy.name, shown(&name.0));
            return Err(Diagnosis::at(source, name.place, title).help(advice));
        };
        if policy.class(id).learned_as.is_none() {
            let title = format!("the class `{}` of policy `{}` says itself what it holds", name.0, policy.name);
            return Err(Diagnosis::at(source, name.place, title)
                .help("only classes that answers name (`learned_as`) can be mapped here"));
        }
        for request in requests {
            let taken = policy.classes.iter().find(|class| class.requests.iter().any(|other| other.overlaps(request)));
            if let Some(class) = taken {
                let title = format!("`{}` would belong to two classes", request.value);
                return Err(Diagnosis::at(source, request.place, title)
                    .label(format!("class `{}` has it, or a part of it, already", class.name))
                    .help("give each request to one class"));
            }
            policy.classes[id.index()].requests.push(request.value.clone());
        }
    }
    Ok(())
}

/// A request that nobody makes is most likely misspelt.
pub(super) fn check_used(
    source: &Source,
    document: &ClassesDocument,
    operations: &Operations,
) -> Result<(), Diagnosis> {
    for request in document.values().flatten() {
        let fits =
            |(_, operation): (_, &crate::scenario::Operation)| request.matches(&operation.method, &operation.path);
        if !operations.iter().any(fits) {
            let like = operations.iter().last().map_or("none".to_owned(), |(_, operation)| operation.name());
            let title = format!("no request of the fleet fits `{}`", request.value);
            return Err(Diagnosis::at(source, request.place, title).help(format!("the fleet's are like `{like}`")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::profile;
    use crate::scenario::Scenario;
    use crate::yaml::Source;

    fn load(policy: &str, classes: &str) -> Result<Scenario, String> {
        let text = format!(
            "name: x\npolicy: {policy}\nclasses: {classes}\nfleet: {{desk: {{clients: {{count: 1, identity: {{user: own, client_id: own}}, arrivals: {{every: 1s}}, \
             requests: [{{get: /contacts}}, {{get: /calls}}]}}}}}}\n"
        );
        profile::load_source(&Source::built_in("profile.yaml", &text)).map_err(|diagnosis| diagnosis.to_string())
    }

    #[test]
    fn a_mapped_request_has_its_class_from_the_start_and_others_are_learned() {
        let scenario = load("telair", "{light: [GET /contacts]}").unwrap();
        let class = |path: &str| {
            let operation = scenario.operations.iter().find(|(_, operation)| operation.path == path).unwrap().1;
            operation.class.map(|class| scenario.policy.class(class).name.clone())
        };
        assert_eq!((class("/contacts").as_deref(), class("/calls")), (Some("light"), None));
    }

    #[test]
    fn a_mapping_that_makes_no_sense_is_pointed_at() {
        for (policy, classes, said) in [
            ("telair", "{ligth: [GET /contacts]}", "policy `telair` has no class `ligth`"),
            ("telair", "{light: [GET /contacs]}", "no request of the fleet fits `GET /contacs`"),
            ("telair", "{light: [GET /contacts], heavy: [GET /contacts]}", "would belong to two classes"),
            ("tellus", "{queries: [GET /contacts]}", "says itself what it holds"),
        ] {
            let error = load(policy, classes).unwrap_err();
            assert!(error.contains(said), "{error}");
            assert!(error.contains("profile.yaml:3:"), "{error}");
        }
    }
}
