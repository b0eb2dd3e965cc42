//! Headers as real servers send them.

use super::super::{Dialect, Format, MOST_QUOTAS, ResetKind, detect};
use super::{headers, reading, rules, shown, x_ratelimit};

#[test]
fn telair_states_policy_limit_remaining_and_the_windows_length() {
    let read = reading(
        Dialect::XRateLimit,
        "X-Rate-Limit-Policy: light\nX-Rate-Limit-Limit: 1000\nX-Rate-Limit-Remaining: 999\nX-Rate-Limit-Window: 60",
    );
    assert_eq!(shown(&read), ["light 1000/60 999 -"]);
    assert_eq!(rules(&read.lints), [""; 0]);
}

#[test]
fn each_kind_of_reset_is_told_by_its_shape() {
    let kinds = [
        (ResetKind::SecondsLeft, "65", "65"),
        (ResetKind::SecondsLeft, "64.57", "64.57"),
        (ResetKind::Epoch, "1773570665", "65"),
        (ResetKind::Epoch, "1773570664.5", "64.5"),
        (ResetKind::HttpDate, "Sun, 15 Mar 2026 10:31:05 GMT", "65"),
        (ResetKind::Iso8601, "2026-03-15T10:31:05Z", "65"),
        (ResetKind::Iso8601, "2026-03-15T10:31Z", "60"),
        (ResetKind::Iso8601, "2026-03-15T11:31:05.250+01:00", "65.25"),
    ];
    for (kind, reset, left) in kinds {
        let lines = format!("x-ratelimit-limit: 60\nx-ratelimit-remaining: 0\nx-ratelimit-reset: {reset}");
        let undeclared = reading(Dialect::XRatelimit, &lines);
        assert_eq!(
            (shown(&undeclared), rules(&undeclared.lints)),
            (vec![format!("- 60/- 0 {left}")], vec![]),
            "{reset}"
        );
        assert_eq!(reading(x_ratelimit(kind), &lines), undeclared, "{reset}");
        let other = if kind == ResetKind::Epoch { ResetKind::HttpDate } else { ResetKind::Epoch };
        let surprising = reading(x_ratelimit(other), &lines);
        assert_eq!((surprising.quotas, rules(&surprising.lints)), (undeclared.quotas, vec!["reset/kind"]), "{reset}");
    }
}

#[test]
fn a_reset_that_makes_no_sense_is_left_out() {
    let cases = [
        ("1773570665123", "reset/milliseconds"),
        ("-3", "reset/negative"),
        ("tomorrow", "reset/malformed"),
        ("2019-01-01T00:00:00Z", "reset/far"),
        ("9999999999", "reset/far"),
        ("99999999", "reset/far"),
    ];
    for (reset, rule) in cases {
        let read = reading(Dialect::XRatelimit, &format!("x-ratelimit-remaining: 5\nx-ratelimit-reset: {reset}"));
        assert_eq!((shown(&read), rules(&read.lints)), (vec!["- -/- 5 -".to_owned()], vec![rule]), "{reset}");
    }
    let late = reading(Dialect::XRatelimit, "x-ratelimit-remaining: 5\nx-ratelimit-reset: 1773570590");
    assert_eq!((shown(&late), rules(&late.lints)), (vec!["- -/- 5 0".to_owned()], vec!["reset/past"]));
}

#[test]
fn providers_add_fields_of_their_own() {
    let github = "x-ratelimit-limit: 5000\nx-ratelimit-remaining: 4999\nx-ratelimit-reset: 1773574200\n\
                  x-ratelimit-used: 1\nx-ratelimit-resource: core";
    assert_eq!(shown(&reading(x_ratelimit(ResetKind::Epoch), github)), ["core 5000/- 4999 3600"]);
    let discord = "x-ratelimit-limit: 5\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1773570665.123\n\
                   x-ratelimit-reset-after: 64.57\nx-ratelimit-bucket: abcd1234\nretry-after: 65";
    let discord = reading(x_ratelimit(ResetKind::Epoch), discord);
    assert_eq!((shown(&discord), rules(&discord.lints)), (vec!["abcd1234 5/- 0 64.57".to_owned()], vec![]));
    let okta = Format { dialect: Dialect::XRateLimit, reset: Some(ResetKind::Epoch) };
    let okta = reading(okta, "X-Rate-Limit-Limit: 600\nX-Rate-Limit-Remaining: 0\nX-Rate-Limit-Reset: 1773570630");
    assert_eq!((shown(&okta), rules(&okta.lints)), (vec!["- 600/- 0 30".to_owned()], vec![]));
}

