//! The requests and streams of a script.

use std::sync::Arc;

use super::identity::Keys;
use super::requests::Requests;
use super::template::Names;
use super::texts::{headers, parameters, path};
use crate::policy::model::{Class, ClassId, Policy, Scope};
use crate::profile::document::client::*;
use crate::profile::document::json::JsonDocument;
use crate::profile::document::next::NextDocument;
use crate::scenario::client::*;
use crate::scenario::template::{Hole, Template};
use crate::yaml::diagnosis::shown;
use crate::yaml::{Diagnosis, Located, Place};

/// What needs no word: the run has one address, and a request itself says the others.
const NEED_NO_WORD: [&str; 3] = ["address", "device_set", "endpoint"];

/// The script of one group.
pub(super) struct Script<'a> {
    pub names: Names<'a>,
    pub identity: &'a [IdentityValue],
    pub policy: &'a Policy,
    pub requests: &'a mut Requests,
    pub keys: &'a mut Keys,
}

impl Script<'_> {
    pub fn request(
        &mut self,
        document: &Located<RequestDocument>,
        common: &[(Box<str>, Template)],
    ) -> Result<RequestSpec, Diagnosis> {
        let (method, at) = self.method(document)?;
        let template = path(&self.names, at)?;
        let query = parameters(&self.names, &document.query)?;
        let body = self.body(document)?;
        let own = headers(&self.names, &document.headers)?;
        let replaced =
            |name: &str| own.iter().any(|(other, _): &(Box<str>, Template)| other.eq_ignore_ascii_case(name));
        let mut all: Vec<_> = common.iter().filter(|(name, _)| !replaced(name)).cloned().collect();
        all.extend(own.iter().cloned());

        let holes = template.holes().chain(texts(&query)).chain(texts(&all)).chain(body_holes(&body));
        let resource = self.resource(holes, at.place)?;
        let pattern = template.pattern(self.names.identity, "id");
        self.check_scopes(method, &pattern, resource.as_ref(), at.place)?;
        Ok(RequestSpec {
            operation: self.requests.number(method, pattern),
            method,
            path: template,
            query,
            headers: all,
            body,
            resource,
            then: self.then(method, document)?,
        })
    }

    pub fn stream(&mut self, document: &Located<StreamDocument>) -> Result<StreamSpec, Diagnosis> {
        let template = path(&self.names, &document.open)?;
        let query = parameters(&self.names, &document.query)?;
        let resource = self.resource(template.holes().chain(texts(&query)), document.open.place)?;
        let pattern = template.pattern(self.names.identity, "id");
        self.check_scopes("WS", &pattern, resource.as_ref(), document.open.place)?;
        let subscribe = document.subscribe.as_ref().map(|message| match &message.value {
            JsonDocument::Text(text) => {
                let text = Located { value: text.clone(), place: message.place };
                self.names.template(&text).map(BodySpec::Text)
            }
            _ => self.names.json(message).map(BodySpec::Json),
        });
        Ok(StreamSpec {
            operation: self.requests.number("WS", pattern),
            path: template,
            query,
            resource,
            subscribe: subscribe.transpose()?,
            reopen_after: document.reopen_after.0,
        })
    }

    fn method<'d>(
        &self,
        document: &'d Located<RequestDocument>,
    ) -> Result<(&'static str, &'d Located<String>), Diagnosis> {
        let mut methods = document.methods();
        match (methods.next(), methods.next()) {
            (Some(method), None) => Ok(method),
            (first, _) => {
                let title = if first.is_some() { "this is several requests at once" } else { "this asks for nothing" };
                Err(Diagnosis::at(self.names.source, document.place, title).help(
                    "write one of `get`, `head`, `post`, `put`, `patch`, `delete` and `options`, such as \
                     `{get: /v2/orders}`",
                ))
            }
        }
    }

    fn body(&self, document: &Located<RequestDocument>) -> Result<BodySpec, Diagnosis> {
        match (&document.json, &document.form, &document.text) {
            (None, None, None) => Ok(BodySpec::None),
            (Some(json), None, None) => self.names.json(json).map(BodySpec::Json),
            (None, Some(form), None) => parameters(&self.names, &form.value).map(BodySpec::Form),
            (None, None, Some(text)) => self.names.template(text).map(BodySpec::Text),
            _ => Err(Diagnosis::at(self.names.source, document.place, "this request has several bodies")
                .help("keep one of `json`, `form` and `text`")),
        }
    }

    fn then(&mut self, method: &str, document: &Located<RequestDocument>) -> Result<Then, Diagnosis> {
        let (then, place) = match (&document.then, &document.pages) {
            (None, None) => return Ok(Then::Nothing),
            (Some(then), None) => (Then::Poll(Box::new(self.poll(then)?)), then.place),
            (None, Some(pages)) => (Then::Pages(self.pages(pages)?), pages.place),
            (Some(then), Some(_)) => {
                return Err(Diagnosis::at(self.names.source, then.place, "a request has either `then` or `pages`")
                    .help("write two requests instead"));
            }
        };
        if method == "HEAD" && !matches!(&then, Then::Pages(Pages { how: Paging::Link, .. })) {
            return Err(Diagnosis::at(self.names.source, place, "an answer to HEAD has no body to go on from")
                .help("write `get`, or `pages: {next: {header: link}}` where a header leads on"));
        }
        Ok(then)
    }

    fn poll(&mut self, document: &Located<ThenDocument>) -> Result<Poll, Diagnosis> {
        let names = Names { found: Some("id"), ..self.names };
        let template = path(&names, &document.poll)?;
        if !template.holes().any(|hole| *hole == Hole::Found) {
            let title = "this path does not name what was created";
            return Err(Diagnosis::at(names.source, document.poll.place, title)
                .help("write `{id}` where it belongs, such as `/v2/orders/{id}`"));
        }
        if document.until.is.is_empty() {
            return Err(Diagnosis::at(names.source, document.until.is.place, "nothing means that it is done")
                .help("write the states that do, such as `[done, failed]`"));
        }
        let pattern = template.pattern(self.names.identity, "id");
        // A poll names what was created and nothing that is drawn.
        self.check_scopes("GET", &pattern, None, document.poll.place)?;
        Ok(Poll {
            operation: self.requests.number("GET", pattern),
            path: template,
            id: document.id.0.clone(),
            every: document.every.0,
            pointer: document.until.at.0.clone(),
            done: document.until.is.iter().map(|state| state.as_str().into()).collect(),
            at_most: document.at_most.0,
        })
    }

    fn pages(&self, document: &Located<PagesDocument>) -> Result<Pages, Diagnosis> {
        let how = match (&document.next, &document.cursor, &document.number) {
            (Some(NextDocument::Body(pointer)), None, None) => Paging::Next(pointer.0.clone()),
            (Some(NextDocument::Header(header)), None, None) if header.eq_ignore_ascii_case("link") => Paging::Link,
            (Some(NextDocument::Header(header)), None, None) => {
                let title = format!("the header `{}` leads to no page", shown(&header.value));
                return Err(Diagnosis::at(self.names.source, header.place, title)
                    .help("only the header `Link` is understood: write `next: {header: link}`"));
            }
            (None, Some(cursor), None) => Paging::Cursor { pointer: cursor.at.0.clone(), query: cursor.query.clone() },
            (None, None, Some(number)) => {
                Paging::Number { query: number.query.clone(), from: number.from.0, rows: number.rows.0.clone() }
            }
            _ => {
                return Err(Diagnosis::at(self.names.source, document.place, "how to get the next page is said once")
                    .help("write one of `next`, `cursor` and `number`, such as `pages: {next: /links/next}`"));
            }
        };
        Ok(Pages { how, at_most: document.at_most.0 })
    }

    /// The drawn value among these holes by which the policy counts.
    fn resource<'h>(
        &mut self,
        holes: impl Iterator<Item = &'h Hole>,
        place: Place,
    ) -> Result<Option<DrawnScope>, Diagnosis> {
        let mut found: Option<usize> = None;
        for hole in holes {
            let Hole::Identity(value) = hole else { continue };
            let named = &self.identity[*value];
            if !matches!(named.values, Values::Drawn(_)) || !is_scope(self.policy, &named.name) {
                continue;
            }
            match found {
                Some(other) if other != *value => {
                    let title = format!(
                        "this request names both `{}` and `{}` anew each time, and the policy counts by both",
                        self.identity[other].name, named.name
                    );
                    return Err(Diagnosis::at(self.names.source, place, title)
                        .help("give one of them to the clients, with `one_of` instead of `any_of`"));
                }
                _ => found = Some(*value),
            }
        }
        let identity = self.identity;
        Ok(found.map(|value| DrawnScope { value, keys: numbers(&identity[value], self.keys) }))
    }

    /// Whether it is known whose budget a request draws on.
    pub fn check_scopes(
        &self,
        method: &str,
        pattern: &str,
        resource: Option<&DrawnScope>,
        place: Place,
    ) -> Result<(), Diagnosis> {
        let is_known = |name: &String| {
            let value = self.identity.iter().position(|value| value.name == *name);
            match value.map(|value| (value, &self.identity[value].values)) {
                Some((value, Values::Drawn(_))) => resource.is_some_and(|resource| resource.value == value),
                Some(_) => true,
                None => NEED_NO_WORD.contains(&name.as_str()),
            }
        };
        let limits =
            classes(self.policy, method, pattern).into_iter().flat_map(|class| &self.policy.class(class).limits);
        let Some(unknown) = limits.flat_map(|limit| &limit.scope().0).find(|name| !is_known(name)) else {
            return Ok(());
        };
        let title = format!(
            "the policy limits `{method} {}` for each `{unknown}`, but nothing says which one this request is for",
            shown(pattern)
        );
        Err(Diagnosis::at(self.names.source, place, title).help(format!(
            "add it to the group's `identity`: `{unknown}: own` for one each, `shared` for one in all, or `any_of` and \
             name it in the request"
        )))
    }
}

