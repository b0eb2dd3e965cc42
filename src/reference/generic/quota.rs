//! Which class a request belongs to, whose budget it draws on, and what its answer says of that.

use super::caller::hashed;
use crate::limiter::enforcer::{Answered, Enforcer, Refused};
use crate::policy::matching::{self, RequestPattern};
use crate::policy::model::{Class, ClassId, Cost, HintPlace, HintUnit, Limit, Policy, Presence, RateLimit, Scope};
use crate::reference::http::{HttpIn, HttpOut};
use crate::reference::{query, quota_headers, refusal};
use crate::scenario::target::{Fault, ServerSpec};
use crate::signals::body::put;
use crate::time::{Anchor, Nanos};

/// What a request is counted by, in hashes.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    address: u64,
    caller: u64,
    endpoint: u64,
    /// The scopes whose value the request itself says, or that have one for all clients.
    said: Vec<(String, u64)>,
}

/// A limited request that was admitted and is not answered yet, or an open stream.
#[derive(Debug)]
pub struct Place {
    class: ClassId,
    since: Nanos,
    subject: Subject,
}

/// Enforces the policy, and says so in answers.
pub struct Quotas {
    policy: Policy,
    faults: Vec<Fault>,
    anchor: Anchor,
    enforcer: Enforcer,
    /// Scopes that have one value for all clients.
    common: Vec<String>,
    /// The hint where the policy promises one with every refusal and no limit knows the time: a place is free again when an
    /// answer has left.
    usual_hint: Option<String>,
}

/// What a client is told to wait where it is a matter of answers that are under way: as long as one takes, a second at least.
pub fn usual_hint(policy: &Policy, spec: &ServerSpec) -> Option<String> {
    let source = policy.refusal.retry_after.as_ref().filter(|source| source.presence == Presence::Required)?;
    let secs = spec.answers_after.0.div_ceil(Nanos::from_secs(1).0).max(1);
    Some(match source.unit {
        HintUnit::Seconds => secs.to_string(),
        HintUnit::Milliseconds => (secs * 1000).to_string(),
    })
}

impl Quotas {
    pub fn new(policy: &Policy, spec: &ServerSpec, anchor: Anchor) -> Quotas {
        Quotas {
            policy: policy.clone(),
            faults: spec.faults.clone(),
            anchor,
            common: spec.common.clone(),
            usual_hint: usual_hint(policy, spec),
            enforcer: Enforcer::new(policy, spec).anchored(anchor),
        }
    }

    /// Counts a request, or says the refusal. None for a request that no class limits. `caller` is None for somebody of
    /// whom only the address is known.
    pub fn admit(
        &mut self,
        now: Nanos,
        request: &HttpIn<'_>,
        address: u64,
        caller: Option<u64>,
    ) -> Result<Option<Place>, HttpOut> {
        let Some((class, subject)) = self.subject(request, address, caller) else { return Ok(None) };
        match self.enforcer.check(now, class, address, |scope| subject.key(&scope.scope)) {
            Ok(()) => Ok(Some(Place { class, since: now, subject })),
            Err(refused) => {
                let hint = refused.hint.as_ref().or(self.usual_hint.as_ref()).map(String::as_str);
                let mut answer = refusal::refused(&self.policy, &self.faults, hint);
                answer.headers.extend(self.headers(now, class, &subject, Some(&refused)));
                Err(answer)
            }
        }
    }

    /// The quota headers of the answer to an admitted request.
    pub fn told(&mut self, now: Nanos, place: &Place) -> Vec<(String, String)> {
        self.headers(now, place.class, &place.subject, None)
    }

    /// Has an answer tell what its request cost, where answers do: `asked`, or else what was set aside.
    pub fn charge(&self, place: &Place, asked: Option<u32>, answer: &mut HttpOut) -> Option<u32> {
        let told = self.limits(place.class).find_map(|limit| match limit {
            Limit::Rate(RateLimit { cost: Cost::Told { reserve, charged }, .. }) => Some((*reserve, charged)),
            _ => None,
        });
        let (reserve, charged) = told?;
        let cost = asked.map_or(reserve, |asked| asked.min(reserve));
        match charged {
            HintPlace::Header(name) => answer.headers.push((name.clone(), cost.to_string())),
            HintPlace::Body(pointer) => {
                let mut body = serde_json::from_slice(&answer.body).unwrap_or_default();
                put(&mut body, pointer, cost);
                answer.body = body.to_string().into_bytes();
            }
        }
        Some(cost)
    }

    /// A request's answer leaves with this status, having cost so much if answers tell that.
    pub fn settle(&mut self, now: Nanos, place: &Place, status: u16, charged: Option<u32>) {
        let Place { class, since, subject } = place;
        let answered = Answered { since: *since, status, charged };
        self.enforcer.settle(now, *class, subject.address, |scope| subject.key(&scope.scope), &answered);
    }

