//! Each way in which a target fails is counted as its kind, and the run goes on.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};

use quotaproof::device::{Failure, Lane, Outcome};
use quotaproof::policy::signals::Hint;
use quotaproof::time::Nanos;

use crate::stage::*;

const LANES: [Lane; 2] = [Lane::Own(0), Lane::Pool];

/// Plays two requests in turn against a server whose first connection misbehaves and whose others serve.
fn first_fails(misbehave: fn(TcpStream), lane: Lane, timeout: Nanos) -> Vec<Outcome> {
    let url = server(move |mut stream, number| match number {
        0 => {
            read_request(&mut stream);
            misbehave(stream);
        }
        _ => answer_all(stream, &ok("")),
    });
    let mut requests = [request(1, lane), request(2, lane)];
    requests[0].timeout = timeout;
    let (end, _) = play(&url, in_turn(requests));
    assert!(end.ever_connected);
    assert_eq!(end.observers[0].sent.len(), 2);
    end.observers[0].outcomes()
}

const PATIENT: Nanos = Nanos::from_secs(10);
const IMPATIENT: Nanos = ms(60);

fn write(mut stream: TcpStream, text: &str) -> TcpStream {
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// Keeps the connection open until the client goes.
fn hold(mut stream: TcpStream) {
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

#[test]
fn failures_are_told_apart_and_the_next_request_is_served() {
    type Case = (&'static str, fn(TcpStream), Nanos, Failure);
    let cases: [Case; 8] = [
        ("closes without an answer", drop, PATIENT, Failure::Reset),
        ("closes within the headers", |stream| drop(write(stream, "HTTP/1.1 200 OK\r\ncont")), PATIENT, Failure::Reset),
        (
            "closes within the body",
            |stream| drop(write(stream, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")),
            PATIENT,
            Failure::Reset,
        ),
        ("resets", reset, PATIENT, Failure::Reset),
        ("hangs", hold, IMPATIENT, Failure::Timeout),
        (
            "stalls within the body",
            |stream| hold(write(stream, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")),
            IMPATIENT,
            Failure::Timeout,
        ),
        (
            "speaks another protocol",
            |stream| hold(write(stream, "220 mail.example ESMTP\r\n")),
            PATIENT,
            Failure::Garbage,
        ),
        ("never ends its body", endless, PATIENT, Failure::TooLarge),
    ];
    std::thread::scope(|scope| {
        for (name, misbehave, timeout, failure) in cases {
            for lane in LANES {
                scope.spawn(move || {
                    let outcomes = first_fails(misbehave, lane, timeout);
                    assert_eq!(outcomes, [Outcome::Failed(failure), Outcome::Served], "{name}, {lane:?}");
                });
            }
        }
    });
}

fn reset(stream: TcpStream) {
    let stream = write(stream, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
    socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
}

fn endless(mut stream: TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    while stream.write_all(b"4\r\nmore\r\n").is_ok() {}
    let _ = stream.shutdown(Shutdown::Both);
}

#[test]
fn a_target_that_refuses_connections_was_never_connected() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for lane in [Lane::Own(0), Lane::Pool, Lane::Stream] {
        let (end, heard) = play(&url, in_turn([request(1, lane), request(2, lane)]));
        let log = &end.observers[0];
        assert_eq!(log.outcomes(), [Outcome::Failed(Failure::ConnectRefused); 2], "{lane:?}");
        assert!(!end.ever_connected && !end.ever_answered);
        assert!(heard[1].contains("ConnectRefused"), "{heard:?}");
        if lane != Lane::Pool {
            assert!(log.sent.is_empty(), "what was never written was not sent");
        }
    }
}

#[test]
fn a_connection_that_never_comes_about_is_given_up() {
    // The backlog of a listener that accepts nothing fills up, and then nothing answers.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let _first = TcpStream::connect(address).unwrap();
    let url = format!("http://{address}");
    for lane in LANES {
        let mut options = options(&url);
        options.connect_timeout = ms(50);
        let (end, _) = play_to_end(&scenario(PATIENT), options, in_turn([request(1, lane)]));
        assert_eq!(end.observers[0].outcomes(), [Outcome::Failed(Failure::ConnectFailed)], "{lane:?}");
    }
}

#[test]
fn refusals_and_overload_are_read_as_the_policy_says_with_evidence() {
    for lane in LANES {
        let url = server(|mut stream, _| {
            let refusal = r#"{"code":5001,"details":{"retry_after_seconds":7},"token":"hunter3"}"#;
            for (status, body) in [(429, refusal), (429, "{}"), (503, ""), (404, ""), (302, ""), (500, "hunter2")] {
                if read_request(&mut stream).is_none() {
                    return;
                }
                let answer =
                    format!("HTTP/1.1 {status} X\r\nretry-after: 9\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let (end, _) = play(&url, in_turn((1..=6).map(|flow| request(flow, lane))));
        let log = &end.observers[0];
        let expected = [
            Outcome::Refused,
            Outcome::Refused,
            Outcome::Overloaded,
            Outcome::Rejected(404),
            Outcome::Rejected(302),
            Outcome::Broken(500),
        ];
        assert_eq!(log.outcomes(), expected, "{lane:?}");
        let (record, exchange) = &log.records[0];
        assert_eq!((record.status, record.hint, record.breaches), (429, Hint::Wait(Nanos::from_secs(7)), 0));
        let exchange = exchange.as_ref().unwrap();
        assert_eq!(exchange.request, "POST /flow/1");
        assert!(exchange.response.starts_with("429\nretry-after: 9\n\n{\"code\":5001"), "{exchange:?}");
        assert_eq!(log.records[1].0.breaches, 1);
        assert_eq!(log.records[1].1.as_ref().unwrap().breaches.len(), 1);
        let all = format!("{:?}", log.records);
        assert!(!all.contains("hunter"), "no secret reaches the record: {all}");
    }
}

#[test]
fn a_target_that_only_resets_was_connected_but_never_answered() {
    for lane in LANES {
        let url = server(|mut stream, _| drop(read_request(&mut stream)));
        let (end, _) = play(&url, in_turn([request(1, lane)]));
        assert_eq!(end.observers[0].outcomes(), [Outcome::Failed(Failure::Reset)], "{lane:?}");
        assert_eq!((end.ever_connected, end.ever_answered), (true, false), "{lane:?}");
    }
}

#[test]
fn a_success_that_is_not_what_the_api_documents_is_garbage() {
    let url = server(|stream, _| answer_all(stream, &ok("nonsense")));
    for lane in [Lane::Own(0), Lane::Pool] {
        let (end, _) = play_on(&scenario(ms(200)), options(&url), in_turn([request(1, lane)]));
        let log = &end.observers[0];
        assert_eq!(log.outcomes(), [Outcome::Failed(Failure::Garbage)], "{lane:?}");
        assert_eq!(log.records[0].0.status, 200, "{lane:?}");
    }
}
