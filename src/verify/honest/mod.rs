//! Whole policies enforced by the reference limiter over a network that delays and loses: an honest server is never
//! accused, whatever its policy says, and one that counts wrongly is found out.

mod headers;
mod testing;

use std::sync::Arc;

use proptest::prelude::*;

use self::testing::*;
use super::Verifier;
use super::testing::ANCHOR;
use crate::device::Flow;
use crate::policy::model::*;
use crate::policy::reading::Reading;
use crate::record::{Observation, Observer, Sent};
use crate::scenario::DeviceId;
use crate::scenario::operation::Detail;
use crate::scenario::target::{Fault, ServerSpec};
use crate::summary::finding::{Finding, Verdict};
use crate::time::Nanos;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_server_is_never_accused_whatever_its_policy_says(
        policy in any_policy(),
        limiter in prop::sample::select(Reading::ALL.to_vec()),
        unstated in any::<bool>(),
        phase in 0..5_000u64,
        wishes in any_wishes(400_000, 80),
    ) {
        let server = ServerSpec { limiter, throttle: unstated, ..ServerSpec::default() };
        let findings = World { phase, ..World::new(&policy, server) }.play(&wishes);
        prop_assert_eq!(accused(&findings), Vec::<String>::new());
    }

    #[test]
    fn nor_when_it_is_hammered_over_a_quick_network(
        limit in any_limit(),
        for_all in any::<bool>(),
        limiter in prop::sample::select(Reading::ALL.to_vec()),
        unstated in any::<bool>(),
        wishes in any_wishes(60_000, 200),
    ) {
        let quick = |wish: &Wish| Wish { there: wish.there % 3_000, back: wish.back % 3_000, ..wish.clone() };
        let wishes: Vec<Wish> = wishes.iter().map(quick).collect();
        let policy = match for_all {
            true => policy(vec![], vec![], vec![limit]),
            false => policy(vec![limit.clone()], vec![limit], vec![]),
        };
        let server = ServerSpec { limiter, throttle: unstated, ..ServerSpec::default() };
        let findings = World::new(&policy, server).play(&wishes);
        prop_assert_eq!(accused(&findings), Vec::<String>::new());
    }
}

#[test]
fn a_server_that_counts_wrongly_is_found_out_by_its_parents_costs_and_bursts() {
    let by_class = Cost::ByClass(vec![(ClassId(0), 1), (ClassId(1), 5)]);
    for limit in [
        limited(Algorithm::Unspecified, None, Cost::One),
        limited(Algorithm::Unspecified, None, by_class),
        limited(Algorithm::TokenBucket, Some(30), Cost::Points(2)),
        limited(Algorithm::LeakyBucket, Some(10), Cost::One),
        limited(Algorithm::RollingCounter, None, Cost::One),
        limited(Algorithm::IntervalRefill, Some(40), Cost::One),
    ] {
        let policy = policy(vec![], vec![], vec![limit.clone()]);
        let wishes = steadily(2_000, 6_000, |index| index % 5 == 0);
        let verdict = |faults: Vec<Fault>, check: &str| {
            let server = ServerSpec { faults, ..ServerSpec::default() };
            let findings = World::new(&policy, server).play(&wishes);
            let failed = |finding: &&Finding| finding.check == check && finding.verdict == Verdict::Fail;
            findings.iter().find(failed).map(|finding| finding.subject.clone())
        };
        let over = "server.over-admission";
        assert_eq!(verdict(vec![], over), None, "{limit:?}");
        assert_eq!(verdict(vec![Fault::AdmitsTooMuch], over).as_deref(), Some("all"), "{limit:?}");
        let refusal = "server.false-refusal";
        assert_eq!(verdict(vec![], refusal), None, "{limit:?}");
        assert!(verdict(vec![Fault::RefusesTooEarly], refusal).is_some(), "{limit:?}");
    }
}

#[test]
fn what_members_ask_is_what_their_parent_is_asked_for() {
    let by_class = Cost::ByClass(vec![(ClassId(0), 1), (ClassId(1), 5)]);
    let policy = policy(vec![], vec![], vec![limited(Algorithm::Rolling, None, by_class)]);
    let scenario = Arc::new(scenario_of(&policy));
    let mut verifier = Verifier::new(scenario, ANCHOR, Nanos::from_secs(1));
    // Two devices of one client: 3 reads and 4 writes within a second.
    for index in 0..7u32 {
        let operation = if index < 3 { READS } else { WRITES };
        let sent = Sent { device: DeviceId(index % 2), operation, flow: Flow(index), attempt: 1, detail: Detail::None };
        verifier.observe(Nanos::from_millis(u64::from(index)), Observation::Sent(sent));
    }
    let verified = verifier.finish(Nanos::from_secs(5));
    let quota = verified.quotas.iter().find(|quota| quota.class == "all").unwrap();
    assert_eq!((quota.requests, quota.readings[0].peak, quota.readings[0].over), (7, 23, 1));
    let finding = verified.findings.iter().find(|finding| finding.check == "fleet.quota" && finding.subject == "all");
    let finding = finding.unwrap();
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.headline.starts_with("Over the limit: 23 points asked for, 20 allowed"), "{}", finding.headline);
    assert!(finding.explanation.contains("POST /heartbeat 4, GET /sites 3"), "{}", finding.explanation);
}
