//! Part 10: every source of figures gets an id.

use super::super::admit::{Evidence, basis, reservations};
use super::super::model::{Basis, Part, Reference};
use crate::summary::plan::{Origin, Plan};

/// All references, and which of them is what.
pub struct Sources {
    pub references: Vec<Reference>,
    /// One id per directory.
    pub runs: Vec<String>,
    /// One per directory, for the answers of its plan.
    pub plans: Vec<PlanIds>,
}

/// The ids of a plan's answers.
#[derive(Default)]
pub struct PlanIds {
    pub fleet: Option<String>,
    pub quota: Option<String>,
    pub sweep: Option<String>,
    pub sides: Option<(String, String)>,
}

pub fn references(evidence: &[Evidence]) -> Sources {
    let mut sources = Sources { references: Vec::new(), runs: Vec::new(), plans: Vec::new() };
    // Runs first, so that the request's own is R1 and plans do not move them.
    for one in evidence {
        let id = sources.add(of_run(one));
        sources.runs.push(id);
    }
    for one in evidence {
        let ids = one.plan.as_ref().map_or_else(PlanIds::default, |plan| sources.of_plan(one, plan));
        sources.plans.push(ids);
    }
    sources
}

impl Sources {
    fn add(&mut self, reference: Reference) -> String {
        let id = format!("R{}", self.references.len() + 1);
        self.references.push(Reference { id: id.clone(), ..reference });
        id
    }

    fn of_plan(&mut self, one: &Evidence, plan: &Plan) -> PlanIds {
        let mut add = |part, origin: &Origin| self.add(of_answer(one, plan, part, origin));
        PlanIds {
            quota: plan.quota.as_ref().map(|answer| add(Part::LeastQuota, &answer.origin)),
            fleet: plan.fleet.as_ref().map(|answer| add(Part::LargestFleet, &answer.origin)),
            sweep: plan.sweep.as_ref().map(|answer| add(Part::Sweep, &answer.origin)),
            sides: plan
                .comparison
                .as_ref()
                .map(|it| (add(Part::Before, &it.before.origin), add(Part::After, &it.after.origin))),
        }
    }
}

fn of_run(one: &Evidence) -> Reference {
    let run = &one.summary.run;
    Reference {
        id: String::new(),
        run: one.dir.clone(),
        part: Part::Run,
        profile: run.name.clone(),
        basis: basis(&one.summary),
        target: run.target.clone(),
        started: Some(run.started.clone()),
        duration_s: Some(run.duration_s),
        seeds: vec![run.seed],
        profile_hash: run.profile_hash.clone(),
        policy_hash: run.policy_hash.clone(),
        version: run.version.clone(),
        command: run.command.clone(),
        reservations: reservations(&one.summary),
    }
}

fn of_answer(one: &Evidence, plan: &Plan, part: Part, origin: &Origin) -> Reference {
    Reference {
        id: String::new(),
        run: one.dir.clone(),
        part,
        profile: origin.profile.clone(),
        basis: Basis::Simulated,
        target: "the policy's limits, in process".to_owned(),
        started: None,
        duration_s: origin.duration_s,
        seeds: origin.seeds.clone(),
        profile_hash: origin.profile_hash.clone(),
        policy_hash: origin.policy_hash.clone(),
        version: origin.version.clone(),
        command: origin.command.clone(),
        reservations: plan.caveats.clone(),
    }
}
