//! Keys with a cap over all keys of one parent: "10 a second for each user, 100 for their account". A request counts for
//! both or for neither.
//!
//! Source: Azure Resource Manager's documents, whose buckets of principals lie within a bucket of their subscription.

use super::keyed::Keyed;
use crate::limiter::{Algorithm, Decision};
use crate::time::Nanos;

pub struct Capped<A: Algorithm, P: Algorithm> {
    own: Keyed<A>,
    parents: Keyed<P>,
}

impl<A: Algorithm, P: Algorithm> Capped<A, P> {
    pub fn new(own: A, parents: P) -> Self {
        Capped { own: Keyed::new(own), parents: Keyed::new(parents) }
    }

    /// Decides one request of a key and of the parent that it belongs to, and counts it if both admit it.
    pub fn check(&mut self, now: Nanos, key: u64, parent: u64, cost: u32) -> Decision {
        let (own, parents) = (self.own.peek(now, key, cost), self.parents.peek(now, parent, cost));
        if own.admitted && parents.admitted {
            self.own.count(now, key, cost);
            self.parents.count(now, parent, cost);
        }
        // Only who has refused begins a penalty.
        if !own.admitted {
            self.own.refused(now, key, cost);
        }
        if !parents.admitted {
            self.parents.refused(now, parent, cost);
        }
        own.and(parents)
    }
}
