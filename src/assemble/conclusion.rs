//! The verdict on the whole run: an exit code, one sentence, and the reasons for it.

use super::learning;
use super::unreached::Unreached;
use crate::exit::Exit;
use crate::summary::finding::{Finding, Party, Severity, Verdict};
use crate::summary::{Conclusion, GateResult, QuotaUse, Safety, Summary};
use crate::words::{either, part_of, plural, seconds};

/// The check whose failed finding explains a quota that is exceeded.
const QUOTA_CHECK: &str = "fleet.quota";

/// The check that counts the chargers which never came into service.
const SERVICE_CHECK: &str = "fleet.in-service";

/// Where more than one charger in so many is missing, the run shows another fleet than the profile's.
const MISSING_ONE_IN: u64 = 100;

/// Draws the conclusion from a summary that is otherwise complete.
///
/// An interrupted, unreachable or invalid run never counts as passed or failed, but its reasons still name what failed.
pub(super) fn conclude(summary: &Summary, unreached: Option<Unreached>) -> Conclusion {
    let failures = failures(summary);
    let blind = open_gates(summary);
    let problems = &summary.harness.problems;
    let (exit, headline) = if summary.run.interrupted {
        (Exit::Interrupted, interrupted_headline(summary))
    } else if let Some(unreached) = &unreached {
        (Exit::Unreachable, unreached.headline.clone())
    } else if let Some(problem) = problems.first() {
        (Exit::Invalid, format!("This run proves nothing: {problem}"))
    } else if let Some(first) = failures.first() {
        (Exit::Fail, format!("{}{}.", first.trim_end_matches('.'), more(failures.len() - 1)))
    } else if let Some(missing) = missing_fleet(summary) {
        (Exit::Invalid, missing)
    } else if let Some(first) = blind.first() {
        (Exit::Invalid, first.clone())
    } else {
        (Exit::Pass, pass_headline(summary))
    };
    let unreached = unreached.map(|unreached| unreached.reasons).unwrap_or_default();
    let reasons =
        [unreached, problems.clone(), failures, blind, reservations(summary), left_to_a_run(summary), advice(summary)]
            .concat();
    let reasons = reasons.iter().map(|reason| sentence(reason)).collect();
    Conclusion { exit, exit_code: exit.code(), headline, reasons }
}

/// What makes a run fail: what was found, in the order of the findings, then gates. Findings come with causes before what
/// follows from them: quotas exceeded first, unless it was the server that made the clients exceed them.
fn failures(summary: &Summary) -> Vec<String> {
    let gates = summary.gates.iter().filter(|gate| gate.verdict == Verdict::Fail);
    failed(summary, Severity::Breach)
        .map(told)
        .chain(unexplained_overuse(summary))
        .chain(gates.map(|gate| format!("The gate `{}` does not hold: {}.", gate.gate, gate.measured)))
        .collect()
}

/// A finding among those of other parties and classes: its headline knows neither.
fn told(finding: &Finding) -> String {
    let party = match finding.party {
        Party::Fleet => "Fleet",
        Party::Server => "Server",
        Party::Client => "Client",
    };
    let subject = if finding.subject.is_empty() { String::new() } else { format!(", {}", finding.subject) };
    format!("{party}{subject}: {}", finding.headline)
}

fn failed(summary: &Summary, severity: Severity) -> impl Iterator<Item = &Finding> {
    let of_severity = summary.findings.iter().filter(move |finding| finding.severity == severity);
    of_severity.filter(|finding| finding.verdict == Verdict::Fail)
}

/// Quotas that are exceeded without a finding that says so in better words.
fn unexplained_overuse(summary: &Summary) -> impl Iterator<Item = String> {
    let explained = |quota: &&QuotaUse| {
        failed(summary, Severity::Breach).any(|finding| finding.check == QUOTA_CHECK && finding.subject == quota.class)
    };
    let over = summary.quotas.iter().filter(|quota| quota.safety == Safety::Over);
    over.filter(move |quota| !explained(quota)).map(|quota| {
        format!("The fleet exceeds the limit of {} ({}) under every reading of it.", quota.class, quota.limit)
    })
}

