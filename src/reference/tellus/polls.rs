//! Long polls that are held open.

use std::collections::{BTreeMap, HashMap};

use super::admission::Place;
use super::fleet::ChargerId;
use crate::reference::platform::Ticket;
use crate::time::Nanos;

/// A held poll: at most one per connector.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub ticket: Ticket,
    pub place: Option<Place>,
    until: Nanos,
}

/// All held polls.
#[derive(Default)]
pub struct Polls {
    held: HashMap<(ChargerId, u8), Held>,
    by_ticket: BTreeMap<Ticket, (ChargerId, u8)>,
    by_end: BTreeMap<(Nanos, Ticket), (ChargerId, u8)>,
    issued: u64,
}

impl Polls {
    /// Holds a poll. The one it takes the place of, if there is any, must be answered.
    pub fn hold(
        &mut self,
        charger: ChargerId,
        connector: u8,
        until: Nanos,
        place: Option<Place>,
    ) -> (Ticket, Option<Held>) {
        let earlier = self.take(charger, connector);
        self.issued += 1;
        let ticket = Ticket(self.issued);
        let key = (charger, connector);
        self.held.insert(key, Held { ticket, place, until });
        self.by_ticket.insert(ticket, key);
        self.by_end.insert((until, ticket), key);
        (ticket, earlier)
    }

    /// Takes out the poll held for a connector.
    pub fn take(&mut self, charger: ChargerId, connector: u8) -> Option<Held> {
        let held = self.held.remove(&(charger, connector))?;
        self.by_ticket.remove(&held.ticket);
        self.by_end.remove(&(held.until, held.ticket));
        Some(held)
    }

    /// Takes out a poll whose client has gone.
    pub fn abandon(&mut self, ticket: Ticket) -> Option<Held> {
        let (charger, connector) = *self.by_ticket.get(&ticket)?;
        self.take(charger, connector)
    }

    /// Takes out one poll whose time is over.
    pub fn ended(&mut self, now: Nanos) -> Option<Held> {
        let (&(until, _), &(charger, connector)) = self.by_end.first_key_value()?;
        if until > now { None } else { self.take(charger, connector) }
    }

    /// The first of a charger's connectors for which a poll is held.
    pub fn first_held(&self, charger: ChargerId, mut among: impl Iterator<Item = u8>) -> Option<u8> {
        among.find(|&connector| self.held.contains_key(&(charger, connector)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHARGER: ChargerId = ChargerId(1);

    #[test]
    fn polls_end_in_the_order_of_their_time_and_only_then() {
        let mut polls = Polls::default();
        let (late, _) = polls.hold(CHARGER, 1, Nanos(20), None);
        let (early, _) = polls.hold(CHARGER, 2, Nanos(10), None);
        assert!(polls.ended(Nanos(9)).is_none());
        assert_eq!(polls.ended(Nanos(30)).map(|held| held.ticket), Some(early));
        assert_eq!(polls.ended(Nanos(30)).map(|held| held.ticket), Some(late));
        assert!(polls.ended(Nanos(30)).is_none());
    }

    #[test]
    fn a_second_poll_for_a_connector_takes_the_place_of_the_first() {
        let mut polls = Polls::default();
        let (first, none) = polls.hold(CHARGER, 1, Nanos(20), None);
        assert!(none.is_none());
        let (second, earlier) = polls.hold(CHARGER, 1, Nanos(20), None);
        assert_eq!(earlier.map(|held| held.ticket), Some(first));
        assert!(polls.abandon(first).is_none());
        assert_eq!(polls.abandon(second).map(|held| held.ticket), Some(second));
        assert!(polls.by_end.is_empty() && polls.by_ticket.is_empty() && polls.held.is_empty());
    }
}
