//! What is written is read as the same, in each dialect; and nothing that is sent makes a reader panic.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use serde_json::json;

use super::super::body::{self, Problem, ProblemType};
use super::super::{
    Dialect, Format, Hint, Name, Quota, Receipt, ResetKind, Unit, http_date, print, print_wait, read, retry_after,
};
use super::{RECEIVED, receipt};
use crate::time::Nanos;

const MOST: u64 = 999_999_999_999_999;

fn check(format: Format, quotas: &[Quota]) -> Result<(), TestCaseError> {
    let fields = print(format, quotas, RECEIVED);
    let headers: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let reading = read(format, &headers, receipt());
    prop_assert_eq!(reading.quotas.as_slice(), quotas, "{:?}", headers);
    Ok(())
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![0..100u64, 0..=MOST]
}

fn seconds() -> impl Strategy<Value = Nanos> {
    prop_oneof![0..100u64, 0..34_000_000u64].prop_map(Nanos::from_secs)
}

fn name(pattern: &'static str) -> impl Strategy<Value = Name> {
    pattern.prop_map(|text| Name::from(&text).unwrap())
}

fn maybe<T: std::fmt::Debug + Clone>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(strategy)
}

fn reset_kind() -> impl Strategy<Value = Option<ResetKind>> {
    let kinds = [ResetKind::SecondsLeft, ResetKind::Epoch, ResetKind::HttpDate, ResetKind::Iso8601];
    maybe(proptest::sample::select(kinds.to_vec()))
}

/// What `X-RateLimit-*` can say.
fn plain() -> impl Strategy<Value = Quota> {
    let parts = (maybe(name("[!-~]{1,32}")), maybe(count()), maybe(count()), maybe(seconds()), maybe(seconds()));
    parts.prop_map(|(policy, limit, remaining, window, reset)| Quota {
        policy,
        limit,
        remaining,
        window,
        reset,
        ..Quota::default()
    })
}

/// A reported window and other policies, all of different limits.
fn unnamed(named: bool) -> impl Strategy<Value = Vec<Quota>> {
    let policies = proptest::collection::hash_map(count(), (seconds(), maybe(name("[ -~]{0,32}"))), 1..8);
    (policies, maybe(count()), seconds(), any::<bool>()).prop_map(move |(policies, remaining, reset, windowed)| {
        let policy = |(limit, (window, policy)): (u64, (Nanos, Option<Name>))| Quota {
            limit: Some(limit),
            window: Some(window),
            policy: policy.filter(|_| named),
            ..Quota::default()
        };
        let mut quotas: Vec<Quota> = policies.into_iter().map(policy).collect();
        let first = quotas[0];
        quotas[0] = Quota { remaining, reset: Some(reset), ..first };
        if !windowed {
            (quotas[0].window, quotas[0].policy) = (None, None);
        }
        quotas
    })
}

/// Policies with names, and items of policies that are not stated.
fn named() -> impl Strategy<Value = Vec<Quota>> {
    let units = proptest::sample::select(vec![Unit::Requests, Unit::ContentBytes, Unit::ConcurrentRequests]);
    let partition = proptest::collection::vec(any::<u8>(), 0..=24);
    let partition = partition.prop_map(|bytes| Name::from(&BASE64_STANDARD.encode(bytes)).unwrap());
    let state = (maybe(count()), maybe(seconds()));
    let quota = (maybe(partition), units, maybe(count()), maybe(seconds()), state);
    proptest::collection::hash_map(name("[ -~]{0,32}"), quota, 0..=8).prop_map(|quotas| {
        let quota = |(name, (partition, unit, limit, window, (remaining, reset)))| {
            let stated = Quota { policy: Some(name), partition, unit, limit, window, remaining, reset };
            let silent = Quota { unit: Unit::Requests, window: None, remaining: remaining.or(Some(0)), ..stated };
            if limit.is_some() { stated } else { silent }
        };
        let mut quotas: Vec<Quota> = quotas.into_iter().map(quota).collect();
        quotas.sort_by_key(|quota| quota.limit.is_none());
        quotas
    })
}

/// Some of Kong's windows; the one with the least remaining may have a reset.
fn windows() -> impl Strategy<Value = Vec<Quota>> {
    let windows = subsequence(vec![1, 60, 3_600, 86_400, 30 * 86_400, 365 * 86_400], 1..=6);
    (windows, proptest::collection::vec((count(), 0..=MOST), 6), maybe(seconds())).prop_map(
        |(windows, counts, reset)| {
            let quota = |(seconds, (limit, remaining))| Quota {
                limit: Some(limit),
                remaining: Some(remaining),
                window: Some(Nanos::from_secs(seconds)),
                ..Quota::default()
            };
            let mut quotas: Vec<Quota> = windows.into_iter().zip(counts).map(quota).collect();
            quotas.iter_mut().min_by_key(|quota| quota.remaining).unwrap().reset = reset;
            quotas
        },
    )
}