/// The finding on chargers that never came into service, where there are any.
fn missing_chargers(summary: &Summary) -> Option<&Finding> {
    summary.findings.iter().find(|finding| finding.check == SERVICE_CHECK && finding.wrong > 0)
}

/// What is said where so many are missing that nothing is shown of the fleet that was to be tried.
fn missing_fleet(summary: &Summary) -> Option<String> {
    let missing = missing_chargers(summary)?;
    let told = || format!("{} What the run shows holds for a smaller fleet.", sentence(&missing.headline));
    (missing.wrong * MISSING_ONE_IN > missing.looked_at).then(told)
}

fn open_gates(summary: &Summary) -> Vec<String> {
    let told = |gate: &GateResult| match gate.verdict {
        Verdict::NoData => Some(format!("The gate `{}` could not be evaluated: {}.", gate.gate, gate.measured)),
        Verdict::Inconclusive => Some(format!("The gate `{}` stays open: {}.", gate.gate, gate.measured)),
        Verdict::Pass | Verdict::Fail | Verdict::Undocumented => None,
    };
    summary.gates.iter().filter_map(told).collect()
}

/// What a passed run does not prove.
fn reservations(summary: &Summary) -> Vec<String> {
    let depending = summary.quotas.iter().filter(|quota| quota.safety == Safety::DependsOnReading);
    let unproven = summary.quotas.iter().filter(|quota| quota.safety == Safety::Unproven).map(|quota| {
        let why = if quota.rate_lasts() {
            "The run is too short to show"
        } else {
            "Its rate does not last, so the run does not show"
        };
        format!("{why} that the limit of {} ({}) is kept.", quota.class, quota.limit)
    });
    let told_above = |class: &str| {
        let open = |quota: &QuotaUse| matches!(quota.safety, Safety::DependsOnReading | Safety::Unproven);
        summary.quotas.iter().any(|quota| quota.class == class && open(quota))
    };
    let limits = depending.map(|quota| {
        format!("The limit of {} ({}) is kept only under some readings of its words.", quota.class, quota.limit)
    });
    let undecided = summary.findings.iter().filter(move |finding| {
        finding.severity == Severity::Breach
            && finding.verdict == Verdict::Inconclusive
            // The limits above say it already.
            && !(finding.check == QUOTA_CHECK && told_above(&finding.subject))
    });
    let undecided = undecided.map(|finding| format!("Inconclusive. {}", told(finding)));
    unclassified(summary).into_iter().chain(limits).chain(unproven).chain(undecided).collect()
}

/// Requests of scripts that nothing was held against: their paths may be misspelt. What chargers and operators send is known
/// to be in no class.
fn unclassified(summary: &Summary) -> Option<String> {
    let scripted = summary.fleet.iter().any(|group| group.kind == SCRIPTED);
    let class = summary.classes.last().filter(|class| scripted && class.requests > 0)?;
    let names: Vec<String> = class.operations.iter().map(|used| used.operation.clone()).collect();
    let count = plural(class.requests, "request");
    let were = either(class.requests, "was", "were");
    Some(format!("{count} {were} in no class of the policy, so held against no limit: {}.", names.join(", ")))
}

/// What groups of scripted clients are called in a summary.
const SCRIPTED: &str = "clients";

fn left_to_a_run(summary: &Summary) -> Vec<String> {
    let told = |gate: &String| format!("Left to a run: the gate `{gate}`, which simulated time cannot judge.");
    summary.gates_left_to_a_run.iter().map(told).collect()
}

fn advice(summary: &Summary) -> Vec<String> {
    failed(summary, Severity::Advice).map(|finding| format!("Advice. {}", told(finding))).collect()
}

