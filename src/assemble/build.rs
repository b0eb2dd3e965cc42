//! Putting the summary together.

use super::conclusion::conclude;
use super::facts::{RunFacts, run_info};
use super::harness::harness_info;
use super::unreached::Unreached;
use super::words::{group_info, policy_info};
use crate::exit::Exit;
use crate::gate;
use crate::measure::{Measure, step_for};
use crate::scenario::Scenario;
use crate::scenario::target::Target;
use crate::summary::{Conclusion, FORMAT, QuotaUse, Summary};
use crate::verify::Verified;

/// The result of a run. `measure` and `verified` cover all shards.
pub fn assemble(scenario: &Scenario, facts: &RunFacts, measure: Measure, verified: Verified) -> Summary {
    let timeline = measure.timeline_until(facts.ended);
    let mut summary = Summary {
        format: FORMAT,
        run: run_info(scenario, facts),
        // Gates read the figures and the conclusion reads the gates: both are filled in below.
        conclusion: Conclusion { exit: Exit::Internal, exit_code: 0, headline: String::new(), reasons: Vec::new() },
        fleet: scenario.groups.iter().map(|group| group_info(scenario, group)).collect(),
        policy: policy_info(&scenario.policy),
        quotas: verified.quotas.into_iter().map(|quota| quota_use(quota, scenario, facts)).collect(),
        classes: measure.figures(scenario, facts.ended),
        timeline,
        findings: verified.findings,
        gates: Vec::new(),
        gates_left_to_a_run: Vec::new(),
        harness: harness_info(facts, matches!(scenario.target, Target::Embedded(_)), &measure),
    };
    summary.gates = gate::evaluate(&summary, &scenario.gates);
    summary.gates_left_to_a_run = gate::left_to_a_run(&summary, &scenario.gates);
    summary.conclusion = conclude(&summary, Unreached::of(&summary, facts));
    summary
}

