//! What clients make of what remains, and what that keeps them from.

use super::super::preempt::{MOST_FOLLOWED, Preempt};
use super::*;
use crate::device::{Failure, Flow};
use crate::scenario::{DeviceId, ScopeKey};

/// Four queries, the last told that nothing remains (at 3070 ms), then one more.
fn and_then(next: Ask) -> Vec<Ask> {
    let mut asks: Vec<Ask> = (0..4).map(|number| query(3_000 + number * 20, 3 - number as u32)).collect();
    asks.push(next);
    asks
}

#[test]
fn a_client_heeds_what_remains_or_does_not() {
    let conduct = |next| judged(with_headers(), and_then(next), "client.preempt", "");
    assert_eq!(conduct(query(13_070, 3)).verdict, Verdict::Pass);
    let hasty = conduct(query(8_000, 3).refused());
    assert_eq!((hasty.verdict, hasty.severity, hasty.wrong), (Verdict::Fail, Severity::Advice, 1));
    assert_eq!(hasty.evidence[0].why, "sent 4.93s after nothing remained; the window is 10s");
    assert_eq!(conduct(token(8_000, 1)).verdict, Verdict::NoData, "another class is no business of this one");
    assert_eq!(verdict([query(0, 3)], "client.preempt", ""), Verdict::NoData);
}

/// Four queries, the last told that nothing remains and a reset or a window, then one more.
fn and_told(reset: Option<Nanos>, window: Nanos, next: u64) -> Vec<Ask> {
    let mut asks = and_then(query(next, 3));
    asks[0].at = 500;
    asks[3].told = Told { reset, window: Some(window), ..asks[3].told };
    asks
}

#[test]
fn a_reset_is_heeded_before_a_window_and_costs_nothing() {
    let says = |next, check| {
        let asks = and_told(Some(Nanos::from_secs(4)), Nanos::from_secs(WINDOW), next);
        judged(with_headers(), asks, check, "").verdict
    };
    assert_eq!(says(7_070, "client.preempt"), Verdict::Pass);
    assert_eq!(says(6_000, "client.preempt"), Verdict::Fail);
    assert_eq!(says(7_070, "client.over-waiting"), Verdict::NoData);
}

#[test]
fn nonsense_has_not_to_be_heeded() {
    for told in [Nanos::MAX, Nanos::from_secs(60_000)] {
        for reset in [None, Some(told)] {
            let says = |next, check| judged(with_headers(), and_told(reset, told, next), check, "").verdict;
            assert_eq!(says(13_080, "client.preempt"), Verdict::NoData, "the documented window is enough");
            assert_eq!(says(13_080, "client.over-waiting"), Verdict::NoData);
            assert_eq!(says(8_000, "client.preempt"), Verdict::Fail);
        }
    }
}

#[test]
fn the_claim_holds_for_one_request_at_a_time_and_breaks_with_several() {
    let claim = |asks: Vec<Ask>| judged(with_headers(), asks, "server.preempt-claim", "").verdict;
    assert_eq!(claim(and_then(query(13_070, 3))), Verdict::Pass);
    // Refused although it was told that places are left.
    let lied_to = vec![query(0, 3), query(100, 2), query(200, 0).refused()];
    assert_eq!(claim(lied_to), Verdict::Fail);
    assert_eq!(claim(vec![query(0, 3)]), Verdict::NoData, "nothing had been told yet");
    assert_eq!(claim(vec![query(0, 3), query(100, 2)]), Verdict::NoData, "it was not put to the test");

    // Two under way for the last place.
    let several = vec![query(0, 3), query(100, 2), query(200, 1), query(300, 0), query(305, 0).refused()];
    assert_eq!(claim(several.clone()), Verdict::Pass, "the claim is about one at a time");
    let conduct = judged(with_headers(), several, "client.preempt", "");
    assert_eq!((conduct.verdict, conduct.wrong), (Verdict::Fail, 1));
    assert!(conduct.evidence[0].why.contains("requests of its own"), "{:?}", conduct.evidence);
}

#[test]
fn another_limit_may_refuse_what_was_said_to_remain() {
    let lied_to = vec![query(0, 3), query(100, 2), query(200, 0).refused()];
    for check in ["server.preempt-claim", "client.preempt"] {
        assert_eq!(judged(with_parent(1200, true), lied_to.clone(), check, "").verdict, Verdict::NoData);
    }
}

/// Two queries, then three tokens of which the last is refused at 2210 ms, then a query that is refused.
fn refused_after_tokens(at: u64) -> Vec<Ask> {
    let refused = Ask { told: told(TOKENS, 2, 0), ..token(2_200, 0).refused() };
    vec![query(0, 3), query(100, 2), token(2_000, 1), token(2_100, 0), refused, query(at, 0).refused()]
}

#[test]
fn what_a_penalty_of_another_class_refuses_is_no_breach_of_the_claim() {
    let claim = |policy, asks| judged(policy, asks, "server.preempt-claim", "").verdict;
    for blocks in [Blocks::Everything, Blocks::Unspecified] {
        let policy = || with_penalty(30, true, blocks);
        assert_eq!(claim(policy(), refused_after_tokens(9_000)), Verdict::Pass, "{blocks:?}: two were served");
        assert_eq!(claim(policy(), refused_after_tokens(33_000)), Verdict::Fail, "{blocks:?}: it is over by then");
        let others = refused_after_tokens(9_000).into_iter().map(|ask| match ask.operation {
            TOKEN => Ask { device: 1, ..ask },
            _ => ask,
        });
        assert_eq!(claim(policy(), others.collect()), Verdict::Fail, "{blocks:?}: it was another client's");
    }
    assert_eq!(claim(with_penalty(30, true, Blocks::Class), refused_after_tokens(9_000)), Verdict::Fail);
    assert_eq!(claim(with_headers(), refused_after_tokens(9_000)), Verdict::Fail);
    let more_limits = Policy { more_limits: true, ..with_headers() };
    assert_eq!(claim(more_limits, refused_after_tokens(9_000)), Verdict::NoData, "one that nobody knows of");
}

