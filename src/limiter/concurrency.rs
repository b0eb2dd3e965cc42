//! What is open at the same time, for a limit on that ([`super::enforcer`] holds it against one). Where only long requests count,
//! one comes to count while it is open.
//!
//! Source: "Scaling your API with rate limiters", Stripe, 2017, the concurrent requests limiter; Salesforce's limits,
//! where a request counts once it has run for 20 seconds.

use crate::time::Nanos;

/// The open requests of one scope key.
#[derive(Clone, Debug, Default)]
pub struct Concurrency {
    /// When they began, oldest first.
    open: Vec<Nanos>,
}

impl Concurrency {
    /// How many of them have run for `lasting`.
    pub fn counting(&self, now: Nanos, lasting: Nanos) -> usize {
        self.open.partition_point(|begun| begun.saturating_add(lasting) <= now)
    }

    pub fn open(&mut self, now: Nanos) {
        let place = self.open.partition_point(|begun| *begun <= now);
        self.open.insert(place, now);
    }

    /// Ends the request that began then; nothing if there is none.
    pub fn close(&mut self, begun: Nanos) {
        if let Ok(place) = self.open.binary_search(&begun) {
            self.open.remove(place);
        }
    }

    pub fn is_idle(&self) -> bool {
        self.open.is_empty()
    }
}
