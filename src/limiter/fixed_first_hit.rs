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
    fn peek(&mut self, now: Nanos) -> Decision {
        let Some(end) = self.begin.map(|begin| begin.saturating_add(self.rate.per)).filter(|&end| now < end) else {
            self.begin = None;
            return Decision::admit(self.rate.allow - 1);
        };
        if self.used >= self.rate.allow {
            return Decision::refuse(end - now);
        }
        Decision::admit(self.rate.allow - self.used - 1)
    }

    fn count(&mut self, now: Nanos) {
        if self.begin.is_none() {
            self.begin = Some(now);
            self.used = 0;
        }
        self.used += 1;
    }
}
