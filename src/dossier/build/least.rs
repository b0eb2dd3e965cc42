//! Part 7: what plans answer, and what refusals cost.

use super::super::admit::Evidence;
use super::super::model::{Compared, CostOfRefusal, Least, LimitDemand, Sourced};
use super::Run;
use super::evidence::{answered, rate};
use super::references::Sources;
use crate::summary::Summary;
use crate::summary::plan::QuotaAnswer;

pub fn least(evidence: &[Evidence], sources: &Sources, runs: &[Run<'_>]) -> Least {
    let mut least = Least { cost: runs.iter().flat_map(cost).collect(), ..Least::default() };
    for (one, ids) in evidence.iter().zip(&sources.plans) {
        let Some(plan) = &one.plan else { continue };
        least.quotas.extend(sourced(&ids.quota, &plan.quota));
        least.fleets.extend(sourced(&ids.fleet, &plan.fleet));
        least.sweeps.extend(sourced(&ids.sweep, &plan.sweep));
        if let (Some((before, after)), Some(comparison)) = (ids.sides.clone(), plan.comparison.clone()) {
            least.comparisons.push(Compared { before, after, comparison });
        }
    }
    least
}

/// The search that tells how much of a limit the fleet of a run needs: one for this very fleet that saw whole windows of it,
/// and played no less time than the run sent for. What the run met later, another never saw.
pub fn search_for<'l>(least: &'l Least, limit: &LimitDemand, run: &Summary) -> Option<&'l Sourced<QuotaAnswer>> {
    let is_long_enough = |played: f64| played >= run.run.sending_s();
    least.quotas.iter().find(|Sourced { answer, .. }| {
        answer.origin.profile_hash == run.run.profile_hash
            && answer.origin.duration_s.is_some_and(is_long_enough)
            && !answer.is_unproven(&limit.class, &limit.limit)
    })
}

fn sourced<T: Clone>(id: &Option<String>, answer: &Option<T>) -> Option<Sourced<T>> {
    Some(Sourced { source: id.clone()?, answer: answer.clone()? })
}

/// Of the classes in which something was refused.
fn cost(run: &Run<'_>) -> Vec<CostOfRefusal> {
    let refused = run.summary.classes.iter().filter(|class| class.refused > 0);
    let retries =
        |class: &str| run.summary.quotas.iter().filter(|quota| quota.class == class).map(|quota| quota.retries).max();
    refused
        .map(|class| CostOfRefusal {
            source: run.id.to_owned(),
            class: class.class.clone(),
            refused: rate(class.refused, answered(class)),
            retries: retries(&class.class).unwrap_or(0),
            operations: class.logical,
            given_up: class.given_up,
        })
        .collect()
}