#[test]
fn an_answer_from_before_a_refusal_does_not_end_it() {
    // The slow one was served before the fifth was refused, and says so only afterwards.
    let slow = query(300, 0).takes(500);
    let asks =
        vec![query(0, 3), query(100, 2), query(200, 1), slow, query(400, 0).refused(), query(10_800, 0).refused()];
    let claim = |asks| judged(with_penalty(30, false, Blocks::Class), asks, "server.preempt-claim", "");
    assert_eq!(claim(asks.clone()).verdict, Verdict::Pass);
    let quick = asks.into_iter().enumerate().filter(|(number, _)| *number != 4).map(|(_, ask)| ask);
    assert_eq!(
        claim(quick.collect()).verdict,
        Verdict::Fail,
        "without the refusal before it, this one breaks the claim"
    );
}

#[test]
fn what_tells_nothing_leaves_a_client_in_the_dark() {
    let claim = |outcome| {
        let told = Told::default();
        let asks = vec![query(0, 2), query(100, 1), Ask { outcome, told, ..query(200, 0) }, query(300, 0).refused()];
        judged(with_headers(), asks, "server.preempt-claim", "").verdict
    };
    assert_eq!(claim(Outcome::Failed(Failure::Timeout)), Verdict::NoData, "it may have counted");
    assert_eq!(claim(Outcome::Rejected(409)), Verdict::NoData);
    let heard = vec![query(0, 2), Ask { outcome: Outcome::Rejected(409), ..query(100, 1) }, query(200, 0).refused()];
    assert_eq!(judged(with_headers(), heard, "server.preempt-claim", "").verdict, Verdict::Fail);
}

#[test]
fn a_key_per_request_is_not_followed_for_ever() {
    let mut preempt = Preempt::default();
    let keys = MOST_FOLLOWED as u64;
    (0..keys + 10).for_each(|key| {
        preempt.uses((QUERIES, ScopeKey(key)), DeviceId(0));
    });
    assert_eq!(preempt.uses((QUERIES, ScopeKey(keys + 5)), DeviceId(0)), None, "nobody knows who else uses it");
    assert_eq!(preempt.uses((QUERIES, ScopeKey(5)), DeviceId(1)), Some(true));
}

#[test]
fn clients_of_one_budget_do_not_see_each_others_answers() {
    let mut policy = with_headers();
    let Limit::Rate(limit) = &mut policy.classes[0].limits[0] else { unreachable!() };
    limit.scope = Scope(vec!["account".into()]);
    let other = |ask: Ask| Ask { device: 1, ..ask };
    let asks = vec![query(0, 3), other(query(100, 2)), query(200, 1), query(300, 0), other(query(400, 0)).refused()];
    let conduct = judged(policy.clone(), asks.clone(), "client.preempt", "");
    assert_eq!((conduct.verdict, conduct.wrong), (Verdict::Fail, 1), "{conduct:?}");
    assert!(conduct.evidence[0].why.contains("another client"), "{:?}", conduct.evidence);
    assert_ne!(judged(policy, asks, "server.preempt-claim", "").verdict, Verdict::Fail);
}

#[test]
fn a_retry_after_a_refusal_is_not_governed_by_what_remained() {
    let mut script = Script::default();
    and_then(query(3_200, 0).told(9)).into_iter().for_each(|ask| {
        script.ask(ask);
    });
    script.ask(query(12_300, 0).refused().retry(Flow(5), 2));
    let outcomes = script.verify(scenario(with_headers(), 1));
    assert_eq!(outcomes.finding("client.preempt", "").wrong, 1, "only the first came too soon");
    assert_ne!(outcomes.finding("server.preempt-claim", "").verdict, Verdict::Fail);
}

#[test]
fn a_wait_is_too_long_by_what_lay_between_the_first_request_and_the_last() {
    let waited = |first: u64| {
        let times = [first, 7_900, 7_940, 7_980];
        let mut asks: Vec<Ask> = (0..4).map(|number| query(times[number], 3 - number as u32)).collect();
        // Nothing remained at 7990.
        asks.push(query(17_990, 3));
        judged(with_headers(), asks, "client.over-waiting", "")
    };
    assert_eq!(waited(7_800).verdict, Verdict::Pass, "a moment is not worth a word");
    let long = waited(1_000);
    assert_eq!((long.verdict, long.severity), (Verdict::Fail, Severity::Advice));
    // The first was answered at 1010 and free again at 11010 at the latest.
    assert_eq!(long.headline, "Waits 7.0 s longer than needed, in 1 wait");
    assert_eq!(long.explanation, "clients/0 in queries: 7.0 s in 1 wait, at most 7.0 s at once.");
    let mut throttled: Vec<Ask> =
        [(1_000, 3), (7_900, 2), (7_940, 1), (7_980, 0)].map(|(at, left)| query(at, left)).into();
    throttled.extend([query(8_500, 0).refused(), query(17_990, 3)]);
    assert_eq!(verdict(throttled, "client.over-waiting", ""), Verdict::NoData, "nobody knows how long that lasts");
    let idle = [query(0, 3), query(10, 2), query(20, 1), query(30, 0), query(30_000, 3)];
    assert_eq!(verdict(idle, "client.over-waiting", ""), Verdict::NoData, "it had nothing to send");
}
