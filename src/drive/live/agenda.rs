//! What a shard has to do and when: one wake-up per device, requests held until they are due, the scenario's events.

use std::collections::{BTreeMap, BTreeSet};

use super::link::{Job, Ticket};
use crate::time::Nanos;

/// Index of a device within its shard.
pub type Local = u32;

/// One thing that is due.
#[derive(Debug)]
pub enum Item {
    /// The wake-up of a device, and the time it asked for.
    Wake(Local, Nanos),
    /// A request that was held.
    Send(Job),
    /// An event, by its index in the scenario.
    Event(usize),
}

/// Ordered by time; at the same time events come first, then wake-ups, then held requests.
#[derive(Debug)]
pub struct Agenda {
    wakes: BTreeSet<(Nanos, Local)>,
    /// Each device's entry in `wakes`, so that a new wake-up replaces the old one.
    wake_of: Vec<Option<Nanos>>,
    held: BTreeMap<(Nanos, Ticket), Job>,
    /// The latest first.
    events: Vec<(Nanos, usize)>,
}

impl Agenda {
    /// Every device wakes at time zero.
    pub fn new(devices: usize, events: impl IntoIterator<Item = (Nanos, usize)>) -> Self {
        let mut events: Vec<_> = events.into_iter().collect();
        events.sort_by(|a, b| b.cmp(a));
        Agenda {
            wakes: (0..devices as Local).map(|local| (Nanos::ZERO, local)).collect(),
            wake_of: vec![Some(Nanos::ZERO); devices],
            held: BTreeMap::new(),
            events,
        }
    }

    /// Replaces a device's wake-up.
    pub fn wake(&mut self, device: Local, at: Option<Nanos>) {
        let entry = &mut self.wake_of[device as usize];
        if *entry == at {
            return;
        }
        if let Some(old) = std::mem::replace(entry, at) {
            self.wakes.remove(&(old, device));
        }
        if let Some(at) = at {
            self.wakes.insert((at, device));
        }
    }

    /// Keeps a request until `at`.
    pub fn hold(&mut self, at: Nanos, job: Job) {
        self.held.insert((at, job.ticket), job);
    }

    /// Forgets a request held until `at`.
    pub fn release(&mut self, at: Nanos, ticket: Ticket) {
        self.held.remove(&(at, ticket));
    }

    /// When the next thing is due.
    pub fn next(&self) -> Option<Nanos> {
        let wake = self.wakes.first().map(|&(at, _)| at);
        let held = self.held.first_key_value().map(|(&(at, _), _)| at);
        let event = self.events.last().map(|&(at, _)| at);
        [wake, held, event].into_iter().flatten().min()
    }

    /// Takes the next thing that is due at `now`.
    pub fn take_due(&mut self, now: Nanos) -> Option<Item> {
        let next = self.next().filter(|&at| at <= now)?;
        if let Some((_, event)) = self.events.pop_if(|(at, _)| *at == next) {
            return Some(Item::Event(event));
        }
        if let Some(&(at, device)) = self.wakes.first()
            && at == next
        {
            self.wake(device, None);
            return Some(Item::Wake(device, at));
        }
        self.held.pop_first().map(|(_, job)| Item::Send(job))
    }

    /// Forgets everything: the run is over.
    pub fn clear(&mut self) {
        self.wakes.clear();
        self.wake_of.fill(None);
        self.held.clear();
        self.events.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(agenda: &mut Agenda, now: u64) -> Vec<String> {
        let name = |item| match item {
            Item::Wake(device, at) => format!("wake {device} at {}", at.0),
            Item::Send(job) => format!("send {}", job.ticket.0),
            Item::Event(event) => format!("event {event}"),
        };
        std::iter::from_fn(|| agenda.take_due(Nanos(now)).map(name)).collect()
    }

    #[test]
    fn a_wake_up_replaces_the_one_before() {
        let mut agenda = Agenda::new(2, []);
        agenda.wake(0, Some(Nanos(50)));
        agenda.wake(1, Some(Nanos(20)));
        agenda.wake(1, Some(Nanos(70)));
        assert_eq!(agenda.next(), Some(Nanos(50)));
        assert_eq!(names(&mut agenda, 69), ["wake 0 at 50"]);
        agenda.wake(1, None);
        assert_eq!(agenda.next(), None);
    }

    #[test]
    fn at_one_time_events_come_first_and_held_requests_last() {
        let mut agenda = Agenda::new(1, [(Nanos(9), 1), (Nanos(5), 0)]);
        agenda.wake(0, Some(Nanos(9)));
        agenda.hold(Nanos(9), Job::new(Ticket(7)));
        agenda.hold(Nanos(9), Job::new(Ticket(8)));
        agenda.release(Nanos(9), Ticket(8));
        assert_eq!(names(&mut agenda, 9), ["event 0", "event 1", "wake 0 at 9", "send 7"]);
    }

    proptest! {
        #[test]
        fn every_device_wakes_once_at_the_last_time_it_asked_for(asked in prop::collection::vec((0..8u32, 0..100u64), 0..60)) {
            let mut agenda = Agenda::new(8, []);
            let mut last = [0u64; 8];
            for &(device, at) in &asked {
                agenda.wake(device, Some(Nanos(at)));
                last[device as usize] = at;
            }
            let mut expected: Vec<(u64, u32)> = last.iter().zip(0..).map(|(&at, device)| (at, device)).collect();
            expected.sort_unstable();
            let expected: Vec<_> = expected.into_iter().map(|(at, device)| format!("wake {device} at {at}")).collect();
            prop_assert_eq!(names(&mut agenda, 100), expected);
        }
    }
}
