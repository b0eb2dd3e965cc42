//! The shipped policies say whose words they are, and put requests and refusals where their providers do.

use quotaproof::policy;
use quotaproof::policy::model::*;
use quotaproof::policy::signals::{Hint, ResponseView, Signal, read};
use quotaproof::signals::http_date;
use quotaproof::time::Nanos;

fn shipped(name: &str) -> Policy {
    policy::builtin(name).unwrap_or_else(|| panic!("no policy is called {name}"))
}

#[test]
fn every_policy_says_what_it_is_and_what_its_provider_leaves_open() {
    for name in policy::builtin_names() {
        let policy = shipped(name);
        assert!(!policy.title.is_empty() && policy.title != name, "{name} has no title");
        assert!(!policy.silences.is_empty(), "no provider says everything, {name} included");
    }
}

#[test]
fn requests_belong_where_their_providers_put_them() {
    for (name, method, path, class) in [
        ("chargefox", "GET", "/api/fleets/v1/sessions", Some("fleet-usage")),
        ("chargefox", "GET", "/ocpi/cpo/2.2.1/locations", Some("location-lists")),
        ("chargefox", "GET", "/ocpi/cpo/2.2.1/locations/L1", Some("locations")),
        ("chargefox", "GET", "/api/fleets/v1/vehicles", None),
        ("smartcar", "GET", "/v2.0/vehicles/v1/odometer", Some("vehicle")),
        ("smartcar", "GET", "/v2.0/vehicles", Some("other")),
        ("ampeco", "POST", "/public-api/actions/evse/v1.0/7/start", Some("start")),
        ("ampeco", "POST", "/public-api/actions/charge-point/v1.0/3/start/7", Some("start")),
        ("evnnovator", "POST", "/ocpi/2.2.1/commands/START_SESSION", Some("commands")),
        ("evnnovator", "POST", "/ocpi/2.2.1/commands/callback/c1", None),
        ("plugchoice", "POST", "/api/v3/sites/s1/teams/invite", Some("invitations")),
        ("plugchoice", "POST", "/api/v3/sites", Some("other")),
        ("github", "GET", "/repos/a/b", Some("reads")),
        ("github", "GET", "/rate_limit", Some("status")),
        ("github", "POST", "/repos/a/b/issues", Some("content")),
        ("github", "PUT", "/repos/a/b/topics", Some("writes")),
        ("github", "POST", "/graphql", Some("graphql")),
        ("shopify", "POST", "/admin/api/2026-07/graphql.json", Some("graphql")),
        ("shopify", "POST", "/admin/api/2026-07/products.json", Some("rest")),
        ("stripe", "POST", "/v1/payment_intents/pi_1", Some("payment-intent-updates")),
        ("stripe", "POST", "/v1/payment_intents/pi_1/confirm", Some("endpoints")),
        ("stripe", "GET", "/v1/customers/search", Some("search")),
        ("stripe", "GET", "/v1/files/f1", Some("file-reads")),
        ("discord", "POST", "/api/v10/channels/1/messages", Some("bots")),
        ("discord", "POST", "/api/v10/interactions/1/token/callback", Some("interactions")),
        ("azure-resource-manager", "GET", "/subscriptions/s1", Some("reads")),
        ("azure-resource-manager", "GET", "/subscriptions/s1/resourceGroups", Some("reads")),
        ("azure-resource-manager", "GET", "/tenants", Some("tenant-reads")),
        ("azure-resource-manager", "DELETE", "/subscriptions/s1/resourceGroups/g", Some("deletes")),
        ("cloudflare", "GET", "/client/v4/zones", Some("rest")),
        ("cloudflare", "POST", "/client/v4/graphql", Some("graphql")),
        ("salesforce", "GET", "/services/data/v64.0/query", Some("requests")),
    ] {
        let policy = shipped(name);
        let found = policy.classify(method, path).map(|id| policy.class(id).name.as_str());
        assert_eq!(found, class, "{name}: {method} {path}");
    }
}

