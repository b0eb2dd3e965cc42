//! One definite limiter of a hypothesis's box, held against what was seen.
//!
//! It is fed what the server decided, not what it would have: so that one surprise is one surprise.

use super::exchange::Sighting;
use super::family::{Family, PenaltyKind, Shape};
use super::histories::{Fit, Histories};
use super::hypothesis::{CLIENTS, Span, Terms};
use crate::limiter::{
    FixedAligned, FixedFirstHit, IntervalRefill, LeakyQueue, Limiter, PenaltyBox, Rate, RollingCounter,
    RollingCounterFirstHit, RollingLog, Standing, Steady, TokenBucket,
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
    /// What each client may have come to, by where near windows' ends its requests were decided: all that explains as much.
    pub clients: [Vec<Histories>; CLIENTS],
    /// It admits too early, or too late, by what was seen.
    pub early: u32,
    pub late: u32,
}

/// So many histories of a client are followed at most.
const MOST_BRANCHES: usize = 64;

impl Corner {
    pub fn new(shape: Shape, terms: Terms) -> Corner {
        let new = || vec![Histories::new(shape, &terms)];
        Corner { terms, clients: [new(), new()], early: 0, late: 0 }
    }

    /// How often it was wrong, in either direction.
    pub fn wrong(&self) -> u32 {
        self.early + self.late
    }

    pub fn begin_volley(&mut self, volley: &[Sighting]) {
        if let Some(first) = volley.first() {
            self.clients[first.client].iter_mut().for_each(|history| history.begin_volley(volley));
        }
    }

    pub fn see(&mut self, shape: Shape, sighting: &Sighting) -> Fit {
        let terms = self.terms;
        let histories = std::mem::take(&mut self.clients[sighting.client]);
        let judge = |mut history: Histories| (history.judge(shape, &terms, sighting), history);
        let judged: Vec<_> = histories.into_iter().map(judge).collect();
        let fit = judged.iter().map(|((fit, _), _)| *fit).reduce(Fit::or).unwrap_or(Fit::Fits);
        self.early += u32::from(matches!(fit, Fit::Early));
        self.late += u32::from(matches!(fit, Fit::Late | Fit::Neither));
        let explains = |kind: Fit| kind == fit || fit == Fit::Neither;
        let going_on = judged.into_iter().filter(|((kind, _), _)| explains(*kind));
        let mut histories: Vec<Histories> =
            going_on.flat_map(|((_, outlook), history)| history.taken(shape, &terms, sighting, outlook)).collect();
        self.drop_twins(&mut histories, sighting);
        histories.truncate(MOST_BRANCHES);
        self.clients[sighting.client] = histories;
        fit
    }

    /// Of histories that cannot differ any more, one is enough.
    fn drop_twins(&self, histories: &mut Vec<Histories>, sighting: &Sighting) {
        /// What two windows hold shows itself in the parts of one.
        const PARTS: u64 = 8;
        if histories.len() < 2 {
            return;
        }
        let (earliest, latest) = (sighting.earliest(), sighting.latest());
        let moments = (0..=PARTS).map(|part| latest.saturating_add(Nanos(self.terms.window.high.0 / PARTS * part)));
        let moments: Vec<Nanos> = std::iter::once(earliest).chain(moments).collect();
        let mut kept: Vec<Vec<[Standing; 2]>> = Vec::new();
        histories.retain(|history| {
            let future: Vec<[Standing; 2]> = moments.iter().map(|at| history.standings(*at)).collect();
            let is_new = !kept.contains(&future);
            kept.extend(is_new.then_some(future));
            is_new
        });
    }

    /// What its future follows from, besides its lengths: moments and numbers that all corners of one history share; of
    /// each history that it may have.
    pub fn marks(&self, shape: Shape, sighting: &Sighting, begun: Option<Nanos>) -> Vec<[Span; 2]> {
        let marks = |history: &Histories| {
            let [[barred, mark], [barred_late, mark_late]] = [&history.early, &history.late]
                .map(|limiter| self.marks_of(&**limiter, history.decided(), shape, sighting, begun));
            [Span::between(barred, barred_late), Span::between(mark, mark_late)]
        };
        self.clients[sighting.client].iter().map(marks).collect()
    }

    fn marks_of(
        &self,
        limiter: &dyn Replay,
        decided: Nanos,
        shape: Shape,
        sighting: &Sighting,
        begun: Option<Nanos>,
    ) -> [Nanos; 2] {
        let (terms, at) = (self.terms, sighting.latest());
        let shut_out = limiter.shut_out(at);
        let barred_at = match shut_out {
            Nanos::ZERO => Nanos::ZERO,
            _ => (at + shut_out).saturating_sub(terms.penalty.low),
        };
        let begin = |rest: Nanos| (at + rest).saturating_sub(terms.window.low);
        let mark = match shape.family {
            // Of a copy: to look at a later moment makes it that late.
            Family::FixedFirstHit => match limiter.copied().standing(at).reset {
                Nanos::ZERO => Nanos::ZERO,
                _ if shut_out > Nanos::ZERO => Nanos::ZERO,
                rest => begin(rest),
            },
            Family::RollingCounterFirstHit => limiter.copied().window_rest(at).map_or(Nanos::ZERO, begin),
            Family::IntervalRefill if sighting.admitted => self.number(begun.unwrap_or_default(), decided),
            Family::FixedAligned | Family::RollingCounter if sighting.admitted => self.number(terms.phase.low, decided),
            _ => Nanos::ZERO,
        };
        [barred_at, mark]
    }

    /// The number of the window that a decision was taken to have fallen into: far enough from that of the next one to be
    /// told from moments that are nearly the same.
    fn number(&self, from: Nanos, decided: Nanos) -> Nanos {
        const APART: u64 = 1 << 40;
        let window = i128::from(self.terms.window.low.0.max(1));
        let windows = (i128::from(decided.0) - i128::from(from.0)).div_euclid(window);
        Nanos(((1 << 22) + windows.clamp(-(1 << 21), 1 << 21)).cast_unsigned() as u64 * APART)
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
