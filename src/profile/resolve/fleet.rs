//! Groups: what each kind of device is told to do.

use indexmap::IndexMap;

use super::ask;
use super::client::Scripts;
use super::groups::{Groups, count};
use super::start::start;
use crate::profile::document::fleet::*;
use crate::scenario::fleet::*;
use crate::scenario::target::Target;
use crate::time::Nanos;
use crate::yaml::quantity::{Delay, Length, Number};
use crate::yaml::{Diagnosis, Located, Place, Source};

/// `max` of a backoff where it is left out.
const LONGEST_WAIT: Nanos = Nanos::from_secs(30);

/// A charger never stops coming back: its attempts to reconnect do not run out.
const RECONNECTS: u32 = u32::MAX;

pub(super) fn groups(scripts: &mut Scripts<'_>, target: &Target) -> Result<Vec<Group>, Diagnosis> {
    let groups = scripts.groups;
    check_serials(groups)?;
    let mut first = 0;
    let mut resolved = Vec::new();
    for (name, document) in groups.iter() {
        let kind = match document {
            GroupDocument::Chargers(document) => GroupKind::Chargers(Box::new(chargers(groups.source, document)?)),
            GroupDocument::Operators(document) => GroupKind::Operators(operators(groups, document)?),
            GroupDocument::Clients(document) => GroupKind::Clients(Box::new(scripts.clients(document)?)),
        };
        check_renewal(groups.source, document, target)?;
        resolved.push(Group { name: name.to_owned(), first: DeviceId(first), count: count(document), kind });
        first += count(document);
    }
    Ok(resolved)
}

/// Chargers of two groups with one serial number would be one charger to the platform, and the second never registered.
fn check_serials(groups: &Groups<'_>) -> Result<(), Diagnosis> {
    let mut taken: IndexMap<&str, (&str, Option<Place>)> = IndexMap::new();
    for (name, document) in groups.iter() {
        let GroupDocument::Chargers(document) = document else { continue };
        let written = document.serial_prefix.as_ref();
        let prefix = written.map_or(name, |prefix| prefix.value.0.as_str());
        let place = written.map(|prefix| prefix.place);
        // Of two names that stand for prefixes no two are the same: one of both is written.
        if let Some((other, other_place)) = taken.insert(prefix, (name, place))
            && let Some(place) = place.or(other_place)
        {
            let title = format!("the serial numbers of `{other}` and `{name}` both begin with `{prefix}`");
            let help = "give each group a `serial_prefix` of its own; without one it is the group's name";
            return Err(Diagnosis::at(groups.source, place, title).help(help));
        }
    }
    Ok(())
}

fn chargers(source: &Source, document: &ChargersDocument) -> Result<ChargerSpec, Diagnosis> {
    Ok(ChargerSpec {
        serial_prefix: document.serial_prefix.as_ref().map(|prefix| prefix.value.0.clone()),
        connectors: document.connectors.0 as u8,
        model: ChargerModel {
            name: document.model.name.clone(),
            max_power_kw: document.model.power.0,
            voltage: document.model.voltage.0,
            phases: document.model.phases.0 as u8,
        },
        start: start(source, document.start.spread, document.start.growth, document.count.0)?,
        heartbeat: cadence(document.heartbeat),
        telemetry: cadence(document.telemetry),
        sessions: sessions(source, &document.sessions)?,
        commands: commands(source, &document.commands.0)?,
        renew_before: document.renew_before.0,
        reaction: reaction(source, &document.reaction.0)?,
        reconnect: Backoff {
            initial: document.reconnect.initial.0,
            max: longest_wait(source, document.reconnect.initial, document.reconnect.max)?,
            jitter: document.reconnect.jitter.0,
            attempts: RECONNECTS,
        },
    })
}

fn operators(groups: &Groups<'_>, document: &OperatorsDocument) -> Result<OperatorSpec, Diagnosis> {
    Ok(OperatorSpec {
        credentials: match &document.credentials {
            CredentialsDocument::Own => Credentials::Own,
            CredentialsDocument::Shared => Credentials::Shared,
            CredentialsDocument::Given(given) => Credentials::Given {
                client_id: given.client_id.0.clone(),
                secret_env: given.secret_env.0.clone(),
                secret: Secret::default(),
            },
        },
        start: start(groups.source, document.start.spread, document.start.growth, document.count.0)?,
        asks: document.asks.iter().map(|found| ask::ask(groups, found)).collect::<Result<_, _>>()?,
        reaction: reaction(groups.source, &document.reaction.0)?,
        token: match document.token {
            TokenDocument::Keep => TokenHabit::Keep,
            TokenDocument::PerRequest => TokenHabit::PerRequest,
        },
        renew_before: document.renew_before.0,
    })
}

fn cadence(document: CadenceDocument) -> CadenceSpec {
    CadenceSpec { every: document.every.0, jitter: document.jitter.0 }
}

fn sessions(source: &Source, document: &SessionsDocument) -> Result<SessionSpec, Diagnosis> {
    let SessionLengthDocument { median, p95 } = &document.duration;
    check_order(source, *median, *p95, ("median", "p95"))?;
    Ok(SessionSpec {
        arrivals_per_hour: document.arrivals.per_hour,
        shape: weights(source, document.shape.as_ref(), &HOURS)?,
        week: weights(source, document.week.as_ref(), &DAYS)?,
        duration: LogNormal { median: median.0, p95: p95.value.0 },
        discharging: document.discharging.0,
        faults: document.faults.0,
        initially_busy: document.initially_busy.0,
    })
}

