//! One definite limiter of a hypothesis's box, held against what was seen.
//!
//! It is fed what the server decided, not what it would have: so that one surprise is one surprise.

use super::exchange::Sighting;
use super::family::{Family, PenaltyKind, Shape};
use super::hypothesis::{CLIENTS, Terms};
use crate::limiter::{
    FixedAligned, FixedFirstHit, IntervalRefill, LeakyQueue, Limiter, PenaltyBox, Rate, RollingCounter,
    RollingCounterFirstHit, RollingLog, Steady, TokenBucket,
};
use crate::policy::model::{Blocks, Penalty};
use crate::time::{Anchor, Nanos};

/// A limiter that can be tried out without being changed.
pub trait Replay: Limiter + Send {
    fn copied(&self) -> Box<dyn Replay>;
}

impl<L: Limiter + Clone + Send + 'static> Replay for L {
    fn copied(&self) -> Box<dyn Replay> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Replay> {
    fn clone(&self) -> Self {
        (**self).copied()
    }
}

/// One definite limiter, for each client.
#[derive(Clone)]
pub struct Corner {
    pub terms: Terms,
    pub clients: Vec<Box<dyn Replay>>,
    /// It admits too early, or too late, by what was seen.
    pub early: u32,
    pub late: u32,
    /// How long it would have refused once as many of the volley had been admitted as it admits when the volley begins.
    refusing_until: Nanos,
    /// When it takes the last decision to have fallen.
    decided: Nanos,
    /// Itself, had the last decision fallen after a window's end and not before it.
    pub fork: Option<Box<Corner>>,
}

/// How a corner's prediction compares with what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Fits,
    /// It would have admitted what was refused.
    Early,
    /// It would have refused what was admitted.
    Late,
}

impl Corner {
    pub fn new(shape: Shape, terms: Terms) -> Corner {
        let limiter = limiter(shape, &terms);
        Corner {
            terms,
            clients: vec![limiter; CLIENTS],
            early: 0,
            late: 0,
            refusing_until: Nanos::ZERO,
            decided: Nanos::ZERO,
            fork: None,
        }
    }

    /// How often it was wrong, in either direction.
    pub fn wrong(&self) -> u32 {
        self.early + self.late
    }

    /// Of one volley, requests that were refused may have come after some that were admitted and before others.
    pub fn begin_volley(&mut self, volley: &[Sighting], earliest: Nanos) {
        let Some(first) = volley.first() else { return };
        let limiter = &mut self.clients[first.client];
        let mut decision = limiter.peek(earliest, 1);
        let admitted = volley.iter().filter(|sighting| sighting.admitted).count() as u32;
        if decision.admitted && (1..volley.len() as u32).contains(&admitted) {
            let mut filled = limiter.clone();
            filled.count(earliest, admitted.min(decision.remaining.saturating_add(1)));
            decision = filled.peek(earliest, 1);
        }
        self.refusing_until = earliest.saturating_add(decision.retry_after);
    }

    pub fn see(&mut self, shape: Shape, sighting: &Sighting) -> Fit {
        let limiter = &mut self.clients[sighting.client];
        let decision = limiter.peek(sighting.earliest, 1);
        // Once it admits, it goes on to while nothing comes: a decision changes once at most.
        let mut admits_from = sighting.earliest.saturating_add(decision.retry_after);
        // A penalty that a refusal would begin is none while nobody was refused.
        let unbarred = shape.penalty.is_some() && sighting.admitted && admits_from > sighting.latest;
        if unbarred && limiter.clone().peek(sighting.latest, 1).admitted {
            admits_from = sighting.latest;
        }
        let fit = match sighting.admitted {
            true if admits_from > sighting.latest => Fit::Late,
            // Of one volley, those that were refused may have come before those that were admitted.
            false if decision.admitted && self.refusing_until <= sighting.earliest => Fit::Early,
            _ => Fit::Fits,
        };
        let at = match (fit, sighting.admitted) {
            _ if !sighting.admitted && decision.admitted => sighting.at,
            (Fit::Fits, true) => sighting.at.max(admits_from),
            (Fit::Fits, false) => sighting.at.min(Nanos(admits_from.0 - 1)),
            _ => sighting.at,
        };
        self.early += u32::from(fit == Fit::Early);
        self.late += u32::from(fit == Fit::Late);
        let ends = self.end_within(shape, sighting);
        if let Some(end) = ends {
            let mut other = Corner { fork: None, ..self.clone() };
            other.take(shape, sighting, if at < end { sighting.latest } else { sighting.earliest });
            self.fork = Some(Box::new(other));
        }
        self.take(shape, sighting, at);
        fit
    }

    fn take(&mut self, shape: Shape, sighting: &Sighting, at: Nanos) {
        self.decided = at;
        let limiter = &mut self.clients[sighting.client];
        if sighting.admitted {
            limiter.count(at, 1);
        } else {
            limiter.refused(at);
            if shape.charges_refused {
                limiter.count(at, 1);
            }
        }
    }

