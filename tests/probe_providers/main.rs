//! Whole probes of the reference server of a shipped policy, in virtual time: what its documents promise passes, and each of
//! their silences is answered by what was measured, or it is said why not.

mod stacked;
mod telair;
mod tellus;
mod world;

use quotaproof::exit::Exit;
use quotaproof::policy::reading::Reading;
use quotaproof::policy::silence::Topic;
use quotaproof::probe::outcome::{Outcome, Verdict};
use quotaproof::scenario::target::ServerSpec;
use quotaproof::summary::finding;
use world::Subject;

const READINGS: [(Reading, &str); 3] = [
    (Reading::Rolling, "rolling window"),
    (Reading::FixedFirstHit, "fixed window from the first request"),
    (
        Reading::TokenBucket,
        "token bucket (or GCRA, or leaky bucket as a meter: nobody can tell them apart from outside)",
    ),
];

/// What the documents promise passes, and what they are silent on is measured: the algorithm is the server's.
fn keeps_its_word(subject: &Subject, (limiter, algorithm): (Reading, &str)) -> Outcome {
    let outcome = subject.probed(&ServerSpec { limiter, ..ServerSpec::default() });
    let class = &subject.policy.class(subject.class).name;
    passes(&outcome);
    let (verdict, measured) = compared(&outcome, "algorithm");
    assert_eq!((verdict, measured), (Verdict::Undocumented, algorithm), "{class}: {outcome:#?}");
    assert_eq!(compared(&outcome, "limit").0, Verdict::AsDocumented);
    for silence in ["refused requests", "penalty"] {
        assert_eq!(compared(&outcome, silence).0, Verdict::Undocumented, "{class} {silence}");
    }
    outcome
}

fn passes(outcome: &Outcome) {
    let broken: Vec<_> = outcome.checks.iter().filter(|check| check.verdict == finding::Verdict::Fail).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!(outcome.exit, Exit::Pass, "{outcome:#?}");
}

fn compared<'a>(outcome: &'a Outcome, what: &str) -> (Verdict, &'a str) {
    let found = outcome.comparisons.iter().find(|it| it.what == what);
    let found = found.unwrap_or_else(|| panic!("{what} is not among {:#?}", outcome.comparisons));
    (found.verdict, &found.measured)
}

/// What was measured of a topic that the documents are silent on.
fn measured(outcome: &Outcome, topic: Topic) -> &str {
    let answers = outcome.silences.iter().flat_map(|silence| &silence.answers);
    let measured = answers.filter(|answer| answer.topic == topic).find_map(|answer| answer.measured.as_deref());
    measured.unwrap_or_else(|| panic!("{topic:?} is open: {:#?}", outcome.silences))
}

/// The topics that stay open, each of which says why.
fn open(outcome: &Outcome) -> Vec<Topic> {
    assert!(!outcome.silences.is_empty());
    let answers = || outcome.silences.iter().flat_map(|silence| &silence.answers);
    assert!(answers().all(|answer| answer.measured.is_some() != answer.open.is_some()));
    let mut open: Vec<Topic> = answers().filter(|answer| answer.open.is_some()).map(|answer| answer.topic).collect();
    open.dedup();
    open
}
