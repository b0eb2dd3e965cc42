//! Scripted clients from a profile, over real sockets, against servers that nobody here wrote a client for.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use quotaproof::device::fleet::{Fleet, partition};
use quotaproof::device::{Failure, Outcome};
use quotaproof::drive::live::run;
use quotaproof::profile::{self, secrets};
use quotaproof::scenario::Scenario;
use quotaproof::yaml::Source;
use tokio_tungstenite::tungstenite::{Message, accept};

use crate::stage::*;

const POLICY: &str = "name: p
classes:
  reads: {requests: [GET /v2/*], limits: [{allow: 1000, per: 1s, scope: address}]}
  writes: {requests: ['POST /v2/*'], limits: [{allow: 1000, per: 1s, scope: address}]}
  stream: {requests: [WS /v2/*], limits: [{concurrent: 9, scope: address}]}
refusal: {status: 429, retry_after: {header: Retry-After, unit: s}}
";

/// The scenario of a profile with one group of scripted clients; every secret is the variable's name and `-&-hush`.
fn scenario(clients: &str) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.yaml"), POLICY).unwrap();
    let indented = clients.trim().replace('\n', "\n      ");
    let text = format!(
        "name: x\npolicy: p.yaml\nduration: 1s\ntarget: {{url: \"http://127.0.0.1\"}}\n\
         fleet:\n  backend:\n    clients:\n      {indented}\n"
    );
    let path = folder.path().join("x.yaml");
    std::fs::write(&path, text).unwrap();
    let mut scenario = profile::load_source(&Source::read(&path).unwrap()).unwrap_or_else(|error| panic!("{error}"));
    secrets::fill(&mut scenario, |name| Some(format!("{name}-&-hush"))).unwrap();
    scenario
}

/// Runs a script against a server that answers each request as `answer` says: status line and body. Gives what was seen on
/// both sides.
fn play_script(clients: &str, answer: fn(&str) -> (u16, String)) -> (Log, Vec<String>) {
    play_answers(clients, move |request| {
        let (status, body) = answer(request);
        format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    })
}

/// Runs a script against a server that serves every path, with the `Link` header that belongs to it.
fn play_linked(clients: &str, link: impl Fn(&str) -> String + Send + Sync + 'static) -> (Log, Vec<String>) {
    play_answers(clients, move |request| {
        let link = link(line(request).split(' ').nth(1).unwrap());
        format!("HTTP/1.1 200 OK\r\nLINK: {link}\r\ncontent-length: 0\r\n\r\n")
    })
}

fn play_answers(clients: &str, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (Log, Vec<String>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = seen.clone();
    let url = server(move |mut stream, _| {
        while let Some(request) = read_request(&mut stream) {
            let answer = answer(&request);
            kept.lock().unwrap().push(request);
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    let log = play_on_server(&scenario(clients), &url);
    let seen = seen.lock().unwrap().clone();
    (log, seen)
}

fn play_on_server(scenario: &Scenario, url: &str) -> Log {
    let fleet = Fleet::new(scenario);
    let devices = partition(scenario, 1);
    let end = run(scenario, &options(url), devices, |id| fleet.device(id), |_| Log::default()).unwrap();
    end.observers.into_iter().next().unwrap()
}

fn line(request: &str) -> &str {
    request.split("\r\n").next().unwrap()
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn a_request_arrives_as_it_was_written_on_both_kinds_of_connection() {
    for connections in ["own", "pooled"] {
        let script = format!(
            r#"
count: 2
connections: {connections}
identity: {{vehicle: {{one_of: ["a b", c]}}}}
auth: {{bearer: {{env: TOKEN}}}}
headers: {{X-Run: "{{counter}}"}}
requests:
  - {{get: "/v2/cars/{{vehicle}}", query: {{n: "{{client}}"}}, arrivals: {{times: {{each: [0s]}}}}}}
  - {{put: /v2/cars, json: {{car: "{{vehicle}}"}}, arrivals: {{times: {{together: [100ms]}}}}}}
  - {{post: /v2/cars, form: {{car: "{{vehicle}}"}}, arrivals: {{times: {{together: [200ms]}}}}}}
  - {{delete: /v2/cars, arrivals: {{times: {{together: [300ms]}}}}}}
"#
        );
        let (log, mut seen) = play_script(&script, |_| (200, String::new()));
        assert_eq!(log.outcomes(), [Outcome::Served; 5], "{connections}");
        seen.sort();
        let lines: Vec<&str> = seen.iter().map(|request| line(request)).collect();
        assert_eq!(
            lines,
            [
                "DELETE /v2/cars HTTP/1.1",
                "GET /v2/cars/a%20b?n=backend-0 HTTP/1.1",
                "GET /v2/cars/c?n=backend-1 HTTP/1.1",
                "POST /v2/cars HTTP/1.1",
                "PUT /v2/cars HTTP/1.1",
            ]
        );
        assert_eq!((body(&seen[4]), body(&seen[3])), (r#"{"car":"a b"}"#, "car=a%20b"));
        let has = |request: &str, header: &str| request.to_ascii_lowercase().contains(&format!("\r\n{header}\r\n"));
        assert!(seen.iter().all(|request| has(request, "authorization: bearer token-&-hush")), "{seen:?}");
        assert!(has(&seen[1], "x-run: 1") && has(&seen[0], "x-run: 4"), "{seen:?}");
        assert!(has(&seen[4], "content-type: application/json"));
        assert!(has(&seen[3], "content-type: application/x-www-form-urlencoded"));
        // The harness was on time, and never early (the log asserts that).
        assert_eq!(log.late.len(), 5);
    }
}

#[test]
fn flows_go_on_until_they_are_done() {
    let script = r#"
count: 1
requests:
  - {get: /v2/list, pages: {next: /next}, arrivals: {times: {each: [0s]}}}
  - post: /v2/orders
    json: {}
    then: {poll: "/v2/orders/{id}", id: /id, every: 20ms, until: {at: /done, is: [true]}}
    arrivals: {times: {each: [100ms]}}
  - post: /v2/orders/bad
    then: {poll: "/v2/orders/{id}", id: /id, until: {at: /done, is: [true]}}
    arrivals: {times: {each: [400ms]}}
reaction: give_up
"#;
    let (log, seen) = play_script(script, |request| {
        static POLLS: Mutex<u32> = Mutex::new(0);
        let body = match line(request).split(' ').nth(1).unwrap() {
            "/v2/list" => r#"{"next":"/v2/list?after=7"}"#,
            "/v2/list?after=7" => r#"{"next":null}"#,
            "/v2/orders" => r#"{"id":17}"#,
            "/v2/orders/17" => {
                let mut polls = POLLS.lock().unwrap();
                *polls += 1;
                if *polls < 3 { r#"{"done":false}"# } else { r#"{"done":true}"# }
            }
            _ => r#"{"identifier":17}"#,
        };
        (200, body.to_owned())
    });
    let paths: Vec<&str> = seen.iter().map(|request| line(request).split(' ').nth(1).unwrap()).collect();
    let of = |begin: &str| -> Vec<&str> { paths.iter().copied().filter(|path| path.starts_with(begin)).collect() };
    assert_eq!(of("/v2/list"), ["/v2/list", "/v2/list?after=7"]);
    let mut orders = of("/v2/orders");
    orders.retain(|path| *path != "/v2/orders/bad");
    assert_eq!(orders, ["/v2/orders", "/v2/orders/17", "/v2/orders/17", "/v2/orders/17"]);
    let name = |operation| scenario(script).operations.get(operation).name();
    for (record, _) in &log.records {
        let bad = name(record.operation) == "POST /v2/orders/bad";
        let expected = if bad { Outcome::Failed(Failure::Garbage) } else { Outcome::Served };
        assert_eq!(record.outcome, expected, "an order without its id was not served");
    }
    assert_eq!((log.records.len(), paths.len()), (7, 7));
}

/// Where they lead elsewhere, the path is asked for at the target all the same: whoever is there is never asked.
#[test]
fn pages_are_followed_by_link_headers_and_never_off_the_target() {
    let elsewhere: Arc<Mutex<Vec<String>>> = Arc::default();
    let strayed = elsewhere.clone();
    let other = server(move |mut stream, _| {
        while let Some(request) = read_request(&mut stream) {
            strayed.lock().unwrap().push(request);
        }
    });
    for connections in ["own", "pooled"] {
        let script = format!(
            r#"
count: 1
connections: {connections}
headers: {{Accept: application/json}}
reaction: give_up
requests:
  - {{get: /v2/list, query: {{size: 2}}, pages: {{next: {{header: Link}}, at_most: 6}}, arrivals: {{times: {{each: [0s]}}}}}}
  - {{get: /v2/plain, arrivals: {{times: {{each: [300ms]}}}}}}
"#
        );
        let target = other.clone();
        let (log, seen) = play_linked(&script, move |path| match path {
            "/v2/list?size=2" => "<?size=2&page=2>; rel=\"next\"; title=\"a, b\"".to_owned(),
            "/v2/list?size=2&page=2" => format!("</v2/list>; rel=first, <{target}/v2/list?page=3#x>; rel=next"),
            "/v2/list?page=3" => "<//127.0.0.2:9/v2/list?page=4>; rel=\"last NEXT\"".to_owned(),
            "/v2/list?page=4" => "</v2/list?page=3>; rel=prev".to_owned(),
            _ => "no link at all".to_owned(),
        });
        let paths: Vec<&str> = seen.iter().map(|request| line(request).split(' ').nth(1).unwrap()).collect();
        let pages = ["/v2/list?size=2", "/v2/list?size=2&page=2", "/v2/list?page=3", "/v2/list?page=4"];
        assert_eq!(paths, [&pages[..], &["/v2/plain"]].concat(), "{connections}");
        assert_eq!(log.outcomes(), [Outcome::Served; 5], "nobody reads the header of a request without pages");
        assert!(seen.iter().all(|request| request.to_ascii_lowercase().contains("accept: application/json")));
        let (log, _) = play_linked(&script, |_| "no link at all".to_owned());
        assert_eq!(log.outcomes(), [Outcome::Failed(Failure::Garbage), Outcome::Served], "its next page is not known");
    }
    assert!(elsewhere.lock().unwrap().is_empty(), "{:?}", elsewhere.lock().unwrap());
}

#[test]
fn an_unchanged_answer_is_served_and_a_redirect_is_not_followed() {
    let elsewhere: Arc<Mutex<u32>> = Arc::default();
    let strayed = elsewhere.clone();
    let other = server(move |_, _| *strayed.lock().unwrap() += 1);
    let moved = other.clone();
    let answer = move |request: &str| match line(request).split(' ').nth(1).unwrap() {
        "/v2/moved" => format!("HTTP/1.1 302 Found\r\nlocation: {moved}/x?sig=hush\r\ncontent-length: 0\r\n\r\n"),
        _ => "HTTP/1.1 304 Not Modified\r\netag: \"abc\"\r\n\r\n".to_owned(),
    };
    for connections in ["own", "pooled"] {
        let script = |headers: &str| {
            format!(
                "count: 1\nconnections: {connections}\nreaction: give_up\nheaders: {headers}\nrequests:\n\
                 - {{get: /v2/a, arrivals: {{times: {{each: [0s]}}}}}}\n\
                 - {{get: /v2/list, pages: {{next: /next}}, arrivals: {{times: {{each: [100ms]}}}}}}\n\
                 - {{get: /v2/moved, arrivals: {{times: {{each: [200ms]}}}}}}\n"
            )
        };
        let (log, seen) = play_answers(&script("{If-None-Match: '\"abc\"'}"), answer.clone());
        assert_eq!(log.outcomes(), [Outcome::Served, Outcome::Served, Outcome::Rejected(302)], "{connections}");
        assert_eq!((log.records[0].0.status, seen.len()), (304, 3), "a listing that has not changed has no more pages");
        let evidence = &log.records[2].1.as_ref().unwrap().response;
        assert_eq!(evidence.trim_end(), format!("302\nlocation: {other}/x"));
        let (log, _) = play_answers(&script("{}"), answer.clone());
        let unasked = Outcome::Rejected(304);
        assert_eq!(
            log.outcomes(),
            [unasked, unasked, Outcome::Rejected(302)],
            "nobody has anything that could be right"
        );
    }
    assert_eq!(*elsewhere.lock().unwrap(), 0);
}

#[test]
fn a_token_is_fetched_once_and_used_for_everything() {
    let script = r#"
count: 2
connections: pooled
auth: {oauth2: {token: /oauth/token, client_id: me, secret_env: SECRET, style: basic}}
arrivals: {every: 50ms}
requests: [{get: /v2/a}]
"#;
    let (log, seen) = play_script(script, |request| match line(request) {
        "POST /oauth/token HTTP/1.1" => (200, r#"{"access_token":"abc","expires_in":600}"#.to_owned()),
        _ if request.contains("authorization: Bearer abc\r\n") => (200, String::new()),
        _ => (401, String::new()),
    });
    let fetches: Vec<&String> = seen.iter().filter(|request| request.starts_with("POST /oauth/token")).collect();
    assert_eq!(fetches.len(), 2, "one for each client");
    assert_eq!(body(fetches[0]), "grant_type=client_credentials");
    // me:SECRET-&-hush
    assert!(fetches[0].contains("authorization: Basic bWU6U0VDUkVULSYtaHVzaA==\r\n"), "{}", fetches[0]);
    assert!(log.records.len() > 15 && log.outcomes().iter().all(|outcome| *outcome == Outcome::Served));
}

#[test]
fn no_credential_reaches_the_evidence_even_if_the_server_repeats_it() {
    for auth in [
        "{bearer: {env: KEY}}",
        "{api_key: {header: X-Api-Key, env: KEY}}",
        "{api_key: {query: key, env: KEY}}",
        "{basic: {user_env: KEY, password_env: KEY}}",
        "{oauth2: {token: /v2/token, client_id: me, secret_env: KEY}}",
        "{oauth2: {token: /v2/token, client_id: me, secret_env: KEY, style: basic}}",
        "{oauth2: {token: /v2/token, client_id: me, secret_env: KEY, style: json}}",
    ] {
        let script = format!(
            "count: 1\nauth: {auth}\nreaction: give_up\n\
             requests: [{{get: /v2/a, arrivals: {{times: {{each: [0s]}}}}}}]"
        );
        let (log, seen) = play_script(&script, |request| (400, format!("what is this? {request}")));
        let sent = &seen[0];
        let carried = ["KEY-&-hush", "KEY-%26-hush", "S0VZLSYtaHVzaDpLRVktJi1odXNo", "bWU6S0VZLSYtaHVzaA=="];
        let carried: Vec<&&str> = carried.iter().filter(|secret| sent.contains(**secret)).collect();
        assert!(!carried.is_empty(), "{auth} sends it: {sent}");
        let exchange = log.records[0].1.as_ref().unwrap();
        let evidence = format!("{}\n{}", exchange.request, exchange.response);
        assert!(evidence.contains("what is this?") && evidence.contains("(hidden)"), "{auth}: {evidence}");
        for secret in carried {
            assert!(!evidence.contains(*secret), "{auth}: {evidence}");
        }
        assert!(!evidence.contains("hush"), "{auth}: {evidence}");
    }
}

#[test]
fn a_subscription_sends_its_first_message_and_hears_the_answers() {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = heard.clone();
    let url = server(move |stream: TcpStream, _| {
        let mut stream = accept(stream).unwrap();
        kept.lock().unwrap().push(stream.read().unwrap().to_string());
        let _ = stream.send(Message::text("one"));
        let _ = stream.send(Message::text("two"));
        while stream.read().is_ok() {}
    });
    let script = "count: 2\nstreams: [{open: /v2/updates, subscribe: {op: subscribe, who: \"{client}\"}}]\n";
    let log = play_on_server(&scenario(script), &url);
    let mut heard = heard.lock().unwrap().clone();
    heard.sort();
    assert_eq!(heard, [0, 1].map(|number| format!(r#"{{"op":"subscribe","who":"backend-{number}"}}"#)));
    assert_eq!(log.outcomes(), [Outcome::Served; 2]);
    assert_eq!(log.closed.iter().map(|closed| closed.2).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn a_refusal_is_waited_out_and_clients_without_a_token_say_so() {
    let script = "count: 1\nreaction: {obey: {initial: 10ms, max: 10ms, attempts: 3}}\n\
                  requests: [{get: /v2/a, arrivals: {times: {each: [0s]}}}]";
    let (log, seen) = play_script(script, |_| (429, String::new()));
    assert_eq!((log.outcomes(), seen.len()), (vec![Outcome::Refused; 3], 3));
    let (log, seen) = play_script(script, |_| (401, String::new()));
    assert_eq!((log.outcomes(), seen.len()), (vec![Outcome::Rejected(401)], 1), "no token can be had: no second try");
}
