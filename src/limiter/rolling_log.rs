//! Rolling window by a log: any span of `per` holds at most `allow` admitted requests.

use std::collections::VecDeque;

use super::{Decision, Limiter, Rate};
use crate::time::Nanos;

#[derive(Clone, Debug)]
pub struct RollingLog {
    rate: Rate,
    /// Times of the admitted requests of the last window, oldest first; never more than `allow`.
    admitted: VecDeque<Nanos>,
}

impl RollingLog {
    pub fn new(rate: Rate) -> Self {
        RollingLog { rate, admitted: VecDeque::new() }
    }
}

impl Limiter for RollingLog {
    fn peek(&mut self, now: Nanos) -> Decision {
        while self.admitted.front().is_some_and(|&oldest| oldest.saturating_add(self.rate.per) <= now) {
            self.admitted.pop_front();
        }
        let used = self.admitted.len() as u32;
        match self.admitted.front() {
            Some(&oldest) if used >= self.rate.allow => Decision::refuse(oldest + self.rate.per - now),
            _ => Decision::admit(self.rate.allow - used - 1),
        }
    }

    fn count(&mut self, now: Nanos) {
        self.admitted.push_back(now);
    }
}
