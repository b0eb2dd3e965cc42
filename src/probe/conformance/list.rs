//! Every check, what it looks for, and its verdict on what was sent.

use super::checks::{self, Scene};
use super::ledger;
use super::terms::Case;
use super::transcript::Transcript;
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::verify::words::unseen;

/// A check of a server's promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Stable, such as `server.race`.
    pub id: &'static str,
    /// What it holds a server to.
    pub promise: &'static str,
    /// The names under which defects are known that it looks for; empty where they have none.
    pub defects: &'static [&'static str],
}

const fn check(id: &'static str, promise: &'static str, defects: &'static [&'static str]) -> Check {
    Check { id, promise, defects }
}

/// In the order of the report; how what was measured differs from what is documented is one more (`server.documented-limiter`), which
/// needs no trials. The ids that a run's findings have mean the same here.
pub const CHECKS: [Check; 20] = [
    check(
        "server.over-admission",
        "no more is let through than some reading of the limit allows",
        &["SKEW", "FAIL-OPEN"],
    ),
    check(checks::full::ID, "after a rest no more comes at once than is documented", &["RACE"]),
    check("server.false-refusal", "nothing is refused that no reading of the limit refuses", &["MULTI-POLICY"]),
    check(
        checks::form::ID,
        "refusals have the documented status, body and hint",
        &["RA-NEG", "RA-FRACTION", "RA-UNIT", "RA-MISSING"],
    ),
    check("server.honest-hint", "who waits as told is let in", &["RA-SHORT", "RA-ZERO"]),
    check(checks::late::ID, "nobody is told to wait for much longer than it takes", &["RA-WINDOW"]),
    check(checks::herd::ID, "not everybody is sent back at the same moment", &["HERD"]),
    check("server.quota-headers", "quota headers are there and keep to their dialect", &["REM-NEG"]),
    check("server.limit-drift", "the limit that headers tell is the documented one", &[]),
    check("server.window-header", "the window that headers tell is the documented one", &[]),
    check("server.remaining", "what remains is what a reading of the limit leaves", &["REM-OFF"]),
    check(
        checks::remaining::ID,
        "what remains falls by one with each request, and is there to be used",
        &["REM-OFF", "REM-JUMP"],
    ),
    check(checks::race::ID, "many at the same moment get no more than one after the other", &["RACE"]),
    check(checks::edge::ID, "no double quota around the edge of a window", &["BOUNDARY-2X"]),
    check(checks::lapse::ID, "what was counted is not forgotten", &["FAIL-OPEN", "RESTART-AMNESIA", "SKEW"]),
    check(
        checks::refused::ID,
        "refused requests use up no quota, unless documented",
        &["REJECT-CHARGED", "MULTI-POLICY"],
    ),
    check(checks::forwarded::ID, "nobody gets another quota by naming another address", &["KEY-SPOOF"]),
    check(checks::other::ID, "another credential has a quota of its own, where that is documented", &["KEY-IP"]),
    check(checks::connection::ID, "another connection brings no other quota", &[]),
    check(checks::begin::ID, "windows begin when the documents say", &["DOC-ALIGN"]),
];

/// The verdict of every check, in the order of [`CHECKS`]; those of a run that have several subjects have one for each.
pub fn rows(case: &Case, transcript: &Transcript) -> Vec<Finding> {
    let mut found = ledger::findings(case, transcript.entries().iter());
    found.retain(|finding| finding.party == Party::Server);
    let scene = Scene::new(case, transcript);
    found.extend(checks::all(&scene));
    if let Some(form) = checks::form::check(&scene) {
        found.retain(|finding| finding.check != form.check);
        found.push(form);
    }
    let of = |check: &Check| {
        let own: Vec<Finding> = found.iter().filter(|it| it.check == check.id).cloned().collect();
        // Of classes that the probe has nothing to do with, there is nothing to say.
        let said: Vec<Finding> =
            own.into_iter().filter(|it| it.verdict != Verdict::NoData || is_about(case, it)).collect();
        if said.is_empty() { vec![nothing(check.id, "There was nothing to look at")] } else { said }
    };
    CHECKS.iter().flat_map(of).collect()
}

fn is_about(case: &Case, finding: &Finding) -> bool {
    let names = || case.policy.drawn_on(case.class).map(|class| &case.policy.class(class).name);
    finding.subject.is_empty() || names().any(|name| *name == finding.subject)
}

/// A check that saw nothing, and why.
pub fn nothing(id: &str, why: &str) -> Finding {
    Finding { headline: why.to_owned(), ..unseen(id, Party::Server, Severity::Breach, "") }
}
