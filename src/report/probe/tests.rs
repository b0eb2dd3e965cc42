//! A page from an account that was made up, and what must never be on it.

use super::page;
use super::sequence;
use crate::exit::Exit;
use crate::policy::silence::Topic;
use crate::probe::account::{Account, AnswerTold, FORMAT, Proof, Setting, Told};
use crate::probe::outcome::{Comparison, FamilyShare, Outcome, TrialOutcome, Verdict};
use crate::probe::silences::{Answered, Unsaid};
use crate::report::probe::{junit, load, text, write_all};
use crate::summary::finding::{self, Evidence, Finding, Party, Severity};

fn told(client: usize, sent_s: f64, answer: AnswerTold) -> Told {
    Told {
        client,
        header: None,
        beside: None,
        reconnected: false,
        trial: None,
        sent_s,
        done_s: sent_s + 0.002,
        answer,
        seen: "200".to_owned(),
        hint_s: (answer == AnswerTold::Refused).then_some(2.0),
        forecast: Some(answer == AnswerTold::Admitted),
    }
}

fn compared(what: &str, verdict: Verdict) -> Comparison {
    let text = |text: &str| text.to_owned();
    Comparison { what: text(what), documented: text("8"), measured: text("<b>12</b>"), verdict }
}

fn check(id: &str, verdict: finding::Verdict) -> Finding {
    let evidence = Evidence {
        at_s: 2.5,
        device: "client/1".to_owned(),
        sent: "GET /orders".to_owned(),
        received: "429".to_owned(),
        why: "refused <script>".to_owned(),
    };
    Finding {
        check: id.to_owned(),
        party: Party::Server,
        severity: Severity::Breach,
        subject: String::new(),
        verdict,
        headline: format!("what {id} found"),
        explanation: String::new(),
        remedy: String::new(),
        looked_at: 3,
        wrong: 1,
        would_save: None,
        evidence: vec![evidence],
    }
}

fn account() -> Account {
    use AnswerTold::{Admitted, Refused};
    let mut exchanges: Vec<Told> = (0..8).map(|index| told(0, f64::from(index) * 0.001, Admitted)).collect();
    exchanges.extend([told(0, 0.009, Refused), told(1, 1.0, Admitted), told(0, 2.5, Admitted)]);
    let forwarded = Some("x-forwarded-for: 203.0.113.1".to_owned());
    exchanges.push(Told { header: forwarded, trial: Some("trial".to_owned()), ..told(1, 3.0, Refused) });
    let proof = |about: &str, decisive, client| Proof {
        about: about.to_owned(),
        claim: format!("it shows at {decisive}"),
        from: 0,
        decisive,
        client,
    };
    let outcome = Outcome {
        conclusion: "rolling window: 12 per 1s".to_owned(),
        hindrance: None,
        doubt: None,
        exit: Exit::Fail,
        ended: "no further experiment would tell more".to_owned(),
        requests: 12,
        took_s: 3.1,
        families: vec![FamilyShare { shape: None, title: "rolling window".to_owned(), probability: 1.0 }],
        measured: None,
        comparisons: vec![compared("limit", Verdict::Differs), compared("penalty", Verdict::Undocumented)],
        would_settle: None,
        experiments: vec!["wait".to_owned()],
        trials: Vec::new(),
        not_tried: None,
        silences: Vec::new(),
        checks: vec![check("server.race", finding::Verdict::Pass), check("server.edge", finding::Verdict::Fail)],
    };
    let setting = Setting {
        target: "http://127.0.0.1:1/".to_owned(),
        method: "GET".to_owned(),
        path: "/orders?page=\"1\"&x=$HOME".to_owned(),
        started: "2026-03-15T10:30:00Z".to_owned(),
        class: "reads".to_owned(),
        source: Some("javascript:alert(1)".to_owned()),
        clients: vec![vec!["Authorization: Bearer env:TOKEN".to_owned()], vec!["X-Account: it's".to_owned()]],
        ..Setting::default()
    };
    let proofs = vec![proof("limit", 8, Some(0)), proof("server.edge", 11, None)];
    Account { format: FORMAT, setting, outcome, exchanges, left: vec![(0.0, 8), (2.0, 3)], proofs }
}

