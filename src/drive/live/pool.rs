//! The pooled client of a shard: what operators' back ends use.

use std::error::Error;
use std::io;
use std::rc::Rc;

use tokio::sync::mpsc::UnboundedSender;
use tower::util::MapResponseLayer;

use super::LiveError;
use super::endpoint::Endpoint;
use super::link::{Job, Link, Message, Reply, Trouble};
use crate::device::Failure;
use crate::time::Nanos;

/// A client for one shard, which is told of each connection that is opened. `tls` is used as it is, whether or not the
/// target speaks TLS.
pub fn client(
    endpoint: &Endpoint,
    tls: &rustls::ClientConfig,
    connect_timeout: Nanos,
    messages: UnboundedSender<Message>,
) -> Result<reqwest::Client, LiveError> {
    built(builder(endpoint, tls, connect_timeout, messages))
}

/// The same, but that each request goes over a connection of its own.
pub fn reconnecting(
    endpoint: &Endpoint,
    tls: &rustls::ClientConfig,
    connect_timeout: Nanos,
    messages: UnboundedSender<Message>,
) -> Result<reqwest::Client, LiveError> {
    built(builder(endpoint, tls, connect_timeout, messages).pool_max_idle_per_host(0))
}

fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, LiveError> {
    builder.build().map_err(|error| LiveError::Tls(error.to_string()))
}

fn builder(
    endpoint: &Endpoint,
    tls: &rustls::ClientConfig,
    connect_timeout: Nanos,
    messages: UnboundedSender<Message>,
) -> reqwest::ClientBuilder {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .resolve_to_addrs(&endpoint.host, &endpoint.addresses)
        .connect_timeout(connect_timeout.into())
        .connector_layer(MapResponseLayer::new(move |connection| {
            let _ = messages.send(Message::Connected);
            connection
        }))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
}

/// Serves one job.
pub async fn run(link: Rc<Link>, client: reqwest::Client, mut job: Job) {
    let timeout = job.timeout;
    let result = match tokio::time::timeout(timeout.into(), exchange(&link, &client, &mut job)).await {
        Ok(result) => result,
        Err(_elapsed) => Err(Trouble::new(Failure::Timeout, format!("no whole answer within {timeout}"))),
    };
    link.done(job, result);
}

async fn exchange(link: &Link, client: &reqwest::Client, job: &mut Job) -> Result<(), Trouble> {
    let request = build(link, client, job)?;
    link.sent(job.ticket, Nanos::ZERO)?;
    let response = client.execute(request).await.map_err(trouble)?;
    let with_headers = link.wants_headers(&job.http, response.status().as_u16());
    read(response, &mut job.reply, with_headers, link.max_body).await
}

/// Reads the whole answer, of a body of at most so many bytes.
pub async fn read(
    mut response: reqwest::Response,
    reply: &mut Reply,
    with_headers: bool,
    most: usize,
) -> Result<(), Trouble> {
    reply.clear();
    reply.status = response.status().as_u16();
    if with_headers {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let pairs = response.headers().iter();
        reply.headers.extend(pairs.map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))));
    }
    while let Some(chunk) = response.chunk().await.map_err(trouble)? {
        if reply.body.len() + chunk.len() > most {
            return Err(Trouble::new(Failure::TooLarge, format!("a body beyond {most} bytes")));
        }
        reply.body.extend_from_slice(&chunk);
    }
    Ok(())
}

fn build(link: &Link, client: &reqwest::Client, job: &Job) -> Result<reqwest::Request, Trouble> {
    let unsendable = |error: String| Trouble::new(Failure::Cancelled, format!("the request cannot be sent: {error}"));
    let method =
        reqwest::Method::from_bytes(job.http.method.as_bytes()).map_err(|error| unsendable(error.to_string()))?;
    let mut request = client.request(method, link.endpoint.url(&job.http.path));
    for (name, value) in &job.http.headers {
        request = request.header(&**name, value);
    }
    if !job.http.body.is_empty() {
        if let Some(content_type) = job.http.content_type {
            request = request.header("content-type", content_type.name());
        }
        request = request.body(job.http.body.clone());
    }
    request.build().map_err(|error| unsendable(error.without_url().to_string()))
}

/// Sorts the pool's errors into the kinds of failure. The URL is left out: its query may hold a token.
pub fn trouble(error: reqwest::Error) -> Trouble {
    let error = error.without_url();
    let failure = if error.is_connect() {
        cause(&error).map(innermost).map_or(Failure::ConnectFailed, connect_failure)
    } else if cause::<hyper::Error>(&error).is_some_and(|error| error.is_parse() || error.is_parse_too_large()) {
        Failure::Garbage
    } else {
        Failure::Reset
    };
    Trouble::new(failure, deepest(&error))
}

/// What failed while a connection was opened. Only behind the TCP connection, in the TLS handshake, can a peer send
/// nonsense or hang up.
fn connect_failure(error: &io::Error) -> Failure {
    let of_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::ConnectRefused,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Failure::TlsFailed,
        _ if of_tls => Failure::TlsFailed,
        _ => Failure::ConnectFailed,
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// An error of the system may be wrapped into another one, which its chain of sources then leaves out.
fn innermost(error: &io::Error) -> &io::Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(wrapped) => innermost(wrapped),
        None => error,
    }
}

/// The outer errors of a client only say that something failed.
fn deepest(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}
