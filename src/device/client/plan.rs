//! What all clients of a group have in common.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::device::heed::Documented;
use crate::device::wire::{Json, Part};
use crate::scenario::Scenario;
use crate::scenario::client::{Auth, ClientSpec, Given};
use crate::scenario::fleet::Group;

#[derive(Clone, Debug, PartialEq)]
pub struct ClientPlan {
    pub spec: ClientSpec,
    pub group: String,
    /// How many clients the group has.
    pub clients: u32,
    /// One for each that the group has, in the same order.
    credentials: Vec<Credential>,
    /// What clients that heed what remains know of the quotas.
    pub(super) documented: Option<Arc<Documented>>,
}

/// What is always the same of a credential.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Credential {
    /// The value of the `authorization` header, where it does not change.
    pub authorization: Option<Arc<str>>,
    /// What evidence must not show.
    pub secrets: Arc<[Box<str>]>,
}

impl ClientPlan {
    pub fn new(scenario: &Scenario, group: &Group, spec: &ClientSpec) -> Self {
        ClientPlan {
            spec: spec.clone(),
            group: group.name.clone(),
            clients: group.count,
            credentials: spec.auth.iter().map(Credential::of).collect(),
            documented: Documented::of(scenario, &spec.reaction),
        }
    }

    /// What the client of that number shows who it is with.
    pub(super) fn auth(&self, index: u32) -> (&Auth, &Credential) {
        let dealt = index as usize % self.credentials.len();
        (&self.spec.auth[dealt], &self.credentials[dealt])
    }
}

impl Credential {
    fn of(auth: &Auth) -> Self {
        let (authorization, secrets) = match auth {
            Auth::None => (None, Vec::new()),
            Auth::Bearer(token) => (Some(format!("Bearer {}", text(token))), vec![text(token).to_owned()]),
            Auth::ApiKey { key, .. } => (None, vec![text(key).to_owned()]),
            Auth::Basic { user, password } => {
                let credential = basic(text(user), text(password));
                (Some(format!("Basic {credential}")), vec![credential, text(password).to_owned()])
            }
            Auth::OAuth2(oauth2) => {
                let secret = text(&oauth2.client_secret);
                (None, vec![basic(&oauth2.client_id, secret), secret.to_owned()])
            }
        };
        Credential {
            authorization: authorization.map(Arc::from),
            secrets: secrets.iter().flat_map(|secret| spellings(secret)).collect(),
        }
    }
}

/// A secret as it may be repeated: as it is, in a query, in JSON.
fn spellings(secret: &str) -> Vec<Box<str>> {
    let json = Json(secret).to_string();
    let mut all = vec![secret.to_owned(), Part(secret).to_string(), json.trim_matches('"').to_owned()];
    all.dedup();
    all.into_iter().filter(|spelling| !spelling.is_empty()).map(Box::from).collect()
}

fn text(given: &Given) -> &str {
    &given.secret.0
}

/// The credentials of HTTP Basic (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> String {
    BASE64_STANDARD.encode(format!("{user}:{password}"))
}
