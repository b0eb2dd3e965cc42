//! A connection to the target, plain or TLS.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::http1::ResponseParser;
use super::link::{Link, Message, Trouble};
use crate::device::Failure;

pub enum Socket {
    Plain(TcpStream),
    /// Boxed: its state is a kilobyte that plain connections need not carry.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// Opens a connection, trying each of the target's addresses in turn.
    pub async fn open(link: &Link) -> Result<Socket, Trouble> {
        link.still_running()?;
        // Boxed: its state would otherwise make up most of every lane's.
        match tokio::time::timeout(link.connect_timeout.into(), Box::pin(connect(link))).await {
            Ok(Ok(socket)) => {
                link.tell(Message::Connected);
                Ok(socket)
            }
            Ok(Err(trouble)) => Err(trouble),
            Err(_elapsed) => Err(Trouble::new(Failure::ConnectFailed, "connecting took too long")),
        }
    }

    /// Whether nothing has come since the last answer: a peer that has closed the connection, or speaks unasked, makes it
    /// useless.
    pub async fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        poll_fn(|context| {
            let mut buffer = ReadBuf::new(&mut byte);
            Poll::Ready(Pin::new(&mut *self).poll_read(context, &mut buffer).is_pending())
        })
        .await
    }
}

async fn connect(link: &Link) -> Result<Socket, Trouble> {
    let mut last = None;
    for address in &link.endpoint.addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return prepare(link, stream).await,
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
    let refused = error.kind() == io::ErrorKind::ConnectionRefused;
    Err(Trouble::new(if refused { Failure::ConnectRefused } else { Failure::ConnectFailed }, error))
}

async fn prepare(link: &Link, stream: TcpStream) -> Result<Socket, Trouble> {
    let failed = |failure| move |error: io::Error| Trouble::new(failure, error);
    stream.set_nodelay(true).map_err(failed(Failure::ConnectFailed))?;
    match &link.tls {
        None => Ok(Socket::Plain(stream)),
        Some(tls) => Ok(Socket::Tls(Box::new(tls.connect(stream).await.map_err(failed(Failure::TlsFailed))?))),
    }
}

/// Reads once and parses what came. True when the answer is whole.
pub async fn read(
    link: &Link,
    socket: &mut Socket,
    parser: &mut ResponseParser,
    body: &mut Vec<u8>,
) -> Result<bool, Trouble> {
    poll_fn(|context| {
        let mut scratch = link.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch);
        Poll::Ready(match ready!(Pin::new(&mut *socket).poll_read(context, &mut buffer)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => parser.finish().map(|()| true),
            Err(error) => Err(lost(error)),
            Ok(()) if buffer.filled().is_empty() => parser.finish().map(|()| true),
            Ok(()) => parser.feed(buffer.filled(), body),
        })
    })
    .await
}

/// An open connection failed.
pub fn lost(error: io::Error) -> Trouble {
    Trouble::new(Failure::Reset, error)
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Socket::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Socket::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(stream) => Pin::new(stream).poll_flush(context),
            Socket::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Socket::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
