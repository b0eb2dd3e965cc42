//! Scripted clients as they are written.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::arrivals::ArrivalsDocument;
use super::dealt::DealtDocument;
use super::fleet::{GrowthDocument, ReactionDocument};
use super::json::{JsonDocument, PoolDocument};
use super::next::NextDocument;
use crate::time::Nanos;
use crate::yaml::quantity::{Delay, Interval, Length, Name, Pointer, Whole};
use crate::yaml::{Located, Shape, Shaped, Short, Words};

/// Names and the texts that go with them: query parameters, headers, fields of a form. Texts may have holes.
pub type Texts = IndexMap<Located<String>, Located<String>>;

/// How [`Texts`] may be written: a number or a flag is taken for its text.
type WrittenTexts = IndexMap<String, Scalar>;

struct Scalar;

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// A group of like clients of any HTTP API: what they ask for, when, and who they are.
///
/// Texts may have holes, which each request fills anew: `{client}` (the client's own name), the names under `identity`,
/// `{counter}`, `{choice(a, b, c)}`, `{number(1..100)}`, `{uuid}`, `{now}` (also `{now(-15m)}`, `{now(epoch)}`,
/// `{now(epoch_ms)}`). A brace itself is written `{{` or `}}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientsDocument {
    /// How many.
    pub count: Whole<1, 1_000_000>,
    /// How they start.
    #[serde(default)]
    pub start: ClientStartDocument,
    /// Values by which the provider tells clients, or what they ask for, apart: one for each name that is a scope of the
    /// policy, and any others that texts need. `own`: each client has one. `shared`: one for the group. `{one_of: …}`: the
    /// clients are dealt out over so many, or over a list. `{any_of: …}`: each request names one of them at random.
    #[serde(default)]
    pub identity: IndexMap<Located<Name>, Located<Short<IdentityDocument>>>,
    /// `own` (when left out): one keep-alive connection for each client, one request after the other. `pooled`: as many as
    /// it takes, as back ends do it.
    #[serde(default)]
    pub connections: ConnectionsDocument,
    /// How many requests of one client may be under way at once; more are dropped and counted. 100 when left out.
    #[serde(default = "one_hundred")]
    pub in_flight: Whole<1, 200>,
    /// How long an answer may take; 30s when left out.
    #[serde(default = "thirty_seconds")]
    pub timeout: Length,
    /// How they show who they are: `none` (when left out), `bearer`, `api_key`, `basic` or `oauth2`.
    #[serde(default)]
    pub auth: Short<AuthDocument>,
    /// Headers of all requests; a request's own of the same name come instead.
    #[serde(default)]
    #[schemars(with = "WrittenTexts")]
    pub headers: Texts,
    /// When the requests come that have no `arrivals` of their own; each is one of them, chosen by `weight`.
    pub arrivals: Option<Located<ArrivalsDocument>>,
    /// What they ask for. An answer of 2xx is served, and so is 304 where the request's headers make it conditional. Redirects
    /// are not followed.
    #[serde(default)]
    pub requests: Vec<Located<RequestDocument>>,
    /// WebSockets that each of them keeps open.
    #[serde(default)]
    pub streams: Vec<Located<StreamDocument>>,
    /// What they do when refused: `obey` (when left out), `exponential`, `stubborn`, `give_up` or `preempt`.
    #[serde(default)]
    pub reaction: Short<ReactionDocument>,
}

/// How clients start.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientStartDocument {
    /// Each starts at a random moment within this time; 0s, all at once, when left out. Arrivals that the group deals out
    /// (`together`) do not wait for it.
    pub spread: Delay,
    /// How the group grows while it is played; all are there from the beginning when left out. Not for arrivals that the
    /// group deals out (`together`): those do not grow with it.
    pub growth: Option<GrowthDocument>,
}

/// A value that tells clients apart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IdentityDocument {
    /// Each client has one of its own, made of the group's name and the client's number.
    Own {},
    /// One for the whole group: its name.
    Shared {},
    /// The clients are dealt out over these: a count, for `1` to that number, or a list.
    OneOf(Located<PoolDocument>),
    /// Each request names one of these at random: a count, for `1` to that number, or a list.
    AnyOf(Located<PoolDocument>),
}

/// What requests travel on.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionsDocument {
    /// One for each client.
    #[default]
    Own,
    /// A pool.
    Pooled,
}

