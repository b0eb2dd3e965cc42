//! The quota headers of an answer, as a policy documents them.

use crate::limiter::enforcer::Standing;
use crate::policy::model::{ClassId, Policy};
use crate::scenario::target::Fault;

/// What [`Fault::LimitDrift`] tells.
const DRIFTED: u32 = 1000;

/// The headers for a request of a class, with the defects that the server was told to have; none where the policy
/// documents none.
pub fn printed(policy: &Policy, faults: &[Fault], class: ClassId, standing: &Standing) -> Vec<(String, String)> {
    if policy.quota_headers.is_none() || faults.contains(&Fault::HeadersMissing) {
        return Vec::new();
    }
    let class = policy.class(class);
    let has = |fault| faults.contains(&fault);
    let name = class.learned_as.as_ref().unwrap_or(&class.name);
    let limit = if has(Fault::LimitDrift) { DRIFTED } else { standing.limit };
    let remaining = if has(Fault::RemainingStuck) { limit.saturating_sub(1) } else { standing.remaining };
    let window = standing.window.as_secs() * if has(Fault::WindowWrong) { 2 } else { 1 };
    vec![
        ("x-rate-limit-policy".into(), name.clone()),
        ("x-rate-limit-limit".into(), limit.to_string()),
        ("x-rate-limit-remaining".into(), remaining.to_string()),
        ("x-rate-limit-window".into(), window.to_string()),
    ]
}
