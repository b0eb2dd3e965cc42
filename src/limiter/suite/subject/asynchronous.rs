//! A limiter whose answer is a future.

use std::cell::Cell;
use std::future::poll_fn;
use std::hint::black_box;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_util::future::join_all;

use super::{Answer, Subject, Together};
use crate::limiter::suite::Replay;
use crate::time::Nanos;

/// What a runtime is given to bring to its end.
pub type BoxedAnswers<'a> = Pin<Box<dyn Future<Output = Vec<Answer>> + 'a>>;

/// A closure that returns a future, and what brings futures to their end: [`poll_to_end`], or a runtime's `block_on`.
///
/// Those that are asked side by side are one task, in which another future goes on only where one has to wait. One that
/// lets go of a lock between reading and writing, and finds it free again, does not: where none ever has to wait, callers side
/// by side are reported as not looked at, and what tasks on several threads do to each other never is. Ask it with [`super::Threads`] as well, `|now, key, cost| runtime.block_on(check(now, key, cost))`.
pub struct Asynchronous<F, B> {
    limiter: F,
    block_on: B,
}

impl<F, A, B> Asynchronous<F, B>
where
    F: AsyncFn(Nanos, u64, u32) -> A,
    A: Into<Answer>,
    B: Fn(BoxedAnswers<'_>) -> Vec<Answer>,
{
    pub fn new(limiter: F, block_on: B) -> Self {
        Asynchronous { limiter, block_on }
    }

    /// Whether one of them had to wait as well, so that another went on.
    fn check_all(&self, now: Nanos, key: u64, cost: u32, times: u32) -> (Vec<Answer>, bool) {
        let waited = Cell::new(false);
        let ask = async |_| {
            let mut answer = pin!((self.limiter)(now, key, cost));
            let watched = poll_fn(|context| {
                let poll = answer.as_mut().poll(context);
                waited.set(waited.get() || poll.is_pending());
                poll
            });
            watched.await.into()
        };
        let answers = (self.block_on)(Box::pin(join_all((0..times).map(ask))));
        (answers, waited.get())
    }
}

impl<F, A, B> Subject for Asynchronous<F, B>
where
    F: AsyncFn(Nanos, u64, u32) -> A,
    A: Into<Answer>,
    B: Fn(BoxedAnswers<'_>) -> Vec<Answer>,
{
    fn check(&mut self, now: Nanos, key: u64, cost: u32) -> Answer {
        self.check_all(now, key, cost, 1).0[0]
    }

    /// Nothing is left to chance where one future goes on when another waits, so that few keys tell everything.
    fn check_together(&mut self, now: Nanos, keys: Range<u64>, times: u32) -> Option<Together> {
        const KEYS: usize = 512;
        let mut together = Together::default();
        for key in keys.take(KEYS) {
            let (answers, waited) = self.check_all(now, key, 1, times);
            together.admitted.push(answers.iter().filter(|answer| answer.admitted).count() as u32);
            together.met += u64::from(waited);
        }
        Some(together)
    }

    /// All in one future, so that the runtime is entered once and not for each decision.
    fn check_each(&mut self, requests: &mut Replay, times: usize) {
        let limiter = &self.limiter;
        (self.block_on)(Box::pin(async move {
            for _ in 0..times {
                let request = requests.draw();
                let answer: Answer = limiter(request.now, request.key, request.cost).await.into();
                black_box(answer);
            }
            Vec::new()
        }));
    }
}

/// Polls until all is ready: for limiters that wait for nothing outside the process.
pub fn poll_to_end(mut answers: BoxedAnswers<'_>) -> Vec<Answer> {
    loop {
        if let Poll::Ready(answers) = answers.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return answers;
        }
    }
}
