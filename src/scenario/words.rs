//! A scenario in plain English, for reports.

mod client;

use super::event::{BurstCommand, Disturbance, ScheduledEvent};
use super::fleet::*;
use super::start::Start;
use super::{GroupId, Scenario};
use crate::time::Nanos;
use crate::words::percent;

/// What a group does, one line each.
pub fn behaviour(scenario: &Scenario, group: &Group) -> Vec<String> {
    match &group.kind {
        GroupKind::Chargers(spec) => charger_lines(spec),
        GroupKind::Operators(spec) => operator_lines(scenario, spec),
        GroupKind::Clients(spec) => client::client_lines(scenario, group, spec),
    }
}

/// What an event does, without its time.
pub fn event_text(scenario: &Scenario, event: &ScheduledEvent) -> String {
    let group = group_name(scenario, event.group);
    let whom =
        if event.share >= 1.0 { format!("all of {group}") } else { format!("{} of {group}", percent(event.share)) };
    match &event.what {
        Disturbance::Blackout { outage, back_within } => {
            format!("blackout: {whom} lose their connections for {outage} and come back {}", spread(*back_within))
        }
        Disturbance::ColdStart { within } => format!("cold start: {whom} reboot {}", spread(*within)),
        Disturbance::TokenExpiry => format!("token expiry: the tokens of {whom} end"),
        Disturbance::FirmwareRollout { version, within, download, report_every } => format!(
            "firmware rollout: {whom} begin to install {version} {}, download for {download}, report every \
             {report_every} and reboot",
            spread(*within)
        ),
        Disturbance::SessionSurge { within } => {
            format!("session surge: a vehicle arrives at every free connector of {whom} {}", spread(*within))
        }
        Disturbance::ControlBurst { command, commands, within } => {
            let what = match command {
                BurstCommand::Start { group } => format!("remote starts for {}", group_name(scenario, *group)),
                BurstCommand::Flexibility => "flexibility batches".to_owned(),
            };
            format!("control burst: {whom} send {commands} {what} each {}", spread(*within))
        }
    }
}

fn charger_lines(spec: &ChargerSpec) -> Vec<String> {
    let model = &spec.model;
    let phases = if model.phases == 1 { "one phase" } else { &format!("{} phases", model.phases) };
    let sessions = &spec.sessions;
    let mut lines = vec![
        format!(
            "{}, {} with {} kW each at {} V, {phases}",
            model.name,
            counted(u32::from(spec.connectors), "connector"),
            model.max_power_kw,
            model.voltage
        ),
        format!("boot {}", start(&spec.start)),
        format!("heartbeat {}", cadence(spec.heartbeat)),
        format!("telemetry {} for each busy connector", cadence(spec.telemetry)),
        format!(
            "sessions: {}/h arrive at each connector and last {} (one in twenty over {}); {} busy at the start",
            rounded(sessions.arrivals_per_hour),
            sessions.duration.median,
            sessions.duration.p95,
            percent(sessions.initially_busy)
        ),
    ];
    if sessions.discharging > 0.0 {
        lines.push(format!("{} of sessions discharge to the grid", percent(sessions.discharging)));
    }
    if sessions.faults > 0.0 {
        lines.push(format!("{} of sessions end in a fault", percent(sessions.faults)));
    }
    lines.push(match spec.commands {
        CommandDelivery::LongPoll { wait } => {
            format!("commands by a long poll of up to {wait} for each connector, and with heartbeat replies")
        }
        CommandDelivery::Heartbeat => "commands with heartbeat replies only".to_owned(),
    });
    lines.push(format!("tokens renewed {} before their end", spec.renew_before));
    lines.push(format!("when refused: {}", reaction(&spec.reaction)));
    lines.push(format!("after losing the connection: {}", waits(&spec.reconnect)));
    lines
}

fn operator_lines(scenario: &Scenario, spec: &OperatorSpec) -> Vec<String> {
    let mut lines = vec![
        match &spec.credentials {
            Credentials::Own => "each has a client_id of its own".to_owned(),
            Credentials::Shared => "all are instances of one client_id".to_owned(),
            Credentials::Given { client_id, .. } => format!("all are instances of the client {client_id}"),
        },
        format!("start {}", start(&spec.start)),
        match spec.token {
            TokenHabit::Keep => format!("one token for its lifetime, renewed {} before its end", spec.renew_before),
            TokenHabit::PerRequest => "a fresh token for every request".to_owned(),
        },
    ];
    lines.extend(spec.asks.iter().map(|ask| ask_text(scenario, ask)));
    lines.push(format!("when refused: {}", reaction(&spec.reaction)));
    lines
}

fn ask_text(scenario: &Scenario, ask: &Ask) -> String {
    let every = cadence(ask.cadence);
    match &ask.what {
        Question::Sites { page_size, cache: Nanos::ZERO } => {
            format!("list sites {every}, {page_size} a page, never kept")
        }
        Question::Sites { page_size, cache } => {
            format!("list sites {every}, {page_size} a page, the list kept for {cache}")
        }
        Question::DeviceDetails { group, devices } => {
            format!("details of {} of {} {every}", counted(*devices, "charger"), group_name(scenario, *group))
        }
        Question::Harvest { page_size, time_filter: true } => {
            format!("charging records since the last harvest {every}, {page_size} a page")
        }
        Question::Harvest { page_size, time_filter: false } => {
            format!("all charging records of all time {every}, {page_size} a page")
        }
        Question::Energy => format!("aggregated energy {every}"),
        Question::StartStop { group, hold, follow } => format!(
            "start a session at {} {every}, stop it after {hold}, following each command every {follow}",
            group_name(scenario, *group)
        ),
        Question::Flexibility => format!("flexibility control over all sites {every}"),
        Question::Stream { group, devices, per_connection } => format!(
            "{} over {} of {}, opened again after {} when lost",
            streams(*devices, *per_connection),
            counted(*devices, "charger"),
            group_name(scenario, *group),
            ask.cadence.every
        ),
    }
}

