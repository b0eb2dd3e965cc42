//! The probe as a state machine: told the time and the answers, it says what to send next.

use std::collections::VecDeque;

use super::belief::{Belief, Share};
use super::candidates::Documented;
use super::choose::{Best, Choice, Purse, best};
use super::exchange::{Answer, Exchange, Log, Volley};
use super::experiment::{Kind, Scene, Step};
use super::family::Family;
use super::scan::Scan;
use crate::time::{Anchor, Nanos};

/// What the driver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Send(Volley),
    Wait(Nanos),
    Done,
}

/// What a probe may spend and what it looks for.
#[derive(Clone, Debug)]
pub struct Brief {
    pub documented: Vec<Documented>,
    /// Most requests in all.
    pub requests: u32,
    /// How long it may take.
    pub within: Nanos,
    /// Whether there is a second client, whose quota is its own.
    pub second: bool,
    /// The clock: windows on it begin at whole multiples of their length.
    pub anchor: Anchor,
}

/// Why a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// No experiment would tell more.
    Settled,
    /// What would tell more costs too many requests or too much time.
    BudgetSpent,
    /// Nothing was refused.
    NeverRefused,
    /// Nothing was admitted again in time.
    NeverRecovered,
    /// The credential is not let in, or no more, or not for nothing.
    Barred,
    /// Refusals ask for ever longer waits: going on might lead to a ban.
    HintsGrow,
    /// Too many requests had no answer that says anything.
    NoAnswers,
    /// Nothing that it knows explains what was seen.
    Unexplained,
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// One after the other, to learn how long an answer takes.
    First,
    /// Until one is refused.
    Drain,
    /// Until one is admitted again.
    Scan,
    /// How many are let in then.
    Second,
    Experiments,
    Over(End),
}

/// One experiment that was made, for the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    pub kind: Kind,
    pub at: Nanos,
}

pub struct Prober {
    brief: Brief,
    stage: Stage,
    log: Log,
    /// The volleys of the log, as they were told.
    told: Vec<Vec<Exchange>>,
    /// How many of them there were whenever an experiment was chosen; the first time, hypotheses had just been made from them.
    chosen: Vec<usize>,
    belief: Belief,
    queue: VecDeque<Step>,
    scan: Option<Scan>,
    spent: u32,
    begun: Option<Nanos>,
    made: Vec<Made>,
    /// The best experiment that the budget did not allow.
    unaffordable: Option<Choice>,
    /// What it waits for, and how late it was at most.
    awaited: Option<Nanos>,
    late: Nanos,
    /// Whether all clients turned out to draw on one quota.
    is_one: bool,
}

/// The first drain takes this share of the requests at most.
const OPENING: f64 = 0.7;
/// So many hypotheses say what an experiment is worth.
const MOST_OPEN: usize = 40;
const USUAL_ABREAST: u32 = 8;
const MOST_ABREAST: u32 = 128;

impl Prober {
    pub fn new(brief: Brief) -> Prober {
        Prober {
            brief,
            stage: Stage::First,
            log: Log::default(),
            told: Vec::new(),
            chosen: Vec::new(),
            belief: Belief::default(),
            queue: VecDeque::new(),
            scan: None,
            spent: 0,
            begun: None,
            made: Vec::new(),
            unaffordable: None,
            awaited: None,
            late: Nanos::ZERO,
            is_one: false,
        }
    }

    /// What to do now. After [`Move::Send`], tell the answers of the whole volley by [`Prober::answered`].
    pub fn next(&mut self, now: Nanos) -> Move {
        let begun = *self.begun.get_or_insert(now);
        if self.queue.is_empty() {
            self.plan(now);
        }
        if matches!(self.stage, Stage::Over(_)) {
            return Move::Done;
        }
        let Some(step) = self.queue.front() else { return Move::Done };
        if step.at > begun.saturating_add(self.brief.within) || self.spent >= self.brief.requests {
            self.end(self.out_of_means());
            return Move::Done;
        }
        if step.at > now {
            self.awaited = Some(step.at);
            return Move::Wait(step.at);
        }
        if let Some(awaited) = self.awaited.take() {
            self.late = self.late.max(now - awaited);
        }
        let count = step.count.min(step.abreast.max(1)).min(self.brief.requests - self.spent);
        Move::Send(Volley { client: step.client, count })
    }

