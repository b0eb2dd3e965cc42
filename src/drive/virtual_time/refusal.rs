//! Answers that are not served, as text: what the live driver would have read from a socket.

use serde_json::{Value, json};

use crate::policy::model::{HintPlace, Policy};
use crate::scenario::target::Fault;

/// A response other than success.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// The quota's refusal as the policy documents it, with the defects that the server was told to have.
pub fn refused(policy: &Policy, faults: &[Fault], hint: Option<&str>) -> Response {
    let refusal = &policy.refusal;
    let status = if faults.contains(&Fault::WrongRefusalStatus) { 403 } else { refusal.status };
    if faults.contains(&Fault::WrongRefusalBody) {
        return Response { status, headers: Vec::new(), body: r#"{"error":"slow down"}"#.to_owned() };
    }
    let mut headers = Vec::new();
    let mut body = json!({ "message": "Too many requests" });
    if let Some((pointer, code)) = &refusal.body_code {
        put(&mut body, pointer, json!(code));
    }
    if let (Some(source), Some(hint)) = (&refusal.retry_after, hint) {
        match &source.place {
            HintPlace::Header(name) => headers.push((name.clone(), hint.to_owned())),
            HintPlace::Body(pointer) => put(&mut body, pointer, serde_json::from_str(hint).unwrap_or(json!(hint))),
        }
    }
    Response { status, headers, body: body.to_string() }
}

pub fn overloaded(policy: &Policy) -> Response {
    error(policy.overload.status, 9001, "Overloaded")
}

/// The token is missing or no longer good.
pub fn unauthorized() -> Response {
    error(401, 2002, "Token expired")
}

fn error(status: u16, code: u32, message: &str) -> Response {
    Response { status, headers: Vec::new(), body: json!({ "code": code, "message": message }).to_string() }
}

/// Sets what a JSON pointer names, making the objects on the way.
fn put(root: &mut Value, pointer: &str, value: Value) {
    let mut place = root;
    for name in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name.replace("~1", "/").replace("~0", "~")];
    }
    *place = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::virtual_time::testing::tellus_policy;

    #[test]
    fn the_refusal_is_the_documented_one() {
        let response = refused(&tellus_policy(), &[], Some("7"));
        let documented = json!({"code": 5001, "message": "Too many requests", "details": {"retry_after_seconds": 7}});
        assert_eq!(response.status, 429);
        assert_eq!(serde_json::from_str::<Value>(&response.body).unwrap(), documented);
        let without = refused(&tellus_policy(), &[], None);
        assert_eq!(
            serde_json::from_str::<Value>(&without.body).unwrap(),
            json!({"code": 5001, "message": "Too many requests"})
        );
    }
}
