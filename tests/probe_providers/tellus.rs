//! The classes of Tellus: what operators and what chargers send.

use quotaproof::policy;
use quotaproof::policy::silence::Topic;
use quotaproof::probe::outcome::Verdict;
use quotaproof::reference::http::{HttpIn, Reply};
use quotaproof::reference::platform::{Platform, for_policy};
use quotaproof::scenario::target::{Fault, ServerSpec};
use quotaproof::time::Nanos;
use serde_json::{Value, json};

use crate::world::{ANCHOR, Headers, Subject, ask};
use crate::{READINGS, compared, keeps_its_word, measured, open};

const FLEXIBILITY: &str = r#"{"target_type":"all","command":"pause_charging","params":{"duration":60}}"#;
const HEARTBEAT: &str = r#"{"timestamp":"2025-03-15T15:10:00Z","status":"online","fault_code":0}"#;
const TELEMETRY: &str = r#"{"timestamp":"2025-03-15T15:10:00Z","connector_id":1,"state":"idle","voltage":230,"current":0,"power":0,"energy_delivered":0}"#;
const EVENT: &str = r#"{"timestamp":"2025-03-15T15:10:00Z","event_type":"plug_in","connector_id":1,"data":{}}"#;
const RECORD: &str = r#"{"record_id":"rec_1","connector_id":1,"start_time":"2025-03-15T14:00:00Z","end_time":"2025-03-15T15:00:00Z","energy":7,"max_power":7,"avg_power":7,"meter_start":0,"meter_end":7}"#;
const FIRMWARE: &str = r#"{"firmware_version":"2.2.0","status":"downloading"}"#;

const REGISTER: &str = "/v1/device/register";

fn answer(server: &mut dyn Platform, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let Reply::Respond(answer) = server.handle(Nanos::ZERO, 1, &HttpIn::new("POST", path, &[], body.as_bytes())) else {
        panic!("{path} is answered at once")
    };
    serde_json::from_slice(&answer.body).unwrap()
}

fn bearer(token: &Value) -> Headers {
    vec![("authorization".to_owned(), format!("Bearer {}", token["access_token"].as_str().unwrap()))]
}

fn credentials(client: &str) -> Value {
    json!({"client_id": client, "client_secret": format!("secret-{client}"), "grant_type": "client_credentials"})
}

fn operator(client: &str) -> Headers {
    let mut server = for_policy(&policy::find("tellus").unwrap(), &ServerSpec::default(), ANCHOR);
    bearer(&answer(&mut *server, "/v1/operator/oauth/token", &credentials(client)))
}

fn operators(class: &str, method: &str, path: &str, body: &str) -> Subject {
    Subject::new("tellus", class, ["one", "two"].map(|client| ask(method, path, &operator(client), body)))
}

fn queries() -> Subject {
    let own = "/v1/operator/sites";
    operators("queries", "GET", own, "")
        .and("GET", "/v1/operator/commands/cmd_1", "")
        .and("POST", "/v1/operator/devices/dvc_1/connectors/1/start", "")
        .and("PUT", "/v1/customer/query_station_info", "{}")
        .and("GET", "/v1/operator/sites?size=0", "")
        .and("WS", "/v1/operator/stream?devices=dvc_1", "")
        .and_nobody()
}

#[test]
fn queries_keep_their_word_however_they_are_counted() {
    for reading in READINGS {
        let outcome = keeps_its_word(&queries(), reading);
        // Other requests are what chargers alone send.
        let unseen = [Topic::Timing, Topic::Deployments, Topic::OtherRequests];
        let of_streams = [Topic::StreamSet, Topic::StreamExcess, Topic::Overload];
        assert_eq!(open(&outcome), [&unseen[..], &of_streams].concat(), "{:#?}", outcome.silences);
        for (text, request) in [("Remote start", "/start: "), ("The status", "/cmd_1: "), ("The legacy", "_info: ")] {
            let silence = outcome.silences.iter().find(|silence| silence.text.starts_with(text)).unwrap();
            let measured = silence.answers[0].measured.as_deref().unwrap();
            assert!(measured.contains(request) && measured.matches(": ").count() == 1, "{text}: {measured}");
        }
        assert!(
            measured(&outcome, Topic::Failed)
                .contains("asked otherwise: refused while the quota is used up, answered 400 before; uses it up")
        );
        assert!(
            measured(&outcome, Topic::Unauthenticated)
                .contains("answered 401 while the quota is used up as before; uses up none of it")
        );
        assert!(measured(&outcome, Topic::StreamHandshake).contains("served while the quota is used up"));
    }
}

/// Whether the client's own clock or somebody else's: each of the endpoints is refused with the others.
#[test]
fn endpoints_of_one_class_are_found_to_share_their_quota() {
    let outcome = keeps_its_word(&queries(), READINGS[0]);
    for path in ["devices/probe", "charging-records", "aggregated/energy"] {
        let (verdict, found) = compared(&outcome, &format!("quota of GET /v1/operator/{path}"));
        assert_eq!(verdict, Verdict::Undocumented);
        assert!(found.starts_with("refused while the quota is used up"), "{path}: {found}");
    }
    assert_eq!(compared(&outcome, "whose quota"), (Verdict::AsDocumented, "each client has its own"));
}

