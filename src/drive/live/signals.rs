//! Ctrl-C and SIGTERM: the first ends the run and lets the report be written, the second ends the process.

use std::io;

use crate::exit::Exit;

/// Watches for signals on a thread of its own until the process ends; the first one asks for a stop.
///
/// # Errors
/// The system gives no thread or no handler.
pub fn watch(stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::new()?
    };
    let watcher = move || {
        runtime.block_on(async {
            signals.next().await;
            stop();
            signals.next().await;
            std::process::exit(i32::from(Exit::Interrupted.code()));
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(watcher).map(drop)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the system's own one ends the process.
            std::future::pending().await
        }
    }
}
