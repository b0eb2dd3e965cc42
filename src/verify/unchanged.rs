//! What answers of 304 say: whether they use up quota is seldom documented, so they are held against nobody who need not
//! have counted them.

use super::testing::*;
use crate::policy::model::{Limit, Policy, RateLimit};
use crate::summary::finding::Verdict;

/// Queries: 4 per 10 s.
fn with(free: &[u16]) -> Policy {
    let mut policy = policy();
    let Limit::Rate(limit) = policy.classes[0].limits[0].clone() else { panic!("a rate") };
    policy.classes[0].limits[0] = Limit::Rate(RateLimit { free_statuses: free.to_vec(), ..limit });
    policy
}

/// Requests 20 ms apart, and what is found.
fn verdicts(free: &[u16], asks: impl Fn(Ask) -> Vec<Ask>) -> [Verdict; 3] {
    let mut script = Script::default();
    for (number, ask) in asks(Ask::new(0, SITES, 0)).into_iter().enumerate() {
        script.ask(Ask { at: number as u64 * 20, ..ask });
    }
    let outcomes = script.verify(scenario(with(free), 1));
    ["server.over-admission", "server.false-refusal", "fleet.quota"]
        .map(|check| outcomes.finding(check, "queries").verdict)
}

fn asks(unchanged: usize, served: usize, refused: usize) -> impl Fn(Ask) -> Vec<Ask> {
    move |ask| {
        let kinds = [(unchanged, ask.clone().unchanged()), (served, ask.clone()), (refused, ask.refused())];
        kinds.into_iter().flat_map(|(count, ask)| vec![ask; count]).collect()
    }
}

#[test]
fn no_server_is_accused_by_answers_that_may_be_free() {
    let served = verdicts(&[], asks(0, 25, 0));
    assert_eq!(served, [Verdict::Fail, Verdict::NoData, Verdict::Fail], "so many served ones are too many");
    assert_eq!(verdicts(&[], asks(25, 0, 0))[0], Verdict::Inconclusive, "nothing says that these count");
    assert_eq!(verdicts(&[304], asks(25, 4, 0))[0], Verdict::NoData);
    assert_eq!(verdicts(&[304], asks(25, 25, 0))[0], Verdict::Fail, "the others do count");
}

#[test]
fn a_refusal_behind_them_is_neither_right_nor_wrong() {
    assert_eq!(verdicts(&[], asks(4, 0, 1))[1], Verdict::Inconclusive);
    assert_eq!(verdicts(&[304], asks(4, 0, 1))[1], Verdict::Inconclusive, "nobody knows when they were given back");
    assert_eq!(verdicts(&[304], asks(4, 4, 1))[1], Verdict::Pass);
    assert_eq!(verdicts(&[304], asks(1, 1, 1))[1], Verdict::Fail);
}

#[test]
fn the_fleet_is_held_against_what_the_policy_lets_count() {
    assert_eq!(verdicts(&[], asks(25, 0, 0))[2], Verdict::Fail, "nothing says that these are free");
    assert_eq!(verdicts(&[304], asks(25, 0, 0))[2], Verdict::NoData);
    assert_eq!(verdicts(&[304], asks(25, 25, 0))[2], Verdict::Fail);
}
