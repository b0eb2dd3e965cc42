//! `--sweep`: one field of the profile at several values.

use std::sync::Arc;

use super::Base;
use super::play::play;
use super::trial::Trials;
pub use super::values::{Value, Wanted, read};
use crate::scenario::Scenario;
use crate::summary::finding::Verdict;
use crate::summary::plan::{Sweep, SweepPoint, SweptGate, SweptUse};
use crate::summary::{ClassFigures, QuotaUse, Safety, Summary};
use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Node};

/// The field of a profile that says how long each play lasts.
const DURATION: &str = "duration";

/// Whether the profile takes every value.
pub fn check(base: &Base, wanted: &Wanted) -> Result<(), Diagnosis> {
    variants(base, wanted).map(drop)
}

/// Plays the profile with each value and every seed; the values that were played before a stop was asked for, None if there
/// are none.
pub fn answer(trials: &Trials<'_>, wanted: &Wanted) -> Result<Option<Sweep>, Diagnosis> {
    let variants = variants(trials.base, wanted)?;
    let points = wanted.values.iter().zip(&variants).map(|(value, scenario)| point(trials, value, scenario));
    let points: Vec<SweepPoint> = points.take_while(|_| !trials.options.meter.stop.is_asked()).collect();
    let mut origin = trials.base.origin(&trials.seeds, trials.options);
    origin.duration_s.take_if(|_| wanted.path == DURATION);
    Ok((!points.is_empty()).then(|| Sweep {
        origin,
        path: wanted.path.clone(),
        today: trials.base.draft().get(&wanted.path).and_then(Node::written),
        log: wanted.log,
        points,
    }))
}

/// The profile with each of the values.
fn variants(base: &Base, wanted: &Wanted) -> Result<Vec<Scenario>, Diagnosis> {
    overridden(base, wanted)?;
    wanted.values.iter().map(|value| variant(base, wanted, value)).collect()
}

/// An option of the command line that outdoes the swept field would make all values one.
fn overridden(base: &Base, wanted: &Wanted) -> Result<(), Diagnosis> {
    let overrides = base.overrides();
    let option = match wanted.path.as_str() {
        DURATION => overrides.duration.map(|_| "--duration"),
        "seed" => Some("--seeds"),
        _ => None,
    };
    match option {
        None => Ok(()),
        Some(option) => {
            Err(Diagnosis::new(format!("`{}` is set by {option}, so a sweep of it shows nothing", wanted.path))
                .help("drop the option, or sweep another field"))
        }
    }
}

fn variant(base: &Base, wanted: &Wanted, value: &Value) -> Result<Scenario, Diagnosis> {
    let made = base.vary(|draft| draft.set(&wanted.path, value.node()));
    made.map_err(|refused| {
        let title = format!("--sweep {}={}: {}", shown(&wanted.path), shown(&value.text), refused.title());
        refused.advice().iter().fold(Diagnosis::new(title), |diagnosis, help| diagnosis.help(help))
    })
}

fn point(trials: &Trials<'_>, value: &Value, scenario: &Scenario) -> SweepPoint {
    let mut point = SweepPoint {
        value: value.text.clone(),
        number: value.number,
        devices: scenario.device_count(),
        requests: 0,
        refused: 0,
        quotas: Vec::new(),
        gates: Vec::new(),
    };
    for &seed in &trials.seeds {
        trials.options.meter.announce(format!("{}, seed {seed}", value.text));
        let played = play(&Arc::new(Scenario { seed, ..scenario.clone() }), trials.options).summary;
        point.requests += played.classes.iter().map(|class| class.requests).sum::<u64>();
        point.refused += played.classes.iter().map(|class| class.refused).sum::<u64>();
        let uses = played.quotas.iter().map(|quota| swept(quota, &played));
        match point.quotas.is_empty() {
            true => point.quotas = uses.collect(),
            false => point.quotas.iter_mut().zip(uses).for_each(|(worst, use_)| keep_worse(worst, use_)),
        }
        let gates = gates(&played);
        match point.gates.is_empty() {
            true => point.gates = gates.collect(),
            false => point.gates.iter_mut().zip(gates).for_each(|(worst, gate)| keep_worse_gate(worst, gate)),
        }
    }
    point
}

