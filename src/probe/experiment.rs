//! The catalogue of experiments: what could be sent next, as steps at definite moments.

use super::exchange::Log;
use super::family::{Family, PenaltyKind};
use super::hypothesis::{CLIENTS, Hypothesis, Span};
use super::predict::{Play, settle_at};
use crate::time::Nanos;

/// So many requests from then on, or fewer if one is refused before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Nanos,
    pub client: usize,
    pub count: u32,
    pub abreast: u32,
    pub until_refused: bool,
}

impl Step {
    pub fn one(at: Nanos, client: usize) -> Step {
        Step { at, client, count: 1, abreast: 1, until_refused: false }
    }
}

/// What an experiment is, in words for the plan and the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Poll,
    Burst,
    DrainAndWait,
    Straddle,
    Rephase,
    SecondClient,
    Hammer,
    Abreast,
    Sequence,
}

impl Kind {
    pub fn title(self) -> &'static str {
        match self {
            Kind::Poll => "wait, then send one",
            Kind::Burst => "wait, then send until refused",
            Kind::DrainAndWait => "drain, wait, then send until refused",
            Kind::Straddle => "use half, drain later, then see what comes back first",
            Kind::Rephase => "rest, begin anew with one request, and see what that begins",
            Kind::SecondClient => "drain a second client at another phase",
            Kind::Hammer => "go on sending while refused, then see when it ends",
            Kind::Abreast => "send many at the same time",
            Kind::Sequence => "send many one after the other",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    pub kind: Kind,
    pub steps: Vec<Step>,
}

impl Experiment {
    /// The most requests it sends.
    pub fn requests(&self) -> u32 {
        self.steps.iter().map(|step| step.count).sum()
    }

    pub fn ends(&self) -> Nanos {
        self.steps.last().map_or(Nanos::ZERO, |step| step.at)
    }
}

/// Where the catalogue is made.
pub struct Scene<'a> {
    pub now: Nanos,
    pub log: &'a Log,
    /// Those that are still open, most likely first.
    pub open: &'a [&'a Hypothesis],
    /// Whether there is a second client to send from.
    pub second: bool,
    /// How many go out at the same time in a drain.
    pub abreast: u32,
    /// What was made before: variety finds what one kind of experiment does not.
    pub made: &'a [Kind],
}

/// So many hypotheses say what moments are looked at, and so many of those are.
const ADVISERS: usize = 16;
const MOMENTS: usize = 5;

