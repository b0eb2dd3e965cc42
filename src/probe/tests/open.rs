//! What a probe cannot find out, it says, and what would tell.

use super::case::{Case, Truth};
use super::world::{Server, World};
use crate::limiter::Concurrency;
use crate::policy::model::{ConcurrencyLimit, Limit, Scope};
use crate::policy::reading::Reading;
use crate::probe::candidates::Documented;
use crate::probe::outcome::{Outcome, Verdict, outcome};
use crate::probe::prober::Brief;
use crate::time::Nanos;

const REFILLED: Case =
    Case { truth: Truth::Rate(Reading::IntervalRefill), allow: 5, per: Nanos::from_secs(1), seed: 0 };

fn found(server: Server, brief: Brief, limits: &[Limit]) -> Outcome {
    outcome(&World::new(server, REFILLED.seed).probe(brief), limits, Nanos::ZERO, false)
}

#[test]
fn one_client_alone_does_not_show_whose_windows_they_are() {
    let found = found(REFILLED.server(), Brief { second: false, ..REFILLED.brief() }, &[]);
    assert!(found.measured.is_none(), "{found:#?}");
    assert!(found.would_settle.as_ref().is_some_and(|it| it.contains("a second client")), "{found:#?}");
}

#[test]
fn what_an_experiment_beyond_the_budget_costs_is_told() {
    let brief = Brief { within: Nanos::from_millis(2_500), ..REFILLED.brief() };
    let found = found(REFILLED.server(), brief, &[]);
    let cost = found.would_settle.as_deref().unwrap_or_default();
    assert!(cost.contains("more requests, over about"), "{found:#?}");
}

#[test]
fn a_limit_at_the_same_time_that_is_out_of_reach_is_not_said_to_be_absent() {
    const ALLOW: usize = 200;
    let server =
        || Server::Concurrent { allow: ALLOW, service: Nanos::from_millis(200), open: vec![Concurrency::default(); 2] };
    let documented = |allow: u32| {
        let brief = Brief { documented: vec![Documented::Concurrent { allow }], ..REFILLED.brief() };
        let limit = ConcurrencyLimit { allow, scope: Scope(vec!["user".to_owned()]), lasting: None };
        found(server(), brief, &[Limit::Concurrent(limit)])
    };
    let beyond = documented(ALLOW as u32);
    assert!(beyond.conclusion.contains("at most 128 of them at the same time"), "{beyond:#?}");
    assert_eq!(beyond.comparisons[0].verdict, Verdict::NotSettled, "{beyond:#?}");
    let passed = documented(100);
    assert_eq!(passed.comparisons[0].verdict, Verdict::Differs, "{passed:#?}");
}
