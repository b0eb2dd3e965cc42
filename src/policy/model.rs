//! The policy as everything behind the loader uses it: checked, indexed, without positions in a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::matching::RequestPattern;
use super::silence::Silence;
pub use crate::signals::body::Code;
use crate::signals::{Dialect, Format, ResetKind};
use crate::time::Nanos;

/// Index of a class in [`Policy::classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u8);

impl ClassId {
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A provider's published quota contract.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    pub name: String,
    pub title: String,
    /// Where the provider publishes it.
    pub source: Option<String>,
    pub classes: Vec<Class>,
    /// What the policy's own scope names stand for, one line each; the names that every policy knows are not among them.
    pub scopes: Vec<(String, String)>,
    pub refusal: Refusal,
    pub overload: Overload,
    /// The quota headers of answers, if the provider documents any.
    pub quota_headers: Option<QuotaHeaders>,
    pub guidance: Guidance,
    /// What the provider leaves unsaid.
    pub silences: Vec<Silence>,
    /// What the provider says and this language cannot, one sentence each.
    pub lost: Vec<String>,
    /// The provider says that there are limits besides these: no refusal is false for want of a reason among them.
    pub more_limits: bool,
    /// SHA-256 of the policy's text, in hexadecimal: reports carry it.
    pub hash: String,
}

/// A group of requests that share limits: either those that its patterns match, or those that answers name it for, or
/// all of some other classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Class {
    pub name: String,
    pub title: Option<String>,
    pub requests: Vec<RequestPattern>,
    /// The name by which a response header says that a request belongs here, compared without regard to case: the
    /// provider does not publish which requests do.
    pub learned_as: Option<String>,
    /// The classes whose requests all count here too: a parent cap. Such a class has no requests of its own.
    pub of: Vec<ClassId>,
    /// The classes that hold this one, directly or through another.
    pub parents: Vec<ClassId>,
    /// All of them hold at once.
    pub limits: Vec<Limit>,
}

/// One limit of a class.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    Rate(RateLimit),
    Concurrent(ConcurrencyLimit),
    Cooldown(CooldownLimit),
}

/// At most `allow` requests (or points, where requests differ in cost) per `per` and scope key.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimit {
    pub allow: u32,
    /// Of a calendar period, its shortest length.
    pub per: Nanos,
    /// The window is a day or a month of the calendar (UTC).
    pub calendar: Option<Calendar>,
    /// How much may come at once, where that is not `allow`: the size of the bucket.
    pub burst: Option<u32>,
    pub scope: Scope,
    pub algorithm: Algorithm,
    pub counts_refused: CountsRefused,
    /// Only answers with one of these statuses count, once they are known; empty: every request counts.
    pub counts_statuses: Vec<u16>,
    /// Answers with one of these statuses use nothing up: what their requests took is given back.
    pub free_statuses: Vec<u16>,
    pub cost: Cost,
    pub penalty: Option<Penalty>,
    /// The provider grants at least this: being refused below it breaks a promise, being admitted above it does not.
    pub at_least: bool,
    pub enforcement: Enforcement,
}

/// How closely the provider promises to keep to a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// No more than it allows is let through.
    #[default]
    Exact,
    /// It is a target, which the provider tries to keep and may pass: letting more through breaks no promise.
    BestEffort,
}

/// A period of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    Day,
    Month,
}

/// What one request costs of a limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cost {
    #[default]
    One,
    Points(u32),
    /// By class, for a limit of several; a class that is not named costs one.
    ByClass(Vec<(ClassId, u32)>),
    /// So much is set aside when a request comes; its answer tells what it cost, and the rest is given back.
    Told {
        reserve: u32,
        charged: HintPlace,
    },
}

/// What follows a breach, beyond its refusal: whoever was refused stays shut out.
#[derive(Clone, Debug, PartialEq)]
pub struct Penalty {
    pub lasts: Nanos,
    /// False where the provider names a length but not what it is for: the limit is then read with and without it.
    pub stated: bool,
    /// Whether requests during it make it longer; None where the provider does not say.
    pub extends: Option<bool>,
    pub blocks: Blocks,
}

