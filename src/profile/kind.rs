//! Which of the two languages a file is written in.

use indexmap::IndexMap;
use serde::de::IgnoredAny;

use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Source, parse, suggest};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Profile,
    Policy,
}

/// The keys that tell the two apart; a profile may have `classes` besides.
const TELLING: [&str; 3] = ["fleet", "policy", "classes"];

/// Looks at a file's keys alone.
///
/// # Errors
/// It is no mapping, or one that has none of the telling keys.
pub fn kind(source: &Source) -> Result<Kind, Diagnosis> {
    let keys: IndexMap<String, IgnoredAny> = parse(source)?;
    if keys.contains_key("fleet") || keys.contains_key("policy") {
        return Ok(Kind::Profile);
    }
    if keys.contains_key("classes") {
        return Ok(Kind::Policy);
    }
    let meant = keys.keys().find_map(|key| Some((key, suggest::nearest(key, TELLING)?)));
    let diagnosis = Diagnosis::new(format!("{} is neither a profile nor a policy", source.name()))
        .help("a profile has `fleet:` and `policy:`, a policy has `classes:`");
    Err(match meant {
        Some((key, meant)) => diagnosis.help(format!("did you mean `{meant}` by `{}`?", shown(key))),
        None => diagnosis,
    })
}
