//! Which experiment comes next: the one that tells most for what it costs.

use super::experiment::{Experiment, Scene};
use super::hypothesis::{Hypothesis, Length};
use super::predict::Outcomes;
use crate::time::Nanos;

/// What may still be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    pub requests: u32,
    pub until: Nanos,
}

/// An experiment, and what it is worth.
#[derive(Clone, Debug)]
pub struct Choice {
    pub experiment: Experiment,
    /// Until its last request is due.
    pub takes: Nanos,
    /// The probability that it tells two hypotheses apart, of two that are drawn by their weights; less for what was made
    /// before.
    pub worth: f64,
}

/// Below this, an experiment is not worth a request.
const LEAST_WORTH: f64 = 0.01;
/// Telling limits or lengths of one family apart counts for so much.
const WITHIN_FAMILY: f64 = 0.3;
/// A box that is exact to this share needs no more cutting.
const EXACT: f64 = 0.05;

/// The best experiment that can be paid for, and the best of all.
pub struct Best {
    pub affordable: Option<Choice>,
    pub any: Option<Choice>,
}

/// Looks through the catalogue. `weights` belong to the scene's open hypotheses.
pub fn best(scene: &Scene<'_>, weights: &[f64], purse: Purse, slack: Nanos) -> Best {
    let mut best = Best { affordable: None, any: None };
    let (mut most, mut most_affordable) = (0.0, 0.0);
    let span = purse.until.saturating_sub(scene.now).as_secs_f64().max(1e-3);
    for experiment in promising(scene, weights, slack) {
        let worth = scene.novelty(experiment.kind) * worth(scene.open, weights, &experiment, slack);
        if worth < LEAST_WORTH {
            continue;
        }
        let takes = experiment.ends().saturating_sub(scene.now);
        let time = takes.as_secs_f64() / span;
        let requests = f64::from(experiment.requests()) / f64::from(purse.requests.max(1));
        let per_cost = worth / (0.05 + time + requests);
        let affordable = experiment.requests() <= purse.requests && experiment.ends() <= purse.until;
        if affordable && per_cost > most_affordable {
            most_affordable = per_cost;
            best.affordable = Some(Choice { experiment: experiment.clone(), takes, worth });
        }
        if per_cost > most {
            most = per_cost;
            best.any = Some(Choice { experiment, takes, worth });
        }
    }
    best
}

/// The experiments that tell something to a few of the hypotheses, those that tell nothing to them behind.
fn promising(scene: &Scene<'_>, weights: &[f64], slack: Nanos) -> impl Iterator<Item = Experiment> + use<> {
    const FEW: usize = 12;
    const MOST: usize = 40;
    let few = scene.open.len().min(FEW);
    let mut rated: Vec<(f64, Experiment)> = scene
        .catalogue()
        .into_iter()
        .map(|experiment| {
            let worth = worth(&scene.open[..few], &weights[..few], &experiment, slack);
            let cost = 0.05 + f64::from(experiment.requests()) / 1e3;
            (scene.novelty(experiment.kind) * worth / cost, experiment)
        })
        .collect();
    rated.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    rated.into_iter().take(MOST).map(|(_, experiment)| experiment)
}

fn worth(open: &[&Hypothesis], weights: &[f64], experiment: &Experiment, slack: Nanos) -> f64 {
    let outcomes: Vec<Outcomes> =
        open.iter().map(|hypothesis| Outcomes::of(hypothesis, &experiment.steps, slack)).collect();
    let mut worth = 0.0;
    for (one, hypothesis) in open.iter().enumerate() {
        for other in one + 1..open.len() {
            if !is_alike(hypothesis, open[other]) {
                let share = if hypothesis.shape == open[other].shape { WITHIN_FAMILY } else { 1.0 };
                let told_apart = outcomes[one].told_apart(&outcomes[other]);
                worth += 2.0 * share * told_apart * weights[one] * weights[other];
            }
        }
        let vague = vagueness(hypothesis);
        if vague > EXACT && outcomes[one].split() {
            worth += WITHIN_FAMILY * weights[one] * weights[one] * vague.min(1.0);
        }
    }
    worth
}

/// Whether two boxes are neighbours that may as well be one.
fn is_alike(one: &Hypothesis, other: &Hypothesis) -> bool {
    let near = |length: Length| {
        let (one, other) = (one.terms.span(length).middle().0, other.terms.span(length).middle().0);
        one.abs_diff(other) as f64 <= EXACT * one as f64
    };
    one.shape == other.shape
        && (one.terms.limit, one.terms.refill, one.terms.rounding)
            == (other.terms.limit, other.terms.refill, other.terms.rounding)
        && near(Length::Window)
        && near(Length::Penalty)
}

/// How long the longest span is, as a share of its length. Where a window begins is found on the way.
fn vagueness(hypothesis: &Hypothesis) -> f64 {
    let vague = |length: Length| {
        let span = hypothesis.terms.span(length);
        span.width().as_secs_f64() / span.middle().as_secs_f64().max(1e-9)
    };
    vague(Length::Window).max(vague(Length::Penalty))
}
