//! A hypothesis: a shape, its whole numbers, and a box of its lengths. It is replayed at the corners of the box, each a
//! limiter of [`crate::limiter`], over what was seen.
//!
//! Corners are fed what the server decided, not what they would have: so that one surprise is one surprise. A sighting
//! contradicts the whole box when all corners are wrong in the same direction, since decisions move in one direction with
//! each length; where corners disagree, the truth may lie between them, and the box is cut smaller ([`super::fit`]).

use super::corner::Corner;
use super::exchange::{Log, Sighting};
use super::family::{Family, Shape};
use super::histories::Fit;
use crate::limiter::Rounding;
use crate::time::Nanos;

/// From a length to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub low: Nanos,
    pub high: Nanos,
}

impl Span {
    pub const NONE: Span = Span { low: Nanos::ZERO, high: Nanos::ZERO };

    pub fn new(low: Nanos, high: Nanos) -> Span {
        Span { low: low.min(high), high }
    }

    pub fn exactly(length: Nanos) -> Span {
        Span { low: length, high: length }
    }

    /// From one of two moments to the other.
    pub fn between(one: Nanos, other: Nanos) -> Span {
        Span { low: one.min(other), high: one.max(other) }
    }

    pub fn width(self) -> Nanos {
        self.high - self.low
    }

    pub fn middle(self) -> Nanos {
        self.low + Nanos(self.width().0 / 2)
    }

    pub fn holds(self, length: Nanos) -> bool {
        (self.low..=self.high).contains(&length)
    }

    /// So many parts of the same length.
    pub fn parts(self, count: u64) -> impl Iterator<Item = Span> {
        let part = Nanos(self.width().0 / count);
        (0..count).map(move |index| {
            let low = self.low + part * index;
            Span::new(low, if index + 1 == count { self.high } else { low + part })
        })
    }
}

/// The lengths of a hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Window,
    Phase,
    Penalty,
}

impl Length {
    pub const ALL: [Length; 3] = [Length::Window, Length::Phase, Length::Penalty];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What may come at once: the window's limit, the bucket's size, one more than may wait in a queue.
    pub limit: u32,
    /// How much is added at a time: of interval refills.
    pub refill: u32,
    /// Of a part of a request: of rolling windows that are estimated.
    pub rounding: Rounding,
    /// The window's length; of buckets and queues, the time of one token; of interval refills, the interval.
    pub window: Span,
    /// A moment at which a window begins.
    pub phase: Span,
    pub penalty: Span,
}

impl Terms {
    pub fn new(limit: u32, window: Span) -> Terms {
        Terms { limit, refill: limit, rounding: Rounding::Up, window, phase: Span::NONE, penalty: Span::NONE }
    }

    pub fn span(&self, length: Length) -> Span {
        match length {
            Length::Window => self.window,
            Length::Phase => self.phase,
            Length::Penalty => self.penalty,
        }
    }

    pub fn with(mut self, length: Length, span: Span) -> Terms {
        match length {
            Length::Window => self.window = span,
            Length::Phase => self.phase = span,
            Length::Penalty => self.penalty = span,
        }
        self
    }

    /// All ways to take an end of each span.
    fn corners(&self) -> Vec<Terms> {
        Length::ALL.iter().fold(vec![*self], |corners, &length| {
            let span = self.span(length);
            let ends: &[Nanos] = if span.width() == Nanos::ZERO { &[span.low] } else { &[span.low, span.high] };
            let split = |corner: Terms| ends.iter().map(move |&end| corner.with(length, Span::exactly(end)));
            corners.into_iter().flat_map(split).collect()
        })
    }
}

#[derive(Clone)]
pub struct Hypothesis {
    pub shape: Shape,
    pub terms: Terms,
    pub corners: Vec<Corner>,
    /// Sightings that nothing in the box explains.
    pub mismatches: u32,
    /// Answers that were slow for no reason that it knows.
    pub slow: u32,
    /// The corners have come to different histories: what lies between them may have had any mix of these, so nothing is
    /// judged any more until the box is cut.
    pub torn: bool,
    /// Its corners are one point of the box, which is too small to be cut; of so many mismatches when it was chosen.
    stands_in: Option<u32>,
    /// When each client was first decided about.
    begun: [Option<Nanos>; CLIENTS],
}

/// How many clients take part at most.
pub const CLIENTS: usize = 2;

