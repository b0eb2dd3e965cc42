//! The quota headers of an answer, as a policy documents them.

use crate::limiter::enforcer::{Binding, Refused};
use crate::policy::model::{ClassId, Policy, QuotaHeaders};
use crate::scenario::target::Fault;
use crate::signals::{self, Dialect, Format, Name, Quota};
use crate::time::Nanos;

/// What [`Fault::LimitDrift`] tells.
const DRIFTED: u32 = 1000;
/// By how much the count of [`Fault::RemainingJumps`] falls at a time.
const JUMP: u32 = 4;

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
    let is_negative = refused.is_some() && faults.contains(&Fault::RemainingNegative);
    let field = |(name, value): (&str, String)| match is_negative {
        false => (name.to_owned(), value),
        true => (name.to_owned(), with_negative_remaining(name, value)),
    };
    fields.into_iter().map(field).collect()
}

/// What no quota can hold, in any dialect.
fn with_negative_remaining(name: &str, value: String) -> String {
    if name.to_ascii_lowercase().ends_with("remaining") { "-1".to_owned() } else { value.replace("r=0", "r=-1") }
}

fn quota(policy: &Policy, faults: &[Fault], class: ClassId, binding: &Binding) -> Quota {
    let has = |fault| faults.contains(&fault);
    let class = policy.class(class);
    let limit = if has(Fault::LimitDrift) { DRIFTED } else { binding.standing.limit };
    let remaining = match binding.standing.remaining {
        _ if has(Fault::RemainingStuck) => limit.saturating_sub(1),
        remaining if has(Fault::RemainingOffByOne) => (remaining + 1).min(limit),
        remaining if has(Fault::RemainingJumps) => remaining - remaining % JUMP,
        remaining => remaining,
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::Standing;
    use crate::policy;

    /// What remains, as it is told.
    fn told(policy: &str, faults: &[Fault], refused: bool) -> String {
        let policy = policy::builtin(policy).unwrap();
        let window = Nanos::from_secs(60);
        let standing = Standing { limit: 50, remaining: 18, reset: window };
        let binding = Binding { class: ClassId(0), window, standing };
        let refused = refused.then(|| Refused { retry_after: window, hint: Some("60".into()) });
        let fields = printed(&policy, faults, ClassId(0), &binding, refused.as_ref(), window);
        let remaining = fields.into_iter().find(|(name, _)| name.to_ascii_lowercase().ends_with("remaining"));
        remaining.map(|(_, value)| value).unwrap_or_default()
    }

    #[test]
    fn each_defect_bends_what_remains_in_its_way() {
        let of = |fault: Fault| told("telair", &[fault], false);
        assert_eq!(told("telair", &[], false), "18");
        assert_eq!(of(Fault::RemainingStuck), "49");
        assert_eq!(of(Fault::RemainingOffByOne), "19");
        assert_eq!(of(Fault::RemainingJumps), "16");
        assert_eq!(of(Fault::RemainingNegative), "18");
        assert_eq!(told("telair", &[Fault::RemainingNegative], true), "-1");
        assert_eq!(told("telair", &[], true), "0");
        assert_eq!(with_negative_remaining("RateLimit", "\"burst\";r=0;t=9".to_owned()), "\"burst\";r=-1;t=9");
    }
}
