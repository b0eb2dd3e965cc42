//! The same of what a server says in quota headers: whatever its policy and its dialect, nothing honest is held against it,
//! nor against clients that heed it; and each way to be dishonest is found out by the check that is there for it.

use proptest::prelude::*;

use super::testing::*;
use crate::policy::model::*;
use crate::policy::reading::Reading;
use crate::scenario::target::{Fault, ServerSpec};
use crate::signals::{Dialect, ResetKind};
use crate::summary::finding::{Finding, Severity, Verdict};
use crate::time::Nanos;

fn any_headers() -> impl Strategy<Value = QuotaHeaders> {
    let kinds = [ResetKind::SecondsLeft, ResetKind::Epoch, ResetKind::HttpDate, ResetKind::Iso8601];
    let reset = prop::option::of(prop::sample::select(kinds.to_vec()));
    let presence = prop::sample::select(vec![Presence::Required, Presence::Optional]);
    (prop::sample::select(Dialect::ALL.to_vec()), reset, presence).prop_map(|(dialect, reset, presence)| {
        // The others have one kind of reset each.
        let writes = matches!(dialect, Dialect::XRateLimit | Dialect::XRatelimit);
        QuotaHeaders { dialect, reset: reset.filter(|_| writes), presence, absent_means_unlimited: true }
    })
}

/// A limit that plain counting fits.
fn any_plain_limit() -> impl Strategy<Value = Limit> {
    use Algorithm::*;
    let algorithm =
        prop::sample::select(vec![Unspecified, Unspecified, FixedAligned, FixedFirstHit, Rolling, TokenBucket]);
    let counts = prop::sample::select(vec![CountsRefused::Unspecified, CountsRefused::Yes, CountsRefused::No]);
    let length = prop_oneof![2 => (1..5u64).prop_map(|secs| secs * 1_000), 1 => 500..3_000u64];
    (3..8u32, length, any_scope(), algorithm, counts, any_penalty()).prop_map(
        |(allow, millis, scope, algorithm, counts_refused, penalty)| {
            let limit = RateLimit::new(allow, Nanos::from_millis(millis), scope);
            Limit::Rate(RateLimit { algorithm, counts_refused, penalty, ..limit })
        },
    )
}

/// Policies with quota headers, with parents and without.
fn any_told_policy() -> impl Strategy<Value = Policy> {
    let one = || any_plain_limit().prop_map(|limit| vec![limit]);
    let own = || prop_oneof![4 => one(), 1 => prop::collection::vec(any_limit(), 0..3)];
    let above = prop_oneof![
        3 => Just(vec![]),
        1 => one(),
        1 => prop::collection::vec(any_limit(), 1..3),
    ];
    (own(), own(), above, any_headers(), any::<bool>(), prop::bool::weighted(0.1)).prop_map(
        |(reads, writes, all, headers, named, more_limits)| {
            // The others have no word for a class's name.
            let names = matches!(headers.dialect, Dialect::XRateLimit | Dialect::XRatelimit | Dialect::Ietf10);
            let mut policy = with_headers(policy(reads, writes, all), headers, named && names);
            policy.more_limits = more_limits;
            policy
        },
    )
}

fn with_headers(mut policy: Policy, headers: QuotaHeaders, named: bool) -> Policy {
    if policy.classes[2].limits.is_empty() {
        policy.classes.pop();
        policy.classes.iter_mut().for_each(|class| class.parents.clear());
    }
    if named {
        policy.classes.iter_mut().for_each(|class| class.learned_as = Some(class.name.clone()));
    }
    policy.quota_headers = Some(headers);
    policy
}