/// What a run can say about a quota: use over time ends with the sending, and a target that was never reached counted
/// nothing against anyone.
fn quota_use(mut quota: QuotaUse, scenario: &Scenario, facts: &RunFacts) -> QuotaUse {
    if facts.unreachable {
        let QuotaUse { class, limit, allow, scope, per_s, bucket, .. } = quota;
        return QuotaUse { per_s, bucket, ..QuotaUse::unused(class, limit, allow, scope) };
    }
    let sending = facts.ended.min(scenario.duration);
    quota.series.truncate(sending.0.div_ceil(step_for(scenario.duration).0) as usize);
    quota
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use schemars::schema_for;

    use super::super::testing::{SUMMARY, facts, finding, measured, quota};
    use super::*;
    use crate::device::{Failure, Outcome};
    use crate::record::{Observation, Observer};
    use crate::scenario::gate::{Bound, Gate, MetricQuery};
    use crate::scenario::{Disturbance, GroupId, ScheduledEvent};
    use crate::summary::ReadingUse;
    use crate::summary::Safety;
    use crate::summary::finding::{Evidence, Verdict};
    use crate::testing::{SITES, STATUS, TOKEN, play, record, scenario};
    use crate::time::Nanos;
    use crate::verify::Verifier;

    /// Something in every part of the summary, with figures that are no short decimals.
    fn full() -> Summary {
        let mut scenario = scenario(3);
        scenario.description = Some("A run with something in every part.".into());
        let third = Nanos(20_333_333_333);
        let what = Disturbance::Blackout { outage: Nanos::from_secs(2), back_within: Nanos::from_secs(5) };
        scenario.events = vec![ScheduledEvent { at: third, group: GroupId(0), share: 0.5, what }];
        let metric = MetricQuery { metric: "refused_ratio".into(), class: None, quantile: None };
        scenario.gates =
            vec![Gate { metric, bound: Bound::AtMost, threshold: 0.5, text: "refused_ratio at most 50 %".into() }];
        let mut measure = measured(&scenario);
        let outcomes = [Outcome::Refused, Outcome::Overloaded, Outcome::Rejected(404), Outcome::Failed(Failure::Reset)];
        for outcome in outcomes {
            play(&mut measure, &record(TOKEN, third, Nanos(1_234_567), outcome));
            play(&mut measure, &record(STATUS, third, Nanos(7_654_321), outcome));
        }
        measure.observe(third, Observation::Late { by: Nanos(123_457) });
        let reading = Some(crate::policy::reading::Reading::Rolling);
        let used = ReadingUse { reading, peak: 41, at_least: false, peak_at_s: third.as_secs_f64(), over: 0 };
        let evidence = Evidence {
            at_s: third.as_secs_f64(),
            device: "desk/1".into(),
            sent: "GET /v1/sites".into(),
            received: "429".into(),
            why: "refused early".into(),
        };
        let verified = Verified {
            quotas: vec![crate::summary::QuotaUse {
                readings: vec![used],
                series: vec![1, 2, 41],
                ..quota("queries", Safety::Safe, 1.0 - 41.0 / 60.0)
            }],
            findings: vec![crate::summary::finding::Finding {
                would_save: Some(540),
                evidence: vec![evidence],
                ..finding("server.false-refusal", "queries", Verdict::Fail, "The server refuses too early.")
            }],
        };
        assemble(&scenario, &facts(), measure, verified)
    }

    #[test]
    fn a_summary_reads_back_as_it_was_written() {
        for summary in [full(), SUMMARY.clone()] {
            let text = serde_json::to_string_pretty(&summary).unwrap();
            assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
        }
    }

    #[test]
    fn every_name_in_the_summary_is_snake_case_and_in_its_schema() {
        fn check(value: &serde_json::Value, path: &str, schema: &str) {
            // The keys of these are data: statuses, kinds, outcomes.
            const MAPS: [&str; 5] = ["other_status", "failed", "dropped", "latency", "ended"];
            match value {
                serde_json::Value::Object(fields) => {
                    for (name, value) in fields {
                        let is_name = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
                        assert!(is_name, "{path}.{name} is no snake_case name");
                        let is_data = MAPS.iter().any(|map| path.ends_with(map));
                        assert!(
                            is_data || schema.contains(&format!("\"{name}\":")),
                            "{path}.{name} is not in the schema"
                        );
                        check(value, &format!("{path}.{name}"), schema);
                    }
                }
                serde_json::Value::Array(items) => items.iter().for_each(|item| check(item, path, schema)),
                _ => {}
            }
        }
        let schema = serde_json::to_string(&schema_for!(Summary)).unwrap();
        check(&serde_json::to_value(full()).unwrap(), "summary", &schema);
    }

    #[test]
    fn the_run_carries_everything_needed_to_run_it_again() {
        let run = full().run;
        assert_eq!((run.seed, run.profile_hash.as_str(), run.policy_hash.as_str()), (7, "1d4c", "90f1"));
        assert_eq!((run.version.as_str(), run.started.as_str()), ("0.1.0", "2026-03-15T10:30:00Z"));
        assert_eq!((run.planned_s, run.duration_s), (60.0, 60.123));
        assert_eq!(run.command, "quotaproof run example.yaml --seed 7");
        assert_eq!(run.events[0].text, "blackout: 50% of desk lose their connections for 2s and come back within 5s");
    }

    #[test]
    fn classes_quotas_and_timeline_stand_in_the_policy_s_order() {
        let summary = full();
        let names: Vec<&str> = summary.classes.iter().map(|class| class.class.as_str()).collect();
        assert_eq!(names, ["queries", "tokens", "unclassified"]);
        let over_time: Vec<&str> = summary.timeline.classes.iter().map(|class| class.class.as_str()).collect();
        assert_eq!(over_time, names);
        assert_eq!(summary.timeline.steps, 61);
        assert_eq!(summary.quotas[0].series, [1, 2, 41]);
        assert_eq!(summary.policy.classes[0].limits, ["60 per 1m for each client_id"]);
        assert_eq!(summary.policy.classes[0].requests, ["GET /v1/sites", "GET /v1/devices/{id}"]);
        assert_eq!(summary.fleet[0].behaviour[3], "aggregated energy every 10s");
        assert_eq!((summary.fleet[0].kind.as_str(), summary.fleet[0].devices), ("operators", 3));
    }

    #[test]
    fn gates_are_evaluated_and_the_conclusion_is_drawn_from_them() {
        let summary = full();
        assert_eq!(summary.gates[0].verdict, Verdict::Pass);
        assert_eq!(summary.gates[0].measured, "refused ratio 12.5%");
        assert_eq!(summary.conclusion.exit, Exit::Fail);
        assert_eq!(summary.conclusion.exit_code, 1);
        assert_eq!(summary.conclusion.reasons, ["Fleet, queries: The server refuses too early."]);
    }

    /// `requests` site lists, evenly over twenty seconds, all served.
    fn played(requests: u64) -> Summary {
        let scenario = Arc::new(scenario(1));
        let facts = facts();
        let mut measure = Measure::new(&scenario);
        let mut verifier = Verifier::new(Arc::clone(&scenario), facts.anchor, step_for(scenario.duration));
        for number in 0..requests {
            let due = Nanos(Nanos::from_secs(20).0 * number / requests);
            let served = record(SITES, due, Nanos::from_millis(1), Outcome::Served);
            play(&mut measure, &served);
            play(&mut verifier, &served);
        }
        let verified = verifier.finish(facts.ended);
        assemble(&scenario, &facts, measure, verified)
    }

    #[test]
    fn a_fleet_over_its_limit_fails_for_that_reason_told_once() {
        let summary = played(300);
        assert_eq!(summary.conclusion.exit, Exit::Fail);
        let about_the_fleet = summary.conclusion.reasons.iter().filter(|reason| reason.contains("leet"));
        assert_eq!(about_the_fleet.count(), 1, "{:?}", summary.conclusion.reasons);
        assert!(summary.conclusion.headline.starts_with("Fleet, queries: "), "{}", summary.conclusion.headline);
    }

    #[test]
    fn a_fleet_within_its_limit_passes_with_what_it_had_to_spare() {
        let summary = played(30);
        assert_eq!(summary.conclusion.exit, Exit::Pass, "{:?}", summary.conclusion);
        assert!(summary.conclusion.headline.contains("(queries) with 50% to spare"), "{}", summary.conclusion.headline);
    }

    #[test]
    fn a_class_that_is_never_answered_fails_the_run_whatever_became_of_the_others() {
        let scenario = Arc::new(scenario(1));
        let facts = facts();
        let mut measure = measured(&scenario);
        let mut verifier = Verifier::new(Arc::clone(&scenario), facts.anchor, step_for(scenario.duration));
        let lost = record(TOKEN, Nanos::ZERO, Nanos::from_millis(1), Outcome::Failed(Failure::Timeout));
        for _ in 0..2 {
            play(&mut measure, &lost);
            play(&mut verifier, &lost);
        }
        let summary = assemble(&scenario, &facts, measure, verifier.finish(facts.ended));
        assert_eq!(summary.conclusion.exit, Exit::Fail);
        assert_eq!(summary.conclusion.headline, "Server, tokens: 2 of 2 requests got no answer: timeout 2.");
    }

    #[test]
    fn use_over_time_ends_with_the_sending() {
        let use_until = |ended| {
            let quota = QuotaUse { series: vec![7; 90], ..quota("queries", Safety::Safe, 0.5) };
            quota_use(quota, &scenario(1), &RunFacts { ended, ..facts() }).series
        };
        assert_eq!(use_until(Nanos::from_secs(80)), [7; 60]);
        assert_eq!(use_until(Nanos::from_millis(9_500)), [7; 10]);
    }

    #[test]
    fn a_target_that_was_never_reached_has_no_quota_kept() {
        let used = QuotaUse { series: vec![7], ..quota("queries", Safety::Safe, 0.5) };
        let unknown = quota_use(used, &scenario(1), &RunFacts { unreachable: true, ..facts() });
        assert_eq!((unknown.safety, unknown.headroom, unknown.requests), (Safety::NoData, None, 0));
        assert!(unknown.readings.is_empty() && unknown.series.is_empty());
    }
}
