//! Each check on quota headers, shown to pass what is right and to fail what is wrong.

mod clients;

use proptest::prelude::*;

use crate::device::Outcome;
use crate::limiter::{Rate, build};
use crate::policy::model::*;
use crate::policy::reading::Reading;
use crate::policy::signals::Told;
use crate::scenario::Scenario;
use crate::scenario::target::{RemoteSpec, Target};
use crate::signals::{Dialect, ResetKind};
use crate::summary::finding::{Finding, Severity, Verdict};
use crate::time::Nanos;
use crate::verify::testing::*;

const QUERIES: ClassId = ClassId(0);
const TOKENS: ClassId = ClassId(1);
const WINDOW: u64 = 10;

/// 4 queries and 2 tokens in 10 s for each client, told in `X-Rate-Limit-` headers.
fn with_headers() -> Policy {
    let mut policy = policy();
    policy.quota_headers = Some(QuotaHeaders {
        dialect: Dialect::XRateLimit,
        reset: None,
        presence: Presence::Required,
        absent_means_unlimited: true,
    });
    for class in &mut policy.classes {
        class.learned_as = Some(class.name.clone());
    }
    policy
}

fn with_penalty(lasts: u64, stated: bool, blocks: Blocks) -> Policy {
    let mut policy = with_headers();
    for class in &mut policy.classes {
        if let Limit::Rate(limit) = &mut class.limits[0] {
            limit.penalty = Some(Penalty { lasts: Nanos::from_secs(lasts), stated, extends: None, blocks });
        }
    }
    policy
}

fn told(class: ClassId, limit: u32, remaining: u32) -> Told {
    Told {
        present: true,
        class: Some(class),
        limit: Some(limit),
        remaining: Some(remaining),
        window: Some(Nanos::from_secs(WINDOW)),
        ..Told::default()
    }
}

/// A query at some millisecond whose answer says that so many of 4 remain.
fn query(at: u64, remaining: u32) -> Ask {
    Ask { told: told(QUERIES, 4, remaining), ..Ask::new(0, SITES, at) }
}

fn token(at: u64, remaining: u32) -> Ask {
    Ask { told: told(TOKENS, 2, remaining), ..Ask::new(0, TOKEN, at) }
}

fn judged(policy: Policy, asks: impl IntoIterator<Item = Ask>, check: &str, subject: &str) -> Finding {
    let mut script = Script::default();
    asks.into_iter().for_each(|ask| {
        script.ask(ask);
    });
    script.verify(scenario(policy, 3)).finding(check, subject).clone()
}

/// As [`judged`], against a server that others use as well.
fn judged_remotely(policy: Policy, asks: Vec<Ask>, check: &str) -> Verdict {
    let mut script = Script::default();
    asks.into_iter().for_each(|ask| {
        script.ask(ask);
    });
    let remote = RemoteSpec { url: "http://127.0.0.1:1".into(), authorized: false, ca_file: None };
    let scenario = Scenario { target: Target::Remote(remote), ..scenario(policy, 3) };
    script.verify(scenario).finding(check, "").verdict
}

/// Queries count in a class of all as well, which allows so many in 300 s; without a limit of their own unless `own`.
fn with_parent(allow: u32, own: bool) -> Policy {
    let mut policy = with_headers();
    let limit = RateLimit::new(allow, Nanos::from_secs(300), Scope(vec!["client_id".into()]));
    let all = ClassId(policy.classes.len() as u8);
    let limits = vec![Limit::Rate(limit)];
    policy.classes.push(Class { name: "all".into(), of: vec![QUERIES], limits, ..Class::default() });
    policy.classes[QUERIES.index()].parents = vec![all];
    if !own {
        policy.classes[QUERIES.index()].limits.clear();
    }
    policy
}

fn verdict(asks: impl IntoIterator<Item = Ask>, check: &str, subject: &str) -> Verdict {
    judged(with_headers(), asks, check, subject).verdict
}

#[test]
fn a_policy_without_quota_headers_has_none_of_the_checks() {
    let findings = Script::default().verify(scenario(policy(), 1)).0.findings;
    assert!(findings.iter().all(|finding| finding.check != "server.quota-headers"));
}

