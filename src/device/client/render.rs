//! A scripted client's requests as HTTP.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::sync::Arc;

use super::errand::{Draw, Step, What, choice};
use super::machine::Client;
use super::plan::{ClientPlan, basic};
use crate::device::draws::Draws;
use crate::device::wire::{Iso, Json, Part as Encoded};
use crate::device::{ContentType, HttpRequest};
use crate::scenario::client::*;
use crate::scenario::template::{Hole, JsonPart, JsonTemplate, MomentFormat, Part, Template};
use crate::time::{Anchor, Nanos};

/// The parts of a request, each with random numbers of its own: what one of them draws moves nothing in another.
#[derive(Clone, Copy)]
enum Section {
    Path,
    Query,
    Headers,
    Body,
}

impl Client {
    pub(super) fn write(&self, what: &What, draw: &Draw, anchor: Anchor, http: &mut HttpRequest) {
        let filler = Filler { plan: &self.plan, index: self.index, draw, found: None, anchor };
        let spec = &self.plan.spec;
        http.clear();
        match what {
            What::Token => return self.write_token_request(http),
            What::Request { request, step } => {
                let request = &spec.requests[*request];
                match (step, &request.then) {
                    (Step::Poll { id, .. }, Then::Poll(poll)) => {
                        let filler = Filler { found: Some(id), ..filler };
                        filler.path(&poll.path, http);
                        filler.headers(&spec.headers, http);
                    }
                    _ => write_step(&filler, request, step, http),
                }
            }
            What::Stream(stream) => {
                let stream = &spec.streams[*stream];
                filler.path(&stream.path, http);
                filler.query(&stream.query, http);
                filler.headers(&spec.headers, http);
                if let Some(message) = &stream.subscribe {
                    filler.body(message, http);
                }
            }
        }
        self.write_credentials(http);
    }

    fn write_credentials(&self, http: &mut HttpRequest) {
        let (auth, credential) = self.plan.auth(self.index);
        match auth {
            Auth::None => return,
            Auth::ApiKey { place: KeyPlace::Query(name), key } => {
                add_parameter(&mut http.path, name, &key.secret.0);
            }
            Auth::ApiKey { place: KeyPlace::Header(name), key } => {
                http.headers.push((Cow::Owned(name.to_string()), key.secret.0.clone()));
            }
            Auth::Bearer(_) | Auth::Basic { .. } => {
                let value = credential.authorization.as_deref().unwrap_or_default();
                http.headers.push(("authorization".into(), value.to_owned()));
            }
            Auth::OAuth2(_) => {
                if let Some(token) = self.token.token() {
                    http.headers.push(("authorization".into(), format!("Bearer {token}")));
                }
            }
        }
        http.secrets = Some(Arc::clone(&credential.secrets));
    }