proptest! {
    #[test]
    fn x_ratelimit_in_both_spellings(quota in plain(), reset in reset_kind(), hyphenated in any::<bool>()) {
        let dialect = if hyphenated { Dialect::XRateLimit } else { Dialect::XRatelimit };
        let quotas: Vec<Quota> = (quota != Quota::default()).then_some(quota).into_iter().collect();
        check(Format { dialect, reset }, &quotas)?;
    }

    #[test]
    fn ietf_03(quotas in unnamed(false)) {
        check(Dialect::Ietf03.into(), &quotas)?;
    }

    #[test]
    fn ietf_06(quotas in unnamed(false)) {
        check(Dialect::Ietf06.into(), &quotas)?;
    }

    #[test]
    fn ietf_07(quotas in unnamed(false)) {
        check(Dialect::Ietf07.into(), &quotas)?;
    }

    #[test]
    fn ietf_10(quotas in named()) {
        check(Dialect::Ietf10.into(), &quotas)?;
    }

    #[test]
    fn envoy(quotas in unnamed(true)) {
        check(Dialect::Envoy.into(), &quotas)?;
    }

    #[test]
    fn kong(quotas in windows()) {
        check(Dialect::Kong.into(), &quotas)?;
    }

    #[test]
    fn retry_after_in_both_forms(seconds in 0..=86_400u64) {
        let wait = Nanos::from_secs(seconds);
        let known = Receipt { longest: Some(Nanos::from_secs(86_400)), ..receipt() };
        prop_assert_eq!(retry_after(&print_wait(wait), known), (Hint::Wait(wait), None));
        prop_assert_eq!(retry_after(&http_date(RECEIVED + wait), known), (Hint::Wait(wait), None));
    }

    #[test]
    fn bodies(seconds in 0..=9_999u64, code in any::<i64>(), kind in 0..3usize, names in proptest::collection::vec("[ -~]{0,32}", 0..=8)) {
        let mut body = json!({});
        body::put(&mut body, "/details/wait", seconds);
        body::put(&mut body, "/details/code", code);
        let (hint, lint) = body::hint(&body, "/details/wait", Nanos::from_secs(1), receipt());
        prop_assert_eq!((hint, lint), (Hint::Wait(Nanos::from_secs(seconds)), None));
        prop_assert!(body::Code::Number(code).stands_at(&body, "/details/code"));

        let kinds = [ProblemType::QuotaExceeded, ProblemType::TemporaryReducedCapacity, ProblemType::AbnormalUsageDetected];
        let problem = Problem { kind: kinds[kind], violated: names.iter().map(|name| Name::from(name).unwrap()).collect() };
        let mut lints = Vec::new();
        let printed = body::print_problem(&problem);
        let read = body::problem(&printed, kinds[kind].status(), body::PROBLEM_JSON, &[], &mut lints);
        prop_assert_eq!((read, lints), (Some(problem), vec![]));
    }
}

/// Any header that some dialect reads.
const NAMES: [&str; 18] = [
    "ratelimit",
    "ratelimit-policy",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-reset-after",
    "x-ratelimit-resource",
    "x-ratelimit-limit-minute",
    "x-ratelimit-remaining-hour",
    "x-rate-limit-limit",
    "x-rate-limit-remaining",
    "x-rate-limit-reset",
    "x-rate-limit-window",
    "x-rate-limit-policy",
    "retry-after",
];

/// Values near to what headers hold, and any text at all.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        "-?[0-9]{0,22}(\\.[0-9]{0,12})?",
        "\"?[a-z ]{0,4}\"?([;, ]{1,2}(q|w|r|t|pk|qu|name|limit|reset|remaining) ?= ?(-?[0-9.]{1,18}|:[a-zA-Z=]{0,6}:|\"[a-z\\\\]{0,5}\")){0,5}",
        "(Sun|Sunday|Mon)?,? ?[0-9]{0,3}[ -][A-Z][a-z]{2}[ -][0-9]{2,5} [0-9:]{5,8} ?(GMT|[+-][0-9]{4})?",
        "[0-9-]{4,12}T[0-9:.]{2,12}(Z|[+-][0-9:]{2,5})?",
    ]
}

proptest! {
    #[test]
    fn nothing_makes_a_reader_panic(
        fields in proptest::collection::vec((any::<Index>(), value()), 0..6),
        received in prop_oneof![Just(0), Just(RECEIVED.0), Just(u64::MAX), any::<u64>()],
        reset in reset_kind(),
    ) {
        let headers: Vec<_> = fields.into_iter().map(|(name, value)| (name.get(&NAMES).to_string(), value)).collect();
        super::super::detect(&headers);
        for dialect in Dialect::ALL {
            let format = Format { dialect, reset };
            let reading = read(format, &headers, Receipt::at(Nanos(received)));
            print(format, &reading.quotas, Nanos(received));
        }
    }
}
