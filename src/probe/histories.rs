//! What a corner remembers of one client. A server decides at any moment of the time that a request takes, so two
//! limiters are kept: for one of them all was decided as early as it can have been, for the other as late. What either of
//! them would still admit or already refuse, nobody can hold against the corner.

use super::corner::{Replay, limiter};
use super::exchange::Sighting;
use super::family::{Family, PenaltyKind, Shape};
use super::hypothesis::{Span, Terms};
use crate::limiter::{Limiter, Standing};
use crate::time::Nanos;

#[derive(Clone)]
pub struct Histories {
    /// All was decided as early as it can have been: the end of a window, a token or the end of a penalty comes no sooner.
    pub early: Box<dyn Replay>,
    /// And no later.
    pub late: Box<dyn Replay>,
    /// How much later it began in the late one, of what goes on from its begin without regard to requests.
    lag: Nanos,
    /// When the last request was counted.
    counted: Option<Moments>,
    /// When the early one takes the last decision to have fallen.
    decided: Nanos,
    mixed: Option<Mixed>,
}

/// A volley of which some were admitted and others refused: in which order, nobody knows.
#[derive(Clone)]
struct Mixed {
    /// When the first of them was sent.
    begin: Nanos,
    /// The late history as it stood before.
    before: Box<dyn Replay>,
    counted: u32,
}

/// How what was expected compares with what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Fits,
    /// It would have admitted what was refused.
    Early,
    /// It would have refused what was admitted.
    Late,
    /// The same, unless the request was on its way for longer than usual: what waits in a queue does not show that.
    Delayed,
    /// Too early by one history, too late by the other.
    Neither,
}

impl Fit {
    /// Of two histories, of which one may be true.
    pub fn or(self, other: Fit) -> Fit {
        match (self, other) {
            (Fit::Fits, _) | (_, Fit::Fits) => Fit::Fits,
            (Fit::Delayed, _) | (_, Fit::Delayed) => Fit::Delayed,
            _ if self == other => self,
            _ => Fit::Neither,
        }
    }
}

/// When the two take a decision to have fallen.
#[derive(Clone, Copy, Debug)]
struct Moments {
    early: Nanos,
    late: Nanos,
}

/// What the two say of a request before its decision.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    /// It is not admitted before this moment.
    not_before: Nanos,
    /// It is refused until then at most.
    refused_until: Nanos,
    /// Whether it cannot have been refused, unless others of its volley came before.
    surely_admitted: bool,
}

impl Histories {
    pub fn new(shape: Shape, terms: &Terms) -> Histories {
        let limiter = limiter(shape, terms);
        Histories {
            early: limiter.clone(),
            late: limiter,
            lag: Nanos::ZERO,
            counted: None,
            decided: Nanos::ZERO,
            mixed: None,
        }
    }

    /// Of one volley, requests that were refused may have come after some that were admitted and before others.
    pub fn begin_volley(&mut self, volley: &[Sighting]) {
        let admitted = volley.iter().filter(|sighting| sighting.admitted).count();
        let begin = volley.iter().map(|sighting| sighting.sent).min().filter(|_| (1..volley.len()).contains(&admitted));
        self.mixed = begin.map(|begin| Mixed { begin, before: self.late.clone(), counted: 0 });
    }

    /// How the decision compares with what is expected, and what that was, if it fits.
    pub fn judge(&mut self, shape: Shape, terms: &Terms, sighting: &Sighting) -> (Fit, Option<Outlook>) {
        let outlook = self.outlook(shape, sighting);
        match sighting.admitted {
            _ if self.is_vague(shape, terms) => (Fit::Fits, None),
            true if outlook.not_before > sighting.latest().max(sighting.done) => (Fit::Late, None),
            true if outlook.not_before > sighting.latest() => (Fit::Delayed, None),
            true => (Fit::Fits, Some(outlook)),
            false if !outlook.surely_admitted => (Fit::Fits, Some(outlook)),
            false if self.refuses_between(sighting.earliest()) => (Fit::Fits, None),
            false => (Fit::Early, None),
        }
    }

