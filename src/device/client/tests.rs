//! Scripted clients from profiles, rendered and played in virtual time.

use std::collections::HashMap;

use crate::device::fleet::Fleet;
use crate::device::{
    Actions, Answer, Body, ContentType, DropReason, Event, Failure, HttpRequest, Note, Outcome, Request, ServedAnswer,
};
use crate::device::{Device, fleet::FleetDevice, fleet::partition};
use crate::drive::virtual_time;
use crate::policy::signals::{Hint, Told};
use crate::record::{Observation, Observer, Record};
use crate::scenario::{DeviceId, Scenario};
use crate::time::{Anchor, Nanos};
use crate::yaml::Source;

const POLICY: &str = "name: p
classes:
  reads: {requests: [GET /v2/*], limits: [{allow: 1000, per: 1s, scope: address}]}
  writes: {requests: ['POST /v2/*'], limits: [{allow: 1000, per: 1s, scope: [client_id]}]}
";

/// A group `backend` of scripted clients under a policy with wide limits, or those given.
fn scenario_under(policy: &str, clients: &str, rest: &str) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.yaml"), policy).unwrap();
    let indented = clients.trim().replace('\n', "\n      ");
    let text = format!(
        "name: x\npolicy: p.yaml\nduration: 59950ms\nnetwork: {{latency: {{median: 10ms, p99: 11ms}}}}\n{rest}\n\
         fleet:\n  backend:\n    clients:\n      {indented}\n"
    );
    let path = folder.path().join("x.yaml");
    std::fs::write(&path, text).unwrap();
    crate::profile::load_source(&Source::read(&path).unwrap()).unwrap_or_else(|error| panic!("{error}"))
}

fn scenario(clients: &str) -> Scenario {
    scenario_under(POLICY, clients, "")
}

/// What a virtual run brought.
#[derive(Default)]
struct Log {
    records: Vec<Record>,
    notes: Vec<Note>,
    closed: usize,
}

impl Observer for Log {
    fn observe(&mut self, _: Nanos, observation: Observation<'_>) {
        match observation {
            Observation::Done { record, .. } => self.records.push(*record),
            Observation::Noted { note, .. } => self.notes.push(note),
            Observation::StreamClosed { .. } => self.closed += 1,
            _ => {}
        }
    }
}

impl Log {
    /// Requests by operation.
    fn counts(&self, scenario: &Scenario) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for record in &self.records {
            *counts.entry(scenario.operations.get(record.operation).name()).or_default() += 1;
        }
        counts
    }
}

fn play(scenario: &Scenario) -> Log {
    let mut log = Log::default();
    virtual_time::run(scenario, &mut log);
    log
}

/// One client in hand: what it asks for, and as what it is written.
struct Hand {
    device: FleetDevice,
    wake: Nanos,
}

const ANCHOR: Anchor = Anchor { unix_nanos: 1_773_570_600_000_000_000 };

impl Hand {
    fn new(scenario: &Scenario, device: u32) -> Self {
        Hand { device: Fleet::new(scenario).device(DeviceId(device)), wake: Nanos::ZERO }
    }

    fn feed(&mut self, now: Nanos, event: Event<'_>) -> Vec<(Request, HttpRequest)> {
        let mut out = Actions::default();
        self.device.handle(now, event, &mut out);
        self.wake = out.wake.unwrap_or(Nanos::MAX);
        let written = |request: Request| {
            let mut http = HttpRequest::default();
            self.device.render(now, &request, ANCHOR, &mut http);
            (request, http)
        };
        out.requests.into_iter().map(written).collect()
    }

    /// Wakes it until it asks for something.
    fn next(&mut self) -> Vec<(Request, HttpRequest)> {
        for _ in 0..1_000 {
            let now = self.wake;
            let requests = self.feed(now, Event::Wake);
            if !requests.is_empty() {
                return requests;
            }
        }
        panic!("nothing is asked for");
    }

    /// Answers a request with a body, as a server would.
    fn serve(&mut self, now: Nanos, request: &Request, body: &str) -> (Outcome, Vec<(Request, HttpRequest)>) {
        let answer = ServedAnswer { body: body.as_bytes(), ..ServedAnswer::default() };
        let read = self.device.interpret(request, &answer);
        let outcome = if read.is_some() { Outcome::Served } else { Outcome::Failed(Failure::Garbage) };
        (outcome, self.answer(now, request, outcome, read.unwrap_or_default()))
    }

    fn answer(&mut self, now: Nanos, request: &Request, outcome: Outcome, body: Body) -> Vec<(Request, HttpRequest)> {
        let answer = Answer { outcome, hint: Hint::Absent, told: Told::default(), body };
        self.feed(now, Event::Answered { request, answer })
    }
}

fn body(http: &HttpRequest) -> &str {
    std::str::from_utf8(&http.body).unwrap()
}

fn header<'a>(http: &'a HttpRequest, name: &str) -> Vec<&'a str> {
    http.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn holes_are_filled_and_nothing_breaks_out_of_its_place() {
    let scenario = scenario(
        r#"
count: 2
identity: {client_id: {one_of: ["a/b?c", "é\"\\"]}, site: {one_of: 9}, crew: shared}
headers: {Accept: application/json, X-Crew: "{crew}"}
requests:
  - post: /v2/{client_id}/{{x}}/{site}
    arrivals: {constant: {together: 2/s}}
    query: {"a b": "{client_id} & {now}", at: "{now(epoch_ms, -1s)}"}
    headers: {x-crew: "{client}"}
    json: {who: "{client_id}", n: "{counter}", deep: [1, 1.5, true, null, "{now(epoch)}", "n{counter}"], "{x}": ""}
"#,
    );
    let mut written: Vec<HttpRequest> = Vec::new();
    for device in 0..2 {
        let mut hand = Hand::new(&scenario, device);
        let (_, http) = hand.next().remove(0);
        assert_eq!(hand.wake - Nanos::ZERO, Nanos::from_millis(1_000 + 500 * u64::from(device)));
        written.push(http);
    }
    assert_eq!(
        written[0].path,
        "/v2/a%2Fb%3Fc/{x}/1?a%20b=a%2Fb%3Fc%20%26%202026-03-15T10%3A30%3A00Z&at=1773570599000"
    );
    assert_eq!(body(&written[1]), r#"{"who":"é\"\\","n":1,"deep":[1,1.5,true,null,1773570600,"n1"],"{x}":""}"#);
    assert_eq!(written[1].path.split('?').next(), Some("/v2/%C3%A9%22%5C/{x}/2"));
    assert!(serde_json::from_str::<serde_json::Value>(body(&written[1])).is_ok());
    assert_eq!(header(&written[0], "Accept"), ["application/json"]);
    assert_eq!((header(&written[0], "X-Crew"), header(&written[0], "x-crew")), (vec![], vec!["backend-0"]));
    assert_eq!((written[0].method, written[0].content_type), ("POST", Some(ContentType::Json)));
    assert_eq!(scenario.operations.iter().next().unwrap().1.name(), "POST /v2/{client_id}/{x}/{site}");
}

#[test]
fn forms_and_texts_say_what_they_are() {
    let scenario = scenario(
        "count: 1\nidentity: {client_id: own}\narrivals: {burst: {each: {of: 1, every: 1s}}}\nrequests:\n  \
         - {post: /v2/form, form: {a: 'x y', b: '{choice(&)}'}}\n",
    );
    let (_, http) = Hand::new(&scenario, 0).next().remove(0);
    assert_eq!((body(&http), http.content_type), ("a=x%20y&b=%26", Some(ContentType::Form)));
    let scenario = self::scenario(
        "count: 1\nidentity: {client_id: own}\narrivals: {burst: {each: {of: 1, every: 1s}}}\nrequests:\n  \
         - {post: /v2/text, text: '<a>{counter}</a>', headers: {Content-Type: application/xml}}\n",
    );
    let (_, http) = Hand::new(&scenario, 0).next().remove(0);
    assert_eq!((body(&http), http.content_type), ("<a>1</a>", None));
}

#[test]
fn a_retry_is_the_same_request_and_the_next_one_is_another() {
    let scenario = scenario(
        "count: 1\nidentity: {client_id: {any_of: 1000}}\narrivals: {every: 10s}\nreaction: stubborn\nrequests:\n  \
         - {post: '/v2/{client_id}', json: {id: '{uuid}', to: '{client_id}', n: '{number(1..1000000)}'}}\n",
    );
    let mut hand = Hand::new(&scenario, 0);
    let (request, first) = hand.next().remove(0);
    let (second, again) = hand.answer(hand.wake, &request, Outcome::Refused, Body::None).remove(0);
    assert_eq!((second.attempt, &again, second.detail), (2, &first, request.detail));
    let (next, other) = hand.next().remove(0);
    assert!(next.detail != request.detail && other.body != first.body, "{other:?}");
    // The path, the body and the quota's key name the same resource.
    let json: serde_json::Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(first.path, format!("/v2/{}", json["to"].as_str().unwrap()));
    assert_eq!(request.detail.resource().to_string(), json["to"].as_str().unwrap());
    let uuid = json["id"].as_str().unwrap();
    assert_eq!((uuid.len(), &uuid[14..15], "89ab".contains(&uuid[19..20])), (36, "4", true), "{uuid}");
}

#[test]
fn weights_say_how_often_each_request_is_chosen() {
    let scenario = scenario(
        "count: 4\narrivals: {poisson: {each: 20/s}}\nrequests:\n  \
         - {get: /v2/a, weight: 6}\n  - {get: /v2/b, weight: 3}\n  - {get: /v2/c}\n",
    );
    let counts = play(&scenario).counts(&scenario);
    let all = counts.values().sum::<usize>() as f64;
    assert!((4_600.0..5_000.0).contains(&all), "{counts:?}");
    for (name, share) in [("GET /v2/a", 0.6), ("GET /v2/b", 0.3), ("GET /v2/c", 0.1)] {
        let found = counts[name] as f64 / all;
        assert!((found - share).abs() < 0.02, "{name}: {found}");
    }
}

#[test]
fn what_is_together_is_the_group_s_and_what_is_each_is_every_client_s() {
    let requests = "requests: [{get: /v2/a}]";
    for (arrivals, expected) in [
        ("{constant: {together: 10/s}}", 600..=600),
        ("{constant: {each: 10/s}}", 2_995..=3_000),
        ("{burst: {together: {of: 7, every: 30s}}}", 14..=14),
        ("{burst: {each: {of: 7, every: 30s}}}", 70..=70),
        ("{times: {together: [0s, 1.5s, 2s]}}", 3..=3),
        ("{times: {each: [0s, 1.5s, 2s]}}", 15..=15),
        ("{every: 6s}", 45..=50),
    ] {
        let scenario = scenario(&format!("count: 5\narrivals: {arrivals}\n{requests}"));
        let found = play(&scenario).records.len();
        assert!(expected.contains(&found), "{arrivals}: {found}");
    }
}

#[test]
fn pages_are_fetched_one_after_the_other_until_the_last() {
    let all = "count: 1\nconnections: pooled\narrivals: {every: 10s}\nrequests:\n  - {get: /v2/list, query: {limit: 5}, pages: ";
    let paths = |pages: &str, answers: &[&str]| {
        let mut hand = Hand::new(&scenario(&format!("{all}{pages}}}\n")), 0);
        let mut asked = hand.next();
        let mut paths = Vec::new();
        for answer in answers {
            let (request, http) = asked.remove(0);
            paths.push(http.path);
            asked = hand.serve(request.due, &request, answer).1;
        }
        assert!(asked.is_empty(), "{asked:?}");
        paths
    };
    let next = ["{\"next\":\"/v2/list?page=2\"}", "{\"next\":\"https://x/v2/list?page=3\"}", "{\"next\":null}"];
    assert_eq!(paths("{next: /next}", &next), ["/v2/list?limit=5", "/v2/list?page=2", "/v2/list?page=3"]);
    assert_eq!(paths("{next: /next, at_most: 2}", &next[..2]), ["/v2/list?limit=5", "/v2/list?page=2"]);
    let cursors = ["{\"meta\":{\"cursor\":\"a&b\"}}", "{}"];
    assert_eq!(
        paths("{cursor: {at: /meta/cursor, query: after}}", &cursors),
        ["/v2/list?limit=5", "/v2/list?limit=5&after=a%26b"]
    );
    let numbered = ["{\"items\":[1]}", "{\"items\":[2]}", "{\"items\":[]}"];
    assert_eq!(
        paths("{number: {query: page, rows: /items}}", &numbered),
        ["/v2/list?limit=5&page=1", "/v2/list?limit=5&page=2", "/v2/list?limit=5&page=3"]
    );
}

const ORDERS: &str = "
count: 1
identity: {client_id: own}
reaction: give_up
arrivals: {times: {each: [1s, 30s]}}
requests:
  - post: /v2/orders
    json: {x: 1}
    then: {poll: '/v2/orders/{id}', id: /data/id, every: 2s, until: {at: /status, is: [done, failed]}, at_most: 3}
";

#[test]
fn what_was_created_is_asked_for_until_it_is_done() {
    let scenario = scenario(ORDERS);
    let mut hand = Hand::new(&scenario, 0);
    let (create, _) = hand.next().remove(0);
    let at = create.due;
    assert!(hand.serve(at, &create, r#"{"data":{"id":"o/1"}}"#).1.is_empty(), "the first poll waits");
    for number in 1..=3 {
        let (poll, http) = hand.next().remove(0);
        assert_eq!(http.path, "/v2/orders/o%2F1");
        assert_eq!(http.method, "GET");
        assert_eq!(poll.due, at + Nanos::from_secs(2 * number));
        assert_eq!(scenario.operations.get(poll.operation).name(), "GET /v2/orders/{id}");
        hand.serve(poll.due, &poll, r#"{"status":"open"}"#);
    }
    assert!(hand.wake > at + Nanos::from_secs(10), "at most three times");
    let counts = play(&scenario).counts(&scenario);
    assert_eq!((counts["POST /v2/orders"], counts["GET /v2/orders/{id}"]), (2, 6), "{counts:?}");
}

#[test]
fn an_answer_without_what_the_script_needs_is_a_failure() {
    for (body, outcome) in [
        (r#"{"data":{"id":7}}"#, Outcome::Served),
        (r#"{"data":{}}"#, Outcome::Failed(Failure::Garbage)),
        (r#"{"data":{"id":{}}}"#, Outcome::Failed(Failure::Garbage)),
        ("<html>", Outcome::Failed(Failure::Garbage)),
    ] {
        let mut hand = Hand::new(&scenario(ORDERS), 0);
        let (create, _) = hand.next().remove(0);
        assert_eq!(hand.serve(create.due, &create, body).0, outcome, "{body}");
    }
    let plain = "count: 1\narrivals: {every: 1s}\nrequests: [{get: /v2/a}]";
    let mut hand = Hand::new(&scenario(plain), 0);
    let (request, _) = hand.next().remove(0);
    assert_eq!(hand.serve(request.due, &request, "<html>").0, Outcome::Served, "nobody looks");
}

#[test]
fn credentials_go_where_they_belong_and_are_known_as_secrets() {
    let written = |auth: &str| {
        let text =
            format!("count: 1\narrivals: {{every: 1s}}\nauth: {auth}\nrequests: [{{get: /v2/a, query: {{x: 1}}}}]");
        let mut scenario = scenario(&text);
        crate::profile::secrets::fill(&mut scenario, |name| Some(format!("{name} &1"))).unwrap();
        Hand::new(&scenario, 0).next().remove(0).1
    };
    let knows = |http: &HttpRequest, secret: &str| {
        http.secrets.iter().flat_map(|secrets| secrets.iter()).any(|known| **known == *secret)
    };
    let bearer = written("{bearer: {env: T}}");
    assert_eq!(header(&bearer, "authorization"), ["Bearer T &1"]);
    assert!(knows(&bearer, "T &1"));
    let key = written("{api_key: {header: X-Api-Key, env: K}}");
    assert_eq!(header(&key, "X-Api-Key"), ["K &1"]);
    let key = written("{api_key: {query: key, env: K}}");
    assert_eq!(key.path, "/v2/a?x=1&key=K%20%261");
    assert!(knows(&key, "K &1") && knows(&key, "K%20%261"));
    let basic = written("{basic: {user: ann, password_env: P}}");
    assert_eq!(header(&basic, "authorization"), ["Basic YW5uOlAgJjE="]);
    assert!(knows(&basic, "P &1") && knows(&basic, "YW5uOlAgJjE="));
}

#[test]
fn each_client_of_a_group_may_have_a_credential_of_its_own() {
    let clients = |auth: &str| {
        let mut scenario =
            scenario(&format!("count: 4\narrivals: {{every: 1s}}\nauth: {auth}\nrequests: [{{get: /v2/a}}]"));
        crate::profile::secrets::fill(&mut scenario, |name| Some(format!("{name}-hush"))).unwrap();
        [0, 1, 2, 3].map(|index| Hand::new(&scenario, index).next().remove(0).1)
    };
    let bearers = |auth: &str| clients(auth).map(|http| header(&http, "authorization").join(""));
    let own = [1, 2, 3, 4].map(|number| format!("Bearer KEY_{number}-hush"));
    assert_eq!(bearers("{bearer: {env: 'KEY_{n}'}}"), own);
    assert_eq!(bearers("{bearer: {env: [A, B]}}"), ["A", "B", "A", "B"].map(|name| format!("Bearer {name}-hush")));
    let basic = |user: &str, name: &str| format!("Basic {}", super::plan::basic(user, &format!("{name}-hush")));
    let expected = [basic("u-1", "P"), basic("u-2", "P"), basic("u-3", "P"), basic("u-4", "P")];
    assert_eq!(bearers("{basic: {user: 'u-{n}', password_env: P}}"), expected);
    let expected = [basic("ann", "P"), basic("bob", "Q"), basic("ann", "P"), basic("bob", "Q")];
    assert_eq!(bearers("{basic: {user: [ann, bob], password_env: [P, Q]}}"), expected);
    let tokens = clients("{oauth2: {token: /token, client_id: 'app-{n}', secret_env: 'S_{n}'}}");
    assert_eq!(body(&tokens[2]), "grant_type=client_credentials&client_id=app-3&client_secret=S_3-hush");
    let secrets: Vec<&str> =
        tokens[2].secrets.iter().flat_map(|secrets| secrets.iter()).map(|known| &**known).collect();
    assert!(secrets.contains(&"S_3-hush") && !secrets.contains(&"S_2-hush"), "{secrets:?}");
}

const TOKENS: &str = "
count: 1
auth: {oauth2: {token: /oauth/token, client_id: 'a b', secret_env: S, scope: read}}
arrivals: {constant: {each: 10/s}}
requests: [{get: /v2/a}]
";

#[test]
fn a_token_is_fetched_first_and_kept() {
    let mut scenario = scenario(TOKENS);
    crate::profile::secrets::fill(&mut scenario, |_| Some("s&t".to_owned())).unwrap();
    let mut hand = Hand::new(&scenario, 0);
    let (fetch, http) = hand.next().remove(0);
    assert_eq!((http.method, http.path.as_str()), ("POST", "/oauth/token"));
    assert_eq!(body(&http), "grant_type=client_credentials&client_id=a%20b&client_secret=s%26t&scope=read");
    while hand.wake < Nanos::from_secs(1) {
        assert!(hand.feed(hand.wake, Event::Wake).is_empty(), "nothing goes without a token");
    }
    let (outcome, requests) =
        hand.serve(Nanos::from_secs(1), &fetch, r#"{"access_token":"t1","token_type":"bearer","expires_in":3600}"#);
    assert_eq!((outcome, requests.len()), (Outcome::Served, 10), "what waited for it");
    assert!(requests.iter().all(|(_, http)| header(http, "authorization") == ["Bearer t1"]));
    // One that is refused is replaced; the request goes again with the new one.
    let again = hand.answer(Nanos::from_secs(1), &requests[0].0, Outcome::Rejected(401), Body::None);
    let (fetch, _) = &again[0];
    let (_, requests) = hand.serve(Nanos::from_secs(1), fetch, r#"{"access_token":"t2"}"#);
    assert!(
        requests
            .iter()
            .all(|(request, http)| { request.attempt == 2 && header(http, "authorization") == ["Bearer t2"] })
    );
    let counts = play(&scenario).counts(&scenario);
    assert_eq!(counts["POST /oauth/token"], 1, "{counts:?}");
    assert!(counts["GET /v2/a"] >= 599);
}

#[test]
fn more_than_may_be_under_way_is_dropped_and_said_to_be() {
    let scenario = scenario(
        "count: 1\nin_flight: 4\nconnections: pooled\narrivals: {burst: {each: {of: 10, every: 30s}}}\n\
         requests: [{get: /v2/a}]",
    );
    let log = play(&scenario);
    assert_eq!(log.records.len(), 8);
    let dropped = log.notes.iter().filter(|note| matches!(note, Note::Dropped { reason: DropReason::Busy, .. }));
    assert_eq!(dropped.count(), 12);
}

#[test]
fn a_refusal_is_reacted_to_as_told() {
    let policy = "name: p\nclasses: {reads: {requests: [GET /v2/a], limits: [{allow: 5, per: 10s, scope: address}]}}";
    let clients = |reaction: &str| {
        format!(
            "count: 1\nreaction: {reaction}\narrivals: {{burst: {{each: {{of: 6, every: 60s}}}}}}\nrequests: [{{get: /v2/a}}]"
        )
    };
    let attempts = |reaction: &str| play(&scenario_under(policy, &clients(reaction), "")).records.len();
    assert_eq!(attempts("give_up"), 6);
    assert_eq!(attempts("{stubborn: {attempts: 3}}"), 8);
    assert!(attempts("obey") > 7, "until it is let through");
}

#[test]
fn streams_are_kept_open_and_come_back_after_a_blackout() {
    let rest = "events: [{at: 20s, blackout: {group: backend, outage: 5s}}]";
    let clients = "count: 3\nstreams: [{open: /v2/updates, query: {who: '{client}'}, subscribe: {op: on, id: '{client}'}}]\n\
                   arrivals: {every: 1s}\nrequests: [{get: /v2/a}]";
    let scenario = scenario_under(POLICY, clients, rest);
    let (_, http) = Hand::new(&scenario, 1).next().remove(0);
    assert_eq!((http.method, http.path.as_str()), ("GET", "/v2/updates?who=backend-1"));
    assert_eq!(body(&http), r#"{"op":"on","id":"backend-1"}"#);
    let log = play(&scenario);
    let counts = log.counts(&scenario);
    assert_eq!((counts["WS /v2/updates"], log.closed), (6, 6));
    let dark = |at: Nanos| at > Nanos::from_secs(20) && at < Nanos::from_secs(25);
    assert!(!log.records.iter().any(|record| record.sent.is_some_and(dark)));
    assert!((3 * 53..=3 * 56).contains(&counts["GET /v2/a"]), "{counts:?}");
}

#[test]
fn a_seed_replays_a_run_and_another_does_not() {
    let clients = "count: 3\narrivals: {poisson: {each: 3/s}}\nrequests: [{get: /v2/a}, {get: /v2/b}]";
    let run = |seed: u32| play(&scenario_under(POLICY, clients, &format!("seed: {seed}"))).records;
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn clients_that_share_a_budget_are_in_one_shard() {
    let policy = "name: p\nclasses: {reads: {requests: [GET /v2/a], limits: [{allow: 5, per: 10s, scope: client_id}]}}";
    let clients = |identity: &str| {
        let text = format!(
            "count: 12\nidentity: {{client_id: {identity}}}\narrivals: {{every: 1s}}\nrequests: [{{get: /v2/a}}]"
        );
        scenario_under(policy, &text, "")
    };
    let sizes = |identity: &str| {
        let mut sizes: Vec<usize> = partition(&clients(identity), 4).iter().map(Vec::len).collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(sizes("own"), [3, 3, 3, 3]);
    assert_eq!(sizes("shared"), [0, 0, 0, 12]);
    assert_eq!(sizes("{one_of: 2}"), [0, 0, 6, 6]);
    let scenario = clients("{one_of: [a, b, c]}");
    for part in partition(&scenario, 3) {
        let of = |device: &DeviceId| scenario.identities.named(*device, "client_id");
        assert!(part.iter().all(|device| of(device) == of(&part[0])), "{part:?}");
    }
}

/// Three clients that ask together, where two may, of a server that takes a second to answer.
fn slow(client: &str) -> Vec<(Outcome, Nanos)> {
    let policy = "name: p\nclasses: {reads: {requests: [GET /v2/*], limits: [{concurrent: 2, scope: address}]}}";
    let clients = format!("count: 3\nidentity: {{address: shared}}\n{client}\nrequests: [{{get: /v2/a}}]");
    let target = "target: {embedded: {answers_after: 1s}}";
    let mut records = play(&scenario_under(policy, &clients, target)).records;
    records.sort_by_key(|record| record.sent);
    records.iter().map(|record| (record.outcome, record.done.saturating_sub(record.sent.unwrap_or_default()))).collect()
}

#[test]
fn a_slow_server_keeps_a_place_taken_while_it_works() {
    let together = slow("reaction: give_up\narrivals: {times: {each: [1s, 11s, 21s, 31s, 41s]}}");
    let refused = together.iter().filter(|(outcome, _)| *outcome == Outcome::Refused).count();
    assert!(refused >= 5 && refused * 3 == together.len(), "{together:?}");
    for (outcome, took) in together {
        let worked = took >= Nanos::from_secs(1);
        assert_eq!(worked, outcome == Outcome::Served, "{outcome:?} took {took}");
        assert!(took < Nanos::from_millis(1_100), "{took}");
    }
}

#[test]
fn who_hangs_up_gives_its_place_free() {
    let ended = slow("reaction: give_up\ntimeout: 300ms\narrivals: {every: 500ms}");
    let hung_up = (Outcome::Failed(Failure::Timeout), Nanos::from_millis(300));
    let (gone, refused): (Vec<_>, Vec<_>) = ended.iter().partition(|it| **it == hung_up);
    assert!(refused.iter().all(|(outcome, _)| matches!(outcome, Outcome::Refused | Outcome::Failed(_))), "{refused:?}");
    // Were the places kept for the whole second, a third would come in.
    assert!(gone.len() * 2 > ended.len(), "{} of {}", gone.len(), ended.len());
}
