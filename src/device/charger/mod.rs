//! A charger: it registers once, keeps a token, reports that it lives, what its connectors measure and what happens to
//! them, and does what it is told.
//!
//! [`machine`] decides when what is sent, [`connector`] and [`session`] play vehicles and physics, [`outbox`] holds what
//! must be delivered, [`commands`] acts on orders, [`wire`] writes and reads HTTP.

pub mod commands;
pub mod connector;
pub mod machine;
pub mod outbox;
pub mod rollout;
pub mod session;
pub mod wire;

pub use machine::{Charger, ChargerPlan};

#[cfg(test)]
pub(crate) mod tests_support {
    use crate::scenario::fleet::*;
    use crate::time::Nanos;

    /// A well-behaved charger without sessions of its own.
    pub(crate) fn spec() -> ChargerSpec {
        ChargerSpec {
            connectors: 1,
            model: ChargerModel { name: "TP-AC22".into(), max_power_kw: 22.0, voltage: 230.0, phases: 3 },
            boot_spread: Nanos::from_secs(10),
            heartbeat: CadenceSpec { every: Nanos::from_secs(30), jitter: 0.1 },
            telemetry: CadenceSpec { every: Nanos::from_secs(5), jitter: 0.05 },
            sessions: SessionSpec {
                arrivals_per_hour: 0.0,
                shape: [1.0; 24],
                duration: LogNormal { median: Nanos::from_secs(2700), p95: Nanos::from_secs(3 * 3600) },
                discharging: 0.0,
                faults: 0.0,
                initially_busy: 0.0,
            },
            commands: CommandDelivery::Heartbeat,
            renew_before: Nanos::from_secs(300),
            reaction: Reaction::Obey(Backoff::DOCUMENTED),
            reconnect: Backoff::DOCUMENTED,
        }
    }
}
