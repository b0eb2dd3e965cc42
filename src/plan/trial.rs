//! The two kinds of play that a search is made of: what a fleet asks for if nothing refuses it, and what becomes of it
//! where limits are enforced.

use std::sync::Arc;

use super::Base;
use super::limits;
use super::play::{PlayOptions, play_judged};
use crate::policy::model::Policy;
use crate::policy::reading::Reading;
use crate::scenario::Scenario;
use crate::scenario::target::{ServerSpec, Target};
use crate::summary::plan::{Enforced, unproven_name};
use crate::summary::{QuotaUse, Safety};
use crate::time::Nanos;

/// What the plays of one question have in common.
pub struct Trials<'a> {
    pub base: &'a Base,
    pub options: &'a PlayOptions,
    pub seeds: Vec<u64>,
}

/// What became of a fleet where limits are enforced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tried {
    pub enforced: Enforced,
    /// The highest of any class.
    pub refused_ratio: f64,
    /// The longest of any operation.
    pub delay: Nanos,
    /// Whether each limit refused something, in the order of [`limits::lines`].
    pub refusing: Vec<bool>,
}

impl Tried {
    fn and(self, other: Tried) -> Tried {
        Tried {
            enforced: Enforced {
                requests: self.enforced.requests + other.enforced.requests,
                refused: self.enforced.refused + other.enforced.refused,
            },
            refused_ratio: self.refused_ratio.max(other.refused_ratio),
            delay: self.delay.max(other.delay),
            refusing: self.refusing.into_iter().zip(other.refusing).map(|(one, two)| one || two).collect(),
        }
    }
}

impl Trials<'_> {
    /// What a fleet asks for that is never refused, judged by a policy: one per limit, in the order of [`limits::lines`].
    pub fn demand(&self, scenario: &Scenario, seed: u64, judged: Policy) -> Vec<QuotaUse> {
        let driven = variant(scenario, seed, None, limits::opened(&scenario.policy));
        let judged = variant(scenario, seed, None, judged);
        let played = play_judged(&Arc::new(driven), &Arc::new(judged), self.options);
        // Over time is of no use here, and it is long.
        let strip = |quota| QuotaUse { series: Vec::new(), ..quota };
        played.outcome.summary.quotas.into_iter().map(strip).collect()
    }

    /// A fleet against a policy that is enforced as it is read.
    pub fn enforced(&self, scenario: &Scenario, seed: u64, reading: Option<Reading>, policy: Policy) -> Tried {
        let scenario = Arc::new(variant(scenario, seed, reading, policy));
        let played = play_judged(&scenario, &scenario, self.options);
        let classes = &played.outcome.summary.classes;
        Tried {
            enforced: Enforced {
                requests: classes.iter().map(|class| class.requests).sum(),
                refused: classes.iter().map(|class| class.refused).sum(),
            },
            refused_ratio: classes.iter().filter_map(|class| class.refused_ratio).fold(0.0, f64::max),
            delay: played.delay,
            refusing: limits::of_lines(&scenario.policy, &played.refusals).iter().map(|&count| count > 0).collect(),
        }
    }

    /// The same over all seeds.
    pub fn enforced_over_seeds(&self, scenario: &Scenario, reading: Option<Reading>, policy: &Policy) -> Tried {
        self.enforced_with_each(&self.seeds, scenario, reading, policy)
    }

    /// Over some seeds: counts are added up, the worst of the rest.
    pub fn enforced_with_each(
        &self,
        seeds: &[u64],
        scenario: &Scenario,
        reading: Option<Reading>,
        policy: &Policy,
    ) -> Tried {
        let tries = seeds.iter().map(|&seed| self.enforced(scenario, seed, reading, policy.clone()));
        tries.reduce(Tried::and).unwrap_or_default()
    }
}

/// The scenario with another seed and policy, without deliberate faults.
fn variant(scenario: &Scenario, seed: u64, reading: Option<Reading>, policy: Policy) -> Scenario {
    let spec = scenario.target.stand_in();
    let limiter = reading.unwrap_or(spec.limiter);
    let target = Target::Embedded(ServerSpec { limiter, faults: Vec::new(), ..spec });
    Scenario { seed, policy, target, ..scenario.clone() }
}

/// Limits of which a play of this length saw no whole window. A rate that does not last is searched for, and known.
pub fn unproven(quotas: &[QuotaUse], played: Nanos) -> Vec<String> {
    let is_short = |quota: &&QuotaUse| quota.requests > 0 && quota.per_s.is_some_and(|per| per > played.as_secs_f64());
    let saw_none = |quota: &&QuotaUse| quota.safety == Safety::Unproven && quota.rate_lasts();
    quotas
        .iter()
        .filter(|quota| is_short(quota) || saw_none(quota))
        .map(|quota| unproven_name(&quota.class, &quota.limit))
        .collect()
}
