//! Answers that are held back for a while.

use std::collections::{BTreeMap, HashMap};

use crate::reference::platform::Ticket;
use crate::time::Nanos;

/// Things that are due at a moment, each under its ticket.
pub struct Held<T> {
    by_end: BTreeMap<(Nanos, Ticket), T>,
    ends: HashMap<Ticket, Nanos>,
    issued: u64,
}

/// More are not held.
const MOST: usize = 16_384;

impl<T> Default for Held<T> {
    fn default() -> Self {
        Held { by_end: BTreeMap::new(), ends: HashMap::new(), issued: 0 }
    }
}

impl<T> Held<T> {
    pub fn is_full(&self) -> bool {
        self.ends.len() >= MOST
    }

    pub fn hold(&mut self, until: Nanos, what: T) -> Ticket {
        self.issued += 1;
        let ticket = Ticket(self.issued);
        self.by_end.insert((until, ticket), what);
        self.ends.insert(ticket, until);
        ticket
    }

    /// Takes out one whose time has come, the earliest first.
    pub fn due(&mut self, now: Nanos) -> Option<(Ticket, T)> {
        let first = self.by_end.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((_, ticket), what) = first.remove_entry();
        self.ends.remove(&ticket);
        Some((ticket, what))
    }

    /// Takes out one before its time.
    pub fn abandon(&mut self, ticket: Ticket) -> Option<T> {
        let until = self.ends.remove(&ticket)?;
        self.by_end.remove(&(until, ticket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_comes_in_the_order_of_its_time_and_only_once() {
        let mut held = Held::default();
        let late = held.hold(Nanos(20), "late");
        let early = held.hold(Nanos(10), "early");
        let gone = held.hold(Nanos(10), "gone");
        assert_eq!(held.due(Nanos(9)), None);
        assert_eq!(held.abandon(gone), Some("gone"));
        assert_eq!(held.due(Nanos(30)), Some((early, "early")));
        assert_eq!(held.due(Nanos(30)), Some((late, "late")));
        assert_eq!(held.due(Nanos(30)), None);
        assert_eq!(held.abandon(late), None);
        assert!(held.by_end.is_empty() && held.ends.is_empty());
    }
}
