//! Signs that going on would do harm.

use super::exchange::{Answer, Exchange};
use super::prober::End;
use crate::time::Nanos;

/// What the latest answers have in common.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alarm {
    barred: u32,
    /// Without an answer in a row.
    lost: u32,
    hint: Nanos,
    growing: u32,
}

const MOST_BARRED: u32 = 3;
const MOST_LOST: u32 = 12;
/// A hint that is so many times the one before grows, and so many in a row grow beyond reason.
const GROWTH: u64 = 2;
const MOST_GROWING: u32 = 4;

impl Alarm {
    /// Takes a volley's answers, and says why nothing more should be sent, if so.
    pub fn watch(&mut self, exchanges: &[Exchange]) -> Option<End> {
        for exchange in exchanges {
            self.lost = if exchange.answer == Answer::Lost { self.lost + 1 } else { 0 };
            self.barred = if exchange.answer == Answer::Barred { self.barred + 1 } else { 0 };
        }
        let hints = exchanges.iter().filter_map(|exchange| match exchange.answer {
            Answer::Refused { hint } => hint,
            _ => None,
        });
        if let Some(hint) = hints.max() {
            let grows = self.hint > Nanos::ZERO && hint >= self.hint * GROWTH;
            self.growing = if grows { self.growing + 1 } else { 0 };
            self.hint = hint;
        }
        if self.barred >= MOST_BARRED {
            Some(End::Barred)
        } else if self.growing >= MOST_GROWING {
            Some(End::HintsGrow)
        } else if self.lost >= MOST_LOST {
            Some(End::NoAnswers)
        } else {
            None
        }
    }
}
