//! Holds a simulated play against a run of the same profile over real sockets. Where they differ by more than chance and the
//! network explain, one of them is wrong.

use crate::measure::observer::UNCLASSIFIED;
use crate::scenario::Scenario;
use crate::scenario::target::Network;
use crate::summary::{ClassFigures, Driver, QuotaUse, Summary};
use crate::time::Nanos;
use crate::yaml::Diagnosis;

/// Requests of a class may differ by this share of them, and refusals by this share of the requests: what follows from answers
/// depends on when they came.
const SHARE: f64 = 0.05;
/// And by this many: a run that is stopped in the middle of something has it done or not.
const FEW: f64 = 12.0;
/// The highest use of a limit may differ by this share of the limit: requests that came just before the edge of a window here
/// come just behind it there.
const USE: f64 = 0.12;
/// And by this many requests.
const USE_FEW: f64 = 2.0;

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
/// It is no run over sockets, or one of another profile or of another length.
pub fn check(run: &Summary, scenario: &Scenario) -> Result<(), Diagnosis> {
    let info = &run.run;
    if info.driver != Driver::Live {
        return Err(Diagnosis::new("this was simulated too").help("give the directory that `quotaproof run` wrote"));
    }
    if (&info.profile_hash, &info.policy_hash) != (&scenario.profile_hash, &scenario.policy.hash) {
        let title = format!("this is a run of another profile, or of another version of it: {}", info.name);
        return Err(Diagnosis::new(title).help("run the profile as it is now"));
    }
    if info.planned_s != scenario.duration.as_secs_f64() {
        let title = format!("the run was planned for {} s, this plan for {}", info.planned_s, scenario.duration);
        return Err(Diagnosis::new(title).help("give both the same --duration"));
    }
    if info.interrupted || info.gave_up {
        return Err(Diagnosis::new("the run was broken off").help("let it come to its end"));
    }
    Ok(())
}

/// The network as the run met it: the latency of what was served, in the class of the policy that saw most of that; long polls
/// are in none. None where nothing was served.
pub fn network(run: &Summary, planned: &Network) -> Option<Network> {
    let classes = run.classes.iter().filter(|class| class.class != UNCLASSIFIED);
    let busiest = classes.max_by_key(|class| class.served)?;
    let latency = &busiest.latency.get("served")?.from_sent;
    let nanos = |millis: f64| Nanos::from_secs_f64((millis / 1e3).max(1e-6));
    Some(Network { latency_median: nanos(latency.p50), latency_p99: nanos(latency.p99), loss: planned.loss })
}

/// Every figure that a plan and a run of one profile must have in common: of each class the requests and the refusals, of each
/// limit the highest use.
pub fn figures(run: &Summary, plan: &Summary) -> Vec<Figure> {
    let of_classes = run.classes.iter().flat_map(|class| {
        let planned = plan.classes.iter().find(|planned| planned.class == class.class);
        planned.map(|planned| class_figures(class, planned)).into_iter().flatten()
    });
    let of_limits = run.quotas.iter().filter_map(|quota| {
        let planned = plan.quotas.iter().find(|it| (&it.class, &it.limit) == (&quota.class, &quota.limit))?;
        Some(quota_figure(quota, planned))
    });
    of_classes.chain(of_limits).collect()
}

fn class_figures(run: &ClassFigures, plan: &ClassFigures) -> [Figure; 2] {
    let sent = run.requests.max(plan.requests) as f64;
    let figure = |what: &str, run: u64, plan: u64| Figure {
        what: what.to_owned(),
        run: run as f64,
        plan: plan as f64,
        tolerance: FEW + SHARE * sent,
    };
    [
        figure(&format!("{}: requests", run.class), run.requests, plan.requests),
        figure(&format!("{}: refused", run.class), run.refused, plan.refused),
    ]
}

fn quota_figure(run: &QuotaUse, plan: &QuotaUse) -> Figure {
    let peak = |quota: &QuotaUse| f64::from(quota.readings.first().map_or(0, |reading| reading.peak));
    // What goes far beyond a limit does so by what refusals make of it: there, the demand is what is compared.
    let scale = f64::from(run.allow).max(peak(run)).max(peak(plan));
    Figure {
        what: format!("{}: most of {}", run.class, run.limit),
        run: peak(run),
        plan: peak(plan),
        tolerance: USE_FEW + USE * scale,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_agrees_with_itself_and_not_with_twice_as_many_requests() {
        let run = sample::failing();
        let figures = figures(&run, &run);
        assert!(figures.len() > 4 && figures.iter().all(Figure::agrees), "{figures:?}");
        let mut doubled = run.clone();
        let class = doubled.classes.iter_mut().max_by_key(|class| class.requests).unwrap();
        class.requests *= 2;
        let apart = super::figures(&run, &doubled).into_iter().filter(|figure| !figure.agrees());
        let apart: Vec<String> = apart.map(|figure| figure.what).collect();
        assert_eq!(apart.len(), 1, "{apart:?}");
        assert!(apart[0].ends_with(": requests"), "{apart:?}");
    }

    #[test]
    fn a_peak_that_moves_beyond_chance_is_seen() {
        let run = sample::failing();
        let mut plan = run.clone();
        let quota = plan.quotas.iter_mut().find(|quota| !quota.readings.is_empty()).unwrap();
        quota.readings[0].peak = quota.readings[0].peak * 2 + 5;
        assert_eq!(figures(&run, &plan).iter().filter(|figure| !figure.agrees()).count(), 1);
    }

    #[test]
    fn the_network_is_that_of_the_class_that_was_served_most() {
        let run = sample::failing();
        let network = network(&run, &Network { loss: 0.25, ..Network::default() }).unwrap();
        let classes = run.classes.iter().filter(|class| class.class != UNCLASSIFIED);
        let busiest = classes.max_by_key(|class| class.served).unwrap();
        let served = &busiest.latency["served"].from_sent;
        assert_eq!(network.loss, 0.25);
        assert_eq!(network.latency_median, Nanos::from_secs_f64(served.p50 / 1e3));
        assert!(network.latency_p99 >= network.latency_median);
    }
}
