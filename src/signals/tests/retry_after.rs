use super::super::{Hint, Receipt, http_date, parse_http_date, print_wait, retry_after, wait_in};
use super::{RECEIVED, receipt};
use crate::time::Nanos;

fn told(value: &str) -> (Hint, Option<&'static str>) {
    let (hint, lint) = retry_after(value, receipt());
    (hint, lint.map(|lint| lint.rule))
}

fn wait(seconds: u64) -> Hint {
    Hint::Wait(Nanos::from_secs(seconds))
}

#[test]
fn both_documented_forms_are_read_without_a_complaint() {
    for (value, seconds) in [("0", 0), ("7", 7), (" 120 ", 120), ("007", 7), ("3600", 3_600), ("86400", 86_400)] {
        assert_eq!(told(value), (wait(seconds), None), "{value}");
    }
    assert_eq!(told("Sun, 15 Mar 2026 10:31:05 GMT"), (wait(65), None));
    assert_eq!(told("Sun, 15 Mar 2026 10:30:00 GMT"), (wait(0), None));
    // A date has whole seconds: a moment ago is now.
    assert_eq!(told("Sun, 15 Mar 2026 10:29:59 GMT"), (wait(0), None));
}

#[test]
fn what_can_be_used_is_used_and_reported() {
    let cases = [
        ("64.57", Hint::Wait(Nanos::from_millis(64_570)), "retry-after/fraction"),
        ("1.0", wait(1), "retry-after/fraction"),
        ("0.0000000001", Hint::Wait(Nanos(1)), "retry-after/fraction"),
        ("Sunday, 15-Mar-26 10:31:05 GMT", wait(65), "retry-after/obsolete-date"),
        ("Sun Mar 15 10:31:05 2026", wait(65), "retry-after/obsolete-date"),
        ("Sun, 15 Mar 2026 11:31:05 +0100", wait(65), "retry-after/not-http-date"),
        ("2026-03-15T10:31:05Z", wait(65), "retry-after/not-http-date"),
        ("Mon, 15 Mar 2026 10:31:05 GMT", wait(65), "retry-after/not-http-date"),
        ("2026-03-15 10:31:05", wait(65), "retry-after/not-http-date"),
        ("Sun, 15 Mar 2026 10:29:30 GMT", wait(0), "retry-after/past"),
    ];
    for (value, hint, rule) in cases {
        assert_eq!(told(value), (hint, Some(rule)), "{value}");
    }
}

#[test]
fn what_makes_no_sense_is_reported_and_not_obeyed() {
    let cases = [
        ("60000", "retry-after/milliseconds"),
        ("86401", "retry-after/too-long"),
        ("3600000", "retry-after/too-long"),
        ("1773570665", "retry-after/epoch"),
        ("1773570665123", "retry-after/epoch"),
        ("-5", "retry-after/negative"),
        ("-0.5", "retry-after/negative"),
        ("", "retry-after/malformed"),
        ("soon", "retry-after/malformed"),
        ("60s", "retry-after/malformed"),
        ("6e1", "retry-after/malformed"),
        ("+60", "retry-after/malformed"),
        ("inf", "retry-after/malformed"),
        ("0x3c", "retry-after/malformed"),
        ("99999999999999999999999999", "retry-after/malformed"),
        ("Sun, 14 Mar 2027 10:31:05 GMT", "retry-after/too-long"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "retry-after/past"),
        ("Sun, 99 Mar 2026 10:31:05 GMT", "retry-after/malformed"),
    ];
    for (value, rule) in cases {
        assert_eq!(told(value), (Hint::Malformed, Some(rule)), "{value}");
    }
}

#[test]
fn a_known_contract_decides_how_long_a_wait_can_be() {
    let within = |longest| Receipt { longest: Some(Nanos::from_secs(longest)), ..receipt() };
    assert_eq!(retry_after("60000", within(86_400)), (wait(60_000), None));
    let (hint, lint) = retry_after("60000", within(120));
    assert_eq!(hint, Hint::Malformed);
    assert_eq!(lint.unwrap().to_string(), "retry-after is 60000: longer than 20m, probably another unit");
    assert_eq!(retry_after("2592000", within(2_678_400)).0, wait(2_592_000));
    let (hint, lint) = retry_after("Sun, 15 Mar 2026 10:51:06 GMT", within(120));
    assert_eq!((hint, lint.unwrap().rule), (Hint::Malformed, "retry-after/too-long"));
    assert_eq!(retry_after("1200", within(120)), (wait(1_200), None), "ten times may have its reasons");
    assert_eq!(retry_after("60", within(1)), (wait(60), None), "and so may a minute");
    let (hint, lint) = retry_after("30000", within(3_600));
    assert_eq!((hint, lint.unwrap().rule), (Hint::Malformed, "retry-after/milliseconds"));
}

#[test]
fn a_date_without_a_clock_is_no_wait() {
    let (hint, lint) = retry_after("Sun, 15 Mar 2026 10:31:05 GMT", Receipt { at: None, longest: None });
    assert_eq!((hint, lint.unwrap().rule), (Hint::Malformed, "retry-after/no-clock"));
}

#[test]
fn other_units_count_in_their_own_measure() {
    let millis = |text| wait_in(Nanos::from_millis(1), "retry-after-ms", text, receipt());
    assert_eq!(millis("60000"), (wait(60), None));
    assert_eq!(millis("1.5").0, Hint::Wait(Nanos::from_micros(1_500)));
    assert_eq!(millis("99999999999").0, Hint::Malformed);
}

#[test]
fn lints_stay_on_a_line_whatever_was_sent() {
    let (_, lint) = retry_after(&format!("evil\r\nx: y\u{7}{}", "é".repeat(500)), receipt());
    let lint = lint.unwrap();
    assert!(lint.found.starts_with("evilx: yéé") && lint.found.chars().count() == 61, "{lint:?}");
}

#[test]
fn what_is_written_is_read_as_the_same() {
    for seconds in [0, 1, 59, 60, 3_600, 86_400] {
        assert_eq!(told(&print_wait(Nanos::from_secs(seconds))), (wait(seconds), None));
        let date = http_date(RECEIVED + Nanos::from_secs(seconds));
        assert_eq!(told(&date), (wait(seconds), None));
        assert_eq!(parse_http_date(&date), Some(RECEIVED + Nanos::from_secs(seconds)));
    }
    // Never earlier than meant.
    assert_eq!(print_wait(Nanos(1)), "1");
}