    /// RFC 6749, section 4.4.2.
    fn write_token_request(&self, http: &mut HttpRequest) {
        let (Auth::OAuth2(oauth2), credential) = self.plan.auth(self.index) else { return };
        let OAuth2 { client_id, scope, .. } = &**oauth2;
        let secret = oauth2.client_secret.secret.0.as_str();
        http.method = "POST";
        http.path.push_str(&oauth2.path);
        http.secrets = Some(Arc::clone(&credential.secrets));
        let body = &mut Bytes(&mut http.body);
        let scope = scope.as_deref();
        // Writing to memory cannot fail.
        let written = match oauth2.style {
            TokenStyle::Json => {
                let scope = scope.map(|scope| format!(r#","scope":{}"#, Json(scope))).unwrap_or_default();
                let (id, secret) = (Json(client_id), Json(secret));
                write!(
                    body,
                    r#"{{"grant_type":"client_credentials","client_id":{id},"client_secret":{secret}{scope}}}"#
                )
            }
            TokenStyle::Form | TokenStyle::Basic => {
                http.content_type = Some(ContentType::Form);
                let scope = scope.map(|scope| format!("&scope={}", Encoded(scope))).unwrap_or_default();
                let credentials = match oauth2.style {
                    TokenStyle::Basic => {
                        http.headers.push(("authorization".into(), format!("Basic {}", basic(client_id, secret))));
                        String::new()
                    }
                    _ => format!("&client_id={}&client_secret={}", Encoded(client_id), Encoded(secret)),
                };
                write!(body, "grant_type=client_credentials{credentials}{scope}")
            }
        };
        debug_assert!(written.is_ok());
    }
}

/// The first request of a flow, or a later page.
fn write_step(filler: &Filler<'_>, request: &RequestSpec, step: &Step, http: &mut HttpRequest) {
    http.method = request.method;
    let paging = match &request.then {
        Then::Pages(pages) => Some(&pages.how),
        Then::Nothing | Then::Poll(_) => None,
    };
    match (step, paging) {
        (Step::Page { at: Some(address), .. }, Some(Paging::Next(_) | Paging::Link)) => http.path.push_str(address),
        (Step::Page { at: Some(cursor), .. }, Some(Paging::Cursor { query, .. })) => {
            filler.path(&request.path, http);
            filler.query(&request.query, http);
            add_parameter(&mut http.path, query, cursor);
        }
        (_, Some(Paging::Number { query, from, .. })) => {
            filler.path(&request.path, http);
            filler.query(&request.query, http);
            let before = if let Step::Page { number, .. } = step { number - 1 } else { 0 };
            add_parameter(&mut http.path, query, &(from + before).to_string());
        }
        _ => {
            filler.path(&request.path, http);
            filler.query(&request.query, http);
        }
    }
    http.reads_headers = matches!(paging, Some(Paging::Link));
    filler.headers(&request.headers, http);
    filler.body(&request.body, http);
    if http.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        http.content_type = None;
    }
}

fn add_parameter(path: &mut String, name: &str, value: &str) {
    path.push(if path.contains('?') { '&' } else { '?' });
    let written = write!(path, "{}={}", Encoded(name), Encoded(value));
    debug_assert!(written.is_ok());
}

/// Fills the holes of one request.
#[derive(Clone, Copy)]
struct Filler<'a> {
    plan: &'a ClientPlan,
    index: u32,
    draw: &'a Draw,
    found: Option<&'a str>,
    anchor: Anchor,
}

