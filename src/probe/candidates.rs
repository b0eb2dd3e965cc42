//! The hypotheses that the first drain and the first recovery leave open: each family with all lengths that can explain
//! them, and with what the documents say.

use super::abreast;
use super::exchange::{Log, Sighting};
use super::family::{Family, PenaltyKind, Shape};
use super::hypothesis::{Hypothesis, Span, Terms};
use crate::limiter::Rounding;
use crate::time::Nanos;

/// A limit as it is documented: the probe looks there first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Documented {
    Rate { allow: u32, per: Nanos, burst: Option<u32> },
    Concurrent { allow: u32 },
}

/// What the first drain and the first recovery showed, of one client that had used nothing before.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Between which moments the requests were decided that came before the first refusal.
    admitted: Vec<Span>,
    refused: Span,
    /// The last refusal before the recovery, and the first admission after it.
    silent: Span,
    back: Span,
    /// Refusals before the recovery, and the longest time without one among them.
    refusals: u32,
    longest_gap: Nanos,
    /// How many were let in at the recovery.
    available: u32,
    /// How well moments are known.
    slack: Nanos,
}

impl Opening {
    /// None while nothing was refused, or nothing admitted again.
    pub fn of(log: &Log) -> Option<Opening> {
        let sightings = log.sightings();
        let refused_at = sightings.iter().position(|sighting| !sighting.admitted)?;
        let (before, after) = sightings.split_at(refused_at);
        let back_at = after.iter().position(|sighting| sighting.admitted)?;
        let (refused, again) = after.split_at(back_at);
        let gaps = refused.windows(2).map(|pair| pair[1].sent.saturating_sub(pair[0].decided_by));
        let decided = |sighting: &Sighting| Span::new(sighting.sent, sighting.decided_by);
        Some(Opening {
            admitted: before.iter().map(decided).collect(),
            refused: decided(&refused[0]),
            silent: refused.iter().map(decided).max_by_key(|span| span.low)?,
            back: decided(&again[0]),
            refusals: refused.len() as u32,
            longest_gap: gaps.max().unwrap_or_default(),
            available: again.iter().take_while(|sighting| sighting.admitted).count() as u32,
            slack: log.usual() * 2,
        })
    }

    fn count(&self) -> u32 {
        self.admitted.len() as u32
    }

    fn first(&self) -> Span {
        self.admitted.first().copied().unwrap_or(self.refused)
    }

    fn last(&self) -> Span {
        self.admitted.last().copied().unwrap_or(self.refused)
    }

    /// How long after `since` the recovery came.
    fn recovery(&self, since: Span) -> Span {
        let low = self.silent.low.saturating_sub(since.high).saturating_sub(self.slack).max(Nanos(1));
        Span::new(low, self.back.high.saturating_sub(since.low).saturating_add(self.slack).max(low))
    }

    /// When it came.
    fn moment(&self) -> Span {
        Span::new(self.silent.low.saturating_sub(self.slack), self.back.high + self.slack)
    }
}

/// Every plain family that may explain what was seen.
pub fn plain(log: &Log, documented: &[Documented]) -> Vec<Hypothesis> {
    let Some(opening) = Opening::of(log) else { return Vec::new() };
    let mut all = Vec::new();
    windows(&opening, &mut all);
    buckets(&opening, &mut all);
    intervals(&opening, documented, &mut all);
    aligned(&opening, documented, &mut all);
    counters(&opening, documented, &mut all);
    queues(log, &mut all);
    concurrency(log, documented, &mut all);
    as_documented(&opening, documented, &mut all);
    replayed(all, log)
}

/// Families with something added.
pub fn with_additions(log: &Log, documented: &[Documented]) -> Vec<Hypothesis> {
    let Some(opening) = Opening::of(log) else { return Vec::new() };
    let mut all = Vec::new();
    charging(&opening, documented, &mut all);
    penalties(&opening, documented, &mut all);
    replayed(all, log)
}

fn replayed(all: Vec<(Shape, Terms)>, log: &Log) -> Vec<Hypothesis> {
    let told = all.into_iter().filter(|(shape, terms)| !is_bucket_of_one(*shape, terms));
    let parts = told.flat_map(|(shape, terms)| phases(terms).map(move |part| (shape, part)));
    parts.map(|(shape, terms)| Hypothesis::replayed(shape, terms, log)).collect()
}