/// How clients show who they are. Secrets never stand in a profile: it names environment variables.
///
/// One name serves all clients of the group. `KEY_{n}` is one for each, `{n}` being the client's number from 1; a list is
/// dealt out to the clients in turn, like `one_of` under `identity`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthDocument {
    /// They do not.
    None {},
    /// A token that the provider has given.
    Bearer(Shaped<BearerDocument>),
    /// A key in a header or a query parameter.
    ApiKey(Located<Shaped<ApiKeyDocument>>),
    /// User and password.
    Basic(Located<Shaped<BasicDocument>>),
    /// OAuth 2.0 client credentials: each client fetches a token and keeps it for its lifetime.
    #[serde(rename = "oauth2")]
    OAuth2(Box<Shaped<OAuth2Document>>),
}

/// A token that the provider has given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BearerDocument {
    /// The environment variable that holds it: one for all clients, `TOKEN_{n}` for one each, or a list.
    pub env: Located<DealtDocument>,
}

/// A key in a header or a query parameter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyDocument {
    /// The header that carries it, such as `X-Api-Key`.
    pub header: Option<Located<String>>,
    /// The query parameter that carries it.
    pub query: Option<Located<String>>,
    /// The environment variable that holds it: one for all clients, `KEY_{n}` for one each, or a list.
    pub env: Located<DealtDocument>,
}

/// User and password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicDocument {
    /// The user, if that is no secret: one for all clients, `user-{n}` for one each, or a list.
    pub user: Option<Located<DealtDocument>>,
    /// The environment variable that holds the user: some providers take a key for it.
    pub user_env: Option<Located<DealtDocument>>,
    /// The environment variable that holds the password; none is sent when left out.
    pub password_env: Option<Located<DealtDocument>>,
}

/// OAuth 2.0 client credentials.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuth2Document {
    /// The path that issues tokens, such as `/oauth/token`.
    pub token: Located<String>,
    /// As the provider has named the client: one for all clients of the group, `app-{n}` for one each, or a list.
    pub client_id: Located<DealtDocument>,
    /// The environment variable that holds its secret, in the same way.
    pub secret_env: Located<DealtDocument>,
    /// The scope to ask for; none when left out.
    pub scope: Option<String>,
    /// How the credentials are sent: in a `form` (when left out), in a header as `basic`, or as `json`.
    #[serde(default)]
    pub style: TokenStyleDocument,
    /// How long before its token ends a client asks for the next; 2m when left out.
    #[serde(default = "two_minutes")]
    pub renew_before: Delay,
}

/// How credentials are sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenStyleDocument {
    /// In a form.
    #[default]
    Form,
    /// In the header of HTTP Basic.
    Basic,
    /// In a JSON object.
    Json,
}

/// One request: its method with a path, and what goes with it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestDocument {
    /// The path of a GET. Here, as in the other methods, parts of it may be holes: `/v2/vehicles/{vehicle_id}`.
    pub get: Option<Located<String>>,
    /// The path of a HEAD.
    pub head: Option<Located<String>>,
    /// The path of a POST.
    pub post: Option<Located<String>>,
    /// The path of a PUT.
    pub put: Option<Located<String>>,
    /// The path of a PATCH.
    pub patch: Option<Located<String>>,
    /// The path of a DELETE.
    pub delete: Option<Located<String>>,
    /// The path of an OPTIONS.
    pub options: Option<Located<String>>,

    /// How often it is chosen, beside the other requests that share the group's `arrivals`; 1 when left out.
    pub weight: Option<Located<Whole<1, 1_000_000>>>,
    /// When it comes; the group's `arrivals` when left out.
    pub arrivals: Option<Located<ArrivalsDocument>>,
    /// Query parameters.
    #[serde(default)]
    #[schemars(with = "WrittenTexts")]
    pub query: Texts,
    /// Headers.
    #[serde(default)]
    #[schemars(with = "WrittenTexts")]
    pub headers: Texts,
    /// A JSON body. Texts in it may have holes; one that is nothing but `{counter}`, `{number(…)}` or `{now(epoch)}` becomes
    /// a number.
    pub json: Option<Located<JsonDocument>>,
    /// A form as body.
    #[schemars(with = "Option<WrittenTexts>")]
    pub form: Option<Located<Texts>>,
    /// A text as body.
    pub text: Option<Located<String>>,
    /// What to do with what it created: ask for it until it is done.
    pub then: Option<Located<ThenDocument>>,
    /// How to get the pages that follow.
    pub pages: Option<Located<PagesDocument>>,
}

/// Asks for what was created until it is done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThenDocument {
    /// The path to ask for; `{id}` is what was created.
    pub poll: Located<String>,
    /// Where the first answer has the id: a JSON pointer.
    pub id: Pointer,
    /// The time between two; 2s when left out.
    #[serde(default = "every_two_seconds")]
    pub every: Interval,
    /// What means that it is done.
    pub until: UntilDocument,
    /// How often it is asked for at most; 30 when left out.
    #[serde(default = "thirty")]
    pub at_most: Whole<1, 10_000>,
}

