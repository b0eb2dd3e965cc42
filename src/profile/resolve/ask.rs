//! What an operator's client asks for.

use super::groups::Groups;
use crate::profile::document::ask::*;
use crate::profile::document::fleet::ChargersDocument;
use crate::scenario::fleet::{Ask, CadenceSpec, Question};
use crate::time::Nanos;
use crate::yaml::quantity::Name;
use crate::yaml::{Diagnosis, Located};

const CACHE: Nanos = Nanos::from_secs(600);
const HOLD: Nanos = Nanos::from_secs(20);
const FOLLOW: Nanos = Nanos::from_secs(2);
const REOPEN: Nanos = Nanos::from_secs(5);
const FULL_PAGE: u32 = 100;
/// The reference server takes 16 KiB of head, a token among them.
const LONGEST_STREAM_PATH: usize = 15 * 1024;

pub(super) fn ask(groups: &Groups<'_>, ask: &Located<AskDocument>) -> Result<Ask, Diagnosis> {
    let wrong = |title: &str| {
        Diagnosis::at(groups.source, ask.place, title).help(
            "write one of `get`, `harvest`, `start_stop`, `control` and `stream`, such as `{get: sites, every: 10m}`",
        )
    };
    match ask.verbs() {
        0 => return Err(wrong("this asks for nothing")),
        1 => {}
        _ => return Err(wrong("this asks for several things at once")),
    }
    check_options(groups, ask)?;
    let every = match (ask.every, &ask.stream) {
        (Some(every), _) => every.0,
        (None, Some(_)) => REOPEN,
        (None, None) => {
            return Err(Diagnosis::at(groups.source, ask.place, "`every` is missing here: how often?")
                .help("add it, such as `every: 10m`"));
        }
    };
    let jitter = ask.jitter.map_or(0.0, |jitter| jitter.0);
    Ok(Ask { what: question(groups, ask)?, cadence: CadenceSpec { every, jitter } })
}

fn question(groups: &Groups<'_>, ask: &Located<AskDocument>) -> Result<Question, Diagnosis> {
    let page_size = ask.page_size.map_or(FULL_PAGE, |size| size.value.0);
    if let Some(get) = ask.get {
        return match get.value {
            Readable::Sites => Ok(Question::Sites { page_size, cache: ask.cache.map_or(CACHE, |cache| cache.value.0) }),
            Readable::Energy => Ok(Question::Energy),
            Readable::Device => {
                let Some(of) = &ask.of else {
                    return Err(Diagnosis::at(
                        groups.source,
                        get.place,
                        "`of` is missing here: the devices of which group?",
                    )
                    .help("add it, such as `of: depot`"));
                };
                let (group, chargers) = groups.chargers(of)?;
                Ok(Question::DeviceDetails { group, devices: devices(groups, ask, chargers)? })
            }
        };
    }
    if ask.harvest.is_some() {
        return Ok(Question::Harvest { page_size, time_filter: ask.time_filter.is_none_or(|given| given.value) });
    }
    if let Some(name) = &ask.start_stop {
        return Ok(Question::StartStop {
            group: groups.chargers(name)?.0,
            hold: ask.hold.map_or(HOLD, |hold| hold.value.0),
            follow: ask.follow.map_or(FOLLOW, |follow| follow.value.0),
        });
    }
    if let Some(name) = &ask.stream {
        let (group, chargers) = groups.chargers(name)?;
        let devices = devices(groups, ask, chargers)?;
        let per_connection = ask.per_connection.map_or(devices, |most| most.value.0);
        check_handshake(groups, name, chargers, devices.min(per_connection))?;
        return Ok(Question::Stream { group, devices, per_connection });
    }
    Ok(Question::Flexibility)
}

/// How many chargers of a group are meant.
fn devices(groups: &Groups<'_>, ask: &AskDocument, chargers: &ChargersDocument) -> Result<u32, Diagnosis> {
    let all = chargers.count.0;
    match ask.devices {
        None => Ok(all),
        Some(devices) if devices.value.0 <= all => Ok(devices.value.0),
        Some(devices) => {
            let title = format!("the group has {all} chargers, not {}", devices.value.0);
            Err(Diagnosis::at(groups.source, devices.place, title).help("leave `devices` out to mean all of them"))
        }
    }
}

/// A stream names its chargers in the handshake's path, so that too many of them fit into no request.
fn check_handshake(
    groups: &Groups<'_>,
    stream: &Located<Name>,
    chargers: &ChargersDocument,
    devices: u32,
) -> Result<(), Diagnosis> {
    let prefix = chargers.serial_prefix.as_ref().map_or(&stream.value, |prefix| &prefix.value);
    let longest = format!("dvc_{}-{},", prefix.0, chargers.count.0).len();
    let bytes = longest * devices as usize;
    if bytes <= LONGEST_STREAM_PATH {
        return Ok(());
    }
    let title = format!("a stream over {devices} chargers names them in a path of {} KiB", bytes.div_ceil(1024));
    let fitting = (LONGEST_STREAM_PATH / 2 / longest).max(1);
    let help = format!("servers take 8 to 16 KiB of a request: spread them, such as `per_connection: {fitting}`");
    Err(Diagnosis::at(groups.source, stream.place, title).help(help))
}

/// An option that does nothing here would mislead.
fn check_options(groups: &Groups<'_>, ask: &Located<AskDocument>) -> Result<(), Diagnosis> {
    let (verb, allowed): (&str, &[&str]) = match ask.get.map(|get| get.value) {
        Some(Readable::Sites) => ("get: sites", &["page_size", "cache"]),
        Some(Readable::Device) => ("get: device", &["of", "devices"]),
        Some(Readable::Energy) => ("get: energy", &[]),
        None if ask.harvest.is_some() => ("harvest", &["page_size", "time_filter"]),
        None if ask.start_stop.is_some() => ("start_stop", &["hold", "follow"]),
        None if ask.stream.is_some() => ("stream", &["devices", "per_connection"]),
        None => ("control", &[]),
    };
    match ask.options().find(|(name, _)| !allowed.contains(name)) {
        None => Ok(()),
        Some((name, place)) => {
            let options: Vec<String> = allowed.iter().map(|name| format!("`{name}`")).collect();
            let help = match options.as_slice() {
                [] => format!("`{verb}` has no options besides `every` and `jitter`"),
                options => format!("options of `{verb}`: `every`, `jitter`, {}", options.join(", ")),
            };
            Err(Diagnosis::at(groups.source, place, format!("`{name}` does nothing for `{verb}`")).help(help))
        }
    }
}