#[test]
fn what_is_wrong_stands_before_what_is_right() {
    let page = page::render(&account()).unwrap();
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    let order = [
        "not as documented",
        "The limit is",
        "what server.edge found",
        "What was found: rolling window",
        "it shows at 8",
        "8 admitted, 1 refused (told to wait 2 s)",
        "first 9",
        "it shows at 11",
        "what server.race found",
        "What the documents do not say",
        "<svg class=\"plot\"",
    ];
    assert!(order.map(at).is_sorted(), "{:?}", order.map(at));
    assert!(page.contains("data-charts=\"2\""));
}

#[test]
fn the_page_runs_nothing_and_asks_for_nothing() {
    let page = page::render(&account()).unwrap();
    for absent in ["<script", "<b>12", "src=", "href=\"javascript", "url(", "@import"] {
        assert!(!page.contains(absent), "{absent}");
    }
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for link in links {
        assert!(
            link == "data:," || link.strip_prefix('#').is_some_and(|id| page.contains(&format!("id=\"{id}\""))),
            "{link}"
        );
    }
}

#[test]
fn commands_send_the_same_again_and_take_secrets_from_the_environment() {
    let account = account();
    let script = sequence::curl(&account, &account.proofs[1]);
    for present in [
        "-H \"Authorization: Bearer ${TOKEN}\"",
        "\"http://127.0.0.1:1/orders?page=\\\"1\\\"&x=\\$HOME\"",
        "-H \"X-Account: it's\"",
        "first 9    # 8 admitted, 1 refused (told to wait 2 s)\nsleep 0.989\nsecond 1   # 1 admitted\nsleep 1.498\nfirst 1",
        "second 1 -H \"x-forwarded-for: 203.0.113.1\" # 1 refused (told to wait 2 s)  <- this decides",
    ] {
        assert!(script.contains(present), "{present} is not in\n{script}");
    }
    let of_first = sequence::curl(&account, &account.proofs[0]);
    assert!(
        !of_first.contains("second") && of_first.lines().last().unwrap().ends_with("<- this decides"),
        "{of_first}"
    );
}

#[test]
fn a_header_that_takes_the_place_of_the_client_s_own_is_sent_once() {
    let mut account = account();
    account.setting.clients[1].push("X-Forwarded-For: 192.0.2.1".to_owned());
    let script = sequence::curl(&account, &account.proofs[1]);
    let of_second = script.split("second() {").nth(1).unwrap().split("\n}\n").next().unwrap();
    assert!(of_second.contains("X-Account") && !of_second.contains("X-Forwarded-For"), "{script}");
    for present in [
        "second 1 -H \"X-Forwarded-For: 192.0.2.1\" # 1 admitted",
        "second 1 -H \"x-forwarded-for: 203.0.113.1\" # 1 refused",
    ] {
        assert!(script.contains(present), "{present} is not in\n{script}");
    }
}

#[test]
fn what_is_said_of_several_silences_is_told_once() {
    let mut account = account();
    let open = |text: &str| Unsaid {
        text: text.to_owned(),
        answers: vec![Answered { topic: Topic::Hints, measured: None, open: Some("it takes requests".to_owned()) }],
    };
    account.outcome.silences = vec![open("The form is not stated."), open("The wait is not stated.")];
    for told in [text(&account.outcome), page::render(&account).unwrap()] {
        assert_eq!(told.matches("it takes requests").count(), 1, "{told}");
        assert!(told.contains("The form is not stated.") && told.contains("The wait is not stated."), "{told}");
    }
}

