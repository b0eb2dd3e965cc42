//! What a hypothesis expects of an experiment, as far as it knows: how many of each step are let in.

use super::corner::{Corner, Replay};
use super::experiment::Step;
use super::family::{Family, Shape};
use super::histories::Histories;
use super::hypothesis::{Hypothesis, Span};
use crate::limiter::Limiter;
use crate::time::Nanos;

/// The fewest and the most that a step may see admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    pub fewest: u32,
    pub most: u32,
}

impl Expected {
    fn differs(self, other: Expected) -> bool {
        self.most < other.fewest || other.most < self.fewest
    }
}

/// A corner that plays an experiment on a copy of itself.
pub struct Play {
    shape: Shape,
    clients: Vec<Histories>,
    slack: Nanos,
}

impl Play {
    fn new(shape: Shape, corner: &Corner, slack: Nanos) -> Play {
        Play { shape, clients: corner.clients.iter().filter_map(|all| all.first().cloned()).collect(), slack }
    }

    /// The corners that are not refuted, or all.
    pub fn of_corners(hypothesis: &Hypothesis, slack: Nanos) -> impl Iterator<Item = Play> {
        corners(hypothesis).map(move |corner| Play::new(hypothesis.shape, corner, slack))
    }

    fn step(&mut self, step: &Step) -> Expected {
        let takes = self.slack * u64::from(step.count.div_ceil(step.abreast.max(1)));
        let spread = Nanos(takes.0 / 2);
        let (from, middle) = (step.at.saturating_sub(self.slack), step.at + Nanos(spread.0 / 2));
        let Histories { early, late, .. } = &mut self.clients[step.client];
        let before = admits(late, from, step.count);
        let admitted = admits(early, middle, step.count);
        let surely = admits(late, middle, step.count);
        let after = admits(&mut early.clone(), step.at + spread + self.slack, step.count);
        for limiter in [early, late] {
            limiter.count(middle, admitted);
            if admitted < step.count {
                limiter.refused(middle, 1);
                let refused = if step.until_refused { 1 } else { step.count - admitted };
                if self.shape.charges_refused {
                    limiter.count(middle, refused);
                }
            }
        }
        let all = [before, admitted, surely, after];
        let (fewest, most) = (all.iter().min(), all.iter().max());
        Expected { fewest: fewest.copied().unwrap_or_default(), most: most.copied().unwrap_or_default() }
    }

    /// When a client's quota changes after these steps: when the first request would be admitted, and when all is there,
    /// each as early and as late as it may be.
    pub fn changes(mut self, steps: &[Step], client: usize, from: Nanos) -> impl Iterator<Item = Span> {
        for step in steps {
            self.step(step);
        }
        let Histories { early, late, .. } = &mut self.clients[client];
        let waits = |limiter: &mut Box<dyn Replay>| {
            [limiter.peek(from, 1).retry_after, limiter.standing(from).reset]
                .map(|wait| (wait, from.saturating_add(wait)))
        };
        let changes: Vec<_> = waits(early).into_iter().zip(waits(late)).collect();
        let is_ahead = |wait: Nanos| wait > Nanos::ZERO && wait < Nanos::MAX;
        let ahead = changes.into_iter().filter(move |((sooner, _), (later, _))| is_ahead(*sooner) || is_ahead(*later));
        ahead.map(|((_, early), (_, late))| Span::between(early, late)).filter(|span| span.high < Nanos::MAX)
    }
}

fn admits(limiter: &mut Box<dyn Replay>, at: Nanos, count: u32) -> u32 {
    let decision = limiter.peek(at, 1);
    if decision.admitted { decision.remaining.saturating_add(1).min(count) } else { 0 }
}

/// Those that explain as much as the box, or all if none does.
fn corners(hypothesis: &Hypothesis) -> impl Iterator<Item = &Corner> {
    let least = hypothesis.corners.iter().map(Corner::wrong).min().unwrap_or_default().max(hypothesis.mismatches);
    hypothesis.corners.iter().filter(move |corner| corner.wrong() <= least)
}

/// What a hypothesis expects of an experiment: what each of its corners does, by step.
pub struct Outcomes(Vec<Vec<Expected>>);

impl Outcomes {
    /// Of a box that is too large, nothing.
    pub fn of(hypothesis: &Hypothesis, steps: &[Step], slack: Nanos) -> Outcomes {
        let limit = hypothesis.terms.limit;
        if hypothesis.shape.family == Family::Concurrency {
            return Outcomes(vec![steps.iter().map(|step| abreast(step, limit)).collect()]);
        }
        // What waits in a queue holds back whatever is sent after its answer.
        let queued =
            hypothesis.shape.family == Family::LeakyQueue && steps.iter().any(|step| step.abreast < step.count);
        if queued || steps.iter().any(|step| hypothesis.torn || hypothesis.is_vague_at(step.client, step.at)) {
            return Outcomes(Vec::new());
        }
        let play = |mut play: Play| steps.iter().map(|step| play.step(step)).collect();
        Outcomes(Play::of_corners(hypothesis, slack).map(play).collect())
    }

    /// How likely they can be told apart: the share of pairs of corners that expect different things.
    pub fn told_apart(&self, other: &Outcomes) -> f64 {
        let pairs = self.0.len() * other.0.len();
        let all = self.0.iter().flat_map(|one| other.0.iter().map(move |other| differ(one, other)));
        all.filter(|differ| *differ).count() as f64 / pairs.max(1) as f64
    }

    /// Whether corners expect different things: then it makes the box smaller.
    pub fn split(&self) -> bool {
        let corners = &self.0;
        corners.iter().enumerate().any(|(at, one)| corners[at + 1..].iter().any(|other| differ(one, other)))
    }
}

/// Whether two expectations can be told apart for sure.
fn differ(one: &[Expected], other: &[Expected]) -> bool {
    one.iter().zip(other).any(|(one, other)| one.differs(*other))
}

/// Of requests that follow each other none is refused.
fn abreast(step: &Step, limit: u32) -> Expected {
    let count = step.count;
    match step.abreast > limit {
        false => Expected { fewest: count, most: count },
        true => Expected { fewest: limit.min(count), most: limit.min(count) },
    }
}

/// When all quota of the first client is there again.
pub fn settle_at(hypothesis: &Hypothesis, now: Nanos) -> Nanos {
    let rest = |corner: &Corner| {
        let rests = corner.clients.iter().flatten().flat_map(|client| client.standings(now));
        rests.map(|standing| standing.reset).max().unwrap_or_default()
    };
    let longest = corners(hypothesis).map(rest).filter(|rest| *rest < Nanos::MAX).max().unwrap_or_default();
    now.saturating_add(longest)
}
