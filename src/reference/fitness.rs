//! Whether the reference server can stand for a provider in a run, so that nothing looks wrong which only this server cannot do.

use super::{generic, tellus};
use crate::policy::model::Policy;
use crate::profile::secrets;
use crate::scenario::Scenario;
use crate::scenario::target::{ServerSpec, Target};
use crate::time::Nanos;
use crate::yaml::Diagnosis;

/// Whether the embedded server does what the scenario needs of it. Secrets must be filled in.
///
/// # Errors
/// What it cannot do, and what to write instead.
pub fn check(scenario: &Scenario) -> Result<(), Diagnosis> {
    let Target::Embedded(spec) = &scenario.target else { return Ok(()) };
    check_options(&scenario.policy, spec)?;
    if tellus::is_meant_by(&scenario.policy) { Ok(()) } else { generic::check(scenario, spec) }
}

/// The same before anything plays, without secrets: the name of each variable stands for what it holds.
///
/// # Errors
/// As of [`check`].
pub fn check_unfilled(scenario: &Scenario) -> Result<(), Diagnosis> {
    if !matches!(scenario.target, Target::Embedded(_)) {
        return Ok(());
    }
    let mut named = scenario.clone();
    match secrets::fill(&mut named, |variable| Some(variable.to_owned())) {
        Ok(()) => check(&named),
        Err(missing) => Err(Diagnosis::new(missing.to_string())),
    }
}

/// Whether the server that serves a policy has these options.
///
/// # Errors
/// The option that it has not.
pub fn check_options(policy: &Policy, spec: &ServerSpec) -> Result<(), Diagnosis> {
    if spec.answers_after > Nanos::ZERO && tellus::is_meant_by(policy) {
        return Err(Diagnosis::new("the Tellus API's reference server always answers at once")
            .help("leave the time that it takes over its answers out"));
    }
    Ok(())
}
