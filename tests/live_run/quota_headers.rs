//! What answers tell of quotas reaches the report over sockets, too.

use quotaproof::exit::Exit;
use quotaproof::summary::finding::Verdict;

use crate::stage::{Stage, verdict};

const PROFILE: &str = "
name: learned
policy: telair
duration: 3s
fleet:
  desk:
    clients:
      count: 2
      identity: {user: own}
      headers: {X-Api-Key: \"{user}\"}
      reaction: preempt
      requests:
        - {get: /light/contacts, arrivals: {every: 200ms}}
        - {get: /status, arrivals: {every: 500ms}}
";

#[test]
fn classes_are_learned_from_served_answers_and_what_remains_is_followed() {
    let (_, summary) = Stage::new(PROFILE).run_to(Exit::Pass);
    let requests = |name: &str| summary.classes.iter().find(|class| class.class == name).unwrap().requests;
    assert!(requests("light") >= 20 && requests("unclassified") >= 8, "{:?}", summary.classes);
    for (check, subject) in [
        ("server.quota-headers", ""),
        ("server.class-header", ""),
        ("server.remaining", "light"),
        ("server.limit-drift", "light"),
    ] {
        assert_eq!(verdict(&summary, check, subject), Verdict::Pass, "{check}");
    }
}