    fn outlook(&mut self, shape: Shape, sighting: &Sighting) -> Outlook {
        let (earliest, latest) = (sighting.earliest(), sighting.latest());
        let on_copy = has_ends(shape) && !shape.family.has_phase() || self.is_shuffled(shape);
        let early = ahead(&mut self.early, on_copy, |it| it.peek(earliest, 1));
        let mut not_before = earliest.saturating_add(early.retry_after);
        // What it would wait for may be a penalty that its refusal would begin: there is none while it was not refused.
        if shape.penalty.is_some() && sighting.admitted && self.early.clone().peek(latest, 1).admitted {
            not_before = earliest.saturating_add(self.early.shut_out(earliest)).min(latest);
        }
        let late = ahead(&mut self.late, on_copy, |it| it.peek(earliest, 1));
        let refused_until = earliest.saturating_add(late.retry_after);
        Outlook { not_before, refused_until, surely_admitted: late.admitted }
    }

    /// Whether a refusal of this volley that is remembered may have come before those that were admitted.
    fn is_shuffled(&self, shape: Shape) -> bool {
        self.mixed.is_some() && (shape.charges_refused || shape.penalty.is_some())
    }

    /// Whether it is not even known how many windows have begun.
    fn is_vague(&self, shape: Shape, terms: &Terms) -> bool {
        goes_on(shape) && self.lag >= terms.window.low
    }

    /// Whether one that is refused may have come between others of its volley: at the worst just after all that were counted.
    fn refuses_between(&self, at: Nanos) -> bool {
        self.mixed.as_ref().is_some_and(|mixed| {
            let mut filled = mixed.before.clone();
            filled.count(at, mixed.counted);
            !filled.peek(at, 1).admitted
        })
    }

    pub fn standings(&self, at: Nanos) -> [Standing; 2] {
        [&self.early, &self.late].map(|limiter| limiter.clone().standing(at))
    }

    /// With a decision taken in: where it matters on which side of a window's end it fell, on each.
    pub fn taken(self, shape: Shape, terms: &Terms, sighting: &Sighting, outlook: Option<Outlook>) -> Vec<Histories> {
        let (sent, decided_by) = (sighting.sent, sighting.decided_by);
        let mut moments = match outlook {
            Some(outlook) if sighting.admitted => {
                Moments { early: sent.max(outlook.not_before), late: decided_by.max(outlook.not_before) }
            }
            Some(outlook) => {
                Moments { early: sent, late: decided_by.min(just_before(outlook.refused_until)).max(sent) }
            }
            None => Moments { early: sent, late: decided_by },
        };
        if let Some(mixed) = self.mixed.as_ref().filter(|_| self.is_shuffled(shape)) {
            moments = Moments { early: mixed.begin, late: decided_by };
        }
        let ends = self.ends_within(shape, terms, sighting);
        let begins = std::iter::once(Span::NONE).chain(ends.iter().copied());
        let sides = begins.zip(ends.iter().copied().chain([Span::exactly(Nanos::MAX)]));
        let is_penalty = barred_by(shape, sighting);
        let mut taken: Vec<Histories> = sides
            .map(|(begin, end)| {
                let mut side = self.clone();
                let within = |at: Nanos, begin: Nanos, end: Nanos| at.max(begin).min(just_before(end));
                let early = within(moments.early, begin.low, end.low);
                let late = within(moments.late, begin.high, end.high);
                // Whoever is refused during a penalty of this kind changes nothing.
                if !is_penalty || end.low == Nanos::MAX {
                    side.note(shape, sighting, Moments { early, late });
                }
                side
            })
            .collect();
        // What is asked of one of them is asked of the likeliest.
        let apart = |history: &Histories| history.decided.0.abs_diff(sighting.middle().0);
        taken.sort_by_key(apart);
        taken
    }

    pub fn decided(&self) -> Nanos {
        self.decided
    }

    fn note(&mut self, shape: Shape, sighting: &Sighting, at: Moments) {
        self.decided = at.early;
        if goes_on(shape) && self.early.is_new(at.early) {
            self.lag = at.late.saturating_sub(at.early);
        }
        let counts = sighting.admitted || shape.charges_refused;
        if counts {
            self.counted = Some(at);
            self.mixed.iter_mut().for_each(|mixed| mixed.counted += 1);
        }
        for (limiter, at) in [(&mut self.early, at.early), (&mut self.late, at.late)] {
            if !sighting.admitted {
                limiter.refused(at, 1);
            }
            if counts {
                limiter.count(at, 1);
            }
        }
    }