impl Filler<'_> {
    fn path(&self, template: &Template, http: &mut HttpRequest) {
        let mut draws = self.draws(Section::Path);
        for part in &template.0 {
            // The text is a path already; what fills it stays within its segment.
            let written = match part {
                Part::Text(text) => http.path.write_str(text),
                Part::Hole(hole) => self.hole(hole, &mut draws, &mut Percent(&mut http.path)),
            };
            debug_assert!(written.is_ok());
        }
    }

    fn query(&self, query: &[(Box<str>, Template)], http: &mut HttpRequest) {
        let mut draws = self.draws(Section::Query);
        for (name, template) in query {
            http.path.push(if http.path.contains('?') { '&' } else { '?' });
            let written = write!(http.path, "{}=", Encoded(name))
                .and_then(|()| self.all(template, &mut draws, &mut Percent(&mut http.path)));
            debug_assert!(written.is_ok());
        }
    }

    fn headers(&self, headers: &[(Box<str>, Template)], http: &mut HttpRequest) {
        let mut draws = self.draws(Section::Headers);
        for (name, template) in headers {
            let mut value = String::new();
            let written = self.all(template, &mut draws, &mut value);
            debug_assert!(written.is_ok());
            http.headers.push((Cow::Owned(name.to_string()), value));
        }
    }

    fn body(&self, body: &BodySpec, http: &mut HttpRequest) {
        let mut draws = self.draws(Section::Body);
        let out = &mut Bytes(&mut http.body);
        let (content_type, written) = match body {
            BodySpec::None => return,
            BodySpec::Json(json) => (ContentType::Json, self.json(json, &mut draws, out)),
            BodySpec::Text(template) => (ContentType::Text, self.all(template, &mut draws, out)),
            BodySpec::Form(fields) => {
                let mut write = || {
                    for (place, (name, template)) in fields.iter().enumerate() {
                        write!(out, "{}{}=", if place > 0 { "&" } else { "" }, Encoded(name))?;
                        self.all(template, &mut draws, &mut Percent(out))?;
                    }
                    Ok(())
                };
                (ContentType::Form, write())
            }
        };
        debug_assert!(written.is_ok());
        http.content_type = Some(content_type);
    }

    fn json(&self, json: &JsonTemplate, draws: &mut Draws, out: &mut dyn Write) -> fmt::Result {
        json.0.iter().try_for_each(|part| match part {
            JsonPart::Text(text) => out.write_str(text),
            JsonPart::Inside(template) => self.all(template, draws, &mut Escaped(out)),
            JsonPart::Number(hole) => self.hole(hole, draws, out),
        })
    }

    fn all(&self, template: &Template, draws: &mut Draws, out: &mut dyn Write) -> fmt::Result {
        template.0.iter().try_for_each(|part| match part {
            Part::Text(text) => out.write_str(text),
            Part::Hole(hole) => self.hole(hole, draws, out),
        })
    }

    fn hole(&self, hole: &Hole, draws: &mut Draws, out: &mut dyn Write) -> fmt::Result {
        match hole {
            Hole::Client => write!(out, "{}-{}", self.plan.group, self.index),
            Hole::Identity(value) => self.identity(*value, out),
            Hole::Counter => write!(out, "{}", self.draw.counter),
            Hole::Choice(choices) => out.write_str(&choices[draws.pick(choices.len() as u32) as usize]),
            Hole::Number { low, high } => {
                // The whole range of u32 does not fit into a count of the same type.
                let drawn = (f64::from(high - low) + 1.0) * draws.share();
                write!(out, "{}", u64::from(*low) + drawn as u64)
            }
            Hole::Uuid => uuid(draws, out),
            Hole::Now(moment) => self.moment(moment.format, moment.shift, out),
            Hole::Found => out.write_str(self.found.unwrap_or_default()),
        }
    }

    fn identity(&self, value: usize, out: &mut dyn Write) -> fmt::Result {
        let values = &self.plan.spec.identity[value].values;
        match (choice(values, value, self.index, self.draw), values) {
            (Some((Pool::Numbered(_), choice)), _) => write!(out, "{}", choice + 1),
            (Some((Pool::Listed(list), choice)), _) => out.write_str(&list[choice as usize]),
            (None, Values::Shared) => out.write_str(&self.plan.group),
            (None, _) => write!(out, "{}-{}", self.plan.group, self.index),
        }
    }

    fn moment(&self, format: MomentFormat, shift: i64, out: &mut dyn Write) -> fmt::Result {
        let unix_nanos = self.anchor.unix_nanos.saturating_add(self.draw.due.0).saturating_add_signed(shift);
        match format {
            MomentFormat::Iso => write!(out, "{}", Iso(Anchor { unix_nanos }, Nanos::ZERO)),
            MomentFormat::Epoch => write!(out, "{}", unix_nanos / 1_000_000_000),
            MomentFormat::EpochMillis => write!(out, "{}", unix_nanos / 1_000_000),
        }
    }

    fn draws(&self, section: Section) -> Draws {
        self.draw.stream(section as u64)
    }
}

/// RFC 9562, section 5.4.
fn uuid(draws: &mut Draws, out: &mut dyn Write) -> fmt::Result {
    let (high, low) = (draws.bits(), draws.bits());
    write!(
        out,
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// Text as bytes.
struct Bytes<'a>(&'a mut Vec<u8>);

impl Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Text as a part of a path, query or form.
struct Percent<'a>(&'a mut dyn Write);

impl Write for Percent<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write!(self.0, "{}", Encoded(text))
    }
}

/// Text inside a JSON string (RFC 8259, section 7).
struct Escaped<'a>(&'a mut dyn Write);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(self.0, "\\{c}"),
            '\u{0}'..='\u{1f}' => write!(self.0, "\\u{:04x}", c as u32),
            _ => self.0.write_char(c),
        })
    }
}
