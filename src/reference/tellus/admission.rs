//! Who may pass: the quota's limits by scope, overload, and how either is answered, defects included.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::answer::Code;
use crate::limiter::enforcer::Enforcer;
use crate::policy::model::{ClassId, HintPlace, Limit, Policy, Refusal, Scope};
use crate::reference::http::HttpOut;
use crate::rng::stable_share;
use crate::scenario::target::{Fault, OverloadSpec, ServerSpec};
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
    refusal: Refusal,
    faults: Vec<Fault>,
    overload: Option<OverloadSpec>,
    overload_status: u16,
    /// By operation.
    classes: [Option<ClassId>; TellusOp::ALL.len()],
    /// By class: whether it has a limit on concurrency.
    holds_places: Vec<bool>,
    /// Requests seen, to choose evenly which of them meet an overloaded server.
    seen: u32,
}

impl Admission {
    /// `anchor` gives the wall-clock time of the zero of every `now` to come.
    pub fn new(policy: &Policy, spec: &ServerSpec, anchor: Anchor) -> Admission {
        let class_of = |op: TellusOp| policy.classify(op.method(), op.path());
        let concurrent = |limit: &Limit| matches!(limit, Limit::Concurrent(_));
        let holds_places = |class| policy.drawn_on(class).any(|id| policy.class(id).limits.iter().any(concurrent));
        Admission {
            enforcer: Enforcer::new(policy, spec).anchored(anchor),
            refusal: policy.refusal.clone(),
            faults: spec.faults.clone(),
            overload: spec.overload,
            overload_status: policy.overload.status,
            classes: TellusOp::ALL.map(class_of),
            holds_places: (0..policy.classes.len()).map(|class| holds_places(ClassId(class as u8))).collect(),
            seen: 0,
        }
    }

    /// The answer of a server that is too busy for this request, or None.
    pub fn overloaded(&mut self, now: Nanos) -> Option<HttpOut> {
        let OverloadSpec { share, from, lasting } = self.overload?;
        let over = lasting.is_some_and(|lasting| now >= from.saturating_add(lasting));
        if now < from || over {
            return None;
        }
        self.seen = self.seen.wrapping_add(1);
        let hit = share >= 1.0 || stable_share(0, "overload", self.seen) < share;
        hit.then(|| self.busy())
    }

    /// The answer of a server that has no room.
    pub fn busy(&self) -> HttpOut {
        let code = Code::ServerFault as i64;
        let body = serde_json::json!({ "code": code, "message": "Service unavailable" });
        HttpOut::json(self.overload_status, &body)
    }

    /// Counts a request, or says the refusal. A place comes with requests of classes that limit concurrency.
    pub fn admit(&mut self, now: Nanos, op: TellusOp, subject: Subject) -> Result<Option<Place>, HttpOut> {
        let Some(class) = self.classes[op as usize] else { return Ok(None) };
        match self.enforcer.check(now, class, subject.address, |scope| subject.key(scope)) {
            Ok(()) => Ok(self.holds_places[class.index()].then_some(Place { class, since: now, subject })),
            Err(refused) => Err(self.refuse(refused.hint.as_deref())),
        }
    }

    /// Gives a place back.
    pub fn release(&mut self, place: Option<Place>) {
        if let Some(Place { class, since, subject }) = place {
            self.enforcer.release(class, since, subject.address, |scope| subject.key(scope));
        }
    }

    fn refuse(&self, hint: Option<&str>) -> HttpOut {
        let place = self.refusal.retry_after.as_ref().map(|source| &source.place);
        let mut headers = Vec::new();
        let mut details = String::new();
        match (place, hint) {
            (Some(HintPlace::Body(pointer)), Some(hint)) => details = format!(",{}", nested(pointer, hint)),
            (Some(HintPlace::Header(name)), Some(hint)) => headers.push((name.clone(), hint.to_owned())),
            (None, _) | (_, None) => {}
        }
        let code = self.refusal.body_code.as_ref().map_or(5001, |(_, code)| *code);
        let body = match self.faults.contains(&Fault::WrongRefusalBody) {
            true => r#"{"error":"slow down"}"#.to_owned(),
            false => format!(r#"{{"code":{code},"message":"Too many requests"{details}}}"#),
        };
        let status = if self.faults.contains(&Fault::WrongRefusalStatus) { 403 } else { self.refusal.status };
        HttpOut { status, headers, body: body.into_bytes() }
    }
}

/// `/a/b` and `7` as `"a":{"b":7}`.
fn nested(pointer: &str, value: &str) -> String {
    let names: Vec<&str> = pointer.split('/').skip(1).collect();
    let opened: Vec<String> = names.iter().map(|name| serde_json::Value::from(*name).to_string() + ":").collect();
    format!("{}{value}{}", opened.join("{"), "}".repeat(names.len().saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_is_nested_as_its_pointer_says() {
        assert_eq!(nested("/details/retry_after_seconds", "7"), r#""details":{"retry_after_seconds":7}"#);
        assert_eq!(nested("/wait", "7"), r#""wait":7"#);
    }

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