    /// Moments at which it matters on which side of them the decision fell, each as early and as late as it may be. Of many,
    /// the first and the last ones: nobody can tell which of the windows between them it was.
    fn ends_within(&self, shape: Shape, terms: &Terms, sighting: &Sighting) -> Vec<Span> {
        const FEW: u64 = 2;
        let (earliest, latest) = (sighting.earliest(), sighting.latest());
        let (low, high) = if barred_by(shape, sighting) {
            let end = |limiter: &dyn Replay| earliest.saturating_add(limiter.shut_out(earliest));
            // Those of its volley that were admitted may have come after it, when the penalty was over.
            let before = self.mixed.as_ref().map_or(Nanos::ZERO, |mixed| end(&*mixed.before));
            (end(&*self.early), end(&*self.late).max(before))
        } else if !has_ends(shape) || !sighting.admitted && !shape.charges_refused {
            return Vec::new();
        } else {
            let last = self.counted.unwrap_or(Moments { early: earliest, late: earliest });
            let end = |limiter: &dyn Replay, at: Nanos| at.saturating_add(until_end(limiter, shape, terms, at));
            (end(&*self.early, last.early), end(&*self.late, last.late))
        };
        let window = terms.window.low.max(Nanos(1));
        let follow = !barred_by(shape, sighting) && shape.family != Family::FixedFirstHit;
        let (gone, more) = match follow {
            true => ((earliest + window).saturating_sub(high).0 / window.0, latest.saturating_sub(low).0 / window.0),
            false => (u64::from(high <= earliest), 0),
        };
        let nth = |index: u64| Span::new(low + window * index, high + window * index);
        let last = more.saturating_sub(FEW - 1).max(gone + FEW);
        let few = (gone..gone + FEW).chain(last..last + FEW).filter(|index| *index <= more);
        few.map(nth).filter(|end| end.low <= latest).collect()
    }
}

/// Whether windows follow each other from the first request on.
fn goes_on(shape: Shape) -> bool {
    matches!(shape.family, Family::RollingCounterFirstHit | Family::IntervalRefill)
}

/// Whether it matters on which side of a window's end a decision fell.
fn has_ends(shape: Shape) -> bool {
    goes_on(shape) || shape.family == Family::FixedFirstHit || shape.family.has_phase()
}

/// Looks at a later moment; on a copy where the decision may still turn out to have fallen before it.
fn ahead<T>(limiter: &mut Box<dyn Replay>, on_copy: bool, look: impl FnOnce(&mut dyn Limiter) -> T) -> T {
    if on_copy { look(&mut *limiter.copied()) } else { look(&mut **limiter) }
}

fn just_before(at: Nanos) -> Nanos {
    at.saturating_sub(Nanos(1))
}

/// Whether what matters of a refusal is if it begins a penalty.
fn barred_by(shape: Shape, sighting: &Sighting) -> bool {
    shape.penalty == Some(PenaltyKind::Once) && !sighting.admitted
}

/// From this moment until the end of the window that it lies in; zero where there is none.
fn until_end(limiter: &dyn Replay, shape: Shape, terms: &Terms, at: Nanos) -> Nanos {
    let window = terms.window.low.0.max(1);
    match shape.family {
        Family::FixedAligned | Family::RollingCounter => {
            let phase = terms.phase.low.0 % window;
            Nanos(window - (at.0 % window + window - phase) % window)
        }
        Family::FixedFirstHit => limiter.copied().standing(at).reset,
        Family::RollingCounterFirstHit => limiter.copied().window_rest(at).unwrap_or_default(),
        Family::IntervalRefill => {
            // A full bucket tells no interval's end, and one that lacks much that of a later one.
            let mut used = limiter.copied();
            used.count(at, 1);
            // At the begin of an interval its end is a whole one away.
            let rest = used.standing(at).reset.0 % window;
            Nanos(if rest == 0 { window } else { rest })
        }
        _ => Nanos::ZERO,
    }
}