#[test]
fn an_empty_run_passes_none_of_the_checks() {
    let findings = Script::default().verify(scenario(with_headers(), 1)).0.findings;
    assert!(findings.iter().any(|finding| finding.check == "server.quota-headers"));
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::NoData && !finding.headline.is_empty()));
}

#[test]
fn headers_must_be_there_whole_and_sound() {
    let check = |told: Told| {
        let bad = Ask { told, breaches: vec!["no integer".into(); usize::from(told.breaches)], ..query(100, 2) };
        verdict([query(0, 3), bad], "server.quota-headers", "")
    };
    assert_eq!(check(told(QUERIES, 4, 2)), Verdict::Pass);
    assert_eq!(check(Told::default()), Verdict::Fail, "none");
    assert_eq!(check(Told { remaining: None, ..told(QUERIES, 4, 2) }), Verdict::Fail, "one is missing");
    assert_eq!(check(Told { window: None, ..told(QUERIES, 4, 2) }), Verdict::Fail, "the window is missing");
    assert_eq!(check(Told { breaches: 1, ..told(QUERIES, 4, 2) }), Verdict::Fail, "one cannot be read");
    assert_eq!(check(Told { class: None, ..told(QUERIES, 4, 2) }), Verdict::Fail, "the class is missing");
    let reset = Told { window: None, reset: Some(Nanos::from_secs(3)), ..told(QUERIES, 4, 2) };
    assert_eq!(check(reset), Verdict::Fail, "a reset is not what is documented");
    // Whether refusals carry them is not documented.
    let bare = Ask { told: Told::default(), ..query(100, 0) }.refused();
    assert_eq!(verdict([query(0, 3), bare], "server.quota-headers", ""), Verdict::Pass);
}

#[test]
fn a_request_stays_in_one_class() {
    let other = Ask { told: told(TOKENS, 4, 2), ..query(100, 2) };
    assert_eq!(verdict([query(0, 3), query(100, 2)], "server.class-header", ""), Verdict::Pass);
    let finding = judged(with_headers(), [query(0, 3), other], "server.class-header", "");
    assert_eq!((finding.verdict, finding.wrong), (Verdict::Fail, 1));
    assert_eq!(finding.evidence[0].why, "says token, before it was queries");
}

#[test]
fn a_limit_that_differs_from_the_documents_is_told_with_both_figures() {
    let serves = |limit| {
        judged(with_headers(), [Ask { told: told(QUERIES, limit, 1), ..query(0, 1) }], "server.limit-drift", "queries")
    };
    assert_eq!(serves(4).verdict, Verdict::Pass);
    let more = serves(1000);
    assert_eq!((more.verdict, more.severity), (Verdict::Fail, Severity::Advice));
    assert_eq!(more.headline, "The documents say 4, the server says 1000");
    let less = serves(2);
    assert_eq!(
        (less.verdict, less.severity),
        (Verdict::Fail, Severity::Breach),
        "less than documented breaks a promise"
    );
    let changing = [query(0, 3), Ask { told: told(QUERIES, 7, 1), ..query(100, 1) }];
    let finding = judged(with_headers(), changing, "server.limit-drift", "queries");
    assert_eq!(finding.headline, "The documents say 4, the server says 4 (1 answer), 7 (1 answer)");
}

#[test]
fn a_window_that_counts_down_is_no_length() {
    let says =
        |at, secs| Ask { told: Told { window: Some(Nanos::from_secs(secs)), ..told(QUERIES, 4, 1) }, ..query(at, 1) };
    assert_eq!(verdict([says(0, WINDOW)], "server.window-header", ""), Verdict::Pass);
    let finding = judged(with_headers(), [says(0, 9), says(2_000, 7)], "server.window-header", "");
    assert_eq!((finding.verdict, finding.wrong), (Verdict::Fail, 2));
    assert!(finding.headline.contains("from 7s to 9s"), "{}", finding.headline);
}

