//! Over real sockets: what only they can show.

mod generic;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::patience::Patience;
use super::server::{Running, start, start_with};
use crate::reference::testing::tellus_policy;
use crate::scenario::target::ServerSpec;
use crate::time::Nanos;

fn server() -> Running {
    start(tellus_policy(), ServerSpec::default(), any_port()).unwrap()
}

/// A fifth of a second is little enough to wait for in a test, a minute more than any test takes.
const SHORT: Nanos = Nanos::from_millis(200);
const LONG: Nanos = Nanos::from_secs(60);

fn server_with(patience: Patience) -> Running {
    start_with(tellus_policy(), ServerSpec::default(), any_port(), patience).unwrap()
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// One keep-alive connection. Waits at most 20 s for anything, so that a defect fails instead of hanging.
struct Client {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Client {
    fn connect(server: &Running) -> Client {
        let socket = TcpStream::connect(server.addr()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client { socket, received: Vec::new() }
    }

    fn send(&mut self, method: &str, target: &str, token: &str, body: &str) {
        let length = body.len();
        let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let request =
            format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{authorization}Content-Length: {length}\r\n\r\n{body}");
        self.socket.write_all(request.as_bytes()).unwrap();
    }

    /// The next answer's status and body.
    fn receive(&mut self) -> (u16, Value) {
        let (status, head, body) = self.receive_whole().expect("the connection ended");
        assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// None when the connection ended first.
    fn receive_whole(&mut self) -> Option<(u16, String, Vec<u8>)> {
        let end = loop {
            match self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.fill().then_some(())?,
            }
        };
        let head = String::from_utf8(self.received[..end].to_vec()).unwrap();
        let length =
            |line: &str| line.to_lowercase().strip_prefix("content-length: ").map(|text| text.parse().unwrap());
        let length: usize = head.lines().find_map(length).unwrap_or(0);
        while self.received.len() < end + length {
            self.fill().then_some(())?;
        }
        let body = self.received[end..end + length].to_vec();
        self.received.drain(..end + length);
        Some((head.split(' ').nth(1)?.parse().unwrap(), head, body))
    }

    /// False when the connection has ended.
    fn fill(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer) {
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn is_closed_by_the_server(&mut self) -> bool {
        while self.fill() {}
        true
    }

    fn ask(&mut self, method: &str, target: &str, token: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, target, token, &body);
        self.receive()
    }

    fn operator(&mut self, client_id: &str) -> String {
        let secret = format!("secret-{client_id}");
        let body = json!({"client_id": client_id, "client_secret": secret, "grant_type": "client_credentials"});
        self.ask("POST", "/v1/operator/oauth/token", "", body).1["access_token"].as_str().unwrap().to_owned()
    }

    /// Registers a charger that is charging on connector 1.
    fn charger(&mut self, sn: &str) -> String {
        let body = json!({"sn": sn, "model": "TP-AC22", "manufacturer": "T", "firmware_version": "1"});
        let (_, answer) = self.ask("POST", "/v1/device/register", "", body);
        let mut body = answer["data"].clone();
        body["grant_type"] = json!("client_credentials");
        let (_, answer) = self.ask("POST", "/v1/device/token", "", body);
        let token = answer["access_token"].as_str().unwrap().to_owned();
        let heartbeat = json!({"timestamp": "2025-03-15T10:30:00Z", "status": "online", "fault_code": 0});
        assert_eq!(self.ask("POST", "/v1/device/heartbeat", &token, heartbeat).0, 200);
        let telemetry = json!({"timestamp": "2025-03-15T10:30:00Z", "connector_id": 1, "state": "charging",
            "voltage": 230, "current": 16, "power": 3.68, "energy_delivered": 1});
        assert_eq!(self.ask("POST", "/v1/device/telemetry", &token, telemetry).0, 200);
        token
    }
}

#[test]
fn one_connection_serves_many_requests() {
    let server = server();
    let mut client = Client::connect(&server);
    let token = client.operator("acme");
    for _ in 0..20 {
        assert_eq!(client.ask("GET", "/v1/operator/sites?size=100", &token, Value::Null).0, 200);
    }
}

#[test]
fn a_held_poll_is_answered_when_a_command_comes_and_the_heartbeat_brings_it_no_more() {
    let server = server();
    let (mut charger, mut operator) = (Client::connect(&server), Client::connect(&server));
    let (device_token, operator_token) = (charger.charger("d-0"), operator.operator("acme"));
    charger.send("GET", "/v1/device/commands?connector_id=1&wait=60", &device_token, "");
    let (_, sent) =
        operator.ask("POST", "/v1/operator/devices/dvc_d-0/connectors/1/start", &operator_token, Value::Null);
    let (status, answer) = charger.receive();
    assert_eq!((status, &answer["data"]["command_id"]), (200, &sent["data"]["command_id"]));
    let heartbeat = json!({"timestamp": "2025-03-15T10:30:00Z", "status": "online", "fault_code": 0});
    assert_eq!(charger.ask("POST", "/v1/device/heartbeat", &device_token, heartbeat).1["data"]["commands"], json!([]));
}

#[test]
fn a_held_poll_outlasts_any_patience_and_ends_with_nothing() {
    let server = server_with(Patience { idle: LONG, request: SHORT });
    let mut charger = Client::connect(&server);
    let token = charger.charger("d-0");
    let (status, answer) = charger.ask("GET", "/v1/device/commands?connector_id=1&wait=1", &token, Value::Null);
    assert_eq!((status, &answer["data"]), (200, &Value::Null));
}

#[test]
fn a_poll_whose_client_has_gone_takes_no_command_with_it() {
    let server = server();
    let (mut charger, mut gone, mut operator) =
        (Client::connect(&server), Client::connect(&server), Client::connect(&server));
    let (device_token, operator_token) = (charger.charger("d-0"), operator.operator("acme"));
    gone.send("GET", "/v1/device/commands?connector_id=1&wait=60", &device_token, "");
    assert_eq!(operator.ask("GET", "/", "", Value::Null).0, 404, "proof that the poll has been read");
    drop(gone);
    assert_eq!(operator.ask("GET", "/", "", Value::Null).0, 404, "proof that its end has been read");
    operator.ask("POST", "/v1/operator/devices/dvc_d-0/connectors/1/stop", &operator_token, Value::Null);
    let heartbeat = json!({"timestamp": "2025-03-15T10:30:00Z", "status": "online", "fault_code": 0});
    let (_, answer) = charger.ask("POST", "/v1/device/heartbeat", &device_token, heartbeat);
    assert_eq!(answer["data"]["commands"][0]["command"], "stop_charging");
}

#[test]
fn slow_and_idle_clients_are_cut_off() {
    let (strict, idle_only) = (Patience { idle: LONG, request: SHORT }, Patience { idle: SHORT, request: LONG });
    let half_a_body = "POST /v1/device/heartbeat HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{";
    for (patience, begun) in [(idle_only, ""), (strict, "GET /v1/operator/si"), (strict, half_a_body)] {
        let server = server_with(patience);
        let mut client = Client::connect(&server);
        client.socket.write_all(begun.as_bytes()).unwrap();
        assert!(client.is_closed_by_the_server(), "{begun}");
    }
}

#[test]
fn a_body_beyond_the_limit_is_refused_and_the_connection_ends() {
    let server = server();
    let mut client = Client::connect(&server);
    let head = "POST /v1/device/register HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n";
    client.socket.write_all(head.as_bytes()).unwrap();
    // The server may close while this is written.
    let _ = client.socket.write_all(&[b' '; 65_537]);
    if let Some((status, _, body)) = client.receive_whole() {
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, &body["code"]), (400, &json!(1001)));
    }
    assert!(client.is_closed_by_the_server());
    assert_eq!(Client::connect(&server).ask("GET", "/", "", Value::Null).0, 404, "the server lives on");
}

#[test]
fn a_body_without_end_is_refused_too() {
    let server = server();
    let mut client = Client::connect(&server);
    let head = "POST /v1/device/register HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.socket.write_all(head.as_bytes()).unwrap();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let refused = (0..100_000).any(|_| client.socket.write_all(chunk.as_bytes()).is_err());
    assert!(refused, "400 MB were taken");
}

#[test]
fn garbage_is_answered_or_cut_off_and_harms_nobody() {
    let server = server();
    let mut good = Client::connect(&server);
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut client = Client::connect(&server);
        client.socket.write_all(garbage).unwrap();
        assert!(client.is_closed_by_the_server());
    }
    let mut long = Client::connect(&server);
    let _ = long.socket.write_all(format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(40_000)).as_bytes());
    assert!(long.is_closed_by_the_server());
    assert_eq!(good.ask("GET", "/", "", Value::Null).0, 404);
}

