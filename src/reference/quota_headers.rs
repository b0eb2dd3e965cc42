//! The quota headers of an answer, as a policy documents them.

use crate::limiter::enforcer::{Binding, Refused};
use crate::policy::model::{ClassId, Policy, QuotaHeaders};
use crate::scenario::target::Fault;
use crate::signals::{self, Dialect, Format, Name, Quota};
use crate::time::Nanos;

/// What [`Fault::LimitDrift`] tells.
const DRIFTED: u32 = 1000;

/// The headers for a request of a class, with the defects that the server was told to have; none where the policy
/// documents none. `refused` is given with a refusal, `now` is the time since the Unix epoch.
///
/// The dialects in `X-` headers name the class only where it is learned from them, and tell either when the quota is
/// reset, if the policy says how that is written, or else how long the window is.
pub fn printed(
    policy: &Policy,
    faults: &[Fault],
    class: ClassId,
    binding: &Binding,
    refused: Option<&Refused>,
    now: Nanos,
) -> Vec<(String, String)> {
    let Some(QuotaHeaders { dialect, reset, .. }) = policy.quota_headers else { return Vec::new() };
    if faults.contains(&Fault::HeadersMissing) {
        return Vec::new();
    }
    let mut binding = *binding;
    // Another limit may have refused, but none that knows a time has anything left for such a request.
    if refused.is_some_and(|refused| refused.hint.is_some()) {
        binding.standing.remaining = 0;
    }
    let mut quota = quota(policy, faults, class, &binding);
    // The drafts want Retry-After and the reset of a refusal to name the same moment.
    if let Some(refused) = refused.filter(|refused| refused.hint.is_some()) {
        quota.reset = Some(refused.retry_after);
    }
    if matches!(dialect, Dialect::XRateLimit | Dialect::XRatelimit) {
        quota.policy = quota.policy.filter(|_| policy.class(class).learned_as.is_some());
        match reset {
            Some(_) => quota.window = None,
            None => quota.reset = None,
        }
    }
    let fields = signals::print(Format { dialect, reset }, &[quota], now);
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn quota(policy: &Policy, faults: &[Fault], class: ClassId, binding: &Binding) -> Quota {
    let has = |fault| faults.contains(&fault);
    let class = policy.class(class);
    let limit = if has(Fault::LimitDrift) { DRIFTED } else { binding.standing.limit };
    let remaining = if has(Fault::RemainingStuck) { limit.saturating_sub(1) } else { binding.standing.remaining };
    let window = if has(Fault::WindowWrong) { binding.window * 2 } else { binding.window };
    Quota {
        policy: Some(name(class.learned_as.as_ref().unwrap_or(&class.name))),
        limit: Some(limit.into()),
        remaining: Some(remaining.into()),
        window: Some(window),
        reset: Some(binding.standing.reset),
        ..Quota::default()
    }
}

/// As much of a name as there is room for.
fn name(text: &str) -> Name {
    let mut name = Name::new();
    for letter in text.chars() {
        if name.try_push(letter).is_err() {
            break;
        }
    }
    name
}