#[test]
fn an_answer_without_its_class_says_so_and_a_documented_reset_stands_in_for_a_window() {
    let unnamed = Ask { told: Told { class: None, ..told(QUERIES, 4, 2) }, ..query(100, 2) };
    let finding = judged(with_headers(), [query(0, 3), unnamed.clone()], "server.quota-headers", "");
    assert_eq!(finding.evidence[0].why, "without the name of its class");
    let mut policy = with_headers();
    policy.quota_headers.as_mut().unwrap().reset = Some(ResetKind::SecondsLeft);
    let reset = Told { window: None, reset: Some(Nanos::from_secs(3)), ..told(QUERIES, 4, 2) };
    let asks = [query(0, 3), Ask { told: reset, ..query(100, 2) }];
    assert_eq!(judged(policy.clone(), asks, "server.quota-headers", "").verdict, Verdict::Pass);
    // Nothing promises the name of a class that is not learned from it.
    policy.classes[QUERIES.index()].learned_as = None;
    assert_eq!(judged(policy, [query(0, 3), unnamed], "server.quota-headers", "").verdict, Verdict::Pass);
}

#[test]
fn a_parents_limit_may_be_what_is_told() {
    let says = |policy: Policy, secs, check, subject| {
        let told = Told { window: Some(Nanos::from_secs(secs)), ..told(QUERIES, 1200, 1) };
        judged(policy, [Ask { told, ..query(0, 1) }], check, subject).verdict
    };
    assert_eq!(says(with_parent(1200, false), 300, "server.window-header", ""), Verdict::Pass);
    assert_eq!(says(with_parent(1200, false), 299, "server.window-header", ""), Verdict::Fail);
    assert_eq!(says(with_parent(1200, true), 300, "server.limit-drift", "queries"), Verdict::Pass);
    assert_eq!(says(with_parent(1100, true), 300, "server.limit-drift", "queries"), Verdict::Fail);
    let mut unlimited = with_headers();
    unlimited.classes[QUERIES.index()].limits.clear();
    assert_eq!(says(unlimited, 300, "server.window-header", ""), Verdict::NoData, "nothing to hold it against");
}

/// An honest server with an algorithm, asked one at a time: when (ms), and what it says remains.
fn honest(reading: Reading, gaps: &[u64]) -> Vec<(u64, Option<u32>)> {
    let mut limiter = build(reading, Rate { allow: 4, per: Nanos::from_secs(WINDOW) });
    let mut at = 0;
    let mut decide = |gap: &u64| {
        at += gap + 10;
        let decision = limiter.check(Nanos::from_millis(at + 4), 1);
        (at, decision.admitted.then_some(decision.remaining))
    };
    gaps.iter().map(&mut decide).collect()
}

fn answers(said: Vec<(u64, Option<u32>)>) -> Vec<Ask> {
    let ask = |(at, left): (u64, Option<u32>)| match left {
        Some(left) => query(at, left),
        None => query(at, 0).refused(),
    };
    said.into_iter().map(ask).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn an_honest_count_of_any_algorithm_is_never_blamed(gaps in prop::collection::vec(0..4_000u64, 1..60)) {
        for reading in Reading::ALL {
            let finding = judged(with_headers(), answers(honest(reading, &gaps)), "server.remaining", "queries");
            prop_assert_eq!(finding.verdict, Verdict::Pass, "{:?}: {:?}", reading, finding.evidence);
        }
    }

    #[test]
    fn an_honest_count_is_not_blamed_for_what_is_under_way(asks in prop::collection::vec((0..1_500u64, 1..900u64), 1..60)) {
        for reading in Reading::ALL {
            let mut limiter = build(reading, Rate { allow: 4, per: Nanos::from_secs(WINDOW) });
            let mut sent = 0;
            let mut trips: Vec<(u64, u64)> = asks.iter().map(|(gap, takes)| { sent += gap; (sent, sent + takes) }).collect();
            trips.sort_by_key(|(sent, done)| sent + done);
            let decided = trips.into_iter().map(|(sent, done)| {
                let decision = limiter.check(Nanos::from_millis((sent + done) / 2), 1);
                let ask = query(sent, decision.remaining).takes(done - sent);
                if decision.admitted { ask } else { ask.refused() }
            });
            let finding = judged(with_headers(), decided.collect::<Vec<_>>(), "server.remaining", "queries");
            prop_assert!(matches!(finding.verdict, Verdict::Pass | Verdict::NoData), "{:?}: {:?}", reading, finding.evidence);
        }
    }
}

