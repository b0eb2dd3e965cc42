//! How scripted clients show who they are: with one credential for all of a group, or with several that are dealt out.

use std::collections::HashSet;

use super::requests::Requests;
use super::texts::{check_header, check_path};
use crate::profile::document::client::*;
use crate::profile::document::dealt::DealtDocument;
use crate::scenario::client::*;
use crate::scenario::fleet::Secret;
use crate::yaml::diagnosis::shown;
use crate::yaml::quantity::{Name, Quantity};
use crate::yaml::{Diagnosis, Located, Place, Shaped, Source};

/// A group's credentials, for so many clients: never none.
pub(super) fn auth(
    source: &Source,
    document: &AuthDocument,
    clients: u32,
    requests: &mut Requests,
) -> Result<Vec<Auth>, Diagnosis> {
    let dealer = Dealer { source, clients };
    Ok(match document {
        AuthDocument::None {} => vec![Auth::None],
        AuthDocument::Bearer(bearer) => dealer.variables(&bearer.env)?.into_iter().map(Auth::Bearer).collect(),
        AuthDocument::ApiKey(key) => {
            let place = key_place(source, key)?;
            let keys = dealer.variables(&key.env)?.into_iter();
            keys.map(|key| Auth::ApiKey { place: place.clone(), key }).collect()
        }
        AuthDocument::Basic(basic) => {
            let users = dealer.users(basic)?;
            let none = || Ok(vec![Given::default()]);
            let passwords = basic.password_env.as_ref().map_or_else(none, |names| dealer.variables(names))?;
            let pairs = dealer.pairs(basic.place, users, passwords)?;
            pairs.map(|(user, password)| Auth::Basic { user, password }).collect()
        }
        AuthDocument::OAuth2(oauth2) => {
            check_path(source, &oauth2.token)?;
            let operation = requests.number("POST", oauth2.token.value.clone());
            let (ids, secrets) = (dealer.texts(&oauth2.client_id)?, dealer.variables(&oauth2.secret_env)?);
            let pairs = dealer.pairs(oauth2.secret_env.place, ids, secrets)?;
            let auth = |(client_id, client_secret)| OAuth2 {
                operation,
                path: oauth2.token.value.clone(),
                client_id,
                client_secret,
                scope: oauth2.scope.clone(),
                style: match oauth2.style {
                    TokenStyleDocument::Form => TokenStyle::Form,
                    TokenStyleDocument::Basic => TokenStyle::Basic,
                    TokenStyleDocument::Json => TokenStyle::Json,
                },
                renew_before: oauth2.renew_before.0,
            };
            pairs.map(auth).map(|oauth2| Auth::OAuth2(Box::new(oauth2))).collect()
        }
    })
}

fn key_place(source: &Source, key: &Located<Shaped<ApiKeyDocument>>) -> Result<KeyPlace, Diagnosis> {
    match (&key.header, &key.query) {
        (Some(header), None) => {
            check_header(source, header)?;
            Ok(KeyPlace::Header(header.value.as_str().into()))
        }
        (None, Some(query)) => Ok(KeyPlace::Query(query.value.as_str().into())),
        _ => Err(Diagnosis::at(source, key.place, "an API key travels either in a header or in the query")
            .help("write one of `header` and `query`, such as `header: X-Api-Key`")),
    }
}

/// Makes one of each part of a credential for all clients, or as many as are dealt out to them.
struct Dealer<'a> {
    source: &'a Source,
    clients: u32,
}

/// The client's number, from 1.
const NUMBER: &str = "{n}";

