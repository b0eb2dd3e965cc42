//! Holds a simulated play against a run of the same profile over real sockets. Where they differ by more than chance and the
//! network explain, one of them is wrong.

use crate::measure::observer::UNCLASSIFIED;
use crate::scenario::Scenario;
use crate::scenario::target::Network;
use crate::summary::finding::Finding;
use crate::summary::{ClassFigures, Driver, QuotaUse, Summary};
use crate::time::Nanos;
use crate::yaml::Diagnosis;

/// How far two counts of the same thing may be apart: what answers lead to, and requests at the edge of a window or of the
/// run, fall on either side by chance, each by itself. The spread of such a count is its root.
fn by_chance(run: f64, plan: f64) -> f64 {
    FEW + run.max(plan).sqrt()
}

/// The rest of a round that is broken off by the end is done or not.
const FEW: f64 = 2.0;

/// The highest use of a limit moves less: what came just before the edge of a window here came just behind it there.
fn peak_by_chance(run: f64, plan: f64) -> f64 {
    1.0 + run.max(plan).sqrt()
}

/// Where the server draws by lot whom it turns away, both have drawn on their own: three times the spread of their difference.
fn by_lot(run: f64, plan: f64) -> f64 {
    FEW + 3.0 * (run + plan).sqrt()
}

/// One figure in both, and how far they may be apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// `queries: requests`.
    pub what: String,
    pub run: f64,
    pub plan: f64,
    pub tolerance: f64,
}

impl Figure {
    pub fn agrees(&self) -> bool {
        (self.run - self.plan).abs() <= self.tolerance
    }
}

/// Checks that a run can be compared with a plan of a scenario.
///
/// # Errors
/// It is no run over sockets, one of another profile, one that was broken off, or one whose own harness did not keep up.
pub fn check(run: &Summary, scenario: &Scenario) -> Result<(), Diagnosis> {
    let info = &run.run;
    if info.driver != Driver::Live {
        return Err(Diagnosis::new("this was simulated too").help("give the directory that `quotaproof run` wrote"));
    }
    if (&info.profile_hash, &info.policy_hash) != (&scenario.profile_hash, &scenario.policy.hash) {
        let title = format!("this is a run of another profile, or of another version of it: {}", info.name);
        return Err(Diagnosis::new(title).help("run the profile as it is now"));
    }
    if info.interrupted || info.gave_up {
        return Err(Diagnosis::new("the run was broken off").help("let it come to its end"));
    }
    if !run.harness.valid {
        let problem = run.harness.problems.first().map_or("its harness did not keep up", String::as_str);
        return Err(Diagnosis::new(format!("the run proves nothing: {}", problem.trim_end_matches('.')))
            .help("put that right and run the profile again; fewer devices, or less beside it on this machine, help a late harness"));
    }
    Ok(())
}

/// The network as the run met it: the latency of what was served, in the class of the policy that saw most of that; long polls
/// are in none. None where nothing was served.
pub fn network(run: &Summary, planned: &Network, answers_after: Nanos) -> Option<Network> {
    let classes = run.classes.iter().filter(|class| class.class != UNCLASSIFIED);
    let busiest = classes.max_by_key(|class| class.served)?;
    let latency = &busiest.latency.get("served")?.from_sent;
    // What the server took over its answers is simulated by itself.
    let nanos = |millis: f64| Nanos::from_secs_f64(millis / 1e3).saturating_sub(answers_after).max(Nanos(1_000));
    Some(Network { latency_median: nanos(latency.p50), latency_p99: nanos(latency.p99), loss: planned.loss })
}