/// Windows that allow one at a time are a bucket of one: nobody can tell them apart from outside, so that one stands for
/// all.
fn is_bucket_of_one(shape: Shape, terms: &Terms) -> bool {
    terms.limit == 1 && !shape.charges_refused && matches!(shape.family, Family::FixedFirstHit | Family::RollingLog)
}

/// A phase that may lie anywhere in a window, in parts that can be told apart.
fn phases(terms: Terms) -> impl Iterator<Item = Terms> {
    let window = terms.window.low.0.max(1);
    let width = terms.phase.width().0.min(window);
    let phase = Span::new(terms.phase.low, terms.phase.low + Nanos(width));
    phase.parts((width * 4).div_ceil(window).max(1)).map(move |phase| Terms { phase, ..terms })
}

fn charged(family: Family) -> Shape {
    Shape { charges_refused: true, ..family.into() }
}

/// Parts of a span, each so many times as long as it is far.
fn pieces(span: Span, factor: f64) -> Vec<Span> {
    let mut low = span.low.max(Nanos(1));
    let mut pieces = Vec::new();
    while low < span.high {
        let high = low.scale(factor).max(low + Nanos(1)).min(span.high);
        pieces.push(Span::new(low, high));
        low = high;
    }
    pieces
}

fn windows(opening: &Opening, all: &mut Vec<(Shape, Terms)>) {
    let window = opening.recovery(opening.first());
    let limit = opening.count();
    all.push((Family::FixedFirstHit.into(), Terms::new(limit, window)));
    all.push((Family::RollingLog.into(), Terms::new(limit, window)));
}

/// Refused requests that came before the recovery have put it off.
fn charging(opening: &Opening, documented: &[Documented], all: &mut Vec<(Shape, Terms)>) {
    let recovery = opening.recovery(opening.first());
    let round: Vec<Nanos> = round_windows(documented).into_iter().filter(|window| *window <= recovery.high).collect();
    let windows = pieces(Span::new(recovery.high.scale(0.1), recovery.high), 1.5);
    let shortest = Nanos(recovery.low.0 / u64::from(opening.refusals + 2));
    let tokens = pieces(Span::new(shortest, recovery.high), 1.5);
    for limit in limits(opening, documented) {
        for window in &round {
            own_counters(limit, *window, charged(Family::RollingCounterFirstHit), all);
        }
        all.extend(windows.iter().map(|window| (charged(Family::RollingLog), Terms::new(limit, *window))));
        all.extend(tokens.iter().map(|token| (charged(Family::Bucket), Terms::new(limit, *token))));
    }
}

/// Tokens may have run in while the bucket was emptied.
fn buckets(opening: &Opening, all: &mut Vec<(Shape, Terms)>) {
    const MOST_RUN_IN: u32 = 6;
    let recovery = opening.recovery(opening.first());
    for run_in in 0..opening.count().min(MOST_RUN_IN) {
        let each = |length: Nanos| Nanos((length.0 / u64::from(run_in + 1)).max(1));
        let token = Span::new(each(recovery.low), each(recovery.high));
        all.push((Family::Bucket.into(), Terms::new(opening.count() - run_in, token)));
    }
}

fn intervals(opening: &Opening, documented: &[Documented], all: &mut Vec<(Shape, Terms)>) {
    let (limit, window) = (opening.count(), opening.recovery(opening.first()));
    let told = documented.iter().filter_map(|documented| match documented {
        Documented::Rate { allow, .. } => Some((*allow).min(limit)),
        Documented::Concurrent { .. } => None,
    });
    let mut refills: Vec<u32> =
        told.chain([opening.available.min(limit), limit]).filter(|refill| *refill > 0).collect();
    refills.sort_unstable();
    refills.dedup();
    all.extend(
        refills
            .into_iter()
            .map(|refill| (Family::IntervalRefill.into(), Terms { refill, ..Terms::new(limit, window) })),
    );
}

fn documented_windows(documented: &[Documented]) -> impl Iterator<Item = Nanos> {
    documented.iter().filter_map(|documented| match documented {
        Documented::Rate { per, .. } => Some(*per),
        Documented::Concurrent { .. } => None,
    })
}

/// Windows on the clock have round lengths, or the documented one.
fn round_windows(documented: &[Documented]) -> Vec<Nanos> {
    const SECONDS: [u64; 24] = [
        1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 21_600, 43_200,
        86_400,
    ];
    let mut windows: Vec<Nanos> =
        SECONDS.map(Nanos::from_secs).into_iter().chain(documented_windows(documented)).collect();
    windows.sort_unstable();
    windows.dedup();
    windows
}