impl Hypothesis {
    pub fn new(shape: impl Into<Shape>, terms: Terms) -> Hypothesis {
        let shape = shape.into();
        let corners = match shape.family {
            Family::Concurrency => Vec::new(),
            _ => terms.corners().into_iter().map(|corner| Corner::new(shape, corner)).collect(),
        };
        Hypothesis {
            shape,
            terms,
            corners,
            mismatches: 0,
            slow: 0,
            torn: false,
            stands_in: None,
            begun: [None; CLIENTS],
        }
    }

    /// The time in which all of the limit comes back, in the middle of what it may be.
    pub fn whole_window(&self) -> Nanos {
        let window = self.terms.window.middle();
        if self.shape.family.is_one_by_one() { window * u64::from(self.terms.limit) } else { window }
    }

    /// After so long a silence nothing is left of what was counted before it.
    pub fn forgets_after(&self) -> Nanos {
        let windows = match self.shape.family {
            family if family.is_one_by_one() => u64::from(self.terms.limit),
            Family::RollingCounter | Family::RollingCounterFirstHit => 2,
            Family::IntervalRefill => u64::from(self.terms.limit.div_ceil(self.terms.refill.max(1))),
            _ => 1,
        };
        Nanos(self.terms.window.high.0.saturating_mul(windows)).saturating_add(self.terms.penalty.high)
    }

    /// What it makes of all that was seen.
    pub fn replayed(shape: impl Into<Shape>, terms: Terms, log: &Log) -> Hypothesis {
        let mut hypothesis = Hypothesis::new(shape, terms);
        log.volleys().for_each(|volley| hypothesis.see(volley, log));
        hypothesis
    }

    /// The same shape with other lengths, replayed.
    pub fn recast(&self, terms: Terms, log: &Log) -> Hypothesis {
        Hypothesis::replayed(self.shape, terms, log)
    }

    /// Takes in a volley of the log.
    pub fn see(&mut self, volley: &[Sighting], log: &Log) {
        let usual = log.usual();
        if self.shape.family == Family::Concurrency {
            self.mismatches += super::abreast::surprises(volley, self.terms.limit, log.service());
            volley.iter().for_each(|sighting| self.judge_latency(sighting, Span::NONE, usual));
            return;
        }
        self.corners.iter_mut().for_each(|corner| corner.begin_volley(volley));
        for sighting in volley {
            self.begun[sighting.client].get_or_insert(sighting.middle());
            let waits = self.waits(sighting);
            self.judge_latency(sighting, waits, usual);
            let decided_by = sighting.done.saturating_sub(waits.low).saturating_add(usual).max(sighting.sent);
            self.decide(&Sighting { decided_by: sighting.decided_by.min(decided_by), ..*sighting });
        }
    }

    fn decide(&mut self, sighting: &Sighting) {
        let shape = self.shape;
        self.torn |= sighting.admitted && self.is_vague_at(sighting.client, sighting.latest());
        let judged = !self.torn;
        let fits: Vec<Fit> = self.corners.iter_mut().map(|corner| corner.see(shape, sighting)).collect();
        let all = |kinds: &[Fit]| judged && !fits.is_empty() && fits.iter().all(|fit| kinds.contains(fit));
        let is_point = self.corners.len() == 1 && all(&[Fit::Neither]);
        if is_point || all(&[Fit::Early]) || all(&[Fit::Late]) {
            self.mismatches += 1;
        } else if all(&[Fit::Late, Fit::Delayed]) {
            self.slow += 1;
        }
        self.torn |= self.has_parted(sighting);
    }

    /// Whether corners have no history in common.
    fn has_parted(&self, sighting: &Sighting) -> bool {
        let (shape, begun) = (self.shape, self.begun[sighting.client]);
        let monotone = matches!(shape.family, Family::RollingLog | Family::Bucket | Family::LeakyQueue);
        if monotone && shape.penalty.is_none() || self.corners.len() < 2 {
            return false;
        }
        let near = sighting.latest() - sighting.earliest();
        let meet = |one: &Span, other: &Span| one.low <= other.high + near && other.low <= one.high + near;
        let alike = |one: &[Span; 2], other: &[Span; 2]| one.iter().zip(other).all(|(one, other)| meet(one, other));
        let mut marks = self.corners.iter().map(|corner| corner.marks(shape, sighting, begun));
        let first = marks.next().unwrap_or_default();
        !marks.all(|own| first.iter().any(|one| own.iter().any(|other| alike(one, other))))
    }

