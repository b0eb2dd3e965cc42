//! A limiter that threads share.

use std::sync::Barrier;
use std::thread;

use super::{Answer, Subject};
use crate::time::Nanos;

const THREADS: u32 = 4;

/// Around a closure that several threads may call at a time.
pub struct Threads<F>(pub F);

impl<F: Fn(Nanos, u64, u32) -> A + Sync, A: Into<Answer>> Subject for Threads<F> {
    fn check(&mut self, now: Nanos, key: u64, cost: u32) -> Answer {
        (self.0)(now, key, cost).into()
    }

    fn check_together(&mut self, now: Nanos, key: u64, times: u32) -> Option<Vec<Answer>> {
        let (limiter, all_there) = (&self.0, &Barrier::new(THREADS as usize));
        let share = |place: u32| times / THREADS + u32::from(place < times % THREADS);
        let ask = |share: u32| {
            all_there.wait();
            (0..share).map(|_| limiter(now, key, 1).into()).collect::<Vec<Answer>>()
        };
        let answers = thread::scope(|scope| {
            let asking: Vec<_> = (0..THREADS).map(|place| scope.spawn(move || ask(share(place)))).collect();
            let answers = asking.into_iter().map(|thread| thread.join());
            answers.collect::<Result<Vec<_>, _>>().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        Some(answers.into_iter().flatten().collect())
    }
}
