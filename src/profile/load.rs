//! Finding a profile and its policy.

use std::path::Path;

use super::document::ProfileDocument;
use super::kind::{Kind, kind};
use super::resolve;
use crate::policy::model::Policy;
use crate::policy::{self};
use crate::scenario::words::event_text;
use crate::scenario::{Group, Scenario};
use crate::time::Nanos;
use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Located, Source, parse, suggest};

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../profiles/", $name, ".yaml")))),*]
    };
}

/// The profiles that are compiled in: name and text.
const BUILT_IN: [(&str, &str); 12] = built_in![
    "tellus-depot",
    "tellus-polling-dashboard",
    "tellus-stream-dashboard",
    "tellus-reconnect-storm",
    "tellus-token-cliff",
    "tellus-firmware-rollout",
    "tellus-many-tenants",
    "tellus-large-depot",
    "telair-integration",
    "telair-batch-import",
    "telair-overload",
    "telair-login-storm",
];

/// The names of the built-in profiles.
pub fn builtin_names() -> impl Iterator<Item = &'static str> + Clone {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The text of a built-in profile.
pub fn builtin_source(name: &str) -> Option<Source> {
    let (name, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
    Some(Source::built_in(&format!("profiles/{name}.yaml"), text))
}

/// Reads a profile: by path, or by built-in name if there is no such file.
pub fn load(path: &Path) -> Result<Scenario, Diagnosis> {
    let source = find(path)?;
    if kind(&source) == Ok(Kind::Policy) {
        return Err(Diagnosis::new(format!("{} is a policy, and a profile is needed here", source.name()))
            .help(format!("write a profile that is held against it: `policy: {}`", source.name()))
            .help("`quotaproof check` and `quotaproof policy show` take policies"));
    }
    load_source(&source)
}

/// Resolves a profile's text.
pub fn load_source(source: &Source) -> Result<Scenario, Diagnosis> {
    let document: ProfileDocument = parse(source)?;
    let policy = find_policy(source, &document.policy)?;
    resolve::resolve(source, &document, policy)
}

/// Gives a run another length. One that ends before one of its events would prove nothing about it, and look as if it did.
pub fn last(scenario: &mut Scenario, duration: Nanos) -> Result<(), Diagnosis> {
    if let Some(event) = scenario.events.iter().find(|event| event.at >= duration) {
        let title =
            format!("--duration {duration} leaves out the event at {}: {}", event.at, event_text(scenario, event));
        return Err(Diagnosis::new(title).help(format!("give a --duration above {}", event.at)));
    }
    let grows = |group: &&Group| group.start().growth.is_some_and(|growth| growth.over > duration);
    if let Some(group) = scenario.groups.iter().find(grows) {
        let title = format!("--duration {duration} ends before `{}` has grown", group.name);
        let over = group.start().growth.map_or(duration, |growth| growth.over);
        return Err(Diagnosis::new(title).help(format!("give a --duration of {over} or more")));
    }
    scenario.duration = duration;
    Ok(())
}

/// The text of a profile by path, or by built-in name if there is no such file.
pub fn find(path: &Path) -> Result<Source, Diagnosis> {
    let name = path.to_str().unwrap_or("");
    if !path.exists()
        && let Some(source) = builtin_source(name)
    {
        return Ok(source);
    }
    Source::read(path).map_err(
        |diagnosis| {
            if path.exists() { diagnosis } else { diagnosis.help(suggest_builtin(name)) }
        },
    )
}

fn suggest_builtin(name: &str) -> String {
    format!("or name a built-in profile; {}", suggest::advice(name, builtin_names()))
}

fn find_policy(source: &Source, wanted: &Located<String>) -> Result<Policy, Diagnosis> {
    if let Some(policy) = policy::builtin(&wanted.value) {
        return Ok(policy);
    }
    let path = source.relative(&wanted.value);
    if !path.exists() {
        let title = format!("no policy is called `{}`, and no such file exists", shown(&wanted.value));
        let advice = suggest::advice(&wanted.value, policy::builtin_names());
        return Err(Diagnosis::at(source, wanted.place, title)
            .help(format!("built in: {advice}"))
            .help("a path is seen from the profile's folder"));
    }
    policy::load(&Source::read(&path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_that_leaves_out_an_event_names_it() {
        let mut scenario = load(Path::new("tellus-reconnect-storm")).unwrap();
        let (planned, at) = (scenario.duration, scenario.events[0].at);
        let error = last(&mut scenario, at).unwrap_err();
        let text = event_text(&scenario, &scenario.events[0]);
        assert_eq!(error.title(), format!("--duration {at} leaves out the event at {at}: {text}"));
        assert_eq!(scenario.duration, planned);
        last(&mut scenario, planned * 2).unwrap();
        assert_eq!(scenario.duration, planned * 2);
    }
}
