//! Holding gates against a run's figures.

use super::metric::{Metric, Unit, held_back, metric};
use crate::scenario::gate::{Bound, Gate, MetricQuery};
use crate::summary::finding::Verdict;
use crate::summary::{Driver, GateResult, Summary};
use crate::time::Nanos;

/// A figure this close to its threshold is on it: `1 - 48/60` must not fail a gate of 20 % by the last bit.
const ROUNDING: f64 = 1e-9;

/// The result of every gate that this run or plan can judge, in the given order. A gate whose metric saw no data does not pass.
pub fn evaluate(summary: &Summary, gates: &[Gate]) -> Vec<GateResult> {
    gates.iter().filter(|gate| !is_left_to_a_run(summary, gate)).map(|gate| result(summary, gate)).collect()
}

/// The gates that only a run over sockets can judge, where this is none.
pub fn left_to_a_run(summary: &Summary, gates: &[Gate]) -> Vec<String> {
    gates.iter().filter(|gate| is_left_to_a_run(summary, gate)).map(|gate| gate.text.clone()).collect()
}

fn is_left_to_a_run(summary: &Summary, gate: &Gate) -> bool {
    let is_simulated = summary.run.driver == Driver::Virtual;
    is_simulated && metric(&gate.metric.metric).is_some_and(|metric| metric.only_in_a_run)
}

fn result(summary: &Summary, gate: &Gate) -> GateResult {
    let query = &gate.metric;
    let (verdict, measured) = match metric(&query.metric) {
        None => (Verdict::NoData, format!("no metric is called `{}`", query.metric)),
        Some(metric) => match (metric.evaluate)(summary, query) {
            None => (Verdict::NoData, format!("no data for {}", name(query))),
            Some(figure) => judged(summary, gate, metric, figure),
        },
    };
    GateResult { gate: gate.text.clone(), verdict, measured }
}

/// A figure that might have come out on the other side of the bound leaves the gate open.
fn judged(summary: &Summary, gate: &Gate, metric: &Metric, figure: f64) -> (Verdict, String) {
    let query = &gate.metric;
    let measured = format!("{} {}", name(query), figure_text(figure, metric.unit));
    let verdict = |figure| if holds(figure, gate.bound, gate.threshold) { Verdict::Pass } else { Verdict::Fail };
    match metric.sure.and_then(|sure| sure(summary, query)) {
        Some(sure) if verdict(sure) != verdict(figure) => {
            let held_back = held_back(summary, query);
            let requests = if held_back == 1 { "request was" } else { "requests were" };
            let why = format!("{held_back} {requests} not made because the one before was still under way");
            (Verdict::Inconclusive, format!("{measured}, but {why}"))
        }
        _ => (verdict(figure), measured),
    }
}

fn holds(figure: f64, bound: Bound, threshold: f64) -> bool {
    let rounding = ROUNDING * threshold.abs().max(1e-3);
    match bound {
        Bound::AtMost => figure <= threshold + rounding,
        Bound::AtLeast => figure >= threshold - rounding,
    }
}

/// `p99 latency of queries`.
fn name(query: &MetricQuery) -> String {
    let quantile = query.quantile.map(|quantile| format!("p{} ", trimmed(quantile * 100.0))).unwrap_or_default();
    let class = query.class.as_ref().map(|class| format!(" of {class}")).unwrap_or_default();
    format!("{quantile}{}{class}", query.metric.replace('_', " "))
}

/// A figure in its metric's base unit, as a person writes it: `12.3 ms`, `0.4 %`, `1200`.
fn figure_text(figure: f64, unit: Unit) -> String {
    match unit {
        Unit::Ratio => format!("{}%", trimmed(figure * 100.0)),
        Unit::Time if figure < 1.0 => format!("{} ms", trimmed(figure * 1e3)),
        Unit::Time if figure < 120.0 => format!("{} s", trimmed(figure)),
        Unit::Time => Nanos::from_secs_f64(figure).to_string(),
        Unit::Count => trimmed(figure),
    }
}