/// The recovery is a window's begin, or the second one after the drain has seen another: then two windows' worth was
/// admitted, and every limit that fits is open.
fn aligned(opening: &Opening, documented: &[Documented], all: &mut Vec<(Shape, Terms)>) {
    let mut add = |limit: u32, window: Nanos, phase: Span| {
        all.push((Family::FixedAligned.into(), Terms { phase, ..Terms::new(limit, Span::exactly(window)) }));
    };
    let whole = opening.recovery(opening.first());
    let windows = round_windows(documented);
    for window in windows.iter().filter(|window| **window >= whole.low) {
        add(opening.count(), *window, opening.moment());
    }
    for limit in opening.count().div_ceil(2).max(1)..opening.count() {
        let begun = (opening.count() - limit) as usize;
        let phase = Span::new(
            opening.admitted[begun - 1].low.saturating_sub(opening.slack),
            opening.admitted[begun].high.saturating_add(opening.slack),
        );
        let recovery = opening.recovery(phase);
        for window in windows.iter().filter(|window| recovery.holds(**window)) {
            add(limit, *window, phase);
        }
    }
}

/// The recovery is a step of the fading of what the last window held; that window may have ended within the drain. Where
/// parts of requests count for nothing, the first step comes with the window's end, and one more may have come in.
fn counters(opening: &Opening, documented: &[Documented], all: &mut Vec<(Shape, Terms)>) {
    let mut add = |limit: u32, window: Nanos, rounding: Rounding, phase: Span| {
        let terms = Terms { phase, rounding, ..Terms::new(limit, Span::exactly(window)) };
        all.push((Family::RollingCounter.into(), terms));
    };
    let (count, moment) = (opening.count(), opening.moment());
    let drain = Span::new(opening.first().low.saturating_sub(opening.slack), opening.last().high + opening.slack);
    let whole = opening.recovery(opening.first());
    // Where there are too many hypotheses, the first ones are kept.
    let told: Vec<Nanos> = documented_windows(documented).collect();
    let round = round_windows(documented).into_iter().filter(|window| !told.contains(window));
    for window in told.iter().copied().chain(round).filter(|window| *window * 2 >= whole.low) {
        let fades = Nanos(window.0 / u64::from(count.max(1)));
        let faded = Span::new(moment.low.saturating_sub(fades), moment.high.saturating_sub(fades));
        add(count, window, Rounding::Up, faded);
        add(count, window, Rounding::Up, drain);
        if window > whole.high * UNLUCKY && !told.contains(&window) {
            continue;
        }
        add(count, window, Rounding::Down, moment);
        for limit in [count, count.saturating_sub(1).max(1)] {
            add(limit, window, Rounding::Down, drain);
        }
    }
    let windows = round_windows(documented).into_iter();
    let within = windows.filter(|window| *window <= whole.high && *window * 2 >= whole.low);
    within.for_each(|window| own_counters(count, window, Family::RollingCounterFirstHit.into(), all));
}

/// A window that is so many times as long as the recovery, and not documented, would have had to end just then.
const UNLUCKY: u64 = 8;

fn own_counters(limit: u32, window: Nanos, shape: Shape, all: &mut Vec<(Shape, Terms)>) {
    let rounded = |rounding| (shape, Terms { rounding, ..Terms::new(limit, Span::exactly(window)) });
    all.extend([Rounding::Up, Rounding::Down].map(rounded));
}

/// What the penalty hides, only the documents and the recovery bound: the limit's own window is over when it ends.
fn penalties(opening: &Opening, documented: &[Documented], all: &mut Vec<(Shape, Terms)>) {
    /// A window that is a smaller share of the penalty shows nothing of itself.
    const SHORTEST: f64 = 0.05;
    let whole = opening.recovery(opening.first());
    let once = opening.recovery(opening.refused);
    let told: Vec<Nanos> = documented_windows(documented).collect();
    let hidden = |window: &Nanos| *window <= whole.high && *window >= whole.high.scale(SHORTEST);
    let windows = if told.is_empty() { round_windows(documented).into_iter().filter(hidden).collect() } else { told };
    let extended = Span::new(opening.longest_gap.saturating_sub(opening.slack), opening.recovery(opening.silent).high);
    let limits = limits(opening, documented);
    for (kind, penalty) in [(PenaltyKind::Once, once), (PenaltyKind::Extended, extended)] {
        for family in [Family::RollingLog, Family::FixedFirstHit, Family::Bucket] {
            let shape = Shape { penalty: Some(kind), ..family.into() };
            for (limit, window) in limits.iter().flat_map(|limit| windows.iter().map(|window| (*limit, *window))) {
                let window = match family {
                    Family::Bucket => Nanos((window.0 / u64::from(limit.max(1))).max(1)),
                    _ => window,
                };
                all.push((shape, Terms { penalty, ..Terms::new(limit, Span::exactly(window)) }));
            }
        }
    }
}

