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
        true => format!(
            "the profile says that {one} has one `{scope}`, but its `{request}` shows another one than the request before"
        ),
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

#[cfg(test)]
mod tests {
    use crate::profile;
    use crate::yaml::Source;

    const POLICY: &str = "
name: p
scopes: {vehicle: One car.}
classes:
  reads: {requests: [GET /orders, 'GET /cars/{car}', POST /orders], limits: [{allow: 3, per: 1s, scope: account}]}
  cars: {requests: [GET /where], limits: [{allow: 3, per: 1s, scope: [account, vehicle]}]}
  tokens: {requests: [POST /token], limits: [{allow: 3, per: 1s, scope: account}]}
  live: {requests: [WS /live], limits: [{concurrent: 1, scope: account}]}
";

    /// What is said of three clients of this description; empty where nothing is.
    fn said(clients: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p.yaml"), POLICY).unwrap();
        let path = folder.path().join("x.yaml");
        let arrivals = "arrivals: {every: 1s}";
        std::fs::write(
            &path,
            format!("name: x\npolicy: p.yaml\nfleet: {{a: {{clients: {{count: 3, {arrivals}, {clients}}}}}}}\n"),
        )
        .unwrap();
        let mut scenario =
            profile::load_source(&Source::read(&path).unwrap()).unwrap_or_else(|error| panic!("{error}"));
        profile::secrets::fill(&mut scenario, |name| Some(name.to_owned())).unwrap();
        crate::reference::check(&scenario).map_or_else(|diagnosis| diagnosis.to_string(), |()| String::new())
    }

    #[test]
    fn clients_that_show_who_they_are_are_counted_as_the_profile_says() {
        for clients in [
            "identity: {account: own}, headers: {X-Api-Key: '{account}'}, requests: [{get: /orders}], streams: [{open: /live}]",
            "identity: {account: own, key: own}, headers: {X-Api-Key: '{key}'}, requests: [{get: /orders}]",
            "identity: {account: own}, requests: [{get: /orders, query: {api_key: '{client}'}}]",
            "identity: {account: shared}, headers: {X-Api-Key: '{client}'}, requests: [{get: /orders}]",
            "identity: {account: shared}, requests: [{get: '/cars/{uuid}'}]",
            "identity: {account: {one_of: 2}}, headers: {X-Api-Key: '{client}', X-Account: '{account}'}, requests: [{get: /orders}]",
            "identity: {account: shared}, auth: {bearer: {env: KEY}}, requests: [{get: /orders}]",
            "identity: {account: shared}, auth: {oauth2: {token: /token, client_id: me, secret_env: KEY}}, requests: [{get: /orders}]",
            "identity: {account: own}, headers: {X-Api-Key: '{account}'}, \
             requests: [{post: /token, form: {grant_type: client_credentials, client_id: '{account}'}}, {get: /orders}]",
            "identity: {account: shared, vehicle: {any_of: 9}}, requests: [{get: /where, query: {vehicle: '{vehicle}'}}]",
            "identity: {account: shared, vehicle: {any_of: 9}}, requests: [{get: /where, headers: {X-Vehicle: '{vehicle}'}}]",
        ] {
            assert_eq!(said(clients), "", "{clients}");
        }
    }

    #[test]
    fn what_the_server_would_take_for_one_or_for_two_is_told() {
        let one = "the reference server cannot tell the `account` of a/0 and of a/1 apart by their `GET /orders`";
        let two = "the profile says that a/0 and a/2 are of one `account`, but the reference server takes the senders";
        let vehicle = "the reference server cannot tell for which `vehicle` a `GET /where` of a/0 is";
        for (clients, title, help) in [
            ("identity: {account: own}, requests: [{get: /orders}]", one, "X-Account: \"{account}\""),
            ("identity: {account: own}, headers: {X-User: '{account}'}, requests: [{get: /orders}]", one, "X-Api-Key"),
            (
                "identity: {account: own}, auth: {bearer: {env: KEY}}, requests: [{get: /orders}]",
                one,
                "a credential of its own",
            ),
            (
                "identity: {account: {one_of: 2}}, headers: {X-Api-Key: '{client}'}, requests: [{get: /orders}]",
                two,
                "X-Account: \"{account}\"",
            ),
            (
                "identity: {account: own}, headers: {X-Account: '{uuid}'}, requests: [{get: /orders}]",
                "the profile says that a/0 has one `account`, but its `GET /orders` shows another one than the request before",
                "X-Account",
            ),
            (
                "identity: {account: shared, vehicle: {any_of: 9}}, requests: [{get: /where, json: {car: '{vehicle}'}}]",
                vehicle,
                "X-Vehicle: \"{vehicle}\"",
            ),
            (
                "identity: {account: own}, headers: {X-Api-Key: '{account}'}, streams: [{open: /live}], \
                 requests: [{get: /orders, headers: {X-Api-Key: me}}]",
                "the profile says that a/0 has one `account`, but its `WS /live` shows another one than the request before",
                "X-Account",
            ),
        ] {
            let message = said(clients);
            assert!(message.contains(title) && message.contains(help), "{clients}\n{message}");
        }
    }

    #[test]
    fn tellus_has_clients_of_its_own_and_answers_at_once() {
        let tellus = |target: &str| {
            let text = format!(
                "name: x\npolicy: tellus\ntarget: {target}\nfleet: {{a: {{clients: {{count: 3, identity: {{client_id: own}}, \
                 requests: [{{get: /v1/operator/sites, arrivals: {{every: 1s}}}}]}}}}}}\n"
            );
            crate::reference::check(&profile::load_source(&Source::built_in("x.yaml", &text)).unwrap())
        };
        assert_eq!(tellus("embedded"), Ok(()));
        let slow = tellus("{embedded: {answers_after: 1s}}").unwrap_err();
        assert!(slow.title().contains("always answers at once"), "{slow}");
    }
}