fn streams(devices: u32, per_connection: u32) -> String {
    match devices.div_ceil(per_connection.max(1)) {
        0 | 1 => "a stream".to_owned(),
        count => format!("{count} streams, each for {per_connection} at most,"),
    }
}

fn times(count: u32) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

fn reaction(reaction: &Reaction) -> String {
    match reaction {
        Reaction::Obey(backoff) => {
            format!("wait as told; without a hint {}; {} in all", waits(backoff), counted(backoff.attempts, "attempt"))
        }
        Reaction::Exponential(backoff) => {
            format!("{}, whatever the hint; {} in all", waits(backoff), counted(backoff.attempts, "attempt"))
        }
        Reaction::Stubborn { attempts } => format!("send again at once; {} in all", counted(*attempts, "attempt")),
        Reaction::GiveUp => "give up".to_owned(),
        Reaction::Preempt(preempt) => format!(
            "send nothing of a class for a window once nothing of it remains; refused, wait as told, {} in all; overloaded, wait \
             {} and try again, {}",
            counted(preempt.attempts, "attempt"),
            preempt.default_retry_time,
            times(preempt.maximum_retries)
        ),
    }
}

fn waits(backoff: &Backoff) -> String {
    let jitter = percent(backoff.jitter);
    format!("wait {}, doubled each time up to {}, plus up to {jitter} of it", backoff.initial, backoff.max)
}

fn cadence(cadence: CadenceSpec) -> String {
    if cadence.jitter > 0.0 {
        format!("every {} (jitter {})", cadence.every, percent(cadence.jitter))
    } else {
        format!("every {}", cadence.every)
    }
}

/// `20/s`, or per minute or hour where that is a number people use.
fn rate(per_second: f64) -> String {
    let (per, unit) = [(1.0, "s"), (60.0, "m"), (3_600.0, "h")]
        .into_iter()
        .find(|(seconds, _)| per_second * seconds >= 1.0 || per_second == 0.0)
        .unwrap_or((3_600.0, "h"));
    format!("{}/{unit}", rounded(per_second * per))
}

fn spread(within: Nanos) -> String {
    if within == Nanos::ZERO { "all at once".to_owned() } else { format!("within {within}") }
}

fn start(start: &Start) -> String {
    let spread = spread(start.spread);
    match start.growth {
        None => spread,
        Some(growth) => {
            format!("{spread}; {} from the beginning, the others one by one over {}", growth.from, growth.over)
        }
    }
}

fn counted(count: u32, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// At most two decimals.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn group_name(scenario: &Scenario, group: GroupId) -> &str {
    &scenario.groups[group.index()].name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fleet::DeviceId;

    fn scenario() -> Scenario {
        let mut scenario = Scenario {
            name: "x".into(),
            description: None,
            profile_hash: String::new(),
            seed: 1,
            duration: Nanos::from_secs(60),
            start_of_week_offset: Nanos::ZERO,
            policy: crate::policy::builtin("tellus").unwrap(),
            target: crate::scenario::target::Target::Embedded(Default::default()),
            operations: Default::default(),
            groups: Vec::new(),
            identities: Default::default(),
            events: Vec::new(),
            gates: Vec::new(),
            network: Default::default(),
        };
        for (index, name) in ["depot", "office"].into_iter().enumerate() {
            let spec = OperatorSpec {
                credentials: Credentials::Shared,
                start: Start::default(),
                asks: vec![Ask {
                    what: Question::DeviceDetails { group: GroupId(0), devices: 1 },
                    cadence: CadenceSpec { every: Nanos::from_secs(5), jitter: 0.125 },
                }],
                reaction: Reaction::Stubborn { attempts: 1 },
                token: TokenHabit::PerRequest,
                renew_before: Nanos::ZERO,
            };
            let first = DeviceId(index as u32);
            scenario.groups.push(Group { name: name.into(), first, count: 1, kind: GroupKind::Operators(spec) });
        }
        scenario
    }

    #[test]
    fn a_group_is_described_line_by_line() {
        let scenario = scenario();
        assert_eq!(
            behaviour(&scenario, &scenario.groups[1]),
            [
                "all are instances of one client_id",
                "start all at once",
                "a fresh token for every request",
                "details of 1 charger of depot every 5s (jitter 12.5%)",
                "when refused: send again at once; 1 attempt in all",
            ]
        );
    }

    #[test]
    fn events_say_whom_they_reach_and_how() {
        let scenario = scenario();
        let text =
            |share, what| event_text(&scenario, &ScheduledEvent { at: Nanos::ZERO, group: GroupId(0), share, what });
        let outage = Nanos::from_secs(5);
        assert_eq!(
            text(0.5, Disturbance::Blackout { outage, back_within: Nanos::ZERO }),
            "blackout: 50% of depot lose their connections for 5s and come back all at once"
        );
        assert_eq!(text(1.0, Disturbance::TokenExpiry), "token expiry: the tokens of all of depot end");
        let command = BurstCommand::Start { group: GroupId(1) };
        assert_eq!(
            text(1.0, Disturbance::ControlBurst { command, commands: 3, within: Nanos::from_secs(9) }),
            "control burst: all of depot send 3 remote starts for office each within 9s"
        );
    }
}