/// As many as were let in; or as documented, where more were, because quota came back before all was used up.
fn limits(opening: &Opening, documented: &[Documented]) -> Vec<u32> {
    let told = documented.iter().filter_map(|documented| match *documented {
        Documented::Rate { allow, burst, .. } => Some(burst.unwrap_or(allow)),
        Documented::Concurrent { .. } => None,
    });
    let mut limits: Vec<u32> = told.filter(|limit| (1..opening.count()).contains(limit)).collect();
    limits.push(opening.count());
    limits.sort_unstable();
    limits.dedup();
    limits
}

/// Where answers of one volley come one after the other, their distance is a token's time.
fn queues(log: &Log, all: &mut Vec<(Shape, Terms)>) {
    const FEWEST: usize = 3;
    for volley in log.volleys() {
        let mut done: Vec<Nanos> =
            volley.iter().filter(|sighting| sighting.admitted).map(|sighting| sighting.done).collect();
        if done.len() < FEWEST {
            continue;
        }
        done.sort_unstable();
        let ramp = done[done.len() - 1] - done[0];
        let steps = (done.len() - 1) as u64;
        if ramp <= log.usual() * 2 {
            continue;
        }
        let low = Nanos(ramp.saturating_sub(log.usual()).0 / steps);
        let token = Span::new(low.max(Nanos(1)), Nanos((ramp + log.usual()).0 / steps));
        let refused = volley.iter().any(|sighting| !sighting.admitted);
        let limits = if refused { done.len() as u32..=done.len() as u32 + 2 } else { 0..=0 };
        all.extend(
            limits.filter(|limit| *limit > 0).map(|limit| (Family::LeakyQueue.into(), Terms::new(limit, token))),
        );
    }
}

fn concurrency(log: &Log, documented: &[Documented], all: &mut Vec<(Shape, Terms)>) {
    let told = documented.iter().filter_map(|documented| match documented {
        Documented::Concurrent { allow } => Some(*allow),
        Documented::Rate { .. } => None,
    });
    let refusing = log.volleys().filter(|volley| volley.len() > 1 && volley.iter().any(|sighting| !sighting.admitted));
    let seen = refusing.flat_map(|volley| {
        let admitted = volley.iter().filter(|sighting| sighting.admitted).count() as u32;
        [admitted, abreast::surely_together(volley, log.service())]
    });
    let mut limits: Vec<u32> = told.chain(seen).filter(|limit| *limit > 0).collect();
    limits.sort_unstable();
    limits.dedup();
    all.extend(limits.into_iter().map(|limit| (Family::Concurrency.into(), Terms::new(limit, Span::NONE))));
}

/// The documents' own numbers, wherever the opening was too coarse to lead there.
fn as_documented(opening: &Opening, documented: &[Documented], all: &mut Vec<(Shape, Terms)>) {
    let is_queue = all.iter().any(|(shape, _)| shape.family == Family::LeakyQueue);
    for documented in documented {
        let Documented::Rate { allow, per, burst } = *documented else { continue };
        let near = |length: Nanos| Span::new(length.scale(0.95), length.scale(1.05));
        let token = Nanos((per.0 / u64::from(allow.max(1))).max(1));
        let at_once = burst.unwrap_or(allow);
        all.push((Family::FixedFirstHit.into(), Terms::new(allow, near(per))));
        all.push((Family::RollingLog.into(), Terms::new(allow, near(per))));
        all.push((Family::Bucket.into(), Terms::new(at_once, near(token))));
        // What its answers' distance shows is exact, unless some of them were held up.
        all.extend(is_queue.then(|| (Family::LeakyQueue.into(), Terms::new(at_once, Span::exactly(token)))));
        let phase = opening.moment();
        all.push((Family::FixedAligned.into(), Terms { phase, ..Terms::new(allow, Span::exactly(per)) }));
    }
}