type Socket = WebSocketStream<tokio::net::TcpStream>;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limit = Duration::from_secs(20);
    runtime.block_on(async { tokio::time::timeout(limit, future).await.expect("took too long") })
}

/// The stream, or the status and body of the refusal.
async fn open(server: &Running, token: &str, devices: &str) -> Result<Socket, (u16, Value)> {
    let socket = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
    let url = format!("ws://{}/v1/operator/stream?devices={devices}&token={token}", server.addr());
    match client_async(url, socket).await {
        Ok((stream, _)) => Ok(stream),
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            Err((response.status().as_u16(), serde_json::from_slice(body).unwrap_or_default()))
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_stream_brings_frames_and_a_second_one_is_refused_until_it_closes() {
    let server = server();
    let mut client = Client::connect(&server);
    client.charger("d-0");
    let token = client.operator("acme");
    block_on(async {
        let mut stream = open(&server, &token, "dvc_d-0,dvc_d-1").await.unwrap();
        let frame = stream.next().await.unwrap().unwrap();
        let frame: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
        assert_eq!((&frame["device_id"], &frame["connectors"][0]["state"]), (&json!("dvc_d-0"), &json!("charging")));

        let refused = open(&server, &token, "dvc_d-1,dvc_d-0").await.unwrap_err();
        assert_eq!(refused, (429, json!({"code": 5001, "message": "Too many requests"})));

        stream.send(Message::Ping("still there?".into())).await.unwrap();
        assert!(matches!(stream.next().await, Some(Ok(Message::Pong(_)))));
        stream.close(None).await.unwrap();
        while stream.next().await.is_some() {}
        open(&server, &token, "dvc_d-0,dvc_d-1").await.unwrap();
    });
}

#[test]
fn a_stream_without_a_token_is_refused_at_the_handshake() {
    let server = server();
    block_on(async {
        let (status, body) = open(&server, "made-up", "dvc_d-0").await.unwrap_err();
        assert_eq!((status, &body["code"]), (401, &json!(2001)));
    });
}

#[test]
fn stopping_answers_held_polls_and_closes_streams_and_connections() {
    let server = server();
    let (mut charger, mut idle) = (Client::connect(&server), Client::connect(&server));
    let (device_token, operator_token) = (charger.charger("d-0"), idle.operator("acme"));
    block_on(async {
        let mut stream = open(&server, &operator_token, "dvc_x").await.unwrap();
        charger.send("GET", "/v1/device/commands?connector_id=1&wait=60", &device_token, "");
        // Proof that the poll has arrived: its charger's next request on another connection is served after it.
        assert_eq!(idle.ask("GET", "/", "", Value::Null).0, 404);
        let address = server.addr();
        tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
        assert!(matches!(stream.next().await, Some(Ok(Message::Close(_)))));
        assert_eq!(charger.receive().1["data"], Value::Null);
        assert!(idle.is_closed_by_the_server());
        assert_eq!(TcpStream::connect(address).map_err(|error| error.kind()).err(), Some(ErrorKind::ConnectionRefused));
    });
}

#[test]
fn an_address_in_use_is_an_error_at_once() {
    let server = server();
    let error = start(tellus_policy(), ServerSpec::default(), server.addr()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}
