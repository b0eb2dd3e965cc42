//! A class with two limits: the one that is met first is identified, the other is met where the budget suffices.

use quotaproof::policy;
use quotaproof::probe::outcome::{Outcome, Verdict};
use quotaproof::scenario::target::{Fault, ServerSpec};
use quotaproof::yaml::Source;

use crate::world::{Headers, Subject, ask};
use crate::{compared, passes};

/// Ten a second, and so many over a longer time.
fn probed(longer: &str, faults: Vec<Fault>) -> Outcome {
    let text = format!(
        "name: two\nclasses:\n  reads: {{requests: [GET /orders], limits: [{{allow: 10, per: 1s, scope: user}}, \
         {{{longer}, scope: user}}]}}\n"
    );
    let policy = policy::load(&Source::built_in("two.yaml", &text)).unwrap();
    let account = |name: &str| -> Headers { vec![("x-user".to_owned(), name.to_owned())] };
    let subject = Subject::of(policy, "reads", ["one", "two"].map(|name| ask("GET", "/orders", &account(name), "")));
    subject.probed(&ServerSpec { faults, ..ServerSpec::default() })
}

#[test]
fn the_longer_limit_is_met_by_who_stays_below_the_shorter() {
    let outcome = probed("allow: 100, per: 1m", Vec::new());
    passes(&outcome);
    assert_eq!(compared(&outcome, "limit"), (Verdict::AsDocumented, "10"));
    let (verdict, found) = compared(&outcome, "another limit");
    assert_eq!(verdict, Verdict::AsDocumented, "{found}");
    assert!(found.starts_with("refused after 100 within 11."), "{found}");
}

#[test]
fn a_longer_limit_that_lets_half_as_much_again_through_is_not_said_to_be_kept() {
    let outcome = probed("allow: 100, per: 1m", vec![Fault::AdmitsTooMuch]);
    assert_ne!(compared(&outcome, "another limit").0, Verdict::AsDocumented, "{outcome:#?}");
}

#[test]
fn a_limit_beyond_the_budget_is_said_to_be() {
    let outcome = probed("allow: 100000, per: 1d", Vec::new());
    passes(&outcome);
    let (verdict, found) = compared(&outcome, "another limit");
    assert_eq!(verdict, Verdict::NotReached);
    assert!(found.starts_with("not reached within the budget: at most "), "{found}");
}

/// What is asked of it before is all that another class admits within its window.
#[test]
fn a_class_that_refuses_for_a_small_limit_of_its_own_is_not_said_to_share_a_quota() {
    let text = "name: two\nclasses:\n  strict: {requests: [GET /strict], limits: [{allow: 1, per: 10s, scope: user}]}\n  \
                reads: {requests: [GET /orders], limits: [{allow: 10, per: 1s, scope: user}]}\n";
    let policy = policy::load(&Source::built_in("two.yaml", text)).unwrap();
    let account = |name: &str| -> Headers { vec![("x-user".to_owned(), name.to_owned())] };
    let subject = Subject::of(policy, "reads", ["one", "two"].map(|name| ask("GET", "/orders", &account(name), "")));
    passes(&subject.probed(&ServerSpec::default()));
}