fn swept(quota: &QuotaUse, summary: &Summary) -> SweptUse {
    let class: Option<&ClassFigures> = summary.classes.iter().find(|class| class.class == quota.class);
    SweptUse {
        class: quota.class.clone(),
        limit: quota.limit.clone(),
        on_a_rate: quota.per_s.is_some(),
        allow: quota.allow,
        peak: quota.peak(),
        at_least: quota.is_more_possible(),
        safety: quota.safety,
        headroom: quota.headroom,
        refused_ratio: class.and_then(|class| class.refused_ratio),
    }
}

fn gates(summary: &Summary) -> impl Iterator<Item = SweptGate> {
    let judged = summary.gates.iter().map(|it| SweptGate { gate: it.gate.clone(), verdict: Some(it.verdict) });
    let left = summary.gates_left_to_a_run.iter().map(|gate| SweptGate { gate: gate.clone(), verdict: None });
    judged.chain(left)
}

fn keep_worse_gate(worst: &mut SweptGate, other: SweptGate) {
    let badness = |gate: &SweptGate| match gate.verdict {
        None => 0,
        Some(Verdict::Pass) => 1,
        Some(Verdict::Undocumented | Verdict::Inconclusive | Verdict::NoData) => 2,
        Some(Verdict::Fail) => 3,
    };
    if badness(&other) > badness(worst) {
        *worst = other;
    }
}

/// Each figure by itself: the seed that uses most need not be refused most.
fn keep_worse(worst: &mut SweptUse, other: SweptUse) {
    if other.peak > worst.peak {
        (worst.peak, worst.at_least) = (other.peak, other.at_least);
    }
    if rank(other.safety) > rank(worst.safety) {
        worst.safety = other.safety;
    }
    let least = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::min);
    let most = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
    worst.headroom = least(worst.headroom, other.headroom);
    worst.refused_ratio = most(worst.refused_ratio, other.refused_ratio);
}

fn rank(safety: Safety) -> u8 {
    match safety {
        Safety::NoData => 0,
        Safety::Safe => 1,
        Safety::Unproven => 2,
        Safety::DependsOnReading => 3,
        Safety::Over => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(peak: u32, safety: Safety, headroom: f64, refused: f64) -> SweptUse {
        let (class, limit) = ("queries".to_owned(), "60 per 1m".to_owned());
        let (headroom, refused_ratio) = (Some(headroom), Some(refused));
        SweptUse {
            class,
            limit,
            on_a_rate: true,
            allow: 60,
            peak,
            at_least: peak > 200,
            safety,
            headroom,
            refused_ratio,
        }
    }

    #[test]
    fn a_gate_that_fails_with_one_seed_fails() {
        let gate = |verdict| SweptGate { gate: "headroom".to_owned(), verdict: Some(verdict) };
        for (first, second) in [(Verdict::Pass, Verdict::Fail), (Verdict::Fail, Verdict::NoData)] {
            let mut worst = gate(first);
            keep_worse_gate(&mut worst, gate(second));
            assert_eq!(worst, gate(Verdict::Fail));
        }
    }

    #[test]
    fn each_figure_is_that_of_the_worst_seed() {
        let (calm, busy) = (used(30, Safety::Safe, 0.5, 0.2), used(240, Safety::Over, -3.0, 0.1));
        for (first, second) in [(calm.clone(), busy.clone()), (busy, calm)] {
            let mut worst = first;
            keep_worse(&mut worst, second);
            assert_eq!(worst, used(240, Safety::Over, -3.0, 0.2));
        }
    }
}
