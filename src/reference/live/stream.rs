//! The WebSocket stream: the handshake's HTTP side, and frames until either side closes.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::server::OpenStream;
use crate::scenario::target::CUT_CODE;

/// A client that takes nothing for so long is cut off.
const PATIENCE: Duration = Duration::from_secs(10);
const BUFFER: usize = 4 * 1024;
/// Clients have nothing to say but pings and the end.
const LONGEST_MESSAGE: usize = 4 * 1024;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What a handshake is answered with in `Sec-WebSocket-Accept`; None for a request that is no handshake.
pub fn accept_key<B>(request: &Request<B>) -> Option<String> {
    let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let lists = |name, token: &str| {
        text(name).is_some_and(|list| list.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    };
    let handshake = request.method() == Method::GET
        && lists(header::CONNECTION, "upgrade")
        && lists(header::UPGRADE, "websocket")
        && text(header::SEC_WEBSOCKET_VERSION) == Some("13");
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY)?;
    handshake.then(|| derive_accept_key(key.as_bytes()))
}

/// `others` are headers besides those of the handshake.
pub fn switching_protocols(accept_key: &str, others: &[(String, String)]) -> Response<Full<Bytes>> {
    let mut answer = Response::default();
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(key) = HeaderValue::from_str(accept_key) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    }
    for (name, value) in others {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    answer
}

/// Sends frames until the client or the server closes.
pub async fn serve(upgrade: OnUpgrade, stream: OpenStream) {
    let Ok(Ok(upgraded)) = timeout(PATIENCE, upgrade).await else { return };
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let mut stopping = stream.server().stopping();
    let lifetime = stream.lifetime().map(Duration::from);
    let mut ticks = interval(stream.frames_every());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut cut = pin!(timeout(lifetime.unwrap_or(Duration::MAX), pending::<()>()));
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if !matches!(timeout(PATIENCE, send(&mut socket, stream.frames())).await, Ok(Ok(()))) {
                    return;
                }
            }
            // Pings and the client's close are answered while reading; None is the end of it.
            message = socket.next() => if !matches!(message, Some(Ok(_))) {
                return;
            },
            _ = stopping.changed() => return say_goodbye(socket, None).await,
            _ = &mut cut => {
                let goodbye = CloseFrame { code: CUT_CODE.into(), reason: "".into() };
                return say_goodbye(socket, Some(goodbye)).await;
            }
        }
    }
}

async fn say_goodbye(mut socket: Socket, goodbye: Option<CloseFrame>) {
    let _ = timeout(PATIENCE, socket.close(goodbye)).await;
}

async fn send(socket: &mut Socket, frames: Vec<String>) -> Result<(), Error> {
    for frame in frames {
        socket.feed(Message::text(frame)).await?;
    }
    socket.flush().await
}
