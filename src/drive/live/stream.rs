//! A WebSocket of a device's own.
//!
//! The handshake is made here, so that a refusal is read to its end like any other answer; frames are the library's.

use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::agenda::Local;
use super::http1::{ResponseParser, write_request};
use super::link::{Job, Link, Message as ToShard, Trouble};
use super::socket::{Socket, lost, read};
use crate::device::{Failure, Flow};
use crate::record::StreamEnding;

/// The library's own default, 128 KiB for each connection, is meant for few and busy ones.
const READ_BUFFER: usize = 4 * 1024;
/// How long a polite goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Makes the handshake, which answers the job, and reports frames until either side closes. It closes politely when
/// `close` is dropped.
pub async fn run(link: Rc<Link>, mut job: Job, device: Local, flow: Flow, close: oneshot::Receiver<()>) {
    let first_message = String::from_utf8(std::mem::take(&mut job.http.body)).unwrap_or_default();
    let opened = open(&link, &mut job).await;
    // What came behind the handshake's answer are the first frames.
    let first = match &opened {
        Ok(Some(_)) => std::mem::take(&mut job.reply.body),
        _ => Vec::new(),
    };
    match opened {
        Err(trouble) => link.done(job, Err(trouble)),
        Ok(None) => link.done(job, Ok(())),
        Ok(Some(socket)) => {
            link.done(job, Ok(()));
            let config = WebSocketConfig::default()
                .read_buffer_size(READ_BUFFER)
                .max_message_size(Some(link.max_body))
                .max_frame_size(Some(link.max_body));
            let mut stream = WebSocketStream::from_partially_read(socket, first, Role::Client, Some(config)).await;
            // If it cannot be sent, listening tells.
            if !first_message.is_empty() {
                let _ = stream.send(Message::text(first_message)).await;
            }
            listen(&link, stream, device, flow, close).await;
        }
    }
}

/// None when the handshake was answered, but not with an upgrade.
async fn open(link: &Link, job: &mut Job) -> Result<Option<Socket>, Trouble> {
    let key = generate_key();
    job.http.headers.extend([
        ("connection".into(), "Upgrade".to_owned()),
        ("upgrade".into(), "websocket".to_owned()),
        ("sec-websocket-version".into(), "13".to_owned()),
        ("sec-websocket-key".into(), key.clone()),
    ]);
    let mut wire = Vec::new();
    write_request(&job.http, &link.endpoint, &mut wire);
    let mut socket = Socket::open(link).await?;
    link.sent(job.ticket, link.clock.now())?;

    let timeout = job.timeout;
    let late = |_elapsed| Trouble::new(Failure::Timeout, format!("no whole answer within {timeout}"));
    tokio::time::timeout(timeout.into(), exchange(link, job, &wire, &mut socket)).await.map_err(late)??;
    if job.reply.status != 101 {
        return Ok(None);
    }
    let accepted = job.reply.headers.iter().find(|(name, _)| name == "sec-websocket-accept");
    if accepted.is_none_or(|(_, value)| value.trim() != derive_accept_key(key.as_bytes())) {
        return Err(Trouble::new(Failure::Garbage, "the upgrade does not answer the handshake's key"));
    }
    Ok(Some(socket))
}

async fn exchange(link: &Link, job: &mut Job, wire: &[u8], socket: &mut Socket) -> Result<(), Trouble> {
    let mut parser = ResponseParser::new(link.max_body);
    parser.reset(job.http.method);
    job.reply.clear();
    socket.write_all(wire).await.map_err(lost)?;
    socket.flush().await.map_err(lost)?;
    while !read(link, socket, &mut parser, &mut job.reply.body).await? {}
    job.reply.status = parser.status();
    job.reply.headers = parser.headers();
    Ok(())
}

async fn listen(
    link: &Link,
    mut stream: WebSocketStream<Socket>,
    device: Local,
    flow: Flow,
    mut close: oneshot::Receiver<()>,
) {
    let mut ending = StreamEnding::Lost;
    loop {
        let message = tokio::select! {
            message = stream.next() => message,
            _ = &mut close => return say_goodbye(stream).await,
        };
        match message {
            Some(Ok(message)) if message.is_text() || message.is_binary() => {
                link.tell(ToShard::Frame { device, flow });
            }
            // The library answers it and ends the stream.
            Some(Ok(Message::Close(frame))) => {
                ending = StreamEnding::Server { code: frame.map(|frame| frame.code.into()) };
            }
            // Pings are answered by the library.
            Some(Ok(_control)) => {}
            Some(Err(_)) | None => break,
        }
    }
    link.tell(ToShard::StreamClosed { at: link.clock.now(), device, flow, ending });
}

async fn say_goodbye(mut stream: WebSocketStream<Socket>) {
    let goodbye = async {
        if stream.close(None).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    // Whether the peer says it too makes no difference.
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}