/// What a penalty shuts out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// Requests of the same class.
    #[default]
    Class,
    /// Every request of the same scope key.
    Everything,
    Unspecified,
}

/// At most `allow` at the same time per scope key.
#[derive(Clone, Debug, PartialEq)]
pub struct ConcurrencyLimit {
    pub allow: u32,
    pub scope: Scope,
    /// Only requests that have run for so long count.
    pub lasting: Option<Nanos>,
}

/// After an answer with one of these statuses, requests of the same scope key are refused for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct CooldownLimit {
    pub after_statuses: Vec<u16>,
    /// The wait after the first, the second, … such answer in a row; the last one repeats.
    pub waits: Vec<Nanos>,
    pub scope: Scope,
}

/// Whose budget a limit is: the names that make up its key, such as `client_id` or `[client_id, device_set]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(pub Vec<String>);

/// How the provider says it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// The provider does not say: every reading of its words is possible.
    #[default]
    Unspecified,
    /// Windows that begin at whole multiples of their length on the server's clock.
    FixedAligned,
    /// Windows that begin with the first request after the last one ended.
    FixedFirstHit,
    /// Any span of the window's length.
    Rolling,
    /// A bucket of `allow` tokens (or `burst`), refilled evenly over `per`.
    TokenBucket,
    /// A bucket that drains evenly at `allow` per `per`: one request in service and `burst` waiting behind it, so that
    /// `burst + 1` are admitted at once.
    LeakyBucket,
    /// A rolling window estimated from two fixed ones: the last one counts by the share of it that still overlaps.
    RollingCounter,
    /// A bucket of `allow` tokens (or `burst`), to which `allow` are added at once, every `per` from its first use.
    IntervalRefill,
}

/// Whether a refused request uses up quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountsRefused {
    #[default]
    Unspecified,
    Yes,
    No,
}

/// How a refusal is signalled.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    /// A JSON pointer into the body and what stands there.
    pub body_code: Option<(String, Code)>,
    /// Other forms that a refusal takes: a status, and the body's code where the status alone does not tell.
    pub other_forms: Vec<RefusalForm>,
    /// The hint when to come back, if the provider documents one.
    pub retry_after: Option<HintSource>,
}

/// One more form of a refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusalForm {
    pub status: u16,
    /// As in [`Refusal::body_code`].
    pub body_code: Option<(String, Code)>,
}

/// The quota headers that answers carry.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaHeaders {
    pub dialect: Dialect,
    pub reset: Option<ResetKind>,
    /// Whether every limited answer must carry them.
    pub presence: Presence,
    /// A request whose answer carries none of them is in no class.
    pub absent_means_unlimited: bool,
}

impl QuotaHeaders {
    pub fn format(&self) -> Format {
        Format { dialect: self.dialect, reset: self.reset }
    }
}

/// Where the hint of a refusal stands.
#[derive(Clone, Debug, PartialEq)]
pub struct HintSource {
    pub place: HintPlace,
    pub unit: HintUnit,
    pub presence: Presence,
}

#[derive(Clone, Debug, PartialEq)]
pub enum HintPlace {
    /// A JSON pointer into the body.
    Body(String),
    /// A response header's name, in lower case.
    Header(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HintUnit {
    #[default]
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Required,
    #[default]
    Optional,
    /// The provider says that there is none.
    Never,
}

/// How an overloaded server answers, and what it asks of clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Overload {
    pub status: u16,
    /// How often a client may try again; None where the provider does not say.
    pub retries: Option<u32>,
}

/// What the provider recommends to clients. It is advice: breaking it is reported, it is no breach of a limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guidance {
    pub cadences: Vec<CadenceAdvice>,
    pub page_size: Option<PageSizeAdvice>,
    pub prefer_stream: Option<StreamAdvice>,
    pub cacheable: Vec<CacheAdvice>,
    pub token_reuse: Option<TokenAdvice>,
    pub backoff: Option<BackoffAdvice>,
}

/// One sender is expected to make this request once per `every`.
#[derive(Clone, Debug, PartialEq)]
pub struct CadenceAdvice {
    pub request: RequestPattern,
    pub every: Nanos,
}