fn interrupted_headline(summary: &Summary) -> String {
    let (ran, planned) = how_far(summary);
    match summary.run.devices_played {
        None => format!("Interrupted after {ran} of {planned}: the report covers what ran."),
        Some(0) => {
            format!(
                "Interrupted after {ran} of {planned}, before any device was played to its end: the report covers what was played."
            )
        }
        Some(played) => {
            let devices = summary.device_count();
            format!("Interrupted when {} had been played: the report covers these.", part_of(played, devices, "device"))
        }
    }
}

/// For how long it ran, and for how long it was to.
pub(super) fn how_far(summary: &Summary) -> (String, String) {
    (seconds(summary.run.duration_s.round()), seconds(summary.run.planned_s))
}

fn pass_headline(summary: &Summary) -> String {
    let gates = match summary.gates.len() {
        0 => String::new(),
        1 => " and the gate holds".to_owned(),
        2 => " and both gates hold".to_owned(),
        count => format!(" and all {count} gates hold"),
    };
    if let Some(reservation) = weightiest_reservation(summary) {
        return format!("With a reservation: {reservation}{gates}.");
    }
    let tightest = summary
        .quotas
        .iter()
        // One stream of one is as it should be, and says nothing about what is to spare.
        .filter(|quota| quota.safety == Safety::Safe && quota.per_s.is_some())
        .filter_map(|quota| Some((quota.headroom?, quota)))
        .min_by(|(one, _), (other, _)| one.total_cmp(other));
    match tightest {
        Some((headroom, quota)) => format!(
            "The fleet keeps every limit that it used, the tightest on a rate ({}) with {:.0}% to spare{gates}.",
            quota.class,
            // Rounded down: headroom must not look better than it is.
            (headroom * 100.0 + 1e-6).floor()
        ),
        None => format!("Nothing failed, but no limit on a rate was used{gates}."),
    }
}

fn weightiest_reservation(summary: &Summary) -> Option<String> {
    let depending = summary.quotas.iter().filter(|quota| quota.safety == Safety::DependsOnReading).count();
    if depending > 0 {
        return Some(format!("{} kept only under some readings", counted(depending, "limit is", "limits are")));
    }
    let unproven = summary.findings.iter().filter(|finding| is_open_quota(finding)).count();
    if unproven > 0 {
        return Some(format!("{} not shown to be kept", counted(unproven, "class's limit is", "classes' limits are")));
    }
    let untold = |finding: &&Finding| finding.check == learning::CHECK && finding.verdict == Verdict::Inconclusive;
    let missing = missing_chargers(summary).or_else(|| summary.findings.iter().find(untold));
    missing.map(|missing| missing.headline.trim_end_matches('.').to_owned())
}

fn is_open_quota(finding: &Finding) -> bool {
    finding.check == QUOTA_CHECK && finding.verdict == Verdict::Inconclusive
}

pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        others => format!(", and {}", counted(others, "more reason", "more reasons")),
    }
}

