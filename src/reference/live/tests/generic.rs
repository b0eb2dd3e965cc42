//! The server of any policy over real sockets.

use super::*;
use crate::policy::model::{ConcurrencyLimit, Limit, Policy};
use crate::policy::signals::{self, Hint, ResponseView};
use crate::reference::testing::{class, learned_policy, policy_of, scope_of};

fn serving(policy: Policy) -> Running {
    start(policy, ServerSpec::default(), any_port()).unwrap()
}

fn live_streams() -> Policy {
    let limit = ConcurrencyLimit { allow: 1, scope: scope_of(&["user"]), lasting: None };
    policy_of(vec![class("live", &["WS /live"], vec![Limit::Concurrent(limit)])])
}

/// An answer with its headers, as the harness reads them.
fn exchange(client: &mut Client, target: &str, extra: &str) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\n{extra}\r\n");
    client.socket.write_all(request.as_bytes()).unwrap();
    let (status, head, body) = client.receive_whole().expect("the connection ended");
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    (status, headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(), body)
}

#[test]
fn quota_headers_reach_the_client_and_are_read_back() {
    let policy = learned_policy();
    let server = serving(policy.clone());
    let mut client = Client::connect(&server);
    let mut ask = |key: &str| {
        let (status, headers, body) = exchange(&mut client, "/light/x", &format!("X-Api-Key: {key}\r\n"));
        (
            status,
            signals::read(
                &policy,
                ResponseView { status, headers: &headers, body: &body, received: Nanos::ZERO, class: None },
            ),
        )
    };
    for remaining in [4, 3, 2, 1, 0] {
        let (status, signal) = ask("one");
        assert_eq!((status, signal.refused), (200, false));
        assert_eq!((signal.told.class, signal.told.limit), (policy.class_named("light"), Some(5)));
        assert_eq!((signal.told.remaining, signal.told.window), (Some(remaining), Some(Nanos::from_secs(60))));
    }
    let (status, signal) = ask("one");
    assert_eq!((status, signal.refused, signal.told.remaining), (429, true, Some(0)));
    assert!(matches!(signal.hint, Hint::Wait(wait) if wait > Nanos::ZERO && wait <= Nanos::from_secs(60)));
    assert!(signal.breaches.is_empty(), "{:?}", signal.breaches);
    assert_eq!(ask("other").0, 200, "a key of its own");
}

#[test]
fn a_client_gets_a_token_and_is_known_by_it() {
    let server = serving(learned_policy());
    let mut client = Client::connect(&server);
    client.send("POST", "/auth/token", "", "grant_type=client_credentials&client_id=acme&client_secret=s");
    let (status, answer) = client.receive();
    assert_eq!((status, &answer["token_type"]), (200, &json!("Bearer")));
    let token = answer["access_token"].as_str().unwrap().to_owned();
    for _ in 0..5 {
        assert_eq!(client.ask("GET", "/light/x", &token, Value::Null).0, 200);
    }
    assert_eq!(client.ask("GET", "/light/x", &token, Value::Null).0, 429);
    assert_eq!(client.ask("GET", "/light/x", "", Value::Null).0, 200, "a stranger");
}

#[test]
fn an_answer_that_is_held_back_comes_when_it_was_asked_for() {
    let server = serving(learned_policy());
    let mut client = Client::connect(&server);
    let (status, headers, _) = exchange(&mut client, "/light/x?wait=1", "");
    assert_eq!(status, 200);
    assert!(headers.contains(&("x-rate-limit-remaining".into(), "4".into())), "{headers:?}");
}

#[test]
fn a_stream_brings_frames_and_its_limit_holds_at_the_handshake() {
    let server = serving(live_streams());
    let address = server.addr();
    let open = async || {
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        client_async(format!("ws://{address}/live"), socket).await
    };
    block_on(async {
        let (mut stream, _) = open().await.unwrap();
        for _ in 0..2 {
            let frame: Value = serde_json::from_str(stream.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
            assert!(frame["at_ms"].is_u64(), "{frame}");
        }
        assert!(matches!(open().await, Err(Error::Http(response)) if response.status() == 429));
        stream.close(None).await.unwrap();
        while stream.next().await.is_some() {}
        open().await.unwrap();
    });
}

#[test]
fn a_handshake_on_a_limited_path_carries_quota_headers() {
    let server = serving(learned_policy());
    block_on(async {
        let socket = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
        let (_, response) = client_async(format!("ws://{}/light/live", server.addr()), socket).await.unwrap();
        assert_eq!(response.headers()["x-rate-limit-remaining"], "4");
    });
}

#[test]
fn a_body_beyond_the_limit_is_413() {
    let server = serving(learned_policy());
    let mut client = Client::connect(&server);
    let head = "POST /light/x HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n";
    client.socket.write_all(head.as_bytes()).unwrap();
    // The server may close while this is written.
    let _ = client.socket.write_all(&[b' '; 65_537]);
    if let Some((status, ..)) = client.receive_whole() {
        assert_eq!(status, 413);
    }
    assert!(client.is_closed_by_the_server());
}
