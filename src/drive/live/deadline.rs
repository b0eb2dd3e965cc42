//! The time limit of one request after the other, kept by one of the runtime's timers.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};

use tokio::time::{Instant, Sleep};

use crate::time::Nanos;

/// A timer that is set for every request costs a system call each time, as the runtime is told of its soonest timer. This
/// one stays where it is while the limit only moves on with the requests, and looks at the limit again when it fires.
pub struct Deadline(Pin<Box<Sleep>>);

impl Deadline {
    /// Must be called on a runtime.
    #[expect(clippy::disallowed_methods, reason = "a time limit need not be precise, and nothing is paced by it")]
    pub fn new() -> Self {
        Deadline(Box::pin(tokio::time::sleep(std::time::Duration::ZERO)))
    }

    /// The future's output, or None when it takes longer than `limit`.
    pub async fn within<F: Future>(&mut self, limit: Nanos, future: F) -> Option<F::Output> {
        let deadline = Instant::now() + limit.into();
        let timer = &mut self.0;
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        let mut future = pin!(future);
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            loop {
                ready!(timer.as_mut().poll(context));
                if timer.deadline() >= deadline {
                    return Poll::Ready(None);
                }
                timer.as_mut().reset(deadline);
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[test]
    fn each_use_has_its_own_limit_be_it_shorter_or_longer_than_the_one_before() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut deadline = Deadline::new();
            for millis in [20, 3, 3_600_000, 5, 1, 15] {
                let limit = Nanos::from_millis(millis);
                assert_eq!(deadline.within(limit, ready(7)).await, Some(7));
                if millis < 1_000 {
                    let begun = Instant::now();
                    assert_eq!(deadline.within(limit, pending::<()>()).await, None);
                    assert!(Nanos::from(begun.elapsed()) >= limit, "over before its time");
                }
            }
        });
    }
}
