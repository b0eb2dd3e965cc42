//! Scripted clients: requests to any HTTP API, described in a profile.

use std::sync::Arc;

use super::arrivals::Arrivals;
use super::fleet::{Reaction, Secret};
use super::operation::OperationId;
use super::start::Start;
use super::template::{JsonTemplate, Template};
use crate::time::Nanos;

/// What a group of scripted clients does.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSpec {
    pub start: Start,
    pub identity: Vec<IdentityValue>,
    pub connections: Connections,
    /// Requests of one client under way at once; more are dropped.
    pub in_flight: u32,
    /// From sending to the whole answer.
    pub timeout: Nanos,
    /// Dealt out in turn: never none, all of one kind, alike but for the credentials.
    pub auth: Vec<Auth>,
    /// Sent with what has no headers of its own: polls and streams. Name and value.
    pub headers: Vec<(Box<str>, Template)>,
    pub requests: Vec<RequestSpec>,
    pub schedules: Vec<ScheduleSpec>,
    pub streams: Vec<StreamSpec>,
    pub reaction: Reaction,
}

/// One value by which the provider tells clients, or what they ask for, apart.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityValue {
    pub name: String,
    pub values: Values,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Each client has its own.
    Own,
    /// The whole group has one.
    Shared,
    /// The clients are dealt out over these, in turn.
    Dealt(Pool),
    /// Each request names one of these at random.
    Drawn(Pool),
}

/// Values to choose from.
#[derive(Clone, Debug, PartialEq)]
pub enum Pool {
    /// `1` to this number.
    Numbered(u32),
    Listed(Vec<Box<str>>),
}

impl Pool {
    pub fn len(&self) -> u32 {
        match self {
            Pool::Numbered(count) => *count,
            Pool::Listed(values) => values.len() as u32,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// One keep-alive connection for each client: its requests go one after the other.
    Own,
    /// A pool, as back ends have.
    Pooled,
}

/// How clients show who they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Auth {
    None,
    /// A token that the provider has given.
    Bearer(Given),
    ApiKey {
        place: KeyPlace,
        key: Given,
    },
    /// HTTP Basic (RFC 7617); either part may be a secret.
    Basic {
        user: Given,
        password: Given,
    },
    OAuth2(Box<OAuth2>),
}

/// A credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The environment variable that holds it when the run begins; None where the profile itself says it.
    pub variable: Option<String>,
    pub secret: Secret,
}

impl Given {
    pub fn by_environment(variable: &str) -> Self {
        Given { variable: Some(variable.to_owned()), secret: Secret::default() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    Header(Box<str>),
    Query(Box<str>),
}

/// The client credentials grant of OAuth 2.0 (RFC 6749, section 4.4).
#[derive(Clone, Debug, PartialEq)]
pub struct OAuth2 {
    pub operation: OperationId,
    pub path: String,
    pub client_id: String,
    pub client_secret: Given,
    pub scope: Option<String>,
    pub style: TokenStyle,
    /// How long before its end a token is replaced.
    pub renew_before: Nanos,
}

/// How a token request carries the client's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStyle {
    /// In a form, as RFC 6749 section 2.3.1 allows.
    Form,
    /// In the header of HTTP Basic, as that section prefers.
    Basic,
    /// In a JSON object, which some providers ask for.
    Json,
}

/// One request of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestSpec {
    pub operation: OperationId,
    pub method: &'static str,
    pub path: Template,
    pub query: Vec<(Box<str>, Template)>,
    /// All of them, the group's included.
    pub headers: Vec<(Box<str>, Template)>,
    pub body: BodySpec,
    /// The drawn value of the identity that is a scope of the policy, if the request names one.
    pub resource: Option<DrawnScope>,
    pub then: Then,
}

/// A drawn value that is a scope of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnScope {
    /// Its place in the identity.
    pub value: usize,
    /// What each of its values is called in quota keys: equal texts of several groups are one.
    pub keys: Arc<[u32]>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum BodySpec {
    None,
    Json(JsonTemplate),
    Form(Vec<(Box<str>, Template)>),
    Text(Template),
}

/// What follows when a request was served.
#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    Nothing,
    Pages(Pages),
    Poll(Box<Poll>),
}

/// The pages of a listing, one after the other until the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Pages {
    pub how: Paging,
    /// Pages in all, the first included.
    pub at_most: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Paging {
    /// The answer holds the next page's address under this JSON pointer; nothing there on the last page.
    Next(String),
    /// The answer's `Link` header (RFC 8288) leads to the next page: no link with the relation `next` on the last one.
    Link,
    /// The answer holds, under this pointer, what the query parameter is to be for the next page.
    Cursor { pointer: String, query: String },
    /// The query parameter counts pages from `from`; the last one has no rows under this pointer.
    Number { query: String, from: u32, rows: String },
}

/// Asking for what was created until it is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Poll {
    pub operation: OperationId,
    /// Its hole [`super::template::Hole::Found`] is the id.
    pub path: Template,
    /// Where the first answer has the id.
    pub id: String,
    pub every: Nanos,
    /// Where an answer says how far it is, and the values that mean the end.
    pub pointer: String,
    pub done: Vec<Box<str>>,
    pub at_most: u32,
}

/// Requests that share a process of arrivals: each arrival is one of them, chosen by weight.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleSpec {
    pub arrivals: Arrivals,
    /// Places in the list of requests, each with its weight.
    pub choices: Vec<(usize, u32)>,
}

/// A WebSocket that is kept open.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamSpec {
    pub operation: OperationId,
    pub path: Template,
    pub query: Vec<(Box<str>, Template)>,
    pub resource: Option<DrawnScope>,
    /// Sent as the first message.
    pub subscribe: Option<BodySpec>,
    /// How soon after the last handshake a lost one is opened again, at the earliest.
    pub reopen_after: Nanos,
}

impl ClientSpec {
    /// Every credential that comes from the environment.
    pub fn secrets(&mut self) -> impl Iterator<Item = &mut Given> {
        let found = self.auth.iter_mut().flat_map(|auth| match auth {
            Auth::None => [None, None],
            Auth::Bearer(given) | Auth::ApiKey { key: given, .. } => [Some(given), None],
            Auth::Basic { user, password } => [Some(user), Some(password)],
            Auth::OAuth2(oauth2) => [Some(&mut oauth2.client_secret), None],
        });
        found.flatten().filter(|given| given.variable.is_some())
    }

    /// How tokens are fetched, by clients that use any.
    pub fn tokens(&self) -> Option<&OAuth2> {
        match self.auth.first() {
            Some(Auth::OAuth2(oauth2)) => Some(oauth2),
            _ => None,
        }
    }

    /// Every operation that the clients can send, some perhaps more than once.
    pub fn operations(&self) -> impl Iterator<Item = OperationId> {
        let requests = self.requests.iter().flat_map(|request| {
            let poll = match &request.then {
                Then::Poll(poll) => Some(poll.operation),
                Then::Nothing | Then::Pages(_) => None,
            };
            [Some(request.operation), poll].into_iter().flatten()
        });
        let token = self.tokens().map(|oauth2| oauth2.operation);
        requests.chain(self.streams.iter().map(|stream| stream.operation)).chain(token)
    }
}
