//! What happens to the fleet during a run.

use super::fleet::GroupId;
use crate::time::Nanos;

/// One thing that happens to a share of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledEvent {
    pub at: Nanos,
    pub group: GroupId,
    /// Of the group's devices, `0.0..=1.0`.
    pub share: f64,
    pub what: Disturbance,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Disturbance {
    /// All connections are lost for `outage`; each device is back at a random moment within `back_within` after that.
    Blackout { outage: Nanos, back_within: Nanos },
    /// Reboot: connections and tokens are lost, the identity survives; each boots at a random moment within `within`.
    ColdStart { within: Nanos },
    /// The tokens in hand end now.
    TokenExpiry,
    /// The new firmware is fetched and installed; each device starts at a random moment within `within`, reports its
    /// progress, then reboots.
    FirmwareRollout { version: String, within: Nanos, download: Nanos, report_every: Nanos },
    /// A vehicle arrives at each free connector, at a random moment within `within`.
    SessionSurge { within: Nanos },
    /// Each client sends `commands` control requests, evenly over `within`.
    ControlBurst { command: BurstCommand, commands: u32, within: Nanos },
}

impl Disturbance {
    /// How long it goes on until the last device has done, or begun, what it is about.
    pub fn lasts(&self) -> Nanos {
        match *self {
            Disturbance::Blackout { outage, back_within } => outage.saturating_add(back_within),
            Disturbance::FirmwareRollout { within, download, .. } => within.saturating_add(download),
            Disturbance::ColdStart { within }
            | Disturbance::SessionSurge { within }
            | Disturbance::ControlBurst { within, .. } => within,
            Disturbance::TokenExpiry => Nanos::ZERO,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BurstCommand {
    /// Remote starts, spread over a group's chargers.
    Start { group: GroupId },
    /// Flexibility batches.
    Flexibility,
}
