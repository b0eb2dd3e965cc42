//! What happens to the fleet.

use super::groups::Groups;
use crate::profile::document::event::*;
use crate::scenario::GroupId;
use crate::scenario::event::{BurstCommand, Disturbance, ScheduledEvent};
use crate::time::Nanos;
use crate::yaml::quantity::Percent;
use crate::yaml::{Diagnosis, Located};

pub(super) fn events(
    groups: &Groups<'_>,
    documents: &[Located<EventDocument>],
    duration: Nanos,
) -> Result<Vec<ScheduledEvent>, Diagnosis> {
    documents.iter().map(|document| event(groups, document, duration)).collect()
}

fn event(groups: &Groups<'_>, document: &Located<EventDocument>, end: Nanos) -> Result<ScheduledEvent, Diagnosis> {
    let at = document.at.value.0;
    if at >= end {
        let title = format!("this event at {at} comes after the run, which ends at {end}");
        return Err(Diagnosis::at(groups.source, document.at.place, title)
            .help("move it to an earlier moment, or raise `duration`"));
    }
    let mut kinds = kinds(groups, document)?;
    match (kinds.pop(), kinds.is_empty()) {
        (Some((_, Percent(0.0), _)), true) => {
            Err(Diagnosis::at(groups.source, document.place, "this event reaches nobody")
                .help("write a `share` above 0%, or leave it out to mean all"))
        }
        (Some((group, Percent(share), what)), true) => Ok(ScheduledEvent { at, group, share, what }),
        (found, _) => {
            let title = if found.is_some() { "this event is several at once" } else { "nothing happens at this event" };
            Err(Diagnosis::at(groups.source, document.place, title).help(
                "write one of `blackout`, `cold_start`, `token_expiry`, `firmware_rollout`, `session_surge` and \
                 `control_burst` beside `at`",
            ))
        }
    }
}

/// Everything that one entry says happens: it should be one thing.
fn kinds(groups: &Groups<'_>, document: &EventDocument) -> Result<Vec<(GroupId, Percent, Disturbance)>, Diagnosis> {
    let mut kinds = Vec::new();
    if let Some(blackout) = &document.blackout {
        let what = Disturbance::Blackout { outage: blackout.outage.0, back_within: blackout.back_within.0 };
        kinds.push((groups.any(&blackout.group)?.0, blackout.share, what));
    }
    if let Some(start) = &document.cold_start {
        let what = Disturbance::ColdStart { within: start.within.0 };
        kinds.push((groups.any(&start.group)?.0, start.share, what));
    }
    if let Some(expiry) = &document.token_expiry {
        kinds.push((groups.any(&expiry.group)?.0, expiry.share, Disturbance::TokenExpiry));
    }
    if let Some(rollout) = &document.firmware_rollout {
        let what = Disturbance::FirmwareRollout {
            version: rollout.version.clone(),
            within: rollout.within.0,
            download: rollout.download.0,
            report_every: rollout.report_every.0,
        };
        kinds.push((groups.chargers(&rollout.group)?.0, rollout.share, what));
    }
    if let Some(surge) = &document.session_surge {
        let what = Disturbance::SessionSurge { within: surge.within.0 };
        kinds.push((groups.chargers(&surge.group)?.0, surge.share, what));
    }
    if let Some(burst) = &document.control_burst {
        let command = match &burst.command.0 {
            BurstCommandDocument::Flexibility {} => BurstCommand::Flexibility,
            BurstCommandDocument::Start(group) => BurstCommand::Start { group: groups.chargers(group)?.0 },
        };
        let what = Disturbance::ControlBurst { command, commands: burst.commands.0, within: burst.within.0 };
        kinds.push((groups.operators(&burst.group)?, burst.share, what));
    }
    Ok(kinds)
}
