//! Targets that behave as badly as targets do: the run ends in time, counts what happened by its kind, and claims nothing.

use std::collections::BTreeMap;
use std::io::Write;

use quotaproof::exit::Exit;
use quotaproof::summary::{ClassFigures, Summary};

use crate::server::{ok, read_request, server};
use crate::stage::Stage;
use crate::verdicts::WELL_BEHAVED;

fn failures(summary: &Summary) -> BTreeMap<&str, u64> {
    let mut kinds = BTreeMap::new();
    for (kind, count) in summary.classes.iter().flat_map(|class| &class.failed) {
        *kinds.entry(kind.as_str()).or_default() += count;
    }
    kinds
}

fn run_against(url: &str) -> (Option<i32>, Summary) {
    let stage = Stage::new(&format!("{}target: {{url: '{url}'}}\n", WELL_BEHAVED.split("gates").next().unwrap()));
    let ended = stage.run();
    (ended.code, stage.summary(&ended))
}

#[test]
fn resets_garbage_and_silence_are_told_apart_and_a_run_of_nothing_else_fails() {
    let url = server(|mut stream, number| {
        read_request(&mut stream);
        match number % 3 {
            0 => drop(stream),
            1 => drop(stream.write_all(b"220 mail.example ESMTP\r\n\r\n")),
            _ => drop(std::io::copy(&mut stream, &mut std::io::sink())),
        }
    });
    let (code, summary) = run_against(&url);
    assert_eq!((code, summary.conclusion.exit), (Some(1), Exit::Fail));
    let failures = failures(&summary);
    assert_eq!(failures.keys().copied().collect::<Vec<_>>(), ["garbage", "reset", "timeout"]);
    let sum = |count: fn(&ClassFigures) -> u64| summary.classes.iter().map(count).sum::<u64>();
    assert_eq!((sum(|class| class.served), sum(|class| class.requests)), (0, failures.values().sum()));
    let reasons = &summary.conclusion.reasons;
    assert!(reasons.iter().any(|reason| reason.contains("got no answer: ")), "{:?}", summary.conclusion);
}

#[test]
fn what_was_asked_and_never_answered_does_not_pass_because_the_rest_was() {
    let url = server(|mut stream, _| {
        while let Some(request) =
            read_request(&mut stream).filter(|it| it.contains("/token") || it.contains("/register"))
        {
            let body = if request.contains("/token") {
                r#"{"access_token":"t","token_type":"Bearer","expires_in":86400}"#
            } else {
                r#"{"code":0,"data":{"device_id":"d","device_secret":"s"}}"#
            };
            let _ = stream.write_all(ok(body).as_bytes());
        }
    });
    let (code, summary) = run_against(&url);
    println!("{:?} {:?}", failures(&summary), summary.conclusion);
    assert_eq!((code, summary.conclusion.exit), (Some(1), Exit::Fail));
    assert!(summary.classes.iter().any(|class| class.served > 0));
    assert!(failures(&summary).keys().eq(&["reset"]), "{:?}", failures(&summary));
    for class in ["queries", "charger-high-frequency"] {
        let said =
            |reason: &String| reason.starts_with(&format!("Server, {class}: ")) && reason.contains("got no answer");
        assert!(summary.conclusion.reasons.iter().any(said), "{:?}", summary.conclusion);
    }
}
