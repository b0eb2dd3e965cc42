//! Is a limiter right? And how far off is it where it is not?
//!
//! Any limiter of many keys that is told the time can be asked: of this crate, of another, or of your own. It says
//! what it [claims](Claim) to be, and is held against an [`Oracle`] that looks through everything that was ever admitted.
//!
//! ```
//! use quotaproof::limiter::suite::{Claim, examine};
//! use quotaproof::limiter::{Gcra, Keyed, Rate};
//! use quotaproof::policy::reading::Reading;
//! use quotaproof::time::Nanos;
//!
//! let rate = Rate { allow: 5, per: Nanos::from_secs(1) };
//! let report = examine("mine", &Claim::new(Reading::TokenBucket, 5, rate.per), || {
//!     let mut limiter = Keyed::new(Gcra::new(rate, 5).unwrap());
//!     move |now, key, cost| limiter.check(now, key, cost)
//! });
//! assert!(report.is_right(), "{report}");
//! ```
//!
//! A closure is a limiter for one caller; [`Threads`] and [`Asynchronous`] are ones for several at a time, and are asked
//! so.
//!
//! [`beside_known`] puts it beside this crate's own: how right and how fast each is. Figures to be published
//! a benchmark measures: a [`Workload`] draws the requests and a [`Replay`] hands them out. What it does
//! to memory, a counting allocator tells.
//!
//! ```
//! # use quotaproof::limiter::suite::Workload;
//! # use quotaproof::limiter::{Gcra, Keyed, Rate};
//! # use quotaproof::time::Nanos;
//! let rate = Rate { allow: 10, per: Nanos::from_secs(1) };
//! let mut limiter = Keyed::new(Gcra::new(rate, 10).unwrap());
//! for workload in Workload::ALL {
//!     let workload = workload.with_keys(1_000);                             // 1,000,000 as they are
//!     let mut replay = workload.requests(rate, 7).replay(10_000);
//!     // What `bencher.iter` would run:
//!     let request = replay.draw();
//!     std::hint::black_box(limiter.check(request.now, request.key, request.cost));
//! }
//! ```

pub mod arrivals;

mod accuracy;
mod beside;
mod checks;
mod claim;
mod crowd;
mod experiments;
mod judge;
mod known;
mod oracle;
mod play;
mod report;
mod subject;
mod workload;

pub use accuracy::{Accuracy, measure};
pub use beside::{Beside, Row, beside_known};
pub use checks::{Check, Defect};
pub use claim::Claim;
pub use crowd::{ns_for_a_decision, threads};
pub use judge::{Past, Wrong, judge};
pub use known::{Ask, Known};
pub use oracle::Oracle;
pub use report::{Checked, Found, Report};
pub use subject::{Answer, Asynchronous, BoxedAnswers, Subject, Threads, Together, poll_to_end};
pub use workload::{Population, Replay, Request, Requests, Workload};

/// Tries everything on limiters that `make` makes, each of which begins at [`crate::time::Nanos::ZERO`].
pub fn examine<S: Subject>(name: &str, claim: &Claim, mut make: impl FnMut() -> S) -> Report {
    let checks = Check::ALL.map(|check| {
        let seen = check.run(claim, &mut make);
        let control = check.control(claim, &mut make, &seen);
        Checked::new(check, seen, &control)
    });
    let accuracy = Workload::ALL.map(|workload| accuracy::measure(claim, workload, make())).to_vec();
    Report::new(name, claim, checks.to_vec(), accuracy)
}
