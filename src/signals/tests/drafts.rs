//! The IETF drafts, above all their own examples, the broken ones too.

use super::super::{Dialect, Unit};
use super::{reading, rules, shown};

#[test]
fn draft_3_gives_the_expiring_limit_and_then_the_policies() {
    let read = reading(
        Dialect::Ietf03,
        "RateLimit-Limit: 10, 10;w=1;burst=1000, 1000;w=3600\nRateLimit-Remaining: 9\nRateLimit-Reset: 1",
    );
    assert_eq!((shown(&read), rules(&read.lints)), (vec!["- 10/1 9 1".into(), "- 1000/3600 - -".into()], vec![]));
    let comments =
        "RateLimit-Limit: 100, 100;w=60;comment=\"fixed window\", 12;w=1;policy=\"leaky bucket\"\nRateLimit-Reset: 5";
    assert_eq!(rules(&reading(Dialect::Ietf03, comments).lints), [""; 0]);
}

#[test]
fn draft_6_states_its_policies_apart() {
    let read = reading(
        Dialect::Ietf06,
        "RateLimit-Limit: 10\nRateLimit-Policy: 10;w=1, 50;w=60\nRateLimit-Remaining: 9\nRateLimit-Reset: 1",
    );
    assert_eq!((shown(&read), rules(&read.lints)), (vec!["- 10/1 9 1".into(), "- 50/60 - -".into()], vec![]));
}

#[test]
fn draft_7_reports_in_a_dictionary() {
    let read = reading(Dialect::Ietf07, "RateLimit-Policy: 100;w=10\nRateLimit: limit=100, remaining=50, reset=5");
    assert_eq!((shown(&read), rules(&read.lints)), (vec!["- 100/10 50 5".into()], vec![]));
    let invalid = reading(Dialect::Ietf07, "RateLimit-Policy: 10;w=1, 10;w=60");
    assert_eq!(
        (shown(&invalid), rules(&invalid.lints)),
        (vec!["- 10/1 - -".into(), "- 10/60 - -".into()], vec!["policy/same-limit"])
    );
    let incomplete = reading(Dialect::Ietf07, "RateLimit: remaining=50");
    assert_eq!((shown(&incomplete), rules(&incomplete.lints)), (vec!["- -/- 50 -".into()], vec!["field/missing"; 2]));
}

#[test]
fn up_to_draft_7_the_fields_must_fit_together() {
    let cases = [
        ("RateLimit-Limit: 10", "field/missing"),
        ("RateLimit-Remaining: 10\nRateLimit-Reset: 5", "field/missing"),
        ("RateLimit-Limit: 20, 10;w=1\nRateLimit-Reset: 1", "policy/unknown"),
        ("RateLimit-Limit: 100, 100;w=60, 10;w=1\nRateLimit-Remaining: 50\nRateLimit-Reset: 5", "quota/not-least"),
        ("RateLimit-Limit: 10, 10\nRateLimit-Reset: 5", "policy/no-window"),
        ("RateLimit-Limit: 10, 10, 10;w=60\nRateLimit-Reset: 5", "policy/no-window"),
        ("RateLimit-Limit: 10, 10;w=0\nRateLimit-Reset: 5", "window/zero"),
        ("RateLimit-Limit: 10\nRateLimit-Remaining: 11\nRateLimit-Reset: 5", "quota/remaining-above-limit"),
        ("RateLimit-Limit: 10\nRateLimit-Reset: 5\nRetry-After: 9", "retry-after/not-reset"),
        ("RateLimit-Limit: 10\nRateLimit-Reset: 5\nRateLimit-Reset: 6", "field/repeated"),
    ];
    for (lines, rule) in cases {
        assert_eq!(rules(&reading(Dialect::Ietf03, lines).lints), [rule], "{lines}");
    }
    let fitting = "RateLimit-Limit: 10\nRateLimit-Reset: 5\nRetry-After: Sun, 15 Mar 2026 10:30:05 GMT";
    assert_eq!(rules(&reading(Dialect::Ietf03, fitting).lints), [""; 0]);
}

#[test]
fn draft_10_names_its_policies() {
    let read = reading(
        Dialect::Ietf10,
        "RateLimit-Policy: \"hour\";q=1000;w=3600, \"day\";q=5000;w=86400\nRateLimit: \"day\";r=100;t=36000",
    );
    assert_eq!(
        (shown(&read), rules(&read.lints)),
        (vec!["hour 1000/3600 - -".into(), "day 5000/86400 100 36000".into()], vec![])
    );
    // Both fields may be split over lines.
    let split = reading(
        Dialect::Ietf10,
        "RateLimit-Policy: \"sliding\";q=100;w=60;burst=1000\nRateLimit-Policy: \"fixed\";q=5000;w=3600;burst=0\n\
         RateLimit: \"sliding\";r=50;t=44",
    );
    assert_eq!((shown(&split).len(), rules(&split.lints)), (2, vec![]));
    assert_eq!(shown(&reading(Dialect::Ietf10, "RateLimit:\"default\";r=50;t=60")), ["default -/- 50 60"]);
}

#[test]
fn draft_10_has_units_and_partitions() {
    let read = reading(
        Dialect::Ietf10,
        "RateLimit-Policy: \"app\";q=500000000;qu=\"content-bytes\";w=60;pk=:QXBwLTk5OQ==:\n\
         RateLimit: \"app\";r=300000000;t=60;pk=:QXBwLTk5OQ==:",
    );
    assert_eq!((shown(&read), rules(&read.lints)), (vec!["app 500000000/60 300000000 60".into()], vec![]));
    assert_eq!((read.quotas[0].unit, read.quotas[0].partition.unwrap().as_str()), (Unit::ContentBytes, "QXBwLTk5OQ=="));
    // Another partition of a stated policy has its limit.
    let other =
        reading(Dialect::Ietf10, "RateLimit-Policy: \"app\";q=5;w=60;pk=:YQ==:\nRateLimit: \"app\";r=3;pk=:Yg==:");
    assert_eq!((shown(&other), rules(&other.lints)), (vec!["app 5/60 - -".into(), "app 5/60 3 -".into()], vec![]));
}

