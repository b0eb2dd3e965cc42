//! Who may pass: the quota's limits by scope, overload, and how either is answered, defects included.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::answer::Code;
use crate::limiter::enforcer::Enforcer;
use crate::policy::model::{ClassId, Limit, Policy, Scope};
use crate::reference::http::HttpOut;
use crate::reference::overload::Overload;
use crate::reference::refusal;
use crate::scenario::target::{Fault, ServerSpec};
use crate::tellus::TellusOp;
use crate::time::{Anchor, Nanos};

/// What a request is counted by. Values are hashes, so a subject is small enough to be kept with whatever stays open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subject {
    pub address: u64,
    pub client_id: Option<u64>,
    pub device_id: Option<u64>,
    pub device_set: Option<u64>,
}

impl Subject {
    /// Someone of whom nothing but the address is known.
    pub fn unknown(address: u64) -> Subject {
        Subject { address, client_id: None, device_id: None, device_set: None }
    }

    /// The budget under a scope. What the request does not tell, and names that this API does not know, count by address.
    fn key(&self, scope: &Scope) -> u64 {
        let value = |name: &String| match name.as_str() {
            "client_id" => self.client_id,
            "device_id" => self.device_id,
            "device_set" => self.device_set,
            _ => None,
        };
        match scope.0.as_slice() {
            [name] => value(name).unwrap_or(self.address),
            names => hashed(&names.iter().map(|name| value(name).unwrap_or(self.address)).collect::<Vec<_>>()),
        }
    }
}

/// The value of an id in a [`Subject`].
pub fn hashed(id: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// A place under a concurrency limit, held until it is given back with [`Admission::release`].
#[derive(Clone, Copy, Debug)]
pub struct Place {
    class: ClassId,
    since: Nanos,
    subject: Subject,
}

/// Decides each request by policy and spec.
pub struct Admission {
    enforcer: Enforcer,
    policy: Policy,
    faults: Vec<Fault>,
    overload: Overload,
    /// By operation.
    classes: [Option<ClassId>; TellusOp::ALL.len()],
    /// By class: whether it has a limit on concurrency.
    holds_places: Vec<bool>,
}

impl Admission {
    /// `anchor` gives the wall-clock time of the zero of every `now` to come.
    pub fn new(policy: &Policy, spec: &ServerSpec, anchor: Anchor) -> Admission {
        let class_of = |op: TellusOp| policy.classify(op.method(), op.path());
        let concurrent = |limit: &Limit| matches!(limit, Limit::Concurrent(_));
        let holds_places = |class| policy.drawn_on(class).any(|id| policy.class(id).limits.iter().any(concurrent));
        Admission {
            enforcer: Enforcer::new(policy, spec).anchored(anchor),
            policy: policy.clone(),
            faults: spec.faults.clone(),
            overload: Overload::new(spec.overload),
            classes: TellusOp::ALL.map(class_of),
            holds_places: (0..policy.classes.len()).map(|class| holds_places(ClassId(class as u8))).collect(),
        }
    }

    /// The answer of a server that is too busy for this request, or None.
    pub fn overloaded(&mut self, now: Nanos) -> Option<HttpOut> {
        self.overload.hits(now).then(|| self.busy())
    }

    /// The answer of a server that has no room.
    pub fn busy(&self) -> HttpOut {
        let code = Code::ServerFault as i64;
        let body = serde_json::json!({ "code": code, "message": "Service unavailable" });
        HttpOut::json(self.policy.overload.status, &body)
    }

    /// Counts a request, or says the refusal. A place comes with requests of classes that limit concurrency.
    pub fn admit(&mut self, now: Nanos, op: TellusOp, subject: Subject) -> Result<Option<Place>, HttpOut> {
        let Some(class) = self.classes[op as usize] else { return Ok(None) };
        match self.enforcer.check(now, class, subject.address, |scope| subject.key(&scope.scope)) {
            Ok(()) => Ok(self.holds_places[class.index()].then_some(Place { class, since: now, subject })),
            Err(refused) => Err(refusal::refused(&self.policy, &self.faults, refused.hint.as_deref())),
        }
    }

    /// Gives a place back.
    pub fn release(&mut self, place: Option<Place>) {
        if let Some(Place { class, since, subject }) = place {
            self.enforcer.release(class, since, subject.address, |scope| subject.key(&scope.scope));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_of_two_names_is_neither_of_them_alone() {
        let subject = Subject { client_id: Some(1), device_set: Some(2), ..Subject::unknown(3) };
        let key = |names: &[&str]| subject.key(&Scope(names.iter().map(|name| (*name).to_owned()).collect()));
        assert_eq!(key(&["client_id"]), 1);
        assert_eq!(key(&["user"]), 3);
        assert_ne!(key(&["client_id", "device_set"]), key(&["client_id"]));
        assert_ne!(key(&["client_id", "device_set"]), key(&["device_set", "client_id"]));
    }
}