impl Scene<'_> {
    /// How much is expected of one more experiment of a kind.
    pub fn novelty(&self, kind: Kind) -> f64 {
        const AGAIN: f64 = 0.8;
        AGAIN.powi(self.made.iter().filter(|made| **made == kind).count() as i32)
    }

    /// The experiments that could tell the open hypotheses apart.
    pub fn catalogue(&self) -> Vec<Experiment> {
        let mut all = Vec::new();
        let begin = self.now + self.slack();
        self.recoveries(begin, &mut all);
        let is_fresh = !self.log.sightings().iter().any(|sighting| sighting.client > 0);
        let clients = if self.second && !is_fresh { CLIENTS } else { 1 };
        for client in 0..clients {
            self.after_drain(begin, client, &mut all);
            self.after_rest(client, &mut all);
        }
        if self.second && is_fresh {
            self.fresh(begin, &mut all);
        }
        self.together(begin, &mut all);
        all
    }

    /// How far from a change a request must be to be on one side of it for sure.
    fn slack(&self) -> Nanos {
        self.log.usual() * 2
    }

    fn drain(&self, at: Nanos, client: usize) -> Step {
        let most = self.open.iter().map(|hypothesis| hypothesis.terms.limit).max().unwrap_or(1);
        Step { at, client, count: most + self.abreast.max(2), abreast: self.abreast, until_refused: true }
    }

    fn advisers(&self) -> impl Iterator<Item = &Hypothesis> {
        self.open.iter().take(ADVISERS).copied()
    }

    /// Moments on both sides of each change that hypotheses expect after these steps.
    fn moments(&self, steps: &[Step], client: usize) -> Vec<Nanos> {
        let from = steps.last().map_or(self.now, |step| step.at) + self.slack();
        let mut changes: Vec<Span> = Vec::new();
        for corner in self.advisers().flat_map(|hypothesis| Play::of_corners(hypothesis, self.slack())) {
            changes.extend(corner.changes(steps, client, from));
        }
        changes.sort_unstable_by_key(|span| (span.low, span.high));
        changes.dedup();
        let step = changes.len().div_ceil(MOMENTS).max(1);
        let picked = changes.iter().step_by(step).copied().chain(changes.last().copied());
        let mut moments: Vec<Nanos> =
            picked.flat_map(|span| [span.low.saturating_sub(self.slack()), span.high + self.slack()]).collect();
        // Between two changes nothing is in doubt but which of them comes.
        let between = |pair: &[Span]| Nanos(pair[0].high.0 / 2 + pair[1].low.0 / 2);
        moments.extend(changes.windows(2).step_by(step).map(between));
        moments.retain(|at| *at > from);
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    fn recoveries(&self, begin: Nanos, all: &mut Vec<Experiment>) {
        for at in self.moments(&[], 0) {
            let at = at.max(begin);
            all.push(Experiment { kind: Kind::Poll, steps: vec![Step::one(at, 0)] });
            all.push(Experiment { kind: Kind::Burst, steps: vec![self.drain(at, 0)] });
        }
    }

    fn after_drain(&self, begin: Nanos, client: usize, all: &mut Vec<Experiment>) {
        let drain = self.drain(begin, client);
        let kind = Kind::DrainAndWait;
        for at in self.moments(&[drain], client) {
            all.push(Experiment { kind, steps: vec![drain, Step::one(at, client)] });
            all.push(Experiment { kind, steps: vec![drain, self.drain(at, client)] });
            if client == 0 {
                let mut steps = vec![drain];
                steps.extend(spread(drain.at, at).map(|at| Step::one(at, client)));
                steps.push(Step::one(at, client));
                all.push(Experiment { kind: Kind::Hammer, steps });
            }
        }
        if client == 0 {
            self.refused_shortly_before(drain, all);
        }
    }

    /// A request that is refused shortly before it would be let in, and one shortly after: a penalty that begins anew
    /// refuses it too.
    fn refused_shortly_before(&self, drain: Step, all: &mut Vec<Experiment>) {
        let again = |hypothesis: &&Hypothesis| hypothesis.shape.penalty == Some(PenaltyKind::Extended);
        let Some(penalty) = self.advisers().find(again).map(|hypothesis| hypothesis.terms.penalty.middle()) else {
            return;
        };
        let plain = self.advisers().filter(|hypothesis| hypothesis.shape.penalty.is_none()).take(MOMENTS);
        for corner in plain.flat_map(|hypothesis| Play::of_corners(hypothesis, self.slack())) {
            for change in corner.changes(&[drain], drain.client, drain.at + self.slack()) {
                let back = change.middle();
                let before = back.saturating_sub(Nanos(penalty.0 / 2)).max(drain.at + self.slack());
                let after = Step::one(back + Nanos(penalty.0 / 4), drain.client);
                let steps = vec![drain, Step::one(before, drain.client), after];
                all.push(Experiment { kind: Kind::Hammer, steps });
            }
        }
    }

    /// What a second client's first request begins can be seen only once: in the middle of windows on the
    /// clock.
    fn fresh(&self, begin: Nanos, all: &mut Vec<Experiment>) {
        const SECOND: usize = 1;
        let Some(begin) = self.between_windows(begin) else { return };
        let drain = self.drain(begin, SECOND);
        for at in self.moments(&[drain], SECOND) {
            for seen in [Step::one(at, SECOND), self.drain(at, SECOND)] {
                all.push(Experiment { kind: Kind::SecondClient, steps: vec![drain, seen] });
            }
        }
        // What comes back after the second window has begun comes sooner than a whole window after the drain.
        for window in self.windows() {
            let after = |share: f64| begin + window.scale(share);
            for (drained, seen) in [(1.5, 2.25), (1.7, 2.3)] {
                let steps =
                    vec![Step::one(begin, SECOND), self.drain(after(drained), SECOND), Step::one(after(seen), SECOND)];
                all.push(Experiment { kind: Kind::SecondClient, steps });
            }
        }
    }

    /// A moment far from the begin of every window on the clock, if it is known where they begin.
    fn between_windows(&self, from: Nanos) -> Option<Nanos> {
        const PARTS: u64 = 8;
        let on_the_clock = |hypothesis: &&Hypothesis| hypothesis.window_at(from).is_some();
        let Some(likeliest) = self.advisers().find(on_the_clock) else { return Some(from) };
        let part = Nanos(likeliest.terms.window.middle().0 / PARTS);
        let is_far = |hypothesis: &Hypothesis, at: Nanos| {
            hypothesis.window_at(at).is_none_or(|(share, unsure)| share - unsure > 0.15 && share + unsure < 0.85)
        };
        let mut moments = (0..PARTS).map(|nth| from + part * nth);
        moments.find(|at| self.advisers().all(|hypothesis| is_far(hypothesis, *at)))
    }

    /// Experiments that begin when all quota is there again.
    fn after_rest(&self, client: usize, all: &mut Vec<Experiment>) {
        let rested = self.advisers().map(|hypothesis| settle_at(hypothesis, self.now)).max().unwrap_or(self.now);
        let begin = rested.max(self.now) + self.slack();
        let shuts_out = self.advisers().any(|hypothesis| hypothesis.shape.penalty.is_some());
        for window in self.windows() {
            let after = |share: f64| begin + window.scale(share);
            let least = self.open.iter().map(|hypothesis| hypothesis.terms.limit).min().unwrap_or(2);
            let half = Step { count: (least / 2).max(1), until_refused: false, ..self.drain(begin, client) };
            for (drained, seen) in [(0.5, 1.1), (0.5, 1.3), (0.7, 1.1)] {
                let steps = vec![half, self.drain(after(drained), client), self.drain(after(seen), client)];
                all.push(Experiment { kind: Kind::Straddle, steps });
            }
            // A penalty of a window's length hides the window: all of it must be used up without a refusal.
            if shuts_out && least > half.count {
                let rest = Step { at: after(0.5), count: least - half.count, ..half };
                for seen in [1.1, 1.3] {
                    let steps = vec![half, rest, self.drain(after(seen), client)];
                    all.push(Experiment { kind: Kind::Straddle, steps });
                }
            }
            for (begun, drained, seen) in [(0.4, 0.5, 1.1), (0.4, 0.5, 1.3), (0.7, 0.8, 1.2), (0.7, 0.8, 1.6)] {
                let one = Step::one(after(begun), client);
                let steps = vec![one, self.drain(after(drained), client), self.drain(after(seen), client)];
                all.push(Experiment { kind: Kind::Rephase, steps });
            }
        }
        for at in self.moments(&[self.drain(begin, client)], client) {
            all.push(Experiment {
                kind: Kind::DrainAndWait,
                steps: vec![self.drain(begin, client), self.drain(at, client)],
            });
        }
        let count = self.crowd();
        let together = Step { at: begin, client, count, abreast: count, until_refused: false };
        all.push(Experiment { kind: Kind::Abreast, steps: vec![together] });
        // Just as much as may come, so that nobody is refused, and then one more.
        let most = self.open.iter().map(|hypothesis| hypothesis.terms.limit).max().unwrap_or(1);
        let all_of_it = Step { count: most, abreast: self.abreast, until_refused: true, ..Step::one(begin, client) };
        for at in self.moments(&[all_of_it], client) {
            all.push(Experiment { kind: Kind::Straddle, steps: vec![all_of_it, Step::one(at, client)] });
        }
    }

    /// The window's lengths that are open, a few of them.
    fn windows(&self) -> Vec<Nanos> {
        const FEW: usize = 4;
        let mut windows: Vec<Nanos> = Vec::new();
        for hypothesis in self.advisers().filter(|hypothesis| hypothesis.shape.family != Family::Concurrency) {
            let length = hypothesis.whole_window();
            let known = |other: &Nanos| other.0.abs_diff(length.0) < other.0 / 5;
            if !windows.iter().any(known) && windows.len() < FEW {
                windows.push(length);
            }
        }
        windows
    }

    /// More than any limit lets in at once.
    fn crowd(&self) -> u32 {
        const MOST_ABREAST: u32 = 128;
        let most = self.open.iter().map(|hypothesis| hypothesis.terms.limit).max().unwrap_or(1);
        most.saturating_add(most.clamp(2, 8)).min(MOST_ABREAST)
    }

    fn together(&self, begin: Nanos, all: &mut Vec<Experiment>) {
        let count = self.crowd();
        let most = self.open.iter().map(|hypothesis| hypothesis.terms.limit).max().unwrap_or(1);
        let together = Step { at: begin, client: 0, count, abreast: count, until_refused: false };
        let sequence = Step { count: most * 2 + 1, abreast: 1, ..together };
        let again = Step { at: begin + self.log.longest() + self.slack(), ..together };
        all.push(Experiment { kind: Kind::Abreast, steps: vec![together] });
        all.push(Experiment { kind: Kind::Abreast, steps: vec![together, again] });
        all.push(Experiment { kind: Kind::Sequence, steps: vec![sequence] });
    }
}

/// A few moments on the way.
fn spread(from: Nanos, to: Nanos) -> impl Iterator<Item = Nanos> {
    const STEPS: u64 = 8;
    let way = to.saturating_sub(from);
    (1..STEPS).map(move |step| from + Nanos(way.0 / STEPS * step))
}
