//! The policies that are compiled in: the files of `profiles/policies/`.

use super::load;
use crate::policy::model::Policy;
use crate::yaml::Source;

/// Name and text of each of them.
macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../profiles/policies/", $name, ".yaml")))),*]
    };
}

const BUILT_IN: &[(&str, &str)] = &built_in![
    "ampeco",
    "aws-api-gateway",
    "azure-resource-manager",
    "chargefox",
    "cloudflare",
    "discord",
    "evnnovator",
    "github",
    "plugchoice",
    "plugsurfing",
    "salesforce",
    "shopify",
    "smartcar",
    "stripe",
    "telair",
    "tellus",
    "zaptec",
];

/// The names of the built-in policies.
pub fn builtin_names() -> impl Iterator<Item = &'static str> + Clone {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The text of a built-in policy.
pub fn builtin_source(name: &str) -> Option<Source> {
    let (name, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
    Some(Source::built_in(&format!("profiles/policies/{name}.yaml"), text))
}

/// A built-in policy; None if there is none of that name.
pub fn builtin(name: &str) -> Option<Policy> {
    let source = builtin_source(name)?;
    Some(load(&source).unwrap_or_else(|error| panic!("a built-in policy is broken:\n{error}")))
}