#[test]
fn requests_count_towards_the_parents_that_their_providers_name() {
    for (name, class, parents) in [
        ("smartcar", "vehicle", &["application"][..]),
        ("plugchoice", "invitations", &["everything"]),
        ("github", "reads", &["primary", "points", "everything"]),
        ("github", "status", &["points", "everything"]),
        ("github", "graphql", &["everything"]),
        ("stripe", "search", &["everything"]),
        ("discord", "interactions", &["everything"]),
        ("azure-resource-manager", "reads", &["subscription-reads"]),
        ("azure-resource-manager", "tenant-reads", &[]),
        ("cloudflare", "graphql", &["everything"]),
    ] {
        let policy = shipped(name);
        let found: Vec<&str> = policy
            .class(policy.class_named(class).unwrap())
            .parents
            .iter()
            .map(|&id| policy.class(id).name.as_str())
            .collect();
        assert_eq!(found, parents, "{name}: {class}");
    }
}

#[test]
fn hints_and_forms_of_refusals_are_the_providers() {
    let presence = |name| shipped(name).refusal.retry_after.map(|hint| hint.presence);
    for name in ["ampeco", "plugchoice", "discord", "azure-resource-manager", "cloudflare"] {
        assert_eq!(presence(name), Some(Presence::Required), "{name}");
    }
    for name in ["smartcar", "evnnovator", "github", "shopify"] {
        assert_eq!(presence(name), Some(Presence::Optional), "{name}");
    }
    assert_eq!(presence("plugsurfing"), Some(Presence::Never));
    for name in ["chargefox", "stripe", "salesforce"] {
        assert_eq!(presence(name), None, "{name}");
    }
    let hub = shipped("evnnovator").refusal;
    let code = Some(("/status_code".to_owned(), Code::Number(2004)));
    assert_eq!((hub.status, &hub.body_code), (429, &code));
    assert_eq!(hub.other_forms, [RefusalForm { status: 200, body_code: code }]);
    assert_eq!(shipped("github").refusal.other_forms, [RefusalForm { status: 403, body_code: None }]);
}

