//! How likely each hypothesis is, after all that was seen.

use std::collections::{HashMap, VecDeque};

use super::candidates::{self, Documented};
use super::exchange::{Log, Sighting};
use super::family::{Family, Shape};
use super::fit::{halved, represented, tightened};
use super::hypothesis::{Hypothesis, MISMATCH};
use crate::time::Nanos;

/// All hypotheses that are not refuted.
#[derive(Clone, Default)]
pub struct Belief {
    hypotheses: Vec<Hypothesis>,
}

/// A shape and its probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// None: something that is not among the hypotheses.
    pub shape: Option<Shape>,
    pub share: f64,
}

/// What is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    pub shape: Shape,
    /// Whether the family behind a penalty is settled too.
    pub behind: bool,
}

/// Less likely than the best by so much is refuted.
const REFUTED: f64 = 1e-7;
/// How well something unknown explains everything: as three surprises do.
const UNKNOWN: f64 = MISMATCH * MISMATCH * 0.1;
/// What is added to a family is less likely beforehand than the plain one.
const ADDITION: f64 = 0.3;
/// Most hypotheses that are considered.
const MOST: usize = 160;
/// Boxes are cut until there are so many: whoever dropped a part of one might drop what is true.
const MOST_PARTS: usize = 2 * MOST;

impl Belief {
    /// Whatever explains what was seen so far.
    pub fn after(log: &Log, documented: &[Documented]) -> Belief {
        let mut belief = Belief::default();
        belief.consider(candidates::plain(log, documented));
        belief.consider(candidates::with_additions(log, documented));
        belief
    }

    pub fn see(&mut self, volley: &[Sighting], log: &Log) {
        self.hypotheses.iter_mut().for_each(|hypothesis| hypothesis.see(volley, log));
        self.look_inside(log);
        self.prune();
    }

    /// Whether boxes are left that were to be cut.
    pub fn is_torn(&self) -> bool {
        self.hypotheses.iter().any(|hypothesis| hypothesis.torn)
    }

    /// The hypotheses of a shape that explain what was seen best, by themselves.
    pub fn only(&self, shape: Shape) -> Belief {
        Belief { hypotheses: self.of(shape).into_iter().cloned().collect() }
    }

    /// How many sightings the best of them does not explain.
    pub fn fewest_surprises(&self) -> u32 {
        self.hypotheses.iter().map(|hypothesis| hypothesis.mismatches).min().unwrap_or_default()
    }

    pub fn has_any(&self) -> bool {
        !self.hypotheses.is_empty()
    }

    /// Takes more hypotheses into account.
    fn consider(&mut self, more: Vec<Hypothesis>) {
        self.hypotheses.extend(more);
        self.prune();
        if self.hypotheses.len() > MOST {
            self.crowd_out();
        }
    }

    /// Those that may still be true, most likely first, and their probabilities.
    pub fn open(&self) -> (Vec<&Hypothesis>, Vec<f64>) {
        let mut weighed: Vec<(&Hypothesis, f64)> = self.hypotheses.iter().zip(self.weights()).collect();
        weighed.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        weighed.into_iter().filter(|(_, weight)| *weight > 1e-6).unzip()
    }

    /// A few of them: of each shape the likeliest, then of each the second likeliest, and so on; with their weights.
    pub fn sample(&self, most: usize) -> (Vec<&Hypothesis>, Vec<f64>) {
        let (open, weights) = self.open();
        let mut of_shape: HashMap<Shape, usize> = HashMap::new();
        let mut ranked: Vec<(usize, &Hypothesis, f64)> = Vec::new();
        for (hypothesis, weight) in open.into_iter().zip(weights) {
            let rank = of_shape.entry(hypothesis.shape).or_default();
            *rank += 1;
            ranked.push((*rank, hypothesis, weight));
        }
        ranked.sort_by_key(|(rank, ..)| *rank);
        ranked.truncate(most);
        let sum: f64 = ranked.iter().map(|(.., weight)| weight).sum();
        ranked.into_iter().map(|(_, hypothesis, weight)| (hypothesis, weight / sum)).unzip()
    }