#[test]
fn envoy_speaks_draft_3_under_other_names() {
    let read = reading(
        Dialect::Envoy,
        "x-ratelimit-limit: 10, 10;w=60;name=\"per-ip\", 1000;w=3600\nx-ratelimit-remaining: 7\nx-ratelimit-reset: 41",
    );
    assert_eq!(
        (shown(&read), rules(&read.lints)),
        (vec!["per-ip 10/60 7 41".into(), "- 1000/3600 - -".into()], vec![])
    );
}

#[test]
fn kong_states_each_window_and_reports_the_one_with_the_least_remaining() {
    let lines = "x-ratelimit-limit-minute: 10\nx-ratelimit-remaining-minute: 3\nx-ratelimit-limit-hour: 100\n\
                 x-ratelimit-remaining-hour: 50\nratelimit-limit: 10\nratelimit-remaining: 3\nratelimit-reset: 41";
    let read = reading(Dialect::Kong, lines);
    assert_eq!((shown(&read), rules(&read.lints)), (vec!["- 10/60 3 41".into(), "- 100/3600 50 -".into()], vec![]));

    let wrong =
        lines.replace("ratelimit-limit: 10\nratelimit-remaining: 3", "ratelimit-limit: 100\nratelimit-remaining: 50");
    let wrong = reading(Dialect::Kong, &wrong);
    assert_eq!((shown(&wrong)[1].as_str(), rules(&wrong.lints)), ("- 100/3600 50 41", vec!["quota/not-least"]));

    let unknown = reading(Dialect::Kong, &lines.replace("ratelimit-limit: 10\n", "ratelimit-limit: 11\n"));
    assert_eq!(rules(&unknown.lints), ["policy/unknown"]);
}

#[test]
fn numbers_are_used_as_far_as_they_go() {
    let cases = [
        ("-1", "- 50/60 0 -", "integer/negative"),
        ("7.9", "- 50/60 7 -", "integer/fraction"),
        ("many", "- 50/60 - -", "integer/malformed"),
        ("18446744073709551616", "- 50/60 - -", "integer/malformed"),
        ("51", "- 50/60 51 -", "quota/remaining-above-limit"),
    ];
    for (remaining, quota, rule) in cases {
        let lines = format!("x-rate-limit-limit: 50\nx-rate-limit-remaining: {remaining}\nx-rate-limit-window: 60");
        let read = reading(Dialect::XRateLimit, &lines);
        assert_eq!((shown(&read), rules(&read.lints)), (vec![quota.to_owned()], vec![rule]), "{remaining}");
    }
    // Only of what remains is less than nothing a number: a limit of -1 may well mean none.
    let read = reading(Dialect::XRateLimit, "x-rate-limit-limit: -1\nx-rate-limit-remaining: -1");
    assert_eq!((shown(&read), rules(&read.lints)), (vec!["- -/- 0 -".to_owned()], vec!["integer/negative"; 2]));
    let read = reading(Dialect::XRateLimit, "x-rate-limit-window: 18446744073709551615\nx-rate-limit-limit: 5");
    assert_eq!((shown(&read), rules(&read.lints)), (vec!["- 5/- - -".to_owned()], vec!["integer/too-large"]));
    let read = reading(Dialect::XRateLimit, "x-rate-limit-window: 0\nx-rate-limit-limit: 5");
    assert_eq!(rules(&read.lints), ["window/zero"]);
}