/// Every figure that a plan and a run of one profile must have in common: of each class the requests, how they ended, and what its streams brought, of
/// each limit the highest use, of each check what was found wrong. What neither has seen is left out.
pub fn figures(run: &Summary, plan: &Summary, scenario: &Scenario) -> Vec<Figure> {
    let is_overloaded = scenario.target.stand_in().overload.is_some();
    let tolerance = if is_overloaded { by_lot } else { by_chance };
    let of_classes = run.classes.iter().flat_map(|class| {
        let planned = plan.classes.iter().find(|planned| planned.class == class.class);
        planned.map(|planned| class_figures(class, planned, tolerance)).into_iter().flatten()
    });
    let of_limits = run.quotas.iter().filter_map(|quota| {
        let planned = plan.quotas.iter().find(|it| (&it.class, &it.limit) == (&quota.class, &quota.limit))?;
        Some(quota_figure(quota, planned, if is_overloaded { by_lot } else { peak_by_chance }))
    });
    let of_checks = run.findings.iter().filter_map(|finding| {
        let same =
            |it: &&Finding| (&it.check, &it.subject, it.party) == (&finding.check, &finding.subject, finding.party);
        let planned = plan.findings.iter().find(same)?;
        Some(finding_figure(finding, planned, tolerance))
    });
    let all = of_classes.chain(of_limits).chain(of_checks);
    all.filter(|figure| figure.run + figure.plan > 0.0).collect()
}

fn finding_figure(run: &Finding, plan: &Finding, tolerance: fn(f64, f64) -> f64) -> Figure {
    let (run_wrong, plan_wrong) = (run.wrong as f64, plan.wrong as f64);
    let of = if run.subject.is_empty() { String::new() } else { format!("{}: ", run.subject) };
    Figure {
        what: format!("{of}wrong by {}", run.check),
        run: run_wrong,
        plan: plan_wrong,
        tolerance: tolerance(run_wrong, plan_wrong),
    }
}

fn class_figures(run: &ClassFigures, plan: &ClassFigures, tolerance: fn(f64, f64) -> f64) -> [Figure; 7] {
    let figure = |what: &str, count: fn(&ClassFigures) -> u64| {
        let (run_count, plan_count) = (count(run) as f64, count(plan) as f64);
        Figure {
            what: format!("{}: {what}", run.class),
            run: run_count,
            plan: plan_count,
            tolerance: tolerance(run_count, plan_count),
        }
    };
    [
        figure("requests", |class| class.requests),
        figure("served", |class| class.served),
        figure("refused", |class| class.refused),
        figure("overloaded", |class| class.overloaded),
        figure("another status", |class| class.other_status.values().sum()),
        figure("failed", |class| class.failed.values().sum()),
        figure("frames", |class| class.streams.frames),
    ]
}