    /// Gives back what runs no more.
    pub fn release(&mut self, place: &Place) {
        let Place { class, since, subject } = place;
        self.enforcer.release(*class, *since, subject.address, |scope| subject.key(&scope.scope));
    }

    fn headers(
        &mut self,
        now: Nanos,
        class: ClassId,
        subject: &Subject,
        refused: Option<&Refused>,
    ) -> Vec<(String, String)> {
        let binding = self.enforcer.standing(now, class, subject.address, |scope| subject.key(&scope.scope));
        let now = now.saturating_add(Nanos(self.anchor.unix_nanos));
        binding.map_or_else(Vec::new, |binding| {
            quota_headers::printed(&self.policy, &self.faults, class, &binding, refused, now)
        })
    }

    /// None for a request of no class.
    pub fn subject(&self, request: &HttpIn<'_>, address: u64, caller: Option<u64>) -> Option<(ClassId, Subject)> {
        let caller = caller.unwrap_or(address);
        let HttpIn { method, path, .. } = *request;
        let (class, pattern) = match matching::find(&self.policy.classes, method, path) {
            Some((class, pattern)) => (class, Some(pattern)),
            None => (learned_class(&self.policy, path)?, None),
        };
        let endpoint = pattern.map_or_else(|| format!("{method} {path}"), |pattern| pattern.endpoint(path));
        let mut said: Vec<(String, u64)> = Vec::new();
        for name in self.scopes(class) {
            if !said.iter().any(|(other, _)| other == name)
                && let Some(value) = self.said(name, pattern, request)
            {
                said.push((name.to_owned(), value));
            }
        }
        Some((class, Subject { address, caller, endpoint: hashed(&endpoint), said }))
    }

    /// What a request itself says of a scope: in its path, a header or the query.
    fn said(&self, scope: &str, pattern: Option<&RequestPattern>, request: &HttpIn<'_>) -> Option<u64> {
        if self.common.iter().any(|common| common == scope) {
            return Some(0);
        }
        let mut parameters = pattern.into_iter().flat_map(|pattern| pattern.parameters(request.path));
        if let Some((_, value)) = parameters.find(|(name, _)| *name == scope) {
            return Some(hashed(value));
        }
        let mut headers = request.headers.iter();
        if let Some((_, value)) = headers.find(|(name, value)| is_header_of(scope, name) && !value.is_empty()) {
            return Some(hashed(*value));
        }
        query::pairs(request.query)
            .find(|(name, value)| name == scope && !value.is_empty())
            .map(|(_, value)| hashed(&value))
    }

    /// The names of the scopes by which a class's requests are counted.
    pub fn scopes(&self, class: ClassId) -> impl Iterator<Item = &str> {
        self.limits(class).flat_map(|limit| &limit.scope().0).map(String::as_str)
    }

    fn limits(&self, class: ClassId) -> impl Iterator<Item = &Limit> {
        self.policy.drawn_on(class).flat_map(|class| &self.policy.class(class).limits)
    }
}

impl Subject {
    /// The budget under a scope.
    fn key(&self, scope: &Scope) -> u64 {
        match scope.0.as_slice() {
            [name] => self.value(name),
            names => hashed(&names.iter().map(|name| self.value(name)).collect::<Vec<_>>()),
        }
    }

    /// The value of one scope: what the request says, else who sent it.
    pub fn value(&self, name: &str) -> u64 {
        match name {
            "address" => self.address,
            "endpoint" => self.endpoint,
            _ => {
                let said = self.said.iter().find(|(scope, _)| scope == name);
                said.map_or(self.caller, |(_, value)| *value)
            }
        }
    }
}

/// Whether a header is the one that says a scope's value: `X-Account` for `account`, `X-Device-Id` for `device_id`.
fn is_header_of(scope: &str, header: &str) -> bool {
    let (prefix, rest) = header.split_at_checked(2).unwrap_or_default();
    let same = |(one, other): (u8, u8)| one.eq_ignore_ascii_case(&if other == b'_' { b'-' } else { other });
    prefix.eq_ignore_ascii_case("x-") && rest.len() == scope.len() && rest.bytes().zip(scope.bytes()).all(same)
}

/// The class that this server puts a request in: that of its pattern, else the learned one under whose made-up path it is.
pub fn class_of(policy: &Policy, method: &str, path: &str) -> Option<ClassId> {
    policy.classify(method, path).or_else(|| learned_class(policy, path))
}

fn learned_class(policy: &Policy, path: &str) -> Option<ClassId> {
    let first = path.strip_prefix('/')?.split('/').next()?;
    let is_meant = |class: &Class| class.learned_as.is_some() && class.name.to_lowercase() == first;
    policy.classes.iter().position(is_meant).map(|index| ClassId(index as u8))
}