    /// The probability of each shape, most likely first: that of its best hypothesis counts.
    pub fn shares(&self) -> Vec<Share> {
        let mut shares: Vec<Share> = Vec::new();
        let best = self.best_likelihood();
        for hypothesis in &self.hypotheses {
            let share = prior(hypothesis.shape) * (hypothesis.likelihood() - best).exp();
            match shares.iter_mut().find(|known| known.shape == Some(hypothesis.shape)) {
                Some(known) => known.share = known.share.max(share),
                None => shares.push(Share { shape: Some(hypothesis.shape), share }),
            }
        }
        let slow = self.hypotheses.iter().map(|hypothesis| hypothesis.slow).min().unwrap_or_default();
        let unsurprised = self.hypotheses.iter().map(|hypothesis| hypothesis.mismatches).min().unwrap_or(u32::MAX);
        let unknown = match unsurprised {
            0 => 0.0,
            _ => (UNKNOWN.ln() + f64::from(slow) * 0.05_f64.ln() - best).exp().min(1e9),
        };
        shares.push(Share { shape: None, share: if best.is_finite() { unknown } else { 1.0 } });
        let sum: f64 = shares.iter().map(|share| share.share).sum();
        shares.iter_mut().for_each(|share| share.share /= sum);
        shares.sort_by(|one, other| other.share.total_cmp(&one.share));
        shares
    }

    /// The shape that is so likely; of limiters with a penalty also the likeliest of all of them, since a long penalty hides
    /// what is behind it.
    pub fn settled(&self, sure: f64) -> Option<Settled> {
        let shares = self.shares();
        let first = shares.first()?;
        let shape = first.shape?;
        if first.share >= sure {
            return Some(Settled { shape, behind: true });
        }
        let alike =
            |share: &&Share| share.shape.is_some_and(|other| other.penalty.is_some() && other.penalty == shape.penalty);
        let together: f64 = shares.iter().filter(alike).map(|share| share.share).sum();
        (together >= sure).then_some(Settled { shape, behind: false })
    }

    /// The hypotheses of a shape that explain what was seen as well as the best of them.
    pub fn of(&self, shape: Shape) -> Vec<&Hypothesis> {
        let all = || self.hypotheses.iter().filter(move |hypothesis| hypothesis.shape == shape);
        let Some(best) = all().max_by(|one, other| one.likelihood().total_cmp(&other.likelihood())) else {
            return Vec::new();
        };
        let numbers = |hypothesis: &Hypothesis| (hypothesis.terms.limit, hypothesis.terms.refill);
        // One answer that was slow for no reason tells of a busy machine, and not how long a length is.
        let but_for_one_slow = |hypothesis: &Hypothesis| {
            numbers(hypothesis) == numbers(best)
                && hypothesis.mismatches <= best.mismatches
                && hypothesis.slow <= best.slow + 1
        };
        all().filter(|it| it.likelihood() >= best.likelihood() - 1.0 || but_for_one_slow(it)).collect()
    }