#[test]
fn a_long_sequence_ends_with_what_decides() {
    let mut account = account();
    account.exchanges = (0..500).map(|index| told(0, f64::from(index), AnswerTold::Refused)).collect();
    let proof = Proof { about: String::new(), claim: String::new(), from: 0, decisive: 499, client: Some(0) };
    let (groups, left_out) = sequence::groups(&account, &proof);
    assert_eq!((groups.len(), left_out), (sequence::MOST, 500 - sequence::MOST));
    assert!(groups.last().unwrap().decides);
}

#[test]
fn a_report_is_a_directory_of_its_own_and_reads_back() {
    let base = tempfile::tempdir().unwrap();
    let dir = write_all(base.path(), &account()).unwrap();
    assert_eq!(dir.file_name().unwrap(), "probe-reads-20260315T103000Z");
    assert_ne!(write_all(base.path(), &account()).unwrap(), dir);
    for name in ["index.html", "probe.json", "junit.xml"] {
        assert!(dir.join(name).is_file(), "{name}");
    }
    let stored = load(&dir).unwrap();
    assert_eq!(page::render(&stored).unwrap(), std::fs::read_to_string(dir.join("index.html")).unwrap());
}

#[test]
fn a_damaged_probe_is_to_be_made_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("probe.json"), "{").unwrap();
    let error = load(dir.path()).unwrap_err().to_string();
    assert!(error.contains("probe.json is damaged") && error.ends_with("; probe again"), "{error}");
}

#[test]
fn a_probe_that_saw_nothing_is_still_a_page() {
    let mut account = account();
    (account.exchanges, account.left, account.proofs) = (Vec::new(), Vec::new(), Vec::new());
    account.outcome.comparisons.clear();
    account.outcome.checks.clear();
    account.outcome.families.clear();
    account.outcome.exit = Exit::Interrupted;
    let page = page::render(&account).unwrap();
    assert!(page.contains("data-charts=\"0\"") && page.contains("No promise was looked at"));
}

#[test]
fn what_was_not_tried_is_told_with_the_reason() {
    let mut account = account();
    account.outcome.trials = vec![TrialOutcome { title: "ask twice".to_owned(), made: false }];
    account.outcome.not_tried = Some("it was stopped".to_owned());
    let told = "Not tried: ask twice, since it was stopped";
    assert!(text(&account.outcome).contains(told), "{}", text(&account.outcome));
    assert!(page::render(&account).unwrap().contains(told));
}

#[test]
fn advice_fails_nothing_in_any_form() {
    let mut account = account();
    let failures = |account: &Account| {
        let xml = junit(&account.outcome, "reads").unwrap();
        (text(&account.outcome).matches("  FAIL ").count(), xml.matches("<failure message=\"FAIL:").count())
    };
    let broken = failures(&account).0;
    assert_eq!(failures(&account), (broken, broken));
    let advice = account.outcome.checks.iter_mut().find(|check| check.verdict == finding::Verdict::Fail).unwrap();
    advice.severity = Severity::Advice;
    let headline = format!("  advice         {:<26} {}", advice.check, advice.headline);
    assert_eq!(failures(&account), (broken - 1, broken - 1));
    let text = text(&account.outcome);
    assert!(text.contains(&headline), "{text}");
    assert!(text.find(&headline) > text.rfind("  FAIL "), "what fails comes first: {text}");
}

#[test]
fn what_proves_nothing_is_an_error_in_junit() {
    let mut account = account();
    let errors = |account: &Account| {
        let xml = junit(&account.outcome, "reads").unwrap();
        (xml.contains(" errors=\"1\""), xml.contains("<error message=\"exit code 4: not settled; it ended because "))
    };
    assert_eq!(errors(&account), (false, false));
    (account.outcome.exit, account.outcome.conclusion) = (Exit::Invalid, "not settled".to_owned());
    assert_eq!(errors(&account), (true, true));
}
