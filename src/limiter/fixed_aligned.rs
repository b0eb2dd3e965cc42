//! Fixed window on the clock: windows begin at whole multiples of `per`, each holds at most `allow`.

use super::{Decision, Limiter, Rate};
use crate::time::Nanos;

#[derive(Clone, Debug)]
pub struct FixedAligned {
    rate: Rate,
    window: u64,
    used: u32,
}

impl FixedAligned {
    pub fn new(rate: Rate) -> Self {
        FixedAligned { rate, window: 0, used: 0 }
    }
}

impl Limiter for FixedAligned {
    fn peek(&mut self, now: Nanos) -> Decision {
        let window = now.0 / self.rate.per.0;
        if window != self.window {
            self.window = window;
            self.used = 0;
        }
        if self.used >= self.rate.allow {
            return Decision::refuse(Nanos((window + 1) * self.rate.per.0) - now);
        }
        Decision::admit(self.rate.allow - self.used - 1)
    }

    fn count(&mut self, _now: Nanos) {
        self.used += 1;
    }
}
