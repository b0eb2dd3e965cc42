//! One connection: from hyper's requests to the platform's, and back.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::patience::{Activity, Phase, WatchedSocket};
use super::server::Server;
use super::stream;
use crate::reference::http::{HttpIn, HttpOut, number_of};

const LONGEST_HEAD: usize = 16 * 1024;
const LONGEST_BODY: usize = 64 * 1024;

type Answer = Response<Full<Bytes>>;

/// Serves a connection until either side ends it.
pub async fn serve(server: Rc<Server>, socket: TcpStream, peer: SocketAddr, activity: Arc<Activity>) {
    let mut stopping = server.stopping();
    let io = TokioIo::new(WatchedSocket::new(socket, Arc::clone(&activity), server.clock));
    let service = service_fn(|request| respond(Rc::clone(&server), Arc::clone(&activity), peer, request));
    let connection = http1::Builder::new()
        .max_buf_size(LONGEST_HEAD)
        .header_read_timeout(None)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // How a connection ended is the client's business: garbage has been answered 400 by then.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn respond(
    server: Rc<Server>,
    activity: Arc<Activity>,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    activity.enter(server.clock.now(), Phase::Body);
    let handshake = stream::accept_key(&request).map(|key| (key, hyper::upgrade::on(&mut request)));
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LONGEST_BODY).collect().await else {
        activity.enter(server.clock.now(), Phase::Idle);
        return Ok(closing(written(server.too_large())));
    };
    activity.enter(server.clock.now(), Phase::Busy);

    let body = body.to_bytes();
    let method = if handshake.is_some() { "WS" } else { head.method.as_str() };
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let headers: Vec<(&str, &str)> = texts(&head.headers).collect();
    let input = HttpIn { connection: peer.port().into(), ..HttpIn::new(method, target, &headers, &body) };
    let answer = match (server.handle(number_of(peer.ip()), &input).await, handshake) {
        (Ok(answer), _) => written(answer),
        (Err(stream), Some((key, upgrade))) => {
            let activity = Activity::new(server.clock.now(), Phase::Busy);
            let answer = stream::switching_protocols(&key, &stream.headers);
            server.attend(activity, stream::serve(upgrade, stream));
            return Ok(answer);
        }
        (Err(_), None) => unreachable!("only handshakes become streams"),
    };
    activity.enter(server.clock.now(), Phase::Idle);
    Ok(answer)
}

fn written(out: HttpOut) -> Answer {
    let mut answer = Response::builder().status(out.status).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in out.headers {
        answer = answer.header(name, value);
    }
    // Statuses and header names come from the policy: one that is no status or name must not take the server down.
    answer.body(Full::from(out.body)).unwrap_or_else(|_| {
        let mut answer = Answer::default();
        *answer.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        answer
    })
}

/// What is left of the request is not read: the connection ends.
fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    answer
}

/// The headers that are text.
fn texts(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}
