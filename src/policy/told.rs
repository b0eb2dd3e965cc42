//! What the quota headers of an answer say, in the terms of a policy.

use std::cmp::Reverse;

use super::model::{ClassId, Policy, QuotaHeaders};
use crate::signals::{self, Quota, Receipt};
use crate::time::Nanos;

/// What the quota headers of one answer say. Small, as every record carries one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Whether there was any quota header at all.
    pub present: bool,
    /// The class that they name, if it is one of the policy's.
    pub class: Option<ClassId>,
    pub limit: Option<u32>,
    /// What is left, the request itself counted.
    pub remaining: Option<u32>,
    /// The length of the window.
    pub window: Option<Nanos>,
    /// The time until it is reset, from the answer on.
    pub reset: Option<Nanos>,
    /// How many ways the headers break their dialect; [`Signal::header_breaches`](super::signals::Signal::header_breaches) has
    /// the words.
    pub breaches: u8,
}

/// Reads them, with what is wrong about them in words. Of several quotas the one with the least left counts, and of
/// those the one that is reset last.
pub fn tell(
    policy: &Policy,
    documented: &QuotaHeaders,
    headers: &[(String, String)],
    receipt: Receipt,
) -> (Told, Vec<String>) {
    let signals::Reading { quotas, lints, .. } = signals::read(documented.format(), headers, receipt);
    // The hint of a refusal is read by the policy's own words for it; how it fits the reset is the dialect's business.
    let of_quota = lints.into_iter().filter(|lint| lint.field != "retry-after" || lint.rule.ends_with("-reset"));
    let mut breaches: Vec<String> = of_quota.map(|lint| lint.to_string()).collect();
    let tightest = |quota: &&Quota| (quota.remaining.unwrap_or(u64::MAX), Reverse(quota.reset));
    let quota = quotas.iter().min_by_key(tightest).copied();
    let name = quota.and_then(|quota| quota.policy).or_else(|| quotas.iter().find_map(|quota| quota.policy));
    let class = name.and_then(|name| class_learned_as(policy, &name));
    if let Some(name) = name.filter(|_| class.is_none() && learns(policy)) {
        breaches.push(format!("names the policy {name}, which the documents do not know"));
    }
    let Quota { limit, remaining, window, reset, .. } = quota.unwrap_or_default();
    // Of a contract that is not known, any time may be meant.
    if let Some(reset) = reset.filter(|reset| receipt.longest.is_some() && *reset > receipt.believed()) {
        breaches.push(format!("tells a reset in {reset}, longer than {}, probably another unit", receipt.believed()));
    }
    let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let told = Told {
        present: quota.is_some() || !breaches.is_empty(),
        class,
        limit: limit.map(count),
        remaining: remaining.map(count),
        window,
        reset,
        breaches: u8::try_from(breaches.len()).unwrap_or(u8::MAX),
    };
    (told, breaches)
}

fn learns(policy: &Policy) -> bool {
    policy.classes.iter().any(|class| class.learned_as.is_some())
}

/// The class that headers call by this name, in any case.
fn class_learned_as(policy: &Policy, name: &str) -> Option<ClassId> {
    let is_called = |called: &String| called.eq_ignore_ascii_case(name);
    let index = policy.classes.iter().position(|class| class.learned_as.as_ref().is_some_and(is_called))?;
    Some(ClassId(index as u8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::builtin;
    use crate::policy::signals::{ResponseView, Signal, read};

    fn said(policy: &Policy, status: u16, headers: &[(&str, &str)]) -> Signal {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        read(policy, ResponseView { status, headers: &headers, body: b"", received: Nanos::ZERO, class: None })
    }

    fn telair(limit: &str, remaining: &str, named: &str) -> Signal {
        let headers = [
            ("x-rate-limit-policy", named),
            ("x-rate-limit-limit", limit),
            ("x-rate-limit-remaining", remaining),
            ("x-rate-limit-window", "60"),
        ];
        said(&builtin("telair").unwrap(), 200, &headers)
    }

    #[test]
    fn the_published_sample_is_read_in_either_case() {
        for named in ["light", "Light", "LIGHT"] {
            let Signal { told, header_breaches, .. } = telair("1000", "999", named);
            let expected = Told {
                present: true,
                class: builtin("telair").unwrap().class_named("light"),
                limit: Some(1000),
                remaining: Some(999),
                window: Some(Nanos::from_secs(60)),
                ..Told::default()
            };
            assert_eq!((told, header_breaches), (expected, vec![]));
            assert!(told.class.is_some());
        }
    }

    #[test]
    fn what_cannot_be_right_is_said_and_not_used() {
        // Less than nothing is nothing, and a part of a request is none; the rest is no count at all.
        for (remaining, used) in [("-1", Some(0)), ("1.5", Some(1)), ("many", None), ("", None)] {
            let Signal { told, header_breaches, .. } = telair("50", remaining, "Light");
            assert_eq!((told.remaining, told.breaches), (used, 1), "{remaining}: {header_breaches:?}");
        }
        let fraction = telair("50", "1.5", "Light");
        assert_eq!((fraction.told.remaining, fraction.told.breaches), (Some(1), 1), "no more than there is");
        let unknown = telair("50", "49", "Featherweight");
        assert_eq!((unknown.told.class, unknown.told.breaches), (None, 1));
        assert!(unknown.header_breaches[0].contains("Featherweight"), "{:?}", unknown.header_breaches);
    }

    #[test]
    fn a_reset_that_nothing_documented_explains_is_said() {
        let headers =
            |reset| [("x-ratelimit-limit", "18"), ("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", reset)];
        let told = |reset| said(&builtin("chargefox").unwrap(), 200, &headers(reset)).header_breaches.len();
        // Ten hours, where the window is one; it should be an epoch besides.
        assert_eq!((told("36000"), told("36001")), (1, 2));
    }

    #[test]
    fn of_quotas_that_are_used_up_the_one_that_is_reset_last_counts() {
        let quotas = [("ratelimit", r#""short";r=0;t=1, "long";r=0;t=8, "other";r=5;t=60"#)];
        let told = said(&builtin("cloudflare").unwrap(), 429, &quotas).told;
        assert_eq!((told.remaining, told.reset), (Some(0), Some(Nanos::from_secs(8))));
    }

    #[test]
    fn an_answer_without_headers_tells_nothing_and_breaks_nothing() {
        assert_eq!(said(&builtin("telair").unwrap(), 200, &[]), Signal::default());
        let unread = said(&builtin("tellus").unwrap(), 200, &[("x-rate-limit-limit", "1")]);
        assert_eq!(unread.told, Told::default(), "its documents promise none");
    }

    #[test]
    fn a_refusal_tells_its_wait_and_what_remains() {
        let headers = [("retry-after", "17"), ("x-rate-limit-policy", "heavy"), ("x-rate-limit-remaining", "0")];
        let signal = said(&builtin("telair").unwrap(), 429, &headers);
        assert!(signal.refused && signal.breaches.is_empty());
        assert_eq!(signal.hint.wait(), Some(Nanos::from_secs(17)));
        assert_eq!(signal.told.remaining, Some(0));
        let bare = said(&builtin("telair").unwrap(), 429, &[]);
        assert_eq!(bare.breaches, ["header retry-after is missing"]);
    }
}