#[test]
fn what_remains_must_fall_by_what_is_used() {
    let under = |algorithm, left: [u32; 4]| {
        let mut policy = with_headers();
        let Limit::Rate(limit) = &mut policy.classes[0].limits[0] else { unreachable!() };
        limit.algorithm = algorithm;
        let asks = left.into_iter().enumerate().map(|(number, left)| query(number as u64 * 100, left));
        judged(policy, asks, "server.remaining", "queries")
    };
    let says = |left| under(Algorithm::Unspecified, left);
    assert_eq!(says([3, 2, 1, 0]).verdict, Verdict::Pass);
    assert_eq!(says([3, 3, 3, 3]).verdict, Verdict::Fail, "stands still");
    assert_eq!(under(Algorithm::Rolling, [4, 3, 2, 1]).verdict, Verdict::Fail, "the request itself is not counted");
    let open = says([4, 3, 2, 1]);
    assert_eq!(open.verdict, Verdict::Inconclusive, "a fixed window may have ended");
    assert_eq!(open.headline, "1 of 4 answers leave out their own request, unless a window ended just then");
    assert_eq!(says([4, 4, 3, 2]).verdict, Verdict::Fail, "but not twice");
    assert_eq!(says([5, 3, 2, 1]).verdict, Verdict::Fail, "more than there ever is");
    let hasty = says([3, 1, 0, 0]);
    assert_eq!(hasty.verdict, Verdict::Fail, "falls by two");
    assert!(hasty.evidence[0].why.contains("at most 2 requests can have counted"), "{:?}", hasty.evidence);
}

#[test]
fn what_remains_of_a_target_or_behind_unchanged_answers_accuses_nobody() {
    let stuck = || (0..4).map(|number| query(number * 100, 3));
    let mut target = with_headers();
    if let Limit::Rate(limit) = &mut target.classes[0].limits[0] {
        limit.enforcement = Enforcement::BestEffort;
    }
    let finding = judged(target, stuck(), "server.remaining", "queries");
    assert_eq!((finding.verdict, finding.wrong), (Verdict::Undocumented, 0));
    let last = |left: u32| std::iter::once(query(500, left));
    let unchanged =
        |left| judged(with_headers(), stuck().map(Ask::unchanged).chain(last(left)), "server.remaining", "queries");
    assert_eq!((unchanged(3).verdict, unchanged(0).verdict), (Verdict::Pass, Verdict::Pass), "counted or not");
    assert_eq!(
        unchanged(4).verdict,
        Verdict::Inconclusive,
        "the request itself counts, unless a window ended just then"
    );
    let bare = || Ask::new(0, SITES, 600);
    assert_eq!(verdict([query(0, 3), bare()], "server.quota-headers", ""), Verdict::Fail);
    assert_eq!(verdict([query(0, 3), bare().unchanged()], "server.quota-headers", ""), Verdict::Pass);
}

/// Four queries at once, then one that is told to wait.
fn refused_after_four(wait: u64) -> Vec<Ask> {
    let mut asks: Vec<Ask> = (0..4).map(|number| query(3_000 + number * 20, 3 - number as u32)).collect();
    asks.push(Ask { told: told(QUERIES, 4, 0), ..query(5_000, 0).told(wait) });
    asks
}

