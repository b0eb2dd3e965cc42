//! Is your limiter right? Three that a user may have written, and what the suite finds:
//!
//! `cargo run --release --example limiter_suite`
//!
//! Each is told the time and a key, and says yes or no, or how long to wait as well. The suite is given what makes one.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

use quotaproof::clock::Clock;
use quotaproof::limiter::suite::{Asynchronous, Claim, Defect, Report, beside_known, examine};
use quotaproof::policy::reading::Reading;
use quotaproof::time::Nanos;
use tokio::sync::Mutex;

const ALLOW: usize = 10;
const PER: Nanos = Nanos::from_secs(1);

/// The times of what each key was admitted in the last second.
#[derive(Default)]
struct RollingWindow {
    admitted: HashMap<u64, VecDeque<Nanos>>,
}

impl RollingWindow {
    fn check(&mut self, now: Nanos, key: u64) -> Result<(), Nanos> {
        let admitted = self.admitted.entry(key).or_default();
        while admitted.front().is_some_and(|oldest| now - *oldest >= PER) {
            admitted.pop_front();
        }
        match admitted.front() {
            Some(&oldest) if admitted.len() == ALLOW => Err(oldest + PER - now),
            _ => {
                admitted.push_back(now);
                Ok(())
            }
        }
    }
}

fn synchronous() -> Report {
    examine("a rolling window", &claim(), || {
        let mut limiter = RollingWindow::default();
        move |now, key, _| limiter.check(now, key)
    })
}

/// The same behind a lock that is awaited.
fn asynchronous(runtime: &tokio::runtime::Runtime) -> Report {
    examine("a rolling window that is awaited", &claim(), || {
        let limiter = Mutex::new(RollingWindow::default());
        let check = async move |now, key, _| limiter.lock().await.check(now, key);
        Asynchronous::new(check, |answers| runtime.block_on(answers))
    })
}

/// Counts by the whole second, and lets go of its counter between reading and writing it.
fn wrong(runtime: &tokio::runtime::Runtime) -> Report {
    examine("a counter by the second", &claim(), || {
        let counts: RefCell<HashMap<(u64, u64), usize>> = RefCell::default();
        let check = async move |now: Nanos, key, _| {
            let second = (key, now.as_secs());
            let used = counts.borrow().get(&second).copied().unwrap_or(0);
            // Here a counter over the network would be waited for.
            tokio::task::yield_now().await;
            if used < ALLOW {
                counts.borrow_mut().insert(second, used + 1);
            }
            used < ALLOW
        };
        Asynchronous::new(check, |answers| runtime.block_on(answers))
    })
}

/// What they say of themselves, and what they do not take part in.
fn claim() -> Claim {
    Claim::new(Reading::Rolling, ALLOW as u32, PER).every_request_costs_one().clock_only_goes_forward()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for report in [synchronous(), asynchronous(&runtime)] {
        println!("{report}");
        assert!(report.is_right());
    }
    let clock = Clock::start();
    let mine = || {
        let mut limiter = RollingWindow::default();
        move |now, key, _| limiter.check(now, key)
    };
    println!("{}", beside_known("a rolling window", &claim(), || clock.now(), mine));
    let report = wrong(&runtime);
    println!("{report}");
    assert!(report.defects().contains(&Defect::DoubleAtTheEdge));
    assert!(report.defects().contains(&Defect::ReadThenWriteRace));
}
