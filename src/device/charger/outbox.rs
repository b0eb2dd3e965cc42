//! What a charger must deliver, in order: events, records, statuses. They wait here while there is no connection.

use std::collections::VecDeque;

use super::session::{Direction, Reading, Receipt};
use crate::device::call::Call;
use crate::device::{Actions, Detail, DropReason, Note};
use crate::tellus::TellusOp;
use crate::time::Nanos;

/// More than this is dropped (and said so): an hour's worth of a busy charger.
pub const CAPACITY: usize = 64;

/// One thing to deliver.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// When it happened.
    pub at: Nanos,
    /// 1-based; 0 for the charger as a whole.
    pub connector: u8,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    PlugIn,
    Start {
        remote: bool,
    },
    Stop {
        reason: &'static str,
    },
    Fault(Fault),
    PlugOut,
    /// The connector's last telemetry of a session: it is no longer charging.
    LastReading {
        reading: Reading,
        faulted: bool,
    },
    Record {
        number: u32,
        receipt: Box<Receipt>,
    },
    CommandStatus {
        command_id: Box<str>,
        status: CommandStatus,
        message: &'static str,
    },
    Firmware {
        version: Box<str>,
        status: FirmwareStatus,
        progress: u8,
    },
}

/// A fault as the numeric `fault_code` of the API reports it: the dictionary's digits without `F-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: u16,
    pub message: &'static str,
}

impl Fault {
    /// The dictionary's faults that end a session.
    pub const OF_SESSIONS: [Fault; 4] = [
        Fault { code: 101, message: "Contactor weld" },
        Fault { code: 203, message: "Connector over-temperature" },
        Fault { code: 411, message: "Power-module timeout" },
        Fault { code: 805, message: "Session ended unexpectedly" },
    ];
    /// The one that only a vehicle giving energy can cause.
    pub const OF_DISCHARGING: Fault = Fault { code: 702, message: "Vehicle BMS refused discharge" };

    /// The fault of a session: `index` is any number below the length of the list.
    pub fn of(direction: Direction, index: u32) -> Fault {
        match direction {
            Direction::Charging => Self::OF_SESSIONS[index as usize],
            Direction::Discharging => Self::OF_DISCHARGING,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandStatus {
    Accepted,
    Rejected,
    Completed,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirmwareStatus {
    Downloading,
    Upgrading,
    Success,
}

/// A bounded queue. Its first item is the one being delivered.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    items: VecDeque<Item>,
    /// The delivery of the first item.
    pub call: Option<Call>,
}

impl Item {
    pub fn operation(&self) -> TellusOp {
        match self.what {
            What::PlugIn | What::Start { .. } | What::Stop { .. } | What::Fault(_) | What::PlugOut => TellusOp::Event,
            What::LastReading { .. } => TellusOp::Telemetry,
            What::Record { .. } => TellusOp::UploadRecord,
            What::CommandStatus { .. } => TellusOp::CommandStatus,
            What::Firmware { .. } => TellusOp::FirmwareStatus,
        }
    }

    /// Only telemetry names its connector: cadences are kept per connector.
    pub fn detail(&self) -> Detail {
        match self.what {
            What::LastReading { .. } => Detail::Resource(self.connector.into()),
            _ => Detail::None,
        }
    }

    /// Whether it was the schedule that made it happen, not an answer.
    pub fn is_scheduled(&self) -> bool {
        !matches!(self.what, What::CommandStatus { .. })
    }
}

impl Outbox {
    /// Adds an item, or says that there is no room.
    pub fn push(&mut self, at: Nanos, connector: u8, what: What, out: &mut Actions) {
        let item = Item { at, connector, what };
        if self.items.len() >= CAPACITY {
            let reason = DropReason::QueueFull;
            out.notes.push(Note::Dropped { operation: item.operation().id(), reason });
        } else {
            self.items.push_back(item);
        }
    }

    pub fn first(&self) -> Option<&Item> {
        self.items.front()
    }

    /// Forgets the first item: it was delivered, or given up.
    pub fn pop(&mut self) {
        self.items.pop_front();
    }

    /// How many items wait, the one being delivered included.
    pub fn waiting(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_outbox_drops_the_newest_and_says_so() {
        let mut outbox = Outbox::default();
        let mut out = Actions::default();
        for second in 0..CAPACITY as u64 + 3 {
            outbox.push(Nanos::from_secs(second), 1, What::PlugIn, &mut out);
        }
        assert_eq!(outbox.waiting(), CAPACITY);
        assert_eq!(outbox.first().unwrap().at, Nanos::ZERO);
        let dropped = Note::Dropped { operation: TellusOp::Event.id(), reason: DropReason::QueueFull };
        assert_eq!(out.notes, [dropped; 3]);
    }
}
