//! How many open files a scenario takes, and whether the limit allows them: better said at once than found in mid-run.

use crate::scenario::Scenario;
use crate::scenario::client::{ClientSpec, Connections};
use crate::scenario::fleet::{CommandDelivery, GroupKind, OperatorSpec, Question};
use crate::scenario::target::Target;

/// Files, timers and listeners besides the connections, with room for a few shards.
const RESERVE: u64 = 128;

/// The fleet needs more open files than this process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this fleet needs {needed} open files, but the limit is {limit}\n\
     raise it (`ulimit -n {needed}`), or lower the `count` or `connectors` of the largest group"
)]
pub struct TooManyFiles {
    pub needed: u64,
    pub limit: u64,
}

/// How many file descriptors a scenario needs at its busiest moment. Connections to the embedded server have both their
/// ends in this process.
pub fn needed(scenario: &Scenario) -> u64 {
    let connections: u64 = scenario
        .groups
        .iter()
        .map(|group| {
            let each = match &group.kind {
                GroupKind::Chargers(spec) => match spec.commands {
                    CommandDelivery::LongPoll { .. } => 1 + u64::from(spec.connectors),
                    CommandDelivery::Heartbeat => 1,
                },
                GroupKind::Operators(spec) => operator_connections(spec),
                GroupKind::Clients(spec) => client_connections(spec, group.count),
            };
            each * u64::from(group.count)
        })
        .sum();
    match scenario.target {
        Target::Embedded(_) => 2 * connections + RESERVE,
        Target::Remote(_) => connections + RESERVE,
    }
}

/// One connection of the pool for each ask that may be under way (polling asks for its devices at once), and one for each
/// stream; one at least, for the token.
fn operator_connections(spec: &OperatorSpec) -> u64 {
    let connections = spec.asks.iter().map(|ask| match ask.what {
        Question::DeviceDetails { devices, .. } => u64::from(devices),
        Question::Stream { devices, per_connection, .. } => u64::from(devices.div_ceil(per_connection.max(1))),
        _ => 1,
    });
    connections.sum::<u64>().max(1)
}

/// Its own connection, or as many of the pool as it is likely to use at once; and one for each stream.
fn client_connections(spec: &ClientSpec, clients: u32) -> u64 {
    let requests = match spec.connections {
        Connections::Own => 1,
        Connections::Pooled => {
            let at_once = spec.schedules.iter().map(|schedule| schedule.arrivals.likely_at_once(clients));
            at_once.fold(0, u32::saturating_add).clamp(1, spec.in_flight)
        }
    };
    u64::from(requests) + spec.streams.len() as u64
}

/// Whether `limit` open files are enough.
pub fn fits(needed: u64, limit: u64) -> Result<(), TooManyFiles> {
    if needed <= limit { Ok(()) } else { Err(TooManyFiles { needed, limit }) }
}

/// Raises this process's limit as far as it may and needs to, then checks that it is enough.
pub fn ensure(scenario: &Scenario) -> Result<(), TooManyFiles> {
    let needed = needed(scenario);
    // Where the limit cannot be read or raised, the run tells by itself.
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX);
    fits(needed, limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Source;

    fn scenario(target: &str, fleet: &str) -> Scenario {
        let text = format!("name: x\npolicy: tellus\ntarget: {target}\nfleet:\n{fleet}");
        crate::profile::load_source(&Source::built_in("x.yaml", &text)).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_charger_takes_one_connection_and_one_more_for_each_long_poll() {
        let remote = "{url: 'http://127.0.0.1:9'}";
        let long_poll = scenario(remote, "  a: {chargers: {count: 10, connectors: 2}}");
        assert_eq!(needed(&long_poll), 30 + RESERVE);
        let heartbeat = scenario(remote, "  a: {chargers: {count: 10, connectors: 2, commands: heartbeat}}");
        assert_eq!(needed(&heartbeat), 10 + RESERVE);
    }

    #[test]
    fn the_embedded_server_doubles_the_connections() {
        let embedded = scenario("embedded", "  a: {chargers: {count: 10, connectors: 2}}");
        assert_eq!(needed(&embedded), 60 + RESERVE);
    }

    #[test]
    fn an_operator_takes_a_connection_for_each_ask_and_polled_device() {
        let fleet = "  a: {chargers: {count: 9}}\n  b: {operators: {count: 2, asks: [{get: energy, every: 1m}, \
                     {stream: a}, {get: device, of: a, every: 1m}]}}\n  c: {operators: {count: 3}}";
        let remote = scenario("{url: 'http://127.0.0.1:9'}", fleet);
        assert_eq!(needed(&remote), 9 * 2 + 2 * (1 + 1 + 9) + 3 + RESERVE);
    }

    #[test]
    fn too_many_are_refused_with_both_numbers() {
        assert_eq!(fits(1_024, 1_024), Ok(()));
        let error = fits(1_025, 1_024).unwrap_err().to_string();
        assert!(error.starts_with("this fleet needs 1025 open files, but the limit is 1024\n"), "{error}");
        assert!(error.contains("ulimit -n 1025"), "{error}");
    }
}
