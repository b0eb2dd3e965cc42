//! What will happen, in the order of its time; what happens at one time, in the order it was planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Nanos;

/// Things that happen soon stand in order: one device alone never has more of them.
const NEAR: usize = 24;

/// A queue of things of kind `T`.
///
/// The next few stand in a sorted list, the others behind them in a heap: most things are planned for soon, and a list that
/// fits into a few cache lines is quicker than any heap.
#[derive(Debug)]
pub struct Queue<T> {
    /// The next ones, the very next last; at most [`NEAR`], and none of them after one in `far`.
    near: Vec<Entry<T>>,
    far: BinaryHeap<Reverse<Entry<T>>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Nanos,
    number: u64,
    what: T,
}

impl<T> Queue<T> {
    pub fn new() -> Self {
        Queue { near: Vec::with_capacity(NEAR + 1), far: BinaryHeap::new(), planned: 0 }
    }

    pub fn clear(&mut self) {
        self.near.clear();
        self.far.clear();
        self.planned = 0;
    }

    pub fn plan(&mut self, at: Nanos, what: T) {
        self.planned += 1;
        let entry = Entry { at, number: self.planned, what };
        // Of things at one time the newest comes last, so it goes behind all that are not later.
        let is_near = match self.near.first() {
            Some(latest) if at < latest.at => true,
            _ => self.near.len() < NEAR && self.far.is_empty(),
        };
        if !is_near {
            return self.far.push(Reverse(entry));
        }
        let later = self.near.iter().rposition(|known| known.at > at).map_or(0, |place| place + 1);
        self.near.insert(later, entry);
        if self.near.len() > NEAR {
            let latest = self.near.remove(0);
            self.far.push(Reverse(latest));
        }
    }

    /// The next thing that happens by `end`, and when.
    pub fn next_by(&mut self, end: Nanos) -> Option<(Nanos, T)> {
        if self.near.is_empty() {
            self.refill();
        }
        if self.near.last()?.at > end {
            return None;
        }
        self.near.pop().map(|entry| (entry.at, entry.what))
    }

    /// Brings half a list over from the heap, so that what is planned next finds room.
    fn refill(&mut self) {
        for _ in 0..NEAR / 2 {
            let Some(Reverse(entry)) = self.far.pop() else { break };
            self.near.push(entry);
        }
        self.near.reverse();
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn time_comes_first_and_then_the_order_of_planning() {
        let mut queue = Queue::new();
        for (at, what) in [(5, 'c'), (3, 'a'), (5, 'd'), (3, 'b'), (9, 'e')] {
            queue.plan(Nanos(at), what);
        }
        let order: String = std::iter::from_fn(|| queue.next_by(Nanos(8))).map(|(_, what)| what).collect();
        assert_eq!(order, "abcd");
    }

    proptest! {
        /// Against a list that is sorted anew for every look.
        #[test]
        fn the_next_is_always_the_earliest(steps in prop::collection::vec((0..40u64, 0..4u32), 1..400)) {
            let mut queue = Queue::new();
            let mut naive: Vec<(u64, usize)> = Vec::new();
            let mut now = 0;
            for (number, (ahead, takes)) in steps.into_iter().enumerate() {
                queue.plan(Nanos(now + ahead), number);
                naive.push((now + ahead, number));
                // One in, and now and then several out, so that it grows beyond the list and shrinks again.
                for _ in 0..takes.saturating_sub(1) {
                    naive.sort_unstable();
                    let expected = (!naive.is_empty() && naive[0].0 <= now + 20).then(|| naive.remove(0));
                    let found = queue.next_by(Nanos(now + 20)).map(|(at, what)| (at.0, what));
                    prop_assert_eq!(found, expected);
                    now = found.map_or(now, |(at, _)| at);
                }
            }
        }
    }
}