    fn best_likelihood(&self) -> f64 {
        self.hypotheses.iter().map(Hypothesis::likelihood).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The shape's probability, shared among its hypotheses.
    fn weights(&self) -> Vec<f64> {
        let shares = self.shares();
        let best = self.best_likelihood();
        let likely = |hypothesis: &Hypothesis| (hypothesis.likelihood() - best).exp();
        let of_shape = |shape: Shape| -> f64 {
            self.hypotheses.iter().filter(|hypothesis| hypothesis.shape == shape).map(likely).sum()
        };
        let weight = |hypothesis: &Hypothesis| {
            let share =
                shares.iter().find(|share| share.shape == Some(hypothesis.shape)).map_or(0.0, |share| share.share);
            share * likely(hypothesis) / of_shape(hypothesis.shape).max(f64::MIN_POSITIVE)
        };
        self.hypotheses.iter().map(weight).collect()
    }

    /// What corners of different windows on the clock refute together, each by its own history, may be true in between.
    fn look_inside(&mut self, log: &Log) {
        let refuted = self.best_likelihood() + REFUTED.ln();
        let between = |known: &Hypothesis| known.likelihood() < refuted && known.is_disputed();
        for hypothesis in self.hypotheses.iter_mut().filter(|known| known.shape.family.has_phase() && between(known)) {
            *hypothesis = represented(hypothesis, log);
        }
    }

    fn prune(&mut self) {
        let refuted = self.best_likelihood() + REFUTED.ln();
        self.hypotheses.retain(|hypothesis| hypothesis.likelihood() >= refuted || hypothesis.is_outdated());
    }

    /// Keeps of each shape the best, then of each the second best, and so on, as long as there is room.
    fn crowd_out(&mut self) {
        self.hypotheses.sort_by(|one, other| other.likelihood().total_cmp(&one.likelihood()));
        let mut of_shape: HashMap<Shape, usize> = HashMap::new();
        let mut rank = |shape: Shape| {
            let known = of_shape.entry(shape).or_default();
            *known += 1;
            *known
        };
        let mut ranked: Vec<(usize, Hypothesis)> =
            self.hypotheses.drain(..).map(|hypothesis| (rank(hypothesis.shape), hypothesis)).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        self.hypotheses.extend(ranked.into_iter().take(MOST).map(|(_, hypothesis)| hypothesis));
    }

    /// Cuts boxes with corners of different histories until each has one, or is too small to be cut: then a point of it
    /// stands for it.
    fn sharpen(&mut self, now: Nanos, log: &Log) {
        let least = self.hypotheses.iter().filter(|known| !known.torn).map(Hypothesis::likelihood);
        let refuted = least.fold(f64::NEG_INFINITY, f64::max) + REFUTED.ln();
        let (mut torn, mut whole): (Vec<Hypothesis>, Vec<Hypothesis>) =
            std::mem::take(&mut self.hypotheses).into_iter().partition(|hypothesis| hypothesis.is_too_large(now));
        torn.sort_by(|one, other| other.likelihood().total_cmp(&one.likelihood()));
        let mut left = MOST_CUTS_IN_ALL.min(MOST_PARTS.saturating_sub(whole.len() + torn.len()));
        for hypothesis in torn {
            let mut open = VecDeque::from([hypothesis]);
            let most = left.min(MOST_CUTS);
            let mut cuts = 0;
            while let Some(part) = open.pop_front() {
                match halved(&part, log).filter(|_| part.is_too_large(now) && cuts < most) {
                    Some(halves) => {
                        cuts += 1;
                        let halves = halves.into_iter().map(|terms| part.recast(terms, log));
                        open.extend(halves.filter(|half| half.likelihood() >= refuted));
                    }
                    None if part.torn && cuts < most => whole.push(represented(&part, log)),
                    None => whole.push(part),
                }
            }
            left -= cuts;
        }
        self.hypotheses = whole;
        self.prune();
    }

    /// Cuts away what is refuted, once an experiment is over.
    pub fn tighten(&mut self, now: Nanos, log: &Log) {
        self.sharpen(now, log);
        for hypothesis in &mut self.hypotheses {
            if hypothesis.is_outdated() {
                *hypothesis = represented(hypothesis, log);
            } else if hypothesis.is_disputed() && !hypothesis.torn {
                *hypothesis = tightened(hypothesis.clone(), log);
            }
        }
        self.drop_unseen(unseen(log));
        self.prune();
    }

    /// Cuts until no box is left to be cut, or too many are.
    pub fn settle(&mut self, now: Nanos, log: &Log) {
        for _ in 0..ROUNDS {
            self.tighten(now, log);
            if !self.is_torn() {
                return;
            }
        }
    }

    /// A penalty that is too short to be seen is none, and a bucket filled up at such intervals is filled evenly, where
    /// that explains as much.
    fn drop_unseen(&mut self, unseen: Nanos) {
        let best = |shape: Shape| {
            let same = self.hypotheses.iter().filter(|known| known.shape == shape);
            same.map(Hypothesis::likelihood).fold(f64::NEG_INFINITY, f64::max)
        };
        let is_seen = |of: &Hypothesis| {
            let (shape, terms) = (of.shape, of.terms);
            let penalty = shape.penalty.is_none() || terms.penalty.high > unseen;
            let interval = shape.family != Family::IntervalRefill || terms.window.high > unseen;
            (penalty || of.likelihood() > best(Shape { penalty: None, ..shape }))
                && (interval || of.likelihood() > best(Shape { family: Family::Bucket, ..shape }))
        };
        let seen: Vec<bool> = self.hypotheses.iter().map(is_seen).collect();
        let mut seen = seen.into_iter();
        self.hypotheses.retain(|_| seen.next().unwrap_or(true));
    }
}

/// Shorter than this, a penalty cannot be told from none, nor intervals from an even flow: moments are not known so well.
pub fn unseen(log: &Log) -> Nanos {
    log.usual() * 8
}

/// Cuts of one box, and of all, after one volley. What is not cut then is later.
const MOST_CUTS: usize = 24;
const MOST_CUTS_IN_ALL: usize = 80;
/// How often boxes are cut, where nothing more is to be seen.
const ROUNDS: usize = 16;

fn prior(shape: Shape) -> f64 {
    let additions = u8::from(shape.penalty.is_some()) + u8::from(shape.charges_refused);
    ADDITION.powi(i32::from(additions))
}
