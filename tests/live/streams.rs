//! WebSocket streams: handshakes, refusals, frames, both ways to close.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use quotaproof::device::{Disconnect, Failure, Flow, Lane, Outcome};
use quotaproof::policy::signals::Hint;
use quotaproof::record::StreamEnding;
use quotaproof::scenario::DeviceId;
use quotaproof::time::Nanos;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

use crate::stage::*;

fn open(flow: u32) -> Step {
    Step { requests: vec![request(flow, Lane::Stream)], ..Step::default() }
}

fn accepted(stream: TcpStream) -> WebSocket<TcpStream> {
    accept(stream).unwrap()
}

#[test]
fn frames_are_counted_and_a_server_that_closes_is_noticed() {
    let url = server(|stream, _| {
        let mut stream = accepted(stream);
        stream.send(Message::text("hello")).unwrap();
        stream.send(Message::Ping(vec![1, 2].into())).unwrap();
        assert_eq!(stream.read().unwrap(), Message::Pong(vec![1, 2].into()));
        stream.send(Message::binary(vec![0; 300])).unwrap();
        stream.close(None).unwrap();
        while stream.read().is_ok() {}
    });
    // The closing brings on the last step.
    let (end, heard) = play(&url, vec![open(1), Step::default(), open(2)]);
    assert_eq!(heard[1], "1 Served CommandQueued { command_id: \"\" }");
    assert_eq!(heard[2], "1 closed");
    let ending = StreamEnding::Server { code: None };
    assert_eq!(end.observers[0].closed[0], (DeviceId(0), Flow(1), 2, ending));
    assert_eq!(end.observers[0].records[0].0.status, 101);
}

#[test]
fn a_refused_upgrade_is_read_to_the_end_of_its_body() {
    let url = server(|mut stream, number| {
        read_request(&mut stream);
        let body = r#"{"code":5001,"details":{"retry_after_seconds":3}}"#;
        let (head, body) = match number {
            0 => (format!("content-length: {}", body.len()), body.to_owned()),
            _ => ("transfer-encoding: chunked".to_owned(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())),
        };
        stream.write_all(format!("HTTP/1.1 429 Too Many Requests\r\n{head}\r\n\r\n").as_bytes()).unwrap();
        // The body comes in a packet of its own.
        std::thread::sleep(Duration::from_millis(30));
        stream.write_all(body.as_bytes()).unwrap();
    });
    let (end, _) = play(&url, vec![open(1), open(2)]);
    let log = &end.observers[0];
    assert_eq!(log.outcomes(), [Outcome::Refused; 2]);
    assert!(log.records.iter().all(|(record, _)| record.hint == Hint::Wait(Nanos::from_secs(3))));
    assert!(log.closed.is_empty(), "what was not opened is not closed");
}

#[test]
fn what_is_no_upgrade_opens_no_stream() {
    let url = server(|mut stream, number| {
        read_request(&mut stream);
        let answer = match number {
            0 => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            1 => "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nsec-websocket-accept: wrong\r\n\r\n",
            2 => "",
            _ => "garbage\r\n\r\n",
        };
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let (end, _) = play(&url, (1..=4).map(open).collect());
    let expected = [
        Outcome::Broken(200),
        Outcome::Failed(Failure::Garbage),
        Outcome::Failed(Failure::Reset),
        Outcome::Failed(Failure::Garbage),
    ];
    assert_eq!(end.observers[0].outcomes(), expected);
    assert!(end.observers[0].closed.is_empty());
}

#[test]
fn a_frame_that_is_too_large_ends_the_stream() {
    let url = server(|stream, _| {
        let mut stream = accepted(stream);
        let _ = stream.send(Message::binary(vec![0; 20_000]));
        while stream.read().is_ok() {}
    });
    let (end, heard) = play(&url, vec![open(1), Step::default(), Step::default()]);
    assert_eq!(heard[2], "1 closed");
    assert_eq!(end.observers[0].closed, [(DeviceId(0), Flow(1), 0, StreamEnding::Lost)]);
}

#[test]
fn how_a_server_ends_a_stream_is_told_apart() {
    let url = server(|stream, number| {
        let mut stream = accepted(stream);
        if number == 0 {
            let goodbye = CloseFrame { code: CloseCode::Away, reason: "".into() };
            stream.close(Some(goodbye)).unwrap();
            while stream.read().is_ok() {}
        }
    });
    let (end, _) = play(&url, vec![open(1), Step::default(), open(2), Step::default(), Step::default()]);
    let endings: Vec<_> = end.observers[0].closed.iter().map(|closed| closed.3).collect();
    assert_eq!(endings, [StreamEnding::Server { code: Some(1001) }, StreamEnding::Lost]);
}

#[test]
fn a_device_and_the_end_of_the_run_close_streams_politely_and_a_lost_connection_does_not() {
    let cases = [
        ("device", Some(Disconnect::Stream(Flow(1))), true),
        ("end of the run", None, true),
        ("lost connection", Some(Disconnect::All), false),
    ];
    for (name, disconnect, polite) in cases {
        let (tell, told) = mpsc::channel();
        let url = server(move |stream, _| {
            let mut stream = accepted(stream);
            stream.send(Message::text("x")).unwrap();
            let _ = tell.send(matches!(stream.read(), Ok(Message::Close(_))));
            while stream.read().is_ok() {}
        });
        let mut last = at(ms(100), []);
        last.disconnect.extend(disconnect);
        let (end, heard) = play(&url, vec![open(1), last]);
        assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(polite), "{name}");
        assert_eq!(end.observers[0].closed, [(DeviceId(0), Flow(1), 1, StreamEnding::Device)], "{name}");
        assert!(!heard.iter().any(|words| words.contains("closed")), "{name}: it knows: {heard:?}");
    }
}
