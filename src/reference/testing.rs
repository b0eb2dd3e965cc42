//! Test support for the reference server.

use crate::policy::model::*;
use crate::policy::{self};
use crate::signals::Dialect;
use crate::time::Nanos;

/// The shipped policy.
pub fn tellus_policy() -> Policy {
    policy::builtin("tellus").expect("it is compiled in")
}

/// A policy that publishes no paths: `Light` (5 a minute) and `Auth` (2 a minute) for each user, told in headers.
pub fn learned_policy() -> Policy {
    let class = |name: &str, learned_as: &str, allow: u32| Class {
        learned_as: Some(learned_as.into()),
        ..class(name, &[], vec![rate(allow, 60, &["user"])])
    };
    Policy {
        name: "learned".into(),
        classes: vec![class("light", "Light", 5), class("auth", "Auth", 2)],
        refusal: Refusal { retry_after: Some(hint_in_header(Presence::Required)), ..Refusal::default() },
        quota_headers: Some(QuotaHeaders {
            dialect: Dialect::XRateLimit,
            reset: None,
            presence: Presence::Required,
            absent_means_unlimited: true,
        }),
        ..Policy::default()
    }
}

/// A policy of patterns.
pub fn policy_of(classes: Vec<Class>) -> Policy {
    let retry_after = Some(hint_in_header(Presence::Optional));
    Policy {
        name: "patterns".into(),
        classes,
        refusal: Refusal {
            body_code: Some(("/error/code".into(), Code::Number(17))),
            retry_after,
            ..Refusal::default()
        },
        ..Policy::default()
    }
}

pub fn class(name: &str, requests: &[&str], limits: Vec<Limit>) -> Class {
    let requests = requests.iter().map(|request| request.parse().unwrap()).collect();
    Class { name: name.into(), requests, limits, ..Class::default() }
}

pub fn rate(allow: u32, secs: u64, scope: &[&str]) -> Limit {
    Limit::Rate(RateLimit::new(allow, Nanos::from_secs(secs), scope_of(scope)))
}

pub fn scope_of(names: &[&str]) -> Scope {
    Scope(names.iter().map(|name| (*name).to_owned()).collect())
}

fn hint_in_header(presence: Presence) -> HintSource {
    HintSource { place: HintPlace::Header("retry-after".into()), unit: HintUnit::Seconds, presence }
}