/// Requests that clients sent though they had heard that nothing remained.
fn unheeded(findings: &[Finding]) -> Vec<String> {
    let conduct = findings.iter().filter(|finding| finding.check == "client.preempt");
    let evidence = conduct.flat_map(|finding| &finding.evidence);
    evidence.filter(|shown| shown.why.contains("after nothing remained")).map(|shown| shown.why.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn honest_headers_are_never_held_against_a_server(
        policy in any_told_policy(),
        limiter in prop::sample::select(Reading::ALL.to_vec()),
        throttle in any::<bool>(),
        phase in 0..5_000u64,
        manner in prop::sample::select(vec![Manner::Free, Manner::Heeding, Manner::OneByOne]),
        quick in any::<bool>(),
        wishes in any_wishes(300_000, 80),
    ) {
        let near = |wish: &Wish| Wish { there: wish.there % 3_000, back: wish.back % 3_000, ..wish.clone() };
        let wishes: Vec<Wish> = wishes.iter().map(|wish| if quick { near(wish) } else { wish.clone() }).collect();
        let server = ServerSpec { limiter, throttle, ..ServerSpec::default() };
        let findings = World { phase, manner, ..World::new(&policy, server) }.play(&wishes);
        prop_assert_eq!(accused(&findings), Vec::<String>::new());
        if manner != Manner::Free {
            prop_assert_eq!(unheeded(&findings), Vec::<String>::new());
        }
    }
}

/// 5 in 2 s, told in one dialect.
fn told_policy(penalty: Option<Penalty>) -> Policy {
    let headers = QuotaHeaders {
        dialect: Dialect::XRateLimit,
        reset: None,
        presence: Presence::Required,
        absent_means_unlimited: true,
    };
    let scope = Scope(vec!["client_id".into()]);
    let limit = Limit::Rate(RateLimit { penalty, ..RateLimit::new(5, Nanos::from_secs(2), scope) });
    with_headers(policy(vec![limit.clone()], vec![limit], vec![]), headers, true)
}

/// What of the checks on headers fails.
fn failing(world: &World, wishes: &[Wish]) -> Vec<String> {
    let findings = world.play(wishes).into_iter();
    let failed =
        findings.filter(|finding| finding.verdict == Verdict::Fail && CHECKS.contains(&finding.check.as_str()));
    let mut names: Vec<String> = failed.map(|finding| finding.check).collect();
    names.dedup();
    names
}

/// The checks on what headers say.
const CHECKS: [&str; 9] = [
    "server.quota-headers",
    "server.class-header",
    "server.window-header",
    "server.limit-drift",
    "server.remaining",
    "server.retry-after-window",
    "server.throttle-isolation",
    "server.preempt-claim",
    "server.refusal-contract",
];

/// One client, one request at a time, that heeds what remains unless it is told lies.
fn one_by_one(policy: &Policy, faults: &[Fault]) -> World {
    let server = ServerSpec { faults: faults.to_vec(), ..ServerSpec::default() };
    World { manner: Manner::OneByOne, ..World::new(policy, server) }
}

fn every_100_ms() -> Vec<Wish> {
    steadily(200, 100_000, |index| index % 2 == 0)
}

#[test]
fn each_fault_of_the_headers_is_found_by_the_check_for_it() {
    let policy = told_policy(None);
    let found = |fault| failing(&one_by_one(&policy, &[fault]), &every_100_ms());
    assert_eq!(failing(&one_by_one(&policy, &[]), &every_100_ms()), [""; 0]);
    assert_eq!(found(Fault::HeadersMissing), ["server.quota-headers"]);
    assert_eq!(found(Fault::WindowWrong), ["server.window-header"]);
    assert!(found(Fault::LimitDrift).contains(&"server.limit-drift".to_owned()));
    assert_eq!(found(Fault::RemainingStuck), ["server.remaining", "server.preempt-claim"]);
    assert_eq!(found(Fault::HintWrongUnit), [""; 0], "nobody who heeds what remains is refused");
    let hasty = World { manner: Manner::Free, ..one_by_one(&policy, &[Fault::HintWrongUnit]) };
    assert_eq!(failing(&hasty, &every_100_ms()), ["server.refusal-contract"]);
}

#[test]
fn a_server_that_names_the_wrong_class_is_found_out() {
    let swapped: fn(&mut Vec<(String, String)>) = |headers| {
        for (_, value) in headers.iter_mut().filter(|(name, _)| name == "x-rate-limit-policy") {
            *value = if value == "reads" { "writes".to_owned() } else { "reads".to_owned() };
        }
    };
    let world = World { garble: swapped, ..one_by_one(&told_policy(None), &[]) };
    assert_eq!(failing(&world, &every_100_ms()), ["server.class-header"]);
}

#[test]
fn a_server_that_shuts_out_of_more_than_it_says_is_found_out() {
    let policy = |blocks| {
        let lasts = Nanos::from_secs(3);
        told_policy(Some(Penalty { lasts, stated: true, extends: Some(false), blocks }))
    };
    // Reads in a rush, and a write now and then, which alone would never be refused.
    let wishes = steadily(200, 100_000, |index| index % 7 == 0);
    let server = |documented: Blocks, enforced: Blocks| {
        let world = World { enforced: policy(enforced), ..one_by_one(&policy(documented), &[]) };
        failing(&World { manner: Manner::Free, ..world }, &wishes)
    };
    assert_eq!(server(Blocks::Class, Blocks::Class), [""; 0]);
    assert_eq!(server(Blocks::Everything, Blocks::Everything), [""; 0]);
    assert!(server(Blocks::Class, Blocks::Everything).contains(&"server.throttle-isolation".to_owned()));
    assert_eq!(server(Blocks::Everything, Blocks::Class), ["server.throttle-isolation"]);
}

#[test]
fn clients_that_come_too_soon_and_those_that_wait_too_long_are_told() {
    let advice = |manner, gap| {
        let world = World { manner, ..one_by_one(&told_policy(None), &[]) };
        let findings = world.play(&steadily(100, gap, |_| false));
        let failed = findings.into_iter().filter(|finding| finding.verdict == Verdict::Fail);
        let of_headers = failed.filter(|finding| ["client.preempt", "client.over-waiting"].contains(&&*finding.check));
        of_headers
            .inspect(|finding| assert_eq!(finding.severity, Severity::Advice))
            .map(|finding| finding.check)
            .collect()
    };
    let advice = |manner, gap| -> Vec<String> { advice(manner, gap) };
    assert_eq!(advice(Manner::Free, 100_000), ["client.preempt"]);
    // The first of five is 1.2 s old when nothing remains, and a whole window is waited from then on.
    assert_eq!(advice(Manner::OneByOne, 300_000), ["client.over-waiting"]);
}
