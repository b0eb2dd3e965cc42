//! The quota's refusal, as a policy documents it.

use serde_json::{Value, json};

use super::http::HttpOut;
use crate::policy::model::{HintPlace, Policy, Presence};
use crate::scenario::target::Fault;
use crate::signals::body::put;

/// The quota's refusal as the policy documents it, with the defects that the server was told to have.
pub fn refused(policy: &Policy, faults: &[Fault], hint: Option<&str>) -> HttpOut {
    let refusal = &policy.refusal;
    let status = if faults.contains(&Fault::WrongRefusalStatus) { 403 } else { refusal.status };
    if faults.contains(&Fault::WrongRefusalBody) {
        return HttpOut { status, headers: Vec::new(), body: r#"{"error":"slow down"}"#.into() };
    }
    let mut headers = Vec::new();
    let mut body = json!({ "message": "Too many requests" });
    if let Some((pointer, code)) = &refusal.body_code {
        put(&mut body, pointer, code.clone());
    }
    let hint = hint.filter(|_| !faults.contains(&Fault::HintMissing));
    let source = refusal.retry_after.as_ref().filter(|source| source.presence != Presence::Never);
    if let (Some(source), Some(hint)) = (source, hint) {
        match &source.place {
            HintPlace::Header(name) => headers.push((name.clone(), hint.to_owned())),
            HintPlace::Body(pointer) => {
                put(&mut body, pointer, serde_json::from_str::<Value>(hint).unwrap_or(json!(hint)));
            }
        }
    }
    HttpOut { headers, ..HttpOut::json(status, &body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::testing::tellus_policy;

    #[test]
    fn the_refusal_is_the_documented_one() {
        let response = refused(&tellus_policy(), &[], Some("7"));
        let documented = json!({"code": 5001, "message": "Too many requests", "details": {"retry_after_seconds": 7}});
        assert_eq!(response.status, 429);
        assert_eq!(serde_json::from_slice::<Value>(&response.body).unwrap(), documented);
        let without = refused(&tellus_policy(), &[], None);
        assert_eq!(
            serde_json::from_slice::<Value>(&without.body).unwrap(),
            json!({"code": 5001, "message": "Too many requests"})
        );
    }
}
