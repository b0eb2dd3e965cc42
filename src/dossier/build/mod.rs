//! From runs and answers to the dossier, one file per part.

mod client;
mod demand;
mod evidence;
mod least;
mod mitigations;
mod open;
mod questions;
mod references;
mod request;

use super::admit::{Evidence, Refusal, admit};
use super::answers::Answers;
use super::model::{Dossier, FORMAT, FleetModel, Group, Provider, Steps};
use super::render::summary_text;
use crate::summary::Summary;

/// A run with the id that its figures carry.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    pub id: &'a str,
    pub summary: &'a Summary,
}

/// The dossier of these runs; the first is the fleet that the request is for. `answers` were held against its quotas by
/// [`super::answers::fit`]; what does not fit is left out.
///
/// # Errors
/// Why the runs cannot stand in one dossier.
pub fn build(evidence: &[Evidence], answers: &Answers, command: &str) -> Result<Dossier, Refusal> {
    admit(evidence)?;
    let sources = references::references(evidence);
    let runs: Vec<Run<'_>> =
        sources.runs.iter().zip(evidence).map(|(id, one)| Run { id, summary: &one.summary }).collect();
    let first = *runs.first().ok_or(Refusal::Nothing)?;
    let least = least::least(evidence, &sources, &runs);
    let demand = demand::demand(&runs);
    let request = request::request(answers, &demand, &least, first);
    let mut dossier = Dossier {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: command.to_owned(),
        provider: provider(first.summary),
        fleet: fleet(first, answers),
        evidence: runs.iter().map(|run| evidence::run_evidence(run, first.summary)).collect(),
        mitigations: mitigations::mitigations(&runs, answers),
        client: client::client(&runs),
        steps: steps(first, answers),
        questions: questions::questions(&runs, &sources.references, &demand),
        references: sources.references,
        open: Vec::new(),
        summary: String::new(),
        request,
        demand,
        least,
    };
    dossier.open = open::items(&dossier, first.summary);
    dossier.summary = summary_text::render(&dossier);
    Ok(dossier)
}

fn provider(summary: &Summary) -> Provider {
    let policy = &summary.policy;
    Provider {
        policy: policy.name.clone(),
        title: policy.title.clone(),
        source: policy.source.clone(),
        policy_hash: summary.run.policy_hash.clone(),
    }
}

fn fleet(first: Run<'_>, answers: &Answers) -> FleetModel {
    let summary = first.summary;
    let group = |group: &crate::summary::GroupInfo| Group {
        name: group.name.clone(),
        kind: group.kind.clone(),
        devices: group.devices,
        behaviour: group.behaviour.clone(),
    };
    FleetModel {
        source: first.id.to_owned(),
        name: summary.run.name.clone(),
        description: summary.run.description.clone(),
        duration_s: summary.run.sending_s(),
        groups: summary.fleet.iter().map(group).collect(),
        events: summary.run.events.iter().map(|event| event.text.clone()).collect(),
        assumptions: answers.assumptions.iter().map(|text| text.0.clone()).collect(),
        growth: answers.growth.as_ref().map(|text| text.0.clone()),
    }
}

fn steps(first: Run<'_>, answers: &Answers) -> Steps {
    let gates = first.summary.gates.iter();
    Steps {
        rollback: answers.rollback.as_ref().map(|text| text.0.clone()),
        monitoring: answers.monitoring.as_ref().map(|text| text.0.clone()),
        gates: gates.map(|gate| (gate.gate.clone(), gate.verdict, gate.measured.clone())).collect(),
        source: first.id.to_owned(),
    }
}