/// What means that something is done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UntilDocument {
    /// Where an answer has its state: a JSON pointer.
    pub at: Pointer,
    /// The states that mean the end.
    pub is: Located<Vec<String>>,
}

/// How to get the pages that follow: exactly one of `next`, `cursor` and `number`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PagesDocument {
    /// Where an answer has the address of the next page: a JSON pointer, or `{header: link}` for its `Link` header (RFC
    /// 8288, `rel="next"`). Nothing there: it was the last. An address on another host is asked for at the target.
    pub next: Option<NextDocument>,
    /// An answer has a cursor for the next page.
    pub cursor: Option<CursorDocument>,
    /// Pages are counted.
    pub number: Option<NumberDocument>,
    /// Pages in all, however many there are; 50 when left out.
    #[serde(default = "fifty")]
    pub at_most: Whole<1, 10_000>,
}

/// An answer has a cursor for the next page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CursorDocument {
    /// Where an answer has it: a JSON pointer. Nothing there: it was the last page.
    pub at: Pointer,
    /// The query parameter that takes it.
    pub query: String,
}

/// Pages are counted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberDocument {
    /// The query parameter that takes the page's number.
    pub query: String,
    /// The first page's number; 1 when left out.
    #[serde(default = "one")]
    pub from: Whole<0, 1>,
    /// Where an answer has its rows, a JSON pointer to a list. The last page has none.
    pub rows: Pointer,
}

/// A WebSocket that is kept open.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamDocument {
    /// The path of the handshake.
    pub open: Located<String>,
    /// Query parameters.
    #[serde(default)]
    #[schemars(with = "WrittenTexts")]
    pub query: Texts,
    /// The first message: a text, or a mapping or list that is sent as JSON. None when left out.
    pub subscribe: Option<Located<JsonDocument>>,
    /// How soon after the last handshake a lost one is opened again, at the earliest; 5s when left out.
    #[serde(default = "every_five_seconds")]
    pub reopen_after: Interval,
}

impl RequestDocument {
    /// The methods that are given, each with its path.
    pub fn methods(&self) -> impl Iterator<Item = (&'static str, &Located<String>)> {
        [
            ("GET", &self.get),
            ("HEAD", &self.head),
            ("POST", &self.post),
            ("PUT", &self.put),
            ("PATCH", &self.patch),
            ("DELETE", &self.delete),
            ("OPTIONS", &self.options),
        ]
        .into_iter()
        .filter_map(|(method, path)| path.as_ref().map(|path| (method, path)))
    }
}

impl Words for IdentityDocument {
    const WORDS: &'static [&'static str] = &["own", "shared"];
    const MAPPINGS: &'static str = "`{one_of: [a, b]}` or `{any_of: 500}`";
}

impl Words for AuthDocument {
    const WORDS: &'static [&'static str] = &["none"];
    const MAPPINGS: &'static str = "`{bearer: {env: API_TOKEN}}`, `{api_key: {header: X-Api-Key, env: API_KEY}}`, \
                                    `{basic: {user: me, password_env: API_PASSWORD}}` or `{oauth2: {token: /oauth/token, \
                                    client_id: me, secret_env: API_SECRET}}`";
}

impl Shape for BearerDocument {
    const EXAMPLE: &'static str = "`{env: API_TOKEN}`, with the name of the environment variable that holds the token";
}

impl Shape for ApiKeyDocument {
    const EXAMPLE: &'static str =
        "`{header: X-Api-Key, env: API_KEY}`, with the name of the environment variable that holds the key";
}

impl Shape for BasicDocument {
    const EXAMPLE: &'static str =
        "`{user: me, password_env: API_PASSWORD}`, with the name of the environment variable that holds the password";
}

impl Shape for OAuth2Document {
    const EXAMPLE: &'static str = "`{token: /oauth/token, client_id: me, secret_env: API_SECRET}`, with the name of the \
                                   environment variable that holds the secret";
}

impl Default for Short<AuthDocument> {
    fn default() -> Self {
        Short(AuthDocument::None {})
    }
}

fn one_hundred() -> Whole<1, 200> {
    Whole(100)
}

fn thirty_seconds() -> Length {
    Length(Nanos::from_secs(30))
}

fn two_minutes() -> Delay {
    Delay(Nanos::from_secs(120))
}

fn every_two_seconds() -> Interval {
    Interval(Nanos::from_secs(2))
}

fn every_five_seconds() -> Interval {
    Interval(Nanos::from_secs(5))
}

fn thirty() -> Whole<1, 10_000> {
    Whole(30)
}

fn fifty() -> Whole<1, 10_000> {
    Whole(50)
}

fn one() -> Whole<0, 1> {
    Whole(1)
}
