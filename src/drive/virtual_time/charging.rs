//! When chargers were charging as far as the target could see, and what streams about them brought because of it.
//!
//! A stream brings a frame at once and at every interval from then on, for each of its chargers that charges at that moment.
//! As on the reference server, a charger charges from telemetry that says so until telemetry that says otherwise, and is
//! seen only while its heartbeats come.

use std::ops::Range;

use crate::reference::tellus::OFFLINE_AFTER;
use crate::time::Nanos;

/// What the target knows of one charger.
#[derive(Clone, Debug, Default)]
pub struct Charging {
    since: Option<Nanos>,
    seen_until: Nanos,
    before: Vec<Range<Nanos>>,
}

impl Charging {
    /// Telemetry came.
    pub fn told(&mut self, now: Nanos, charges: bool) {
        if charges != self.since.is_some() {
            self.before.extend(self.under_way(now));
            self.since = charges.then_some(now);
        }
    }

    /// A heartbeat came.
    pub fn alive(&mut self, now: Nanos) {
        if now > self.seen_until && self.since.is_some() {
            self.before.extend(self.under_way(now));
            self.since = Some(now);
        }
        self.seen_until = now.saturating_add(OFFLINE_AFTER);
    }

    /// The frames about this charger on a stream that was open at these times, with so long between two.
    pub fn frames(&self, open: &Range<Nanos>, every: Nanos) -> u64 {
        frames(&self.before, open, every) + self.under_way(open.end).map_or(0, |span| ticks(&span, open, every))
    }

    /// When it was charging, up to the end.
    pub fn into_spans(mut self, end: Nanos) -> Vec<Range<Nanos>> {
        self.before.extend(self.under_way(end));
        self.before
    }

    fn under_way(&self, now: Nanos) -> Option<Range<Nanos>> {
        let span = self.since?..now.min(self.seen_until);
        (!span.is_empty()).then_some(span)
    }
}

/// The frames about a charger that was charging at these times.
pub fn frames(charging: &[Range<Nanos>], open: &Range<Nanos>, every: Nanos) -> u64 {
    charging.iter().map(|span| ticks(span, open, every)).sum()
}

/// How many of a stream's intervals, the first at its opening, begin within a span.
fn ticks(span: &Range<Nanos>, open: &Range<Nanos>, every: Nanos) -> u64 {
    let before = |at: Nanos| (at.clamp(open.start, open.end) - open.start).0.div_ceil(every.0);
    before(span.end) - before(span.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Nanos = Nanos::from_secs(5);

    fn secs(from: u64, to: u64) -> Range<Nanos> {
        Nanos::from_secs(from)..Nanos::from_secs(to)
    }

    #[test]
    fn a_frame_comes_at_once_and_at_each_interval_while_the_charger_charges() {
        let open = secs(100, 200);
        for (span, expected) in [
            (secs(0, 100), 0),
            (secs(0, 101), 1),
            (secs(100, 105), 1),
            (secs(101, 105), 0),
            (secs(101, 106), 1),
            (secs(0, 300), 20),
            (secs(200, 300), 0),
        ] {
            assert_eq!(frames(std::slice::from_ref(&span), &open, EVERY), expected, "{span:?}");
        }
    }

    #[test]
    fn a_charger_whose_heartbeats_stop_is_seen_no_longer() {
        let mut charging = Charging::default();
        charging.alive(Nanos::ZERO);
        charging.told(Nanos::from_secs(10), true);
        charging.told(Nanos::from_secs(15), true);
        assert_eq!(charging.frames(&secs(0, 60), EVERY), 10);
        assert_eq!(charging.frames(&secs(0, 600), EVERY), 16, "from 10 to 90 s");
        charging.alive(Nanos::from_secs(300));
        charging.told(Nanos::from_secs(320), false);
        assert_eq!(charging.frames(&secs(0, 600), EVERY), 20);
        assert_eq!(charging.into_spans(Nanos::from_secs(600)), [secs(10, 90), secs(300, 320)]);
    }
}