    /// What came back of the volley that was sent last.
    pub fn answered(&mut self, exchanges: &[Exchange]) {
        self.spent += exchanges.len() as u32;
        self.told.push(exchanges.to_vec());
        self.log.add(exchanges);
        if self.stage == Stage::Experiments {
            self.belief.see(self.log.last_volley(), &self.log);
        }
        let refused = exchanges.iter().any(|exchange| matches!(exchange.answer, Answer::Refused));
        if let Some(step) = self.queue.front_mut() {
            step.count = step.count.saturating_sub(exchanges.len() as u32);
            if step.count == 0 || step.until_refused && refused {
                self.queue.pop_front();
            }
        }
        let admitted = exchanges.iter().any(|exchange| exchange.answer == Answer::Admitted);
        self.advance(refused, admitted, exchanges);
    }

    /// How it ended; None while it goes on.
    pub fn ended(&self) -> Option<End> {
        match self.stage {
            Stage::Over(end) => Some(end),
            _ => None,
        }
    }

    pub fn belief(&self) -> &Belief {
        &self.belief
    }

    pub fn anchor(&self) -> Anchor {
        self.brief.anchor
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Whether there is a second client whose quota is its own, as far as is known.
    fn has_second(&self) -> bool {
        self.brief.second && !self.is_one
    }

    /// Whether a second client took part as if its quota were its own.
    pub fn has_two_clients(&self) -> bool {
        self.log.sightings().iter().any(|sighting| sighting.client > 0)
    }

    /// Takes in that all clients draw on one quota, and looks at everything again as if one had sent it.
    pub fn take_for_one(&mut self) {
        self.is_one = true;
        if self.has_two_clients() {
            (self.log, self.belief) = self.as_one();
        }
    }

    /// Whether it takes all clients for one.
    pub fn is_one(&self) -> bool {
        self.is_one
    }

    /// Whether what nothing explains is explained if all clients draw on one quota, which it takes in then.
    fn turns_out_to_be_one(&mut self) -> bool {
        if !self.has_two_clients() {
            return false;
        }
        let (log, belief) = self.as_one();
        let is_explained = explains(&belief);
        if is_explained {
            (self.log, self.belief) = (log, belief);
            self.is_one = true;
        }
        is_explained
    }

    /// What it would have seen and come to believe, had one client sent everything.
    fn as_one(&self) -> (Log, Belief) {
        let (mut log, mut belief) = (Log::default(), Belief::default());
        let mut now = Nanos::ZERO;
        for (count, volley) in (1..).zip(&self.told) {
            let volley: Vec<Exchange> = volley.iter().map(|exchange| Exchange { client: 0, ..*exchange }).collect();
            now = volley.iter().map(|exchange| exchange.done).fold(now, Nanos::max);
            log.add(&volley);
            if self.chosen.first() == Some(&count) {
                belief = Belief::after(&log, &self.brief.documented);
            } else {
                belief.see(log.last_volley(), &log);
            }
            if self.chosen.contains(&count) {
                belief.tighten(now, &log);
            }
        }
        belief.settle(now, &log);
        (log, belief)
    }

    /// An exchange as the limiter sees it: where all clients draw on one quota, they are one.
    pub fn as_seen(&self, exchange: Exchange) -> Exchange {
        if self.is_one { Exchange { client: 0, ..exchange } } else { exchange }
    }

    /// How much later than planned it sent a request at most: what kept it from its work was on its own machine.
    pub fn late(&self) -> Nanos {
        self.late
    }

    pub fn spent(&self) -> u32 {
        self.spent
    }

    pub fn made(&self) -> &[Made] {
        &self.made
    }

    /// Whether all that is open differs in nothing but whether clients share the begin of their windows, which one client
    /// alone cannot show.
    pub fn needs_second_client(&self) -> bool {
        const OPEN: f64 = 0.01;
        let shares = self.belief.shares();
        let open = || shares.iter().filter(|share| share.share > OPEN);
        let goes_on = |share: &Share| {
            share.shape.is_some_and(|shape| shape.family.has_phase() || shape.family == Family::IntervalRefill)
        };
        !self.has_second() && self.ended() == Some(End::Settled) && open().count() > 1 && open().all(goes_on)
    }

    pub fn unaffordable(&self) -> Option<&Choice> {
        self.unaffordable.as_ref()
    }

    /// Goes on to the next stage where the last answers are what this one waits for.
    fn advance(&mut self, refused: bool, admitted: bool, exchanges: &[Exchange]) {
        match self.stage {
            Stage::First | Stage::Drain if refused => {
                self.queue.clear();
                let at = exchanges.iter().map(|exchange| exchange.done).max().unwrap_or_default();
                self.scan = Some(Scan::new(&self.brief, &self.log, at));
                self.stage = Stage::Scan;
            }
            Stage::Drain => self.widen(),
            Stage::Scan if admitted => {
                self.queue.clear();
                let at = exchanges.iter().map(|exchange| exchange.done).max().unwrap_or_default();
                let count = self.log.sightings().len() as u32 + self.abreast();
                self.queue.push_back(Step { at, client: 0, count, abreast: self.abreast(), until_refused: true });
                self.stage = Stage::Second;
            }
            Stage::Second if refused || self.queue.is_empty() => {
                self.belief = Belief::after(&self.log, &self.brief.documented);
                self.stage = Stage::Experiments;
            }
            _ => {}
        }
    }

    /// Where answers take longer the more requests are in flight, fewer than are refused wait in a queue: more of them
    /// fill it.
    fn widen(&mut self) {
        let latencies = || self.log.last_volley().iter().map(|sighting| sighting.latency());
        let (quickest, slowest) = (latencies().min().unwrap_or_default(), latencies().max().unwrap_or_default());
        let queued = slowest > quickest * 2 + Nanos::from_millis(20);
        if let Some(step) = self.queue.front_mut().filter(|_| queued) {
            step.abreast = (step.abreast * 2).min(MOST_ABREAST);
        }
    }

    fn plan(&mut self, now: Nanos) {
        match self.stage {
            Stage::First if self.spent == 0 => {
                self.queue.push_back(Step { at: now, client: 0, count: 2, abreast: 1, until_refused: false });
            }
            Stage::First => {
                let count = (f64::from(self.brief.requests) * OPENING) as u32;
                self.queue.push_back(Step { at: now, client: 0, count, abreast: self.abreast(), until_refused: true });
                self.stage = Stage::Drain;
            }
            Stage::Drain => self.end(End::NeverRefused),
            Stage::Scan => {
                let next = self.scan.as_mut().map(|scan| scan.next(now));
                self.queue.extend(next.map(|at| Step::one(at, 0)));
            }
            Stage::Second | Stage::Over(_) => {}
            Stage::Experiments => self.choose(now),
        }
    }

    fn choose(&mut self, now: Nanos) {
        /// Boxes are cut a few at a time.
        const ROUNDS: usize = 16;
        self.chosen.push(self.told.len());
        for _ in 0..ROUNDS {
            self.belief.tighten(now, &self.log);
            if !explains(&self.belief) && !self.turns_out_to_be_one() {
                return self.end(End::Unexplained);
            }
            let found = self.best(now);
            match (found.affordable, found.any) {
                (Some(choice), _) => {
                    self.made.push(Made { kind: choice.experiment.kind, at: now });
                    self.queue.extend(choice.experiment.steps);
                    return;
                }
                _ if self.belief.is_torn() => {}
                (None, Some(choice)) => {
                    self.unaffordable = Some(choice);
                    return self.end(End::BudgetSpent);
                }
                (None, None) => return self.end(End::Settled),
            }
        }
        self.end(End::BudgetSpent);
    }

    fn best(&self, now: Nanos) -> Best {
        let (open, weights) = self.belief.sample(MOST_OPEN);
        let until = self.begun.unwrap_or_default().saturating_add(self.brief.within);
        let purse = Purse { requests: self.brief.requests.saturating_sub(self.spent), until };
        let made: Vec<Kind> = self.made.iter().map(|made| made.kind).collect();
        let (second, abreast) = (self.has_second(), self.abreast());
        let scene = Scene { now, log: &self.log, open: &open, second, abreast, made: &made };
        best(&scene, &weights, purse, self.log.usual() * 2)
    }

    /// How many go out at the same time: so many that the documented limit is used up in a small part of its window.
    fn abreast(&self) -> u32 {
        const PART: u64 = 20;
        let needed = self.brief.documented.iter().map(|documented| match *documented {
            Documented::Concurrent { allow } => allow.saturating_add(2),
            Documented::Rate { allow, per, burst } => {
                let in_sequence = self.log.usual() * u64::from(burst.unwrap_or(allow)) * PART;
                u32::try_from(in_sequence.0 / per.0.max(1)).unwrap_or(MOST_ABREAST)
            }
        });
        needed.max().unwrap_or_default().clamp(USUAL_ABREAST, MOST_ABREAST)
    }

    fn out_of_means(&self) -> End {
        match self.stage {
            Stage::First | Stage::Drain => End::NeverRefused,
            Stage::Scan | Stage::Second => End::NeverRecovered,
            Stage::Experiments | Stage::Over(_) => End::BudgetSpent,
        }
    }

    /// Nothing more is sent.
    pub fn end(&mut self, end: End) {
        if !matches!(self.stage, Stage::Over(_)) {
            self.stage = Stage::Over(end);
        }
    }
}

/// Whether something that it knows is likelier than something that it does not.
fn explains(belief: &Belief) -> bool {
    belief.shares().first().is_some_and(|share| share.shape.is_some())
}
