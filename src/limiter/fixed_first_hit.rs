//! Fixed window from the first request: it begins with the first request after the last one ended.

use super::{Decision, Limiter, Rate};
use crate::time::Nanos;

#[derive(Clone, Debug)]
pub struct FixedFirstHit {
    rate: Rate,
    /// Begin of the current window; None before the first request.
    begin: Option<Nanos>,
    used: u32,
}

impl FixedFirstHit {
    pub fn new(rate: Rate) -> Self {
        FixedFirstHit { rate, begin: None, used: 0 }
    }
}

impl Limiter for FixedFirstHit {
    fn check(&mut self, now: Nanos) -> Decision {
        let begin = match self.begin {
            Some(begin) if now < begin.saturating_add(self.rate.per) => begin,
            _ => {
                self.begin = Some(now);
                self.used = 0;
                now
            }
        };
        if self.used >= self.rate.allow {
            return Decision::refuse(begin + self.rate.per - now);
        }
        self.used += 1;
        Decision::admit(self.rate.allow - self.used)
    }
}
