use serde_json::{Value, json};

use super::super::body::{self, Code, PROBLEM_JSON, Problem, ProblemType};
use super::super::{Dialect, Hint, Name};
use super::{reading, receipt, rules};
use crate::time::Nanos;

const SECOND: Nanos = Nanos::from_secs(1);

#[test]
fn a_hint_stands_at_a_pointer_in_a_unit() {
    let body =
        json!({"details": {"s": 7, "ms": 7_500, "float": 64.57, "text": "7", "none": null, "list": [1], "minus": -1}});
    let hint = |pointer, unit| {
        let (hint, lint) = body::hint(&body, pointer, unit, receipt());
        (hint, lint.map(|lint| lint.rule))
    };
    let wait = |millis| Hint::Wait(Nanos::from_millis(millis));
    assert_eq!(hint("/details/s", SECOND), (wait(7_000), None));
    assert_eq!(hint("/details/ms", Nanos::from_millis(1)), (wait(7_500), None));
    assert_eq!(hint("/details/float", SECOND), (wait(64_570), Some("retry-after/fraction")));
    assert_eq!(hint("/details/text", SECOND), (wait(7_000), Some("retry-after/quoted")));
    assert_eq!(hint("/details/list", SECOND), (Hint::Malformed, Some("retry-after/malformed")));
    assert_eq!(hint("/details/minus", SECOND), (Hint::Malformed, Some("retry-after/negative")));
    for absent in ["/details/none", "/details/other", "/other", "nonsense"] {
        assert_eq!(hint(absent, SECOND), (Hint::Absent, None));
    }
}

#[test]
fn a_refusal_can_be_a_success_with_a_code_inside() {
    let ocpi = json!({"status_code": 2004, "status_message": "Rate limited"});
    let code = Code::Number(2004);
    assert!(code.stands_at(&ocpi, "/status_code"));
    assert!(code.stands_at(&json!({"status_code": "2004"}), "/status_code"));
    assert!(!code.stands_at(&json!({"status_code": [2004]}), "/status_code"));
    assert!(!code.stands_at(&json!({"status_code": "a2004"}), "/status_code"));
    assert!(!code.stands_at(&ocpi, "/code"));
    assert!(Code::Word("2004".into()).stands_at(&ocpi, "/status_code"), "a number in quotes on the other side");
}

#[test]
fn a_code_can_be_a_word_in_a_list_of_errors() {
    let graphql = json!({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]});
    let at = "/errors/0/extensions/code";
    assert!(Code::Word("THROTTLED".into()).stands_at(&graphql, at));
    assert!(!Code::Word("MAX_COST_EXCEEDED".into()).stands_at(&graphql, at));
    let mut written = json!({});
    body::put(&mut written, at, Code::Word("THROTTLED".into()));
    assert_eq!(written, json!({"errors": [{"extensions": {"code": "THROTTLED"}}]}));
    let mut list = Value::Null;
    body::put(&mut list, "/0/errorCode", "REQUEST_LIMIT_EXCEEDED");
    body::put(&mut list, "/0/message", "later");
    assert_eq!(list, json!([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "later"}]));
}

#[test]
fn what_is_put_at_a_pointer_is_read_there() {
    let mut body = json!({"code": 5001});
    body::put(&mut body, "/details/retry~1after", 60);
    assert_eq!(body, json!({"code": 5001, "details": {"retry/after": 60}}));
    assert_eq!(body::hint(&body, "/details/retry~1after", SECOND, receipt()).0, Hint::Wait(Nanos::from_secs(60)));
}

fn problem(body: &Value, status: u16, media_type: &str, lines: &str) -> (Option<Problem>, Vec<&'static str>) {
    let mut lints = Vec::new();
    let quotas = reading(Dialect::Ietf10, lines).quotas;
    let problem = body::problem(body, status, media_type, &quotas, &mut lints);
    (problem, rules(&lints))
}

fn exceeded(kind: ProblemType, names: &[&str]) -> Problem {
    Problem { kind, violated: names.iter().map(|name| Name::from(name).unwrap()).collect() }
}

#[test]
fn problem_documents_name_the_policies_that_were_exceeded() {
    for kind in [ProblemType::QuotaExceeded, ProblemType::TemporaryReducedCapacity, ProblemType::AbnormalUsageDetected]
    {
        let written = exceeded(kind, &["daily", "bandwidth"]);
        let read = problem(&body::print_problem(&written), kind.status(), PROBLEM_JSON, "");
        assert_eq!(read, (Some(written), vec![]));
    }
    assert_eq!(problem(&json!({"type": "about:blank"}), 429, PROBLEM_JSON, ""), (None, vec![]));
    assert_eq!(problem(&json!([1]), 429, PROBLEM_JSON, ""), (None, vec![]));
}

#[test]
fn problem_documents_are_linted() {
    let whole = body::print_problem(&exceeded(ProblemType::QuotaExceeded, &["daily"]));
    let with = |key: &str, value: Value| {
        let mut changed = whole.clone();
        changed[key] = value;
        changed
    };
    assert_eq!(problem(&whole, 403, PROBLEM_JSON, "").1, ["problem/status"]);
    assert_eq!(problem(&whole, 429, "application/json", "").1, ["problem/media-type"]);
    assert_eq!(problem(&whole, 429, "application/problem+json; charset=utf-8", "").1, [""; 0]);
    assert_eq!(
        problem(&with("violated-policies", json!("daily")), 429, PROBLEM_JSON, "").1,
        ["problem/violated-policies"]
    );
    assert_eq!(
        problem(&with("violated-policies", json!(["a", 1])), 429, PROBLEM_JSON, "").1,
        ["problem/violated-policies"]
    );
    let elsewhere = with("type", json!("urn:problem:quota-exceeded"));
    assert_eq!(problem(&elsewhere, 429, PROBLEM_JSON, "").1, ["problem/type"]);
    let stated = "RateLimit-Policy: \"hourly\";q=5";
    assert_eq!(problem(&whole, 429, PROBLEM_JSON, stated).1, ["policy/unknown"]);
    assert_eq!(problem(&whole, 429, PROBLEM_JSON, "RateLimit-Policy: \"daily\";q=5").1, [""; 0]);
}
