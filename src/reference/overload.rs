//! When the server is told to be overloaded, and whom it hits.

use crate::rng::stable_share;
use crate::scenario::target::OverloadSpec;
use crate::time::Nanos;

/// Chooses evenly which requests meet an overloaded server.
#[derive(Debug)]
pub struct Overload {
    spec: Option<OverloadSpec>,
    /// Requests seen while it lasts.
    seen: u32,
}

impl Overload {
    pub fn new(spec: Option<OverloadSpec>) -> Overload {
        Overload { spec, seen: 0 }
    }

    /// Whether the server is too busy for a request that comes now.
    pub fn hits(&mut self, now: Nanos) -> bool {
        let Some(OverloadSpec { share, from, lasting }) = self.spec else { return false };
        let over = lasting.is_some_and(|lasting| now >= from.saturating_add(lasting));
        if now < from || over {
            return false;
        }
        self.seen = self.seen.wrapping_add(1);
        share >= 1.0 || stable_share(0, "overload", self.seen) < share
    }
}