    /// What its future follows from, besides its lengths: moments and numbers that all corners of one history share.
    pub fn history(&self, shape: Shape, sighting: &Sighting, begun: Option<Nanos>) -> [u64; 2] {
        /// Numbers of windows, far enough apart to be told from moments that are nearly the same.
        const APART: u64 = 1 << 40;
        let (terms, at) = (self.terms, sighting.latest);
        let limiter = &self.clients[sighting.client];
        let shut_out = limiter.shut_out(at);
        let barred_at =
            if shut_out > Nanos::ZERO { (at + shut_out).saturating_sub(terms.penalty.low) } else { Nanos::ZERO };
        let window = terms.window.low.0.max(1);
        let decided = self.decided;
        let number = |from: Nanos| {
            let windows = (i128::from(decided.0) - i128::from(from.0)).div_euclid(i128::from(window));
            ((1 << 22) + windows.clamp(-(1 << 21), 1 << 21)).cast_unsigned() as u64 * APART
        };
        let mark = match shape.family {
            // Of a copy: to look at a later moment makes it that late.
            Family::FixedFirstHit => match limiter.clone().standing(at).reset {
                Nanos::ZERO => 0,
                _ if shut_out > Nanos::ZERO => 0,
                rest => (at + rest).saturating_sub(terms.window.low).0,
            },
            Family::RollingCounterFirstHit => {
                let rest = limiter.clone().window_rest(at);
                rest.map_or(0, |rest| (at + rest).saturating_sub(terms.window.low).0)
            }
            Family::IntervalRefill if sighting.admitted => number(begun.unwrap_or_default()),
            Family::FixedAligned | Family::RollingCounter if sighting.admitted => number(terms.phase.low),
            _ => 0,
        };
        [barred_at.0, mark]
    }

    /// A moment at which it matters on which side of it the decision fell.
    fn end_within(&mut self, shape: Shape, sighting: &Sighting) -> Option<Nanos> {
        let limiter = &mut self.clients[sighting.client];
        let earliest = sighting.earliest;
        let counts = sighting.admitted || shape.charges_refused;
        let wait = match shape.family {
            _ if shape.penalty == Some(PenaltyKind::Once) && !sighting.admitted => limiter.shut_out(earliest),
            Family::FixedAligned | Family::RollingCounter if counts => {
                let window = self.terms.window.low.0.max(1);
                let phase = self.terms.phase.low.0 % window;
                Nanos(window - (earliest.0 % window + window - phase) % window)
            }
            Family::FixedFirstHit if counts => limiter.standing(earliest).reset,
            Family::RollingCounterFirstHit if counts => limiter.window_rest(earliest).unwrap_or_default(),
            Family::IntervalRefill if counts => {
                // A full bucket tells no interval's end, and one that lacks much that of a later one.
                let mut used = limiter.clone();
                used.count(earliest, 1);
                Nanos(used.standing(earliest).reset.0 % self.terms.window.low.0.max(1))
            }
            _ => Nanos::ZERO,
        };
        let end = earliest.saturating_add(wait);
        (wait > Nanos::ZERO && end <= sighting.latest).then_some(end)
    }
}

/// A limiter of definite terms. Its clock begins where the probe's does.
pub fn limiter(shape: Shape, terms: &Terms) -> Box<dyn Replay> {
    let per = terms.window.low.max(Nanos(1));
    let (of_window, of_token) = (Rate { allow: terms.limit, per }, Rate { allow: 1, per });
    let anchor = Anchor { unix_nanos: (per.0 - terms.phase.low.0 % per.0) % per.0 };
    match shape.family {
        Family::FixedAligned => barred(shape, terms, FixedAligned::new(of_window, anchor)),
        Family::FixedFirstHit => barred(shape, terms, FixedFirstHit::new(of_window)),
        Family::RollingLog => barred(shape, terms, RollingLog::new(of_window)),
        Family::RollingCounter => barred(shape, terms, RollingCounter::rounded(of_window, anchor, terms.rounding)),
        Family::RollingCounterFirstHit => barred(shape, terms, RollingCounterFirstHit::new(of_window, terms.rounding)),
        Family::Bucket => barred(shape, terms, TokenBucket::new(of_token, terms.limit)),
        Family::IntervalRefill => {
            barred(shape, terms, IntervalRefill::new(Rate { allow: terms.refill, per }, terms.limit))
        }
        Family::LeakyQueue => barred(shape, terms, LeakyQueue::new(of_token, terms.limit.saturating_sub(1))),
        Family::Concurrency => unreachable!("a limit on concurrency has no clock to replay"),
    }
}

fn barred(shape: Shape, terms: &Terms, limiter: impl Limiter + Clone + Send + 'static) -> Box<dyn Replay> {
    match shape.penalty {
        None => Box::new(Steady::new(limiter)),
        Some(kind) => {
            let extends = Some(kind == PenaltyKind::Extended);
            let penalty = Penalty { lasts: terms.penalty.low, stated: true, extends, blocks: Blocks::Everything };
            Box::new(Steady::new(PenaltyBox::new(limiter, &penalty)))
        }
    }
}