fn quota_figure(run: &QuotaUse, plan: &QuotaUse, tolerance: fn(f64, f64) -> f64) -> Figure {
    let (run_peak, plan_peak) = (f64::from(run.peak()), f64::from(plan.peak()));
    Figure {
        what: format!("{}: most of {}", run.class, run.limit),
        run: run_peak,
        plan: plan_peak,
        tolerance: tolerance(run_peak, plan_peak),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::scenario::target::{OverloadSpec, ServerSpec, Target};

    fn scenario() -> Scenario {
        crate::profile::load(std::path::Path::new("tellus-polling-dashboard")).unwrap()
    }

    /// What is apart when the second has been changed.
    fn apart(change: impl FnOnce(&mut Summary)) -> Vec<String> {
        let run = sample::failing();
        let mut plan = run.clone();
        change(&mut plan);
        let figures = figures(&run, &plan, &scenario());
        assert!(figures.len() > 8, "{figures:?}");
        figures.into_iter().filter(|figure| !figure.agrees()).map(|figure| figure.what).collect()
    }

    #[test]
    fn a_run_that_proves_nothing_is_not_held_against_anything() {
        let scenario = scenario();
        let mut run = sample::failing();
        run.run.profile_hash = scenario.profile_hash.clone();
        run.run.policy_hash = scenario.policy.hash.clone();
        assert_eq!(check(&run, &scenario), Ok(()));
        run.harness.valid = false;
        run.harness.problems = vec!["Requests left up to 80 ms late.".to_owned()];
        let said = check(&run, &scenario).unwrap_err();
        assert_eq!(said.title(), "the run proves nothing: Requests left up to 80 ms late");
        assert!(said.advice()[0].contains("run the profile again"), "{said}");
    }

    #[test]
    fn a_run_agrees_with_itself() {
        assert_eq!(apart(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn each_figure_of_a_class_is_held_against_the_other() {
        let class = |plan: &mut Summary, change: fn(&mut ClassFigures)| change(&mut plan.classes[0]);
        let name = sample::failing().classes[0].class.clone();
        let of = |what: &str| vec![format!("{name}: {what}")];
        assert_eq!(apart(|plan| class(plan, |it| it.requests += it.requests / 5 + 20)), of("requests"));
        assert_eq!(apart(|plan| class(plan, |it| it.served += it.served / 5 + 20)), of("served"));
        assert_eq!(apart(|plan| class(plan, |it| it.refused = 2 * it.refused + 11)), of("refused"));
        assert_eq!(apart(|plan| class(plan, |it| it.overloaded = 2 * it.overloaded + 11)), of("overloaded"));
        let other = |it: &mut ClassFigures| *it.other_status.entry(404).or_default() += 11;
        assert_eq!(apart(|plan| class(plan, other)), of("another status"));
        let lost = |it: &mut ClassFigures| *it.failed.entry("reset".to_owned()).or_default() += 11;
        assert_eq!(apart(|plan| class(plan, lost)), of("failed"));
        assert_eq!(apart(|plan| class(plan, |it| it.streams.frames = 2 * it.streams.frames + 11)), of("frames"));
    }

    #[test]
    fn eleven_refusals_are_not_none() {
        let figure = |run, plan| Figure { what: String::new(), run, plan, tolerance: by_chance(run, plan) };
        assert!(!figure(11.0, 0.0).agrees() && !figure(0.0, 11.0).agrees());
        assert!(figure(11.0, 8.0).agrees() && figure(10_000.0, 10_090.0).agrees());
        assert!(!figure(10_000.0, 10_200.0).agrees());
    }

    #[test]
    fn a_server_that_turns_away_by_lot_is_given_room_for_two_draws() {
        let mut overloaded = scenario();
        let overload = Some(OverloadSpec { share: 0.5, from: Nanos::ZERO, lasting: None });
        overloaded.target = Target::Embedded(ServerSpec { overload, ..ServerSpec::default() });
        let run = sample::failing();
        let widest = |scenario: &Scenario| {
            figures(&run, &run, scenario).iter().map(|figure| figure.tolerance).fold(0.0, f64::max)
        };
        assert!(widest(&overloaded) > 3.0 * widest(&scenario()));
    }

    #[test]
    fn a_peak_that_moves_beyond_chance_is_seen() {
        let moved = apart(|plan| {
            let quota = plan.quotas.iter_mut().find(|quota| !quota.readings.is_empty()).unwrap();
            quota.readings[0].peak = quota.readings[0].peak * 2 + 5;
        });
        assert_eq!(moved.len(), 1, "{moved:?}");
    }

    #[test]
    fn what_a_check_finds_wrong_is_held_against_the_other() {
        let moved = apart(|plan| plan.findings[0].wrong = 3 * plan.findings[0].wrong + 20);
        let check = &sample::failing().findings[0].check;
        assert!(moved.len() == 1 && moved[0].ends_with(&format!("wrong by {check}")), "{moved:?}");
    }

    #[test]
    fn the_network_is_that_of_the_class_that_was_served_most() {
        let run = sample::failing();
        let network = network(&run, &Network { loss: 0.25, ..Network::default() }, Nanos::ZERO).unwrap();
        let classes = run.classes.iter().filter(|class| class.class != UNCLASSIFIED);
        let busiest = classes.max_by_key(|class| class.served).unwrap();
        let served = &busiest.latency["served"].from_sent;
        assert_eq!(network.loss, 0.25);
        assert_eq!(network.latency_median, Nanos::from_secs_f64(served.p50 / 1e3));
        assert!(network.latency_p99 >= network.latency_median);
        let slow = super::network(&run, &network, network.latency_median).unwrap();
        assert_eq!(slow.latency_median, Nanos(1_000), "all of it was the server's");
    }
}
