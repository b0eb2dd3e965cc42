//! The operations of the Tellus Open Platform API v1.3 that devices send and the reference server answers.

use crate::scenario::OperationId;

/// The 21 operations of the operator and charger surfaces (the stream among them), numbered as in a scenario's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum TellusOp {
    OperatorToken,
    Sites,
    Device,
    Start,
    Stop,
    Discharge,
    Schedule,
    Records,
    Energy,
    Flexibility,
    Command,
    Stream,
    Register,
    DeviceToken,
    Heartbeat,
    Telemetry,
    Event,
    UploadRecord,
    PollCommands,
    CommandStatus,
    FirmwareStatus,
}

impl TellusOp {
    pub const ALL: [TellusOp; 21] = [
        TellusOp::OperatorToken,
        TellusOp::Sites,
        TellusOp::Device,
        TellusOp::Start,
        TellusOp::Stop,
        TellusOp::Discharge,
        TellusOp::Schedule,
        TellusOp::Records,
        TellusOp::Energy,
        TellusOp::Flexibility,
        TellusOp::Command,
        TellusOp::Stream,
        TellusOp::Register,
        TellusOp::DeviceToken,
        TellusOp::Heartbeat,
        TellusOp::Telemetry,
        TellusOp::Event,
        TellusOp::UploadRecord,
        TellusOp::PollCommands,
        TellusOp::CommandStatus,
        TellusOp::FirmwareStatus,
    ];

    /// The operation's number in a scenario whose fleet speaks Tellus.
    pub const fn id(self) -> OperationId {
        OperationId(self as u16)
    }

    pub fn from_id(id: OperationId) -> Option<TellusOp> {
        Self::ALL.get(usize::from(id.0)).copied()
    }

    /// Whether it belongs to the charger surface; else to the operator's.
    pub const fn is_chargers(self) -> bool {
        self as u16 >= TellusOp::Register as u16
    }

    /// `WS` for the stream's handshake.
    pub const fn method(self) -> &'static str {
        self.request().0
    }

    /// The path's template.
    pub const fn path(self) -> &'static str {
        self.request().1
    }

    /// Method and path template.
    pub const fn request(self) -> (&'static str, &'static str) {
        match self {
            TellusOp::OperatorToken => ("POST", "/v1/operator/oauth/token"),
            TellusOp::Sites => ("GET", "/v1/operator/sites"),
            TellusOp::Device => ("GET", "/v1/operator/devices/{device_id}"),
            TellusOp::Start => ("POST", "/v1/operator/devices/{device_id}/connectors/{connector_id}/start"),
            TellusOp::Stop => ("POST", "/v1/operator/devices/{device_id}/connectors/{connector_id}/stop"),
            TellusOp::Discharge => ("POST", "/v1/operator/devices/{device_id}/connectors/{connector_id}/discharge"),
            TellusOp::Schedule => ("POST", "/v1/operator/devices/{device_id}/connectors/{connector_id}/schedule"),
            TellusOp::Records => ("GET", "/v1/operator/charging-records"),
            TellusOp::Energy => ("GET", "/v1/operator/aggregated/energy"),
            TellusOp::Flexibility => ("POST", "/v1/operator/control/flexibility"),
            TellusOp::Command => ("GET", "/v1/operator/commands/{command_id}"),
            TellusOp::Stream => ("WS", "/v1/operator/stream"),
            TellusOp::Register => ("POST", "/v1/device/register"),
            TellusOp::DeviceToken => ("POST", "/v1/device/token"),
            TellusOp::Heartbeat => ("POST", "/v1/device/heartbeat"),
            TellusOp::Telemetry => ("POST", "/v1/device/telemetry"),
            TellusOp::Event => ("POST", "/v1/device/events"),
            TellusOp::UploadRecord => ("POST", "/v1/device/charging-records"),
            TellusOp::PollCommands => ("GET", "/v1/device/commands"),
            TellusOp::CommandStatus => ("POST", "/v1/device/command-status"),
            TellusOp::FirmwareStatus => ("POST", "/v1/device/firmware/status"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_the_table_agree() {
        for (index, op) in TellusOp::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(op.id().0), index);
            assert_eq!(TellusOp::from_id(op.id()), Some(op));
        }
    }
}