#[test]
fn a_wait_is_known_by_what_it_ends_with() {
    let says = |policy: Policy, wait| judged(policy, refused_after_four(wait), "server.retry-after-window", "");
    let undefined = || with_penalty(30, false, Blocks::Unspecified);
    let rest = says(undefined(), 9);
    assert_eq!((rest.verdict, &*rest.headline), (Verdict::Pass, "The wait is what is left of the window"));
    assert_eq!(says(undefined(), 30).verdict, Verdict::Undocumented);
    assert_eq!(says(with_penalty(30, true, Blocks::Class), 30).verdict, Verdict::Pass);
    assert_eq!(says(undefined(), 20).verdict, Verdict::Inconclusive);
    let beyond = says(undefined(), 40);
    assert_eq!((beyond.verdict, beyond.wrong), (Verdict::Fail, 1));
    assert_eq!(says(with_headers(), 20).verdict, Verdict::Fail, "no such time is documented");
    let of_parent = says(with_parent(1200, true), 200);
    assert_eq!(of_parent.verdict, Verdict::Inconclusive, "its parent's window: {}", of_parent.headline);
    assert_eq!(says(with_parent(1200, true), 400).verdict, Verdict::Fail);
    let mut counting = with_headers();
    let Limit::Rate(limit) = &mut counting.classes[0].limits[0] else { unreachable!() };
    limit.counts_refused = CountsRefused::Yes;
    assert_eq!(says(counting, 400).verdict, Verdict::Inconclusive, "nobody knows how long that takes");
}

#[test]
fn throttled_in_one_class_is_not_throttled_in_all_unless_documented() {
    let meanwhile = |refused: bool, policy: Policy| {
        let mut asks = refused_after_four(9);
        let other = token(6_000, 1);
        asks.push(if refused { other.refused() } else { other });
        judged(policy, asks, "server.throttle-isolation", "")
    };
    let stated = |blocks| with_penalty(30, true, blocks);
    assert_eq!(meanwhile(false, stated(Blocks::Class)).verdict, Verdict::Pass);
    let blocked = meanwhile(true, stated(Blocks::Class));
    assert_eq!((blocked.verdict, blocked.wrong), (Verdict::Fail, 1));
    assert!(blocked.evidence[0].why.contains("refused in token"), "{:?}", blocked.evidence);
    assert_eq!(meanwhile(true, stated(Blocks::Everything)).verdict, Verdict::Pass);
    assert_eq!(meanwhile(false, stated(Blocks::Everything)).verdict, Verdict::Fail);
    assert_eq!(
        meanwhile(true, with_headers()).verdict,
        Verdict::Undocumented,
        "another class's word is none on this one"
    );
    let mut mixed = stated(Blocks::Class);
    let Limit::Rate(limit) = &mut mixed.classes[TOKENS.index()].limits[0] else { unreachable!() };
    limit.penalty =
        Some(Penalty { lasts: Nanos::from_secs(WINDOW), stated: true, extends: None, blocks: Blocks::Everything });
    assert_eq!(meanwhile(true, mixed).verdict, Verdict::Inconclusive, "another penalty may reach it");
    let undefined = meanwhile(false, with_penalty(30, false, Blocks::Unspecified));
    assert_eq!((undefined.verdict, undefined.looked_at), (Verdict::Undocumented, 1));
    let alone = judged(stated(Blocks::Class), refused_after_four(9), "server.throttle-isolation", "");
    assert_eq!(alone.verdict, Verdict::NoData);
}

#[test]
fn others_may_explain_what_is_refused_by_a_server_that_they_use_as_well() {
    let mut throttled = refused_after_four(9);
    throttled.push(token(6_000, 1).refused());
    let policy = with_penalty(30, true, Blocks::Class);
    assert_eq!(judged_remotely(policy, throttled, "server.throttle-isolation"), Verdict::Inconclusive);
    let lied_to = vec![query(0, 3), query(100, 2), query(200, 0).refused()];
    assert_eq!(judged_remotely(with_headers(), lied_to, "server.preempt-claim"), Verdict::Inconclusive);
}

#[test]
fn what_is_served_after_a_penalty_for_everything_is_no_breach() {
    let mut asks = refused_after_four(30);
    asks.push(token(35_005, 1));
    let policy = with_penalty(30, true, Blocks::Everything);
    assert_eq!(judged(policy, asks, "server.throttle-isolation", "").verdict, Verdict::NoData);
}

#[test]
fn what_brings_no_answer_leaves_no_verdict() {
    let lost = Ask { outcome: Outcome::Overloaded, told: Told::default(), ..query(100, 0) };
    assert_eq!(verdict([lost], "server.quota-headers", ""), Verdict::NoData);
}