impl Dealer<'_> {
    fn users(&self, basic: &Located<Shaped<BasicDocument>>) -> Result<Vec<Given>, Diagnosis> {
        match (&basic.user, &basic.user_env) {
            (Some(user), None) => {
                let given = |user| Given { variable: None, secret: Secret(user) };
                Ok(self.texts(user)?.into_iter().map(given).collect())
            }
            (None, Some(names)) => self.variables(names),
            _ => Err(Diagnosis::at(self.source, basic.place, "who the user is must be said once")
                .help("write one of `user` and `user_env`")),
        }
    }

    fn variables(&self, part: &Located<DealtDocument>) -> Result<Vec<Given>, Diagnosis> {
        let given = |(name, place): (String, Place)| match Name::read(&name) {
            Ok(Name(name)) => Ok(Given::by_environment(&name)),
            Err(wrong) => {
                let help = format!("write {}; `{NUMBER}` stands for the client's number", Name::EXPECTED);
                Err(Diagnosis::at(self.source, place, wrong).help(help))
            }
        };
        self.dealt(part)?.into_iter().map(given).collect()
    }

    fn texts(&self, part: &Located<DealtDocument>) -> Result<Vec<String>, Diagnosis> {
        Ok(self.dealt(part)?.into_iter().map(|(text, _)| text).collect())
    }

    /// The texts, each with its place.
    fn dealt(&self, part: &Located<DealtDocument>) -> Result<Vec<(String, Place)>, Diagnosis> {
        match &part.value {
            DealtDocument::One(text) => {
                self.check_braces(text, part.place)?;
                if !text.contains(NUMBER) {
                    return Ok(vec![(text.clone(), part.place)]);
                }
                Ok((1..=self.clients).map(|n| (text.replace(NUMBER, &n.to_string()), part.place)).collect())
            }
            DealtDocument::List(texts) => {
                self.check_list(texts, part.place)?;
                Ok(texts.iter().map(|text| (text.value.clone(), text.place)).collect())
            }
        }
    }

    fn check_braces(&self, text: &str, place: Place) -> Result<(), Diagnosis> {
        if !text.replace(NUMBER, "").contains(['{', '}']) {
            return Ok(());
        }
        let title = format!("`{}` has a hole that nothing fills", shown(text));
        Err(Diagnosis::at(self.source, place, title)
            .help(format!("only `{NUMBER}` can stand here, the client's number from 1: `API_KEY_{NUMBER}`")))
    }

    fn check_list(&self, texts: &[Located<String>], place: Place) -> Result<(), Diagnosis> {
        let wrong = |place: Place, title: String, help: &str| Err(Diagnosis::at(self.source, place, title).help(help));
        if texts.is_empty() {
            return wrong(
                place,
                "there is nothing to deal out".to_owned(),
                "write at least one, such as `[KEY_A, KEY_B]`",
            );
        }
        if let Some(spare) = texts.get(self.clients as usize) {
            let title =
                format!("`{}` is never used: there are {} for {} clients", shown(spare), texts.len(), self.clients);
            return wrong(spare.place, title, "leave it out, or raise `count`");
        }
        let mut known = HashSet::new();
        for text in texts {
            if text.contains(['{', '}']) {
                let title = format!("`{}` has a hole that nothing fills", shown(text));
                return wrong(
                    text.place,
                    title,
                    "write each of the list in full, or one text with `{n}` instead of it",
                );
            }
            if !known.insert(text.as_str()) {
                let title = format!("`{}` stands here twice", shown(text));
                return wrong(text.place, title, "drop one of the two: they are dealt out in turn");
            }
        }
        Ok(())
    }

    /// Puts the parts of credentials together: one of a part goes with all of the other.
    fn pairs<A: Clone, B: Clone>(
        &self,
        place: Place,
        first: Vec<A>,
        second: Vec<B>,
    ) -> Result<impl Iterator<Item = (A, B)>, Diagnosis> {
        let (names, secrets) = (first.len(), second.len());
        if names != secrets && names.min(secrets) > 1 {
            let title = format!("these are {secrets} secrets for {names} names");
            return Err(
                Diagnosis::at(self.source, place, title).help("write as many of one as of the other, or one for all")
            );
        }
        Ok(first.into_iter().cycle().zip(second.into_iter().cycle()).take(names.max(secrets)))
    }
}