/// What a list of weights is about, for its diagnostics.
struct Parts {
    key: &'static str,
    rule: &'static str,
    part: &'static str,
    help: &'static str,
}

const HOURS: Parts = Parts {
    key: "shape",
    rule: "a day has 24 hours",
    part: "hour",
    help: "write 24 weights, one for each hour from 0 to 23 UTC",
};

const DAYS: Parts = Parts {
    key: "week",
    rule: "a week has 7 days",
    part: "day",
    help: "write 7 weights, one for each day from Monday to Sunday",
};

/// Weights, scaled so that their mean is 1; all alike where none are given.
fn weights<const N: usize>(
    source: &Source,
    given: Option<&Located<Vec<Number>>>,
    parts: &Parts,
) -> Result<[f64; N], Diagnosis> {
    let Some(weights) = given else { return Ok([1.0; N]) };
    let wrong = |title: String| Err(Diagnosis::at(source, weights.place, title).help(parts.help));
    let values: Vec<f64> = weights.iter().map(|weight| weight.0).collect();
    let Ok(known) = <[f64; N]>::try_from(values) else {
        return wrong(format!("{}, this {} {}", parts.rule, parts.key, weights.len()));
    };
    let mean = known.iter().sum::<f64>() / N as f64;
    if mean > 0.0 && mean.is_finite() {
        Ok(known.map(|weight| weight / mean))
    } else {
        wrong(format!("no {} of this {} has any weight", parts.part, parts.key))
    }
}

fn commands(source: &Source, document: &CommandsDocument) -> Result<CommandDelivery, Diagnosis> {
    const DEFAULT_WAIT: Nanos = Nanos::from_secs(30);
    const SECOND: u64 = 1_000_000_000;
    match document {
        CommandsDocument::Heartbeat {} => Ok(CommandDelivery::Heartbeat),
        CommandsDocument::LongPoll(LongPollDocument { wait: None }) => {
            Ok(CommandDelivery::LongPoll { wait: DEFAULT_WAIT })
        }
        CommandsDocument::LongPoll(LongPollDocument { wait: Some(wait) }) => {
            let Length(nanos) = wait.value;
            // The API's `wait` is a whole number of seconds from 1 to 60.
            if nanos.0.is_multiple_of(SECOND) && nanos <= Nanos::from_secs(60) {
                Ok(CommandDelivery::LongPoll { wait: nanos })
            } else {
                Err(Diagnosis::at(source, wait.place, format!("a long poll cannot wait {nanos}"))
                    .help("write whole seconds from `1s` to `60s`"))
            }
        }
    }
}

pub(super) fn reaction(source: &Source, document: &ReactionDocument) -> Result<Reaction, Diagnosis> {
    Ok(match document {
        ReactionDocument::Obey(document) => Reaction::Obey(backoff(source, document)?),
        ReactionDocument::Exponential(document) => Reaction::Exponential(backoff(source, document)?),
        ReactionDocument::Stubborn(document) => Reaction::Stubborn { attempts: document.attempts.0 },
        ReactionDocument::GiveUp {} => Reaction::GiveUp,
        ReactionDocument::Preempt(document) => Reaction::Preempt(Preempt {
            default_retry_time: document.default_retry_time.0,
            maximum_retries: document.maximum_retries.0,
            attempts: document.attempts.0,
        }),
    })
}

fn backoff(source: &Source, document: &BackoffDocument) -> Result<Backoff, Diagnosis> {
    Ok(Backoff {
        initial: document.initial.0,
        max: longest_wait(source, document.initial, document.max)?,
        jitter: document.jitter.0,
        attempts: document.attempts.0,
    })
}

fn longest_wait(source: &Source, initial: Length, max: Option<Located<Length>>) -> Result<Nanos, Diagnosis> {
    match max {
        None => Ok(initial.0.max(LONGEST_WAIT)),
        Some(max) => {
            check_order(source, initial, max, ("initial", "max"))?;
            Ok(max.value.0)
        }
    }
}

/// Two lengths of which the second may not be the shorter one.
pub(super) fn check_order(
    source: &Source,
    low: Length,
    high: Located<Length>,
    (low_name, high_name): (&str, &str),
) -> Result<(), Diagnosis> {
    if high.value >= low {
        return Ok(());
    }
    let title = format!("`{high_name}` ({}) is shorter than `{low_name}` ({})", high.value.0, low.0);
    Err(Diagnosis::at(source, high.place, title).help(format!("write at least {}", low.0)))
}

/// A token that is renewed before it is a moment old would be asked for without end.
fn check_renewal(source: &Source, document: &GroupDocument, target: &Target) -> Result<(), Diagnosis> {
    let Target::Embedded(server) = target else { return Ok(()) };
    let (renew, kind): (Located<Delay>, _) = match document {
        GroupDocument::Chargers(chargers) => (chargers.renew_before, "chargers"),
        GroupDocument::Operators(operators) => (operators.renew_before, "operators"),
        // Of another API's tokens this server knows nothing.
        GroupDocument::Clients(_) => return Ok(()),
    };
    if renew.value.0 < server.token_lifetime {
        return Ok(());
    }
    let title = format!(
        "tokens live for {} on this server, but these {kind} renew them {} before their end",
        server.token_lifetime, renew.value.0
    );
    let help = "write a shorter `renew_before`, or a longer `token_lifetime` of the target";
    Err(Diagnosis::at(source, renew.place, title).help(help))
}