/// Findings' headlines may come without the full stop.
fn sentence(text: &str) -> String {
    match text.ends_with(['.', '!', '?']) {
        true => text.to_owned(),
        false => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{SUMMARY, finding, gate, quota};
    use super::*;

    /// A passing run, changed, and what is concluded from it.
    fn concluded(change: impl FnOnce(&mut Summary)) -> Conclusion {
        let mut summary = SUMMARY.clone();
        change(&mut summary);
        conclude(&summary, None)
    }

    fn breach(party: Party, verdict: Verdict, headline: &str) -> Finding {
        Finding { party, ..finding("server.over-admission", "queries", verdict, headline) }
    }

    #[test]
    fn a_run_in_which_nothing_fails_passes_and_names_the_tightest_limit() {
        let conclusion = concluded(|summary| {
            summary.quotas =
                vec![quota("tokens", Safety::Safe, 0.9), quota("queries", Safety::Safe, 1.0 - 48.0 / 60.0)];
            summary.gates = vec![gate(Verdict::Pass), gate(Verdict::Pass)];
        });
        assert_eq!((conclusion.exit, conclusion.exit_code), (Exit::Pass, 0));
        assert_eq!(
            conclusion.headline,
            "The fleet keeps every limit that it used, the tightest on a rate (queries) with 20% to spare and both gates hold."
        );
        assert!(conclusion.reasons.is_empty());
    }

    #[test]
    fn a_pass_without_any_limit_used_says_so() {
        assert_eq!(concluded(|_| {}).headline, "Nothing failed, but no limit on a rate was used.");
    }

    #[test]
    fn requests_of_no_known_class_are_a_reservation() {
        let concluded = |verdict| {
            concluded(|summary| summary.findings = vec![finding(learning::CHECK, "", verdict, "No answer told.")])
        };
        assert_eq!(concluded(Verdict::Inconclusive).headline, "With a reservation: No answer told.");
        assert!(concluded(Verdict::Pass).headline.starts_with("Nothing failed"));
    }

    #[test]
    fn a_limit_that_depends_on_the_reading_is_a_reservation_and_no_failure() {
        let conclusion = concluded(|summary| {
            summary.quotas = vec![quota("queries", Safety::DependsOnReading, -0.1)];
            summary.findings = vec![
                finding(QUOTA_CHECK, "queries", Verdict::Inconclusive, "The same in other words."),
                breach(Party::Server, Verdict::Inconclusive, "The server may admit too much."),
            ];
        });
        assert_eq!(conclusion.exit, Exit::Pass);
        assert_eq!(conclusion.headline, "With a reservation: 1 limit is kept only under some readings.");
        assert_eq!(
            conclusion.reasons,
            [
                "The limit of queries (60 per 1m for each client_id) is kept only under some readings of its words.",
                "Inconclusive. Server, queries: The server may admit too much.",
            ]
        );
    }

    #[test]
    fn a_limit_that_is_not_shown_to_be_kept_is_a_reservation() {
        let open = || finding(QUOTA_CHECK, "queries", Verdict::Inconclusive, "Requests were held back");
        let conclusion = concluded(|summary| {
            summary.quotas = vec![quota("queries", Safety::Unproven, 0.5)];
            summary.findings = vec![open()];
        });
        assert_eq!(conclusion.exit, Exit::Pass);
        assert_eq!(conclusion.headline, "With a reservation: 1 class's limit is not shown to be kept.");
        let too_short =
            "The run is too short to show that the limit of queries (60 per 1m for each client_id) is kept.";
        assert_eq!(conclusion.reasons, [too_short]);
        let conclusion = concluded(|summary| {
            summary.quotas = vec![quota("queries", Safety::Safe, 0.5)];
            summary.findings = vec![open()];
        });
        assert_eq!(conclusion.reasons, ["Inconclusive. Fleet, queries: Requests were held back."]);
        assert!(conclusion.headline.starts_with("With a reservation"), "{conclusion:?}");
    }

    #[test]
    fn each_thing_that_fails_a_run_fails_it_alone() {
        type Change = fn(&mut Summary);
        let failing: [Change; 5] = [
            |summary| summary.quotas = vec![quota("queries", Safety::Over, -1.0)],
            |summary| summary.gates = vec![gate(Verdict::Fail)],
            |summary| summary.findings = vec![breach(Party::Server, Verdict::Fail, "x")],
            |summary| summary.findings = vec![breach(Party::Client, Verdict::Fail, "x")],
            |summary| summary.findings = vec![breach(Party::Fleet, Verdict::Fail, "x")],
        ];
        for change in failing {
            let conclusion = concluded(change);
            assert_eq!((conclusion.exit, conclusion.exit_code), (Exit::Fail, 1), "{conclusion:?}");
            assert_eq!(conclusion.reasons.len(), 1);
            assert!(conclusion.reasons[0].starts_with(conclusion.headline.trim_end_matches('.')), "{conclusion:?}");
        }
    }

    #[test]
    fn what_is_not_a_failed_breach_does_not_fail_the_run() {
        for verdict in [Verdict::Pass, Verdict::Inconclusive, Verdict::Undocumented, Verdict::NoData] {
            let conclusion = concluded(|summary| summary.findings = vec![breach(Party::Server, verdict, "x")]);
            assert_eq!(conclusion.exit, Exit::Pass, "{verdict:?}");
        }
        for safety in [Safety::Safe, Safety::DependsOnReading, Safety::NoData] {
            assert_eq!(concluded(|summary| summary.quotas = vec![quota("queries", safety, 0.5)]).exit, Exit::Pass);
        }
    }

    /// A fleet of which `missing` of 200 chargers never came into service.
    fn without(missing: u64) -> Finding {
        let headline = format!("{missing} of 200 chargers never came into service: status 403 {missing}");
        Finding { wrong: missing, looked_at: 200, ..finding(SERVICE_CHECK, "", Verdict::Inconclusive, &headline) }
    }

    #[test]
    fn a_fleet_that_is_not_there_makes_a_run_invalid() {
        let conclusion = concluded(|summary| {
            summary.findings = vec![without(199)];
            summary.gates = vec![gate(Verdict::NoData)];
        });
        assert_eq!((conclusion.exit, conclusion.exit_code), (Exit::Invalid, 4));
        assert_eq!(
            conclusion.headline,
            "199 of 200 chargers never came into service: status 403 199. \
             What the run shows holds for a smaller fleet."
        );
        let conclusion = concluded(|summary| {
            summary.findings = vec![without(199), breach(Party::Server, Verdict::Fail, "Admits too much")];
        });
        assert_eq!(conclusion.exit, Exit::Fail, "what the rest of the fleet shows still counts");
    }

    #[test]
    fn a_few_missing_chargers_are_a_reservation() {
        assert_eq!(concluded(|summary| summary.findings = vec![without(3)]).exit, Exit::Invalid);
        let conclusion = concluded(|summary| summary.findings = vec![without(2)]);
        assert_eq!(conclusion.exit, Exit::Pass);
        assert_eq!(conclusion.headline, "With a reservation: 2 of 200 chargers never came into service: status 403 2.");
        let whole = Finding { wrong: 0, verdict: Verdict::Pass, ..without(0) };
        let conclusion = concluded(|summary| summary.findings = vec![whole]);
        assert!(!conclusion.headline.starts_with("With a reservation"), "{conclusion:?}");
    }

    #[test]
    fn advice_is_mentioned_and_does_not_fail_the_run() {
        let advice = Finding {
            severity: Severity::Advice,
            ..finding("guidance.cache", "queries", Verdict::Fail, "The site list is fetched anew each time")
        };
        let conclusion = concluded(|summary| summary.findings = vec![advice]);
        assert_eq!(conclusion.exit, Exit::Pass);
        assert_eq!(conclusion.reasons, ["Advice. Fleet, queries: The site list is fetched anew each time."]);
    }

    #[test]
    fn reasons_come_in_the_order_of_the_findings_and_the_quota_is_told_once() {
        let conclusion = concluded(|summary| {
            summary.gates = vec![gate(Verdict::Fail)];
            summary.findings = vec![
                finding(QUOTA_CHECK, "queries", Verdict::Fail, "Polling goes over the limit"),
                breach(Party::Server, Verdict::Fail, "Admits too much"),
                Finding { subject: String::new(), ..breach(Party::Client, Verdict::Fail, "A hint was disobeyed.") },
            ];
            summary.quotas = vec![quota("queries", Safety::Over, -1.0), quota("tokens", Safety::Over, -2.0)];
        });
        assert_eq!(conclusion.headline, "Fleet, queries: Polling goes over the limit, and 4 more reasons.");
        assert_eq!(
            conclusion.reasons,
            [
                "Fleet, queries: Polling goes over the limit.",
                "Server, queries: Admits too much.",
                "Client: A hint was disobeyed.",
                "The fleet exceeds the limit of tokens (60 per 1m for each client_id) under every reading of it.",
                "The gate `refused at most 0` does not hold: refused 3.",
            ]
        );
    }

    #[test]
    fn a_gate_without_data_makes_a_run_invalid_but_a_failure_weighs_more() {
        let conclusion = concluded(|summary| summary.gates = vec![gate(Verdict::NoData)]);
        assert_eq!((conclusion.exit, conclusion.exit_code), (Exit::Invalid, 4));
        assert!(conclusion.headline.contains("could not be evaluated"));
        let conclusion = concluded(|summary| summary.gates = vec![gate(Verdict::Inconclusive)]);
        assert_eq!(conclusion.exit, Exit::Invalid);
        assert_eq!(conclusion.headline, "The gate `refused at most 0` stays open: refused 3.");
        let conclusion = concluded(|summary| summary.gates = vec![gate(Verdict::NoData), gate(Verdict::Fail)]);
        assert_eq!((conclusion.exit, conclusion.reasons.len()), (Exit::Fail, 2));
    }

    #[test]
    fn a_late_harness_invalidates_the_run_and_the_failures_are_still_named() {
        let conclusion = concluded(|summary| {
            summary.harness.problems = vec!["The harness was late.".into()];
            summary.findings = vec![breach(Party::Server, Verdict::Fail, "Admits too much")];
        });
        assert_eq!(conclusion.exit, Exit::Invalid);
        assert_eq!(conclusion.headline, "This run proves nothing: The harness was late.");
        assert_eq!(conclusion.reasons, ["The harness was late.", "Server, queries: Admits too much."]);
    }

    #[test]
    fn a_server_that_does_not_answer_fails_the_run_and_the_reason_says_so() {
        let conclusion = concluded(|summary| {
            let queries = &mut summary.classes[0];
            queries.failed = [("timeout".to_owned(), queries.requests)].into();
            let headline = "10 of 10 requests got no answer: timeout 10";
            summary.findings = vec![finding("server.answers", "queries", Verdict::Fail, headline)];
            summary.findings[0].party = Party::Server;
        });
        assert_eq!((conclusion.exit, conclusion.exit_code), (Exit::Fail, 1));
        assert_eq!(conclusion.headline, "Server, queries: 10 of 10 requests got no answer: timeout 10.");
    }

    #[test]
    fn an_unreachable_target_weighs_more_than_what_follows_from_it() {
        let mut summary = SUMMARY.clone();
        summary.harness.problems = vec!["No request was made at all.".into()];
        summary.gates = vec![gate(Verdict::NoData)];
        let nothing = Unreached { headline: "Nobody there.".into(), reasons: vec!["Ring first.".into()] };
        let conclusion = conclude(&summary, Some(nothing));
        assert_eq!((conclusion.exit, conclusion.exit_code), (Exit::Unreachable, 3));
        assert_eq!((conclusion.headline.as_str(), conclusion.reasons[0].as_str()), ("Nobody there.", "Ring first."));
    }

    #[test]
    fn an_interrupted_run_says_how_far_it_came_and_what_had_failed() {
        let mut summary = SUMMARY.clone();
        summary.run.interrupted = true;
        (summary.run.duration_s, summary.run.planned_s) = (5_596.4, 1_440.0 * 3_600.0);
        summary.gates = vec![gate(Verdict::Fail)];
        let conclusion = conclude(&summary, Some(Unreached::default()));
        assert_eq!((conclusion.exit, conclusion.exit_code), (Exit::Interrupted, 130));
        assert_eq!(conclusion.headline, "Interrupted after 1 h 33 min 16 s of 1440 h: the report covers what ran.");
        assert_eq!(conclusion.reasons.len(), 1);
    }

    #[test]
    fn an_interrupted_plan_says_how_many_devices_it_has_played() {
        let headline = |played| {
            concluded(|summary| {
                summary.run.interrupted = true;
                summary.run.devices_played = Some(played);
                summary.run.duration_s = summary.run.planned_s / 2.0;
                summary.fleet[0].devices = 5_000;
            })
            .headline
        };
        assert_eq!(
            headline(1_200),
            "Interrupted when 1,200 of 5,000 devices had been played: the report covers these."
        );
        assert_eq!(
            headline(0),
            "Interrupted after 30 s of 60 s, before any device was played to its end: the report covers what was played."
        );
    }
}
