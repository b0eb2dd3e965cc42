//! Which class a request belongs to, whose budget it draws on, and what its answer says of that.

use super::caller::hashed;
use crate::limiter::enforcer::{Answered, Enforcer, Refused};
use crate::policy::matching;
use crate::policy::model::{Class, ClassId, Cost, HintPlace, Limit, Policy, RateLimit, Scope};
use crate::reference::http::{HttpIn, HttpOut};
use crate::reference::{quota_headers, refusal};
use crate::scenario::target::{Fault, ServerSpec};
use crate::time::{Anchor, Nanos};

/// What a request is counted by, in hashes.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    address: u64,
    caller: u64,
    endpoint: u64,
    /// Those parameters of the path that are scopes of the policy.
    parameters: Vec<(String, u64)>,
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
}

impl Quotas {
    pub fn new(policy: &Policy, spec: &ServerSpec, anchor: Anchor) -> Quotas {
        Quotas {
            policy: policy.clone(),
            faults: spec.faults.clone(),
            anchor,
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
                let mut answer = refusal::refused(&self.policy, &self.faults, refused.hint.as_deref());
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
                refusal::put(&mut body, pointer, cost.into());
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
    fn subject(&self, request: &HttpIn<'_>, address: u64, caller: Option<u64>) -> Option<(ClassId, Subject)> {
        let caller = caller.unwrap_or(address);
        let HttpIn { method, path, .. } = *request;
        let Some((class, pattern)) = matching::find(&self.policy.classes, method, path) else {
            let class = learned_class(&self.policy, path)?;
            let endpoint = hashed(&format!("{method} {path}"));
            return Some((class, Subject { address, caller, endpoint, parameters: Vec::new() }));
        };
        let is_scope = |name: &str| self.limits(class).any(|limit| limit.scope().0.iter().any(|part| part == name));
        let parameters = pattern.parameters(path).filter(|(name, _)| is_scope(name));
        let parameters = parameters.map(|(name, value)| (name.to_owned(), hashed(value))).collect();
        Some((class, Subject { address, caller, endpoint: hashed(&pattern.endpoint(path)), parameters }))
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

    fn value(&self, name: &str) -> u64 {
        match name {
            "address" | "account" => self.address,
            "endpoint" => self.endpoint,
            _ => {
                let parameter = self.parameters.iter().find(|(parameter, _)| parameter == name);
                parameter.map_or(self.caller, |(_, value)| *value)
            }
        }
    }
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