#[test]
fn batch_control_keeps_its_word() {
    let outcome = keeps_its_word(
        &operators("batch-control", "POST", "/v1/operator/control/flexibility", FLEXIBILITY),
        READINGS[0],
    );
    assert_eq!(compared(&outcome, "quota of GET /v1/operator/sites").0, Verdict::AsDocumented);
}

/// The body says who asks.
fn tokens() -> Subject {
    let path = "/v1/operator/oauth/token";
    let wrong = r#"{"client_id":"one","client_secret":"guessed","grant_type":"client_credentials"}"#;
    let clients = ["one", "two"].map(|client| ask("POST", path, &Vec::new(), &credentials(client).to_string()));
    Subject::new("tellus", "tokens", clients).and("POST", path, wrong)
}

#[test]
fn tokens_keep_their_word() {
    let outcome = keeps_its_word(&tokens(), READINGS[0]);
    assert_eq!(compared(&outcome, "whose quota"), (Verdict::AsDocumented, "each client has its own"));
    let wrong = measured(&outcome, Topic::Unauthenticated);
    assert!(wrong.contains("answered 401 while the quota is used up as before; uses up none of it"), "{wrong}");
}

/// Two chargers, whose tokens say which of them asks.
fn chargers(class: &str, path: &str, body: &str) -> Subject {
    let mut server = for_policy(&policy::find("tellus").unwrap(), &ServerSpec::default(), ANCHOR);
    let mut before = Vec::new();
    let clients = ["SN1", "SN2"].map(|sn| {
        let said = json!({"sn": sn, "model": "M", "manufacturer": "C", "firmware_version": "1"});
        let registered = answer(&mut *server, REGISTER, &said);
        before.push((REGISTER, said.to_string()));
        let (id, secret) = (&registered["data"]["device_id"], &registered["data"]["device_secret"]);
        let asked = json!({"device_id": id, "device_secret": secret, "grant_type": "client_credentials"});
        ask("POST", path, &bearer(&answer(&mut *server, "/v1/device/token", &asked)), body)
    });
    Subject { before, ..Subject::new("tellus", class, clients) }
}

#[test]
fn each_charger_has_a_quota_for_what_is_frequent() {
    let subject = chargers("charger-high-frequency", "/v1/device/heartbeat", HEARTBEAT)
        .and("POST", "/v1/device/telemetry", TELEMETRY)
        .and("POST", "/v1/device/events", EVENT)
        .and("POST", "/v1/device/firmware/status", FIRMWARE);
    let outcome = keeps_its_word(&subject, READINGS[0]);
    assert_eq!(compared(&outcome, "whose quota"), (Verdict::AsDocumented, "each client has its own"));
    assert_eq!(compared(&outcome, "quota of POST /v1/device/events").0, Verdict::AsDocumented);
    assert!(measured(&outcome, Topic::Endpoints).contains("telemetry: refused while the quota is used up"));
    assert!(measured(&outcome, Topic::OtherRequests).contains("firmware/status: served while the quota is used up"));
}

#[test]
fn each_charger_has_a_quota_for_the_rest() {
    let subject =
        chargers("charger-other", "/v1/device/events", EVENT).and("POST", "/v1/device/charging-records", RECORD);
    let outcome = keeps_its_word(&subject, READINGS[0]);
    assert!(measured(&outcome, Topic::Endpoints).contains("charging-records: refused while the quota is used up"));
}

#[test]
fn a_quota_that_clients_share_is_no_quota_of_each() {
    let outcome = tokens().probed(&ServerSpec { faults: vec![Fault::KeyedByAddress], ..ServerSpec::default() });
    assert_eq!(compared(&outcome, "whose quota"), (Verdict::Differs, "both clients share one"));
}

#[test]
fn a_stream_too_many_is_refused_as_any_request_and_sets_are_told_apart() {
    let path = "/v1/operator/stream?devices=dvc_1,dvc_2";
    let outcome = operators("stream", "WS", path, "")
        .and("WS", "/v1/operator/stream?devices=dvc_3", "")
        .surveyed(&ServerSpec::default());
    assert_eq!(outcome.exit, quotaproof::exit::Exit::Pass, "{outcome:#?}");
    assert_eq!(compared(&outcome, "limit at the same time"), (Verdict::AsDocumented, "1"));
    for own in ["another client", "another subscription (/v1/operator/stream?devices=dvc_3)"] {
        assert_eq!(
            compared(&outcome, &format!("place of {own}")),
            (Verdict::AsDocumented, "opened, and all stay open")
        );
    }
    assert!(measured(&outcome, Topic::StreamExcess).contains("refused with 429"));
    let sets = measured(&outcome, Topic::StreamSet);
    assert!(
        sets.contains("another order: refused")
            && sets.contains("twice: refused")
            && sets.contains("part of the set: opened, and all stay"),
        "{sets}"
    );
    assert_eq!(outcome.checks[0].headline, "3 refused handshakes as documented");
}

#[test]
fn streams_without_a_limit_are_not_as_documented() {
    let spec = ServerSpec { faults: vec![Fault::StreamsUnlimited], ..ServerSpec::default() };
    let outcome = operators("stream", "WS", "/v1/operator/stream?devices=dvc_1", "").surveyed(&spec);
    assert_eq!(compared(&outcome, "limit at the same time"), (Verdict::Differs, "at least 2"));
}