/// The classes in which a request counts, or may turn out to.
fn classes(policy: &Policy, method: &str, pattern: &str) -> Vec<ClassId> {
    let learned = |(index, class): (usize, &Class)| class.learned_as.as_ref().map(|_| ClassId(index as u8));
    match policy.classify(method, pattern) {
        Some(class) => policy.drawn_on(class).collect(),
        None => policy.classes.iter().enumerate().filter_map(learned).collect(),
    }
}

/// Whether the policy counts anything by this name.
pub(super) fn is_scope(policy: &Policy, name: &str) -> bool {
    let mut limits = policy.classes.iter().flat_map(|class| &class.limits);
    limits.any(|limit| {
        let Scope(names) = limit.scope();
        names.iter().any(|scope| scope == name)
    })
}

/// What each of the values to draw from is called in quota keys.
fn numbers(value: &IdentityValue, keys: &mut Keys) -> Arc<[u32]> {
    match &value.values {
        Values::Drawn(Pool::Numbered(count)) => {
            (1..=*count).map(|number| keys.number(&value.name, number.to_string())).collect()
        }
        Values::Drawn(Pool::Listed(list)) => list.iter().map(|text| keys.number(&value.name, &**text)).collect(),
        Values::Own | Values::Shared | Values::Dealt(_) => [].into(),
    }
}

pub(super) fn texts(texts: &[(Box<str>, Template)]) -> impl Iterator<Item = &Hole> {
    texts.iter().flat_map(|(_, template)| template.holes())
}

pub(super) fn body_holes(body: &BodySpec) -> Box<dyn Iterator<Item = &Hole> + '_> {
    match body {
        BodySpec::None => Box::new(std::iter::empty()),
        BodySpec::Json(json) => Box::new(json.holes()),
        BodySpec::Form(fields) => Box::new(texts(fields)),
        BodySpec::Text(template) => Box::new(template.holes()),
    }
}
