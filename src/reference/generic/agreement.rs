//! Whether this server counts the fleet's requests for whom its profile says they are.
//!
//! A profile says whose budget a request draws on; the server sees no more than the request. Where the two differ, what the
//! server does looks wrong and is not: better said before the run.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::caller::{Caller, TokenRequest, asks_for_token};
use super::quota::Quotas;
use crate::device::client::{Client, Specimen};
use crate::device::fleet::{Fleet, FleetDevice};
use crate::policy::model::Scope;
use crate::reference::http::HttpIn;
use crate::reference::tokens::Tokens;
use crate::scenario::target::ServerSpec;
use crate::scenario::{Asked, DeviceId, Scenario};
use crate::time::{Anchor, Nanos};
use crate::yaml::Diagnosis;

/// So many clients of each group are looked at: what the first of them show, all do.
const MOST_CLIENTS: u32 = 64;
/// All of a run come from here.
const ADDRESS: u64 = 1;

/// One value of a scope, as the profile and as the server counts it, and the request that showed it.
struct Sighting {
    profile: u64,
    server: u64,
    who: String,
    request: String,
}

/// What was seen of one scope: by the profile's count and by the server's.
#[derive(Default)]
struct Seen {
    by_profile: HashMap<u64, (u64, String)>,
    by_server: HashMap<u64, (u64, String)>,
}

/// Compares what scripted clients show with whom their profile says they are. Secrets must be filled in.
///
/// # Errors
/// Two requests that are of one budget for the one and of two for the other, and what to send instead.
pub fn check(scenario: &Scenario, spec: &ServerSpec) -> Result<(), Diagnosis> {
    let anchor = Anchor { unix_nanos: 0 };
    let (quotas, tokens) = (Quotas::new(&scenario.policy, spec, anchor), Tokens::new(spec.token_lifetime, anchor));
    let fleet = Fleet::new(scenario);
    let mut seen: HashMap<String, Seen> = HashMap::new();
    for group in scenario.groups.iter().filter(|group| !group.kind.speaks_tellus()) {
        for device in (0..group.count.min(MOST_CLIENTS)).map(|index| DeviceId(group.first.0 + index)) {
            let FleetDevice::Client(client) = fleet.device(device) else { continue };
            for specimen in specimens(&client) {
                for (scope, sighting) in sightings(scenario, &quotas, &tokens, device, &specimen) {
                    seen.entry(scope.clone()).or_default().agree(&scope, sighting)?;
                }
            }
        }
    }
    Ok(())
}

/// Twice each, so that what changes from request to request is seen to change.
fn specimens(client: &Client) -> impl Iterator<Item = Specimen> {
    client.specimens(1).into_iter().chain(client.specimens(2))
}

/// For each scope that limits a request: whom it is counted for.
fn sightings(
    scenario: &Scenario,
    quotas: &Quotas,
    tokens: &Tokens,
    device: DeviceId,
    specimen: &Specimen,
) -> Vec<(String, Sighting)> {
    let http = &specimen.http;
    let headers: Vec<(&str, &str)> = http.headers.iter().map(|(name, value)| (&**name, value.as_str())).collect();
    let request = HttpIn::new(specimen.method, &http.path, &headers, &http.body);
    let caller = match asks_for_token(&request).then(|| TokenRequest::of(&request)) {
        Some(Ok(token)) => Caller::named(&token.client_id),
        _ => Caller::of(Nanos::ZERO, &request, tokens),
    };
    let Some((class, subject)) = quotas.subject(&request, ADDRESS, caller.id) else { return Vec::new() };
    let asked = Asked { device, operation: specimen.operation, detail: specimen.detail };
    let sighting = |scope: &str| Sighting {
        profile: scenario.key(&scenario.identities.rule(&Scope(vec![scope.to_owned()])), asked).0,
        server: subject.value(scope),
        who: scenario.device_name(device),
        request: scenario.operations.get(specimen.operation).name(),
    };
    quotas.scopes(class).filter(|scope| is_shown(scope)).map(|scope| (scope.to_owned(), sighting(scope))).collect()
}

/// Both sides take the endpoint from the policy's patterns, and the devices of a request from its query.
fn is_shown(scope: &str) -> bool {
    !matches!(scope, "endpoint" | "device_set")
}

impl Seen {
    fn agree(&mut self, scope: &str, sighting: Sighting) -> Result<(), Diagnosis> {
        let Sighting { profile, server, who, request } = sighting;
        match self.by_profile.entry(profile) {
            Entry::Occupied(known) if known.get().0 != server => {
                return Err(taken_for_two(scope, &known.get().1, &who, &request));
            }
            Entry::Occupied(_) => return Ok(()),
            Entry::Vacant(entry) => drop(entry.insert((server, who.clone()))),
        }
        match self.by_server.entry(server) {
            Entry::Occupied(known) if known.get().0 != profile => {
                Err(taken_for_one(scope, &known.get().1, &who, &request))
            }
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(entry) => {
                entry.insert((profile, who));
                Ok(())
            }
        }
    }
}

fn taken_for_one(scope: &str, one: &str, other: &str, request: &str) -> Diagnosis {
    let (title, help) = match (scope, one == other) {
        ("address", _) => (
            format!("the profile says that {one} and {other} have an address each, but the whole fleet has one"),
            "drop `address` from `identity`".to_owned(),
        ),
        (_, true) => (
            format!("the reference server cannot tell for which `{scope}` a `{request}` of {one} is"),
            said(scope, "name it where the server looks"),
        ),
        (_, false) => (
            format!(
                "the reference server cannot tell the `{scope}` of {one} and of {other} apart by their `{request}`"
            ),
            format!(
                "{}, or give each client a credential of its own, such as `X-Api-Key: \"{{{scope}}}\"`",
                said(scope, "say it in the request")
            ),
        ),
    };
    Diagnosis::new(title).help(help)
}

fn taken_for_two(scope: &str, one: &str, other: &str, request: &str) -> Diagnosis {
    let title = match one == other {
        true => format!("the profile says that {one} has one `{scope}`, but each `{request}` shows another one"),
        false => format!(
            "the profile says that {one} and {other} are of one `{scope}`, but the reference server takes the senders of \
             `{request}` for two"
        ),
    };
    Diagnosis::new(title).help(said(scope, "say it in the request"))
}

/// How a request says a scope's value.
fn said(scope: &str, what: &str) -> String {
    let header: Vec<String> = scope.split('_').map(capitalized).collect();
    format!("{what}: `headers: {{X-{}: \"{{{scope}}}\"}}`", header.join("-"))
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}
