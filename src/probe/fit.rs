//! Cuts away what of a hypothesis's box nothing explains: what is left are all lengths that explain the log.

use super::exchange::Log;
use super::hypothesis::{Hypothesis, Length, Span, Terms};
use crate::time::Nanos;

/// The shares of a span that are tried for cutting off, largest first.
const SHARES: [u64; 3] = [2, 4, 10];
/// Cuts for one length and side at most.
const MOST_CUTS: usize = 24;
/// A span shorter than this share of its length is exact enough.
const FINE: u64 = 4_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Low,
    High,
}

/// The hypothesis with its box as small as what was seen allows.
pub fn tightened(mut hypothesis: Hypothesis, log: &Log) -> Hypothesis {
    for length in Length::ALL {
        for side in [Side::Low, Side::High] {
            hypothesis = shaved(hypothesis, length, side, log);
        }
    }
    hypothesis
}

fn shaved(mut hypothesis: Hypothesis, length: Length, side: Side, log: &Log) -> Hypothesis {
    let mut shares = SHARES.into_iter().peekable();
    for _ in 0..MOST_CUTS {
        let Some(&share) = shares.peek() else { break };
        let span = hypothesis.terms.span(length);
        if span.width() <= resolution(&hypothesis, length, log) || !is_torn_at(&hypothesis, length, side) {
            break;
        }
        let (slab, rest) = cut(span, side, share);
        let slab = hypothesis.recast(hypothesis.terms.with(length, slab), log);
        if slab.mismatches <= hypothesis.mismatches {
            shares.next();
            continue;
        }
        let rest = hypothesis.recast(hypothesis.terms.with(length, rest), log);
        // Corners may disagree about a box of which no part fits.
        hypothesis = if rest.mismatches <= slab.mismatches { rest } else { slab };
    }
    hypothesis
}

fn cut(span: Span, side: Side, share: u64) -> (Span, Span) {
    let part = Nanos(span.width().0 / share);
    match side {
        Side::Low => (Span::new(span.low, span.low + part), Span::new(span.low + part, span.high)),
        Side::High => (Span::new(span.high - part, span.high), Span::new(span.low, span.high - part)),
    }
}

/// Whether a corner on this side is wrong: else nothing there can be cut.
fn is_torn_at(hypothesis: &Hypothesis, length: Length, side: Side) -> bool {
    let span = hypothesis.terms.span(length);
    let end = if side == Side::Low { span.low } else { span.high };
    let mut there = hypothesis.corners.iter().filter(|corner| corner.terms.span(length).low == end);
    there.any(|corner| corner.early + corner.late > hypothesis.mismatches)
}

/// Shorter than this, a span is not worth cutting. What windows that follow each other differ by adds up.
fn resolution(hypothesis: &Hypothesis, length: Length, log: &Log) -> Nanos {
    let terms = &hypothesis.terms;
    let whole = if length == Length::Penalty { terms.penalty.low } else { terms.window.low };
    let windows = if length == Length::Window { hypothesis.windows_until(log.ended()) } else { 1 };
    Nanos(((whole.0 / FINE).max(log.usual().0 / 4) / windows).max(1))
}

/// Halves of the box, where its longest span is worth cutting.
pub fn halved(hypothesis: &Hypothesis, log: &Log) -> Option<[Terms; 2]> {
    let terms = &hypothesis.terms;
    let times_too_long = |length: &Length| terms.span(*length).width().0 / resolution(hypothesis, *length, log).0;
    let longest = Length::ALL.into_iter().max_by_key(times_too_long).filter(|length| times_too_long(length) > 1)?;
    let (low, high) = cut(terms.span(longest), Side::Low, 2);
    Some([terms.with(longest, low), terms.with(longest, high)])
}

/// A point that stands for a box which is too small to be cut and whose corners have different histories: the first that
/// explains all, from the middle on, or the one that explains most.
pub fn represented(hypothesis: &Hypothesis, log: &Log) -> Hypothesis {
    const PARTS: u64 = 8;
    const FROM_THE_MIDDLE: [u64; 9] = [4, 3, 5, 2, 6, 1, 7, 0, 8];
    let terms = hypothesis.terms;
    let mut best: Option<Hypothesis> = None;
    for nth in FROM_THE_MIDDLE {
        let point = Length::ALL.into_iter().fold(terms, |point, length| {
            let span = terms.span(length);
            point.with(length, Span::exactly(span.low + Nanos(span.width().0 / PARTS * nth)))
        });
        let point = hypothesis.recast(point, log);
        let explains_all = point.likelihood() >= 0.0;
        if best.as_ref().is_none_or(|best| point.likelihood() > best.likelihood()) {
            best = Some(point);
        }
        if explains_all {
            break;
        }
    }
    best.unwrap_or_else(|| hypothesis.clone()).standing_for(terms)
}