    /// The same, standing for a box that holds its terms.
    pub fn standing_for(self, terms: Terms) -> Hypothesis {
        Hypothesis { terms, stands_in: Some(self.mismatches), ..self }
    }

    /// Whether another point of the box may explain more than the one that stands for it.
    pub fn is_outdated(&self) -> bool {
        self.stands_in.is_some_and(|mismatches| self.mismatches > mismatches)
    }

    /// The begin of a window, for those that follow each other without regard to requests.
    fn window_begin(&self, client: usize) -> Option<Nanos> {
        match self.shape.family {
            family if family.has_phase() => Some(self.terms.phase.middle()),
            Family::IntervalRefill => self.begun[client],
            _ => None,
        }
    }

    /// How many windows have followed each other since any client's first request, at least one.
    pub fn windows_until(&self, at: Nanos) -> u64 {
        let begins = || self.begun.iter().flatten().filter(|_| self.shape.family == Family::IntervalRefill);
        let longest = begins().map(|begun| at.saturating_sub(*begun)).max().unwrap_or_default();
        (longest.0 / self.terms.window.low.0.max(1)).max(1)
    }

    /// How much of a window on the clock is over, and how far that may be off: shares of its length.
    pub fn window_at(&self, at: Nanos) -> Option<(f64, f64)> {
        if !self.shape.family.has_phase() {
            return None;
        }
        let (window, begin) = (self.terms.window.middle().0.max(1), self.terms.phase.middle().0);
        let over = (i128::from(at.0) - i128::from(begin)).rem_euclid(i128::from(window));
        Some((over as f64 / window as f64, self.drift(0, at).0 as f64 / window as f64 / 2.0))
    }

    /// How far the begin of a window may be off, for those that follow each other without regard to requests.
    fn drift(&self, client: usize, at: Nanos) -> Nanos {
        let Some(from) = self.window_begin(client) else { return Nanos::ZERO };
        let windows = at.0.abs_diff(from.0) as f64 / self.terms.window.low.0.max(1) as f64;
        self.terms.window.width().scale(windows).saturating_add(self.terms.phase.width())
    }

    /// Whether corners would say nothing about what lies between them: their windows are too far apart.
    pub fn is_vague_at(&self, client: usize, at: Nanos) -> bool {
        self.drift(client, at) > Nanos(self.terms.window.low.0 / 2)
    }

    /// Whether its corners say nothing together, of what was seen or of what comes within the next windows.
    pub fn is_too_large(&self, now: Nanos) -> bool {
        /// Experiments look so far ahead.
        const AHEAD: u64 = 3;
        let soon = now.saturating_add(self.terms.window.low * AHEAD);
        self.torn || (0..CLIENTS).any(|client| self.is_vague_at(client, soon))
    }

    /// The shortest and the longest time that a request would wait before its answer.
    fn waits(&self, sighting: &Sighting) -> Span {
        if self.shape.family != Family::LeakyQueue || !sighting.admitted {
            return Span::NONE;
        }
        let waits = self.corners.iter().flat_map(|corner| &corner.clients[sighting.client]);
        let waits = waits.map(|history| history.standings(sighting.sent));
        let none = Span { low: Nanos::MAX, high: Nanos::ZERO };
        waits.fold(none, |span, [early, late]| Span { low: span.low.min(early.reset), high: span.high.max(late.reset) })
    }

    fn judge_latency(&mut self, sighting: &Sighting, waits: Span, usual: Nanos) {
        let latency = sighting.latency();
        if latency > waits.high.saturating_add(usual * 2).saturating_add(Nanos::from_millis(20)) {
            self.slow += 1;
        } else if latency.saturating_add(usual * 2) < waits.low {
            self.mismatches += 1;
        }
    }

    /// Whether a corner is wrong where the box is not: then it may be cut.
    pub fn is_disputed(&self) -> bool {
        self.corners.iter().any(|corner| corner.wrong() > self.mismatches)
    }

    /// The logarithm of how likely what was seen is.
    pub fn likelihood(&self) -> f64 {
        f64::from(self.mismatches) * MISMATCH.ln() + f64::from(self.slow) * SLOW.ln()
    }
}

/// How often a sighting is wrong, and how often an answer is slow for no reason.
pub const MISMATCH: f64 = 1e-3;
const SLOW: f64 = 0.05;
