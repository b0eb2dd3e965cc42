//! What a probe cannot find out, it says, and what would tell.

use super::case::{Case, Truth};
use super::network::Weather;
use super::world::{Server, World};
use crate::limiter::Concurrency;
use crate::policy::model::{ConcurrencyLimit, Limit, Scope};
use crate::policy::reading::Reading;
use crate::probe::candidates::Documented;
use crate::probe::compare::compared;
use crate::probe::outcome::{Verdict, found};
use crate::probe::prober::{Brief, Prober};
use crate::probe::wording::{conclusion, hindrance, would_settle};
use crate::time::Nanos;

const REFILLED: Case =
    Case { truth: Truth::Rate(Reading::IntervalRefill), allow: 5, per: Nanos::from_secs(1), seed: 0 };

fn probed(server: Server, brief: Brief) -> Prober {
    World::new(server, REFILLED.seed).probe(brief)
}

#[test]
fn one_client_alone_does_not_show_whose_windows_they_are() {
    let prober = probed(REFILLED.server(), Brief { second: false, ..REFILLED.brief() });
    assert!(found(&prober).is_none(), "{:#?}", found(&prober));
    assert!(would_settle(&prober).is_some_and(|it| it.contains("a second client")), "{:?}", would_settle(&prober));
}

#[test]
fn what_an_experiment_beyond_the_budget_costs_is_told() {
    let prober = probed(REFILLED.server(), Brief { within: Nanos::from_millis(2_500), ..REFILLED.brief() });
    assert!(would_settle(&prober).is_some_and(|it| it.contains("requests, over about")), "{:?}", would_settle(&prober));
}

#[test]
fn a_limit_at_the_same_time_that_is_out_of_reach_is_not_said_to_be_absent() {
    const ALLOW: usize = 200;
    let documented = |allow: u32| {
        let (service, open) = (Nanos::from_millis(200), vec![Concurrency::default(); 2]);
        let brief = Brief { documented: vec![Documented::Concurrent { allow }], ..REFILLED.brief() };
        let prober = probed(Server::Concurrent { allow: ALLOW, service, open }, brief);
        let limit = ConcurrencyLimit { allow, scope: Scope(vec!["user".to_owned()]), lasting: None };
        (conclusion(&prober, None, "", false), compared(&prober, &[Limit::Concurrent(limit)], None)[0].verdict)
    };
    let (conclusion, verdict) = documented(ALLOW as u32);
    assert!(conclusion.contains("at most 128 of them at the same time"), "{conclusion}");
    assert_eq!(verdict, Verdict::NotSettled, "{conclusion}");
    assert_eq!(documented(100).1, Verdict::Differs);
}

#[test]
fn a_prober_that_was_kept_from_its_work_says_so() {
    let spent = Brief { within: Nanos::from_millis(2_500), ..REFILLED.brief() };
    let told = |weather| {
        let prober = World::in_weather(weather, REFILLED.server(), 5).probe(spent.clone());
        assert!(found(&prober).is_none(), "{:#?}", found(&prober));
        conclusion(&prober, None, &hindrance(&prober).unwrap_or_default(), false)
    };
    let busy = told(Weather::Harsh);
    assert!(busy.contains("inconclusive: the prober was late by up to"), "{busy}");
    assert_eq!(told(Weather::Even), "not settled");
}
