//! The progress line of a run or a plan: on a terminal only, so that logs of CI stay quiet.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::Clock;
use crate::drive::live::Control;
use crate::plan::Meter;
use crate::plan::meter::Reading;
use crate::time::Nanos;
use crate::words::count;

/// Shows how far a run is until it is dropped.
pub struct Progress(#[expect(dead_code, reason = "it draws until it is dropped")] Drawer);

impl Progress {
    /// Starts drawing on standard error, if that is a terminal.
    pub fn start(duration: Nanos, control: Control) -> Self {
        Progress(Drawer::start(move |bar, elapsed| {
            let elapsed = elapsed.min(duration);
            bar.set_length(duration.0);
            bar.set_position(elapsed.0);
            bar.set_message(line(elapsed, duration, &control));
        }))
    }
}

/// Shows how far the plays of a plan are until it is dropped.
pub struct PlanProgress(#[expect(dead_code, reason = "it draws until it is dropped")] Drawer);

impl PlanProgress {
    /// Starts drawing on standard error, if that is a terminal.
    pub fn start(meter: &Arc<Meter>) -> Self {
        let meter = Arc::clone(meter);
        PlanProgress(Drawer::start(move |bar, elapsed| {
            let read = meter.read();
            bar.set_length(read.duration.0);
            bar.set_position(read.simulated.min(read.duration).0);
            bar.set_message(plan_line(&read, elapsed));
        }))
    }
}

/// A thread that draws a bar until it is dropped.
struct Drawer {
    done: Arc<AtomicBool>,
    drawer: Option<JoinHandle<()>>,
}

impl Drawer {
    fn start(update: impl Fn(&ProgressBar, Nanos) + Send + 'static) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let drawer = std::io::stderr().is_terminal().then(|| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || draw(update, &done))
        });
        Drawer { done, drawer }
    }
}

impl Drop for Drawer {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            // A drawer that panicked has nothing left to clean up.
            let _ = drawer.join();
        }
    }
}

fn draw(update: impl Fn(&ProgressBar, Nanos), done: &AtomicBool) {
    let clock = Clock::start();
    let style = ProgressStyle::with_template("{bar:24} {msg}").expect("a constant template");
    let bar = ProgressBar::new(1).with_style(style);
    while !done.load(Ordering::Relaxed) {
        update(&bar, clock.now());
        std::thread::park_timeout(Duration::from_millis(200));
    }
    bar.finish_and_clear();
}

fn plan_line(read: &Reading, elapsed: Nanos) -> String {
    let speed = read.requests as f64 / elapsed.as_secs_f64().max(1e-9);
    let what = if read.what.is_empty() { String::new() } else { format!(" · {}", read.what) };
    format!(
        "play {}: {} of {} simulated · {} requests/s{what}",
        read.plays,
        rounded(read.simulated),
        read.duration,
        count(speed as u64)
    )
}

/// To a second: a line that changes all the time is read at a glance.
fn rounded(time: Nanos) -> Nanos {
    Nanos::from_secs(time.as_secs())
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