/// Six digits behind which nothing stands, and no zeros at the end; whole numbers stay whole.
fn trimmed(figure: f64) -> String {
    let before_point = if figure == 0.0 { 1 } else { figure.abs().log10().floor() as i32 + 1 };
    let decimals = (6 - before_point).clamp(0, 9) as usize;
    let text = format!("{figure:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::METRICS;
    use super::*;
    use crate::assemble::testing::{SUMMARY, quota};
    use crate::device::{DropReason, Failure, Flow, Note, Outcome};
    use crate::measure::Measure;
    use crate::record::{Observation, Observer};
    use crate::summary::{HarnessInfo, Safety};
    use crate::testing::{SITES, TOKEN, note, play, record, scenario};

    /// A summary in which every metric has data: a busy class and a quiet one.
    fn summary() -> Summary {
        let scenario = scenario(1);
        let mut measure = Measure::new(&scenario);
        let outcomes = [
            (7, Outcome::Served),
            (2, Outcome::Refused),
            (1, Outcome::Overloaded),
            (2, Outcome::Failed(Failure::Timeout)),
        ];
        for (count, outcome) in outcomes {
            (0..count).for_each(|_| play(&mut measure, &record(SITES, Nanos::ZERO, Nanos::from_millis(250), outcome)));
        }
        play(&mut measure, &record(TOKEN, Nanos::ZERO, Nanos::from_millis(40), Outcome::Served));
        for (operation, attempts) in [(SITES, 1), (SITES, 2), (TOKEN, 1)] {
            let finished = Note::Finished { operation, flow: Flow(0), attempts, served: true };
            note(&mut measure, Nanos::ZERO, finished);
        }
        note(&mut measure, Nanos::ZERO, Note::Dropped { operation: SITES, reason: DropReason::Busy });
        measure.observe(Nanos::ZERO, Observation::Late { by: Nanos::from_millis(3) });
        let mut summary = empty();
        summary.classes = measure.figures(&scenario, scenario.duration);
        summary.harness.lateness = measure.lateness();
        summary.quotas = vec![quota("queries", Safety::Safe, 1.0 - 48.0 / 60.0), quota("tokens", Safety::Safe, 0.9)];
        summary
    }

    /// A run that saw nothing.
    fn empty() -> Summary {
        let scenario = scenario(1);
        let measure = Measure::new(&scenario);
        Summary {
            classes: measure.figures(&scenario, scenario.duration),
            harness: HarnessInfo::default(),
            ..SUMMARY.clone()
        }
    }

    fn query(metric: &str, class: Option<&str>) -> MetricQuery {
        let by_quantile = super::metric(metric).is_some_and(|metric| metric.by_quantile);
        MetricQuery { metric: metric.into(), class: class.map(str::to_owned), quantile: by_quantile.then_some(0.99) }
    }

    fn verdict(summary: &Summary, metric: MetricQuery, bound: Bound, threshold: f64) -> Verdict {
        let gate = Gate { metric, bound, threshold, text: "as written".into() };
        let [result] = &evaluate(summary, &[gate])[..] else { panic!("one result for one gate") };
        assert_eq!(result.gate, "as written");
        result.verdict
    }

    fn measured(metric: MetricQuery) -> String {
        let gate = Gate { metric, bound: Bound::AtMost, threshold: 0.0, text: String::new() };
        evaluate(&summary(), &[gate]).remove(0).measured
    }

    /// Every metric, and its figure for the class `queries` (or for the run) in [`summary`].
    const FIGURES: [(&str, f64); 10] = [
        ("refused_ratio", 0.2),
        ("overloaded_ratio", 0.1),
        ("failed_ratio", 2.0 / 12.0),
        ("refused", 2.0),
        ("headroom", 0.2),
        ("latency", 0.25),
        ("amplification", 1.5),
        ("requests", 12.0),
        ("dropped", 1.0),
        ("lateness", 0.003),
    ];

    #[test]
    fn every_metric_holds_at_its_bound_and_fails_right_beyond_it_on_either_side() {
        let known: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(FIGURES.map(|(name, _)| name).to_vec(), known, "a metric without a test");
        let summary = summary();
        for (name, figure) in FIGURES {
            let metric = super::metric(name).unwrap();
            let query = query(name, metric.by_class.then_some("queries"));
            // Quantiles are exact to the three digits of their histogram only: bound the figure that it gives.
            let figure = match metric.by_quantile {
                false => figure,
                true => {
                    let given = (metric.evaluate)(&summary, &query).unwrap();
                    assert!((given / figure - 1.0).abs() < 0.001, "{name} is {given}");
                    given
                }
            };
            let (less, more) = (figure * (1.0 - 1e-6), figure * (1.0 + 1e-6));
            let verdict = |bound, threshold| verdict(&summary, query.clone(), bound, threshold);
            assert_eq!(verdict(Bound::AtMost, figure), Verdict::Pass, "{name} at most {figure}");
            assert_eq!(verdict(Bound::AtMost, more), Verdict::Pass, "{name} at most {more}");
            assert_eq!(verdict(Bound::AtMost, less), Verdict::Fail, "{name} at most {less}");
            assert_eq!(verdict(Bound::AtLeast, figure), Verdict::Pass, "{name} at least {figure}");
            assert_eq!(verdict(Bound::AtLeast, less), Verdict::Pass, "{name} at least {less}");
            assert_eq!(verdict(Bound::AtLeast, more), Verdict::Fail, "{name} at least {more}");
        }
    }

    #[test]
    fn a_gate_that_saw_no_data_never_passes() {
        for metric in METRICS {
            for bound in [Bound::AtMost, Bound::AtLeast] {
                let threshold = if bound == Bound::AtMost { 1e9 } else { -1e9 };
                let verdict = verdict(&empty(), query(metric.name, None), bound, threshold);
                assert_eq!(verdict, Verdict::NoData, "{}", metric.name);
            }
        }
        let unused = query("refused_ratio", Some("unclassified"));
        assert_eq!(verdict(&summary(), unused, Bound::AtMost, 1.0), Verdict::NoData);
    }

    #[test]
    fn a_server_that_only_answers_errors_has_failed_every_request() {
        let scenario = scenario(1);
        let mut measure = Measure::new(&scenario);
        for outcome in [Outcome::Broken(500), Outcome::Rejected(404)] {
            play(&mut measure, &record(SITES, Nanos::ZERO, Nanos::from_millis(1), outcome));
        }
        let summary = Summary { classes: measure.figures(&scenario, scenario.duration), ..SUMMARY.clone() };
        assert_eq!(verdict(&summary, query("failed_ratio", None), Bound::AtMost, 0.99), Verdict::Fail);
        assert_eq!(verdict(&summary, query("failed_ratio", None), Bound::AtMost, 1.0), Verdict::Pass);
    }

    #[test]
    fn headroom_that_might_be_gone_had_nothing_been_held_back_leaves_its_gate_open() {
        let held_back = |count: u64, if_made: f64| {
            let mut summary = summary();
            let quota = &mut summary.quotas[0];
            (quota.requests, quota.held_back, quota.headroom_if_made) = (1_000, count, Some(if_made));
            summary.classes[0].dropped = [("busy".to_owned(), count)].into();
            summary
        };
        let headroom = || query("headroom", Some("queries"));
        let judged = |summary: &Summary, threshold| verdict(summary, headroom(), Bound::AtLeast, threshold);
        let few = held_back(5, 0.12);
        assert_eq!(judged(&few, 0.1), Verdict::Pass, "it holds with all of them");
        assert_eq!(judged(&few, 0.15), Verdict::Inconclusive);
        assert_eq!(judged(&few, 0.25), Verdict::Fail, "it fails without any of them");
        assert_eq!(judged(&held_back(11, 0.19), 0.0), Verdict::Inconclusive, "too many to know what they led to");
        let gate = Gate { metric: headroom(), bound: Bound::AtLeast, threshold: 0.15, text: String::new() };
        assert_eq!(
            evaluate(&few, &[gate])[0].measured,
            "headroom of queries 20%, but 5 requests were not made because the one before was still under way"
        );
    }

    #[test]
    fn how_quick_a_target_is_only_a_run_can_judge() {
        let gate = |metric: &str| Gate {
            metric: query(metric, None),
            bound: Bound::AtMost,
            threshold: 0.0,
            text: metric.to_owned(),
        };
        let gates = ["latency", "refused", "lateness"].map(gate);
        let mut summary = summary();
        assert_eq!((evaluate(&summary, &gates).len(), left_to_a_run(&summary, &gates).len()), (3, 0));
        summary.run.driver = Driver::Virtual;
        let judged: Vec<String> = evaluate(&summary, &gates).into_iter().map(|result| result.gate).collect();
        assert_eq!(judged, ["refused"]);
        assert_eq!(left_to_a_run(&summary, &gates), ["latency", "lateness"]);
    }

    #[test]
    fn a_zero_bound_is_met_by_zero_alone() {
        assert_eq!(verdict(&summary(), query("refused", Some("tokens")), Bound::AtMost, 0.0), Verdict::Pass);
        assert_eq!(verdict(&summary(), query("refused", None), Bound::AtMost, 0.0), Verdict::Fail);
        assert_eq!(verdict(&summary(), query("refused_ratio", None), Bound::AtMost, 0.0), Verdict::Fail);
    }

    #[test]
    fn without_a_class_counts_add_up_and_the_worst_class_decides() {
        assert_eq!(measured(query("requests", None)), "requests 13");
        assert_eq!(measured(query("headroom", None)), "headroom 20%");
        assert_eq!(measured(query("amplification", None)), "amplification 1.5");
        assert_eq!(
            measured(query("latency", None)),
            measured(query("latency", Some("queries"))).replace(" of queries", "")
        );
    }

    #[test]
    fn figures_carry_their_unit() {
        assert_eq!(measured(query("failed_ratio", Some("queries"))), "failed ratio of queries 16.6667%");
        assert_eq!(measured(query("lateness", None)), "p99 lateness 3 ms");
        let texts = [
            (0.0, Unit::Ratio, "0%"),
            (0.000_000_1, Unit::Ratio, "0.00001%"),
            (0.000_25, Unit::Time, "0.25 ms"),
            (0.0123, Unit::Time, "12.3 ms"),
            (1.5, Unit::Time, "1.5 s"),
            (180.0, Unit::Time, "3m"),
            (1_234_567.0, Unit::Count, "1234567"),
            (1_000.0, Unit::Count, "1000"),
        ];
        for (figure, unit, text) in texts {
            assert_eq!(figure_text(figure, unit), text);
        }
    }

    #[test]
    fn an_unknown_metric_is_no_data_and_named() {
        assert_eq!(measured(query("latencies", None)), "no metric is called `latencies`");
        assert_eq!(verdict(&summary(), query("latencies", None), Bound::AtMost, 1e9), Verdict::NoData);
    }
}
