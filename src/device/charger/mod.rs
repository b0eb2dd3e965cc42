//! A charger: it registers once, keeps a token, reports that it lives, what its connectors measure and what happens to
//! them, and does what it is told.
//!
//! [`machine`] decides when what is sent, [`connector`] and [`session`] play vehicles and physics, [`outbox`] holds what
//! must be delivered, [`commands`] acts on orders, `disturbance` on events, [`wire`] writes and reads HTTP.

pub mod commands;
pub mod connector;
mod disturbance;
pub mod machine;
pub mod outbox;
mod plan;
pub mod rollout;
pub mod session;
pub mod wire;

pub use machine::Charger;
pub use plan::ChargerPlan;

#[cfg(test)]
pub(crate) mod tests_support {
    use std::sync::Arc;

    use super::{Charger, ChargerPlan};
    use crate::device::{Actions, Answer, Body, Command, Device, Event, HttpRequest, Outcome, Request};
    use crate::policy::signals::{Hint, Told};
    use crate::scenario::fleet::*;
    use crate::scenario::start::Start;
    use crate::tellus::TellusOp;
    use crate::time::{Anchor, Nanos};

    /// A well-behaved charger without sessions of its own.
    pub(crate) fn spec() -> ChargerSpec {
        ChargerSpec {
            connectors: 1,
            model: ChargerModel { name: "TP-AC22".into(), max_power_kw: 22.0, voltage: 230.0, phases: 3 },
            serial_prefix: None,
            start: Start { spread: Nanos::from_secs(10), growth: None },
            heartbeat: CadenceSpec { every: Nanos::from_secs(30), jitter: 0.1 },
            telemetry: CadenceSpec { every: Nanos::from_secs(5), jitter: 0.05 },
            sessions: SessionSpec {
                arrivals_per_hour: 0.0,
                shape: [1.0; 24],
                week: [1.0; 7],
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

    /// A charger whose every request is served at once.
    pub(crate) struct Served {
        pub(crate) charger: Charger,
        pub(crate) now: Nanos,
        /// Given with the next heartbeat's answer.
        pub(crate) commands: Vec<Command>,
        /// What was sent: operation and body.
        pub(crate) sent: Vec<(TellusOp, serde_json::Value)>,
    }

    impl Served {
        pub(crate) const ANCHOR: Anchor = Anchor { unix_nanos: 1_773_570_600_000_000_000 };

        pub(crate) fn new(spec: ChargerSpec) -> Self {
            let horizon = Nanos::from_secs(86_400);
            let plan = ChargerPlan {
                spec,
                serial_prefix: "depot".into(),
                chargers: 4,
                horizon,
                start_of_week_offset: Nanos::ZERO,
            };
            let charger = Charger::new(Arc::new(plan), 3, crate::rng::device_rng(7, "depot", 3));
            Served { charger, now: Nanos::ZERO, commands: Vec::new(), sent: Vec::new() }
        }

        pub(crate) fn run_until(&mut self, end: Nanos) {
            let mut out = Actions::default();
            self.charger.handle(self.now, Event::Wake, &mut out);
            loop {
                let requests = std::mem::take(&mut out.requests);
                requests.iter().for_each(|request| self.note(request));
                for request in requests {
                    let mut next = Actions::default();
                    let answer = Answer {
                        outcome: Outcome::Served,
                        hint: Hint::Absent,
                        told: Told::default(),
                        body: self.answer(&request),
                    };
                    self.charger.handle(self.now, Event::Answered { request: &request, answer }, &mut next);
                    out.requests.append(&mut next.requests);
                    out.wake = next.wake;
                }
                if !out.requests.is_empty() {
                    continue;
                }
                match out.wake {
                    Some(wake) if wake <= end => self.now = wake,
                    _ => return,
                }
                out.clear();
                self.charger.handle(self.now, Event::Wake, &mut out);
            }
        }

        /// What was sent to this operation.
        pub(crate) fn bodies(&self, op: TellusOp) -> Vec<&serde_json::Value> {
            self.sent.iter().filter(|(sent, _)| *sent == op).map(|(_, body)| body).collect()
        }

        fn note(&mut self, request: &Request) {
            let mut http = HttpRequest::default();
            self.charger.render(self.now, request, Self::ANCHOR, &mut http);
            let op = TellusOp::from_id(request.operation).unwrap();
            self.sent.push((op, serde_json::from_slice(&http.body).unwrap_or_default()));
        }

        fn answer(&mut self, request: &Request) -> Body {
            match TellusOp::from_id(request.operation) {
                Some(TellusOp::Register) => Body::Registered { device_id: "dvc_x".into(), device_secret: "sk".into() },
                Some(TellusOp::DeviceToken) => Body::Token { value: "t".into(), lifetime: Nanos::from_secs(86_400) },
                Some(TellusOp::Heartbeat) if !self.commands.is_empty() => {
                    Body::Commands(std::mem::take(&mut self.commands))
                }
                _ => Body::None,
            }
        }
    }
}
