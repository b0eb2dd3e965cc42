//! What will happen, in the order of its time; what happens at one time, in the order it was planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Nanos;

/// A queue of things of kind `T`.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
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
        Queue { heap: BinaryHeap::new(), planned: 0 }
    }

    pub fn clear(&mut self) {
        self.heap.clear();
        self.planned = 0;
    }

    pub fn plan(&mut self, at: Nanos, what: T) {
        self.planned += 1;
        self.heap.push(Reverse(Entry { at, number: self.planned, what }));
    }

    /// The next thing that happens by `end`, and when.
    pub fn next_by(&mut self, end: Nanos) -> Option<(Nanos, T)> {
        if self.heap.peek()?.0.at > end {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what))
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
}
