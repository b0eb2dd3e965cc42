//! What must hold for every response, whatever bytes it is made of; the fuzzer and the replay of its seeds share it.

use quotaproof::signals::body::{self, PROBLEM_JSON};
use quotaproof::signals::{Dialect, Format, Lint, MOST_QUOTAS, Receipt, ResetKind, detect, print, read, retry_after};
use quotaproof::time::Nanos;

/// 2026-03-15T10:30:00Z.
const NOW: Nanos = Nanos::from_secs(1_773_570_600);
const KINDS: [Option<ResetKind>; 5] =
    [None, Some(ResetKind::SecondsLeft), Some(ResetKind::Epoch), Some(ResetKind::HttpDate), Some(ResetKind::Iso8601)];

/// Takes a response: header lines, an empty line, a body.
pub fn signals(response: &[u8]) {
    let text = String::from_utf8_lossy(response);
    let (head, json) = text.split_once("\n\n").unwrap_or((&text, ""));
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let headers: Vec<(String, String)> =
        fields.map(|(name, value)| (name.trim().to_lowercase(), value.to_owned())).collect();
    detect(&headers);
    for dialect in Dialect::ALL {
        // The others have one kind of reset each.
        let declarable = matches!(dialect, Dialect::XRateLimit | Dialect::XRatelimit);
        for &reset in &KINDS[..if declarable { KINDS.len() } else { 1 }] {
            check_reading(Format { dialect, reset }, &headers);
        }
    }
    for (_, value) in &headers {
        check_lints(retry_after(value, Receipt { at: None, longest: Some(NOW) }).1.as_slice());
    }
    if let Ok(json) = serde_json::from_str(json) {
        check_body(json);
    }
}

fn check_reading(format: Format, headers: &[(String, String)]) {
    let mut reading = read(format, headers, Receipt::at(NOW));
    assert!(reading.quotas.len() <= MOST_QUOTAS);
    check_lints(&reading.lints);

    // What is written down is well formed and means the same when it is read and written again. Policies whose limits are
    // stated come first on the wire.
    if format.dialect == Dialect::Ietf10 {
        reading.quotas.sort_by_key(|quota| quota.limit.is_none());
    }
    let written = print(format, &reading.quotas, NOW);
    let headers: Vec<_> = written.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let again = read(format, &headers, Receipt::at(NOW));
    assert_eq!(print(format, &again.quotas, NOW), written, "{:?} became {:?}", reading.quotas, again.quotas);
    let malformed = |lint: &&Lint| lint.rule.ends_with("/malformed") || lint.rule.starts_with("integer/");
    assert_eq!(again.lints.iter().find(malformed), None, "{headers:?}");
}

fn check_lints(lints: &[Lint]) {
    for lint in lints {
        let text = lint.to_string();
        assert!(text.chars().count() < 300 && !text.contains(char::is_control), "{lint:?}");
    }
}

fn check_body(mut json: serde_json::Value) {
    for pointer in ["/retry_after", "/details/retry_after_seconds"] {
        for unit in [Nanos::from_secs(1), Nanos::from_millis(1)] {
            check_lints(body::hint(&json, pointer, unit, Receipt::at(NOW)).1.as_slice());
        }
        body::Code::Number(2004).stands_at(&json, pointer);
        body::Code::Word("THROTTLED".into()).stands_at(&json, pointer);
    }
    let mut lints = Vec::new();
    if let Some(problem) = body::problem(&json, 429, PROBLEM_JSON, &[], &mut lints) {
        let written = body::print_problem(&problem);
        assert_eq!(body::problem(&written, problem.kind.status(), PROBLEM_JSON, &[], &mut Vec::new()), Some(problem));
    }
    check_lints(&lints);
    body::put(&mut json, "/details/code", 7);
    assert!(body::Code::Number(7).stands_at(&json, "/details/code"));
}