/// What a provider's answer says.
fn answer(name: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Signal {
    let headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    read(
        &shipped(name),
        ResponseView { status, headers: &headers, body: body.as_bytes(), received: Nanos::ZERO, class: None },
    )
}

#[test]
fn a_success_with_the_code_of_a_refusal_is_a_refusal_and_any_other_success_is_none() {
    let refused = answer("evnnovator", 200, &[], r#"{"status_code": 2004, "timestamp": "2026-11-21T10:00:00Z"}"#);
    assert!(refused.refused && refused.breaches.is_empty(), "{refused:?}");
    let plain = answer("evnnovator", 429, &[("retry-after", "7")], r#"{"status_code": 2004}"#);
    assert!(plain.refused && plain.breaches.is_empty(), "{plain:?}");
    assert_eq!(plain.hint, Hint::Wait(Nanos::from_secs(7)));
    for body in [r#"{"status_code": 1000, "data": []}"#, r#"{"status_code": 2003}"#, "", "[2004]"] {
        assert_eq!(answer("evnnovator", 200, &[], body), Signal::default(), "{body}");
    }
    assert!(!answer("evnnovator", 404, &[], r#"{"status_code": 2003}"#).refused);
}

#[test]
fn a_refusal_that_has_no_form_in_full_is_told_by_the_nearest() {
    let without_code = answer("evnnovator", 429, &[], r#"{"status_code": 2000}"#);
    assert!(without_code.refused);
    assert_eq!(without_code.breaches, ["body /status_code is 2000 instead of 2004"]);
    let other_status = answer("evnnovator", 503, &[], r#"{"status_code": 2004}"#);
    assert!(other_status.refused);
    assert_eq!(other_status.breaches, ["status 503 instead of 429"]);
}

#[test]
fn either_of_two_statuses_refuses_without_a_breach() {
    for (name, statuses) in [("github", [429, 403]), ("smartcar", [429, 430])] {
        for status in statuses {
            let signal = answer(name, status, &[("retry-after", "60")], "{}");
            assert!(signal.refused && signal.breaches.is_empty(), "{name} {status}: {signal:?}");
            assert_eq!(signal.hint, Hint::Wait(Nanos::from_secs(60)), "{name} {status}");
        }
        assert!(!answer(name, 404, &[], "{}").refused, "{name}");
    }
}

#[test]
fn a_code_may_be_a_word_and_a_status_with_other_reasons_refuses_only_with_it() {
    let throttled = r#"{"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}"#;
    assert!(answer("shopify", 200, &[], throttled).refused);
    assert!(!answer("shopify", 200, &[], &throttled.replace("THROTTLED", "ACCESS_DENIED")).refused);
    let limit = r#"[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]"#;
    assert!(answer("salesforce", 403, &[], limit).refused);
    assert_eq!(answer("salesforce", 403, &[], r#"[{"errorCode": "API_DISABLED_FOR_ORG"}]"#), Signal::default());
}

#[test]
fn a_wait_that_nothing_documented_explains_is_reported_and_not_obeyed() {
    // Windows of a minute; of five, with a penalty as long; of an hour.
    for (name, sound, nonsense) in
        [("telair", "600", "60000"), ("cloudflare", "300", "300000"), ("github", "3600", "60000")]
    {
        let told = |wait| answer(name, 429, &[("retry-after", wait)], "{}");
        assert_eq!(told(sound).hint, Hint::Wait(Nanos::from_secs(sound.parse().unwrap())), "{name}");
        assert_eq!(told(sound).breaches, [""; 0], "{name}");
        assert_eq!((told(nonsense).hint, told(nonsense).breaches.len()), (Hint::Malformed, 1), "{name}");
    }
}

#[test]
fn a_hint_that_the_documents_do_not_mention_is_read_all_the_same() {
    let told = |name, wait| answer(name, 429, &[("retry-after", wait)], "{}");
    assert_eq!(told("stripe", "3").hint, Hint::Wait(Nanos::from_secs(3)));
    assert_eq!(told("stripe", "soon").breaches.len(), 1);
    let overloaded = |wait| answer("telair", 503, &[("retry-after", wait)], "");
    assert_eq!(
        overloaded("30"),
        Signal { overloaded: true, hint: Hint::Wait(Nanos::from_secs(30)), ..Signal::default() }
    );
    let milliseconds = overloaded("30000");
    assert_eq!((milliseconds.hint, milliseconds.breaches.len()), (Hint::Malformed, 1));
}

#[test]
fn a_reset_stands_in_for_a_hint_where_nothing_remains_and_it_can_be_meant() {
    let now = Nanos::from_secs(1_800_000_000);
    let date = http_date(now);
    let told = |remaining, seconds: u64| {
        let reset = (now.as_secs() + seconds).to_string();
        let quota = [("x-ratelimit-limit", "18"), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", &reset)];
        let headers: Vec<(&str, &str)> = quota.into_iter().chain([("date", date.as_str())]).collect();
        answer("chargefox", 429, &headers, "{}").hint
    };
    assert_eq!(told("0", 600), Hint::Reset(Nanos::from_secs(600)));
    assert_eq!(told("5", 600), Hint::Absent, "something else refused");
    assert_eq!(told("0", 36_001), Hint::Absent, "more than ten of its windows");
}

#[test]
fn a_dialect_is_held_to_how_its_fields_and_its_problems_go_together() {
    let told = |wait: &str, kind: &str| {
        let headers = [
            ("ratelimit", r#""default";r=0;t=30"#),
            ("retry-after", wait),
            ("content-type", "application/problem+json"),
        ];
        let kind = format!("https://iana.org/assignments/http-problem-types#{kind}");
        let body = format!(r#"{{"type": "{kind}", "violated-policies": ["default"]}}"#);
        answer("cloudflare", 429, &headers, &body).header_breaches
    };
    assert_eq!(told("30", "quota-exceeded"), [""; 0]);
    assert_eq!(told("5", "quota-exceeded").len(), 1, "earlier than more is there");
    assert_eq!(told("30", "temporary-reduced-capacity").len(), 1, "that is for 503");
    let bare = answer("cloudflare", 429, &[], r#"{"type": "about:blank#quota-exceeded"}"#);
    assert!(bare.told.present && bare.told.breaches > 0, "{bare:?}");
}

#[test]
fn a_provider_that_never_hints_breaks_nothing_by_its_silence() {
    let signal = answer("plugsurfing", 429, &[], "");
    assert_eq!((signal.refused, signal.hint, signal.breaches.len()), (true, Hint::Absent, 0));
    let silent = answer("cloudflare", 429, &[], "");
    assert_eq!(silent.breaches, ["header retry-after is missing"], "where a hint is promised, silence breaks it");
}
