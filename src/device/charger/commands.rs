//! Orders from the platform: each is obeyed once, accepted or rejected, and its end reported.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::connector::Connector;
use super::machine::Charger;
use super::outbox::{CommandStatus, What};
use super::rollout::Rollout;
use super::session::Direction;
use crate::device::{Actions, Command, CommandKind};
use crate::time::Nanos;

/// The firmware that an upgrade command (which names none in v1.3) installs, and how long that takes to fetch.
const NEXT_FIRMWARE: &str = "2.2.0";
const DOWNLOAD: Nanos = Nanos::from_secs(60);
const REPORT_EVERY: Nanos = Nanos::from_secs(10);

/// The last commands seen, by hash: heartbeat replies and polls may bring the same one.
#[derive(Clone, Debug, Default)]
pub struct Recent(Vec<u64>);

impl Recent {
    const KEPT: usize = 16;

    /// Whether this one is new; from now on it is not.
    pub fn is_new(&mut self, command_id: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        command_id.hash(&mut hasher);
        let hash = hasher.finish();
        if self.0.contains(&hash) {
            return false;
        }
        if self.0.len() >= Self::KEPT {
            self.0.remove(0);
        }
        self.0.push(hash);
        true
    }
}

impl Charger {
    /// Does what a command says, if it is new.
    pub(super) fn obey(&mut self, now: Nanos, command: Command, out: &mut Actions) {
        if !self.recent.is_new(&command.command_id) {
            return;
        }
        match command.kind {
            CommandKind::StartCharging => self.start_remotely(now, command, Direction::Charging, out),
            CommandKind::Discharge => self.start_remotely(now, command, Direction::Discharging, out),
            CommandKind::StopCharging => self.stop_remotely(now, command, out),
            CommandKind::SetPowerLimit => self.limit_remotely(now, command, out),
            CommandKind::FirmwareUpgrade => self.upgrade_remotely(now, command, out),
            CommandKind::SetSchedule | CommandKind::Other => self.reject(now, command, "Not supported", out),
        }
    }

    /// Completed when the session has started, which takes a moment.
    fn start_remotely(&mut self, now: Nanos, command: Command, direction: Direction, out: &mut Actions) {
        let Some(index) = self.connector_for(&command, Connector::is_free) else {
            return self.reject(now, command, "No free connector", out);
        };
        self.accept(now, &command, out);
        self.connectors[index].plug_in(now, direction, Some(command.command_id), &mut self.outbox, out);
    }

    fn stop_remotely(&mut self, now: Nanos, command: Command, out: &mut Actions) {
        let Some(index) = self.connector_for(&command, |connector| connector.session().is_some()) else {
            return self.reject(now, command, "No session to stop", out);
        };
        self.accept(now, &command, out);
        self.connectors[index].end_session(now, "remote", &mut self.outbox, out);
        self.report_completed(now, Some(command.command_id), out);
    }

    /// Holds for the sessions under way; one connector's, or all.
    fn limit_remotely(&mut self, now: Nanos, command: Command, out: &mut Actions) {
        let Some(percent) = command.power_percent else {
            return self.reject(now, command, "No power limit given", out);
        };
        self.accept(now, &command, out);
        let model = &self.plan.spec.model;
        let meant =
            |connector: &&mut Connector| matches!(command.connector, 0) || connector.number == command.connector;
        for connector in self.connectors.iter_mut().filter(meant) {
            if let Some(session) = connector.session_mut() {
                session.limit_power(now, percent, model);
            }
        }
        self.report_completed(now, Some(command.command_id), out);
    }

    /// Completed when the charger has come up with the new firmware.
    fn upgrade_remotely(&mut self, now: Nanos, command: Command, out: &mut Actions) {
        if self.rollout.is_some() {
            return self.reject(now, command, "An upgrade is under way", out);
        }
        self.accept(now, &command, out);
        let mut rollout = Rollout::new(NEXT_FIRMWARE, now, DOWNLOAD, REPORT_EVERY);
        rollout.command = Some(command.command_id);
        self.rollout = Some(Box::new(rollout));
    }

    /// The connector that a command names, or the first one, that is fit for it.
    fn connector_for(&self, command: &Command, fit: impl Fn(&Connector) -> bool) -> Option<usize> {
        let meant = |connector: &Connector| matches!(command.connector, 0) || connector.number == command.connector;
        self.connectors.iter().position(|connector| meant(connector) && fit(connector))
    }

    fn accept(&mut self, now: Nanos, command: &Command, out: &mut Actions) {
        self.report(now, command.command_id.clone(), CommandStatus::Accepted, "Accepted", out);
    }

    fn reject(&mut self, now: Nanos, command: Command, message: &'static str, out: &mut Actions) {
        self.report(now, command.command_id, CommandStatus::Rejected, message, out);
    }

    /// The end of a command that was accepted, if there is one.
    pub(super) fn report_completed(&mut self, now: Nanos, command_id: Option<Box<str>>, out: &mut Actions) {
        if let Some(command_id) = command_id {
            self.report(now, command_id, CommandStatus::Completed, "Completed", out);
        }
    }

    fn report(
        &mut self,
        now: Nanos,
        command_id: Box<str>,
        status: CommandStatus,
        message: &'static str,
        out: &mut Actions,
    ) {
        self.outbox.push(now, 0, What::CommandStatus { command_id, status, message }, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_new_once_and_the_memory_is_bounded() {
        let mut recent = Recent::default();
        assert!(recent.is_new("cmd_0"));
        assert!(!recent.is_new("cmd_0"));
        for number in 1..=16 {
            assert!(recent.is_new(&format!("cmd_{number}")));
        }
        assert_eq!(recent.0.len(), 16);
        assert!(!recent.is_new("cmd_16"));
    }
}
