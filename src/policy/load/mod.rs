//! From a policy's text to [`Policy`]: what serde cannot know is checked here.

mod builtin;
mod class;
mod guidance;
mod limit;
mod scope;
mod signal;

pub use builtin::{builtin, builtin_names, builtin_source};
pub use scope::SCOPES;

use super::document::PolicyDocument;
use super::model::{Overload, Policy};
use crate::yaml::{Diagnosis, Source, parse, suggest};

/// Requests that no class covers are reported under this name, so no class may have it.
pub const UNCLASSIFIED: &str = "unclassified";

/// A policy by built-in name, or else by path.
pub fn find(name_or_path: &str) -> Result<Policy, Diagnosis> {
    match builtin(name_or_path) {
        Some(policy) => Ok(policy),
        None => Source::read(name_or_path.as_ref()).and_then(|source| load(&source)).map_err(|diagnosis| {
            let advice = suggest::advice(name_or_path, builtin_names());
            if diagnosis.is_placed() {
                diagnosis
            } else {
                diagnosis.help(format!("or name a built-in policy; {advice}"))
            }
        }),
    }
}

/// Reads and checks a policy.
pub fn load(source: &Source) -> Result<Policy, Diagnosis> {
    let document: PolicyDocument = parse(source)?;
    scope::check_own(source, &document)?;
    let classes = class::classes(source, &document)?;
    Ok(Policy {
        title: document.title.unwrap_or_else(|| document.name.0.clone()),
        name: document.name.0,
        source: document.source,
        classes,
        scopes: document.scopes.into_iter().map(|(name, line)| (name.value.0, line)).collect(),
        refusal: signal::refusal(source, document.refusal)?,
        overload: Overload {
            status: document.overload.status.0 as u16,
            retries: document.overload.retries.map(|retries| retries.0),
        },
        quota_headers: document.quota_headers.map(|headers| signal::quota_headers(source, headers)).transpose()?,
        guidance: guidance::guidance(document.guidance),
        silences: document.silences.into_iter().map(|document| document.0).collect(),
        lost: document.lost,
        more_limits: document.more_limits,
        hash: source.hash(),
    })
}

#[cfg(test)]
mod tests;
