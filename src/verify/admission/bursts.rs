//! How much was let through within less than a window. Windows that follow each other, wherever they begin, share less than
//! one window's length with two of them at the most: no more than twice the limit fits in.

use crate::time::Nanos;

/// What was served within spans of a window's length: of two that overlap by half, any shorter than half a window lies
/// in one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bursts {
    spans: [Span; 2],
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    number: u64,
    held: u64,
}

impl Bursts {
    /// Takes a served request; the most that surely took effect within one span. `done` never goes back.
    pub fn serve(&mut self, per: Nanos, sent: Nanos, done: Nanos, cost: u32) -> u64 {
        let offsets = [0, per.0 / 2];
        for (span, offset) in self.spans.iter_mut().zip(offsets) {
            let number = done.0.saturating_add(offset) / per.0.max(1);
            if number != span.number {
                *span = Span { number, held: 0 };
            }
            // Whoever was on the way when it began may have taken effect before.
            if sent.0.saturating_add(offset) >= number * per.0 {
                span.held += u64::from(cost);
            }
        }
        self.spans.iter().map(|span| span.held).max().unwrap_or_default()
    }
}
