//! How long the server waits for a client: what each connection is doing, and since when.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::time::Nanos;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between two requests; also while the client takes its answer.
    Idle = 0,
    /// A request's head has begun to arrive.
    Head = 1,
    /// Its body is awaited.
    Body = 2,
    /// The server is at work, or holds a poll or a stream: the client cannot be slow.
    Busy = 3,
}

impl Phase {
    fn from_bits(bits: u64) -> Phase {
        [Phase::Idle, Phase::Head, Phase::Body, Phase::Busy][(bits & 3) as usize]
    }
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Without a request.
    pub idle: Nanos,
    /// For a request's head, and again for its body.
    pub request: Nanos,
}

impl Patience {
    pub const USUAL: Patience = Patience { idle: Nanos::from_secs(120), request: Nanos::from_secs(10) };

    fn with(self, phase: Phase) -> Nanos {
        match phase {
            Phase::Idle => self.idle,
            Phase::Head | Phase::Body => self.request,
            Phase::Busy => Nanos::MAX,
        }
    }
}

/// The phase of one connection and when it began. It is an atomic only because an upgraded connection has to be `Send`.
#[derive(Debug)]
pub struct Activity(AtomicU64);

impl Activity {
    pub fn new(now: Nanos, phase: Phase) -> Arc<Activity> {
        let activity = Activity(AtomicU64::new(0));
        activity.enter(now, phase);
        Arc::new(activity)
    }

    pub fn enter(&self, now: Nanos, phase: Phase) {
        // The lowest two bits hold the phase: four nanoseconds more or less do not matter here.
        self.0.store(now.0 & !3 | phase as u64, Ordering::Relaxed);
    }

    fn phase(&self) -> Phase {
        Phase::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Whether the client has used up the server's patience.
    pub fn is_overdue(&self, now: Nanos, patience: Patience) -> bool {
        let since = Nanos(self.0.load(Ordering::Relaxed) & !3);
        now.saturating_sub(since) > patience.with(self.phase())
    }
}

/// A socket that notes when the first byte of a request arrives.
pub struct WatchedSocket {
    socket: TcpStream,
    activity: Arc<Activity>,
    clock: Clock,
}

impl WatchedSocket {
    pub fn new(socket: TcpStream, activity: Arc<Activity>, clock: Clock) -> WatchedSocket {
        WatchedSocket { socket, activity, clock }
    }
}

impl AsyncRead for WatchedSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(cx, buffer);
        if buffer.filled().len() > before && self.activity.phase() == Phase::Idle {
            self.activity.enter(self.clock.now(), Phase::Head);
        }
        polled
    }
}

impl AsyncWrite for WatchedSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_depends_on_what_the_client_is_doing() {
        let secs = Nanos::from_secs;
        let activity = Activity::new(secs(100), Phase::Idle);
        let is_overdue = |at| activity.is_overdue(at, Patience::USUAL);
        assert!(!is_overdue(secs(220)));
        assert!(is_overdue(secs(221)));
        for phase in [Phase::Head, Phase::Body] {
            activity.enter(secs(200), phase);
            assert_eq!(activity.phase(), phase);
            assert!(!is_overdue(secs(210)));
            assert!(is_overdue(secs(211)));
        }
        activity.enter(secs(200), Phase::Busy);
        assert!(!is_overdue(secs(1_000_000)));
    }
}
