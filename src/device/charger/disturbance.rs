//! What events do to a charger: lost connections, lost power, lost tokens, new firmware, many vehicles.

use super::machine::{Charger, Presence};
use super::outbox::FirmwareStatus;
use super::rollout::{self, Rollout, Step};
use crate::device::call::Call;
use crate::device::{Actions, Disconnect};
use crate::scenario::Disturbance;
use crate::tellus::TellusOp;
use crate::time::Nanos;

impl Charger {
    /// Takes one of the scenario's events.
    pub(super) fn disturbed(&mut self, now: Nanos, disturbance: &Disturbance, out: &mut Actions) {
        match disturbance {
            Disturbance::Blackout { outage, back_within } => {
                let back = now.saturating_add(*outage).saturating_add(self.fate.within(*back_within));
                self.disconnect(out);
                match &mut self.presence {
                    // Without power there is nothing to lose but the way back.
                    Presence::Off { until } => *until = back.max(*until),
                    presence => *presence = Presence::Dark { until: back },
                }
            }
            Disturbance::ColdStart { within } => {
                let until = now.saturating_add(self.fate.within(*within));
                self.power_down(now, until, out);
            }
            Disturbance::TokenExpiry => self.token.forget(),
            Disturbance::FirmwareRollout { version, within, download, report_every } => {
                let starts = now.saturating_add(self.fate.within(*within));
                self.rollout = Some(Box::new(Rollout::new(version, starts, *download, *report_every)));
            }
            Disturbance::SessionSurge { within } => {
                for connector in &mut self.connectors {
                    connector.summon(now.saturating_add(self.fate.within(*within)));
                }
            }
            // Only operators send control requests.
            Disturbance::ControlBurst { .. } => {}
        }
    }

    /// Loses power, connections and token until `until`; identity and what must be delivered are kept.
    pub(super) fn power_down(&mut self, now: Nanos, until: Nanos, out: &mut Actions) {
        for connector in &mut self.connectors {
            connector.power_down(now, &mut self.outbox, out);
        }
        self.token.forget();
        self.disconnect(out);
        self.presence = Presence::Off { until };
    }

    /// Drops all connections; what is in flight comes back cancelled. Nothing that waits to be retried survives, except
    /// what must be delivered.
    fn disconnect(&mut self, out: &mut Actions) {
        out.disconnect.push(Disconnect::All);
        let mut drop_waiting = |slot: &mut Option<Call>, operation: TellusOp| {
            if let Some(call) = slot.take_if(|call| !call.in_flight()) {
                call.finish(operation.id(), false, out);
            }
        };
        drop_waiting(&mut self.setup, self.setup_operation);
        drop_waiting(&mut self.heartbeat, TellusOp::Heartbeat);
        for connector in &mut self.connectors {
            drop_waiting(&mut connector.sample, TellusOp::Telemetry);
            drop_waiting(&mut connector.poll.call, TellusOp::PollCommands);
        }
        if let Some(call) = self.outbox.call.as_mut().filter(|call| !call.in_flight()) {
            call.hold();
        }
    }

    /// Takes the steps of a rollout that have come; its last one is that the charger is back.
    pub(super) fn advance_rollout(&mut self, now: Nanos, out: &mut Actions) {
        let Some(rollout) = &mut self.rollout else { return };
        if rollout.is_restarting() {
            let done = rollout.status(FirmwareStatus::Success, 100);
            let command = rollout.command.take();
            self.rollout = None;
            self.outbox.push(now, 0, done, out);
            self.report_completed(now, command, out);
            return;
        }
        while rollout.next() <= now {
            let at = rollout.next();
            match rollout.step() {
                Step::Report(what) => self.outbox.push(at, 0, what, out),
                Step::Restart => {
                    self.power_down(at, at.saturating_add(rollout::RESTART), out);
                    return;
                }
            }
        }
    }
}