#[test]
fn the_drafts_own_broken_examples_are_read_and_linted() {
    let padding = "RateLimit-Policy: \"peruser\";q=100;w=60;pk=:cHsdsRa894==:";
    let read = reading(Dialect::Ietf10, padding);
    assert_eq!((shown(&read), rules(&read.lints)), (vec!["peruser 100/60 - -".into()], vec!["partition/padding"]));
    let padding = "RateLimit-Policy: \"peruser\";q=65535;qu=\"content-bytes\";w=10;pk=:sdfjLJUOUH==:";
    assert_eq!(rules(&reading(Dialect::Ietf10, padding).lints), ["partition/padding"]);
    // A Token for a String, and no r.
    let token = reading(Dialect::Ietf10, "RateLimit-Policy: quota;q=100;w=1\nRateLimit: quota;t=1");
    assert_eq!(shown(&token), ["quota 100/1 - 1"]);
    assert_eq!(rules(&token.lints), ["structured/not-a-string", "structured/not-a-string", "field/missing"]);
    // Its example of a Retry-After beside RateLimit goes against its own section 6.
    let early = "Retry-After: 20\nRateLimit-Policy: \"dynamic\";q=100;w=60\nRateLimit: \"dynamic\";r=15;t=40";
    assert_eq!(rules(&reading(Dialect::Ietf10, early).lints), ["retry-after/before-reset"]);
    // A comment after the value.
    let comment = reading(Dialect::Ietf10, "RateLimit: \"sliding\";q=12;r=1;t=1          ; using 100% of throughput");
    assert_eq!(rules(&comment.lints), ["structured/malformed"]);
}

#[test]
fn draft_10_is_linted_strictly() {
    let cases = [
        ("RateLimit: \"a\";r=-1", "integer/negative"),
        ("RateLimit: \"a\";r=5;t=4.5", "integer/fraction"),
        ("RateLimit: \"a\";r=\"5\"", "structured/not-an-integer"),
        ("RateLimit: 5;r=5", "structured/not-a-string"),
        ("RateLimit: (\"a\" \"b\");r=5, \"a\";r=5", "structured/inner-list"),
        ("RateLimit-Policy: \"a\";w=5", "field/missing"),
        ("RateLimit-Policy: \"a\";q=5;w=0", "window/zero"),
        ("RateLimit-Policy: \"a\";q=5;qu=\"coffees\"", "unit/unknown"),
        ("RateLimit-Policy: \"a\";q=5;pk=\"me\"", "partition/not-bytes"),
        ("RateLimit-Policy: \"a\";q=5, \"a\";q=6", "policy/repeated"),
        ("RateLimit: \"a\";r=5, \"a\";r=6", "policy/repeated"),
        ("RateLimit-Policy: \"a\";q=5\nRateLimit: \"b\";r=5", "policy/unknown"),
        ("RateLimit-Policy: \"a\";q=5\nRateLimit: \"a\";r=6", "quota/remaining-above-limit"),
        ("RateLimit: \"a\";r=0;t=9\nRetry-After: 5", "retry-after/before-reset"),
        ("RateLimit: \"a\";r=0;t=9\nRetry-After: soon", "retry-after/malformed"),
    ];
    for (lines, rule) in cases {
        let read = reading(Dialect::Ietf10, lines);
        assert_eq!(rules(&read.lints), [rule], "{lines}");
        assert_eq!(read.quotas.len(), if rule == "policy/unknown" { 2 } else { 1 }, "{lines}");
    }
    assert_eq!(shown(&reading(Dialect::Ietf10, "RateLimit: \"a\";r=-1")), ["a -/- 0 -"]);
    let flood = format!("RateLimit: {}", "a;r=1,".repeat(5_000));
    assert!(reading(Dialect::Ietf10, &flood).lints.len() <= 100, "lints for the first members alone");
    // A Retry-After later than the reset keeps the rule.
    assert_eq!(rules(&reading(Dialect::Ietf10, "RateLimit: \"a\";r=0;t=9\nRetry-After: 60").lints), [""; 0]);
}

#[test]
fn what_is_no_structured_field_is_read_piece_by_piece() {
    let cases = [
        ("RateLimit: \"a\";R=5;T=9", "a -/- 5 9"),
        ("RateLimit: \"a\" ; r = 5; t = 9", "a -/- 5 9"),
        ("RateLimit: \"a\";r=5;t=9,", "a -/- 5 9"),
        ("RateLimit: \"a, b\";r=5;t=9, ???", "a, b -/- 5 9"),
        ("RateLimit: \"a\";r=5;t=9, \"b\";r=99999999999999999999", "a -/- 5 9"),
        ("RateLimit: default; r=5; T=9; pk=:AbC=:", "default -/- 5 9"),
    ];
    for (lines, quota) in cases {
        let read = reading(Dialect::Ietf10, lines);
        assert_eq!(shown(&read), [quota], "{lines}");
        assert!(rules(&read.lints).contains(&"structured/malformed"), "{lines}: {:?}", read.lints);
    }
    assert_eq!(shown(&reading(Dialect::Ietf07, "RateLimit: Limit=10, Remaining=5, Reset=4")), ["- 10/- 5 4"]);
}
