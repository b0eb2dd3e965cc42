//! The profile that is planned with, and how its variants are made.

use std::path::Path;

use super::Questions;
use super::limits;
use super::play::PlayOptions;
use crate::device::client::read::{IMAGINED_PAGES, IMAGINED_POLLS};
use crate::limiter::enforcer;
use crate::policy::model::Limit;
use crate::policy::reading::Reading;
use crate::profile::{self, Draft};
use crate::reference;
use crate::scenario::client::Then;
use crate::scenario::fleet::Reaction;
use crate::scenario::target::Target;
use crate::scenario::{Group, GroupKind, Scenario};
use crate::summary::Summary;
use crate::summary::plan::{GroupCount, Origin};
use crate::time::Nanos;
use crate::words::percent;
use crate::yaml::Diagnosis;

/// What the command line says instead of the profile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    pub seed: Option<u64>,
    pub duration: Option<Nanos>,
    /// How limits are enforced whose words leave it open.
    pub limiter: Option<Reading>,
}

/// A profile with what the command line overrides.
pub struct Base {
    draft: Draft,
    overrides: Overrides,
    scenario: Scenario,
    /// The server that the profile names, and that is not asked.
    remote: Option<String>,
}

impl Base {
    /// Reads a profile: by path, or by built-in name.
    ///
    /// # Errors
    /// What is wrong with it, at its place.
    pub fn read(path: &Path, overrides: Overrides) -> Result<Self, Diagnosis> {
        let draft = Draft::new(&profile::find(path)?)?;
        // From the file and not from the draft, whose errors have no place.
        let scenario = profile::load(path)?;
        let remote = match &scenario.target {
            Target::Embedded(_) => None,
            Target::Remote(remote) => Some(remote.url.clone()),
        };
        Ok(Base { draft, overrides, scenario: overridden(scenario, overrides)?, remote })
    }

    /// The profile as it stands.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    pub fn overrides(&self) -> Overrides {
        self.overrides
    }

    /// The profile with something changed.
    ///
    /// # Errors
    /// The change cannot be made, or the profile would be refused with it.
    pub fn vary(&self, change: impl FnOnce(&mut Draft) -> Result<(), Diagnosis>) -> Result<Scenario, Diagnosis> {
        let mut draft = self.draft.clone();
        change(&mut draft)?;
        overridden(draft.resolve()?, self.overrides)
    }

    /// So many seeds, from the profile's on.
    pub fn seeds(&self, count: u32) -> Vec<u64> {
        (0..u64::from(count.max(1))).map(|index| self.scenario.seed.wrapping_add(index)).collect()
    }

    /// How limits are enforced whose words leave it open.
    pub fn reading(&self) -> Reading {
        self.scenario.target.stand_in().limiter
    }

    /// What is simulated, in words.
    pub fn target_text(&self) -> String {
        let instead = self.remote.as_ref().map_or(String::new(), |url| format!("; nothing was sent to {url}"));
        let counted = enforcer::in_words(&self.scenario.policy, &self.scenario.target.stand_in());
        format!("the policy's limits, simulated ({counted}){instead}")
    }

    pub fn origin(&self, seeds: &[u64], options: &PlayOptions) -> Origin {
        Origin {
            profile: self.scenario.name.clone(),
            profile_hash: self.scenario.profile_hash.clone(),
            policy: self.scenario.policy.name.clone(),
            policy_hash: self.scenario.policy.hash.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seeds: seeds.to_vec(),
            duration_s: Some(self.scenario.duration.as_secs_f64()),
            command: options.command.clone(),
        }
    }

    /// What holds for every answer. `today` is the play of the profile as it stands.
    pub fn caveats(&self, today: &Summary, questions: &Questions) -> Vec<String> {
        let network = &self.scenario.network;
        let is_swept = questions.sweep.as_ref().is_some_and(|wanted| wanted.path.starts_with("network"));
        let mut caveats = vec![
            "Simulated: the profile's devices played in virtual time, and the policy's limits. No request was sent to any \
             server."
                .to_owned(),
            format!(
                "The simulated network takes {} there and back (99% within {}) and loses {} of connections{}.",
                network.latency_median,
                network.latency_p99,
                percent(network.loss),
                if is_swept { ", where the sweep does not vary it" } else { "" }
            ),
        ];
        if today.quotas.iter().any(|quota| quota.is_demand_unknown()) {
            caveats.push(
                "Some scheduled requests were not made because the one before was still under way: quicker answers would \
                 raise the demand."
                    .to_owned(),
            );
        }
        caveats.extend(imagined(&self.scenario));
        if self.scenario.groups.iter().any(stops_by_itself) {
            caveats.push(
                "Clients that stop before they are refused are judged by what they would ask for if nothing stopped them."
                    .to_owned(),
            );
        }
        if has_short_bucket(&self.scenario) {
            caveats.push(format!(
                "A bucket begins full, and so lets more through in {} than its rate: where a limit is read as one, a longer \
                 --duration tells what lasts.",
                self.scenario.duration
            ));
        }
        if questions.headroom > 0.0 {
            caveats.push("Headroom is left of limits above one: of a limit of one no part can stay unused.".to_owned());
        }
        if !self.scenario.target.stand_in().faults.is_empty() {
            caveats.push("Searches leave out the deliberate faults of the profile's server.".to_owned());
        }
        caveats
    }
}

