//! Scripted clients: who they are, and when they do what.

use super::arrivals::arrivals;
use super::auth::auth;
use super::fleet::reaction;
use super::groups::Groups;
use super::identity::Keys;
use super::requests::Requests;
use super::script::Script;
use super::start::{check_growth, start};
use super::template::{Names, WORDS};
use super::texts::headers;
use super::unused;
use crate::policy::model::Policy;
use crate::profile::document::client::*;
use crate::profile::document::json::PoolDocument;
use crate::scenario::client::*;
use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Located, Source};

/// What all groups of scripted clients are resolved with.
pub(super) struct Scripts<'a> {
    pub groups: &'a Groups<'a>,
    pub policy: &'a Policy,
    pub requests: Requests,
    pub keys: Keys,
}

impl Scripts<'_> {
    pub fn clients(&mut self, document: &ClientsDocument) -> Result<ClientSpec, Diagnosis> {
        let source = self.groups.source;
        let identity = identity(source, document)?;
        let names: Vec<String> = identity.iter().map(|value| value.name.clone()).collect();
        let names = Names { source, identity: &names, found: None };
        let common = headers(&names, &document.headers)?;
        let auth = auth(source, &document.auth.0, document.count.0, &mut self.requests)?;
        let (requests, keys) = (&mut self.requests, &mut self.keys);
        let mut script = Script { names, identity: &identity, policy: self.policy, requests, keys };
        if let AuthDocument::OAuth2(oauth2) = &document.auth.0 {
            script.check_scopes("POST", &oauth2.token, None, oauth2.token.place)?;
        }
        let requests =
            document.requests.iter().map(|request| script.request(request, &common)).collect::<Result<Vec<_>, _>>()?;
        let streams = document.streams.iter().map(|stream| script.stream(stream)).collect::<Result<Vec<_>, _>>()?;
        let spec = ClientSpec {
            start: start(source, document.start.spread, document.start.growth, document.count.0)?,
            connections: match document.connections {
                ConnectionsDocument::Own => Connections::Own,
                ConnectionsDocument::Pooled => Connections::Pooled,
            },
            in_flight: document.in_flight.0,
            timeout: document.timeout.0,
            auth,
            headers: common,
            schedules: schedules(source, document)?,
            requests,
            streams,
            reaction: reaction(source, &document.reaction.0)?,
            identity,
        };
        check_growth(source, document, spec.schedules.iter().map(|schedule| &schedule.arrivals))?;
        unused::check(source, document, &spec, self.policy)?;
        Ok(spec)
    }
}

fn identity(source: &Source, document: &ClientsDocument) -> Result<Vec<IdentityValue>, Diagnosis> {
    document
        .identity
        .iter()
        .map(|(name, value)| {
            if WORDS.contains(&name.value.0.as_str()) {
                let title = format!("`{}` already means something else in texts", name.value.0);
                return Err(Diagnosis::at(source, name.place, title).help("give this value another name"));
            }
            let values = match &value.value.0 {
                IdentityDocument::Own {} => Values::Own,
                IdentityDocument::Shared {} => Values::Shared,
                IdentityDocument::OneOf(pool) => Values::Dealt(self::pool(source, pool)?),
                IdentityDocument::AnyOf(pool) => Values::Drawn(self::pool(source, pool)?),
            };
            Ok(IdentityValue { name: name.value.0.clone(), values })
        })
        .collect()
}

fn pool(source: &Source, document: &Located<PoolDocument>) -> Result<Pool, Diagnosis> {
    let wrong =
        |title: &str, help: &str| Err(Diagnosis::at(source, document.place, title.to_owned()).help(help.to_owned()));
    match &document.value {
        PoolDocument::Count(count) => Ok(Pool::Numbered(*count)),
        PoolDocument::List(values) if values.is_empty() => {
            wrong("there is nothing to choose from", "write at least one value, or a count such as `50`")
        }
        PoolDocument::List(values) if values.iter().any(|value| value.chars().any(char::is_control)) => {
            wrong("a value holds a control character", "write visible characters only")
        }
        PoolDocument::List(values) => Ok(Pool::Listed(values.iter().map(|value| value.as_str().into()).collect())),
    }
}

/// One schedule for the requests that share the group's arrivals, and one for each that has its own.
fn schedules(source: &Source, document: &ClientsDocument) -> Result<Vec<ScheduleSpec>, Diagnosis> {
    let mut shared = Vec::new();
    let mut own = Vec::new();
    for (index, request) in document.requests.iter().enumerate() {
        match (&request.arrivals, &document.arrivals) {
            (Some(its), _) => {
                if let Some(weight) = request.weight {
                    return Err(Diagnosis::at(source, weight.place, "`weight` means nothing beside `arrivals`").help(
                        "leave one of them out: weights choose among requests that share the group's `arrivals`",
                    ));
                }
                own.push(ScheduleSpec { arrivals: arrivals(source, its)?, choices: vec![(index, 1)] });
            }
            (None, Some(_)) => shared.push((index, request.weight.map_or(1, |weight| weight.value.0))),
            (None, None) => {
                return Err(Diagnosis::at(source, request.place, "nothing says when this request comes")
                    .help("add `arrivals`, here or for the whole group, such as `arrivals: {every: 5s}`"));
            }
        }
    }
    if let Some(document) = &document.arrivals {
        if shared.is_empty() {
            return Err(Diagnosis::at(source, document.place, "no request comes at these times")
                .help("add one without `arrivals` of its own, or drop these"));
        }
        own.insert(0, ScheduleSpec { arrivals: arrivals(source, document)?, choices: shared });
    }
    Ok(own)
}

/// A value that is drawn in one group and fixed in another would have two meanings in one quota.
pub(super) fn check_drawn(groups: &Groups<'_>, is_scope: impl Fn(&str) -> bool) -> Result<(), Diagnosis> {
    let values = || groups.clients().flat_map(|clients| &clients.identity);
    let is_drawn = |value: &IdentityDocument| matches!(value, IdentityDocument::AnyOf(_));
    for (name, value) in values().filter(|(name, value)| is_scope(&name.value.0) && is_drawn(&value.value.0)) {
        let fixed = values().any(|(other, value)| other == name && !is_drawn(&value.value.0));
        if fixed {
            let title =
                format!("`{}` belongs to the client in one group and to the request here", shown(&name.value.0));
            return Err(Diagnosis::at(groups.source, value.place, title)
                .help("write `any_of` for it in every group, or in none"));
        }
    }
    Ok(())
}