/// Ask for full pages, and narrow the question by time.
#[derive(Clone, Debug, PartialEq)]
pub struct PageSizeAdvice {
    pub requests: Vec<RequestPattern>,
    pub full: u32,
    pub time_filter: bool,
}

/// Live state comes from `stream`, not from repeating `instead_of`.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamAdvice {
    pub instead_of: RequestPattern,
    pub stream: RequestPattern,
    /// Asking for one resource again sooner than this counts as polling.
    pub polling_below: Nanos,
}

/// The answer stays good for `keep`: asking again sooner is waste.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheAdvice {
    pub request: RequestPattern,
    pub keep: Nanos,
}

/// A token serves for its whole lifetime; ask for the next one `renew_before` it ends.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenAdvice {
    pub requests: Vec<RequestPattern>,
    pub lifetime: Nanos,
    pub renew_before: Nanos,
}

/// The documented client reaction without a hint: `min(initial * 2^i, max)`, plus up to `jitter` of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BackoffAdvice {
    pub initial: Nanos,
    pub max: Nanos,
    /// Share of the wait, `0.0..=1.0`, that may be added (never taken away).
    pub jitter: f64,
    pub attempts: u32,
}

impl RateLimit {
    /// A plain limit: each request counts one, and nothing is said of how.
    pub fn new(allow: u32, per: Nanos, scope: Scope) -> Self {
        RateLimit {
            allow,
            per,
            calendar: None,
            burst: None,
            scope,
            algorithm: Algorithm::Unspecified,
            counts_refused: CountsRefused::Unspecified,
            counts_statuses: Vec::new(),
            free_statuses: Vec::new(),
            cost: Cost::One,
            penalty: None,
            at_least: false,
            enforcement: Enforcement::Exact,
        }
    }

    /// Whether only the answer to a request tells that it counts.
    pub fn counts_by_answer(&self) -> bool {
        !(self.counts_statuses.is_empty() && self.free_statuses.is_empty())
    }

    /// Whether a request with an answer of this status counts; 0 is no answer.
    pub fn counts_status(&self, status: u16) -> bool {
        (self.counts_statuses.is_empty() || self.counts_statuses.contains(&status))
            && !self.free_statuses.contains(&status)
    }
}

impl Limit {
    /// Whose budget it is.
    pub fn scope(&self) -> &Scope {
        match self {
            Limit::Rate(limit) => &limit.scope,
            Limit::Concurrent(limit) => &limit.scope,
            Limit::Cooldown(limit) => &limit.scope,
        }
    }
}

impl Default for Refusal {
    fn default() -> Self {
        Refusal { status: 429, body_code: None, other_forms: Vec::new(), retry_after: None }
    }
}

impl Default for Overload {
    fn default() -> Self {
        Overload { status: 503, retries: None }
    }
}

impl Policy {
    /// The classes whose limits a request of this one draws on: itself and its parents.
    pub fn drawn_on(&self, id: ClassId) -> impl Iterator<Item = ClassId> {
        std::iter::once(id).chain(self.class(id).parents.iter().copied())
    }

    /// What a request of a class costs when it comes, of a limit that it draws on.
    pub fn cost(&self, cost: &Cost, class: ClassId) -> u32 {
        match cost {
            Cost::One => 1,
            Cost::Points(points) => *points,
            Cost::Told { reserve, .. } => *reserve,
            Cost::ByClass(costs) => {
                let mut own = self.drawn_on(class);
                own.find_map(|id| costs.iter().find(|(named, _)| *named == id)).map_or(1, |(_, points)| *points)
            }
        }
    }

    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.index()]
    }

    pub fn class_named(&self, name: &str) -> Option<ClassId> {
        self.classes.iter().position(|class| class.name == name).map(|index| ClassId(index as u8))
    }

    /// The class of a request, given as method (`WS` for a WebSocket handshake) and path without a query.
    pub fn classify(&self, method: &str, path: &str) -> Option<ClassId> {
        super::matching::classify(&self.classes, method, path)
    }
}
