//! Rolling window by a log: any span of `per` holds at most `allow`.
//!
//! Source: "An alternative approach to rate limiting", Figma, 2017, where it is called a sliding window log.

use std::collections::VecDeque;

use super::{Decision, Limiter, Rate, Standing};
use crate::time::Nanos;

#[derive(Clone, Debug)]
pub struct RollingLog {
    rate: Rate,
    /// When how much was counted in the last window, oldest first. Never more than `allow` in all: of more, the newest
    /// decide.
    counted: VecDeque<(Nanos, u32)>,
    used: u32,
}

impl RollingLog {
    pub fn new(rate: Rate) -> Self {
        RollingLog { rate, counted: VecDeque::new(), used: 0 }
    }

    fn expire(&mut self, now: Nanos) {
        while let Some(&(oldest, cost)) = self.counted.front()
            && now - oldest >= self.rate.per
        {
            self.used -= cost;
            self.counted.pop_front();
        }
    }

    /// The time until so much has expired.
    fn until_free(&self, now: Nanos, wanted: u32) -> Nanos {
        let mut free = 0;
        for &(at, cost) in &self.counted {
            free += cost;
            if free >= wanted {
                return self.rate.per - (now - at);
            }
        }
        Nanos::MAX
    }
}

impl Limiter for RollingLog {
    fn peek(&mut self, now: Nanos, cost: u32) -> Decision {
        self.expire(now);
        let left = self.rate.allow - self.used;
        match left.checked_sub(cost) {
            Some(remaining) => Decision::admit(remaining),
            None => Decision::refuse(self.until_free(now, cost - left)),
        }
    }

    fn count(&mut self, now: Nanos, cost: u32) {
        self.expire(now);
        let cost = cost.min(self.rate.allow);
        if cost == 0 {
            return;
        }
        let mut surplus = cost.saturating_sub(self.rate.allow - self.used);
        self.used = self.used - surplus + cost;
        while let Some((_, oldest)) = self.counted.front_mut()
            && surplus > 0
        {
            let dropped = surplus.min(*oldest);
            (*oldest, surplus) = (*oldest - dropped, surplus - dropped);
            if *oldest == 0 {
                self.counted.pop_front();
            }
        }
        match self.counted.back_mut() {
            Some((at, last)) if *at == now => *last += cost,
            _ => self.counted.push_back((now, cost)),
        }
    }

    fn give_back(&mut self, now: Nanos, since: Nanos, cost: u32) {
        self.expire(now);
        if let Ok(place) = self.counted.binary_search_by_key(&since, |(at, _)| *at) {
            let counted = &mut self.counted[place].1;
            let back = cost.min(*counted);
            (*counted, self.used) = (*counted - back, self.used - back);
            if *counted == 0 {
                self.counted.remove(place);
            }
        }
    }

    fn standing(&mut self, now: Nanos) -> Standing {
        self.expire(now);
        let reset = self.counted.back().map_or(Nanos::ZERO, |&(newest, _)| self.rate.per - (now - newest));
        Standing { limit: self.rate.allow, remaining: self.rate.allow - self.used, reset }
    }
}