/// A group and its size, for each of a scenario.
pub fn group_counts(scenario: &Scenario) -> Vec<GroupCount> {
    let groups = scenario.groups.iter();
    groups.map(|group| GroupCount { group: group.name.clone(), devices: group.count }).collect()
}

fn overridden(mut scenario: Scenario, overrides: Overrides) -> Result<Scenario, Diagnosis> {
    // What no run would play is not planned with either.
    reference::check_unfilled(&scenario)?;
    scenario.seed = overrides.seed.unwrap_or(scenario.seed);
    if let Some(duration) = overrides.duration {
        profile::last(&mut scenario, duration)?;
    }
    let mut spec = scenario.target.stand_in();
    spec.limiter = overrides.limiter.unwrap_or(spec.limiter);
    scenario.target = Target::Embedded(spec);
    Ok(scenario)
}

/// Whether some limit may be a bucket whose first filling counts for much of what a play lets through.
fn has_short_bucket(scenario: &Scenario) -> bool {
    const FILLINGS: u64 = 10;
    limits::lines(&scenario.policy).iter().any(|line| match &line.limit {
        Limit::Rate(rate) => {
            let fillings = rate
                .readings()
                .iter()
                .copied()
                .filter(|reading| reading.is_bucket())
                .map(|reading| rate.time_to_fill(reading));
            fillings.max().is_some_and(|filling| scenario.duration.0 / FILLINGS <= filling.0)
        }
        Limit::Concurrent(_) | Limit::Cooldown(_) => false,
    })
}

/// What is made up of answers that scripted clients follow.
fn imagined(scenario: &Scenario) -> Option<String> {
    let scripts = scenario.groups.iter().filter_map(|group| match &group.kind {
        GroupKind::Clients(spec) => Some(spec),
        GroupKind::Chargers(_) | GroupKind::Operators(_) => None,
    });
    let follows: Vec<&Then> = scripts.flat_map(|spec| &spec.requests).map(|request| &request.then).collect();
    let pages = follows.iter().any(|then| matches!(then, Then::Pages(_)));
    let polls = follows.iter().any(|then| matches!(then, Then::Poll(_)));
    let parts = [
        (pages, format!("every listing has {IMAGINED_PAGES} pages")),
        (polls, format!("what is polled for is done when it is asked for {IMAGINED_POLLS} times")),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|(is_so, _)| *is_so).map(|(_, part)| part).collect();
    let parts = (!parts.is_empty()).then(|| parts.join(", and "));
    parts.map(|parts| {
        format!("The simulation knows no answers: {parts}. A server that answers otherwise is asked more or less.")
    })
}

/// Whether clients of a group hold back what they are not yet refused.
fn stops_by_itself(group: &Group) -> bool {
    let reaction = match &group.kind {
        GroupKind::Chargers(_) => return false,
        GroupKind::Operators(spec) => &spec.reaction,
        GroupKind::Clients(spec) => &spec.reaction,
    };
    matches!(reaction, Reaction::Preempt(_))
}
