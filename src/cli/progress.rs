//! The progress line of a run: on a terminal only, so that logs of CI stay quiet.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::Clock;
use crate::drive::live::Control;
use crate::time::Nanos;

/// Shows how far a run is until it is dropped.
pub struct Progress {
    done: Arc<AtomicBool>,
    drawer: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts drawing on standard error, if that is a terminal.
    pub fn start(duration: Nanos, control: Control) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let drawer = std::io::stderr().is_terminal().then(|| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || draw(duration, &control, &done))
        });
        Progress { done, drawer }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            // A drawer that panicked has nothing left to clean up.
            let _ = drawer.join();
        }
    }
}

fn draw(duration: Nanos, control: &Control, done: &AtomicBool) {
    let clock = Clock::start();
    let style = ProgressStyle::with_template("{bar:24} {msg}").expect("a constant template");
    let bar = ProgressBar::new(duration.0).with_style(style);
    while !done.load(Ordering::Relaxed) {
        let elapsed = clock.now().min(duration);
        bar.set_position(elapsed.0);
        bar.set_message(line(elapsed, duration, control));
        std::thread::park_timeout(Duration::from_millis(200));
    }
    bar.finish_and_clear();
}

fn line(elapsed: Nanos, duration: Nanos, control: &Control) -> String {
    let counts = control.counts();
    let state = if control.stopped().is_some() { "stopping, waiting for answers" } else { "" };
    format!(
        "{}/{} s · {} answered · {} refused · {} overloaded · {} failed {state}",
        elapsed.as_secs(),
        duration.as_secs(),
        counts.requests,
        counts.refused,
        counts.overloaded,
        counts.failed,
    )
}