#[test]
fn what_is_sent_twice_or_too_long_or_too_often_is_said() {
    let twice =
        reading(Dialect::XRateLimit, "x-rate-limit-limit: 50\nx-rate-limit-limit: 60\nretry-after: 1\nretry-after: 2");
    assert_eq!(
        (shown(&twice), rules(&twice.lints)),
        (vec!["- 50/- - -".into()], vec!["field/repeated", "field/repeated"])
    );
    let long = reading(Dialect::XRateLimit, &format!("x-rate-limit-policy: {}", "é".repeat(33)));
    assert_eq!(
        (long.quotas[0].policy.unwrap().as_str(), rules(&long.lints)),
        ("?".repeat(32).as_str(), vec!["name/too-long"])
    );
    let cut = reading(Dialect::XRateLimit, &format!("x-rate-limit-policy: {} and more", "a".repeat(31)));
    assert_eq!(cut.quotas[0].policy.unwrap().as_str(), "a".repeat(31));
    let many = (0..20).map(|n| format!("\"p{n}\";q=1")).collect::<Vec<_>>().join(", ");
    let many = reading(Dialect::Ietf10, &format!("ratelimit-policy: {many}"));
    assert_eq!((many.quotas.len(), rules(&many.lints)), (MOST_QUOTAS, vec!["quota/too-many"]));
}

#[test]
fn a_response_without_quotas_says_nothing_in_any_dialect() {
    for dialect in Dialect::ALL {
        let read =
            reading(dialect, "content-type: application/json\ncontent-length: 2\ndate: Sun, 15 Mar 2026 10:30:00 GMT");
        assert_eq!(read, Default::default(), "{dialect:?}");
        // Nor does it allocate.
        assert_eq!(read.lints.capacity(), 0);
    }
}

#[test]
fn the_dialect_is_told_from_the_fields() {
    use Dialect::*;
    let cases: [(&str, &[Dialect]); 14] = [
        ("content-type: text/plain\nretry-after: 5", &[]),
        ("x-rate-limit-limit: 5", &[XRateLimit]),
        ("x-ratelimit-remaining: 5", &[XRatelimit]),
        ("x-ratelimit-limit: 10, 10;w=60", &[Envoy]),
        ("x-ratelimit-limit-minute: 10\nratelimit-limit: 10", &[Kong]),
        ("ratelimit-limit: 10\nratelimit-reset: 5", &[Ietf03]),
        ("ratelimit-limit: 10, 10;w=60", &[Ietf03]),
        ("ratelimit-limit: 10\nratelimit-policy: 10;w=60", &[Ietf06]),
        ("ratelimit: limit=10, remaining=5, reset=4", &[Ietf07]),
        ("ratelimit-policy: 10;w=60", &[Ietf07]),
        ("ratelimit: \"default\";r=50;t=30", &[Ietf10]),
        ("ratelimit: default;r=50;t=30", &[Ietf10]),
        ("ratelimit-policy: \"default\";q=50", &[Ietf10]),
        ("ratelimit: \"a\";r=1\nx-ratelimit-limit: 5\nx-rate-limit-limit: 5", &[Ietf10, XRatelimit, XRateLimit]),
    ];
    for (lines, dialects) in cases {
        assert_eq!(detect(&headers(lines)).as_slice(), dialects, "{lines}");
    }
}

#[test]
fn dialects_have_the_names_that_a_policy_uses() {
    let names = Dialect::ALL.map(|dialect| serde_json::to_value(dialect).unwrap());
    let expected = ["x-rate-limit", "x-ratelimit", "ietf-03", "ietf-06", "ietf-07", "ietf-10", "envoy", "kong"];
    assert_eq!(names.to_vec(), expected.to_vec());
    let format: Format =
        serde_json::from_value(serde_json::json!({"dialect": "x-ratelimit", "reset": "iso_8601"})).unwrap();
    assert_eq!(format, x_ratelimit(ResetKind::Iso8601));
}
